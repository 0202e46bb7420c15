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
