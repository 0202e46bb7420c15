/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Service ports under construction, found by the hash in their chains' names, by their
 * own name, or by an address that is theirs; and the findings about them. What rules and
 * servers mean is the readers'.
 */
#include "config.h"

#include "model/model_state_parts.h"

#include "base/hash.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The namespace of services that nothing names. */
#define UNNAMED "unnamed"

/* ---- an index of byte strings */

static struct found_slot *slot_of(
    const struct found_index *x, const void *key, size_t len)
{
	size_t i = hash_bytes(key, len, 0) & (x->cap - 1);

	while (x->slots[i].found &&
	       (x->slots[i].len != len || memcmp(x->slots[i].key, key, len)))
		i = (i + 1) & (x->cap - 1);
	return &x->slots[i];
}

static struct found *index_get(const struct found_index *x, const void *key, size_t len)
{
	return x->cap ? slot_of(x, key, len)->found : NULL;
}

static void index_grow(struct found_index *x)
{
	struct found_index old = *x;

	x->cap = old.cap ? old.cap * 2 : 256;
	x->slots = xcalloc(x->cap, sizeof(*x->slots));
	for (size_t i = 0; i < old.cap; i++)
		if (old.slots[i].found)
			*slot_of(x, old.slots[i].key, old.slots[i].len) = old.slots[i];
	free(old.slots);
}

static void index_put(struct reading *rd, struct found_index *x, const void *key,
    size_t len, struct found *fd)
{
	struct found_slot *s;

	if ((x->n + 1) * 2 > x->cap)
		index_grow(x);
	s = slot_of(x, key, len);
	x->n += !s->found;
	*s = (struct found_slot){arena_copy(rd->arena, key, len), len, fd};
}

/* ---- names */

struct name_key {
	char text[640]; /* a namespace and two names, and the protocol in front */
	size_t len;
};

/* Without the colon that old releases wrote behind a name with no port name. */
static void name_key(struct name_key *k, const char *spn, uint8_t proto)
{
	size_t n = strlen(spn);

	if (n && spn[n - 1] == ':')
		n--;
	if (n > sizeof(k->text) - 1)
		n = sizeof(k->text) - 1;
	k->text[0] = (char)proto;
	memcpy(k->text + 1, spn, n);
	k->len = n + 1;
}

struct found *found_by_name(struct reading *rd, const char *spn, uint8_t proto)
{
	struct name_key k;

	name_key(&k, spn, proto);
	return index_get(&rd->by_name, k.text, k.len);
}

void found_set_name(struct reading *rd, struct found *fd, const char *spn)
{
	const char *slash = strchr(spn, '/');
	/* A made-up name has an address: its port is behind the last colon. */
	const char *colon = !strncmp(spn, UNNAMED "/", strlen(UNNAMED "/"))
				? strrchr(slash, ':')
				: strchr(slash, ':');
	size_t name = colon ? (size_t)(colon - slash - 1) : strlen(slash + 1);
	struct name_key k;

	name_key(&k, spn, fd->proto);
	index_put(rd, &rd->by_name, k.text, k.len, fd);
	fd->ns = model_builder_intern(
	    rd->builder, arena_strndup(rd->arena, spn, (size_t)(slash - spn)));
	fd->name = arena_strndup(rd->arena, slash + 1, name);
	fd->port_name = colon ? arena_strdup(rd->arena, colon + 1) : "";
}

const char *found_label(struct reading *rd, const struct found *fd)
{
	if (fd->name)
		return arena_printf(rd->arena, fd->port_name[0] ? "%s/%s:%s" : "%s/%s%s",
		    fd->ns, fd->name, fd->port_name);
	return fd->hash ? arena_printf(rd->arena, "service of hash %s", fd->hash)
			: "service without a name";
}

static struct found *found_new(struct reading *rd, const char *hash, uint8_t proto)
{
	struct found *fd = arena_new_of(rd->arena, struct found);

	fd->proto = proto;
	if (hash) {
		fd->hash = arena_strdup(rd->arena, hash);
		index_put(rd, &rd->by_hash, fd->hash, strlen(fd->hash), fd);
	}
	vec_push(&rd->list, fd);
	return fd;
}

