/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three states, object by object: what was wanted, and what has become of it since. */
#include "config.h"

#include "plan/keep.h"

#include "plan/diff.h"

#include <string.h>

/* ---- chains */

/* One table. */
struct chains {
	const struct keep *k;
	enum fw_table_id table;
	const struct fw_table *before, *want, *have;
	bool *stays; /* by index in have */
};

static bool is_ours(const struct chains *t, const struct fw_chain *c)
{
	return !c->builtin && own_chain(t->table, c->name) & MODE_BIT(t->k->mode);
}

/* Whether it can be told by its name, or by who was there first. */
static bool stays_by_itself(const struct chains *t, const struct fw_chain *c)
{
	const struct fw_chain *before = fw_chain_find(t->before, c->name);

	return is_ours(t, c) &&
	       (fw_chain_find(t->want, c->name) || !before || !fw_chain_eq(before, c));
}

/* A chain that was left over may be in use again. */
static bool add_targets(struct chains *t, const struct fw_chain *c)
{
	bool any = false;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_target *target = &c->rules[i].target;
		const struct fw_chain *to = target->kind == FWT_JUMP && target->chain
						? fw_chain_find(t->have, target->chain)
						: NULL;
		bool *stays = to ? &t->stays[to - t->have->chains] : NULL;

		if (stays && !*stays && is_ours(t, to))
			any = *stays = true;
	}
	return any;
}

static void decide(struct chains *t)
{
	bool more = true;

	for (size_t i = 0; i < t->have->n_chains; i++)
		t->stays[i] = stays_by_itself(t, &t->have->chains[i]);
	while (more) {
		more = false;
		for (size_t i = 0; i < t->have->n_chains; i++)
			if (t->stays[i])
				more |= add_targets(t, &t->have->chains[i]);
	}
}

/* Of a chain that both modes have only the rules of this one. */
static struct fw_chain part_of(
    const struct chains *t, const struct fw_chain *c, struct arena *a)
{
	struct fw_chain part = *c;

	part.n_rules = 0;
	part.rules = arena_array(a, struct fw_rule, c->n_rules);
	for (size_t i = 0; i < c->n_rules; i++)
		if (own_rule(t->table, c->name, &c->rules[i]) & MODE_BIT(t->k->mode))
			part.rules[part.n_rules++] = c->rules[i];
	return part;
}

/* That one of a service is gone means that the service is; any other must be there. */
static bool is_missing(const struct chains *t, const struct fw_chain *want)
{
	return want->builtin || (!fw_chain_find(t->have, want->name) &&
				    !own_service_chain(t->table, want->name));
}

static void keep_chains(struct chains *t, struct arena *a, struct fw_table *to)
{
	t->stays = xcalloc(t->have->n_chains + 1, sizeof(*t->stays));
	decide(t);
	to->present = t->want->present;
	to->chains =
	    arena_array(a, struct fw_chain, t->have->n_chains + t->want->n_chains);
	for (size_t i = 0; i < t->have->n_chains; i++)
		if (t->stays[i])
			to->chains[to->n_chains++] = part_of(t, &t->have->chains[i], a);
	for (size_t i = 0; i < t->want->n_chains; i++)
		if (is_missing(t, &t->want->chains[i]))
			to->chains[to->n_chains++] = t->want->chains[i];
	fw_table_sort(t->table, to);
	free(t->stays);
}

static void keep_rules(const struct keep *k, enum family f, struct state *to)
{
	to->fw[f] = k->want->fw[f];
	if (!scope_has_family(k->scope, f) || !k->want->fw[f].present ||
	    !k->have->fw[f].present)
		return;
	for (enum fw_table_id id = 0; id < FW_TABLE_COUNT; id++) {
		struct chains t = {
		    .k = k,
		    .table = id,
		    .before = &k->before->fw[f].tables[id],
		    .want = &k->want->fw[f].tables[id],
		    .have = &k->have->fw[f].tables[id],
		};

		to->fw[f].tables[id] = (struct fw_table){0};
		keep_chains(&t, to->arena, &to->fw[f].tables[id]);
	}
}

/* ---- what ipvs mode has besides */

