/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EMIT_SKELETON_H
#define EMIT_SKELETON_H

#include "state/fw.h"

/*
 * One word that a rules file may use: as a hole, ${name}, which stands for value; as a
 * flag, "?name " or "?!name " before a line, which keeps the line if on is set or not.
 */
struct skeleton_word {
	const char *name;
	const char *value; /* NULL: not a hole */
	bool on;
};

/*
 * Fills the holes of a rules file, drops lines by their flags and adds the tables, chains
 * and rules to *rs. Built-in chains get no policy: a mode does not say one. where: name
 * of the file for messages. -1: ERR_INPUT, a word that is not in the list, or a syntax
 * error.
 */
int skeleton_build(const char *text, const char *where, const struct skeleton_word *words,
    size_t n_words, enum family f, struct arena *a, struct fw_ruleset *rs,
    struct error *err);

/* The text of the two rules files, built into the program. */
extern const char skeleton_iptables[], skeleton_ipvs[];

#endif
