/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_DIFF_H
#define PLAN_DIFF_H

/* Between the files of plan/: the diff of each kind, their common order, and replay of
 * a stretch of operations. Nobody else includes this. */

#include "plan/plan.h"

struct differ {
	const struct state *want, *have;
	const struct scope *scope;
	struct arena *arena; /* the plan's */
	struct notes *notes;
	VEC(struct op) ops;
};

static inline bool scope_has_kind(const struct scope *s, enum kind k)
{
	return s->kinds & KIND_BIT(k);
}

static inline bool scope_has_family(const struct scope *s, enum family f)
{
	return s->families & FAMILY_BIT(f);
}

/* Whether the scope may remove an object with these owners. */
static inline bool scope_may_remove(const struct scope *s, unsigned owners)
{
	return owners & s->modes && !(owners & OWN_KUBELET);
}

/* The family of one of our sets, which a bitmap does not say itself. */
enum family kset_name_family(const char *name);

/* Each adds its operations with the phases that they belong to, in order of their keys.
 */
int kset_diff(struct differ *d, struct error *err);
void lvs_diff(struct differ *d);
void vip_diff(struct differ *d);
void knob_diff(struct differ *d);
/* All of these that the scope has. */
int diff_objects(struct differ *d, struct error *err);

/* One step of one family's rules. */
struct fw_step {
	enum family family;
	const struct fw_ruleset *want, *have;
	enum phase phase[FW_TABLE_COUNT];
	/* Whether chains that are ours and not wanted go in this step. */
	bool remove_chains;
	/* Whether such a jump in a built-in chain goes; NULL: all of them. */
	bool (*drop_jump)(const struct fw_step *st, enum fw_table_id t, const char *chain,
	    const struct fw_rule *r);
};
void fw_diff(struct differ *d, const struct fw_step *st);

/* Sorts into the order of a run: by phase, then what is referred to before what refers to
 * it; removals the other way round. Tables of one family stand together, filter before
 * nat unless nat_first says otherwise. */
void ops_sort(struct op *ops, size_t n, const bool nat_first[FAMILY_COUNT]);

/* Applies n operations to a shallow copy of start, which must outlive it. */
int replay_ops(const struct state *start, const struct op *ops, size_t n,
    struct state **ret, struct error *err);

#endif
