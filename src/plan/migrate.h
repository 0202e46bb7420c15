/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_MIGRATE_H
#define PLAN_MIGRATE_H

#include "plan/plan.h"

/*
 * The phased plan from the mode that the node is in to mode `to`, from any starting state
 * (clean, with leftovers, half-migrated). want is the emitted state of `to`.
 *
 * A migration is a row of states: each phase has the state that must hold when it ends,
 * and its operations are the difference to the phase before. So each phase can be verified
 * against its own state, and going back is the same row read backwards.
 */
struct migration {
	struct arena *arena;
	enum mode to;
	const struct state *have, *want;
	struct state *after[PHASE_COUNT]; /* the state that holds after each phase */
	struct plan *plan;		  /* all phases, in order */
};

int migrate_plan(enum mode to, const struct state *want, const struct state *have,
    const struct scope *scope, struct migration **ret, struct error *err);
void migration_free(struct migration *m);
DEFINE_AUTO(migration, struct migration *, migration_free)

#endif
