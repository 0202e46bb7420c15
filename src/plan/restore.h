/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_RESTORE_H
#define PLAN_RESTORE_H

#include "plan/plan.h"

/*
 * The plan that brings our objects of both modes back to a saved state. Jumps in built-in
 * chains go to their place among those rules of others that are still there. Whatever is
 * not ours is only looked at, on both sides. scope->modes must be MODE_BOTH.
 *
 * *want is what the kernel holds then, as far as it is ours: for verification. It and the
 * plan borrow from saved and have.
 */
int restore_plan(const struct state *saved, const struct state *have,
    const struct scope *scope, struct state **want, struct plan **ret, struct error *err);

/* Brings it into the order that undoes one phase of a migration to mode `to`. */
void restore_order(struct plan *p, enum mode to, enum phase undone);

#endif
