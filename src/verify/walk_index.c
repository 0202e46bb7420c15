/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes a state quick to walk through: the rules of long chains by the address or
 * port that they ask for, and the addresses of the node. */
#include "config.h"

#include "verify/walk_part.h"

#include <string.h>

/* Shorter chains are as quick to read from top to bottom. */
#define LONG_CHAIN 24

/* ---- chains */

static int cmp_key(const void *va, const void *vb)
{
	const struct walk_key *a = va, *b = vb;
	int c = addr_cmp(&a->addr, &b->addr);

	if (c)
		return c;
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->rule < b->rule ? -1 : a->rule > b->rule;
}

/* The one destination that a rule is for, address or port; false: it asks for more or
 * less than that. */
static bool key_of(const struct fw_rule *r, enum family f, struct walk_key *ret)
{
	*ret = (struct walk_key){0};
	if (r->opaque || r->invert & FW_INV_DST)
		return false;
	if (addr_is_set(&r->dst.addr) && r->dst.bits == family_info(f)->addr_bits) {
		ret->addr = r->dst.addr;
		return true;
	}
	for (size_t i = 0; i < r->n_matches; i++) {
		const struct fw_match *m = &r->matches[i];

		if (m->kind == FWM_L4 && m->l4.has_port && !m->invert) {
			ret->port = m->l4.port;
			return true;
		}
	}
	return false;
}

static void index_chain(
    struct arena *a, enum family f, const struct fw_chain *c, struct walk_chain *ret)
{
	ret->keys = arena_array(a, struct walk_key, c->n_rules);
	ret->others = arena_array(a, size_t, c->n_rules);
	for (size_t i = 0; i < c->n_rules; i++) {
		struct walk_key key;

		if (!key_of(&c->rules[i], f, &key)) {
			ret->others[ret->n_others++] = i;
			continue;
		}
		key.rule = i;
		ret->keys[ret->n_keys++] = key;
	}
	qsort(ret->keys, ret->n_keys, sizeof(*ret->keys), cmp_key);
}

static void index_table(struct walker *w, enum family f, enum fw_table_id t)
{
	const struct fw_table *table = &w->state->fw[f].tables[t];

	for (size_t i = 0; i < table->n_chains; i++) {
		if (table->chains[i].n_rules < LONG_CHAIN)
			continue;
		if (!w->chains[f][t])
			w->chains[f][t] =
			    arena_array(w->arena, struct walk_chain, table->n_chains);
		index_chain(w->arena, f, &table->chains[i], &w->chains[f][t][i]);
	}
}

/* The first key that does not come before this one. */
static size_t lower_bound(const struct walk_chain *c, const struct walk_key *key)
{
	size_t lo = 0, hi = c->n_keys;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (cmp_key(&c->keys[mid], key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void walk_cursor_start(struct walk_cursor *c, const struct walker *w,
    const struct walk_packet *p, enum fw_table_id t, const struct fw_chain *chain)
{
	const struct fw_table *table = &w->state->fw[p->family].tables[t];
	const struct walk_chain *index = w->chains[p->family][t];
	struct walk_key key = {.addr = p->dst};

	*c = (struct walk_cursor){.n_rules = chain->n_rules};
	if (!index || !index[chain - table->chains].keys)
		return;
	c->index = &index[chain - table->chains];
	c->addr = lower_bound(c->index, &key);
	key.port = UINT16_MAX;
	key.rule = SIZE_MAX;
	c->addr_end = lower_bound(c->index, &key);
	key = (struct walk_key){.port = p->port};
	c->port = lower_bound(c->index, &key);
	key.rule = SIZE_MAX;
	c->port_end = lower_bound(c->index, &key);
}

bool walk_cursor_next(struct walk_cursor *c, size_t *rule)
{
	const struct walk_chain *x = c->index;
	size_t a, p, o, least;

	if (!x) {
		*rule = c->rule++;
		return *rule < c->n_rules;
	}
	a = c->addr < c->addr_end ? x->keys[c->addr].rule : SIZE_MAX;
	p = c->port < c->port_end ? x->keys[c->port].rule : SIZE_MAX;
	o = c->other < x->n_others ? x->others[c->other] : SIZE_MAX;
	least = a < p ? a : p;
	least = o < least ? o : least;
	if (least == SIZE_MAX)
		return false;
	c->addr += least == a;
	c->port += least == p;
	c->other += least == o;
	*rule = least;
	return true;
}

/* ---- addresses */

static int cmp_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static bool has_addr(const struct addr *list, size_t n, const struct addr *a)
{
	return n && bsearch(a, list, n, sizeof(*list), cmp_addr);
}

static void index_addresses(struct walker *w)
{
	const struct vip_table *t = &w->state->vips;

	w->local = arena_array(w->arena, struct addr, t->n_addrs);
	w->virtual = arena_array(w->arena, struct addr, t->n_addrs);
	for (size_t i = 0; i < t->n_addrs; i++) {
		const struct vip_addr *v = &t->addrs[i];
		const struct addr *a = &v->prefix.addr;
		struct addr *own = &w->own[addr_family(a)];

		if (!strcmp(v->link, VIP_LINK)) {
			w->virtual[w->n_virtual++] = *a;
			continue;
		}
		w->local[w->n_local++] = *a;
		if (!addr_is_set(own) && !addr_is_loopback(a) && !addr_is_link_local(a))
			*own = *a;
	}
	qsort(w->local, w->n_local, sizeof(*w->local), cmp_addr);
	qsort(w->virtual, w->n_virtual, sizeof(*w->virtual), cmp_addr);
}

bool walker_is_virtual(const struct walker *w, const struct addr *a)
{
	return has_addr(w->virtual, w->n_virtual, a) &&
	       !has_addr(w->local, w->n_local, a);
}

bool walker_is_local(const struct walker *w, const struct addr *a)
{
	return addr_is_loopback(a) || has_addr(w->local, w->n_local, a) ||
	       has_addr(w->virtual, w->n_virtual, a);
}

struct addr walker_source(const struct walker *w, const struct addr *dst)
{
	return walker_is_local(w, dst) ? *dst : w->own[addr_family(dst)];
}

struct walker *walker_new(const struct state *s)
{
	struct walker *w = xcalloc(1, sizeof(*w));

	w->state = s;
	w->arena = arena_new();
	family_foreach (f)
		for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
			index_table(w, f, t);
	index_addresses(w);
	return w;
}

void walker_free(struct walker *w)
{
	if (!w)
		return;
	arena_free(w->arena);
	free(w);
}
