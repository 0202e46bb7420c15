/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EMIT_EMIT_IPVS_H
#define EMIT_EMIT_IPVS_H

#include "emit/ipvs_sets.h"
#include "model/traffic.h"
#include "state/state.h"

/*
 * Between the two halves of the ipvs backend: emit_ipvs.c knows what exists once,
 * ipvs_service.c what one service port adds.
 */

struct addr_list {
	VEC(struct addr) list;
};

/* What both families add to. */
struct servers {
	VEC(struct lvs_service) list;
};

/* One family under construction. */
struct server_maker {
	const struct conf *conf;
	enum family family;
	struct arena *arena;
	struct notes *notes;
	struct servers *servers;
	struct ipvs_sets sets;
	struct addr_list bound; /* wanted on kube-ipvs0; sorted, unique */
	struct addr_list nodes; /* what node ports are bound to; sorted, unique */
	struct addr node_ip;
	VEC(struct fw_rule) out_filter;
};

/* Whether a way in counts in this family; node ports do in each. */
bool ipvs_serves(const struct server_maker *sm, const struct frontend *fe);

/* Adds the servers and set entries of one service port; t: its endpoints in this family.
 */
void ipvs_add_service(
    struct server_maker *sm, const struct service *s, const struct traffic *t);

#endif
