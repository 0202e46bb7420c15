/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An operation as the objects that it changes, and how many those are. */
#include "config.h"

#include "plan/change.h"

struct walk {
	const struct op *op;
	change_fn *each;
	void *ctx;
};

static void tell(
    const struct walk *w, enum change_type type, const void *have, const void *want)
{
	struct change c = {.type = type, .op = w->op, .have = have, .want = want};

	w->each(w->ctx, &c);
}

static void each_rule(const struct walk *w)
{
	static const struct fw_chain empty = {.name = ""};
	const struct fw_chain *have = w->op->have, *want = w->op->want;
	struct arena *a = arena_new();
	struct fw_edit *edits;
	size_t n;

	if (!have)
		tell(w, CHANGE_CHAIN, NULL, want);
	n = fw_edit_script(have ? have : &empty, want ? want : &empty, a, &edits);
	for (size_t i = 0; i < n; i++) {
		bool in = edits[i].kind == FW_EDIT_INSERT;

		tell(
		    w, CHANGE_RULE, in ? NULL : edits[i].rule, in ? edits[i].rule : NULL);
	}
	if (!want)
		tell(w, CHANGE_CHAIN, have, NULL);
	arena_free(a);
}

static void each_entry(const struct walk *w)
{
	const struct kset *have = w->op->have, *want = w->op->want;
	size_t nh = have ? have->n_entries : 0, nw = want ? want->n_entries : 0;
	size_t i = 0, j = 0;

	if (!have || (want && !kset_same_header(have, want)))
		tell(w, CHANGE_SET, have, want);
	while (i < nh || j < nw) {
		int c = i == nh	  ? 1
			: j == nw ? -1
				  : kset_entry_cmp(&have->entries[i], &want->entries[j]);

		if (c < 0)
			tell(w, CHANGE_ENTRY, &have->entries[i], NULL);
		else if (c > 0)
			tell(w, CHANGE_ENTRY, NULL, &want->entries[j]);
		i += c <= 0;
		j += c >= 0;
	}
	if (!want)
		tell(w, CHANGE_SET, have, NULL);
}

static void each_dest(const struct walk *w)
{
	const struct lvs_service *have = w->op->have, *want = w->op->want;
	size_t nh = have ? have->n_dests : 0, nw = want ? want->n_dests : 0;
	size_t i = 0, j = 0;

	if (!have || (want && !lvs_same_settings(have, want)))
		tell(w, CHANGE_SERVER, have, want);
	while (i < nh || j < nw) {
		const struct lvs_dest *h = i < nh ? &have->dests[i] : NULL;
		const struct lvs_dest *n = j < nw ? &want->dests[j] : NULL;
		int c = !h ? 1 : !n ? -1 : lvs_dest_cmp(h, n);

		if (c < 0)
			tell(w, CHANGE_DEST, h, NULL);
		else if (c > 0)
			tell(w, CHANGE_DEST, NULL, n);
		else if (!lvs_dest_same_settings(h, n))
			tell(w, CHANGE_DEST, h, n);
		i += c <= 0;
		j += c >= 0;
	}
	if (!want)
		tell(w, CHANGE_SERVER, have, NULL);
}

void op_each_change(const struct op *op, change_fn *each, void *ctx)
{
	struct walk w = {.op = op, .each = each, .ctx = ctx};

	switch (op->kind) {
	case KIND_FW:
		each_rule(&w);
		return;
	case KIND_KSET:
		each_entry(&w);
		return;
	case KIND_LVS:
		if (op->sub == SUB_LVS_TIMEOUTS)
			tell(&w, CHANGE_TIMEOUTS, op->have, op->want);
		else
			each_dest(&w);
		return;
	case KIND_VIP:
		tell(&w, op->sub == SUB_VIP_LINK ? CHANGE_LINK : CHANGE_ADDR, op->have,
		    op->want);
		return;
	case KIND_KNOB:
		tell(&w, CHANGE_KNOB, op->have, op->want);
		return;
	}
}

static void count(void *ctx, const struct change *c)
{
	struct plan_counts *n = ctx;

	n->add += !c->have;
	n->remove += !c->want;
	n->change += c->have && c->want;
	n->per_kind[c->op->kind]++;
}

void plan_count(const struct plan *p, struct plan_counts *ret)
{
	*ret = (struct plan_counts){0};
	for (size_t i = 0; i < p->n_ops; i++)
		op_each_change(&p->ops[i], count, ret);
}

static size_t count_rules(const struct fw_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_chains; i++)
		n += t->chains[i].n_rules + !t->chains[i].builtin;
	return n;
}

size_t plan_count_wanted(const struct state *want)
{
	size_t n = want->sets.n_sets + want->lvs.n_services + want->vips.n_links +
		   want->vips.n_addrs + want->knobs.n_knobs;

	family_foreach (f)
		for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
			n += count_rules(&want->fw[f].tables[t]);
	for (size_t i = 0; i < want->sets.n_sets; i++)
		n += want->sets.sets[i].n_entries;
	for (size_t i = 0; i < want->lvs.n_services; i++)
		n += want->lvs.services[i].n_dests;
	return n;
}
