/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_OWN_H
#define STATE_OWN_H

#include "state/state.h"

/*
 * Whose an object is, by the exact names that kube-proxy and kubelet use. A bit mask: a
 * shared chain such as nat KUBE-POSTROUTING belongs to both modes.
 */
#define OWN_FOREIGN 0u
#define OWN_IPTABLES MODE_BIT(MODE_IPTABLES)
#define OWN_IPVS MODE_BIT(MODE_IPVS)
#define OWN_BOTH (OWN_IPTABLES | OWN_IPVS)
#define OWN_KUBELET 4u /* alone or with a mode: never deleted by us */

/* Built-in chains are foreign; their rules are asked for one by one with own_jump(). */
unsigned own_chain(enum fw_table_id table, const char *name);
/* Of a service port or an endpoint: KUBE-SVC-, KUBE-SEP-, ... and a hash. */
bool own_service_chain(enum fw_table_id table, const char *name);
/* A rule in a built-in chain: exactly one of the jumps of the two modes (any release that
 * own.c lists), or the helper rule of a migration. */
unsigned own_jump(enum fw_table_id table, const char *chain, const struct fw_rule *r);
/* A rule in one of our chains: the chain's owners; in a chain that both modes have, the
 * mode that the rule serves, or both. */
unsigned own_rule(enum fw_table_id table, const char *chain, const struct fw_rule *r);
unsigned own_set(const char *name);
unsigned own_link(const char *name);

/*
 * Whether a virtual server of a read state belongs to ipvs mode: its address is on
 * kube-ipvs0, or its port is in a KUBE-NODE-PORT set and its address is on another
 * interface of the node. fwmark servers never.
 */
bool own_virtual_server(const struct state *have, const struct lvs_service *s);

/* Modes (MODE_BIT mask) of which a state holds more of this family than unused leftovers: a
 * chain, a rule in a shared chain, a virtual server, an address. A canary or an IP set alone
 * is none. */
unsigned own_modes_present(const struct state *s, enum family f);
/* The mode that new connections to services take, as a mask of one; 0: neither. */
unsigned own_modes_carrying(const struct state *s, enum family f);

/* Whether that mode leads to any endpoint. */
bool own_serves(const struct state *s, enum family f);

#endif
