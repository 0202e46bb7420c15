/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_LINES_H
#define STATE_LINES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_WORDS_MAX 48

/* A dump read line by line, each cut into words at blanks. Start with {.where, .err}. */
struct lines {
	const char *where; /* file name for messages */
	struct error *err;
	const char *text, *end; /* what is left */
	size_t line;
	char *words[LINE_WORDS_MAX]; /* valid until the next line; NULL ends them */
	size_t n;
	bool cut; /* the line has more words */
	char *copy;
	size_t copy_cap;
};

void lines_begin(
    struct lines *l, const char *text, size_t len, const char *where, struct error *err);
/* The next line with a word in it that is no comment or prompt. 1; 0: the end; -1:
 * ERR_INPUT. */
int lines_next(struct lines *l);
void lines_end(struct lines *l);
/* Makes the line another text. 1; -1: ERR_INPUT. */
int lines_replace(struct lines *l, const char *text, size_t len);
/* Sets the error with file and line. Always -1. */
int lines_fail(struct lines *l, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* How many blanks a line begins with; also with the marks of quoted text, "> > ". */
size_t blank_indent(const char *s, size_t len);
size_t quoted_indent(const char *s, size_t len);
/* A whole word as a decimal number up to max. */
bool word_number(const char *s, uint32_t max, uint32_t *ret);

#endif
