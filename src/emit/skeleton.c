/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The static part of a mode: a rules file with its holes filled and its conditional lines
 * decided, handed to the parser that also reads dumps. What repeats per service is left
 * to the backends.
 */
#include "config.h"

#include "emit/skeleton.h"

#include <string.h>

const char skeleton_iptables[] =
#include "iptables.rules.inc"
    ;

const char skeleton_ipvs[] =
#include "ipvs.rules.inc"
    ;

struct filler {
	const char *where;
	unsigned line;
	const struct skeleton_word *words;
	size_t n_words;
	struct strbuf out;
};

static const struct skeleton_word *find_word(
    const struct filler *f, const char *name, size_t len, struct error *err)
{
	for (size_t i = 0; i < f->n_words; i++) {
		const struct skeleton_word *w = &f->words[i];

		if (strlen(w->name) == len && memcmp(w->name, name, len) == 0)
			return w;
	}
	error_set(err, ERR_INPUT, 0, "%s:%u: \"%.*s\" is not known", f->where, f->line,
	    (int)len, name);
	return NULL;
}

/* Skips the flags at *s; 1: keep the line, 0: drop it, -1: error. */
static int take_flags(
    const struct filler *f, const char **s, const char *end, struct error *err)
{
	int keep = 1;

	while (*s < end && **s == '?') {
		const char *name = *s + 1, *blank;
		const struct skeleton_word *w;
		bool want = true;

		if (name < end && *name == '!') {
			want = false;
			name++;
		}
		blank = memchr(name, ' ', (size_t)(end - name));
		if (!blank)
			return error_set(err, ERR_INPUT, 0,
			    "%s:%u: a flag without a line after it", f->where, f->line);
		w = find_word(f, name, (size_t)(blank - name), err);
		if (!w)
			return -1;
		if (w->on != want)
			keep = 0;
		*s = blank + 1;
	}
	return keep;
}

static int fill_holes(struct filler *f, const char *s, const char *end, struct error *err)
{
	while (s < end) {
		const char *dollar = memchr(s, '$', (size_t)(end - s));
		const struct skeleton_word *w;
		const char *brace;

		if (!dollar || end - dollar < 3 || dollar[1] != '{') {
			strbuf_addn(&f->out, s, (size_t)(end - s));
			return 0;
		}
		strbuf_addn(&f->out, s, (size_t)(dollar - s));
		s = dollar + 2;
		brace = memchr(s, '}', (size_t)(end - s));
		if (!brace)
			return error_set(err, ERR_INPUT, 0, "%s:%u: \"${\" without \"}\"",
			    f->where, f->line);
		w = find_word(f, s, (size_t)(brace - s), err);
		if (!w)
			return -1;
		if (!w->value)
			return error_set(err, ERR_INPUT, 0, "%s:%u: \"%s\" has no value",
			    f->where, f->line, w->name);
		strbuf_add(&f->out, w->value);
		s = brace + 1;
	}
	return 0;
}

/* Comments and dropped lines leave an empty one, so that line numbers stay true. */
static int fill(struct filler *f, const char *text, struct error *err)
{
	while (*text) {
		const char *end = strchrnul(text, '\n');
		int keep;

		f->line++;
		keep = *text == '#' ? 0 : take_flags(f, &text, end, err);
		if (keep < 0 || (keep && fill_holes(f, text, end, err) != 0))
			return -1;
		strbuf_addch(&f->out, '\n');
		text = *end ? end + 1 : end;
	}
	return 0;
}

int skeleton_build(const char *text, const char *where, const struct skeleton_word *words,
    size_t n_words, enum family f, struct arena *a, struct fw_ruleset *rs,
    struct error *err)
{
	struct filler fl = {.where = where, .words = words, .n_words = n_words};
	int ret = fill(&fl, text, err);

	if (ret == 0)
		ret = fw_parse(strbuf_str(&fl.out), fl.out.len, where, f, a, rs, err);
	strbuf_free(&fl.out);
	if (ret != 0)
		return -1;
	for (int t = 0; t < FW_TABLE_COUNT; t++) {
		for (size_t i = 0; i < rs->tables[t].n_chains; i++)
			rs->tables[t].chains[i].policy = FW_POLICY_NONE;
	}
	return 0;
}
