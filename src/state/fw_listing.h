/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_LISTING_H
#define STATE_FW_LISTING_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>

/* The output of iptables -S, table by table made into what iptables-save prints. Start
 * with {.at, .end}. */
struct fw_listing {
	const char *at, *end; /* what is left */
	size_t line;	      /* before at */
	unsigned seen;	      /* tables, by enum fw_table_id */
};

/* Whether all of it are whole tables: only these tell which ones they are. */
bool fw_listing_has(const char *text, size_t len);
/* The next table, its "*NAME" as line *first, the one above its first line. false: there
 * is none any more. */
bool fw_listing_next(struct fw_listing *l, struct strbuf *table, size_t *first);

#endif
