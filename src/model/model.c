/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model and its builder: collects services and nodes in any order, then sorts, checks
 * and freezes them. What a field means to Kubernetes is left to the loaders.
 */
#include "config.h"

#include "model/model.h"
#include "model/model_load.h"

#include "base/hash.h"
#include "base/vec.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model_builder {
	struct arena *arena;
	VEC(struct service) services;
	VEC(struct model_node) nodes;
	/* Open addressing; the capacity is a power of two and at most half is used. */
	const char **strings;
	size_t n_strings, cap_strings;
};

void model_free(struct model *m)
{
	if (m)
		arena_free(m->arena);
}

struct model_builder *model_builder_new(void)
{
	struct model_builder *b = xcalloc(1, sizeof(*b));

	b->arena = arena_new();
	return b;
}

void model_builder_free(struct model_builder *b)
{
	if (!b)
		return;
	vec_free(&b->services);
	vec_free(&b->nodes);
	free(b->strings);
	arena_free(b->arena);
	free(b);
}

struct arena *model_builder_arena(struct model_builder *b)
{
	return b->arena;
}

static size_t string_slot(const struct model_builder *b, const char *s)
{
	size_t mask = b->cap_strings - 1, i = hash_bytes(s, strlen(s), 0) & mask;

	while (b->strings[i] && strcmp(b->strings[i], s))
		i = (i + 1) & mask;
	return i;
}

static void grow_strings(struct model_builder *b)
{
	const char **old = b->strings;
	size_t n = b->cap_strings;

	b->cap_strings = n ? n * 2 : 256;
	b->strings = xcalloc(b->cap_strings, sizeof(*b->strings));
	for (size_t i = 0; i < n; i++)
		if (old[i])
			b->strings[string_slot(b, old[i])] = old[i];
	free(old);
}

const char *model_builder_intern(struct model_builder *b, const char *s)
{
	size_t slot;

	if (!s)
		return NULL;
	if (b->n_strings * 2 >= b->cap_strings)
		grow_strings(b);
	slot = string_slot(b, s);
	if (!b->strings[slot]) {
		b->strings[slot] = arena_strdup(b->arena, s);
		b->n_strings++;
	}
	return b->strings[slot];
}

void model_builder_add_service(struct model_builder *b, const struct service *s)
{
	struct service copy = *s;

	if (!copy.ns)
		copy.ns = "";
	if (!copy.port_name)
		copy.port_name = "";
	if (!copy.spn)
		copy.spn =
		    arena_printf(b->arena, copy.port_name[0] ? "%s/%s:%s" : "%s/%s%s",
			copy.ns, copy.name, copy.port_name);
	vec_push(&b->services, copy);
}

void model_builder_add_node(struct model_builder *b, const struct model_node *n)
{
	vec_push(&b->nodes, *n);
}

const char *model_builder_written(
    struct model_builder *b, const struct addr *a, const char *text)
{
	char buf[ADDR_STRLEN];

	if (!strcmp(addr_format(a, buf), text) || strlen(text) >= sizeof(buf))
		return NULL;
	return model_builder_intern(b, text);
}

struct frontend_key {
	const struct frontend *frontend;
	size_t index;
};

static int by_kind(const void *va, const void *vb)
{
	const struct frontend_key *a = va, *b = vb;

	if (a->frontend->kind != b->frontend->kind)
		return a->frontend->kind < b->frontend->kind ? -1 : 1;
	return (a->index > b->index) - (a->index < b->index);
}

/* Frontends: kinds in enum order, the given order within a kind. What an object says
 * twice kube-proxy writes twice. */
static void freeze_frontends(struct arena *a, struct service *s)
{
	struct frontend *out = arena_array(a, struct frontend, s->n_frontends);
	struct frontend_key *keys = xcalloc(s->n_frontends, sizeof(*keys));

	for (size_t i = 0; i < s->n_frontends; i++)
		keys[i] = (struct frontend_key){&s->frontends[i], i};
	qsort(keys, s->n_frontends, sizeof(*keys), by_kind);
	for (size_t i = 0; i < s->n_frontends; i++)
		out[i] = *keys[i].frontend;
	free(keys);
	s->frontends = out;
}

struct sort_key {
	char text[ADDRPORT_STRLEN];
	size_t index;
};

/* IPv4 before IPv6, then kube-proxy's order: the bytes of "ip:port". What is equal keeps
 * the loader's order. */
