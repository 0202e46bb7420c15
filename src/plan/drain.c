/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which real servers stay for a while although nobody wants them any more. */
#include "config.h"

#include "plan/drain.h"

#include <netinet/in.h>

static bool may_stay(const struct ledger *l, uint64_t now, const struct lvs_service *s,
    const struct lvs_dest *d)
{
	const struct ledger_leaving *e;

	if (s->key.proto != IPPROTO_TCP || d->active + d->inactive == 0)
		return false;
	e = ledger_find_leaving(l, &s->key, d);
	return !e || e->deadline > now;
}

/* Puts the real servers of have that may stay beside those of s. */
static void drain_service(struct lvs_service *s, const struct lvs_service *have,
    const struct ledger *l, uint64_t now, struct arena *a)
{
	struct lvs_dest *both;
	size_t n = s->n_dests;

	both = arena_array(a, struct lvs_dest, s->n_dests + have->n_dests);
	for (size_t i = 0; i < n; i++)
		both[i] = s->dests[i];
	for (size_t i = 0; i < have->n_dests; i++) {
		const struct lvs_dest *d = &have->dests[i];

		if (lvs_find_dest(s, d) || !may_stay(l, now, s, d))
			continue;
		both[n] = *d;
		both[n++].weight = 0;
	}
	if (n == s->n_dests)
		return;
	lvs_sort_dests(both, n);
	s->dests = both;
	s->n_dests = n;
}

static bool is_any_leaving(const struct lvs_service *want, const struct lvs_service *have)
{
	for (size_t i = 0; i < have->n_dests; i++)
		if (!lvs_find_dest(want, &have->dests[i]))
			return true;
	return false;
}

void drain_servers(const struct lvs_table *want, const struct lvs_table *have,
    const struct ledger *l, uint64_t now, struct arena *a, struct lvs_table *ret)
{
	struct lvs_table t = *want;

	t.services =
	    arena_copy(a, want->services, want->n_services * sizeof(*t.services));
	for (size_t i = 0; i < t.n_services; i++) {
		const struct lvs_service *h = lvs_find(have, &t.services[i].key);

		if (h && is_any_leaving(&t.services[i], h))
			drain_service(&t.services[i], h, l, now, a);
	}
	*ret = t;
}

size_t drain_count(const struct lvs_table *want, const struct lvs_table *drained)
{
	size_t n = 0;

	for (size_t i = 0; i < drained->n_services; i++)
		n += drained->services[i].n_dests - want->services[i].n_dests;
	return n;
}

/* ---- connections that end */

static size_t carried(const struct lvs_service *now, const struct lvs_service *want)
{
	size_t n = 0;

	for (size_t i = 0; now && i < now->n_dests; i++)
		if (!want || !lvs_find_dest(want, &now->dests[i]))
			n += now->dests[i].active;
	return n;
}

size_t drain_carried(const struct plan *p, const struct lvs_table *now)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct op *op = &p->ops[i];
		const struct lvs_service *s = op->have;

		if (op->kind == KIND_LVS && op->sub == SUB_NONE && s &&
		    s->key.proto != IPPROTO_UDP)
			n += carried(lvs_find(now, &s->key), op->want);
	}
	return n;
}

/* ---- ledger */

static void keep_other_families(
    struct ledger *l, const struct ledger *old, unsigned families)
{
	for (size_t i = 0; i < old->n_servers; i++)
		if (!(families & FAMILY_BIT(old->servers[i].family)))
			l->servers[l->n_servers++] = old->servers[i];
	for (size_t i = 0; i < old->n_leaving; i++)
		if (!(families & FAMILY_BIT(old->leaving[i].server.family)))
			l->leaving[l->n_leaving++] = old->leaving[i];
}

static void add_leaving(struct ledger *l, const struct lvs_service *want,
    const struct lvs_service *drained, const struct ledger *old, uint64_t deadline)
{
	for (size_t i = 0; i < drained->n_dests; i++) {
		const struct lvs_dest *d = &drained->dests[i];
		const struct ledger_leaving *e;

		if (lvs_find_dest(want, d))
			continue;
		e = ledger_find_leaving(old, &want->key, d);
		l->leaving[l->n_leaving++] = (struct ledger_leaving){
		    .server = want->key,
		    .addr = d->addr,
		    .port = d->port,
		    .deadline = e ? e->deadline : deadline,
		};
	}
}

void drain_ledger(const struct lvs_table *want, const struct lvs_table *drained,
    unsigned families, const struct ledger *old, uint64_t deadline, struct arena *a,
    struct ledger *ret)
{
	struct ledger l = {0};
	size_t n = drain_count(want, drained) + old->n_leaving;

	l.servers = arena_array(a, struct lvs_key, want->n_services + old->n_servers);
	l.leaving = arena_array(a, struct ledger_leaving, n);
	for (size_t i = 0; i < want->n_services; i++) {
		const struct lvs_service *s = &want->services[i];

		if (!(families & FAMILY_BIT(s->key.family)))
			continue;
		if (!s->key.fwmark)
			l.servers[l.n_servers++] = s->key;
		add_leaving(&l, s, &drained->services[i], old, deadline);
	}
	keep_other_families(&l, old, families);
	ledger_sort(&l);
	*ret = l;
}
