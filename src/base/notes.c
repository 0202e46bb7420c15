/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A list of remarks for the user. */
#include "config.h"

#include "base/notes.h"

#include <stdarg.h>
#include <stdio.h>

static void __attribute__((format(printf, 5, 0)))
add(struct notes *n, enum note_level level, const char *name, const char *about,
    const char *fmt, va_list ap)
{
	struct note note = {.level = level, .name = name};
	char text[1024];

	if (!n)
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	note.text = xstrdup(text);
	note.about = about ? xstrdup(about) : NULL;
	vec_push(&n->list, note);
}

void notes_add(
    struct notes *n, enum note_level level, const char *about, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(n, level, NULL, about, fmt, ap);
	va_end(ap);
}

void notes_add_named(struct notes *n, enum note_level level, const char *name,
    const char *about, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(n, level, name, about, fmt, ap);
	va_end(ap);
}

size_t notes_count(const struct notes *n, enum note_level level)
{
	size_t count = 0;

	for (size_t i = 0; i < n->list.n; i++)
		count += n->list.v[i].level == level;
	return count;
}

void notes_move(struct notes *n, struct notes *from)
{
	for (size_t i = 0; i < from->list.n; i++)
		vec_push(&n->list, from->list.v[i]);
	vec_free(&from->list);
}

void notes_place(struct notes *n, size_t keep, const char *where)
{
	for (size_t i = keep; i < n->list.n; i++) {
		struct note *note = &n->list.v[i];
		char about[1024];

		snprintf(about, sizeof(about), "%s%s%s", where, note->about ? ": " : "",
		    note->about ? note->about : "");
		free(note->about);
		note->about = xstrdup(about);
	}
}

void notes_trim(struct notes *n, size_t keep)
{
	while (n->list.n > keep) {
		struct note *last = &n->list.v[--n->list.n];

		free(last->about);
		free(last->text);
	}
}

void notes_clear(struct notes *n)
{
	notes_trim(n, 0);
	vec_free(&n->list);
}
