/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One service port in ipvs mode: its virtual and real servers and its set entries. Which
 * endpoints serve it was decided in model/traffic.c.
 */
#include "config.h"

#include "emit/emit_ipvs.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct dest_list {
	struct lvs_dest *v;
	size_t n;
};

bool ipvs_serves(const struct server_maker *sm, const struct frontend *fe)
{
	return fe->kind == FE_NODE_PORT ||
	       (addr_family(&fe->addr) == sm->family && frontend_is_served(fe, sm->conf));
}

/* ---- virtual and real servers */

static uint8_t lvs_forwarding(enum forwarding f)
{
	switch (f) {
	case FWD_DIRECT:
		return LVS_DROUTE;
	case FWD_TUNNEL:
		return LVS_TUNNEL;
	case FWD_MASQUERADE:
		break;
	}
	return LVS_MASQ;
}

/* Two spellings of one address are one real server. Returns how many are left of the
 * sorted ones. */
static size_t drop_same_dests(struct lvs_dest *v, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++)
		if (!left || v[left - 1].port != v[i].port ||
		    !addr_eq(&v[left - 1].addr, &v[i].addr))
			v[left++] = v[i];
	return left;
}

static struct dest_list make_dests(const struct server_maker *sm, const struct service *s,
    const struct endpoint **list, size_t n)
{
	struct dest_list d = {.n = n};

	d.v = arena_array(sm->arena, struct lvs_dest, n);
	for (size_t i = 0; i < n; i++) {
		d.v[i].addr = list[i]->addr;
		d.v[i].port = list[i]->port;
		d.v[i].weight = list[i]->weight_set ? (int32_t)list[i]->weight : 1;
		d.v[i].fwd = lvs_forwarding(s->forwarding);
	}
	lvs_sort_dests(d.v, n);
	d.n = drop_same_dests(d.v, n);
	return d;
}

/* Local policy without a local endpoint falls back to all, where iptables mode drops. */
static struct dest_list policy_dests(const struct server_maker *sm,
    const struct service *s, const struct traffic *t, bool local)
{
	if (local && t->n_local)
		return make_dests(sm, s, t->local, t->n_local);
	return make_dests(sm, s, t->cluster, t->n_cluster);
}

static void add_server(struct server_maker *sm, const struct service *s,
    const struct addr *addr, uint16_t port, const struct dest_list *d)
{
	struct lvs_service v = {.why = s->spn};

	v.key = (struct lvs_key){.addr = *addr,
	    .port = port,
	    .proto = s->proto,
	    .family = (uint8_t)sm->family};
	v.sched = s->scheduler ? s->scheduler : sm->conf->scheduler;
	if (s->affinity) {
		v.flags |= LVS_F_PERSISTENT;
		v.timeout = s->affinity_sec;
	}
	/* Source ports spread too: mh only, and not sh, which has the flag as well. */
	if (sm->conf->dialect.mh_port_flag && strcmp(v.sched, "mh") == 0)
		v.flags |= LVS_F_SCHED2;
	v.mask_bits = (uint8_t)family_info(sm->family)->addr_bits;
	v.dests = d->v;
	v.n_dests = d->n;
	vec_push(&sm->servers->list, v);
}

/* ---- set entries */

static struct kset_entry ip_port(
    const struct service *s, const struct addr *a, uint16_t port)
{
	return (struct kset_entry){.ip = *a, .proto = s->proto, .port = port};
}

static struct kset_entry ip_port_ip(
    const struct service *s, const struct addr *a, uint16_t port)
{
	struct kset_entry e = ip_port(s, a, port);

	e.ip2 = *a;
	return e;
}

/* Every endpoint of this node, in whatever condition. */
static void add_loop_back(
    struct server_maker *sm, const struct service *s, const struct traffic *t)
{
	for (size_t i = 0; i < t->n_every; i++) {
		const struct endpoint *e = t->every[i];

		if (endpoint_is_local(e, sm->conf))
			ipvs_sets_add(
			    &sm->sets, SET_LOOP_BACK, ip_port_ip(s, &e->addr, e->port));
	}
}

/* Keeps the node itself from getting around the source ranges; input of OUTPUT. */
static void add_out_filter(
    struct server_maker *sm, const struct service *s, const struct frontend *fe)
{
	struct fw_ipvs *ipvs = arena_new_of(sm->arena, struct fw_ipvs);
	struct fw_match *m = arena_new_of(sm->arena, struct fw_match);
	struct fw_rule r = {.src = prefix_host(&fe->addr), .why = s->spn};

	*ipvs = (struct fw_ipvs){.proto = s->proto, .port = fe->port, .addr = fe->addr};
	m->kind = FWM_IPVS;
	m->ipvs = ipvs;
	r.matches = m;
	r.n_matches = 1;
	r.target.kind = FWT_DROP;
	vec_push(&sm->out_filter, r);
}

