/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which virtual servers are of one service port. Nothing in ipvs mode says it, but a
 * service port has a cluster IP, the same settings everywhere, and endpoints that follow
 * from its policies. Where only one cluster IP fits, it is that one; where several do,
 * none is taken.
 */
#include "config.h"

#include "model/model_state_parts.h"

#include "base/hash.h"

#include <string.h>

/* Which of a server's real servers count. */
enum portion { PART_OF_ALL, PART_OF_LOCAL };

/* A cluster address under the hash of its real servers, all or the local ones. */
struct candidate {
	uint64_t hash;
	struct server *server;
};

struct candidates {
	VEC(struct candidate) list; /* sorted by hash */
};

static uint64_t hash_dests(
    const struct servers *all, const struct server *s, enum portion portion, size_t *n)
{
	uint64_t h = s->s->key.proto;

	*n = 0;
	for (size_t i = 0; i < s->s->n_dests; i++) {
		const struct lvs_dest *d = &s->s->dests[i];

		/* One that leaves is no endpoint any more. */
		if (!d->weight ||
		    (portion == PART_OF_LOCAL && !server_dest_is_local(all, s, d)))
			continue;
		h = hash_bytes(&d->addr, sizeof(d->addr), h + d->port);
		(*n)++;
	}
	return h;
}

static int compare_candidates(const void *va, const void *vb)
{
	const struct candidate *a = va, *b = vb;

	return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static void collect(const struct servers *all, struct candidates *c)
{
	for (size_t i = 0; i < all->n; i++) {
		struct server *s = &all->v[i];
		uint64_t whole, local;
		size_t n, n_local;

		if (s->kind != FE_CLUSTER)
			continue;
		whole = hash_dests(all, s, PART_OF_ALL, &n);
		local = hash_dests(all, s, PART_OF_LOCAL, &n_local);
		vec_push(&c->list, (struct candidate){whole, s});
		if (n_local && n_local != n)
			vec_push(&c->list, (struct candidate){local, s});
	}
	if (c->list.n)
		qsort(c->list.v, c->list.n, sizeof(*c->list.v), compare_candidates);
}

static bool same_settings(const struct server *a, const struct server *b)
{
	return a->s->key.proto == b->s->key.proto && a->s->flags == b->s->flags &&
	       a->s->timeout == b->s->timeout && !strcmp(a->s->sched, b->s->sched);
}

/* Counts into *found the cluster addresses that fit; stops at two. */
static size_t look_up(const struct candidates *c, uint64_t hash, const struct server *s,
    size_t n, struct server **found)
{
	size_t lo = 0, hi = c->list.n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (c->list.v[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < c->list.n && c->list.v[lo].hash == hash && n < 2; lo++) {
		struct server *o = c->list.v[lo].server;

		if (o == *found || !same_settings(o, s) ||
		    (s->kind != FE_NODE_PORT && o->s->key.port != s->s->key.port))
			continue;
		*found = o;
		n++;
	}
	return n;
}

static void find_owner(
    const struct servers *all, const struct candidates *c, struct server *s)
{
	struct server *owner = NULL;
	size_t n_all, n_local, n;
	uint64_t whole = hash_dests(all, s, PART_OF_ALL, &n_all);
	uint64_t local = hash_dests(all, s, PART_OF_LOCAL, &n_local);

	n = look_up(c, whole, s, 0, &owner);
	/* A cluster IP of policy Local beside a way in of policy Cluster. */
	if (n_local && n_local != n_all)
		n = look_up(c, local, s, n, &owner);
	if (n != 1)
		return;
	s->found = owner->found;
	/* Nothing else leaves the others out of the cluster IP alone. */
	if (n_local && n_local != n_all &&
	    hash_dests(all, owner, PART_OF_ALL, &n) == local)
		owner->found->internal_local = true;
}

void find_owners(const struct servers *all)
{
	struct candidates c = {0};

	collect(all, &c);
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].kind != FE_CLUSTER && !all->v[i].found)
			find_owner(all, &c, &all->v[i]);
	vec_free(&c.list);
}