static int compare_keys(const void *a, const void *b)
{
	const struct sort_key *ka = a, *kb = b;
	int c = (ka->text[0] == '[') - (kb->text[0] == '[');

	if (!c)
		c = strcmp(ka->text, kb->text);
	return c ? c : (ka->index > kb->index) - (ka->index < kb->index);
}

static int compare_text(const char *a, const char *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	return a == b ? 0 : strcmp(a, b);
}

static int compare_lists(const char *const *a, const char *const *b)
{
	if (!a || !b)
		return (a != NULL) - (b != NULL);
	while (*a && *b && !strcmp(*a, *b))
		a++, b++;
	return compare_text(*a, *b);
}

/* Of the same address and port. */
static int compare_details(const struct endpoint *a, const struct endpoint *b)
{
	int c = compare_text(a->written, b->written);

	if (!c)
		c = compare_text(a->node, b->node);
	if (!c)
		c = compare_text(a->zone, b->zone);
	if (!c)
		c = a->ready - b->ready;
	if (!c)
		c = a->serving - b->serving;
	if (!c)
		c = a->terminating - b->terminating;
	if (!c)
		c = a->weight_set - b->weight_set;
	if (!c)
		c = (a->weight > b->weight) - (a->weight < b->weight);
	if (!c)
		c = compare_lists(a->hint_zones, b->hint_zones);
	return c ? c : compare_lists(a->hint_nodes, b->hint_nodes);
}

static int by_details(const void *va, const void *vb, void *endpoints)
{
	const struct sort_key *a = va, *b = vb;
	const struct endpoint *e = endpoints;
	int c = compare_details(&e[a->index], &e[b->index]);

	return c ? c : (a->index > b->index) - (a->index < b->index);
}

/* Takes out of the n endpoints of one address and port those that say the same. Returns
 * how many are left, in the loader's order. */
static size_t drop_duplicates(struct sort_key *keys, size_t n, const struct service *s)
{
	const struct endpoint *e = s->endpoints;
	size_t left = 0;

	if (n < 2)
		return n;
	qsort_r(keys, n, sizeof(*keys), by_details, (void *)(uintptr_t)e);
	for (size_t i = 0; i < n; i++)
		if (!left || compare_details(&e[keys[left - 1].index], &e[keys[i].index]))
			keys[left++] = keys[i];
	qsort(keys, left, sizeof(*keys), compare_keys);
	return left;
}

static void freeze_endpoints(struct arena *a, struct service *s)
{
	struct endpoint *out = arena_array(a, struct endpoint, s->n_endpoints);
	struct sort_key *keys = xcalloc(s->n_endpoints, sizeof(*keys));
	size_t n = 0, end, left;

	for (size_t i = 0; i < s->n_endpoints; i++) {
		keys[i].index = i;
		addrport_format(
		    &s->endpoints[i].addr, s->endpoints[i].port, keys[i].text);
	}
	qsort(keys, s->n_endpoints, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < s->n_endpoints; i = end) {
		for (end = i + 1;
		     end < s->n_endpoints && !strcmp(keys[i].text, keys[end].text); end++)
			;
		left = drop_duplicates(keys + i, end - i, s);
		for (size_t k = i; k < i + left; k++)
			out[n++] = s->endpoints[keys[k].index];
	}
	free(keys);
	s->endpoints = out;
	s->n_endpoints = n;
}

static int compare_services(const void *a, const void *b)
{
	const struct service *sa = a, *sb = b;
	int c = strcmp(sa->spn, sb->spn);

	return c ? c : (int)sa->proto - (int)sb->proto;
}

static int compare_nodes(const void *a, const void *b)
{
	const struct model_node *na = a, *nb = b;

	return strcmp(na->name, nb->name);
}

/* One address (or every node address), port and protocol that a service wants. */
struct claim {
	const struct service *service;
	const struct frontend *frontend;
};

struct claims {
	VEC(struct claim) list;
};

static int compare_targets(const struct claim *a, const struct claim *b)
{
	int c = addr_cmp(&a->frontend->addr, &b->frontend->addr);

	if (!c)
		c = (int)a->frontend->port - (int)b->frontend->port;
	return c ? c : (int)a->service->proto - (int)b->service->proto;
}

