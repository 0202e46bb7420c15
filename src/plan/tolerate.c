/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which chains differ in their text only. Both sides are reduced to what decides about
 * packets and then compared; a chain that passes is wanted as it is.
 */
#include "config.h"

#include "plan/tolerate.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum reason {
	REASON_COMMENT,
	REASON_COUNTER,
	REASON_NO_TARGET,
	REASON_PROBABILITY,
	REASON_INVALID,
	REASON_STALE,
	REASON_COUNT,
};

static const char *const reason_texts[REASON_COUNT] = {
    [REASON_COMMENT] = "comments are left out or in, as in a cluster of another size",
    [REASON_COUNTER] = "packets are counted with nfacct, or are not",
    [REASON_NO_TARGET] = "rules without a target, which do nothing, differ",
    [REASON_PROBABILITY] = "probabilities are rounded otherwise",
    [REASON_INVALID] = ("the rule against INVALID packets, which a node with "
			"nf_conntrack_tcp_be_liberal does not need, is there or is not"),
    [REASON_STALE] = "nothing jumps to it: kube-proxy removes it when it has the time",
};

struct tolerance {
	enum family family;
	enum fw_table_id table;
	const struct fw_table *want, *have;
	bool be_liberal;
	struct arena *scratch;
	struct {
		size_t n;
		const char *first;
	} found[REASON_COUNT];
};

static void found(struct tolerance *t, enum reason r, const char *chain)
{
	if (!t->found[r].n++)
		t->found[r].first = chain;
}

/* ---- chains with the same effect */

/* kube-proxy prints 1/n with ten decimals; older tools kept five. */
#define PROBABILITY_SLACK (2147483648u / 100000)

/* 1.31: counts node port traffic of localhost by a rule before the one that all take. */
#define COUNTER_OF_LOCALHOST "localhost_nps_accepted_pkts"

struct reduced {
	struct fw_chain chain;
	size_t n[REASON_COUNT]; /* what was left out */
};

static bool is_balancing(const char *chain)
{
	return !strncmp(chain, "KUBE-SVC-", 9) || !strncmp(chain, "KUBE-SVL-", 9) ||
	       !strncmp(chain, "KUBE-SEP-", 9);
}

/* A copy of the rule without matches of that kind. */
static struct fw_rule without(
    struct arena *a, const struct fw_rule *r, enum fw_match_kind kind)
{
	struct fw_match *m = arena_array(a, struct fw_match, r->n_matches);
	struct fw_rule copy = *r;

	copy.matches = m;
	copy.n_matches = 0;
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind != kind)
			m[copy.n_matches++] = r->matches[i];
	return copy;
}

static const struct fw_match *match_of(const struct fw_rule *r, enum fw_match_kind kind)
{
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind == kind)
			return &r->matches[i];
	return NULL;
}

static bool has_only_comments(const struct fw_rule *r)
{
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind != FWM_COMMENT)
			return false;
	return true;
}

static bool drops_invalid(const struct fw_rule *r)
{
	const struct fw_match *m = match_of(r, FWM_CONNTRACK);

	return r->target.kind == FWT_DROP && r->n_matches == 1 && m && !m->invert &&
	       m->ctstate == FW_CT_INVALID && !r->proto && !r->in && !r->out &&
	       !addr_is_set(&r->src.addr) && !addr_is_set(&r->dst.addr);
}

/* Whether the rule that all take stands beside the one that counts those of localhost. */
static bool only_counts(
    struct arena *a, const struct fw_chain *c, const struct fw_rule *r)
{
	const struct fw_match *m = match_of(r, FWM_NFACCT);
	struct fw_rule all;

	if (!m || strcmp(m->nfacct, COUNTER_OF_LOCALHOST))
		return false;
	all = without(a, r, FWM_NFACCT);
	all.dst = (struct prefix){0};
	for (size_t i = 0; i < c->n_rules; i++)
		if (fw_rule_eq(&c->rules[i], &all))
			return true;
	return false;
}

