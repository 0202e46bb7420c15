/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first half of every commit: the operations of one table in order, the table as it
 * is, whether it is still what the plan was made from, and its wanted rules in binary
 * form.
 */
#include "config.h"

#include "kernel/fw_change.h"

#include <stdlib.h>
#include <string.h>

#include <libiptc/libiptc.h>

/* What the kernel and libiptc leave of a chain's name. */
#define CHAIN_NAME_MAX (28)

int fw_change_error(const struct fw_change *c, const char *chain, struct error *err)
{
	if (chain)
		error_wrap(err, "chain %s", chain);
	return error_wrap(err, "%s table %s", family_info(c->ops->family)->iptables,
	    fw_table_name(c->ops->table));
}

/* ---- the operations */

static int cmp_chain_change(const void *va, const void *vb)
{
	const struct fw_chain_change *a = va, *b = vb;

	if (a->builtin != b->builtin)
		return a->builtin ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* libiptc looks a chain up by name for every call: going through the chains in its own
 * order keeps that look-up in the cache. */
static void sort_chains(struct fw_change *c)
{
	static const struct fw_chain nothing;

	c->chains = arena_array(c->arena, struct fw_chain_change, c->n);
	for (size_t i = 0; i < c->n; i++) {
		const struct fw_chain *have = c->ops[i].have, *want = c->ops[i].want;
		struct fw_chain_change *k = &c->chains[i];

		k->name = want ? want->name : have->name;
		k->builtin = fw_is_builtin(c->ops->table, k->name);
		k->create = !have && want && !k->builtin;
		k->destroy = have && !want && !k->builtin;
		k->have = have ? have : &nothing;
		k->want = want ? want : &nothing;
	}
	qsort(c->chains, c->n, sizeof(*c->chains), cmp_chain_change);
}

/* ---- what is there */

/* Keeps the entries of rules that have no typed form, so that one can be moved within the
 * table. */
static void keep_entries(struct fw_change *c, const struct fw_raw *raws, size_t n,
    struct fw_rule *const *rules)
{
	const struct fw_layout *l = c->now.layout;

	for (size_t i = 0; i < n; i++) {
		size_t size = fw_entry_u16(raws[i].entry, l->next_offset);
		struct strtab_item *known = strtab_add(&c->kept, rules[i]->opaque);
		struct fw_encoded k = {0};
		struct xt_entry_target *target;

		if (known->value)
			continue;
		k.entry = arena_copy(c->arena, raws[i].entry, size);
		target = fw_entry_target(l, k.entry);
		if (!target->u.user.name[0]) {
			k.verdict = raws[i].target;
			strncpy(target->u.user.name, k.verdict,
			    sizeof(target->u.user.name) - 1);
		}
		vec_push(&c->kept_rules, k);
		known->value = (uint32_t)c->kept_rules.n;
	}
}

/* The chains of the operations as they are in the table; absent ones are empty. */
static int read_chains(struct fw_change *c, struct fw_chain **ret, struct error *err)
{
	struct fw_chain *now = arena_array(c->arena, struct fw_chain, c->n);
	struct fw_blob *b = &c->now;
	struct fw_rule **unnamed;
	struct fw_raw *raws;
	size_t n;

	for (size_t i = 0; i < c->n; i++) {
		struct strtab_item *item = strtab_find(&c->names, c->chains[i].name);

		if (item && fw_blob_chain(b, &b->chains[item->value >> FW_NAME_MARKS],
				&now[i], err))
			return -1;
	}
	n = b->raws.n;
	raws = arena_copy(c->arena, b->raws.v, n * sizeof(*raws));
	unnamed = arena_copy(c->arena, b->unnamed.v, n * sizeof(*unnamed));
	fw_blob_texts(b);
	keep_entries(c, raws, n, unnamed);
	*ret = now;
	return 0;
}

static int compare_chain(const struct fw_change *c, const char *name,
    const struct fw_chain *expected, const struct fw_chain *now, struct error *err)
{
	size_t n = expected->n_rules < now->n_rules ? expected->n_rules : now->n_rules;
	size_t i = 0;

	while (i < n && fw_rule_eq(&expected->rules[i], &now->rules[i]))
		i++;
	if (i == expected->n_rules && i == now->n_rules)
		return 0;
	return fw_change_fail(c, name, err, ERR_MOVED,
	    "changed since it was read: rule %zu of now %zu (then %zu) differs", i + 1,
	    now->n_rules, expected->n_rules);
}

static bool is_there(const struct fw_change *c, const char *chain)
{
	return strtab_find(&c->names, chain);
}

/* Whether the table is where the plan started from. */
static int check_have(struct fw_change *c, struct error *err)
{
	struct fw_chain *now;

	if (read_chains(c, &now, err))
		return -1;
	for (size_t i = 0; i < c->n; i++) {
		const struct fw_chain_change *k = &c->chains[i];
		bool there = is_there(c, k->name);

		if (there && k->create)
			return fw_change_fail(
			    c, k->name, err, ERR_MOVED, "it is there already");
		if (!there && !k->create)
			return fw_change_fail(c, k->name, err, ERR_MOVED, "it is gone");
		if (compare_chain(c, k->name, k->have, &now[i], err))
			return -1;
	}
	return 0;
}

/* The value is the chain's number in the block. */
static void collect_names(struct fw_change *c)
{
	for (size_t i = 0; i < c->now.n_chains; i++)
		strtab_add(&c->names, c->now.chains[i].name)->value =
		    (uint32_t)i << FW_NAME_MARKS | FW_NAME_THERE;
}

static int mark_names(struct fw_change *c, struct error *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct fw_chain_change *k = &c->chains[i];

		if (k->destroy)
			strtab_add(&c->names, k->name)->value |= FW_NAME_GOES;
		if (!k->create)
			continue;
		if (strlen(k->name) > CHAIN_NAME_MAX)
			return fw_change_fail(c, k->name, err, ERR_INPUT,
			    "its name is longer than %d bytes", CHAIN_NAME_MAX);
		strtab_add(&c->names, k->name)->value = FW_NAME_THERE;
	}
	return 0;
}

