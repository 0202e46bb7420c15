/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What makes a state quick to walk through: the rules of long chains by the address or
 * port that they ask for, and the addresses of the node. */
#include "config.h"

#include "verify/walk_part.h"

#include <string.h>

#include "base/hash.h"

/* Shorter chains are as quick to read from top to bottom. */
#define LONG_CHAIN 24

/* ---- names */

/* Room for so many, half of it free. */
static size_t table_size(size_t n)
{
	size_t size = 16;

	while (size < 2 * n)
		size *= 2;
	return size;
}

static size_t name_slot(const struct walk_names *names, const char *name)
{
	size_t i = hash_bytes(name, strlen(name), 0) & names->mask;

	while (names->slots[i] && strcmp(names->slots[i]->name, name))
		i = (i + 1) & names->mask;
	return i;
}

static void index_names(struct walker *w, enum family f, enum fw_table_id t)
{
	const struct fw_table *table = &w->state->fw[f].tables[t];
	struct walk_names *names = &w->names[f][t];
	size_t size = table_size(table->n_chains);

	if (!table->n_chains)
		return;
	names->slots = arena_array(w->arena, const struct fw_chain *, size);
	names->mask = size - 1;
	for (size_t i = 0; i < table->n_chains; i++)
		names->slots[name_slot(names, table->chains[i].name)] = &table->chains[i];
}

const struct fw_chain *walker_chain(
    const struct walker *w, enum family f, enum fw_table_id t, const char *name)
{
	const struct walk_names *names = &w->names[f][t];

	return names->slots ? names->slots[name_slot(names, name)] : NULL;
}

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

static void index_jumps(struct walker *w, enum family f, enum fw_table_id t,
    const struct fw_chain *c, struct walk_chain *ret)
{
	ret->jumps = arena_array(w->arena, const struct fw_chain *, c->n_rules);
	for (size_t i = 0; i < c->n_rules; i++)
		if (c->rules[i].target.kind == FWT_JUMP)
			ret->jumps[i] = walker_chain(w, f, t, c->rules[i].target.chain);
}

static void index_table(struct walker *w, enum family f, enum fw_table_id t)
{
	const struct fw_table *table = &w->state->fw[f].tables[t];
	struct walk_chain *chains =
	    arena_array(w->arena, struct walk_chain, table->n_chains);

	index_names(w, f, t);
	for (size_t i = 0; i < table->n_chains; i++) {
		index_jumps(w, f, t, &table->chains[i], &chains[i]);
		if (table->chains[i].n_rules >= LONG_CHAIN)
			index_chain(w->arena, f, &table->chains[i], &chains[i]);
	}
	w->chains[f][t] = chains;
}

const struct fw_chain *walker_jump(const struct walker *w, enum family f,
    enum fw_table_id t, const struct fw_chain *c, size_t rule)
{
	return w->chains[f][t][c - w->state->fw[f].tables[t].chains].jumps[rule];
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
	if (!index[chain - table->chains].keys)
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

static struct walk_addr *addr_slot(const struct walk_addrs *addrs, const struct addr *a)
{
	size_t i = hash_bytes(a->b, a->len, 0) & addrs->mask;

	while (addrs->slots[i].used && !addr_eq(&addrs->slots[i].addr, a))
		i = (i + 1) & addrs->mask;
	return &addrs->slots[i];
}

static void index_addresses(struct walker *w)
{
	const struct vip_table *t = &w->state->vips;
	size_t size = table_size(t->n_addrs);

	w->addrs.slots = arena_array(w->arena, struct walk_addr, size);
	w->addrs.mask = size - 1;
	for (size_t i = 0; i < t->n_addrs; i++) {
		const struct vip_addr *v = &t->addrs[i];
		const struct addr *a = &v->prefix.addr;
		struct addr *own = &w->own[addr_family(a)];
		struct walk_addr *slot = addr_slot(&w->addrs, a);

		slot->addr = *a;
		slot->used = true;
		if (!strcmp(v->link, VIP_LINK)) {
			slot->virtual = true;
			continue;
		}
		slot->own = true;
		if (!addr_is_set(own) && !addr_is_loopback(a) && !addr_is_link_local(a))
			*own = *a;
	}
}

bool walker_is_virtual(const struct walker *w, const struct addr *a)
{
	const struct walk_addr *slot = addr_slot(&w->addrs, a);

	return slot->virtual && !slot->own;
}

bool walker_is_local(const struct walker *w, const struct addr *a)
{
	return addr_is_loopback(a) || addr_slot(&w->addrs, a)->used;
}

void walker_set_own(struct walker *w, const struct addr *a)
{
	if (addr_is_set(a) && addr_slot(&w->addrs, a)->own)
		w->own[addr_family(a)] = *a;
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
