/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_WORDS_H
#define STATE_FW_WORDS_H

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A line of save form cut into words; the memory is used again for the next line. */
struct fw_words {
	const char **v;	 /* NUL-terminated, quotes and escapes resolved */
	uint32_t *start; /* where the word begins in the line */
	size_t n, cap;
	char *text;
	size_t text_cap;
};

/* -1: ERR_INPUT, a quote is not closed. */
int fw_words_split(struct fw_words *w, const char *line, size_t len, struct error *err);
void fw_words_free(struct fw_words *w);

/* " word", quoted the way iptables-save does where it is not plain. */
void fw_word_print(struct strbuf *sb, const char *s);
/* A whole word as a number in any base of C; false: it is none. */
bool fw_word_u32(const char *s, uint32_t *ret);

#endif
