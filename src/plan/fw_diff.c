/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables: a merge walk over chains sorted by name. Our own chains are replaced as a
 * whole; in built-in chains, and in the one that kubelet writes too, only our rules are
 * put in or taken out, and all others keep their place and counters.
 */
#include "config.h"

#include "plan/diff.h"
#include "state/fw_fate.h"

#include <string.h>

/* One table under comparison. */
struct job {
	struct differ *d;
	const struct fw_step *st;
	enum fw_table_id table;
	const struct fw_table *want, *have;
	/* Chains that are ours and not wanted, sorted by name. */
	const struct fw_chain **doomed;
	bool *used; /* ... but still jumped to */
	size_t n_doomed;
	VEC(size_t) to_visit; /* doomed ones found in use */
};

static void push(struct job *j, const struct fw_chain *have, const struct fw_chain *want)
{
	const char *why = want && want->why ? want->why : have ? have->why : NULL;

	vec_push(&j->d->ops, (struct op){
				 .kind = KIND_FW,
				 .phase = j->st->phase[j->table],
				 .family = j->st->family,
				 .table = j->table,
				 .have = have,
				 .want = want,
				 .why = why,
			     });
}

static struct fw_chain *changed_copy(
    struct job *j, const struct fw_chain *c, const struct fw_rule *rules, size_t n)
{
	struct fw_chain *copy = arena_copy(j->d->arena, c, sizeof(*c));

	copy->rules = arena_copy(j->d->arena, rules, n * sizeof(*rules));
	copy->n_rules = n;
	copy->unordered = false;
	copy->n_tail = 0;
	return copy;
}

/* ---- chains that others write too */

struct rules {
	VEC(struct fw_rule) list;
};

static bool is_among(const struct fw_rule *rules, size_t n, const struct fw_rule *r)
{
	for (size_t i = 0; i < n; i++)
		if (fw_rule_eq(&rules[i], r))
			return true;
	return false;
}

static bool has_rule(const struct fw_chain *c, const struct fw_rule *r)
{
	return c && is_among(c->rules, c->n_rules, r);
}

/*
 * The rules of a built-in chain that count as being there. Below a rule that ends the way
 * of every packet ours would have no effect. A wanted state that was read is taken as it
 * is: it holds its chains' policies.
 */
static size_t n_effective(
    const struct job *j, const struct fw_chain *have, const struct fw_chain *want)
{
	if (!have->builtin || !want || want->policy != FW_POLICY_NONE)
		return have->n_rules;
	return fw_reachable(j->have, have);
}

/* A wanted rule without effect, which gets another place. */
static bool is_moved(const struct fw_chain *have, const struct fw_chain *want,
    size_t n_effective, size_t at)
{
	const struct fw_rule *r = &have->rules[at];

	return at >= n_effective && has_rule(want, r) &&
	       !is_among(have->rules, n_effective, r);
}

static bool is_dropped(const struct job *j, const struct fw_chain *want,
    const char *chain, const struct fw_rule *r)
{
	const struct fw_step *st = j->st;

	return scope_may_remove(j->d->scope, own_jump(j->table, chain, r)) &&
	       !has_rule(want, r) &&
	       (!st->drop_jump || st->drop_jump(st, j->table, chain, r));
}

/*
 * Where a missing rule goes: below the one that is wanted before it, if that is still
 * among our own at the head of the chain, else to the top, where kube-proxy inserts. Any
 * place that packets get to is accepted for one that is there.
 */
static size_t place_for(const struct job *j, const char *chain, const struct rules *now,
    const struct fw_rule *before)
{
	for (size_t i = 0; before && i < now->list.n; i++) {
		if (!own_jump(j->table, chain, &now->list.v[i]))
			return 0;
		if (fw_rule_eq(&now->list.v[i], before))
			return i + 1;
	}
	return 0;
}

static void insert(struct rules *r, size_t at, const struct fw_rule *rule, bool moved)
{
	vec_push(&r->list, *rule);
	memmove(&r->list.v[at + 1], &r->list.v[at],
	    (r->list.n - 1 - at) * sizeof(*r->list.v));
	r->list.v[at] = *rule;
	r->list.v[at].moved = moved;
}

