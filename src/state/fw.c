/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables, chains and rules as values: built-in names, search, order, equality, hashes.
 * Their text is fw_parse.c's and fw_print.c's. */
#include "config.h"

#include "state/fw.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	const char *chains[6];
} tables[FW_TABLE_COUNT] = {
    [FW_FILTER] = {"filter", {"INPUT", "FORWARD", "OUTPUT"}},
    [FW_NAT] = {"nat", {"PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"}},
    [FW_MANGLE] = {"mangle", {"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"}},
    [FW_RAW] = {"raw", {"PREROUTING", "OUTPUT"}},
    [FW_SECURITY] = {"security", {"INPUT", "FORWARD", "OUTPUT"}},
};

const char *fw_table_name(enum fw_table_id t)
{
	return tables[t].name;
}

bool fw_table_parse(const char *s, enum fw_table_id *ret)
{
	for (unsigned i = 0; i < FW_TABLE_COUNT; i++)
		if (!strcmp(tables[i].name, s)) {
			*ret = (enum fw_table_id)i;
			return true;
		}
	return false;
}

const char *const *fw_builtin_chains(enum fw_table_id t)
{
	return tables[t].chains;
}

/* The place of a built-in chain in hook order, or -1. */
static int builtin_rank(enum fw_table_id t, const char *chain)
{
	for (int i = 0; tables[t].chains[i]; i++)
		if (!strcmp(tables[t].chains[i], chain))
			return i;
	return -1;
}

bool fw_is_builtin(enum fw_table_id t, const char *chain)
{
	return builtin_rank(t, chain) >= 0;
}

/* ---- search and order */

struct fw_chain *fw_chain_find(const struct fw_table *t, const char *name)
{
	size_t lo = 0, hi = t->n_chains;

	for (; lo < hi && t->chains[lo].builtin; lo++)
		if (!strcmp(t->chains[lo].name, name))
			return &t->chains[lo];
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(t->chains[mid].name, name);

		if (!c)
			return &t->chains[mid];
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

struct fw_chain *fw_chain_find_next(const struct fw_table *t, const char *name, size_t *at)
{
	struct fw_chain *c;

