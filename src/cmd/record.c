/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which form of the change record a file gets, and what both forms agree on. */
#include "config.h"

#include "cmd/record.h"

#include <string.h>

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && !strcmp(s + n - k, end);
}

bool record_path_ok(const char *path)
{
	return ends_in(path, ".html") || ends_in(path, ".json");
}

bool record_same(const struct record_way *w)
{
	size_t i = 0;

	while (w->before[i] && w->after[i] && !strcmp(w->before[i], w->after[i]))
		i++;
	return !w->before[i] && !w->after[i];
}

void record_print(struct strbuf *sb, const struct record *r, const char *path)
{
	if (ends_in(path, ".json"))
		record_print_json(sb, r);
	else
		record_print_html(sb, r);
}
