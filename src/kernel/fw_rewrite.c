/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A change of a table by writing the whole of it as one block: what the change does not
 * touch is carried over byte for byte, mostly within the memory that it was read into,
 * and only the places that rules jump to move. libiptc's way costs several look-ups of a
 * chain per rule; here 500,000 rules cost little more than the kernel's own work on them.
 *
 * User chains must be in the order of strcmp: libiptc, so every iptables command, takes
 * quadratic time to read a table in which they are not.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiptc/libiptc.h>

#include "kernel/fw_change.h"

#define NOWHERE UINT32_MAX

/* A chain of the new table. */
struct new_chain {
	const char *name;
	const struct fw_blob_chain *old;      /* NULL: it is new */
	const struct fw_chain_change *change; /* NULL: it stays as it is */
	uint32_t first, foot;		      /* places */
};

/* Entries that are in both tables, and those that begin with counters of their own. */
struct kept_run {
	uint32_t from, to, n;
};
struct first_count {
	uint32_t at;
	struct xt_counters counters;
};

/* A standard target that names a chain whose place is not known yet. */
struct jump {
	uint32_t target, chain;
};

struct fw_rewrite {
	struct fw_change *c;
	const struct fw_layout *layout;
	const struct fw_blob *old;
	struct fw_block block;
	bool in_old;   /* the block grows over the old one, */
	uint32_t done; /* which is not needed any more up to here */
	struct new_chain *chains;
	size_t n_chains;
	uint32_t *new_number; /* of each old chain, or NOWHERE */
	const char *chain;    /* the one at hand */
	VEC(struct jump) jumps;
	VEC(struct kept_run) kept;
	VEC(struct first_count) counts;
	bool changed;
};

/* ---- which chains */

static int cmp_blob_chain(const void *va, const void *vb)
{
	const struct fw_blob_chain *const *a = va, *const *b = vb;

	return strcmp((*a)->name, (*b)->name);
}

/* The user chains of the old table by strcmp; most often they are in this order. */
static size_t sort_old(
    const struct fw_blob *b, const struct fw_blob_chain **ret, bool *was_sorted)
{
	bool sorted = true;
	size_t n = 0;

	for (size_t i = 0; i < b->n_chains; i++) {
		if (b->chains[i].builtin)
			continue;
		ret[n++] = &b->chains[i];
		sorted =
		    sorted && (n < 2 || cmp_blob_chain(&ret[n - 2], &ret[n - 1]) < 0);
	}
	if (!sorted)
		qsort(ret, n, sizeof(*ret), cmp_blob_chain);
	*was_sorted = sorted;
	return n;
}

static void add_chain(struct fw_rewrite *w, const struct fw_blob_chain *old,
    const struct fw_chain_change *change)
{
	const char *name = old ? old->name : change->name;
	uint32_t number = (uint32_t)w->n_chains;
	struct strtab_item *item = strtab_find(&w->c->names, name);

	if (change && change->destroy) {
		w->changed = true;
		return;
	}
	if (old)
		w->new_number[old - w->old->chains] = number;
	else
		w->changed = true;
	item->value = (item->value & ((1u << FW_NAME_MARKS) - 1)) | number
									<< FW_NAME_MARKS;
	w->chains[w->n_chains++] = (struct new_chain){name, old, change, 0, 0};
}

/* Built-in chains as they are in the old table, each with its change. Returns how many of
 * the changes are theirs. */
static size_t add_builtin(struct fw_rewrite *w)
{
	const struct fw_change *c = w->c;
	size_t n = 0;

	while (n < c->n && c->chains[n].builtin)
		n++;
	for (size_t i = 0; i < w->old->n_chains; i++) {
		const struct fw_blob_chain *old = &w->old->chains[i];
		const struct fw_chain_change *change = NULL;

		if (!old->builtin)
			continue;
		for (size_t k = 0; k < n && !change; k++)
			if (!strcmp(c->chains[k].name, old->name))
				change = &c->chains[k];
		add_chain(w, old, change);
	}
	return n;
}

