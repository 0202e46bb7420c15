/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines and words of the small dumps: ipset, ipvsadm, ip, sysctl. What a line means is
 * the callers'. */
#include "config.h"

#include "state/lines.h"
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lines_begin(
    struct lines *l, const char *text, size_t len, const char *where, struct error *err)
{
	*l = (struct lines){.where = where, .err = err, .text = text, .end = text + len};
}

void lines_end(struct lines *l)
{
	free(l->copy);
	l->copy = NULL;
}

static int split(struct lines *l, const char *s, size_t len)
{
	char *p;

	if (memchr(s, '\0', len))
		return lines_fail(l, "this is not text");
	if (l->copy_cap < len + 1) {
		l->copy_cap = len + 256;
		l->copy = xrealloc(l->copy, l->copy_cap);
	}
	memcpy(l->copy, s, len);
	l->copy[len] = '\0';
	l->n = 0;
	l->cut = false;
	for (p = l->copy + strspn(l->copy, " \t\r"); *p; p += strspn(p, " \t\r")) {
		/* The tail of a long line, such as ip's flags, is of no use to anyone. */
		l->cut = l->n == LINE_WORDS_MAX - 1;
		if (l->cut)
			break;
		l->words[l->n++] = p;
		p += strcspn(p, " \t\r");
		if (*p)
			*p++ = '\0';
	}
	l->words[l->n] = NULL;
	return 0;
}

int lines_replace(struct lines *l, const char *text, size_t len)
{
	return split(l, text, len) ? -1 : 1;
}

/* "$ ipvsadm -Ln", "root@node:~# ...", "[root@node ~]# ...": what somebody typed. */
static bool is_prompt(const struct lines *l)
{
	const char *s = l->words[0];
	char last = s[strlen(s) - 1];

	if (*s == '[' && last != ']' && last != '$' && last != '#' && l->n > 1) {
		s = l->words[1];
		last = s[strlen(s) - 1];
	}
	return last == '$' || last == '#';
}

int lines_next(struct lines *l)
{
	while (l->text < l->end) {
		const char *s = l->text;
		const char *nl = memchr(s, '\n', (size_t)(l->end - s));
		size_t len = (size_t)((nl ? nl : l->end) - s);

		l->line++;
		l->text = nl ? nl + 1 : l->end;
		if (split(l, s, len))
			return -1;
		if (l->n && l->words[0][0] != '#' && !is_prompt(l))
			return 1;
	}
	return 0;
}

int lines_fail(struct lines *l, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	return error_set(l->err, ERR_INPUT, 0, "%s:%zu: %s", l->where, l->line, msg);
}

static size_t span(const char *s, size_t len, const char *chars)
{
	size_t n = 0;

	while (n < len && s[n] && strchr(chars, s[n]))
		n++;
	return n;
}

size_t blank_indent(const char *s, size_t len)
{
	return span(s, len, " \t");
}

size_t quoted_indent(const char *s, size_t len)
{
	return span(s, len, " \t>");
}

bool word_number(const char *s, uint32_t max, uint32_t *ret)
{
	uint64_t v = 0;

	if (!s || !*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		v = v * 10 + (unsigned)(*s - '0');
		if (v > max)
			return false;
	}
	*ret = (uint32_t)v;
	return true;
}
