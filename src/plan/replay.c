/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Applies operations to a state in memory, as strictly as a kernel would: what is to be
 * changed must be there just so, what is to be added must not be there. Arrays are merged
 * run by run, so that ten thousand operations on one of them take one pass.
 */
#include "config.h"

#include "plan/diff.h"
#include "plan/sink.h"

#include <string.h>

/* A sorted array of a state, and what its items are. */
struct shelf {
	void **items;
	size_t *n;
	size_t size;
	int (*cmp)(const void *a, const void *b); /* by key */
	bool (*same)(const void *a, const void *b);
	/* An item that stands for "not there"; may be NULL. */
	bool (*vacant)(const void *item);
	const char *(*name)(const void *item, char buf[128]);
};

/* ---- the kinds */

static int chain_rank(const struct fw_chain *c)
{
	/* The order of the hooks, which is that of the built-in chains of any table. */
	static const char *const order[] = {
	    "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (c->builtin && !strcmp(order[i], c->name))
			return (int)i;
	return sizeof(order) / sizeof(order[0]);
}

static int cmp_chain(const void *va, const void *vb)
{
	const struct fw_chain *a = va, *b = vb;
	int ra = chain_rank(a), rb = chain_rank(b);

	return ra != rb ? ra - rb : strcmp(a->name, b->name);
}

static bool same_chain(const void *va, const void *vb)
{
	const struct fw_chain *a = va, *b = vb;

	return fw_chain_eq(a, b) && a->policy == b->policy;
}

static const char *name_chain(const void *c, char buf[128])
{
	snprintf(buf, 128, "chain %s", ((const struct fw_chain *)c)->name);
	return buf;
}

static int cmp_set(const void *a, const void *b)
{
	return strcmp(((const struct kset *)a)->name, ((const struct kset *)b)->name);
}

static bool same_set(const void *a, const void *b)
{
	return kset_eq(a, b);
}

static const char *name_set(const void *s, char buf[128])
{
	snprintf(buf, 128, "ipset %s", ((const struct kset *)s)->name);
	return buf;
}

static int cmp_service(const void *a, const void *b)
{
	return lvs_key_cmp(
	    &((const struct lvs_service *)a)->key, &((const struct lvs_service *)b)->key);
}

static bool same_service(const void *a, const void *b)
{
	return lvs_service_eq(a, b);
}

static const char *name_service(const void *s, char buf[128])
{
	char key[80];

	snprintf(buf, 128, "virtual server %s",
	    lvs_key_format(&((const struct lvs_service *)s)->key, key));
	return buf;
}

static int cmp_link(const void *a, const void *b)
{
	return strcmp(
	    ((const struct vip_link *)a)->name, ((const struct vip_link *)b)->name);
}

static bool same_any(const void *a, const void *b)
{
	(void)a;
	(void)b;
	return true;
}

static const char *name_link(const void *l, char buf[128])
{
	snprintf(buf, 128, "link %s", ((const struct vip_link *)l)->name);
	return buf;
}

static int cmp_addr(const void *a, const void *b)
{
	return vip_addr_cmp(a, b);
}

static const char *name_addr(const void *v, char buf[128])
{
	const struct vip_addr *a = v;
	char text[ADDR_STRLEN];

	snprintf(buf, 128, "address %s/%u on %s", addr_format(&a->prefix.addr, text),
	    a->prefix.bits, a->link);
	return buf;
}

static int cmp_knob(const void *a, const void *b)
{
	return strcmp(((const struct knob *)a)->name, ((const struct knob *)b)->name);
}

static bool same_knob(const void *a, const void *b)
{
	const char *x = ((const struct knob *)a)->value;
	const char *y = ((const struct knob *)b)->value;

	return x && y ? !strcmp(x, y) : x == y;
}

static bool vacant_knob(const void *k)
{
	return !((const struct knob *)k)->value;
}

static const char *name_knob(const void *k, char buf[128])
{
	snprintf(buf, 128, "sysctl %s", ((const struct knob *)k)->name);
	return buf;
}

static struct shelf shelf_of(struct state *s, const struct op *op)
{
	struct fw_table *t = &s->fw[op->family].tables[op->table];

	switch (op->kind) {
	case KIND_FW:
		return (struct shelf){(void **)&t->chains, &t->n_chains,
		    sizeof(struct fw_chain), cmp_chain, same_chain, NULL, name_chain};
	case KIND_KSET:
		return (struct shelf){(void **)&s->sets.sets, &s->sets.n_sets,
		    sizeof(struct kset), cmp_set, same_set, NULL, name_set};
	case KIND_LVS:
		return (struct shelf){(void **)&s->lvs.services, &s->lvs.n_services,
		    sizeof(struct lvs_service), cmp_service, same_service, NULL,
		    name_service};
	case KIND_VIP:
		if (op->sub == SUB_VIP_LINK)
			return (struct shelf){(void **)&s->vips.links, &s->vips.n_links,
			    sizeof(struct vip_link), cmp_link, same_any, NULL, name_link};
		return (struct shelf){(void **)&s->vips.addrs, &s->vips.n_addrs,
		    sizeof(struct vip_addr), cmp_addr, same_any, NULL, name_addr};
	case KIND_KNOB:
		break;
	}
	return (struct shelf){(void **)&s->knobs.knobs, &s->knobs.n_knobs,
	    sizeof(struct knob), cmp_knob, same_knob, vacant_knob, name_knob};
}

/* ---- merging */

struct keyed {
	const struct op *op;
	const void *key;
	int (*cmp)(const void *a, const void *b);
};

static int cmp_keyed(const void *va, const void *vb)
{
	const struct keyed *a = va, *b = vb;
	int c = a->cmp(a->key, b->key);

	return c ? c : a->op < b->op ? -1 : a->op > b->op;
}

static int moved(
    const struct shelf *sh, const void *item, const char *how, struct error *err)
{
	char buf[128];

	return error_set(err, ERR_MOVED, 0, "%s %s", sh->name(item, buf), how);
}

/* Puts what becomes of one item at out. Returns how many items that are, or -1. */
static int apply_one(const struct shelf *sh, const struct keyed *k, const void *item,
    char *out, struct error *err)
{
	const struct op *op = k->op;

	if (item && !op->have && !(sh->vacant && sh->vacant(item)))
		return moved(sh, k->key, "is there already", err);
	if (!item && op->have)
		return moved(sh, k->key, "is not there any more", err);
	if (op->have && !sh->same(item, op->have))
		return moved(sh, k->key, "has changed", err);
	if (!op->want)
		return 0;
	memcpy(out, op->want, sh->size);
	return 1;
}

static int merge(const struct shelf *sh, const struct keyed *k, size_t n, struct arena *a,
    struct error *err)
{
	const char *base = *sh->items;
	char *out = arena_alloc(a, (*sh->n + n) * sh->size);
	size_t at = 0, n_out = 0;

	for (size_t i = 0; i < n; i++) {
		const char *item = NULL;
		int made;

		while (at < *sh->n && sh->cmp(base + at * sh->size, k[i].key) < 0)
			memcpy(
			    out + n_out++ * sh->size, base + at++ * sh->size, sh->size);
		if (at < *sh->n && !sh->cmp(base + at * sh->size, k[i].key))
			item = base + at++ * sh->size;
		made = apply_one(sh, &k[i], item, out + n_out * sh->size, err);
		if (made < 0)
			return -1;
		n_out += (size_t)made;
	}
	if (at < *sh->n)
		memcpy(out + n_out * sh->size, base + at * sh->size,
		    (*sh->n - at) * sh->size);
	n_out += *sh->n - at;
	*sh->items = out;
	*sh->n = n_out;
	return 0;
}

/* A run of operations on one array. */
static int apply_run(struct state *s, const struct op *ops, size_t n, struct error *err)
{
	struct shelf sh = shelf_of(s, ops);
	struct keyed *k = xcalloc(n, sizeof(*k));
	int ret;

	for (size_t i = 0; i < n; i++)
		k[i] = (struct keyed){
		    &ops[i], ops[i].want ? ops[i].want : ops[i].have, sh.cmp};
	qsort(k, n, sizeof(*k), cmp_keyed);
	ret = merge(&sh, k, n, s->arena, err);
	free(k);
	return ret;
}

/* ---- what the kernel does on its own */

/* A table comes into being with all of its built-in chains. */
static void make_table(struct state *s, enum family f, enum fw_table_id id)
{
	struct fw_table *t = &s->fw[f].tables[id];
	const char *const *names = fw_builtin_chains(id);
	size_t n = 0;

	while (names[n])
		n++;
	s->fw[f].present = true;
	t->present = true;
	t->chains = arena_array(s->arena, struct fw_chain, n);
	t->n_chains = n;
	for (size_t i = 0; i < n; i++)
		t->chains[i] = (struct fw_chain){
		    .name = names[i],
		    .builtin = true,
		    .policy = FW_POLICY_ACCEPT,
		};
}

/* A link takes its addresses with it. */
static void drop_addrs(struct state *s, const char *link)
{
	struct vip_addr *v = arena_array(s->arena, struct vip_addr, s->vips.n_addrs);
	size_t n = 0;

	for (size_t i = 0; i < s->vips.n_addrs; i++)
		if (strcmp(s->vips.addrs[i].link, link))
			v[n++] = s->vips.addrs[i];
	s->vips.addrs = v;
	s->vips.n_addrs = n;
}

static uint32_t now_or(uint32_t want, uint32_t have)
{
	return want ? want : have;
}

static void set_timeouts(struct state *s, const struct lvs_table *want)
{
	s->lvs.tcp_timeout = now_or(want->tcp_timeout, s->lvs.tcp_timeout);
	s->lvs.tcpfin_timeout = now_or(want->tcpfin_timeout, s->lvs.tcpfin_timeout);
	s->lvs.udp_timeout = now_or(want->udp_timeout, s->lvs.udp_timeout);
}

static bool same_run(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->sub == b->sub && a->phase == b->phase &&
	       (a->kind != KIND_FW || (a->family == b->family && a->table == b->table));
}

static int apply_group(struct state *s, const struct op *ops, size_t n, struct error *err)
{
	const struct vip_link *link = ops->have;

	if (ops->kind == KIND_LVS && ops->sub == SUB_LVS_TIMEOUTS) {
		set_timeouts(s, ops->want);
		return 0;
	}
	if (ops->kind == KIND_FW && !s->fw[ops->family].tables[ops->table].present)
		make_table(s, ops->family, ops->table);
	if (apply_run(s, ops, n, err))
		return -1;
	if (ops->sub == SUB_VIP_LINK && !ops->want)
		drop_addrs(s, link->name);
	s->sets.present |= ops->kind == KIND_KSET;
	s->lvs.present |= ops->kind == KIND_LVS;
	s->vips.present |= ops->kind == KIND_VIP;
	s->knobs.present |= ops->kind == KIND_KNOB;
	return 0;
}

int replay_ops(const struct state *start, const struct op *ops, size_t n,
    struct state **ret, struct error *err)
{
	struct state *s = state_new();
	struct arena *arena = s->arena;
	size_t from, to;

	*s = *start;
	s->arena = arena;
	for (from = 0; from < n; from = to) {
		for (to = from + 1; to < n && same_run(&ops[from], &ops[to]);)
			to++;
		if (apply_group(s, &ops[from], to - from, err)) {
			state_free(s);
			return -1;
		}
	}
	*ret = s;
	return 0;
}

int replay_run(const struct state *start, const struct plan *p, size_t n_ops,
    struct state **ret, struct error *err)
{
	return replay_ops(start, p->ops, n_ops, ret, err);
}
