/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Puts the differences of all kinds into one list and into the order in which they must
 * run. What differs is found by the *_diff.c files; who runs it is a sink's business.
 */
#include "config.h"

#include "plan/plan.h"
#include "plan/diff.h"
#include "plan/sink.h"

#include <string.h>

const char *phase_name(enum phase p)
{
	static const char *const names[PHASE_COUNT] = {
	    [PHASE_PREPARE] = "prepare",
	    [PHASE_BUILD] = "build",
	    [PHASE_SWITCH] = "switch",
	    [PHASE_SETTLE] = "settle",
	    [PHASE_REMOVE] = "remove",
	};

	return names[p];
}

/* ---- order */

/* Within a phase: what others refer to comes first, and goes last. */
static int kind_rank(const struct op *op)
{
	bool removing = op->phase == PHASE_REMOVE;

	switch (op->kind) {
	case KIND_KNOB:
		return removing ? 6 : 0;
	case KIND_KSET:
		return removing ? 5 : 1;
	case KIND_FW:
		return removing ? 4 : 2;
	case KIND_LVS:
		if (op->sub == SUB_LVS_TIMEOUTS)
			return 3;
		return removing ? 1 : 4;
	case KIND_VIP:
		if (op->sub == SUB_VIP_LINK)
			return removing ? 3 : 5;
		return removing ? 2 : 6;
	}
	return 0;
}

static int table_rank(const struct op *op, const bool nat_first[FAMILY_COUNT])
{
	int rank = 0;

	if (op->kind != KIND_FW)
		return 0;
	if (op->table == FW_FILTER)
		rank = 2;
	else if (op->table == FW_NAT)
		rank = nat_first[op->family] ? 1 : 3;
	return ((int)op->family * 4 + rank) * FW_TABLE_COUNT + (int)op->table;
}

struct ranked {
	struct op op;
	int rank, table;
	size_t index;
};

static int cmp_ranked(const void *va, const void *vb)
{
	const struct ranked *a = va, *b = vb;

	if (a->op.phase != b->op.phase)
		return a->op.phase < b->op.phase ? -1 : 1;
	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

void ops_sort(struct op *ops, size_t n, const bool nat_first[FAMILY_COUNT])
{
	struct ranked *r = xcalloc(n + 1, sizeof(*r));

	for (size_t i = 0; i < n; i++)
		r[i] = (struct ranked){
		    .op = ops[i],
		    .rank = kind_rank(&ops[i]),
		    .table = table_rank(&ops[i], nat_first),
		    .index = i,
		};
	qsort(r, n, sizeof(*r), cmp_ranked);
	for (size_t i = 0; i < n; i++)
		ops[i] = r[i].op;
	free(r);
}

/* Whether two operations may go to the kernel in one call. */
static bool together(const struct op *a, const struct op *b)
{
	if (a->kind != b->kind || a->phase != b->phase)
		return false;
	/* Routes to addresses may have to be made when the link is there, before them. */
	if (a->kind == KIND_VIP)
		return a->sub == b->sub;
	return a->kind != KIND_FW || (a->family == b->family && a->table == b->table);
}

size_t plan_group_end(const struct plan *p, size_t from, size_t to)
{
	size_t end = from + 1;

	while (end < to && together(&p->ops[from], &p->ops[end]))
		end++;
	return end;
}

const char *op_group_name(const struct op *op, char buf[40])
{
	static const char *const names[KIND_COUNT] = {
	    [KIND_KSET] = "IP sets",
	    [KIND_LVS] = "virtual servers",
	    [KIND_VIP] = "addresses",
	    [KIND_KNOB] = "sysctls",
	};

	if (op->kind == KIND_VIP && op->sub == SUB_VIP_LINK)
		return "interface";
	if (op->kind != KIND_FW)
		return names[op->kind];
	snprintf(buf, 40, "%s table %s", family_info(op->family)->iptables,
	    fw_table_name(op->table));
	return buf;
}

void plan_order_tables(struct plan *p, enum phase ph, bool nat_first)
{
	const bool first[FAMILY_COUNT] = {nat_first, nat_first};

	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == KIND_FW)
			p->ops[i].phase = ph;
	ops_sort(p->ops, p->n_ops, first);
}

/* ---- one mode */

/*
 * The rules of one family. The chain that guards virtual addresses must be there before
 * them and stay until they are gone, and both decide whether filter or nat goes first:
 * nat in ipvs mode before filter would meet iptables mode's KUBE-PROXY-FIREWALL in INPUT,
 * which drops clients that are allowed.
 */
static bool diff_family(struct differ *d, enum family f)
{
	struct fw_step st = {
	    .family = f,
	    .want = &d->want->fw[f],
	    .have = &d->have->fw[f],
	    .remove_chains = true,
	};
	bool nat_first = false;

	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
		st.phase[t] = PHASE_SWITCH;
	if (state_has_vips(d->want, f)) {
		st.phase[FW_FILTER] = PHASE_BUILD;
	} else if (state_has_vips(d->have, f)) {
		nat_first = true;
		if (d->scope->modes & OWN_IPVS)
			st.phase[FW_FILTER] = PHASE_REMOVE;
	}
	fw_diff(d, &st);
	return nat_first;
}

int diff_objects(struct differ *d, struct error *err)
{
	if (scope_has_kind(d->scope, KIND_KNOB))
		knob_diff(d);
	if (scope_has_kind(d->scope, KIND_KSET) && kset_diff(d, err))
		return -1;
	if (scope_has_kind(d->scope, KIND_LVS))
		lvs_diff(d);
	if (scope_has_kind(d->scope, KIND_VIP))
		vip_diff(d);
	return 0;
}

static int diff_kinds(struct differ *d, bool nat_first[FAMILY_COUNT], struct error *err)
{
	if (diff_objects(d, err))
		return -1;
	if (!scope_has_kind(d->scope, KIND_FW))
		return 0;
	family_foreach (f) {
		if (!scope_has_family(d->scope, f))
			continue;
		if (d->have->fw[f].present)
			nat_first[f] = diff_family(d, f);
		else if (d->want->fw[f].present)
			notes_add(d->notes, NOTE_WARNING, family_info(f)->iptables,
			    "these rules were not read, so nothing is said about them");
	}
	return 0;
}

int plan_make(const struct state *want, const struct state *have,
    const struct scope *scope, struct plan **ret, struct error *err)
{
	struct plan *p = xcalloc(1, sizeof(*p));
	struct differ d = {
	    .want = want,
	    .have = have,
	    .scope = scope,
	    .notes = &p->notes,
	};
	bool nat_first[FAMILY_COUNT] = {false};

	p->arena = d.arena = arena_new();
	if (diff_kinds(&d, nat_first, err)) {
		vec_free(&d.ops);
		plan_free(p);
		return -1;
	}
	ops_sort(d.ops.v, d.ops.n, nat_first);
	vec_take(&d.ops, p->arena, p->ops, p->n_ops);
	*ret = p;
	return 0;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	notes_clear(&p->notes);
	arena_free(p->arena);
	free(p);
}

void plan_phase_range(const struct plan *p, enum phase ph, size_t *from, size_t *to)
{
	size_t i = 0;

	while (i < p->n_ops && p->ops[i].phase < ph)
		i++;
	*from = i;
	while (i < p->n_ops && p->ops[i].phase == ph)
		i++;
	*to = i;
}
