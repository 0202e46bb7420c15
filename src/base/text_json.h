/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_TEXT_JSON_H
#define BASE_TEXT_JSON_H

#include "base/strbuf.h"

#include <jansson.h>

/*
 * The bytes as a new JSON string; NULL for s = NULL. Rules of others, and dumps, may hold what
 * is no UTF-8, which JSON cannot: every byte from 0x80 on is "\xNN" then, as four characters.
 */
json_t *text_json(const char *s);
json_t *textn_json(const char *s, size_t n);

/* Prints j with these flags of json_dumps(), and releases it. */
void json_print(struct strbuf *sb, json_t *j, size_t flags);

#endif