struct found *found_get(
    struct reading *rd, const char *hash, const char *spn, uint8_t proto)
{
	struct found *fd = NULL, *named = spn ? found_by_name(rd, spn, proto) : NULL;

	if (hash)
		fd = index_get(&rd->by_hash, hash, strlen(hash));
	if (!fd && named && (!hash || !named->hash))
		fd = named;
	if (!fd)
		fd = found_new(rd, hash, proto);
	/* Two services of one name can only be told apart by their addresses. */
	if (!fd->name && spn && !named)
		found_set_name(rd, fd, spn);
	fd->families |= FAMILY_BIT(rd->f);
	return fd;
}

/* ---- addresses */

struct claim_key {
	struct addr addr;
	uint8_t proto;
	uint16_t port;
};

static void claim_key(
    struct claim_key *k, const struct addr *a, uint16_t port, uint8_t proto)
{
	memset(k, 0, sizeof(*k));
	if (a)
		k->addr = *a;
	k->proto = proto;
	k->port = port;
}

struct found *found_by_claim(
    const struct reading *rd, const struct addr *a, uint16_t port, uint8_t proto)
{
	struct claim_key k;

	claim_key(&k, a, port, proto);
	return index_get(&rd->by_claim, &k, sizeof(k));
}

const struct frontend *found_frontend(
    const struct found *fd, const struct addr *a, uint16_t port)
{
	for (size_t i = 0; i < fd->frontends.n; i++) {
		const struct frontend *fe = &fd->frontends.v[i];

		if (fe->port == port &&
		    (a ? addr_eq(&fe->addr, a) : fe->kind == FE_NODE_PORT))
			return fe;
	}
	return NULL;
}

bool found_add_frontend(struct reading *rd, struct found *fd, enum frontend_kind kind,
    const struct addr *a, uint16_t port)
{
	struct frontend fe = {.kind = kind, .port = port};
	struct found *owner = found_by_claim(rd, a, port, fd->proto);
	struct claim_key k;

	if (owner && owner != fd)
		return false;
	if (owner)
		return true;
	if (a)
		fe.addr = *a;
	vec_push(&fd->frontends, fe);
	claim_key(&k, a, port, fd->proto);
	index_put(rd, &rd->by_claim, &k, sizeof(k), fd);
	return true;
}

void found_merge(struct reading *rd, struct found *into, struct found *from)
{
	size_t n = 0;

	for (size_t i = 0; i < from->frontends.n; i++) {
		const struct frontend *fe = &from->frontends.v[i];
		struct claim_key k;

		claim_key(&k, fe->kind == FE_NODE_PORT ? NULL : &fe->addr, fe->port, from->proto);
		index_put(rd, &rd->by_claim, &k, sizeof(k), into);
		vec_push(&into->frontends, *fe);
	}
	for (size_t i = 0; i < from->endpoints.n; i++)
		vec_push(&into->endpoints, from->endpoints.v[i]);
	for (size_t i = 0; i < from->ranges.n; i++)
		vec_push(&into->ranges, from->ranges.v[i]);
	into->families |= from->families;
	into->external_local |= from->external_local;
	into->any[0] |= from->any[0];
	into->any[1] |= from->any[1];
	if (!into->incomplete)
		into->incomplete = from->incomplete;
	for (size_t i = 0; i < rd->list.n; i++)
		if (rd->list.v[i] != from)
			rd->list.v[n++] = rd->list.v[i];
	rd->list.n = n;
	vec_free(&from->frontends);
	vec_free(&from->endpoints);
	vec_free(&from->ranges);
}

void found_add_endpoint(
    struct reading *rd, struct found *fd, const struct addr *a, uint16_t port, bool local)
{
	struct endpoint e = {
	    .addr = *a, .port = port, .ready = true, .serving = true, .weight = 1};

	if (local)
		e.node = model_builder_intern(rd->builder, rd->v->node);
	fd->any[local] = true;
	vec_push(&fd->endpoints, e);
}

/* ---- findings */

static void report(
    struct reading *rd, const struct found *fd, const struct place *at, const char *text)
{
	const char *where = at && at->table ? at->table->where : NULL;
	struct strbuf sb = {0};

