/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_CHECK_H
#define VERIFY_CHECK_H

#include "base/notes.h"
#include "base/strbuf.h"
#include "state/state.h"

#include <stdbool.h>

/* The names of findings: what --accept takes, doctor lists, and reports refer to. Notes
 * of preflight_check() and modes_differences() bear one of them. */
struct check {
	const char *name, *what;
	bool difference; /* in behaviour, of single services; else the node's fitness */
	unsigned modes;	 /* towards which it is looked at: MODE_BIT mask */
};
extern const struct check checks[]; /* ends with a NULL name */
/* Accepted service by service only, as CHECK_INCOMPLETE:SERVICE. */
#define CHECK_INCOMPLETE "incomplete"
/* Of commands that write; accepted by this name, and not with all. */
#define CHECK_LOSS "no-services"
/* Found by the commands themselves. */
#define CHECK_MIGRATION "unfinished"

const struct check *check_find(const char *name); /* NULL: there is none */

/* The worst level among the notes of that name; -1: there is none. */
int check_level(const struct notes *n, const char *name);

/* What doctor prints: one line per check and finding; the same for machines, with a
 * schema version (check_json.c). fit: a switch would not be refused. */
void check_print(struct strbuf *sb, const struct notes *n, enum mode to, bool quiet);
void check_print_json(struct strbuf *sb, const struct notes *n, enum mode to, bool fit);

#endif
