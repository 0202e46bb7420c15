/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Growing text, optionally draining into a stream. */
#include "config.h"

#include "base/strbuf.h"
#include "base/arena.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DRAIN_AT (64u << 10)

static void reserve(struct strbuf *sb, size_t more)
{
	size_t cap;

	if (sb->out && sb->len > DRAIN_AT)
		strbuf_flush(sb);
	if (sb->cap - sb->len > more)
		return;
	cap = sb->cap ? sb->cap * 2 : 256;
	if (cap < sb->len + more + 1)
		cap = sb->len + more + 1;
	sb->s = xrealloc(sb->s, cap);
	sb->cap = cap;
}

void strbuf_addn(struct strbuf *sb, const char *s, size_t n)
{
	reserve(sb, n);
	memcpy(sb->s + sb->len, s, n);
	sb->len += n;
	sb->s[sb->len] = '\0';
}

void strbuf_add(struct strbuf *sb, const char *s)
{
	strbuf_addn(sb, s, strlen(s));
}

void strbuf_addch(struct strbuf *sb, char c)
{
	strbuf_addn(sb, &c, 1);
}

void strbuf_addu(struct strbuf *sb, unsigned long long v)
{
	char tmp[24], *p = tmp + sizeof(tmp);

	do {
		*--p = (char)('0' + v % 10);
	} while (v /= 10);
	strbuf_addn(sb, p, (size_t)(tmp + sizeof(tmp) - p));
}

void strbuf_addf(struct strbuf *sb, const char *fmt, ...)
{
	va_list ap;
	int n;

	reserve(sb, 128);
	va_start(ap, fmt);
	n = vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, ap);
	va_end(ap);
	if ((size_t)n >= sb->cap - sb->len) {
		reserve(sb, (size_t)n);
		va_start(ap, fmt);
		vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, ap);
		va_end(ap);
	}
	sb->len += (size_t)n;
}

const char *strbuf_str(const struct strbuf *sb)
{
	return sb->s ? sb->s : "";
}

void strbuf_reset(struct strbuf *sb)
{
	sb->len = 0;
	if (sb->s)
		sb->s[0] = '\0';
}

int strbuf_flush(struct strbuf *sb)
{
	size_t n = sb->len, done;

	if (!sb->out)
		return 0;
	done = fwrite(strbuf_str(sb), 1, n, sb->out);
	strbuf_reset(sb);
	return done == n ? 0 : -1;
}

void strbuf_free(struct strbuf *sb)
{
	free(sb->s);
	*sb = (struct strbuf){.out = sb->out};
}
