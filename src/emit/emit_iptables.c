/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iptables mode: the tables of one family. The fixed chains come from
 * rules/iptables.rules, the rules of each service port from iptables_service.c; here they
 * are put together.
 */
#include "config.h"

#include "emit/emit_iptables.h"

#include <stdio.h>

#include "emit/emit.h"
#include "emit/skeleton.h"

/* kube-proxy's largeClusterEndpointsThreshold: more than that, and comments go. */
#define LARGE_CLUSTER_ENDPOINTS 1000

static const char tail_comment[] =
    "kubernetes service nodeports; NOTE: this must be the last rule in this chain";

static const struct knob route_localnet = {"net.ipv4.conf.all.route_localnet", "1"};

static const struct {
	enum fw_table_id table;
	const char *name;
} shared_chains[SHARED_CHAIN_COUNT] = {
    [CHAIN_NAT_SERVICES] = {FW_NAT, "KUBE-SERVICES"},
    [CHAIN_NAT_NODE_PORTS] = {FW_NAT, "KUBE-NODEPORTS"},
    [CHAIN_SERVICES] = {FW_FILTER, "KUBE-SERVICES"},
    [CHAIN_EXTERNAL_SERVICES] = {FW_FILTER, "KUBE-EXTERNAL-SERVICES"},
    [CHAIN_NODE_PORTS] = {FW_FILTER, "KUBE-NODEPORTS"},
    [CHAIN_FIREWALL] = {FW_FILTER, "KUBE-PROXY-FIREWALL"},
};

/* Endpoints of the family over all service ports, ready or not; two slices' entries for
 * one address and port stand together and count once. */
static size_t count_endpoints(const struct model *m, enum family f)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = &m->services[i];

		for (size_t k = 0; k < s->n_endpoints; k++) {
			const struct endpoint *e = &s->endpoints[k];

			if (addr_family(&e->addr) != f)
				continue;
			n += k == 0 || e[-1].port != e->port ||
			     !addr_eq(&e[-1].addr, &e->addr);
		}
	}
	return n;
}

static void init_maker(struct rule_maker *rm, const struct model *m, const struct conf *c,
    enum family f, struct arena *a)
{
	rm->conf = c;
	rm->family = f;
	rm->arena = a;
	rm->large = count_endpoints(m, f) > LARGE_CLUSTER_ENDPOINTS;
	rm->node_ip = conf_node_ip(c, f);
	rm->detector = conf_detector(c, f, &rm->pods);
	if (rm->detector && addr_is_set(&rm->pods.addr))
		prefix_normalize(&rm->pods);
	else if (rm->detector)
		rm->pod_interface = c->detect_local == DETECT_BRIDGE
					? c->bridge
					: arena_printf(a, "%s+", c->interface_prefix);
	node_ports_select(c, f, a, &rm->node_ports);
}

static void free_maker(struct rule_maker *rm)
{
	for (int i = 0; i < SHARED_CHAIN_COUNT; i++)
		vec_free(&rm->shared[i].rules);
	vec_free(&rm->scratch.rules);
	vec_free(&rm->chains);
	vec_free(&rm->statistic);
}

static int build_skeleton(
    const struct rule_maker *rm, struct fw_ruleset *rs, struct error *err)
{
	const struct conf *c = rm->conf;
	const struct dialect *d = &c->dialect;
	char mark[16];
	const struct skeleton_word words[] = {
	    {"mark", mark, true},
	    {"loopback", family_info(rm->family)->loopback_net, true},
	    {"tail", tail_comment, true},
	    {"own_kube_firewall", NULL, d->own_kube_firewall},
	    {"localhost_node_ports", NULL, rm->node_ports.localhost},
	    {"any_node_address", NULL, rm->node_ports.all},
	    {"invalid_drop", NULL, !(d->be_liberal_skips_invalid && c->tcp_be_liberal)},
	    {"random_fully", NULL, c->random_fully},
	};

	snprintf(mark, sizeof(mark), "0x%x", conf_masquerade_mark(c));
	return skeleton_build(skeleton_iptables, "iptables.rules", words,
	    sizeof(words) / sizeof(words[0]), rm->family, rm->arena, rs, err);
}