	if (where && at->rule && at->rule->line)
		strbuf_addf(&sb, "%s:%u: ", where, at->rule->line);
	else if (where)
		strbuf_addf(&sb, "%s: ", where);
	else if (at && at->table)
		strbuf_addf(&sb, "%s: ", family_info(rd->f)->iptables);
	if (at && at->chain)
		strbuf_addf(&sb, "%s: ", at->chain);
	strbuf_add(&sb, text);
	notes_add(
	    rd->findings, NOTE_WARNING, fd ? found_label(rd, fd) : NULL, "%s", sb.s);
	strbuf_free(&sb);
}

void not_understood(
    struct reading *rd, struct found *fd, const struct place *at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(rd, fd, at, text);
	if (fd && !fd->incomplete)
		fd->incomplete = arena_printf(rd->arena, "%s%s%s",
		    at && at->chain ? at->chain : "", at && at->chain ? ": " : "", text);
}

void remark(struct reading *rd, const struct found *fd, const struct place *at,
    const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	report(rd, fd, at, text);
}

/* ---- the end */

static void name_by_address(struct reading *rd, struct found *fd)
{
	const struct frontend *fe = NULL;
	char buf[ADDRPORT_STRLEN];

	for (size_t i = 0; i < fd->frontends.n; i++)
		if (!fe || fd->frontends.v[i].kind < fe->kind)
			fe = &fd->frontends.v[i];
	if (fe && fe->kind != FE_NODE_PORT)
		found_set_name(rd, fd,
		    arena_printf(rd->arena, UNNAMED "/%s",
			addrport_format(&fe->addr, fe->port, buf)));
	else
		found_set_name(rd, fd,
		    fe ? arena_printf(rd->arena, UNNAMED "/nodeport:%u", fe->port)
		       : arena_printf(
			     rd->arena, UNNAMED "/%s", fd->hash ? fd->hash : "none"));
}

