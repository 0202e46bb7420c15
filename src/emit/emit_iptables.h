/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EMIT_EMIT_IPTABLES_H
#define EMIT_EMIT_IPTABLES_H

#include "base/vec.h"
#include "model/traffic.h"
#include "state/fw.h"

/*
 * Between the two halves of the iptables backend: emit_iptables.c knows the chains that
 * are always there, iptables_service.c what one service port adds.
 */

/* Fixed chains to which service ports add rules, in no order that would matter. */
enum shared_chain {
	CHAIN_NAT_SERVICES,
	CHAIN_NAT_NODE_PORTS,
	CHAIN_SERVICES, /* filter from here on */
	CHAIN_EXTERNAL_SERVICES,
	CHAIN_NODE_PORTS,
	CHAIN_FIREWALL,
};
#define SHARED_CHAIN_COUNT 6

struct rule_list {
	VEC(struct fw_rule) rules;
};

/* The rules of one family under construction. */
struct rule_maker {
	const struct conf *conf;
	enum family family;
	struct arena *arena;
	struct notes *notes;
	bool large; /* large-cluster mode: no comments where they cost most */
	/* How pods of this node are told apart; pods is unset with an interface. */
	bool detector;
	struct prefix pods;
	const char *pod_interface; /* NULL with pods */
	struct addr node_ip;
	struct node_ports node_ports;

	struct rule_list shared[SHARED_CHAIN_COUNT];
	VEC(struct fw_chain) chains; /* of services, nat */
	struct rule_list scratch;    /* the chain being written */
	/* Per number of endpoints left: the kernel's probability, and a match array. */
	VEC(const struct fw_match *) statistic;
};

/* Adds what one service port needs; t: its endpoints in this family. */
void iptables_add_service(
    struct rule_maker *rm, const struct service *s, const struct traffic *t);

#endif