static void reduce(struct tolerance *t, const struct fw_chain *c, struct reduced *ret)
{
	struct fw_rule *rules = arena_array(t->scratch, struct fw_rule, c->n_rules);
	size_t n = 0;

	*ret = (struct reduced){.chain = *c};
	for (size_t i = 0; i < c->n_rules; i++) {
		struct fw_rule r = c->rules[i];

		if (r.opaque) {
			rules[n++] = r;
			continue;
		}
		if (match_of(&r, FWM_NFACCT)) {
			ret->n[REASON_COUNTER]++;
			if (only_counts(t->scratch, c, &r))
				continue;
			r = without(t->scratch, &r, FWM_NFACCT);
		}
		if (r.target.kind == FWT_NONE && has_only_comments(&r))
			ret->n[REASON_NO_TARGET]++;
		else if (t->be_liberal && drops_invalid(&r))
			ret->n[REASON_INVALID]++;
		else
			rules[n++] = r;
	}
	ret->chain.rules = rules;
	ret->chain.n_rules = n;
}

static void align_probability(
    struct arena *a, const struct fw_rule *want, struct fw_rule *have, size_t *n)
{
	const struct fw_match *w = match_of(want, FWM_STATISTIC);
	const struct fw_match *h = match_of(have, FWM_STATISTIC);
	struct fw_match *copy;
	uint32_t apart;

	if (!w || !h || w->probability == h->probability)
		return;
	apart = w->probability > h->probability ? w->probability - h->probability
						: h->probability - w->probability;
	if (apart > PROBABILITY_SLACK)
		return;
	copy = arena_copy(a, have->matches, have->n_matches * sizeof(*copy));
	copy[h - have->matches].probability = w->probability;
	have->matches = copy;
	(*n)++;
}

/* In the chains of a service, rule by rule: what may differ there. */
static void align(struct tolerance *t, struct reduced *want, struct reduced *have)
{
	if (want->chain.n_rules != have->chain.n_rules || !is_balancing(have->chain.name))
		return;
	for (size_t i = 0; i < want->chain.n_rules; i++) {
		struct fw_rule *w = &want->chain.rules[i], *h = &have->chain.rules[i];

		if (w->opaque || h->opaque)
			continue;
		if (!match_of(w, FWM_COMMENT) != !match_of(h, FWM_COMMENT)) {
			*w = without(t->scratch, w, FWM_COMMENT);
			*h = without(t->scratch, h, FWM_COMMENT);
			have->n[REASON_COMMENT]++;
		}
		align_probability(t->scratch, w, h, &have->n[REASON_PROBABILITY]);
	}
}

static bool same_effect(
    struct tolerance *t, const struct fw_chain *want, const struct fw_chain *have)
{
	struct reduced w, h;

	reduce(t, want, &w);
	reduce(t, have, &h);
	align(t, &w, &h);
	if (!fw_chain_eq(&w.chain, &h.chain))
		return false;
	for (enum reason r = 0; r < REASON_COUNT; r++)
		if (w.n[r] != h.n[r])
			found(t, r, have->name);
	return true;
}

/* ---- chains that nothing jumps to */

struct candidate {
	const struct fw_chain *chain;
	bool stale;
};

/* In the order of the table, which is that of names. */
typedef VEC(struct candidate) candidate_vec;

static int cmp_candidate(const void *name, const void *candidate)
{
	return strcmp(name, ((const struct candidate *)candidate)->chain->name);
}

static struct candidate *candidate_of(const candidate_vec *list, const struct fw_rule *r)
{
	if (r->target.kind != FWT_JUMP || !list->n)
		return NULL;
	return bsearch(
	    r->target.chain, list->v, list->n, sizeof(*list->v), cmp_candidate);
}

static bool acquit(struct candidate *c)
{
	bool changed = c && c->stale;

	if (changed)
		c->stale = false;
	return changed;
}

/* What a chain that stays in use jumps to is in use. */
static bool acquit_used(const struct tolerance *t, candidate_vec *list)
{
	const struct fw_chain *end = t->have->chains + t->have->n_chains;
	bool changed = false;
	size_t next = 0;

	for (const struct fw_chain *c = t->have->chains; c < end; c++) {
		if (next < list->n && list->v[next].chain == c && list->v[next++].stale)
			continue;
		for (size_t i = 0; i < c->n_rules; i++)
			changed |= acquit(candidate_of(list, &c->rules[i]));
	}
	return changed;
}

/* A chain cannot stay that jumps to one which goes. */
static bool acquit_jumping(const struct tolerance *t, candidate_vec *list)
{
	bool changed = false;

	for (size_t i = 0; i < list->n; i++) {
		const struct fw_chain *c = list->v[i].chain;

		for (size_t k = 0; list->v[i].stale && k < c->n_rules; k++) {
			const struct candidate *to = candidate_of(list, &c->rules[k]);

			if (c->rules[k].target.kind == FWT_JUMP && !(to && to->stale) &&
			    !fw_chain_find(t->want, c->rules[k].target.chain))
				changed |= acquit(&list->v[i]);
		}
	}
	return changed;
}

