/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_TOLERATE_H
#define PLAN_TOLERATE_H

#include "plan/plan.h"

/*
 * Chains that another kube-proxy release, or the same one in a cluster of another size,
 * leaves otherwise than they are wanted, without any difference for a packet: comments
 * left out, counters (nfacct), rules without a target, another rounding of a probability,
 * and chains of services that nothing jumps to, which kube-proxy removes when it has the
 * time. What changes the way of a packet is never tolerated.
 */

/* One table as it is wanted: *ret is *want with those chains of *have for which the plan
 * has an operation that is none for packets. be_liberal: the node takes packets for valid
 * that are out of their window, so the rule against INVALID ones may be there or not.
 * Returns how many chains; 0 leaves *ret as it is, which may be want. What differs is told in notes. Borrows
 * from both. */
size_t tolerate_chains(const struct plan *p, enum family f, enum fw_table_id id,
    const struct fw_table *want, const struct fw_table *have, bool be_liberal,
    struct arena *a, struct fw_table *ret, struct notes *notes);

#endif