/* The chain's content with our rules in it; have itself if nothing changes. */
static const struct fw_chain *patched(
    struct job *j, const struct fw_chain *have, const struct fw_chain *want)
{
	const struct fw_chain *ret = have;
	size_t n = n_effective(j, have, want);
	struct rules now = {0};
	bool changed = false;

	for (size_t i = 0; i < have->n_rules; i++) {
		if ((have->builtin && is_dropped(j, want, have->name, &have->rules[i])) ||
		    is_moved(have, want, n, i))
			changed = true;
		else
			vec_push(&now.list, have->rules[i]);
	}
	for (size_t i = 0; want && i < want->n_rules; i++) {
		const struct fw_rule *r = &want->rules[i];

		if (is_among(have->rules, n, r))
			continue;
		insert(&now,
		    place_for(j, have->name, &now, i ? &want->rules[i - 1] : NULL), r,
		    has_rule(have, r));
		changed = true;
	}
	if (changed)
		ret = changed_copy(j, have, now.list.v, now.list.n);
	vec_free(&now.list);
	return ret;
}

static const struct fw_chain *empty_builtin(struct job *j, const char *name)
{
	struct fw_chain *c = arena_new_of(j->d->arena, struct fw_chain);

	c->name = name;
	c->builtin = true;
	c->policy = FW_POLICY_ACCEPT;
	return c;
}

/* ---- chains whose rules have no order */

struct slot {
	uint64_t hash;
	const struct fw_rule *rule;
	bool taken;
};

