/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_FLUSH_H
#define PLAN_FLUSH_H

#include "plan/plan.h"

/*
 * The plan that takes the objects of one mode away. What both modes share goes with them
 * unless the other mode is there too; then it stays without the rules that only the flushed
 * mode needs. What a rule of others still uses stays, with a note. Sysctls stay.
 *
 * scope->modes is the mode to flush. *want is the state that is left, as far as it is ours:
 * for verification. Plan and want borrow from have.
 */
int flush_plan(const struct state *have, const struct scope *scope, struct state **want,
    struct plan **ret, struct error *err);

#endif
