/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes a wanted state of one that was read: takes our objects out of it, and gives the
 * jumps in built-in chains their places between the rules that others have there now.
 */
#include "config.h"

#include "plan/restore.h"
#include "plan/diff.h"

#include <string.h>

static bool ours(unsigned owners)
{
	return owners & OWN_BOTH;
}

/* ---- built-in chains */

typedef VEC(struct fw_rule) rule_vec;

struct place {
	enum fw_table_id table;
	const struct scope *scope;
	const struct fw_chain *saved, *have;
	rule_vec now; /* the chain that is to be */
};

static bool rule_is_ours(const struct place *p, const struct fw_rule *r)
{
	return ours(own_jump(p->table, p->have->name, r));
}

static bool may_remove(const struct place *p, const struct fw_rule *r)
{
	return scope_may_remove(p->scope, own_jump(p->table, p->have->name, r));
}

static const struct fw_rule *find_rule(
    const struct fw_rule *rules, size_t n, const struct fw_rule *r)
{
	for (size_t i = 0; i < n; i++)
		if (fw_rule_eq(&rules[i], r))
			return &rules[i];
	return NULL;
}

/* Whether our rules are there, and in the same order to each other and to those of others
 * that were there then. */
static bool is_as_saved(const struct place *p)
{
	const struct fw_chain *s = p->saved, *h = p->have;
	size_t i = 0, k = 0;

	for (;;) {
		while (i < s->n_rules && !rule_is_ours(p, &s->rules[i]) &&
		       !find_rule(h->rules, h->n_rules, &s->rules[i]))
			i++;
		while (k < h->n_rules && !may_remove(p, &h->rules[k]) &&
		       !find_rule(s->rules, s->n_rules, &h->rules[k]))
			k++;
		if (i == s->n_rules || k == h->n_rules)
			return i == s->n_rules && k == h->n_rules;
		if (!fw_rule_eq(&s->rules[i++], &h->rules[k++]))
			return false;
	}
}

/* Below the nearest rule that stood above the i-th and is there, else at the top. */
static size_t place_of(const struct place *p, size_t i)
{
	while (i-- > 0) {
		const struct fw_rule *r =
		    find_rule(p->now.v, p->now.n, &p->saved->rules[i]);

		if (r)
			return (size_t)(r - p->now.v) + 1;
	}
	return 0;
}

static void insert(struct place *p, size_t at, const struct fw_rule *rule)
{
	const struct fw_rule *old = find_rule(p->have->rules, p->have->n_rules, rule);
	struct fw_rule r = *rule;

	r.packets = old ? old->packets : 0;
	r.bytes = old ? old->bytes : 0;
	vec_push(&p->now, r);
	memmove(&p->now.v[at + 1], &p->now.v[at], (p->now.n - 1 - at) * sizeof(r));
	p->now.v[at] = r;
}

static void rebuild(struct place *p)
{
	for (size_t i = 0; i < p->have->n_rules; i++)
		if (!may_remove(p, &p->have->rules[i]))
			vec_push(&p->now, p->have->rules[i]);
	for (size_t i = 0; i < p->saved->n_rules; i++) {
		const struct fw_rule *r = &p->saved->rules[i];

		if (!rule_is_ours(p, r) ||
		    (!may_remove(p, r) && find_rule(p->now.v, p->now.n, r)))
			continue;
		insert(p, place_of(p, i), r);
	}
}

static struct fw_chain place_jumps(enum fw_table_id t, const struct scope *scope,
    const struct fw_chain *saved, const struct fw_chain *have, struct arena *a)
{
	const struct fw_chain empty = {
	    .name = saved->name, .builtin = true, .policy = FW_POLICY_ACCEPT};
	struct place p = {
	    .table = t, .scope = scope, .saved = saved, .have = have ? have : &empty};
	struct fw_chain c = *p.have;

	c.whole = true;
	if (is_as_saved(&p))
		return c;
	rebuild(&p);
	vec_take(&p.now, a, c.rules, c.n_rules);
	return c;
}

/* ---- everything else */

