/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The phased plan from either mode to the other. All kinds but the tables fall into
 * phases by themselves (what is new is built early, what is old goes last); this file
 * decides what the tables hold after each phase. nat KUBE-SERVICES is the one decisive
 * switch: until its commit the old mode carries all new connections, whatever else is
 * there.
 */
#include "config.h"

#include "plan/migrate.h"
#include "plan/diff.h"

#include <string.h>

/* One phase's view of what is wanted of one family. */
struct step {
	struct migration *m;
	enum phase phase;
	enum family family;
	const struct fw_ruleset *have; /* at the end of the phase before */
	unsigned helpers;	/* bit i: helper rule i must be there after this phase */
	struct fw_ruleset want; /* what this phase ensures */
};

/* ---- the helper rules */

/*
 * A connection of the node itself to an address on kube-ipvs0 gets that address as its
 * source. In iptables mode nothing masquerades it on its way to a cluster IP without a
 * way to tell local traffic, nor to a load balancer with source ranges, which do not have
 * that address (up to 1.27, or when the node is not in them), and a pod on another node
 * would answer to an address that is its own.
 */
static const char *const helper_sets[] = {"CLUSTER-IP", "LOAD-BALANCER-FW"};
#define HELPER_CLUSTER_IP 0
#define HELPER_RANGES 1
#define N_HELPERS 2

static const char *helper_set(unsigned i, enum family f, char buf[32])
{
	snprintf(buf, 32, "%s%s", family_info(f)->set_prefix, helper_sets[i]);
	return buf;
}

static bool is_src_dst_mark(const struct fw_rule *r, enum family f, unsigned helper)
{
	const struct fw_match *m;
	char name[32];

	helper_set(helper, f, name);
	if (r->opaque || r->target.kind != FWT_JUMP ||
	    strcmp(r->target.chain, "KUBE-MARK-MASQ"))
		return false;
	for (m = r->matches; m < r->matches + r->n_matches; m++)
		if (m->kind == FWM_SET && !m->invert && m->set.n_dims == 2 &&
		    m->set.src == 0x1 && !strcmp(m->set.name, name))
			return true;
	return false;
}

/* The rule of ipvs mode that does the helper's work; it is there without a detector. */
static const struct fw_rule *find_src_dst_mark(const struct fw_ruleset *rs, enum family f)
{
	const struct fw_chain *c = fw_chain_find(&rs->tables[FW_NAT], "KUBE-SERVICES");

	for (size_t i = 0; c && i < c->n_rules; i++)
		if (is_src_dst_mark(&c->rules[i], f, HELPER_CLUSTER_IP))
			return &c->rules[i];
	return NULL;
}

static bool jumps_to_services(const struct fw_ruleset *rs)
{
	const struct fw_chain *c = fw_chain_find(&rs->tables[FW_NAT], "OUTPUT");

	for (size_t i = 0; c && i < c->n_rules; i++)
		if (c->rules[i].target.kind == FWT_JUMP &&
		    !strcmp(c->rules[i].target.chain, "KUBE-SERVICES"))
			return true;
	return false;
}

static bool has_ranges(const struct state *ipvs, enum family f)
{
	char name[32];
	const struct kset *s = kset_find(&ipvs->sets, helper_set(HELPER_RANGES, f, name));

	return s && s->n_entries;
}

/* From BUILD on; towards ipvs until the commit that switches, the other way until REMOVE.
 */
static unsigned needs_helpers(const struct migration *m, enum phase ph, enum family f)
{
	const struct fw_ruleset *have = &m->have->fw[f];
	bool to_ipvs = m->to == MODE_IPVS;
	const struct state *ipvs = to_ipvs ? m->want : m->have;
	unsigned ret = 0;

	if (ph == PHASE_PREPARE || ph >= (to_ipvs ? PHASE_SWITCH : PHASE_REMOVE))
		return 0;
	if (!state_has_vips(ipvs, f) || !jumps_to_services(have))
		return 0;
	/* Towards ipvs: only while the node is still in the other mode. */
	if (find_src_dst_mark(&ipvs->fw[f], f) &&
	    !(to_ipvs && find_src_dst_mark(have, f)))
		ret |= 1u << HELPER_CLUSTER_IP;
	if (has_ranges(ipvs, f) &&
	    !(to_ipvs && !(own_modes_carrying(m->have, f) & OWN_IPTABLES)))
		ret |= 1u << HELPER_RANGES;
	return ret;
}

