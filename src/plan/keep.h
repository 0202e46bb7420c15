/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_KEEP_H
#define PLAN_KEEP_H

#include "plan/plan.h"

/* What a migration found, what it made, and what is there now. */
struct keep {
	enum mode mode;		    /* the one that it led to */
	const struct state *before; /* what it found */
	const struct state *want;   /* what it made of that mode */
	const struct state *have;
	const struct scope *scope;
};

/*
 * What that mode consists of now, as it is to stay when the other one is removed. Its
 * kube-proxy may be at work since the switch: what it has added, changed and taken away stays
 * so. What was there before the migration and is not wanted is left over, and no part of it.
 * Jumps in built-in chains and sysctls are as they were wanted. The result, which is the
 * caller's, borrows from all three states.
 */
struct state *keep_mode(const struct keep *k);

#endif