	if (*at < t->n_chains && !strcmp(t->chains[*at].name, name))
		return &t->chains[(*at)++];
	c = fw_chain_find(t, name);
	if (c)
		*at = (size_t)(c - t->chains) + 1;
	return c;
}

static int chain_cmp(const void *va, const void *vb, void *ctx)
{
	const struct fw_chain *a = va, *b = vb;
	const enum fw_table_id *id = ctx;

	if (a->builtin != b->builtin)
		return a->builtin ? -1 : 1;
	if (a->builtin)
		return builtin_rank(*id, a->name) - builtin_rank(*id, b->name);
	return strcmp(a->name, b->name);
}

void fw_table_sort(enum fw_table_id id, struct fw_table *t)
{
	size_t i = 1;

	/* What a kernel prints is in order already. */
	while (i < t->n_chains && chain_cmp(&t->chains[i - 1], &t->chains[i], &id) <= 0)
		i++;
	if (i < t->n_chains)
		qsort_r(t->chains, t->n_chains, sizeof(*t->chains), chain_cmp, &id);
}

/* ---- equality */

static bool str_eq(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool prefix_same(const struct prefix *a, const struct prefix *b)
{
	return addr_eq(&a->addr, &b->addr) &&
	       (!addr_is_set(&a->addr) || a->bits == b->bits);
}

static bool recent_eq(const struct fw_recent *a, const struct fw_recent *b)
{
	return a->set == b->set && a->seconds == b->seconds && str_eq(a->name, b->name);
}

static bool ipvs_eq(const struct fw_ipvs *a, const struct fw_ipvs *b)
{
	return a->proto == b->proto && a->port == b->port && addr_eq(&a->addr, &b->addr);
}

static bool match_eq(const struct fw_match *a, const struct fw_match *b)
{
	if (a->kind != b->kind || a->invert != b->invert)
		return false;
	switch ((enum fw_match_kind)a->kind) {
	case FWM_COMMENT:
		return str_eq(a->comment, b->comment);
	case FWM_L4:
		return a->l4.proto == b->l4.proto && a->l4.has_port == b->l4.has_port &&
		       (!a->l4.has_port || a->l4.port == b->l4.port);
	case FWM_ADDRTYPE:
		return a->addrtype.src == b->addrtype.src &&
		       a->addrtype.dst == b->addrtype.dst;
	case FWM_CONNTRACK:
		return a->ctstate == b->ctstate;
	case FWM_MARK:
		return a->mark.value == b->mark.value && a->mark.mask == b->mark.mask;
	case FWM_STATISTIC:
		return a->probability == b->probability;
	case FWM_RECENT:
		return recent_eq(a->recent, b->recent);
	case FWM_SET:
		return a->set.n_dims == b->set.n_dims && a->set.src == b->set.src &&
		       str_eq(a->set.name, b->set.name);
	case FWM_PHYSDEV:
		return true;
	case FWM_IPVS:
		return ipvs_eq(a->ipvs, b->ipvs);
	case FWM_NFACCT:
		return str_eq(a->nfacct, b->nfacct);
	}
	return false;
}

static bool target_eq(const struct fw_target *a, const struct fw_target *b)
{
	if (a->kind != b->kind)
		return false;
	switch ((enum fw_target_kind)a->kind) {
	case FWT_JUMP:
		return a->go == b->go && str_eq(a->chain, b->chain);
	case FWT_MARK:
		return a->mark.value == b->mark.value && a->mark.mask == b->mark.mask;
	case FWT_MASQUERADE:
		return a->random_fully == b->random_fully;
	case FWT_DNAT:
		return a->port == b->port && a->random_fully == b->random_fully &&
		       addr_eq(a->addr, b->addr);
	case FWT_NONE:
	case FWT_ACCEPT:
	case FWT_DROP:
	case FWT_RETURN:
	case FWT_REJECT:
		return true;
	}
	return false;
}

bool fw_rule_eq(const struct fw_rule *a, const struct fw_rule *b)
{
	if (a->opaque || b->opaque)
		return str_eq(a->opaque, b->opaque);
	if (a->proto != b->proto || a->invert != b->invert ||
	    !target_eq(&a->target, &b->target) || !prefix_same(&a->src, &b->src) ||
	    !prefix_same(&a->dst, &b->dst) || !str_eq(a->in, b->in) ||
	    !str_eq(a->out, b->out) || a->n_matches != b->n_matches)
		return false;
	for (size_t i = 0; i < a->n_matches; i++)
		if (!match_eq(&a->matches[i], &b->matches[i]))
			return false;
	return true;
}

/* ---- hashes */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static uint64_t mix_str(uint64_t h, const char *s)
{
	return s ? hash_bytes(s, strlen(s), h) : mix(h, 1);
}

static uint64_t mix_addr(uint64_t h, const struct addr *a)
{
	return hash_bytes(a->b, a->len, mix(h, a->len));
}

static uint64_t mix_prefix(uint64_t h, const struct prefix *p)
{
	return addr_is_set(&p->addr) ? mix_addr(mix(h, p->bits), &p->addr) : mix(h, 2);
}

static uint64_t mix_match(uint64_t h, const struct fw_match *m)
{
	h = mix(h, (uint64_t)m->kind << 1 | m->invert);
	switch ((enum fw_match_kind)m->kind) {
	case FWM_COMMENT:
		return mix_str(h, m->comment);
	case FWM_L4:
		return mix(h, (uint64_t)m->l4.proto << 32 |
				  (m->l4.has_port ? 0x10000u : 0) |
				  (m->l4.has_port ? m->l4.port : 0));
	case FWM_ADDRTYPE:
		return mix(h, (uint64_t)m->addrtype.src << 16 | m->addrtype.dst);
	case FWM_CONNTRACK:
		return mix(h, m->ctstate);
	case FWM_MARK:
		return mix(h, (uint64_t)m->mark.value << 32 | m->mark.mask);
	case FWM_STATISTIC:
		return mix(h, m->probability);
	case FWM_RECENT:
		return mix_str(mix(h, (uint64_t)m->recent->seconds << 1 | m->recent->set),
		    m->recent->name);
	case FWM_SET:
		return mix_str(
		    mix(h, (uint64_t)m->set.n_dims << 8 | m->set.src), m->set.name);
	case FWM_PHYSDEV:
		return h;
	case FWM_IPVS:
		return mix_addr(mix(h, (uint64_t)m->ipvs->proto << 16 | m->ipvs->port),
		    &m->ipvs->addr);
	case FWM_NFACCT:
		return mix_str(h, m->nfacct);
	}
	return h;
}

static uint64_t mix_target(uint64_t h, const struct fw_target *t)
{
	h = mix(h, t->kind);
	if (t->kind == FWT_JUMP)
		return mix_str(mix(h, t->go), t->chain);
	if (t->kind == FWT_MARK)
		return mix(h, (uint64_t)t->mark.value << 32 | t->mark.mask);
	if (t->kind == FWT_MASQUERADE)
		return mix(h, t->random_fully);
	if (t->kind == FWT_DNAT)
		return mix_addr(
		    mix(h, (uint64_t)t->port << 1 | t->random_fully), t->addr);
	return h;
}

uint64_t fw_rule_hash(const struct fw_rule *r)
{
	uint64_t h = 0;

	if (r->opaque)
		return mix_str(3, r->opaque);
	h = mix(h, (uint64_t)r->proto << 8 | r->invert);
	h = mix_prefix(h, &r->src);
	h = mix_prefix(h, &r->dst);
	h = mix_str(h, r->in);
	h = mix_str(h, r->out);
	for (unsigned i = 0; i < r->n_matches; i++)
		h = mix_match(h, &r->matches[i]);
	return mix_target(h, &r->target);
}

/* ---- chains */

/* Rules and how often each occurs: a multiset with open addressing. */
struct rule_count {
	const struct fw_rule *rule;
	uint64_t hash;
	size_t n;
};

static struct rule_count *count_slot(
    struct rule_count *slots, size_t mask, const struct fw_rule *r)
{
	uint64_t h = fw_rule_hash(r);
	size_t i = h & mask;

	while (slots[i].rule && (slots[i].hash != h || !fw_rule_eq(slots[i].rule, r)))
		i = (i + 1) & mask;
	slots[i].hash = h;
	return &slots[i];
}

static bool same_multiset(const struct fw_rule *a, const struct fw_rule *b, size_t n)
{
	struct rule_count *slots;
	bool same = true;
	size_t size = 16;

	while (size < n * 2)
		size *= 2;
	slots = xcalloc(size, sizeof(*slots));
	for (size_t i = 0; i < n; i++) {
		struct rule_count *c = count_slot(slots, size - 1, &a[i]);

		c->rule = c->rule ? c->rule : &a[i];
		c->n++;
	}
	for (size_t i = 0; i < n && same; i++) {
		struct rule_count *c = count_slot(slots, size - 1, &b[i]);

		same = c->rule && c->n;
		if (same)
			c->n--;
	}
	free(slots);
	return same;
}

static bool same_sequence(const struct fw_rule *a, const struct fw_rule *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!fw_rule_eq(&a[i], &b[i]))
			return false;
	return true;
}

bool fw_chain_eq(const struct fw_chain *a, const struct fw_chain *b)
{
	const struct fw_chain *loose = a->unordered ? a : b->unordered ? b : NULL;
	size_t n = a->n_rules, tail = n;

	if (a->n_rules != b->n_rules)
		return false;
	if (loose)
		tail = loose->n_tail < n ? loose->n_tail : n;
	/* Most often nothing was shuffled: then no table is needed. */
	return same_sequence(a->rules + n - tail, b->rules + n - tail, tail) &&
	       (same_sequence(a->rules, b->rules, n - tail) ||
		   same_multiset(a->rules, b->rules, n - tail));
}

uint32_t fw_probability(unsigned n)
{
	char text[32];

	/* kube-proxy prints the quotient with ten decimals and iptables reads that: the
	 * detour changes the last bits for n = 44, 51, 71, ... */
	snprintf(text, sizeof(text), "%.10f", 1.0 / n);
	return (uint32_t)(2147483648.0 * strtod(text, NULL) + 0.5);
}
