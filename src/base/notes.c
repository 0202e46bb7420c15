/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of remarks for the user. */
#include "config.h"

#include "base/notes.h"

#include <stdarg.h>
#include <stdio.h>

void notes_add(struct notes *n, enum note_level level, const char *about, const char *fmt,
    ...)
{
	struct note note = {.level = level};
	char text[1024];
	va_list ap;

	if (!n)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	note.text = xstrdup(text);
	note.about = about ? xstrdup(about) : NULL;
	vec_push(&n->list, note);
}

size_t notes_count(const struct notes *n, enum note_level level)
{
	size_t count = 0;

	for (size_t i = 0; i < n->list.n; i++)
		count += n->list.v[i].level == level;
	return count;
}

void notes_clear(struct notes *n)
{
	for (size_t i = 0; i < n->list.n; i++) {
		free(n->list.v[i].about);
		free(n->list.v[i].text);
	}
	vec_free(&n->list);
}
