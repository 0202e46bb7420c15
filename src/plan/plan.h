/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/auto.h"
#include "base/notes.h"
#include "state/own.h"
#include "state/state.h"

/*
 * Ordered operations that turn one state into another. A state is only ever built, never
 * referenced before it is there nor removed while it is referenced: the phases say so.
 */
enum phase {
	PHASE_PREPARE, /* sysctls, sets and their entries */
	PHASE_BUILD,   /* chains nothing jumps to, guard chains, virtual and real servers, link,
			* addresses */
	PHASE_SWITCH,  /* the table commits that change the datapath */
	PHASE_SETTLE,  /* conntrack */
	PHASE_REMOVE,  /* what nothing refers to any more */
};
#define PHASE_COUNT 5
const char *phase_name(enum phase p); /* "prepare", ... */

/*
 * One change of one object, both sides kept. The object's type follows from kind and sub:
 *   KIND_FW              struct fw_chain: the chain's whole content before and after; for
 *                        a built-in chain both sides hold the foreign rules too
 *   KIND_KSET            struct kset: header and all entries before and after; a changed
 *                        header means destroy and create (a plan says so in `why`)
 *   KIND_LVS             struct lvs_service with its real servers; both sides present
 *                        means SET_SERVICE when settings differ, and NEW/SET/DEL_DEST
 *   KIND_LVS  SUB_LVS_TIMEOUTS  struct lvs_table: only the time-outs
 *   KIND_VIP  SUB_VIP_LINK struct vip_link;  SUB_VIP_ADDR struct vip_addr
 *   KIND_KNOB            struct knob
 */
enum op_sub { SUB_NONE, SUB_LVS_TIMEOUTS, SUB_VIP_LINK, SUB_VIP_ADDR };

struct op {
	enum kind kind;
	enum op_sub sub;
	enum phase phase;
	enum family family;	 /* KIND_FW */
	enum fw_table_id table; /* KIND_FW */
	const void *have;	 /* NULL: add */
	const void *want;	 /* NULL: remove */
	const char *why;	 /* "default/web:http", or what the object is for */
};

struct plan {
	struct arena *arena;
	struct op *ops; /* in the order in which they must run; ops of one table and phase
			 * stand together, so that a driver can commit them at once */
	size_t n_ops;
	struct notes notes; /* what was seen and left alone */
};

/* What a run manages and may remove. */
struct scope {
	unsigned modes;	   /* MODE_BIT mask: whose objects may be added, changed, removed */
	unsigned families; /* FAMILY_BIT mask */
	unsigned kinds;	   /* KIND_BIT mask */
	const struct prefix *exclude_cidrs; /* virtual servers in there are foreign */
	size_t n_exclude_cidrs;
	/* Virtual servers that an earlier run made (the ledger), sorted; may be NULL. */
	const struct lvs_key *ledger;
	size_t n_ledger;
};

/*
 * The plan from have to want within scope. Objects of have that are not owned by
 * scope->modes are never touched. The plan borrows from both states. -1: ERR_REFUSED when
 * the way is blocked by an object that is not ours (a foreign set of that name...).
 */
int plan_make(const struct state *want, const struct state *have,
    const struct scope *scope, struct plan **ret, struct error *err);
void plan_free(struct plan *p);
DEFINE_AUTO(plan, struct plan *, plan_free)

/* The end of the operations that go to the kernel in one call, from ops[from] on: those of
 * one kind, and of rules one table of one family. */
size_t plan_group_end(const struct plan *p, size_t from, size_t to);
/* "nat IPv4", "virtual servers": what a group is about, into buf. */
const char *op_group_name(const struct op *op, char buf[40]);

/* Puts all table commits of a plan into this phase, in this order of nat and filter. */
void plan_order_tables(struct plan *p, enum phase ph, bool nat_first);

struct plan_counts {
	size_t add, change, remove;
	size_t per_kind[KIND_COUNT];
};
/* Counts objects, one per line of plan_print_text(): chains and sets that come or go as such,
 * rules, set entries, virtual servers, real servers, addresses, sysctls. */
void plan_count(const struct plan *p, struct plan_counts *ret);
/* The objects of a wanted state, counted the same way. */
size_t plan_count_wanted(const struct state *want);

/*
 * The fewest rule changes that turn one chain's content into another's, for drivers and
 * printers: to be applied in order, positions counted from 0 at the time of the edit.
 */
enum fw_edit_kind { FW_EDIT_DELETE, FW_EDIT_INSERT };
struct fw_edit {
	enum fw_edit_kind kind;
	size_t at;
	const struct fw_rule *rule;
};
size_t fw_edit_script(const struct fw_chain *have, const struct fw_chain *want,
    struct arena *a, struct fw_edit **ret);

/* ---- text (plan_text.c) */

/* What diff, --dry-run and migrate print: one line per object under its Kubernetes
 * service, ending in "N to add, N to change, N to delete". phases: with phase headings. */
void plan_print_text(struct strbuf *sb, const struct plan *p, bool phases);
/* Unified diff in the stock tools' formats, grouped by part, then chain or set. */
void plan_print_diff(struct strbuf *sb, const struct plan *p, bool colour);
/* The same for machines (plan_json.c), schema version inside. */
void plan_print_json(struct strbuf *sb, const struct plan *p, bool phases);

#endif
