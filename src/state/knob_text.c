/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sysctls as sysctl -a prints them and sysctl -p loads them. */
#include "config.h"

#include "state/knob.h"
#include "base/vec.h"
#include "state/lines.h"

#include <string.h>

void knob_print(struct strbuf *sb, const struct knob *k)
{
	/* One that the kernel does not have cannot be set either. */
	if (k->value)
		strbuf_addf(sb, "%s = %s\n", k->name, k->value);
}

void knob_print_table(struct strbuf *sb, const struct knob_table *t)
{
	for (size_t i = 0; i < t->n_knobs; i++)
		knob_print(sb, &t->knobs[i]);
}

/* The words from w on with single blanks: tabs separate the numbers of some knobs. */
static const char *join(struct arena *a, char *const *w)
{
	struct strbuf sb = {0};
	const char *s;

	for (; *w; w++) {
		if (sb.len)
			strbuf_addch(&sb, ' ');
		strbuf_add(&sb, *w);
	}
	s = arena_strdup(a, strbuf_str(&sb));
	strbuf_free(&sb);
	return s;
}

/* "net/ipv4/ip_forward" is the same knob. */
static const char *knob_name(struct arena *a, const char *s)
{
	char *name = arena_strdup(a, s);

	if (name[strcspn(name, "./")] == '/')
		for (char *p = name; *p; p++)
			*p = *p == '/' ? '.' : *p == '.' ? '/' : *p;
	return name;
}

/* "name = value", "name=value"; "-" before the name: its failure is no error. */
static int parse_line(struct lines *l, struct arena *a, struct knob *ret)
{
	const char *s = join(a, l->words);
	const char *eq = strchr(s, '=');
	size_t n;

	if (!eq)
		return lines_fail(l, "a line reads \"NAME = VALUE\"");
	if (*s == '-')
		s++;
	n = (size_t)(eq - s);
	while (n && s[n - 1] == ' ')
		n--;
	s = arena_strndup(a, s, n);
	/* Nor is what the next reader would take for a comment. */
	if (!n || strchr("-;#", *s) || strchr(s, ' '))
		return lines_fail(l, "\"%s\" is not the name of a sysctl", s);
	ret->name = knob_name(a, s);
	ret->value = eq + 1 + strspn(eq + 1, " ");
	if (!*ret->value)
		return lines_fail(l, "%s has no value", ret->name);
	return 0;
}

int knob_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct knob_table *ret, struct error *err)
{
	struct knob_table t = {.present = true};
	VEC(struct knob) knobs = {0};
	struct lines l;
	struct knob k;
	size_t n = 0;
	int c;

	lines_begin(&l, text, len, where, err);
	while ((c = lines_next(&l)) > 0) {
		if (l.words[0][0] == ';')
			continue;
		c = parse_line(&l, a, &k);
		if (c)
			break;
		vec_push(&knobs, k);
	}
	lines_end(&l);
	if (c) {
		vec_free(&knobs);
		return -1;
	}
	vec_take(&knobs, a, t.knobs, t.n_knobs);
	knob_sort(&t);
	for (size_t i = 1; i < t.n_knobs && !n; i++)
		if (!strcmp(t.knobs[i - 1].name, t.knobs[i].name))
			n = i;
	if (n)
		return error_set(
		    err, ERR_INPUT, 0, "%s: %s is there twice", where, t.knobs[n].name);
	*ret = t;
	return 0;
}