static int cmp_slot(const void *va, const void *vb)
{
	const struct slot *a = va, *b = vb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

static struct slot *make_slots(const struct fw_rule *rules, size_t n)
{
	struct slot *s = xcalloc(n + 1, sizeof(*s));

	for (size_t i = 0; i < n; i++)
		s[i] = (struct slot){fw_rule_hash(&rules[i]), &rules[i], false};
	qsort(s, n, sizeof(*s), cmp_slot);
	return s;
}

/* An equal rule that was not taken before, which it then is. */
static const struct fw_rule *take(struct slot *s, size_t n, const struct fw_rule *r)
{
	uint64_t hash = fw_rule_hash(r);
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (s[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < n && s[lo].hash == hash; lo++) {
		if (s[lo].taken || !fw_rule_eq(s[lo].rule, r))
			continue;
		s[lo].taken = true;
		return s[lo].rule;
	}
	return NULL;
}

/* Keeps what is there in the order in which it is there: kube-proxy's is random, and to
 * follow it would rewrite the chain after each of its syncs. */
static const struct fw_chain *reordered(
    struct job *j, const struct fw_chain *have, const struct fw_chain *want)
{
	size_t n_body = want->n_rules - want->n_tail;
	struct slot *slots = make_slots(want->rules, n_body);
	struct rules now = {0};
	const struct fw_chain *ret;

	for (size_t i = 0; i < have->n_rules; i++) {
		const struct fw_rule *r = take(slots, n_body, &have->rules[i]);

		if (!r)
			continue;
		vec_push(&now.list, *r);
		now.list.v[now.list.n - 1].packets = have->rules[i].packets;
		now.list.v[now.list.n - 1].bytes = have->rules[i].bytes;
	}
	/* What is missing, in the order of want; the slots are in that of the hashes. */
	for (size_t i = 0; i < n_body; i++) {
		const struct fw_rule *r = take(slots, n_body, &want->rules[i]);

		if (r)
			vec_push(&now.list, *r);
	}
	for (size_t i = n_body; i < want->n_rules; i++)
		vec_push(&now.list, want->rules[i]);
	ret = changed_copy(j, want, now.list.v, now.list.n);
	vec_free(&now.list);
	free(slots);
	return ret;
}

/* ---- the walk */

/* What a chain holds after this step; have itself if it stays as it is. */
static const struct fw_chain *after(
    struct job *j, const struct fw_chain *have, const struct fw_chain *want)
{
	if (want && want->whole)
		return fw_chain_eq(have, want)
			   ? have
			   : changed_copy(j, want, want->rules, want->n_rules);
	if (have->builtin || own_chain(j->table, have->name) & OWN_KUBELET)
		return patched(j, have, want);
	if (!want || fw_chain_eq(have, want))
		return have;
	return want->unordered ? reordered(j, have, want) : want;
}

static bool is_doomed(const struct job *j, const struct fw_chain *have)
{
	return j->st->remove_chains && !have->builtin &&
	       scope_may_remove(j->d->scope, own_chain(j->table, have->name));
}

static int cmp_doomed(const void *name, const void *chain)
{
	return strcmp(name, (*(const struct fw_chain *const *)chain)->name);
}

/* Notes which of the doomed chains these rules jump to. */
static void mark_targets(struct job *j, const struct fw_chain *c)
{
	for (size_t i = 0; j->n_doomed && i < c->n_rules; i++) {
		const struct fw_target *t = &c->rules[i].target;
		const struct fw_chain **found;
		size_t at;

		if (t->kind != FWT_JUMP || !t->chain)
			continue;
		found =
		    bsearch(t->chain, j->doomed, j->n_doomed, sizeof(*found), cmp_doomed);
		if (!found)
			continue;
		at = (size_t)(found - j->doomed);
		if (!j->used[at])
			vec_push(&j->to_visit, at);
		j->used[at] = true;
	}
}

static void visit(struct job *j, const struct fw_chain *have, const struct fw_chain *want)
{
	const struct fw_chain *now;

	if (!have && want) {
		if (!want->builtin)
			push(j, NULL, want);
		if (!want->builtin || !want->n_rules)
			return;
		have = empty_builtin(j, want->name);
	}
	if (!want && is_doomed(j, have))
		return;
	now = after(j, have, want);
	if (now != have)
		push(j, have, now);
	mark_targets(j, now);
}

static const struct fw_chain *next_user(const struct fw_table *t, size_t *i)
{
	while (*i < t->n_chains && t->chains[*i].builtin)
		(*i)++;
	return *i < t->n_chains ? &t->chains[*i] : NULL;
}

static void find_doomed(struct job *j)
{
	VEC(const struct fw_chain *) list = {0};
	const struct fw_chain *w, *h;
	size_t iw = 0, ih = 0;

	for (; (h = next_user(j->have, &ih)); ih++) {
		while ((w = next_user(j->want, &iw)) && strcmp(w->name, h->name) < 0)
			iw++;
		if ((!w || strcmp(w->name, h->name) != 0) && is_doomed(j, h))
			vec_push(&list, h);
	}
	j->doomed = list.v;
	j->n_doomed = list.n;
	j->used = xcalloc(list.n + 1, sizeof(*j->used));
}

/* The kernel refuses the whole table when a chain goes that is still jumped to. */
static void remove_doomed(struct job *j)
{
	while (j->to_visit.n)
		mark_targets(j, j->doomed[j->to_visit.v[--j->to_visit.n]]);
	for (size_t i = 0; i < j->n_doomed; i++) {
		if (!j->used[i])
			push(j, j->doomed[i], NULL);
		else
			notes_add(j->d->notes, NOTE_WARNING, j->doomed[i]->name,
			    "chain in %s %s: not removed, a rule that is not ours jumps "
			    "to it",
			    family_info(j->st->family)->iptables,
			    fw_table_name(j->table));
	}
}

/* Built-in chains of one table, whichever side has them. */
static void diff_builtin(struct job *j)
{
	const char *const *names = fw_builtin_chains(j->table);

	for (; *names; names++) {
		const struct fw_chain *have = fw_chain_find(j->have, *names);
		const struct fw_chain *want = fw_chain_find(j->want, *names);

		if (have || want)
			visit(j, have, want);
	}
}

static void diff_user(struct job *j)
{
	size_t iw = 0, ih = 0;

	for (;;) {
		const struct fw_chain *w = next_user(j->want, &iw);
		const struct fw_chain *h = next_user(j->have, &ih);
		int c;

		if (!w && !h)
			return;
		c = !w ? 1 : !h ? -1 : strcmp(w->name, h->name);
		visit(j, c >= 0 ? h : NULL, c <= 0 ? w : NULL);
		iw += c <= 0;
		ih += c >= 0;
	}
}

void fw_diff(struct differ *d, const struct fw_step *st)
{
	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++) {
		struct job j = {
		    .d = d,
		    .st = st,
		    .table = t,
		    .want = &st->want->tables[t],
		    .have = &st->have->tables[t],
		};

		find_doomed(&j);
		diff_builtin(&j);
		diff_user(&j);
		remove_doomed(&j);
		free(j.doomed);
		free(j.used);
		vec_free(&j.to_visit);
	}
}
