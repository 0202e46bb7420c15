/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdio.h>

/*
 * Growing text. With out set, the text is passed on to that stream whenever it exceeds
 * 64 KiB, so that a printer of large states needs no more memory than that; call
 * strbuf_flush() at the end. Initialise with {0} or {.out = stdout}.
 */
struct strbuf {
	char *s; /* NUL-terminated once anything was added, else NULL */
	size_t len, cap;
	FILE *out;
};

void strbuf_addch(struct strbuf *sb, char c);
void strbuf_add(struct strbuf *sb, const char *s);
void strbuf_addn(struct strbuf *sb, const char *s, size_t n);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void strbuf_addu(struct strbuf *sb, unsigned long long v); /* decimal, without printf */
const char *strbuf_str(const struct strbuf *sb);	   /* never NULL */
void strbuf_reset(struct strbuf *sb);
int strbuf_flush(struct strbuf *sb); /* -1 with errno when the stream failed */
void strbuf_free(struct strbuf *sb);

#endif