static void add_ranges(
    struct server_maker *sm, const struct service *s, const struct frontend *fe)
{
	struct kset_entry e = ip_port(s, &fe->addr, fe->port);
	bool any = false, node_allowed = false;

	for (size_t i = 0; i < s->n_ranges; i++) {
		const struct prefix *range = &s->ranges[i];

		if (addr_family(&range->addr) != sm->family)
			continue;
		any = true;
		if (addr_is_set(&sm->node_ip) && prefix_contains(range, &sm->node_ip))
			node_allowed = true;
		if (!ipvs_sets_add_range(&sm->sets, e, range))
			notes_add(sm->notes, NOTE_WARNING, s->spn,
			    "an IP set cannot hold the source range /0: in ipvs mode the "
			    "load-balancer address drops every client that no other "
			    "range "
			    "allows");
	}
	if (!any)
		return;
	ipvs_sets_add(&sm->sets, SET_LOAD_BALANCER_FW, e);
	if (node_allowed)
		ipvs_sets_add(&sm->sets, SET_LOAD_BALANCER_SOURCE_IP,
		    ip_port_ip(s, &fe->addr, fe->port));
	else
		add_out_filter(sm, s, fe);
}

static void add_vip_entries(struct server_maker *sm, const struct service *s,
    const struct frontend *fe, bool local)
{
	struct kset_entry e = ip_port(s, &fe->addr, fe->port);

	switch (fe->kind) {
	case FE_CLUSTER:
		ipvs_sets_add(&sm->sets, SET_CLUSTER_IP, e);
		break;
	case FE_EXTERNAL:
		ipvs_sets_add(
		    &sm->sets, local ? SET_EXTERNAL_IP_LOCAL : SET_EXTERNAL_IP, e);
		break;
	case FE_LOAD_BALANCER:
		ipvs_sets_add(&sm->sets, SET_LOAD_BALANCER, e);
		if (local)
			ipvs_sets_add(&sm->sets, SET_LOAD_BALANCER_LOCAL, e);
		add_ranges(sm, s, fe);
		break;
	case FE_NODE_PORT:
		break;
	}
}

static void add_node_port_entries(
    struct server_maker *sm, const struct service *s, uint16_t port, bool local)
{
	const struct kset_entry e = {.port = port};

	switch (s->proto) {
	case IPPROTO_TCP:
		ipvs_sets_add(&sm->sets, SET_NODE_PORT_TCP, e);
		if (local)
			ipvs_sets_add(&sm->sets, SET_NODE_PORT_LOCAL_TCP, e);
		break;
	case IPPROTO_UDP:
		ipvs_sets_add(&sm->sets, SET_NODE_PORT_UDP, e);
		if (local)
			ipvs_sets_add(&sm->sets, SET_NODE_PORT_LOCAL_UDP, e);
		break;
	default: /* SCTP */
		for (size_t i = 0; i < sm->nodes.list.n; i++) {
			const struct kset_entry n =
			    ip_port(s, &sm->nodes.list.v[i], port);

			ipvs_sets_add(&sm->sets, SET_NODE_PORT_SCTP, n);
			if (local)
				ipvs_sets_add(&sm->sets, SET_NODE_PORT_LOCAL_SCTP, n);
		}
		break;
	}
}

void ipvs_add_service(
    struct server_maker *sm, const struct service *s, const struct traffic *t)
{
	const struct dest_list internal = policy_dests(sm, s, t, t->internal_local);
	const struct dest_list external = t->external_local == t->internal_local
					      ? internal
					      : policy_dests(sm, s, t, t->external_local);
	bool has_node_port = false;

	add_loop_back(sm, s, t);
	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];

		if (!ipvs_serves(sm, fe))
			continue;
		if (fe->kind != FE_NODE_PORT) {
			add_vip_entries(sm, s, fe, t->external_local);
			add_server(sm, s, &fe->addr, fe->port,
			    fe->kind == FE_CLUSTER ? &internal : &external);
			continue;
		}
		has_node_port = true;
		if (sm->nodes.list.n)
			add_node_port_entries(sm, s, fe->port, t->external_local);
		for (size_t k = 0; k < sm->nodes.list.n; k++)
			add_server(sm, s, &sm->nodes.list.v[k], fe->port, &external);
	}
	/* Without an address for its node port, kube-proxy does not get as far as this.
	 */
	if (s->type == SVC_LOAD_BALANCER && t->external_local && s->health_port &&
	    (!has_node_port || sm->nodes.list.n)) {
		const struct kset_entry e = {.port = s->health_port};

		ipvs_sets_add(&sm->sets, SET_HEALTH_CHECK_NODE_PORT, e);
	}
}
