/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_RUN_H
#define CMD_RUN_H

#include "cmd/context.h"

/*
 * What the writing commands do: read, plan, write, read again, verify; anew when somebody
 * else wrote in between. Start with {.ctx, .review, .data}, end with run_free().
 */
struct run {
	struct context *ctx;
	/* Looks at each plan before it is run. 0: go on; more: end with that exit status;
	 * -1: err. */
	int (*review)(struct run *r, const struct plan *p, struct error *err);
	/* Sysctls that cannot be written stay as they are, and all else is written. */
	bool leaves_sysctls;
	/* Makes the plan, and ctx->want, from ctx->have. NULL: towards the model. */
	int (*plan)(struct run *r, struct plan **ret, struct error *err);
	void *data;

	struct scope scope;
	struct sink *sink;    /* of ctx->source; NULL until something is to be written */
	struct state *before; /* as read for the plan that was run */
	size_t draining;      /* real servers that are left to end their connections */
	/* What was done. */
	bool touched; /* anything, also by a try that did not come to its end */
	size_t n_written; /* plans: more than one if somebody else wrote meanwhile */
	struct plan_counts counts; /* of all of them; not by kind */
	size_t stale_flows;
	struct {
		size_t n;
		struct strbuf wanted; /* "NAME=VALUE NAME=VALUE" */
		struct error why; /* of the first */
	} left; /* sysctls */
	double seconds;
};

/* From the command line to both states, under the lock. */
int run_prepare(struct run *r, struct error *err);
/* Makes the kernel equal the wanted state. Returns an exit status; or -1. */
int run_to_end(struct run *r, struct error *err);
void run_free(struct run *r);

#endif