static int compare_endpoints(const void *va, const void *vb)
{
	const struct endpoint *a = va, *b = vb;
	int c = addr_cmp(&a->addr, &b->addr);

	if (!c)
		c = (int)a->port - (int)b->port;
	return c ? c : (a->node == NULL) - (b->node == NULL);
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

/* Local endpoints that the list of all has not: kube-proxy leaves out those that are
 * about to end, which are good enough for the local list while none is ready, or by
 * topology hints. In the first case none of the local list is in the other one. */
static void mark_terminating(struct reading *rd, struct found *fd)
{
	size_t n = fd->endpoints.n, alone = 0, both = 0;
	struct endpoint *v = fd->endpoints.v;

	for (size_t i = 0; i < n; i++) {
		bool pair = i + 1 < n && same_endpoint(&v[i], &v[i + 1]);

		both += pair;
		alone += v[i].node && !pair;
	}
	if (!alone)
		return;
	remark(rd, fd, NULL,
	    "%zu local endpoints are not in the list of all: %s, or a rule is missing",
	    alone, both ? "left out by topology hints" : "about to end");
	for (size_t i = 0; i < n && !both; i++)
		if (v[i].node) {
			v[i].ready = false;
			v[i].terminating = true;
		}
}

/* Of two that are the same, the one of which the node is known. */
static void merge_endpoints(struct reading *rd, struct found *fd)
{
	size_t n = 0;

	if (!fd->endpoints.n)
		return;
	qsort(fd->endpoints.v, fd->endpoints.n, sizeof(*fd->endpoints.v),
	    compare_endpoints);
	if (fd->by_lists && fd->any[false] && fd->any[true])
		mark_terminating(rd, fd);
	for (size_t i = 0; i < fd->endpoints.n; i++) {
		const struct endpoint *e = &fd->endpoints.v[i];

		if (!n || !same_endpoint(&fd->endpoints.v[n - 1], e))
			fd->endpoints.v[n++] = *e;
	}
	fd->endpoints.n = n;
}

static bool is_near(const struct reading *rd, const struct addr *a)
{
	if (vip_find_addr(&rd->state->vips, a, VIP_LINK))
		return true;
	for (size_t i = 0; i < rd->v->n_near; i++)
		if (prefix_contains(&rd->v->near[i], a))
			return true;
	return false;
}

/* Where a policy is Local, the rules tell which are local, all of them. */
static void guess_nodes(const struct reading *rd, struct found *fd)
{
	if (!rd->v->n_near || fd->internal_local || fd->external_local)
		return;
	for (size_t i = 0; i < fd->endpoints.n; i++) {
		struct endpoint *e = &fd->endpoints.v[i];

		if (!e->node && is_near(rd, &e->addr))
			e->node = model_builder_intern(rd->builder, rd->v->node);
	}
}

static enum svc_type type_of(const struct found *fd)
{
	enum svc_type type = fd->health_port ? SVC_LOAD_BALANCER : SVC_CLUSTER_IP;

	for (size_t i = 0; i < fd->frontends.n; i++) {
		if (fd->frontends.v[i].kind == FE_LOAD_BALANCER)
			return SVC_LOAD_BALANCER;
		if (fd->frontends.v[i].kind == FE_NODE_PORT && type == SVC_CLUSTER_IP)
			type = SVC_NODE_PORT;
	}
	/* Up to 1.28 the policy counts for no other type. */
	return fd->external_local && type == SVC_CLUSTER_IP ? SVC_NODE_PORT : type;
}

static void check_cluster_ips(struct reading *rd, struct found *fd)
{
	unsigned have = 0;

	for (size_t i = 0; i < fd->frontends.n; i++)
		if (fd->frontends.v[i].kind == FE_CLUSTER)
			have |= FAMILY_BIT(addr_family(&fd->frontends.v[i].addr));
	family_foreach (f)
		if (fd->families & ~have & FAMILY_BIT(f) && !fd->no_cluster_ip)
			not_understood(rd, fd, NULL,
			    "there is no rule for a cluster IP of %s",
			    family_info(f)->name);
}

/* What the node sends to an address of its own comes from that address, and iptables mode
 * lets it in beside the ranges: none that anybody gave. */
static void drop_hairpin_ranges(struct found *fd)
{
	size_t n = 0;

	for (size_t i = 0; i < fd->ranges.n; i++) {
		const struct prefix *p = &fd->ranges.v[i];
		bool own = false;

		for (size_t k = 0; k < fd->frontends.n; k++)
			own |= fd->frontends.v[k].kind == FE_LOAD_BALANCER &&
			       addr_eq(&fd->frontends.v[k].addr, &p->addr) &&
			       p->bits == family_info(addr_family(&p->addr))->addr_bits;
		if (!own)
			fd->ranges.v[n++] = *p;
	}
	fd->ranges.n = n;
}

static void finish_one(struct reading *rd, struct found *fd)
{
	struct service s = {.proto = fd->proto};

	if (!fd->name)
		name_by_address(rd, fd);
	check_cluster_ips(rd, fd);
	if (fd->by_lists)
		drop_hairpin_ranges(fd);
	merge_endpoints(rd, fd);
	guess_nodes(rd, fd);
	s.ns = fd->ns;
	s.name = fd->name;
	s.port_name = fd->port_name;
	s.type = type_of(fd);
	s.families = fd->families;
	s.internal_local = fd->internal_local;
	s.external_local = fd->external_local;
	s.affinity = fd->affinity;
	s.affinity_sec = fd->affinity ? fd->affinity_sec : 0;
	s.health_port = fd->health_port;
	s.incomplete = fd->incomplete;
	s.scheduler = fd->scheduler;
	s.forwarding = fd->forwarding;
	vec_take(&fd->ranges, rd->arena, s.ranges, s.n_ranges);
	vec_take(&fd->frontends, rd->arena, s.frontends, s.n_frontends);
	vec_take(&fd->endpoints, rd->arena, s.endpoints, s.n_endpoints);
	model_builder_add_service(rd->builder, &s);
}

void found_finish(struct reading *rd)
{
	for (size_t i = 0; i < rd->list.n; i++)
		finish_one(rd, rd->list.v[i]);
}

void found_free(struct reading *rd)
{
	for (size_t i = 0; i < rd->list.n; i++) {
		vec_free(&rd->list.v[i]->frontends);
		vec_free(&rd->list.v[i]->endpoints);
		vec_free(&rd->list.v[i]->ranges);
	}
	vec_free(&rd->list);
	free(rd->by_hash.slots);
	free(rd->by_name.slots);
	free(rd->by_claim.slots);
}