/* "-m set --match-set KUBE-CLUSTER-IP src,dst", without a comment. */
static struct fw_rule make_helper(struct migration *m, enum family f, unsigned helper)
{
	struct fw_match *match = arena_new_of(m->arena, struct fw_match);
	char name[32];

	match->kind = FWM_SET;
	match->set.name = arena_strdup(m->arena, helper_set(helper, f, name));
	match->set.n_dims = 2;
	match->set.src = 0x1;
	return (struct fw_rule){
	    .n_matches = 1,
	    .matches = match,
	    .target = {.kind = FWT_JUMP, .chain = "KUBE-MARK-MASQ"},
	};
}

static bool is_helper(const struct fw_step *st, enum fw_table_id t, const char *chain,
    const struct fw_rule *r)
{
	return t == FW_NAT && !strcmp(chain, "OUTPUT") &&
	       (is_src_dst_mark(r, st->family, HELPER_CLUSTER_IP) ||
		   is_src_dst_mark(r, st->family, HELPER_RANGES));
}

/* ---- what goes in which phase */

/* Old jumps that stand in the way of the new mode, and what the helper rules were for.
 * All others wait for REMOVE. */
static bool drop_for_ipvs(const struct fw_step *st, enum fw_table_id t, const char *chain,
    const struct fw_rule *r)
{
	/* The chain is the new mode's now and must not be entered the old way. */
	if (fw_chain_find(&st->want->tables[t], r->target.chain))
		return true;
	/* Traffic of ipvs mode passes INPUT, where stale REJECTs for services that had no
	 * endpoints would hit it. */
	return t == FW_FILTER && !strcmp(chain, "INPUT");
}

/* Jumps without --ctstate NEW would drop connections that IPVS still carries. */
static bool drop_for_iptables(const struct fw_step *st, enum fw_table_id t,
    const char *chain, const struct fw_rule *r)
{
	return fw_chain_find(&st->want->tables[t], r->target.chain) &&
	       !is_helper(st, t, chain, r);
}

static bool drop_none(const struct fw_step *st, enum fw_table_id t, const char *chain,
    const struct fw_rule *r)
{
	(void)st;
	(void)t;
	(void)chain;
	(void)r;
	return false;
}

/* Chains that can be filled under live traffic: the new mode's own, and what is not there
 * yet, so that nothing jumps to it. */
static bool builds_chain(
    const struct step *s, enum fw_table_id t, const struct fw_chain *c)
{
	return own_chain(t, c->name) == MODE_BIT(s->m->to) ||
	       !fw_chain_find(&s->have->tables[t], c->name);
}

/* The guard of the virtual addresses, and other jumps to chains of ipvs mode only. */
static bool builds_jump(const struct step *s, enum fw_table_id t, const struct fw_rule *r)
{
	return s->m->to == MODE_IPVS && t == FW_FILTER &&
	       own_chain(t, r->target.chain) == OWN_IPVS;
}

static void put_helpers(struct step *s, struct fw_chain *c)
{
	struct fw_rule *rules =
	    arena_array(s->m->arena, struct fw_rule, c->n_rules + N_HELPERS);
	size_t n = 0;

	for (unsigned i = 0; i < N_HELPERS; i++)
		if (s->helpers & 1u << i)
			rules[n++] = make_helper(s->m, s->family, i);
	memcpy(rules + n, c->rules, c->n_rules * sizeof(*rules));
	c->rules = rules;
	c->n_rules += n;
}

/* Only the jumps of a built-in chain that BUILD may make. */
static void pick_jumps(struct step *s, enum fw_table_id t, struct fw_chain *c)
{
	struct fw_rule *rules = arena_array(s->m->arena, struct fw_rule, c->n_rules);
	size_t n = 0;

	for (size_t i = 0; i < c->n_rules; i++)
		if (builds_jump(s, t, &c->rules[i]))
			rules[n++] = c->rules[i];
	c->rules = rules;
	c->n_rules = n;
}