int fw_change_open(struct fw_change *c, const struct op *ops, size_t n,
    struct fw_hold *hold, struct error *err)
{
	*c = (struct fw_change){
	    .ops = ops, .n = n, .hold = hold, .arena = arena_new()};
	if (fw_blob_read(&c->now, ops->family, ops->table, hold, c->arena, err))
		return -1;
	sort_chains(c);
	collect_names(c);
	return check_have(c, err) || mark_names(c, err) ? -1 : 0;
}

void fw_change_free(struct fw_change *c)
{
	if (!c->tried && c->now.block.entries)
		fw_hold_keep(c->hold, c->ops->family, c->ops->table, &c->now.block);
	fw_blob_free(&c->now);
	strtab_free(&c->names);
	strtab_free(&c->kept);
	vec_free(&c->kept_rules);
	arena_free(c->arena);
}

/* ---- what is wanted */

/* The entry of a rule that is known as text only, if the table holds such a rule. */
static int find_kept(const struct fw_change *c, const struct fw_rule *r,
    struct fw_encoded *ret, struct error *err)
{
	const struct strtab_item *i = strtab_find(&c->kept, r->opaque);

	if (!i)
		return error_set(err, ERR_REFUSED, 0,
		    "this rule is known as text only and cannot be written: %s",
		    r->opaque);
	*ret = c->kept_rules.v[i->value - 1];
	return 0;
}

static int encode(struct fw_change *c, const struct fw_rule *r, struct fw_encoded *ret,
    struct error *err)
{
	if (r->opaque)
		return find_kept(c, r, ret, err);
	ret->verdict = fw_target_verdict(&r->target);
	return fw_entry_encode(&c->now.codec, r, &ret->entry, err);
}

/* The chain that a rule jumps to, or NULL. The text of one that has no typed form need
 * not tell, for -j NAME may mean either; its entry does. */
static const char *jump_of(const struct fw_rule *r, const struct fw_encoded *e)
{
	int number;

	if (!r->opaque)
		return r->target.kind == FWT_JUMP ? r->target.chain : NULL;
	return e->verdict && e->verdict[0] && !fw_verdict_number(e->verdict, &number)
		   ? e->verdict
		   : NULL;
}

int fw_change_encode(struct fw_change *c, const char *chain, const struct fw_rule *r,
    struct fw_encoded *ret, struct error *err)
{
	const char *to;

	if (encode(c, r, ret, err))
		return fw_change_error(c, chain, err);
	to = jump_of(r, ret);
	ret->chain = to ? strtab_find(&c->names, to) : NULL;
	/* libiptc would take the name for a module's, and the kernel look for it. */
	if (to && (!ret->chain || ret->chain->value & FW_NAME_GOES))
		return fw_change_fail(c, chain, err, ERR_INPUT,
		    "a rule jumps to chain %s, which %s", to,
		    ret->chain ? "is to be deleted" : "does not exist");
	return 0;
}