static int compare_claims(const void *a, const void *b)
{
	const struct claim *ca = a, *cb = b;
	int c = compare_targets(ca, cb);

	if (!c)
		c = (int)ca->frontend->kind - (int)cb->frontend->kind;
	/* Services lie in one sorted array. */
	return c ? c : (ca->service > cb->service) - (ca->service < cb->service);
}

static void claims_collect(const struct model *m, struct claims *ret)
{
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t k = 0; k < m->services[i].n_frontends; k++)
			vec_push(&ret->list, (struct claim){&m->services[i],
						 &m->services[i].frontends[k]});
	if (ret->list.n)
		qsort(ret->list.v, ret->list.n, sizeof(*ret->list.v), compare_claims);
}

static void claim_format(const struct claim *c, char *buf, size_t size)
{
	char text[ADDRPORT_STRLEN];

	if (c->frontend->kind == FE_NODE_PORT)
		snprintf(buf, size, "node port %u/%s", c->frontend->port,
		    proto_name(c->service->proto));
	else
		snprintf(buf, size, "%s/%s",
		    addrport_format(&c->frontend->addr, c->frontend->port, text),
		    proto_name(c->service->proto));
}

void model_note_shared(const struct model *m, struct notes *notes)
{
	struct claims claims = {0};
	char text[128];

	claims_collect(m, &claims);
	for (size_t i = 1; i < claims.list.n; i++) {
		const struct claim *a = &claims.list.v[i - 1], *b = &claims.list.v[i];

		if (compare_targets(a, b) || a->service == b->service)
			continue;
		claim_format(a, text, sizeof(text));
		notes_add(notes, NOTE_WARNING, b->service->spn,
		    "%s is also claimed by %s", text, a->service->spn);
	}
	vec_free(&claims.list);
}

static int check_unique(const struct model *m, const char *where, struct error *err)
{
	for (size_t i = 1; i < m->n_services; i++)
		if (!compare_services(&m->services[i - 1], &m->services[i]))
			return error_set(err, ERR_INPUT, 0,
			    "%s: %s: there are two service ports of this name and "
			    "protocol %s",
			    where, m->services[i].spn, proto_name(m->services[i].proto));
	for (size_t i = 1; i < m->n_nodes; i++)
		if (!compare_nodes(&m->nodes[i - 1], &m->nodes[i]))
			return error_set(err, ERR_INPUT, 0,
			    "%s: node %s: there are two nodes of this name", where,
			    m->nodes[i].name);
	return 0;
}

int model_builder_freeze(
    struct model_builder *b, const char *where, struct model **ret, struct error *err)
{
	struct model *m = arena_new_of(b->arena, struct model);

	for (size_t i = 0; i < b->services.n; i++) {
		freeze_frontends(b->arena, &b->services.v[i]);
		freeze_endpoints(b->arena, &b->services.v[i]);
	}
	if (b->services.n)
		qsort(b->services.v, b->services.n, sizeof(*b->services.v),
		    compare_services);
	if (b->nodes.n)
		qsort(b->nodes.v, b->nodes.n, sizeof(*b->nodes.v), compare_nodes);
	vec_take(&b->services, b->arena, m->services, m->n_services);
	vec_take(&b->nodes, b->arena, m->nodes, m->n_nodes);
	if (check_unique(m, where, err))
		return -1; /* the arena stays the builder's */
	m->arena = b->arena;
	b->arena = arena_new();
	free(b->strings);
	b->strings = NULL;
	b->n_strings = b->cap_strings = 0;
	*ret = m;
	return 0;
}

const struct model_node *model_node_find(const struct model *m, const char *name)
{
	const struct model_node key = {.name = name};

	if (!m->n_nodes)
		return NULL;
	return bsearch(&key, m->nodes, m->n_nodes, sizeof(*m->nodes), compare_nodes);
}

const char *svc_type_name(enum svc_type t)
{
	static const char *const names[] = {
	    [SVC_CLUSTER_IP] = "ClusterIP",
	    [SVC_NODE_PORT] = "NodePort",
	    [SVC_LOAD_BALANCER] = "LoadBalancer",
	};

	return names[t];
}

const char *frontend_kind_name(enum frontend_kind k)
{
	static const char *const names[] = {
	    [FE_CLUSTER] = "cluster",
	    [FE_EXTERNAL] = "external",
	    [FE_LOAD_BALANCER] = "loadBalancer",
	    [FE_NODE_PORT] = "nodePort",
	};

	return names[k];
}
