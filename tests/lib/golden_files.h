/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_GOLDEN_FILES_H
#define TESTS_GOLDEN_FILES_H

/* For tests of state/: every file of a name below testdata/golden, and texts compared
 * where the order of lines does not count. Include cmocka.h first. */

#include "base/strbuf.h"
#include "base/vec.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void golden_load(const char *path, struct strbuf *ret)
{
	FILE *f = fopen(path, "r");
	char buf[4096];
	size_t n;

	if (!f)
		fail_msg("cannot open %s", path);
	strbuf_reset(ret);
	strbuf_add(ret, "");
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_addn(ret, buf, n);
	fclose(f);
}

static inline unsigned golden_each_in(const char *folder, const char *name,
    void (*check)(const char *path, const struct strbuf *text))
{
	DIR *dir = opendir(folder);
	struct strbuf path = {0}, text = {0};
	const struct dirent *e;
	unsigned n = 0;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		strbuf_reset(&path);
		strbuf_addf(&path, "%s/%s", folder, e->d_name);
		if (!strcmp(e->d_name, name)) {
			golden_load(path.s, &text);
			check(path.s, &text);
			n++;
		} else if (!strchr(e->d_name, '.') || strstr(e->d_name, "-1.")) {
			n += golden_each_in(path.s, name, check);
		}
	}
	if (dir)
		closedir(dir);
	strbuf_free(&path);
	strbuf_free(&text);
	return n;
}

/* Calls check for every such file; there must be at least `least` of them. */
static inline void golden_each(const char *name, unsigned least,
    void (*check)(const char *path, const struct strbuf *text))
{
	unsigned n = golden_each_in(TESTDATA "/golden", name, check);

	if (n < least)
		fail_msg("%u files %s, at least %u expected", n, name, least);
}

static inline int golden_line_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines of a text, sorted. Free with free(). */
static inline char *golden_sorted(const char *text)
{
	char *copy = xstrdup(text), *save = NULL;
	VEC(char *) lines = {0};
	struct strbuf out = {0};

	for (char *l = strtok_r(copy, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		vec_push(&lines, l);
	if (lines.n)
		qsort(lines.v, lines.n, sizeof(*lines.v), golden_line_cmp);
	strbuf_add(&out, "");
	for (size_t i = 0; i < lines.n; i++)
		strbuf_addf(&out, "%s\n", lines.v[i]);
	vec_free(&lines);
	free(copy);
	return out.s;
}

static inline void golden_same_lines(
    const char *path, const char *expected, const char *got)
{
	char *a = golden_sorted(expected), *b = golden_sorted(got);

	if (strcmp(a, b))
		fail_msg("%s: expected\n%s\ngot\n%s", path, a, b);
	free(a);
	free(b);
}

#endif
