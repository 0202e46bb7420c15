/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Works out what is left when one mode goes, and hands that to the same diff as any other
 * wanted state. So what a flush may touch is decided where it is for all commands.
 */
#include "config.h"

#include "plan/flush.h"
#include "plan/diff.h"

#include <string.h>

struct flush {
	const struct state *have;
	const struct scope *scope;
	struct state *want;
	struct notes notes; /* handed over to the plan */
	bool *set_used;	    /* by index in have: a rule that stays matches it */
};

enum fate { FATE_GOES, FATE_STAYS, FATE_HELD /* only because others use it */ };

/* One table. */
struct job {
	struct flush *f;
	enum family family;
	enum fw_table_id table;
	bool keep_shared;
	const struct fw_table *have;
	enum fate *fates; /* of the chains in have */
	VEC(size_t) to_visit;
};

static bool goes(const struct job *j, unsigned owners)
{
	return scope_may_remove(j->f->scope, owners) &&
	       !(owners == OWN_BOTH && j->keep_shared);
}

static bool rule_goes(
    const struct job *j, const struct fw_chain *c, const struct fw_rule *r)
{
	return goes(j,
	    c->builtin ? own_jump(j->table, c->name, r) : own_rule(j->table, c->name, r));
}

/* ---- what others use */

static void hold_chain(struct job *j, const struct fw_chain *from, const char *name)
{
	const struct fw_chain *c = fw_chain_find(j->have, name);
	size_t at;

	if (!c)
		return;
	at = (size_t)(c - j->have->chains);
	if (j->fates[at] != FATE_GOES)
		return;
	j->fates[at] = FATE_HELD;
	vec_push(&j->to_visit, at);
	if (j->fates[from - j->have->chains] == FATE_STAYS)
		notes_add(&j->f->notes, NOTE_WARNING, name,
		    "chain in %s %s: not removed, a rule in chain %s that is not ours "
		    "jumps to it",
		    family_info(j->family)->iptables, fw_table_name(j->table),
		    from->name);
}

static void hold_set(struct job *j, const struct fw_chain *from, const struct kset *s)
{
	bool *used = &j->f->set_used[s - j->f->have->sets.sets];

	if (!*used && scope_may_remove(j->f->scope, own_set(s->name)))
		notes_add(&j->f->notes, NOTE_WARNING, s->name,
		    "ipset: not removed, a rule in chain %s of %s %s that is not ours "
		    "matches it",
		    from->name, family_info(j->family)->iptables,
		    fw_table_name(j->table));
	*used = true;
}

/* Whether a text has this word. */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (; (text = strstr(text, word)); text += n)
		if (text[-1] == ' ' && (!text[n] || text[n] == ' '))
			return true;
	return false;
}

static void hold_sets(struct job *j, const struct fw_chain *from, const struct fw_rule *r)
{
	const struct kset_list *l = &j->f->have->sets;

	/* A set is never the first word of a rule. */
	if (r->opaque && *r->opaque && strstr(r->opaque, "KUBE-"))
		for (size_t i = 0; i < l->n_sets; i++)
			if (own_set(l->sets[i].name) &&
			    has_word(r->opaque + 1, l->sets[i].name))
				hold_set(j, from, &l->sets[i]);
	for (unsigned m = 0; !r->opaque && m < r->n_matches; m++) {
		const struct kset *s = r->matches[m].kind == FWM_SET
					   ? kset_find(l, r->matches[m].set.name)
					   : NULL;

		if (s)
			hold_set(j, from, s);
	}
}

static void visit(struct job *j, size_t at)
{
	const struct fw_chain *c = &j->have->chains[at];

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];

		if (j->fates[at] == FATE_STAYS && rule_goes(j, c, r))
			continue;
		if (r->target.kind == FWT_JUMP && r->target.chain)
			hold_chain(j, c, r->target.chain);
		hold_sets(j, c, r);
	}
}

