/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables. Our own chains must hold exactly what is wanted; in built-in chains, and in the
 * one that kubelet writes too, our rules must be there, wherever.
 */
#include "config.h"

#include "verify/finding.h"
#include "state/fw_fate.h"

#include <stdio.h>
#include <string.h>

struct view {
	struct inspection *in;
	enum family family;
	enum fw_table_id table;
	const struct fw_table *want, *have;
};

static const char *chain_name(
    const struct view *v, const struct fw_chain *c, char buf[256])
{
	snprintf(buf, 256, "%s %s %s%s%.120s%s", family_info(v->family)->iptables,
	    fw_table_name(v->table), c->name, c->why ? " (" : "", c->why ? c->why : "",
	    c->why ? ")" : "");
	return buf;
}

/* The place of the rule, or c->n_rules. */
static size_t find(const struct fw_chain *c, const struct fw_rule *r)
{
	size_t i = 0;

	while (i < c->n_rules && !fw_rule_eq(&c->rules[i], r))
		i++;
	return i;
}

static bool contains(const struct fw_chain *c, const struct fw_rule *r)
{
	return c && find(c, r) < c->n_rules;
}

static void report_rule(const struct view *v, const struct fw_chain *c, const char *what,
    const struct fw_rule *r)
{
	struct strbuf rule = {0};
	char about[256];

	fw_print_rule(&rule, v->family, c->name, r);
	finding(v->in, chain_name(v, c, about), "%s: %s", what, rule.s);
	strbuf_free(&rule);
}

/* ---- chains of our own */

static int cmp_hash(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return *a < *b ? -1 : *a > *b;
}

static uint64_t *hashes(const struct fw_chain *c)
{
	uint64_t *h = xcalloc(c->n_rules + 1, sizeof(*h));

	for (size_t i = 0; i < c->n_rules; i++)
		h[i] = fw_rule_hash(&c->rules[i]);
	qsort(h, c->n_rules, sizeof(*h), cmp_hash);
	return h;
}

/* Reports rules of a that b has not; false: there are none. */
static bool report_missing(const struct view *v, const struct fw_chain *a,
    const struct fw_chain *b, const char *what)
{
	uint64_t *of_b = hashes(b);
	const struct fw_rule *first = NULL;
	size_t n = 0;

	for (size_t i = 0; i < a->n_rules; i++) {
		uint64_t h = fw_rule_hash(&a->rules[i]);

		if (b->n_rules && bsearch(&h, of_b, b->n_rules, sizeof(h), cmp_hash))
			continue;
		if (!n++)
			first = &a->rules[i];
	}
	free(of_b);
	if (n == 1)
		report_rule(v, a, what, first);
	else if (n)
		finding(v->in, chain_name(v, a, (char[256]){0}), "%zu rules %s", n, what);
	return n;
}

static void check_own(
    const struct view *v, const struct fw_chain *want, const struct fw_chain *have)
{
	char about[256];
	bool said;

	if (fw_chain_eq(want, have))
		return;
	said = report_missing(v, want, have, "missing");
	said |= report_missing(v, have, want, "too many");
	if (!said)
		finding(v->in, chain_name(v, want, about),
		    "the rules are in another order, or more than once");
}

/* ---- chains that others write too */

static void check_shared(
    const struct view *v, const struct fw_chain *want, const struct fw_chain *have)
{
	/* A policy says that the chain was read: then what is not ours is no demand. */
	bool read = want->builtin && want->policy != FW_POLICY_NONE;
	size_t reachable = have && !read ? fw_reachable(v->have, have) : 0;

	for (size_t i = 0; i < want->n_rules; i++) {
		const struct fw_rule *r = &want->rules[i];

		if (read && !own_jump(v->table, want->name, r))
			continue;
		if (!contains(have, r))
			report_rule(v, want, "missing", r);
		else if (!read && want->builtin && find(have, r) >= reachable)
			report_rule(
			    v, want, "no packet gets to it, behind another rule", r);
	}
}

static bool is_stray_jump(
    const struct view *v, const struct fw_chain *c, const struct fw_rule *r)
{
	return c->builtin && is_too_much(v->in, own_jump(v->table, c->name, r)) &&
	       !contains(fw_chain_find(v->want, c->name), r);
}

static void check_stray_jumps(const struct view *v, const struct fw_chain *have)
{
	for (size_t i = 0; i < have->n_rules; i++)
		if (is_stray_jump(v, have, &have->rules[i]))
			report_rule(v, have, "too much", &have->rules[i]);
}

/* ---- chains too many */

/* Takes from the suspects what the rules of others jump to: that cannot be removed. */
static bool acquit(const struct view *v, bool *suspect)
{
	bool changed = false;

	for (size_t i = 0; i < v->have->n_chains; i++) {
		const struct fw_chain *c = &v->have->chains[i], *to;

		for (size_t k = 0; !suspect[i] && k < c->n_rules; k++) {
			const struct fw_target *t = &c->rules[k].target;

			if (t->kind != FWT_JUMP || is_stray_jump(v, c, &c->rules[k]))
				continue;
			to = fw_chain_find(v->have, t->chain);
			if (!to || !suspect[to - v->have->chains])
				continue;
			suspect[to - v->have->chains] = false;
			changed = true;
		}
	}
	return changed;
}

static void check_stray_chains(const struct view *v)
{
	bool *suspect = xcalloc(v->have->n_chains + 1, sizeof(*suspect));
	bool any = false;
	char about[256];
	size_t at = 0;

	for (size_t i = 0; i < v->have->n_chains; i++) {
		const struct fw_chain *c = &v->have->chains[i];

		suspect[i] = !c->builtin &&
			     !fw_chain_find_next(v->want, c->name, &at) &&
			     is_too_much(v->in, own_chain(v->table, c->name));
		any |= suspect[i];
	}
	while (any && acquit(v, suspect))
		;
	for (size_t i = 0; i < v->have->n_chains; i++)
		if (suspect[i])
			finding(
			    v->in, chain_name(v, &v->have->chains[i], about), "too much");
	free(suspect);
}

static void check_table(const struct view *v)
{
	char about[256];
	size_t at = 0;

	for (size_t i = 0; i < v->want->n_chains; i++) {
		const struct fw_chain *want = &v->want->chains[i];
		const struct fw_chain *have =
		    fw_chain_find_next(v->have, want->name, &at);
		unsigned owners = own_chain(v->table, want->name);

		if (want->builtin)
			check_shared(v, want, have);
		else if (owners && !have)
			finding(v->in, chain_name(v, want, about), "missing");
		else if (owners & OWN_KUBELET)
			check_shared(v, want, have);
		else if (owners)
			check_own(v, want, have);
	}
	for (size_t i = 0; i < v->have->n_chains; i++)
		if (v->have->chains[i].builtin)
			check_stray_jumps(v, &v->have->chains[i]);
	check_stray_chains(v);
}

void check_tables(struct inspection *in)
{
	family_foreach (f) {
		if (!in_family(in, f))
			continue;
		if (!in->have->fw[f].present) {
			if (in->want->fw[f].present)
				finding(in, family_info(f)->iptables,
				    "the rules could not be read");
			continue;
		}
		for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
			check_table(&(struct view){
			    .in = in,
			    .family = f,
			    .table = t,
			    .want = &in->want->fw[f].tables[t],
			    .have = &in->have->fw[f].tables[t],
			});
	}
}
