/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frontends and the endpoints that may answer for them. Policies are left out on purpose:
 * a pod may use a service's external address under another one than the world outside.
 */
#include "config.h"

#include "emit/answers.h"

#include "base/vec.h"
#include "model/traffic.h"

struct maker {
	const struct conf *conf;
	struct arena *arena;
	enum family family;
	struct node_ports nodes;
	VEC(struct lvs_service) services;
};

static void add(struct maker *mk, const struct service *s, const struct addr *a,
    uint16_t port, struct lvs_dest *dests, size_t n)
{
	struct lvs_service v = {
	    .key = {.addr = *a,
		.port = port,
		.proto = s->proto,
		.family = (uint8_t)mk->family},
	    .dests = dests,
	    .n_dests = n,
	    .why = s->spn,
	};

	vec_push(&mk->services, v);
}

/* A terminating endpoint serves when there is no other. */
static struct lvs_dest *dests_of(struct maker *mk, const struct service *s, size_t *n)
{
	struct lvs_dest *v = arena_array(mk->arena, struct lvs_dest, s->n_endpoints);

	*n = 0;
	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct endpoint *e = &s->endpoints[i];

		if (addr_family(&e->addr) == mk->family && (e->ready || e->serving))
			v[(*n)++] = (struct lvs_dest){.addr = e->addr, .port = e->port};
	}
	return v;
}

static void add_service(struct maker *mk, const struct service *s)
{
	size_t n;
	struct lvs_dest *dests = dests_of(mk, s, &n);

	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];

		if (fe->kind == FE_NODE_PORT) {
			for (size_t k = 0; k < mk->nodes.n_addrs; k++)
				add(mk, s, &mk->nodes.addrs[k], fe->port, dests, n);
			continue;
		}
		if (addr_family(&fe->addr) == mk->family &&
		    frontend_is_served(fe, mk->conf))
			add(mk, s, &fe->addr, fe->port, dests, n);
	}
}

void emit_answers(const struct model *m, const struct conf *c, uint8_t proto,
    unsigned families, struct arena *a, struct lvs_table *ret)
{
	struct maker mk = {.conf = c, .arena = a};
	struct lvs_table t = {.present = true};

	family_foreach (f) {
		if (!(families & FAMILY_BIT(f)))
			continue;
		mk.family = f;
		node_ports_select(c, f, a, &mk.nodes);
		for (size_t i = 0; i < m->n_services; i++)
			if (m->services[i].proto == proto &&
			    m->services[i].families & FAMILY_BIT(f))
				add_service(&mk, &m->services[i]);
	}
	vec_take(&mk.services, a, t.services, t.n_services);
	lvs_sort(&t);
	*ret = t;
}