/* The tail with nodePortAddresses: a rule per address instead of the skeleton's one. */
static size_t add_tail(struct rule_maker *rm)
{
	const struct node_ports *np = &rm->node_ports;
	struct fw_match *m;

	if (np->all || np->n_addrs == 0)
		return 0;
	m = arena_new_of(rm->arena, struct fw_match);
	m->kind = FWM_COMMENT;
	m->comment = tail_comment;
	for (size_t i = 0; i < np->n_addrs; i++) {
		struct fw_rule r = {.dst = prefix_host(&np->addrs[i]),
		    .matches = m,
		    .n_matches = 1,
		    .target = {.kind = FWT_JUMP, .chain = "KUBE-NODEPORTS"}};

		vec_push(&rm->shared[CHAIN_NAT_SERVICES].rules, r);
	}
	return np->n_addrs;
}

/* Puts the collected rules before what the skeleton has in the shared chains. */
static void fill_shared_chains(struct rule_maker *rm, struct fw_ruleset *rs)
{
	size_t n_tail = add_tail(rm);

	for (int i = 0; i < SHARED_CHAIN_COUNT; i++) {
		struct fw_chain *c = fw_chain_find(
		    &rs->tables[shared_chains[i].table], shared_chains[i].name);

		c->unordered = true;
		c->n_tail = c->n_rules;
		for (size_t k = 0; k < c->n_rules; k++)
			vec_push(&rm->shared[i].rules, c->rules[k]);
		vec_take(&rm->shared[i].rules, rm->arena, c->rules, c->n_rules);
	}
	/* kube-proxy writes several tail rules in random order, so that only a single one
	 * can be held to its place. */
	if (n_tail == 1)
		fw_chain_find(&rs->tables[FW_NAT], "KUBE-SERVICES")->n_tail = 1;
}

static void add_service_chains(struct rule_maker *rm, struct fw_table *t)
{
	for (size_t i = 0; i < t->n_chains; i++)
		vec_push(&rm->chains, t->chains[i]);
	vec_take(&rm->chains, rm->arena, t->chains, t->n_chains);
}

int emit_iptables(const struct model *m, const struct conf *c, enum family f,
    struct state *s, struct notes *notes, struct error *err)
{
	struct fw_ruleset *rs = &s->fw[f];
	struct rule_maker rm = {0};
	struct traffic t = {0};

	init_maker(&rm, m, c, f, s->arena);
	if (build_skeleton(&rm, rs, err) != 0) {
		free_maker(&rm);
		return -1;
	}
	for (size_t i = 0; i < m->n_services; i++) {
		traffic_select(&m->services[i], c, f, &t);
		if (t.has_family)
			iptables_add_service(&rm, &m->services[i], &t);
	}
	traffic_free(&t);
	fill_shared_chains(&rm, rs);
	add_service_chains(&rm, &rs->tables[FW_NAT]);
	fw_table_sort(FW_NAT, &rs->tables[FW_NAT]);
	fw_table_sort(FW_FILTER, &rs->tables[FW_FILTER]);
	rs->present = true;
	if (!rm.node_ports.all && !rm.node_ports.n_addrs)
		notes_add(notes, NOTE_WARNING, NULL,
		    "nodePortAddresses match no %s address of this node: node ports are "
		    "not "
		    "served",
		    family_info(f)->name);
	if (rm.node_ports.localhost) { /* IPv4 only, so at most once */
		s->knobs.knobs =
		    arena_copy(s->arena, &route_localnet, sizeof(route_localnet));
		s->knobs.n_knobs = 1;
	}
	free_maker(&rm);
	return 0;
}
