/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which service an object belongs to. A wanted rule or virtual server says so itself, a
 * rule that was read says it in its comment; a set entry or an address knows only
 * numbers, and is looked up among the former.
 */
#include "config.h"

#include "plan/change.h"

#include <string.h>

/* What a service can be known by. */
enum place_kind {
	PLACE_ADDR,	/* one of its addresses */
	PLACE_FRONTEND, /* address, port and protocol */
	PLACE_PORT,	/* port and protocol on any address: node ports */
	PLACE_ENDPOINT, /* address and port of an endpoint */
	PLACE_CHAIN,
};

struct place {
	enum place_kind kind;
	uint8_t proto;
	uint16_t port;
	struct addr addr;
	const char *chain;
	const char *service; /* NULL: several */
};

struct service_index {
	struct arena *arena;
	VEC(struct place) places;
};

static int cmp_place(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;
	int c;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == PLACE_CHAIN)
		return strcmp(a->chain, b->chain);
	c = addr_cmp(&a->addr, &b->addr);
	if (c)
		return c;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return (int)a->proto - (int)b->proto;
}

/* "default/web" of "default/web:http". */
static const char *without_port(struct service_index *x, const char *service)
{
	const char *colon = strchr(service, ':');

	return colon ? arena_strndup(x->arena, service, (size_t)(colon - service))
		     : service;
}

/* The word of a kube-proxy comment that names a service port: "default/web:http -> ...".
 * "https://..." or a path is no such name. */
static const char *service_in_comment(struct service_index *x, const char *s)
{
	size_t n;

	for (; *s; s += n + (s[n] == ' ')) {
		const char *slash;

		n = strcspn(s, " ");
		slash = memchr(s, '/', n);
		if (slash && slash > s && slash[1] != '/' && slash + 1 < s + n)
			return arena_strndup(x->arena, s, n);
	}
	return NULL;
}

/* Other things have a reason too, such as a line of a rules file. */
static const char *as_service(const char *why)
{
	return why && strchr(why, '/') ? why : NULL;
}

static const char *service_of_rule(struct service_index *x, const struct fw_rule *r)
{
	const char *ret = as_service(r->why);

	for (size_t i = 0; !ret && i < r->n_matches; i++)
		if (r->matches[i].kind == FWM_COMMENT)
			ret = service_in_comment(x, r->matches[i].comment);
	return ret;
}

/* Chains of one service port or endpoint end in a hash. */
static bool is_service_chain(const char *name)
{
	const char *dash = strrchr(name, '-');

	return dash && strlen(dash + 1) == 16;
}

static void add(struct service_index *x, struct place p, const char *service)
{
	p.service = service;
	vec_push(&x->places, p);
}

static void add_rule(struct service_index *x, const char *chain, const struct fw_rule *r)
{
	const char *service = service_of_rule(x, r);
	struct place p = {.addr = r->dst.addr};

	if (!service)
		return;
	if (is_service_chain(chain))
		add(x, (struct place){.kind = PLACE_CHAIN, .chain = chain}, service);
	for (size_t i = 0; i < r->n_matches; i++) {
		const struct fw_match *m = &r->matches[i];

		if (m->kind == FWM_L4 && m->l4.has_port) {
			p.port = m->l4.port;
			p.proto = m->l4.proto;
		}
	}
	if (!p.port)
		return;
	p.kind = addr_is_set(&p.addr) ? PLACE_FRONTEND : PLACE_PORT;
	add(x, p, service);
	if (p.kind == PLACE_FRONTEND)
		add(x, (struct place){.kind = PLACE_ADDR, .addr = p.addr},
		    without_port(x, service));
}

static void add_server(struct service_index *x, const struct lvs_service *s)
{
	struct place p = {
	    .kind = PLACE_FRONTEND,
	    .proto = s->key.proto,
	    .port = s->key.port,
	    .addr = s->key.addr,
	};

	if (!as_service(s->why))
		return;
	add(x, p, s->why);
	add(x, (struct place){.kind = PLACE_ADDR, .addr = p.addr},
	    without_port(x, s->why));
	p.kind = PLACE_PORT;
	p.addr = (struct addr){0};
	add(x, p, s->why);
	for (size_t i = 0; i < s->n_dests; i++)
		add(x,
		    (struct place){.kind = PLACE_ENDPOINT,
			.addr = s->dests[i].addr,
			.port = s->dests[i].port},
		    s->why);
}

