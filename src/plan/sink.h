/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_SINK_H
#define PLAN_SINK_H

#include "plan/plan.h"

/* What became of a run. */
struct outcome {
	size_t done; /* operations finished; ops[done] is where it stopped */
	size_t n_ops;
	double seconds[PHASE_COUNT]; /* spent per phase */
	uint32_t commits;	     /* to nf_tables, which counts them */
};

/* Something that takes a plan: the live kernel, a state in memory. */
struct sink;
struct sink_ops {
	/* Runs ops[from..to). -1: err says what failed; out->done counts what was finished.
	 * ERR_MOVED: the kernel is not at `have` any more; read and plan again. */
	int (*run)(struct sink *s, const struct plan *p, size_t from, size_t to,
	    struct outcome *out, struct error *err);
	void (*close)(struct sink *s);
};
struct sink {
	const struct sink_ops *ops;
};

static inline int sink_run(struct sink *s, const struct plan *p, size_t from, size_t to,
    struct outcome *out, struct error *err)
{
	return s->ops->run(s, p, from, to, out, err);
}

/* The range of operations of one phase: [*from, *to). */
void plan_phase_range(const struct plan *p, enum phase ph, size_t *from, size_t *to);

/* Applies operations to a copy of a state in memory (replay.c): for tests and for checking
 * a migration step by step. Fails when an op's have side is not what the state holds. */
int replay_run(const struct state *start, const struct plan *p, size_t n_ops,
    struct state **ret, struct error *err);

#endif
