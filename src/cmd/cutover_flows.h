/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CUTOVER_FLOWS_H
#define CMD_CUTOVER_FLOWS_H

#include "cmd/cutover.h"
#include "kernel/vip_source.h"

/*
 * UDP flows whose endpoint has gone would be kept alive for ever by their own packets; so
 * would those that IPVS translated, once its servers (those of this state) are gone: past
 * every rule. Counts them in c; a failure is a warning.
 */
void cutover_settle_flows(struct cutover *c, const struct state *ipvs, bool servers_gone);

/*
 * Connections of the node itself that begin after the nat rules of iptables mode are in
 * force outlive the virtual addresses, and must not come from them: calls one of
 * vip_source.h's functions for the virtual addresses of `have` that do not stay. A failure
 * is a warning.
 */
typedef int (*source_fn)(
    const struct vip_table *t, unsigned families, struct error *err);
void cutover_choose_source(struct cutover *c, const struct state *have,
    const struct state *stay, source_fn fn);

#endif
