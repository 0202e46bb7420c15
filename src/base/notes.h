/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_NOTES_H
#define BASE_NOTES_H

#include "base/vec.h"

/* What a step has to tell the user without failing: collected here, printed by cmd/. */
enum note_level {
	NOTE_INFO,
	NOTE_WARNING, /* accepted or ignored, but worth knowing */
	NOTE_ACCEPT,  /* a finding that stops the command unless its name is accepted */
	NOTE_REFUSE,  /* a finding that stops the command */
};

struct note {
	enum note_level level;
	const char *name; /* of a preflight finding, static: "local-policy"; else NULL */
	char
	    *about; /* the object: "default/web:http", "config.yaml: ipvs.foo"; or NULL */
	char *text;
};

struct notes {
	VEC(struct note) list;
};

/* n may be NULL: then nothing is kept. about may be NULL. */
void notes_add(struct notes *n, enum note_level level, const char *about, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
/* The same for a finding that people refer to by its name, which must be static. */
void notes_add_named(struct notes *n, enum note_level level, const char *name,
    const char *about, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
size_t notes_count(const struct notes *n, enum note_level level);
/* Appends what another list has, which is empty then. */
void notes_move(struct notes *n, struct notes *from);
/* Puts "WHERE: " before what the notes after the first `keep` are about. */
void notes_place(struct notes *n, size_t keep, const char *where);
/* Takes back what was added after the first `keep`. */
void notes_trim(struct notes *n, size_t keep);
void notes_clear(struct notes *n);

#endif