static void decide(struct job *j)
{
	for (size_t i = 0; i < j->have->n_chains; i++) {
		const struct fw_chain *c = &j->have->chains[i];

		j->fates[i] = c->builtin || !goes(j, own_chain(j->table, c->name))
				  ? FATE_STAYS
				  : FATE_GOES;
	}
	for (size_t i = 0; i < j->have->n_chains; i++)
		if (j->fates[i] == FATE_STAYS)
			visit(j, i);
	while (j->to_visit.n)
		visit(j, j->to_visit.v[--j->to_visit.n]);
}

/* ---- what is left */

/* The rules of a chain that stay; of a built-in one only those that are ours. */
static struct fw_chain rest_of(struct job *j, const struct fw_chain *c)
{
	struct fw_chain rest = *c;

	rest.n_rules = 0;
	rest.rules = arena_array(j->f->want->arena, struct fw_rule, c->n_rules);
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];

		if (rule_goes(j, c, r) ||
		    (c->builtin &&
			!scope_may_remove(j->f->scope, own_jump(j->table, c->name, r))))
			continue;
		rest.rules[rest.n_rules++] = *r;
	}
	return rest;
}

static void rest_of_table(struct job *j, struct fw_table *to)
{
	to->present = j->have->present;
	to->chains = arena_array(j->f->want->arena, struct fw_chain, j->have->n_chains);
	for (size_t i = 0; i < j->have->n_chains; i++) {
		const struct fw_chain *c = &j->have->chains[i];
		bool ours = c->builtin ||
			    scope_may_remove(j->f->scope, own_chain(j->table, c->name));

		if (j->fates[i] == FATE_HELD)
			to->chains[to->n_chains++] = *c;
		else if (ours && j->fates[i] == FATE_STAYS)
			to->chains[to->n_chains++] = rest_of(j, c);
	}
}

static void rest_of_family(struct flush *f, enum family family)
{
	bool shared = own_modes_present(f->have, family) & ~f->scope->modes;

	f->want->fw[family].present = true;
	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++) {
		struct job j = {
		    .f = f,
		    .family = family,
		    .table = t,
		    .keep_shared = shared,
		    .have = &f->have->fw[family].tables[t],
		};

		j.fates = xcalloc(j.have->n_chains + 1, sizeof(*j.fates));
		decide(&j);
		rest_of_table(&j, &f->want->fw[family].tables[t]);
		free(j.fates);
		vec_free(&j.to_visit);
	}
}

static void rest_of_sets(struct flush *f)
{
	const struct kset_list *have = &f->have->sets;
	struct kset_list *to = &f->want->sets;

	to->present = have->present;
	to->sets = arena_array(f->want->arena, struct kset, have->n_sets);
	for (size_t i = 0; i < have->n_sets; i++)
		if (f->set_used[i] &&
		    scope_may_remove(f->scope, own_set(have->sets[i].name)))
			to->sets[to->n_sets++] = have->sets[i];
}

static void move_notes(struct notes *from, struct notes *to)
{
	for (size_t i = 0; i < from->list.n; i++)
		vec_push(&to->list, from->list.v[i]);
	vec_free(&from->list);
}

int flush_plan(const struct state *have, const struct scope *scope, struct state **want,
    struct plan **ret, struct error *err)
{
	/* The tables that send packets to the mode first, then those that guard it. */
	static const bool nat_first[FAMILY_COUNT] = {true, true};
	struct flush f = {.have = have, .scope = scope, .want = state_new()};
	int r;

	f.set_used = xcalloc(have->sets.n_sets + 1, sizeof(*f.set_used));
	family_foreach (family)
		if (scope_has_family(scope, family) && have->fw[family].present)
			rest_of_family(&f, family);
	rest_of_sets(&f);
	free(f.set_used);
	r = plan_make(f.want, have, scope, ret, err);
	if (r) {
		notes_clear(&f.notes);
		state_free(f.want);
		return -1;
	}
	ops_sort((*ret)->ops, (*ret)->n_ops, nat_first);
	move_notes(&f.notes, &(*ret)->notes);
	*want = f.want;
	return 0;
}
