/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets stand for all clients of all services. */
#include "config.h"

#include "verify/walk_cases.h"

#include <string.h>

const char *walk_client_name(enum walk_client c)
{
	static const char *const names[CLIENT_COUNT] = {
	    [CLIENT_POD] = "a pod",
	    [CLIENT_SELF] = "an endpoint on this node",
	    [CLIENT_NODE] = "the node itself",
	    [CLIENT_OUTSIDE] = "outside",
	    [CLIENT_ALLOWED] = "an allowed client outside",
	};

	return names[c];
}

/* ---- clients */

/* One near the end of the prefix, where no endpoint is. */
static struct addr inside(struct prefix p)
{
	unsigned last = p.addr.len - 1u, before = last * 8u;

	prefix_normalize(&p);
	p.addr.b[last] |= 0xfb & (0xff >> (p.bits > before ? p.bits - before : 0));
	return p.addr;
}

static bool first_of(
    const struct prefix *list, size_t n, enum family f, struct prefix *ret)
{
	for (size_t i = 0; i < n; i++)
		if (addr_family(&list[i].addr) == f) {
			*ret = list[i];
			return true;
		}
	return false;
}

/* The interface that pods are behind, as far as settings tell it. */
static const char *pod_interface(const struct conf *c)
{
	if (c->detect_local == DETECT_BRIDGE)
		return c->bridge;
	return c->detect_local == DETECT_INTERFACE_PREFIX ? c->interface_prefix : "cni0";
}

static const char *outside_interface(const struct conf *c, enum family f)
{
	for (size_t i = 0; i < c->n_addrs; i++)
		if (addr_family(&c->addrs[i].addr) == f && *c->addrs[i].ifname &&
		    !addr_is_loopback(&c->addrs[i].addr))
			return c->addrs[i].ifname;
	return "eth0";
}

static const struct endpoint *local_endpoint(
    const struct conf *c, const struct traffic *t)
{
	for (size_t i = 0; i < t->n_all; i++)
		if (endpoint_is_local(t->all[i], c))
			return t->all[i];
	return NULL;
}

/* Of TEST-NET-2 and the documentation prefix, in which no cluster is. */
static struct addr stranger(enum family f)
{
	struct addr a = {0};

	addr_parse(f == FAMILY_4 ? "198.51.100.77" : "2001:db8:51::77", &a);
	return a;
}

bool walk_client_packet(const struct conf *c, enum walk_client client,
    const struct service *s, const struct traffic *t, struct walk_packet *p)
{
	const struct endpoint *e;
	struct prefix net;

	p->src = (struct addr){0};
	p->in = client == CLIENT_POD || client == CLIENT_SELF
		    ? pod_interface(c)
		    : outside_interface(c, p->family);
	switch (client) {
	case CLIENT_POD:
		if (!first_of(c->node_pod_cidrs, c->n_node_pod_cidrs, p->family, &net) &&
		    !first_of(c->cluster_cidrs, c->n_cluster_cidrs, p->family, &net))
			return false;
		p->src = inside(net);
		return true;
	case CLIENT_SELF:
		e = local_endpoint(c, t);
		if (e)
			p->src = e->addr;
		return e != NULL;
	case CLIENT_NODE:
		p->in = NULL;
		return true;
	case CLIENT_OUTSIDE:
		p->src = stranger(p->family);
		return true;
	case CLIENT_ALLOWED:
		if (!first_of(s->ranges, s->n_ranges, p->family, &net))
			return false;
		p->src = inside(net);
		return !addr_is_loopback(&p->src); /* the kernel drops those */
	}
	return false;
}

/* ---- ways in */

struct each {
	const struct conf *conf;
	struct walk_case now;
	struct node_ports ports[FAMILY_COUNT];
	walk_case_fn *fn;
	void *data;
};

static void each_client(struct each *e, const struct addr *dst, uint16_t port)
{
	struct walk_packet *p = &e->now.packet;

	p->dst = *dst;
	p->port = port;
	for (enum walk_client c = 0; c < CLIENT_COUNT; c++) {
		e->now.client = c;
		if (walk_client_packet(e->conf, c, e->now.svc, e->now.traffic, p))
			e->fn(&e->now, e->data);
	}
}

static void each_frontend(struct each *e)
{
	const struct service *s = e->now.svc;
	enum family f = e->now.packet.family;
	const struct node_ports *ports = &e->ports[f];

	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];

		e->now.frontend = fe;
		if (fe->kind == FE_NODE_PORT) {
			for (size_t k = 0; k < ports->n_addrs; k++)
				if (!addr_is_loopback(&ports->addrs[k]))
					each_client(e, &ports->addrs[k], fe->port);
		} else if (addr_family(&fe->addr) == f &&
			   frontend_is_served(fe, e->conf)) {
			each_client(e, &fe->addr, fe->port);
		}
	}
}

static void each_family(
    struct each *e, const struct service *s, unsigned families, struct traffic *t)
{
	family_foreach (f) {
		if (!(families & FAMILY_BIT(f)))
			continue;
		e->now = (struct walk_case){
		    .svc = s,
		    .traffic = t,
		    .packet = {.family = f, .proto = s->proto},
		};
		traffic_select(s, e->conf, f, t);
		if (t->has_family)
			each_frontend(e);
	}
}

void walk_each_case(const struct model *m, size_t from, size_t to, const struct conf *c,
    unsigned families, walk_case_fn *fn, void *data)
{
	struct arena *a = arena_new();
	struct each e = {.conf = c, .fn = fn, .data = data};
	struct traffic t = {0};

	family_foreach (f)
		if (families & FAMILY_BIT(f))
			node_ports_select(c, f, a, &e.ports[f]);
	for (size_t i = from; i < to; i++)
		each_family(&e, &m->services[i], families, &t);
	traffic_free(&t);
	arena_free(a);
}

/* ---- the node */

void walk_add_node(struct state *s, const struct conf *c)
{
	struct vip_table *v = &s->vips;
	struct vip_addr *all =
	    arena_array(s->arena, struct vip_addr, v->n_addrs + c->n_addrs);

	if (v->n_addrs)
		memcpy(all, v->addrs, v->n_addrs * sizeof(*all));
	for (size_t i = 0; i < c->n_addrs; i++)
		all[v->n_addrs + i] = (struct vip_addr){
		    .link = *c->addrs[i].ifname ? c->addrs[i].ifname : "eth0",
		    .prefix = prefix_host(&c->addrs[i].addr),
		};
	v->addrs = all;
	v->n_addrs += c->n_addrs;
	vip_sort(v);
}
