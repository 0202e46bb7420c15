/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CUTOVER_H
#define CMD_CUTOVER_H

#include "cmd/journal_file.h"
#include "plan/migrate.h"

/* A plan, and what it was made from. */
struct stretch {
	struct migration *m;
	struct state *have; /* owned */
	struct state *want; /* owned; NULL: it is ctx->want */
};

/*
 * A migration under way: forward phase by phase, each read back and verified, or back to
 * the state before. Shared by migrate, confirm and rollback.
 */
struct cutover {
	struct context *ctx;
	struct scope scope;
	struct sink *sink;
	struct journal_file journal;
	struct state *before; /* the node as it was found */
	bool owns_before;     /* else it is the first stretch's */
	bool keeps;	      /* what has become of the new mode since the switch stays */
	VEC(struct stretch) work;
	double begin[PHASE_COUNT], seconds[PHASE_COUNT]; /* begin: report_clock() */
	size_t n_ops[PHASE_COUNT];
	/* When the first commit of the switch began and the last one ended; 0: none. */
	struct {
		double begin, end;
	} switched[FAMILY_COUNT];
	double drain_until; /* report_clock(); 0: not draining yet */
	size_t stale_flows;
	struct error cause; /* why it went back */
};

/*
 * Loads the model and the state before of the migration in the journal, reads the kernel
 * and emits what was wanted: as if migrate had been called again.
 */
int cutover_load(struct cutover *c, struct error *err);

/* Plans the way from what the kernel holds, ctx->have, which moves into the cutover. */
int cutover_plan(struct cutover *c, struct error *err);
/* The newest plan. */
const struct migration *cutover_now(const struct cutover *c);
/* Opens the kernel for writing; catches signals, too. */
int cutover_open(struct cutover *c, struct error *err);

/*
 * Runs the phases [from, to) of the newest plan. When another writer has moved a table,
 * the rest is planned anew. -1: what is done stays done.
 */
int cutover_forward(struct cutover *c, enum phase from, enum phase to, struct error *err);

/* Goes back from what this run has done, because of c->cause. Always -1: ERR_ROLLED_BACK,
 * or ERR_PARTIAL. */
int cutover_undo(struct cutover *c, struct error *err);

/*
 * Goes back to the state before from wherever the journal says that an earlier run came
 * to: through the states that held after each phase, last one first. ctx must be loaded
 * and read, and ctx->want emitted. Prints what changes with -o or in a dry run, which ends
 * with that. Returns an exit status; -1: ERR_PARTIAL, or the plan could not be printed and
 * nothing was changed.
 */
int cutover_back(struct cutover *c, struct error *err);

void cutover_free(struct cutover *c);

#endif
