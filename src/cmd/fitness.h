/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FITNESS_H
#define CMD_FITNESS_H

#include "cmd/context.h"
#include "plan/migrate.h"

/*
 * Whether this node is fit for a switch to opts.mode. ctx has model, settings and both
 * states by then. What is found goes into ctx->findings, each note under the name of a
 * check (verify/check.h).
 */

/* Looks, and with try true also tries what the kernel can do. -1: that failed. */
int fitness_examine(struct context *ctx, bool try, struct error *err);

/* Examines and says what was found. EXIT_DONE: go on; EXIT_REFUSED: the reasons were
 * said; -1: err, ERR_BACKEND if the kernel lacks what the mode is made of. */
int fitness_check(struct context *ctx, struct error *err);

/* Walks packets through both ends of a migration: what is reached another way without
 * being one of the differences of the modes becomes a finding "paths". */
void fitness_compare(
    struct context *ctx, const struct state *have, const struct migration *m);

/* Says the findings of that name. */
void fitness_say(const struct context *ctx, const char *name);

/* Findings that must be accepted and were not, by --accept. */
size_t fitness_unaccepted(const struct context *ctx);

/* To be called when the plan has been shown, before it is run: asks on a terminal what is
 * to be accepted. EXIT_DONE: all is; EXIT_REFUSED: not, said what to add; -1: err. */
int fitness_accept(struct context *ctx, struct error *err);

/* The findings become notes of the plan, which prints them. */
void fitness_into_plan(const struct context *ctx, struct plan *p);

#endif
