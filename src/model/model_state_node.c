/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a Node object would say of this node, for a run that has none: its pod CIDRs, and
 * which of its addresses is "the node IP". That one was compared with the source ranges
 * of load balancers when the rules were made, and what came of it is in them.
 */
#include "config.h"

#include "model/model_state_parts.h"

/* What is compared: an address, and how often it does not fit. */
struct guess {
	const struct state *state;
	enum family f;
	struct addr node;
	size_t misfits;
};

/* ---- iptables mode */

/* A load balancer's address and the chain with its source ranges, in which the address
 * itself is let in if a range has the node IP. */
static void compare_chain(
    struct guess *g, const struct fw_chain *c, const struct addr *vip)
{
	bool has = false, said = false;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		const struct prefix *src = &r->src;
		enum role role;

		if (r->opaque || r->invert || r->target.kind != FWT_JUMP)
			continue;
		role = chain_role(r->target.chain, NULL);
		if (role == ROLE_NONE || role == ROLE_SEP)
			continue;
		if (addr_eq(&src->addr, vip) && src->bits == family_info(g->f)->addr_bits)
			said = true;
		else
			has |= !addr_is_set(&src->addr) || prefix_contains(src, &g->node);
	}
	g->misfits += has != said;
}

static void compare_chains(struct guess *g)
{
	const struct fw_table *nat = &g->state->fw[g->f].tables[FW_NAT];
	const struct fw_chain *services = fw_chain_find(nat, "KUBE-SERVICES");

	for (size_t i = 0; services && i < services->n_rules; i++) {
		const struct fw_rule *r = &services->rules[i];
		const struct addr *vip = r->opaque ? NULL : rule_host(r);
		const struct fw_chain *c;

		if (!vip || r->target.kind != FWT_JUMP ||
		    chain_role(r->target.chain, NULL) != ROLE_FW)
			continue;
		c = fw_chain_find(nat, r->target.chain);
		if (c)
			compare_chain(g, c, vip);
	}
}

/* ---- ipvs mode */

static bool same_way_in(const struct kset_entry *a, const struct kset_entry *b)
{
	return a->port == b->port && a->proto == b->proto && addr_eq(&a->ip, &b->ip);
}

/* Whether a range of that load balancer has the node IP; ranges are sorted, and *at moves
 * on to the first one of it. */
static bool has_range_with_node(const struct guess *g, const struct kset *ranges,
    const struct kset_entry *lb, size_t *at)
{
	size_t n = ranges ? ranges->n_entries : 0;

	while (*at < n && kset_entry_cmp(&ranges->entries[*at], lb) < 0)
		(*at)++;
	for (size_t i = *at; i < n && same_way_in(&ranges->entries[i], lb); i++) {
		const struct kset_entry *e = &ranges->entries[i];
		struct prefix p = {.addr = e->ip2, .bits = e->bits};

		if (prefix_contains(&p, &g->node))
			return true;
	}
	return false;
}

static void compare_sets(struct guess *g)
{
	const struct kset *lbs = state_set(g->state, g->f, "LOAD-BALANCER-FW");
	const struct kset *ranges =
	    state_set(g->state, g->f, "LOAD-BALANCER-SOURCE-CIDR");
	const struct kset *own = state_set(g->state, g->f, "LOAD-BALANCER-SOURCE-IP");
	size_t at = 0;

	for (size_t i = 0; lbs && i < lbs->n_entries; i++) {
		struct kset_entry e = lbs->entries[i];
		bool has = has_range_with_node(g, ranges, &e, &at);

		e.ip2 = e.ip;
		g->misfits += has != kset_has(own, &e);
	}
}

/* ---- the node */

static size_t count_misfits(
    const struct state_view *v, enum family f, const struct addr *node)
{
	struct guess g = {.state = v->state, .f = f, .node = *node};

	if (v->modes[f] == MODE_BIT(MODE_IPVS))
		compare_sets(&g);
	else if (v->modes[f])
		compare_chains(&g);
	return g.misfits;
}

/* The first one of those that fit best. */
static struct addr find_node_ip(
    const struct conf *c, const struct state_view *v, enum family f)
{
	struct addr best = conf_own_addr(c, f);
	size_t least = addr_is_set(&best) ? count_misfits(v, f, &best) : 0;

	for (size_t i = 0; least && i < c->n_addrs; i++) {
		const struct addr *a = &c->addrs[i].addr;
		size_t n;

		if (addr_family(a) != f || addr_is_loopback(a) || addr_is_link_local(a))
			continue;
		n = count_misfits(v, f, a);
		if (n < least) {
			best = *a;
			least = n;
		}
	}
	return best;
}

static void take_node_ips(struct conf *c, const struct state_view *v)
{
	struct addr *ips = arena_array(c->arena, struct addr, FAMILY_COUNT);
	size_t n = 0;

	family_foreach (f) {
		struct addr a = find_node_ip(c, v, f);

		if (addr_is_set(&a))
			ips[n++] = a;
	}
	c->node_ips = ips;
	c->n_node_ips = n;
}

static void take_pod_cidrs(struct conf *c, const struct state_view *v)
{
	AUTO(conf) struct conf *told = conf_new();

	conf_take_state(told, v);
	c->node_pod_cidrs = arena_copy(c->arena, told->cluster_cidrs,
	    told->n_cluster_cidrs * sizeof(*told->cluster_cidrs));
	c->n_node_pod_cidrs = told->n_cluster_cidrs;
}

void conf_take_node_of_state(struct conf *c, const struct state_view *v)
{
	if (!c->n_node_ips)
		take_node_ips(c, v);
	if (c->detect_local == DETECT_NODE_CIDR && !c->n_node_pod_cidrs)
		take_pod_cidrs(c, v);
}