static void add_side(struct service_index *x, const struct op *op, const void *side)
{
	const struct fw_chain *c = side;

	if (!side)
		return;
	if (op->kind == KIND_LVS && op->sub == SUB_NONE)
		add_server(x, side);
	for (size_t i = 0; op->kind == KIND_FW && i < c->n_rules; i++)
		add_rule(x, c->name, &c->rules[i]);
}

/* One entry per place; those that several services share say nothing. */
static void unite(struct service_index *x)
{
	size_t n = 0;

	if (x->places.n)
		qsort(x->places.v, x->places.n, sizeof(*x->places.v), cmp_place);
	for (size_t i = 0; i < x->places.n; i++) {
		struct place *last = n ? &x->places.v[n - 1] : NULL;
		const struct place *p = &x->places.v[i];

		if (!last || cmp_place(last, p))
			x->places.v[n++] = *p;
		else if (last->service && strcmp(last->service, p->service))
			last->service = NULL;
	}
	x->places.n = n;
}

struct service_index *service_index_new(const struct plan *p)
{
	struct service_index *x = xcalloc(1, sizeof(*x));

	x->arena = arena_new();
	for (size_t i = 0; i < p->n_ops; i++) {
		add_side(x, &p->ops[i], p->ops[i].have);
		add_side(x, &p->ops[i], p->ops[i].want);
	}
	unite(x);
	return x;
}

void service_index_free(struct service_index *x)
{
	if (!x)
		return;
	vec_free(&x->places);
	arena_free(x->arena);
	free(x);
}

static const char *look_up(const struct service_index *x, struct place p)
{
	const struct place *found;

	if (!x->places.n)
		return NULL;
	found = bsearch(&p, x->places.v, x->places.n, sizeof(p), cmp_place);
	return found ? found->service : NULL;
}

static const char *of_addr(const struct service_index *x, const struct addr *a)
{
	return look_up(x, (struct place){.kind = PLACE_ADDR, .addr = *a});
}

static const char *of_entry(
    const struct service_index *x, const struct kset *s, const struct kset_entry *e)
{
	struct place p = {
	    .kind = PLACE_FRONTEND, .proto = e->proto, .port = e->port, .addr = e->ip};

	switch (s->type) {
	case KSET_HASH_IP:
		return of_addr(x, &e->ip);
	case KSET_HASH_IP_PORT:
	case KSET_HASH_IP_PORT_NET:
		return look_up(x, p);
	case KSET_HASH_IP_PORT_IP:
		p.kind = PLACE_ENDPOINT;
		p.proto = 0;
		return look_up(x, p);
	case KSET_BITMAP_PORT:
		p.kind = PLACE_PORT;
		p.addr = (struct addr){0};
		p.proto = strstr(s->name, "UDP") ? 17 : 6;
		return look_up(x, p);
	case KSET_OTHER:
		break;
	}
	return NULL;
}

static const char *of_server(const struct service_index *x, const struct lvs_service *s)
{
	if (as_service(s->why))
		return s->why;
	return look_up(x, (struct place){.kind = PLACE_FRONTEND,
			      .proto = s->key.proto,
			      .port = s->key.port,
			      .addr = s->key.addr});
}

static const char *of_chain(const struct service_index *x, const struct op *op)
{
	const struct fw_chain *c = op->want ? op->want : op->have;

	if (as_service(op->why))
		return op->why;
	return look_up(x, (struct place){.kind = PLACE_CHAIN, .chain = c->name});
}

const char *service_of_op(const struct service_index *x, const struct op *op)
{
	const void *side = op->want ? op->want : op->have;

	if (op->kind == KIND_FW)
		return of_chain(x, op);
	if (op->kind == KIND_LVS && op->sub == SUB_NONE)
		return as_service(op->why) ? op->why : of_server(x, side);
	if (op->sub == SUB_VIP_ADDR)
		return of_addr(x, &((const struct vip_addr *)side)->prefix.addr);
	return NULL;
}

const char *service_of_change(struct service_index *x, const struct change *c)
{
	const struct op *op = c->op;
	const struct fw_rule *r = change_object(c);
	const char *service = NULL;

	if (c->type == CHANGE_ENTRY)
		return of_entry(x, op->want ? op->want : op->have, change_object(c));
	if (c->type == CHANGE_RULE) {
		service = service_of_rule(x, r);
		if (service)
			return service;
	}
	return service_of_op(x, op);
}