static void take_table(enum fw_table_id t, const struct scope *scope,
    const struct fw_table *saved, const struct fw_table *have, struct fw_table *to,
    struct arena *a)
{
	to->present = saved->present;
	to->chains = arena_array(a, struct fw_chain, saved->n_chains);
	for (size_t i = 0; i < saved->n_chains; i++) {
		const struct fw_chain *c = &saved->chains[i];

		if (c->builtin)
			to->chains[to->n_chains++] =
			    place_jumps(t, scope, c, fw_chain_find(have, c->name), a);
		else if (ours(own_chain(t, c->name)))
			to->chains[to->n_chains++] = *c;
	}
}

static void take_sets(const struct kset_list *saved, struct state *to)
{
	to->sets.present = saved->present;
	to->sets.sets = arena_array(to->arena, struct kset, saved->n_sets);
	for (size_t i = 0; i < saved->n_sets; i++)
		if (ours(own_set(saved->sets[i].name)) &&
		    saved->sets[i].type != KSET_OTHER)
			to->sets.sets[to->sets.n_sets++] = saved->sets[i];
}

static void take_servers(const struct state *saved, struct state *to)
{
	const struct lvs_table *from = &saved->lvs;

	to->lvs.present = from->present;
	to->lvs.services = arena_array(to->arena, struct lvs_service, from->n_services);
	for (size_t i = 0; i < from->n_services; i++)
		if (own_virtual_server(saved, &from->services[i]))
			to->lvs.services[to->lvs.n_services++] = from->services[i];
	if (!to->lvs.n_services)
		return;
	to->lvs.tcp_timeout = from->tcp_timeout;
	to->lvs.tcpfin_timeout = from->tcpfin_timeout;
	to->lvs.udp_timeout = from->udp_timeout;
}

static void take_vips(const struct vip_table *saved, struct state *to)
{
	struct vip_table *v = &to->vips;

	v->present = saved->present;
	v->links = arena_array(to->arena, struct vip_link, saved->n_links);
	v->addrs = arena_array(to->arena, struct vip_addr, saved->n_addrs);
	for (size_t i = 0; i < saved->n_links; i++)
		if (ours(own_link(saved->links[i].name)))
			v->links[v->n_links++] = saved->links[i];
	for (size_t i = 0; i < saved->n_addrs; i++)
		if (vip_is_service_addr(&saved->addrs[i]))
			v->addrs[v->n_addrs++] = saved->addrs[i];
}

/* IPVS has its sysctls once it is loaded, which is no reason to load it. */
static void take_knobs(const struct knob_table *saved, struct state *to)
{
	static const char vs[] = "net.ipv4.vs.";

	to->knobs.present = saved->present;
	to->knobs.knobs = arena_array(to->arena, struct knob, saved->n_knobs);
	for (size_t i = 0; i < saved->n_knobs; i++)
		if (to->lvs.n_services ||
		    strncmp(saved->knobs[i].name, vs, strlen(vs)) != 0)
			to->knobs.knobs[to->knobs.n_knobs++] = saved->knobs[i];
}

static struct state *our_part(
    const struct state *saved, const struct state *have, const struct scope *scope)
{
	struct state *s = state_new();

	family_foreach (f) {
		s->fw[f].present = saved->fw[f].present;
		if (!scope_has_family(scope, f) || !saved->fw[f].present)
			continue;
		for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
			take_table(t, scope, &saved->fw[f].tables[t],
			    &have->fw[f].tables[t], &s->fw[f].tables[t], s->arena);
	}
	take_sets(&saved->sets, s);
	take_servers(saved, s);
	take_vips(&saved->vips, s);
	take_knobs(&saved->knobs, s);
	return s;
}

int restore_plan(const struct state *saved, const struct state *have,
    const struct scope *scope, struct state **want, struct plan **ret, struct error *err)
{
	struct state *s = our_part(saved, have, scope);

	if (plan_make(s, have, scope, ret, err)) {
		state_free(s);
		return -1;
	}
	*want = s;
	return 0;
}

void restore_order(struct plan *p, enum mode to, enum phase undone)
{
	/* Towards ipvs filter goes first, towards iptables nat. */
	if (undone == PHASE_SWITCH)
		plan_order_tables(p, PHASE_SWITCH, to == MODE_IPVS);
	/* Virtual addresses need the helper rules from their first moment to their last. */
	if (undone == PHASE_REMOVE)
		plan_order_tables(p, PHASE_BUILD, false);
	if (undone == PHASE_BUILD)
		plan_order_tables(p, PHASE_REMOVE, false);
}