static void list_chains(struct fw_rewrite *w)
{
	const struct fw_change *c = w->c;
	const struct fw_blob_chain **old =
	    arena_array(c->arena, const struct fw_blob_chain *, w->old->n_chains);
	bool sorted;
	size_t n = sort_old(w->old, old, &sorted), i = 0, k;

	/* With built-in chains in front, as they are, everything stays in its order. */
	w->in_old = sorted && n && old[0] == &w->old->chains[w->old->n_chains - n];
	if (w->in_old)
		fw_block_begin_in(&w->block, &w->old->block);
	w->chains = arena_array(c->arena, struct new_chain, w->old->n_chains + c->n);
	w->new_number = arena_array(c->arena, uint32_t, w->old->n_chains);
	memset(w->new_number, 0xff, w->old->n_chains * sizeof(*w->new_number));
	k = add_builtin(w);
	while (i < n || k < c->n) {
		int order = i == n ? 1 : -1;

		if (i < n && k < c->n)
			order = strcmp(old[i]->name, c->chains[k].name);
		add_chain(
		    w, order <= 0 ? old[i] : NULL, order >= 0 ? &c->chains[k] : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

/* ---- entries */

static void *entry_at(const struct fw_rewrite *w, uint32_t at)
{
	return w->block.entries + at;
}

static uint32_t next_of(const struct fw_rewrite *w, const unsigned char *e)
{
	return fw_entry_u16(e, w->layout->next_offset);
}

static int set_too_large(const struct fw_rewrite *w, struct error *err)
{
	return fw_change_fail(w->c, NULL, err, ERR_KERNEL,
	    "it would be too large: a table must stay below 512 MiB, which is about "
	    "900,000 rules with comments");
}

/* Room for entries at the end, of whatever content; *at is its place. */
static int extend(struct fw_rewrite *w, size_t n, uint32_t *at, struct error *err)
{
	*at = w->block.size;
	return fw_block_grow(&w->block, n) ? 0 : set_too_large(w, err);
}

/* The same for what is new, which needs more room than the old table leaves. */
static int grow(struct fw_rewrite *w, size_t n, uint32_t *at, struct error *err)
{
	if (w->in_old && fw_block_left(&w->block, &w->old->block, w->done) < n) {
		if (!fw_block_part(&w->block))
			return set_too_large(w, err);
		w->in_old = false;
	}
	return extend(w, n, at, err);
}

static void jump_to(struct fw_rewrite *w, uint32_t entry, uint32_t chain)
{
	const void *e = entry_at(w, entry);
	uint32_t target = entry + fw_entry_u16(e, w->layout->target_offset);

	vec_push(&w->jumps, (struct jump){target, chain});
}

/* An entry of nothing but a target, all zero but for sizes. */
static int add_plain(
    struct fw_rewrite *w, size_t target_size, uint32_t *at, struct error *err)
{
	const struct fw_layout *l = w->layout;
	size_t size = l->size + XT_ALIGN(target_size);
	unsigned char *e;

	if (grow(w, size, at, err))
		return -1;
	e = memset(entry_at(w, *at), 0, size);
	fw_entry_set_u16(e, l->target_offset, l->size);
	fw_entry_set_u16(e, l->next_offset, size);
	fw_entry_target(l, e)->u.user.target_size = (uint16_t)XT_ALIGN(target_size);
	w->block.n_entries++;
	return 0;
}

/* The head of a chain, or the end of the table. */
static int add_error(struct fw_rewrite *w, const char *name, struct error *err)
{
	struct xt_error_target *t;
	uint32_t at;

	if (add_plain(w, sizeof(*t), &at, err))
		return -1;
	t = (void *)fw_entry_target(w->layout, entry_at(w, at));
	strcpy(t->target.u.user.name, XT_ERROR_TARGET);
	strcpy(t->errorname, name);
	return 0;
}

static int add_foot(struct fw_rewrite *w, struct error *err)
{
	struct xt_standard_target *t;
	uint32_t at;

	if (add_plain(w, sizeof(*t), &at, err))
		return -1;
	t = (void *)fw_entry_target(w->layout, entry_at(w, at));
	t->verdict = XT_RETURN;
	return 0;
}

/* ---- entries of the old table */

/* Sets anew where a carried rule leads to. */
static int move_verdict(
    struct fw_rewrite *w, uint32_t from, uint32_t to, struct error *err)
{
	unsigned char *e = entry_at(w, to);
	struct xt_standard_target *t = (void *)fw_entry_target(w->layout, e);
	const struct fw_blob_chain *chain;
	uint32_t number;

	if (t->target.u.user.name[0] || t->verdict < 0)
		return 0;
	if ((uint32_t)t->verdict == from + next_of(w, e)) {
		t->verdict = (int)(to + next_of(w, e));
		return 0;
	}
	chain = fw_blob_chain_at(w->old, (uint32_t)t->verdict);
	if (!chain)
		return fw_change_fail(w->c, w->chain, err, ERR_KERNEL,
		    "a rule of it leads into the middle of a chain");
	number = w->new_number[chain - w->old->chains];
	if (number == NOWHERE)
		return fw_change_fail(w->c, chain->name, err, ERR_REFUSED,
		    "cannot delete it: chain %s still jumps to it", w->chain);
	jump_to(w, to, number);
	return 0;
}

/* n entries of the old table, from a place and an index on up to the place `end`. */
static int carry(struct fw_rewrite *w, uint32_t from, uint32_t end, uint32_t index,
    uint32_t n, struct error *err)
{
	uint32_t at;

	if (extend(w, end - from, &at, err))
		return -1;
	memmove(entry_at(w, at), w->old->block.entries + from, end - from);
	w->done = end;
	vec_push(&w->kept, (struct kept_run){index, w->block.n_entries, n});
	w->block.n_entries += n;
	while (from < end) {
		uint32_t size = next_of(w, entry_at(w, at));

		if (move_verdict(w, from, at, err))
			return -1;
		from += size;
		at += size;
	}
	return 0;
}

static uint32_t end_of_chain(const struct fw_rewrite *w, const struct fw_blob_chain *c)
{
	return c->foot + next_of(w, w->old->block.entries + c->foot);
}

/* ---- entries of wanted rules */

static void set_verdict(struct fw_rewrite *w, uint32_t at, const struct fw_encoded *r)
{
	unsigned char *e = entry_at(w, at);
	struct xt_standard_target *t = (void *)fw_entry_target(w->layout, e);

	memset(t->target.u.user.name, 0, sizeof(t->target.u.user.name));
	if (r->chain)
		jump_to(w, at, r->chain->value >> FW_NAME_MARKS);
	else if (!fw_verdict_number(r->verdict, &t->verdict))
		t->verdict = (int)(at + next_of(w, e));
}

static int add_rule(struct fw_rewrite *w, const struct fw_rule *r, struct error *err)
{
	struct fw_encoded e;
	struct first_count count = {.at = w->block.n_entries};
	uint32_t size, at;

	if (fw_change_encode(w->c, w->chain, r, &e, err))
		return -1;
	size = next_of(w, e.entry);
	if (grow(w, size, &at, err))
		return -1;
	memcpy(entry_at(w, at), e.entry, size);
	if (e.verdict)
		set_verdict(w, at, &e);
	count.counters = *fw_entry_counters(w->layout, e.entry);
	if (count.counters.pcnt || count.counters.bcnt)
		vec_push(&w->counts, count);
	w->block.n_entries++;
	w->changed = true;
	return 0;
}

/* Old rules one after the other, some of which are kept. */
struct old_rules {
	uint32_t at, index; /* the next one */
	size_t done;
};

static int keep_rules(
    struct fw_rewrite *w, struct old_rules *o, size_t n, struct error *err)
{
	uint32_t end = o->at, index = o->index;
	uint32_t from = o->at;

	for (size_t i = 0; i < n; i++)
		end += next_of(w, w->old->block.entries + end);
	o->at = end;
	o->index += (uint32_t)n;
	return n ? carry(w, from, end, index, (uint32_t)n, err) : 0;
}

static void skip_rule(const struct fw_rewrite *w, struct old_rules *o)
{
	o->at += next_of(w, w->old->block.entries + o->at);
	o->index++;
}

static int edit_rules(struct fw_rewrite *w, const struct new_chain *nc, struct error *err)
{
	const struct fw_chain_change *k = nc->change;
	struct old_rules o = {
	    .at = nc->old->first, .index = nc->old->index + !nc->old->builtin};
	struct fw_edit *edits;
	size_t n = fw_edit_script(k->have, k->want, w->c->arena, &edits), at = 0;

	for (size_t i = 0; i < n; i++) {
		if (keep_rules(w, &o, edits[i].at - at, err))
			return -1;
		at = edits[i].at;
		w->changed = true;
		if (edits[i].kind == FW_EDIT_DELETE) {
			skip_rule(w, &o);
		} else {
			if (add_rule(w, edits[i].rule, err))
				return -1;
			at++;
		}
	}
	return keep_rules(w, &o, k->want->n_rules - at, err);
}

static int add_rules(struct fw_rewrite *w, const struct new_chain *nc, struct error *err)
{
	const struct fw_chain *want = nc->change->want;

	/* Where nothing was there is nothing to keep, and no need to look for it. */
	if (nc->change->have->n_rules)
		return edit_rules(w, nc, err);
	for (size_t i = 0; i < want->n_rules; i++)
		if (add_rule(w, &want->rules[i], err))
			return -1;
	return 0;
}

/* ---- the table */

static int add_head(struct fw_rewrite *w, const struct new_chain *nc, struct error *err)
{
	if (nc->old && nc->old->builtin)
		return 0;
	if (!nc->old)
		return add_error(w, nc->name, err);
	return carry(w, nc->old->head, nc->old->first, nc->old->index, 1, err);
}

static int add_tail(struct fw_rewrite *w, struct new_chain *nc, struct error *err)
{
	const struct fw_blob_chain *old = nc->old;

	nc->foot = w->block.size;
	if (!old)
		return add_foot(w, err);
	return carry(w, old->foot, end_of_chain(w, old),
	    old->index + !old->builtin + old->n_rules, 1, err);
}

/* A chain without a change in one piece. */
static int carry_chain(struct fw_rewrite *w, struct new_chain *nc, struct error *err)
{
	const struct fw_blob_chain *old = nc->old;

	nc->first = w->block.size + old->first - old->head;
	nc->foot = w->block.size + old->foot - old->head;
	return carry(w, old->head, end_of_chain(w, old), old->index,
	    old->n_rules + (old->builtin ? 1 : 2), err);
}

static int write_chain(struct fw_rewrite *w, struct new_chain *nc, struct error *err)
{
	w->chain = nc->name;
	if (!nc->change)
		return carry_chain(w, nc, err);
	if (add_head(w, nc, err))
		return -1;
	nc->first = w->block.size;
	return add_rules(w, nc, err) || add_tail(w, nc, err) ? -1 : 0;
}

/* A hook begins and ends where its chain does now. */
static void set_hooks(struct fw_rewrite *w)
{
	const struct fw_block *old = &w->old->block;

	w->block.valid_hooks = old->valid_hooks;
	for (size_t i = 0; i < w->n_chains; i++) {
		const struct new_chain *nc = &w->chains[i];

		/* User chains come behind all of these. */
		if (!nc->old || !nc->old->builtin)
			break;
		for (unsigned h = 0; h < FW_HOOKS; h++)
			if (old->valid_hooks & 1u << h &&
			    old->hook_entry[h] == nc->old->first) {
				w->block.hook_entry[h] = nc->first;
				w->block.underflow[h] = nc->foot;
			}
	}
}

static void set_jumps(struct fw_rewrite *w)
{
	for (size_t i = 0; i < w->jumps.n; i++) {
		struct xt_standard_target *t = entry_at(w, w->jumps.v[i].target);

		t->verdict = (int)w->chains[w->jumps.v[i].chain].first;
	}
}

static int build(struct fw_rewrite *w, struct error *err)
{
	list_chains(w);
	for (size_t i = 0; i < w->n_chains; i++)
		if (write_chain(w, &w->chains[i], err))
			return -1;
	w->chain = NULL;
	if (add_error(w, XT_ERROR_TARGET, err))
		return -1;
	set_hooks(w);
	set_jumps(w);
	return 0;
}

/* ---- counters */

/* The kernel starts all counters at zero and tells what the old ones had in the end. */
static struct xt_counters_info *sum_counters(
    const struct fw_rewrite *w, const struct xt_counters *old)
{
	struct xt_counters_info *add =
	    xcalloc(1, sizeof(*add) + w->block.n_entries * sizeof(*old));
	bool any = w->counts.n;

	for (size_t i = 0; i < w->kept.n; i++) {
		const struct kept_run *r = &w->kept.v[i];

		for (uint32_t k = 0; k < r->n; k++) {
			add->counters[r->to + k] = old[r->from + k];
			any |= old[r->from + k].pcnt || old[r->from + k].bcnt;
		}
	}
	for (size_t i = 0; i < w->counts.n; i++)
		add->counters[w->counts.v[i].at] = w->counts.v[i].counters;
	if (any)
		return add;
	free(add);
	return NULL;
}

int fw_rewrite_commit(struct fw_rewrite *w)
{
	const struct op *op = w->c->ops;
	uint32_t n_old = w->old->block.n_entries;
	struct xt_counters_info *add = NULL;
	struct xt_counters *old;
	int errnum;

	if (!w->changed)
		return 0;
	old = xcalloc(n_old, sizeof(*old));
	errnum = fw_block_replace(&w->block, op->family, op->table, old, n_old);
	if (!errnum)
		add = sum_counters(w, old);
	/* The rules are in place by now: lost counters are no failure of theirs. */
	if (add)
		fw_block_count(add, w->block.n_entries, op->family, op->table);
	if (!errnum && w->in_old)
		fw_block_inherit(&w->block, &w->c->now.block);
	if (!errnum)
		fw_hold_keep(w->c->hold, op->family, op->table, &w->block);
	free(add);
	free(old);
	return errnum;
}

int fw_rewrite_build(struct fw_change *c, struct fw_rewrite **ret, struct error *err)
{
	struct fw_rewrite *w = xcalloc(1, sizeof(*w));

	w->c = c;
	w->layout = c->now.layout;
	w->old = &c->now;
	c->tried = true;
	if (build(w, err)) {
		fw_rewrite_free(w);
		return -1;
	}
	*ret = w;
	return 0;
}

void fw_rewrite_free(struct fw_rewrite *w)
{
	if (!w)
		return;
	fw_block_free(&w->block);
	vec_free(&w->jumps);
	vec_free(&w->kept);
	vec_free(&w->counts);
	free(w);
}
