/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Words of iptables-save lines: split with the quoting rules of iptables-restore, and
 * printed with those of iptables-save. Knows no option. */
#include "config.h"

#include "state/fw_words.h"
#include "base/arena.h"

#include <stdlib.h>
#include <string.h>

static void add_word(struct fw_words *w, const char *word, size_t start)
{
	if (w->n == w->cap) {
		w->cap = w->cap ? w->cap * 2 : 64;
		w->v = xrealloc(w->v, w->cap * sizeof(*w->v));
		w->start = xrealloc(w->start, w->cap * sizeof(*w->start));
	}
	w->v[w->n] = word;
	w->start[w->n++] = (uint32_t)start;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

int fw_words_split(struct fw_words *w, const char *line, size_t len, struct error *err)
{
	const char *p = line, *end = line + len;
	char *out;

	if (w->text_cap < len + 1) {
		w->text_cap = len + 256;
		w->text = xrealloc(w->text, w->text_cap);
	}
	out = w->text;
	w->n = 0;
	for (;;) {
		bool quoted = false;

		while (p < end && is_blank(*p))
			p++;
		if (p == end)
			return 0;
		add_word(w, out, (size_t)(p - line));
		for (; p < end && (quoted || !is_blank(*p)); p++) {
			if (*p == '"') {
				quoted = !quoted;
				continue;
			}
			if (quoted && *p == '\\' && p + 1 < end)
				p++;
			*out++ = *p;
		}
		/* A word is followed by a blank or the end, so there is room. */
		*out++ = '\0';
		if (quoted)
			return error_set(err, ERR_INPUT, 0, "a quote is not closed");
	}
}

void fw_words_free(struct fw_words *w)
{
	free(w->v);
	free(w->start);
	free(w->text);
	*w = (struct fw_words){0};
}

void fw_word_print(struct strbuf *sb, const char *s)
{
	static const char plain[] = "_-0123456789abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

	strbuf_addch(sb, ' ');
	if (*s && !s[strspn(s, plain)]) {
		strbuf_add(sb, s);
		return;
	}
	strbuf_addch(sb, '"');
	for (;;) {
		size_t n = strcspn(s, "\"\\'");

		strbuf_addn(sb, s, n);
		s += n;
		if (!*s)
			break;
		strbuf_addch(sb, '\\');
		strbuf_addch(sb, *s++);
	}
	strbuf_addch(sb, '"');
}

bool fw_word_u32(const char *s, uint32_t *ret)
{
	unsigned long v;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	v = strtoul(s, &end, 0);
	if (*end || v > UINT32_MAX)
		return false;
	*ret = (uint32_t)v;
	return true;
}