static int cmp_by_place(const void *a, const void *b)
{
	const struct fw_chain *x = ((const struct candidate *)a)->chain;
	const struct fw_chain *y = ((const struct candidate *)b)->chain;

	return x < y ? -1 : x > y;
}

/* The chains of services that the plan removes and that may as well stay. */
static void find_stale(struct tolerance *t, const struct plan *p, candidate_vec *list)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct op *op = &p->ops[i];
		const struct fw_chain *c = op->have;

		if (op->kind == KIND_FW && op->family == t->family &&
		    op->table == t->table && !op->want &&
		    own_service_chain(t->table, c->name))
			vec_push(list,
			    (struct candidate){fw_chain_find(t->have, c->name), true});
	}
	if (!list->n)
		return;
	qsort(list->v, list->n, sizeof(*list->v), cmp_by_place);
	while (acquit_used(t, list) || acquit_jumping(t, list))
		;
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].stale) {
			found(t, REASON_STALE, list->v[i].chain->name);
			list->v[n++] = list->v[i];
		}
	list->n = n;
}

/* ---- the table */

typedef VEC(const struct fw_chain *) chain_vec;

/* Those of have that are to change and need not. */
static void find_same_effect(struct tolerance *t, const struct plan *p, chain_vec *ret)
{
	for (size_t i = 0; i < p->n_ops; i++) {
		const struct op *op = &p->ops[i];
		const struct fw_chain *have = op->have, *want;

		if (op->kind != KIND_FW || op->family != t->family ||
		    op->table != t->table || !have || !op->want || have->builtin)
			continue;
		want = fw_chain_find(t->want, have->name);
		if (want && !want->whole && same_effect(t, want, have))
			vec_push(ret, have);
	}
}

static struct fw_table adopted(const struct tolerance *t, const chain_vec *same,
    const candidate_vec *stale, struct arena *a)
{
	struct fw_table ret = *t->want;

	ret.chains = arena_array(a, struct fw_chain, t->want->n_chains + stale->n);
	for (size_t i = 0; i < t->want->n_chains; i++)
		ret.chains[i] = t->want->chains[i];
	for (size_t i = 0; i < same->n; i++) {
		struct fw_chain *c = fw_chain_find(&ret, same->v[i]->name);

		c->rules = same->v[i]->rules;
		c->n_rules = same->v[i]->n_rules;
		c->unordered = false;
		c->n_tail = 0;
	}
	for (size_t i = 0; i < stale->n; i++)
		ret.chains[ret.n_chains++] = *stale->v[i].chain;
	if (stale->n)
		fw_table_sort(t->table, &ret);
	return ret;
}

static void report(const struct tolerance *t, struct notes *notes)
{
	const char *tool = family_info(t->family)->iptables;

	for (enum reason r = 0; r < REASON_COUNT; r++)
		if (t->found[r].n == 1)
			notes_add(notes, NOTE_INFO, t->found[r].first,
			    "chain in %s %s: no drift: %s", tool, fw_table_name(t->table),
			    reason_texts[r]);
		else if (t->found[r].n)
			notes_add(notes, NOTE_INFO, t->found[r].first,
			    "and %zu more chains in %s %s: no drift: %s",
			    t->found[r].n - 1, tool, fw_table_name(t->table),
			    reason_texts[r]);
}

size_t tolerate_chains(const struct plan *p, enum family f, enum fw_table_id id,
    const struct fw_table *want, const struct fw_table *have, bool be_liberal,
    struct arena *a, struct fw_table *ret, struct notes *notes)
{
	struct tolerance t = {
	    .family = f,
	    .table = id,
	    .want = want,
	    .have = have,
	    .be_liberal = be_liberal,
	    .scratch = arena_new(),
	};
	candidate_vec stale = {0};
	chain_vec same = {0};
	size_t n;

	find_stale(&t, p, &stale);
	find_same_effect(&t, p, &same);
	n = same.n + stale.n;
	if (n) {
		*ret = adopted(&t, &same, &stale, a);
		report(&t, notes);
	}
	vec_free(&same);
	vec_free(&stale);
	arena_free(t.scratch);
	return n;
}
