/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CUTOVER_FLOWS_H
#define CMD_CUTOVER_FLOWS_H

#include "cmd/cutover.h"

/*
 * UDP flows whose endpoint has gone would be kept alive for ever by their own packets; so
 * would those that IPVS translated, once its servers (those of this state) are gone: past
 * every rule. Counts them in c; a failure is a warning.
 */
void cutover_settle_flows(struct cutover *c, const struct state *ipvs, bool servers_gone);
/* Before the UDP servers of this state go: leads the flows that IPVS translates to the rules,
 * which carry new ones already, so that no packet comes to a server that has gone. */
void cutover_release_flows(struct cutover *c, const struct state *ipvs);

/*
 * While iptables mode carries them, connections of the node itself may outlive the virtual
 * addresses that are there, and must not come from them: new ones come from an address of
 * the node. Called before such addresses are made, when they are there, and before the
 * switch to iptables mode, forward or back. A failure is a warning.
 */
void cutover_source_node(struct cutover *c, bool back);
/* In ipvs mode they come from the virtual address, by the kernel's own routes. */
int cutover_source_virtual(struct cutover *c, struct error *err);
/* The addresses are gone: so are the routes. */
int cutover_source_forget(struct cutover *c, struct error *err);
/* Connections of the node itself that came from these addresses and have not ended in time are
 * ended, which their programs hear of at once. */
void cutover_end_orphans(struct cutover *c);

#endif