static void pick_table(struct step *s, enum fw_table_id t)
{
	const struct fw_table *from = &s->m->want->fw[s->family].tables[t];
	struct fw_table *to = &s->want.tables[t];

	to->present = from->present;
	to->chains = arena_array(s->m->arena, struct fw_chain, from->n_chains);
	for (size_t i = 0; i < from->n_chains; i++) {
		struct fw_chain c = from->chains[i];

		if (s->phase == PHASE_BUILD) {
			if (c.builtin)
				pick_jumps(s, t, &c);
			else if (!builds_chain(s, t, &c))
				continue;
		}
		if (s->helpers && t == FW_NAT && c.builtin && !strcmp(c.name, "OUTPUT"))
			put_helpers(s, &c);
		to->chains[to->n_chains++] = c;
	}
}

/* The differences of one family's rules in one phase. */
static void step_family(struct differ *d, struct migration *m, enum phase ph,
    const struct state *now, enum family f)
{
	struct step s = {
	    .m = m,
	    .phase = ph,
	    .family = f,
	    .have = &now->fw[f],
	    .helpers = needs_helpers(m, ph, f),
	};
	struct fw_step st = {.family = f, .want = &s.want, .have = s.have};

	if (!now->fw[f].present || ph == PHASE_PREPARE)
		return;
	s.want.present = m->want->fw[f].present;
	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++) {
		pick_table(&s, t);
		st.phase[t] = ph;
	}
	if (ph == PHASE_BUILD)
		st.drop_jump = drop_none;
	else if (ph == PHASE_SWITCH)
		st.drop_jump = m->to == MODE_IPVS ? drop_for_ipvs : drop_for_iptables;
	else if (ph == PHASE_SETTLE)
		st.drop_jump = drop_none;
	st.remove_chains = ph == PHASE_REMOVE;
	fw_diff(d, &st);
}

/* ---- the row */

/* Adds one phase to the plan and makes the state that holds after it. */
static int add_phase(struct migration *m, struct differ *d, const struct op *objects,
    size_t n_objects, enum phase ph, struct error *err)
{
	const struct state *now = ph == PHASE_PREPARE ? m->have : m->after[ph - 1];
	/* Towards ipvs the filter commit comes first, going back it is nat's. */
	const bool nat_first[FAMILY_COUNT] = {
	    [FAMILY_4] = m->to == MODE_IPTABLES,
	    [FAMILY_6] = m->to == MODE_IPTABLES,
	};
	size_t start = d->ops.n;

	for (size_t i = 0; i < n_objects; i++)
		if (objects[i].phase == ph)
			vec_push(&d->ops, objects[i]);
	if (scope_has_kind(d->scope, KIND_FW))
		family_foreach (f)
			if (scope_has_family(d->scope, f))
				step_family(d, m, ph, now, f);
	if (d->ops.n > start)
		ops_sort(d->ops.v + start, d->ops.n - start, nat_first);
	return replay_ops(now, d->ops.v + start, d->ops.n - start, &m->after[ph], err);
}

static int plan_phases(struct migration *m, struct differ *d, struct error *err)
{
	struct op *objects;
	size_t n;
	int ret;

	ret = diff_objects(d, err);
	vec_take(&d->ops, m->arena, objects, n);
	for (enum phase ph = PHASE_PREPARE; !ret && ph < PHASE_COUNT; ph++)
		ret = add_phase(m, d, objects, n, ph, err);
	vec_take(&d->ops, m->plan->arena, m->plan->ops, m->plan->n_ops);
	return ret;
}

int migrate_plan(enum mode to, const struct state *want, const struct state *have,
    const struct scope *scope, struct migration **ret, struct error *err)
{
	struct migration *m = xcalloc(1, sizeof(*m));
	struct scope both = *scope;
	struct differ d = {.want = want, .have = have, .scope = &both};

	both.modes = MODE_BOTH;
	m->arena = arena_new();
	m->to = to;
	m->have = have;
	m->want = want;
	m->plan = xcalloc(1, sizeof(*m->plan));
	m->plan->arena = d.arena = arena_new();
	d.notes = &m->plan->notes;
	if (plan_phases(m, &d, err)) {
		migration_free(m);
		return -1;
	}
	*ret = m;
	return 0;
}

void migration_free(struct migration *m)
{
	if (!m)
		return;
	for (enum phase ph = 0; ph < PHASE_COUNT; ph++)
		state_free(m->after[ph]);
	plan_free(m->plan);
	arena_free(m->arena);
	free(m);
}
