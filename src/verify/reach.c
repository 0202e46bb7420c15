/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a frontend leads in a state: for reports, which do not ask for whom. */
#include "config.h"

#include "verify/reach.h"
#include "base/vec.h"
#include "state/own.h"

#include <string.h>

/* Chains of chains: services, policy, service, endpoint; and one to spare. */
#define MAX_DEPTH 6

struct found {
	struct arena *a;
	VEC(const char *) list;
};

static void add(struct found *f, const struct addr *addr, uint16_t port)
{
	char text[ADDRPORT_STRLEN];

	vec_push(&f->list, arena_strdup(f->a, addrport_format(addr, port, text)));
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *const *finish(struct found *f)
{
	const char **ret;
	size_t n = 0;

	if (f->list.n)
		qsort(f->list.v, f->list.n, sizeof(*f->list.v), cmp_text);
	for (size_t i = 0; i < f->list.n; i++)
		if (!n || strcmp(f->list.v[n - 1], f->list.v[i]) != 0)
			f->list.v[n++] = f->list.v[i];
	f->list.n = n;
	vec_push(&f->list, NULL);
	vec_take(&f->list, f->a, ret, n);
	return ret;
}

/* ---- chains */

static void follow(
    struct found *f, const struct fw_table *nat, const char *chain, unsigned depth)
{
	const struct fw_chain *c = fw_chain_find(nat, chain);

	for (size_t i = 0; c && i < c->n_rules; i++) {
		const struct fw_target *t = &c->rules[i].target;

		if (c->rules[i].opaque)
			continue;
		if (t->kind == FWT_DNAT)
			add(f, t->addr, t->port);
		else if (t->kind == FWT_JUMP && depth < MAX_DEPTH)
			follow(f, nat, t->chain, depth + 1);
	}
}

static bool rule_is_way(const struct fw_rule *r, const struct reach_way *w)
{
	if (r->opaque || r->target.kind != FWT_JUMP || r->proto != w->proto || r->invert)
		return false;
	if (w->addr && (!addr_is_set(&r->dst.addr) || addr_cmp(&r->dst.addr, w->addr)))
		return false;
	for (size_t i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind == FWM_L4 && r->matches[i].l4.has_port)
			return r->matches[i].l4.port == w->port;
	return false;
}

static void by_chains(struct found *f, const struct state *s, const struct reach_way *w)
{
	const struct fw_table *nat = &s->fw[w->family].tables[FW_NAT];
	const struct fw_chain *c =
	    fw_chain_find(nat, w->addr ? "KUBE-SERVICES" : "KUBE-NODEPORTS");

	for (size_t i = 0; c && i < c->n_rules; i++)
		if (rule_is_way(&c->rules[i], w))
			follow(f, nat, c->rules[i].target.chain, 0);
}

/* ---- virtual servers */

static bool server_is_way(
    const struct state *s, const struct lvs_service *v, const struct reach_way *w)
{
	if (v->key.fwmark || v->key.family != w->family || v->key.proto != w->proto ||
	    v->key.port != w->port)
		return false;
	return w->addr ? !addr_cmp(&v->key.addr, w->addr)
		       : !vip_find_addr_on(&s->vips, VIP_LINK, &v->key.addr);
}

static void by_servers(struct found *f, const struct state *s, const struct reach_way *w)
{
	for (size_t i = 0; i < s->lvs.n_services; i++) {
		const struct lvs_service *v = &s->lvs.services[i];

		if (!server_is_way(s, v, w))
			continue;
		for (size_t k = 0; k < v->n_dests; k++)
			if (v->dests[k].weight > 0)
				add(f, &v->dests[k].addr, v->dests[k].port);
	}
}

const char *const *reach_endpoints(
    const struct state *s, const struct reach_way *w, struct arena *a)
{
	struct found f = {.a = a};

	if (own_modes_carrying(s, w->family) == OWN_IPTABLES)
		by_chains(&f, s, w);
	else
		by_servers(&f, s, w);
	return finish(&f);
}
