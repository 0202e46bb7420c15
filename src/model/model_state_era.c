/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which kube-proxy releases write what a node has: each sign narrows the range. Chains
 * that kubelet makes too say nothing.
 */
#include "config.h"

#include "model/model_state.h"

#include <string.h>

static bool has_chain(const struct fw_table *t, const char *name)
{
	return fw_chain_find(t, name);
}

static bool has_prefix(const struct fw_table *t, const char *prefix)
{
	for (size_t i = 0; i < t->n_chains; i++)
		if (!strncmp(t->chains[i].name, prefix, strlen(prefix)))
			return true;
	return false;
}

/* A rule of a chain (any with that beginning) that the test knows. */
static bool has_rule(
    const struct fw_table *t, const char *prefix, bool (*test)(const struct fw_rule *r))
{
	for (size_t i = 0; i < t->n_chains; i++) {
		const struct fw_chain *c = &t->chains[i];

		if (strncmp(c->name, prefix, strlen(prefix)))
			continue;
		for (size_t k = 0; k < c->n_rules; k++)
			if (test(&c->rules[k]))
				return true;
	}
	return false;
}

static bool has_nfacct(const struct fw_rule *r)
{
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind == FWM_NFACCT)
			return true;
	return false;
}

static bool marks_alone(const struct fw_rule *r)
{
	return !r->opaque && r->target.kind == FWT_MARK;
}

static bool drops_by_mark(const struct fw_rule *r)
{
	return r->target.kind == FWT_JUMP && !strcmp(r->target.chain, "KUBE-MARK-DROP");
}

static bool ends_in_note(const struct fw_rule *r)
{
	return !r->opaque && r->target.kind == FWT_NONE;
}

static bool names_its_endpoint(const struct fw_rule *r)
{
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind == FWM_COMMENT &&
		    strstr(r->matches[i].comment, " -> "))
			return true;
	return false;
}

static bool balances_by_number(const struct fw_rule *r)
{
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind == FWM_COMMENT &&
		    !strncmp(r->matches[i].comment, "Balancing rule", 14))
			return true;
	return false;
}

static void from(struct era *e, bool sign, int minor)
{
	if (sign && minor > e->from)
		e->from = minor;
}

static void to(struct era *e, bool sign, int minor)
{
	if (sign && (!e->to || minor < e->to))
		e->to = minor;
}

static struct era era_iptables(const struct fw_ruleset *rs)
{
	const struct fw_table *nat = &rs->tables[FW_NAT];
	const struct fw_table *filter = &rs->tables[FW_FILTER];
	bool guard = has_chain(filter, "KUBE-PROXY-FIREWALL");
	struct era e = {.from = 1};

	from(&e, has_chain(nat, "KUBE-POSTROUTING"), 2);
	from(&e, has_prefix(nat, "KUBE-EXT-") || has_prefix(nat, "KUBE-SVL-"), 24);
	from(&e, has_rule(nat, "KUBE-SVC-", names_its_endpoint), 24);
	from(&e, guard, 25);
	from(&e, has_rule(nat, "KUBE-FW-", ends_in_note), 27);
	from(&e,
	    has_rule(nat, "KUBE-NODEPORTS", has_nfacct) ||
		has_rule(filter, "KUBE-FORWARD", has_nfacct),
	    31);
	to(&e, has_chain(filter, "KUBE-SERVICES") && !guard, 24);
	to(&e, has_rule(nat, "KUBE-S", drops_by_mark), 24);
	to(&e, has_prefix(nat, "KUBE-XLB-"), 23);
	to(&e, has_rule(nat, "KUBE-XLB-", balances_by_number), 22);
	to(&e, has_rule(nat, "KUBE-SEP-", marks_alone), 1);
	/* Leftovers of an older release do not make the node older. */
	if (e.to && e.to < e.from)
		e.to = 0;
	return e;
}

static bool returns_for(const struct fw_chain *c, const char *set)
{
	for (size_t i = 0; c && i < c->n_rules; i++)
		for (unsigned k = 0; k < c->rules[i].n_matches; k++) {
			const struct fw_match *m = &c->rules[i].matches[k];

			if (m->kind == FWM_SET && strstr(m->set.name, set) &&
			    c->rules[i].target.kind == FWT_RETURN)
				return true;
		}
	return false;
}

static struct era era_ipvs(const struct fw_ruleset *rs)
{
	const struct fw_table *filter = &rs->tables[FW_FILTER];
	const struct fw_chain *guard = fw_chain_find(filter, "KUBE-IPVS-FILTER");
	bool out = has_chain(filter, "KUBE-IPVS-OUT-FILTER");
	bool ranges = has_chain(filter, "KUBE-SOURCE-RANGES-FIREWALL");
	struct era e = {.from = 8};

	from(&e, ranges, 25);
	from(&e, guard, 26);
	from(&e, out, 29);
	/* The two RETURN rules were back-ported by two releases. */
	from(&e, returns_for(guard, "EXTERNAL-IP-LOCAL"), 28);
	to(&e, has_chain(filter, "KUBE-FORWARD") && !ranges, 24);
	to(&e, ranges && !guard, 25);
	to(&e, guard && !out, 28);
	if (e.to && e.to < e.from)
		e.to = 0;
	return e;
}

struct era state_era(const struct state *s, enum family f, unsigned mode)
{
	return mode == MODE_BIT(MODE_IPVS) ? era_ipvs(&s->fw[f])
					   : era_iptables(&s->fw[f]);
}