static void keep_dests(const struct lvs_service *want, const struct lvs_service *before,
    struct arena *a, struct lvs_service *s)
{
	struct lvs_dest *dests = arena_array(a, struct lvs_dest, s->n_dests);
	size_t n = 0;

	for (size_t i = 0; i < s->n_dests; i++)
		if ((want && lvs_find_dest(want, &s->dests[i])) || !before ||
		    !lvs_find_dest(before, &s->dests[i]))
			dests[n++] = s->dests[i];
	s->dests = dests;
	s->n_dests = n;
}

static void keep_servers(const struct keep *k, struct state *to)
{
	const struct lvs_table *have = &k->have->lvs;
	struct lvs_table *t = &to->lvs;

	*t = k->want->lvs;
	if (!have->present)
		return;
	t->services = arena_array(to->arena, struct lvs_service, have->n_services);
	t->n_services = 0;
	for (size_t i = 0; i < have->n_services; i++) {
		struct lvs_service s = have->services[i];
		const struct lvs_service *want = lvs_find(&k->want->lvs, &s.key);
		const struct lvs_service *before = lvs_find(&k->before->lvs, &s.key);

		if (!want && (before || !own_virtual_server(k->have, &s)))
			continue;
		keep_dests(want, before, to->arena, &s);
		t->services[t->n_services++] = s;
	}
}

static void keep_addresses(const struct keep *k, struct state *to)
{
	const struct vip_table *have = &k->have->vips;
	struct vip_table *t = &to->vips;

	*t = k->want->vips;
	if (!have->present)
		return;
	t->addrs = arena_array(to->arena, struct vip_addr, have->n_addrs);
	t->n_addrs = 0;
	for (size_t i = 0; i < have->n_addrs; i++) {
		const struct vip_addr *v = &have->addrs[i];
		const struct addr *a = &v->prefix.addr;

		if (vip_is_service_addr(v) &&
		    (vip_find_addr_on(&k->want->vips, VIP_LINK, a) ||
			!vip_find_addr_on(&k->before->vips, VIP_LINK, a)))
			t->addrs[t->n_addrs++] = *v;
	}
}

static struct kset keep_entries(
    const struct keep *k, const struct kset *have, struct arena *a)
{
	const struct kset *want = kset_find(&k->want->sets, have->name);
	const struct kset *before = kset_find(&k->before->sets, have->name);
	struct kset s = *(want ? want : have);

	s.entries = arena_array(a, struct kset_entry, have->n_entries);
	s.n_entries = 0;
	for (size_t i = 0; i < have->n_entries; i++)
		if (kset_has(want, &have->entries[i]) ||
		    !kset_has(before, &have->entries[i]))
			s.entries[s.n_entries++] = have->entries[i];
	return s;
}

static void keep_sets(const struct keep *k, struct state *to)
{
	const struct kset_list *have = &k->have->sets, *want = &k->want->sets;
	struct kset_list *l = &to->sets;

	l->present = want->present;
	l->n_sets = 0;
	l->sets = arena_array(to->arena, struct kset, have->n_sets + want->n_sets);
	for (size_t i = 0; i < have->n_sets; i++) {
		const char *name = have->sets[i].name;

		if (own_set(name) & OWN_IPVS &&
		    (kset_find(want, name) || !kset_find(&k->before->sets, name)))
			l->sets[l->n_sets++] = keep_entries(k, &have->sets[i], to->arena);
	}
	for (size_t i = 0; i < want->n_sets; i++)
		if (!kset_find(have, want->sets[i].name))
			l->sets[l->n_sets++] = want->sets[i];
	kset_list_sort(l);
}

struct state *keep_mode(const struct keep *k)
{
	struct state *to = state_new();

	to->knobs = k->want->knobs;
	to->sets = k->want->sets;
	to->lvs = k->want->lvs;
	to->vips = k->want->vips;
	family_foreach (f)
		keep_rules(k, f, to);
	if (k->mode == MODE_IPTABLES)
		return to;
	keep_sets(k, to);
	keep_servers(k, to);
	keep_addresses(k, to);
	return to;
}
