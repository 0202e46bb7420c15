/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_DRAIN_H
#define PLAN_DRAIN_H

#include "plan/plan.h"
#include "state/ledger.h"

/*
 * Real servers that leave, as kube-proxy lets them: one of TCP that still has connections
 * stays with weight 0, so that it gets no new ones, until it has none or its deadline in
 * the ledger is over. Others (UDP, SCTP, without connections) go at once.
 */

/* What is wanted of the virtual servers as long as these connections last: *ret is *want
 * with the real servers of *have that may stay. Borrows from both. */
void drain_servers(const struct lvs_table *want, const struct lvs_table *have,
    const struct ledger *l, uint64_t now, struct arena *a, struct lvs_table *ret);

/* How many real servers of drained are not in want. */
size_t drain_count(const struct lvs_table *want, const struct lvs_table *drained);

/* How many connections the virtual servers of now carry that end when the plan removes
 * what it removes. Those of UDP do not count: what comes next goes another way. */
size_t drain_carried(const struct plan *p, const struct lvs_table *now);

/* The ledger after a run that left `drained` in the kernel. Those that began to leave in
 * it get the deadline. Of virtual servers of families that were not looked at, old has
 * the say. */
void drain_ledger(const struct lvs_table *want, const struct lvs_table *drained,
    unsigned families, const struct ledger *old, uint64_t deadline, struct arena *a,
    struct ledger *ret);

#endif
