/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_WALK_COMPARE_H
#define VERIFY_WALK_COMPARE_H

#include "base/notes.h"
#include "verify/walk_cases.h"

/* Where the ways of one packet end, each end once. */
struct walk_ends {
	struct arena *arena;
	struct walk_path *v; /* sorted; without steps, shares added up */
	size_t n;
};
void walk_ends_take(const struct walk *w, struct walk_ends *ret);
void walk_ends_free(struct walk_ends *e);
/* All certain ways of a new client end at an endpoint. */
bool walk_ends_served(const struct walk_ends *e);
/* "10.0.0.1:80, 10.0.0.2:80 masqueraded", "refused". */
void walk_ends_print(struct strbuf *sb, const struct walk_ends *e);

/*
 * Proves that the services of a model are reached the same way in two states: from each
 * class of client, by each way in, the same endpoints with the same source address. What
 * differs and is no difference that modes_differences() knows of the two modes becomes a
 * note of the check "paths" (NOTE_ACCEPT); what cannot be told, a warning of it. What the
 * old state does not serve at all is left out. Returns how many packets were compared.
 */
size_t walk_compare(const struct model *m, const struct conf *c, unsigned families,
    const struct state *old, const struct state *new, struct notes *ret);

#endif
