/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_PROBING_H
#define CMD_PROBING_H

#include "cmd/context.h"
#include "kernel/probe.h"

/*
 * --probe: real connections from this node to the services, before, during and after the
 * switch. Ways in that do not answer before are left out. Nothing is done without the
 * option and in a dry run.
 */

/* What was tried at one time. */
struct probe_sample {
	double at;	  /* report_clock() */
	const char *when; /* "before", "during", or the phase it was tried after */
	size_t tried, failed;
};
struct probing {
	struct arena *arena;
	const struct probe_target *targets; /* all that are tried */
	size_t n_targets;
	size_t n_ways;	    /* that there are; more than targets in large clusters */
	size_t n_answering; /* before */
	VEC(struct probe_sample) samples;
	size_t tried, failed;	       /* of all samples but those before */
	struct probing_thread *thread; /* private */
};

/* Tries all before the switch, then goes on trying some beside it. */
int probing_begin(struct context *ctx, struct error *err);
/* Tries all after a phase. -1: ERR_VERIFY when one does not answer that did before, now
 * or at some time since probing_begin(). */
int probing_check(struct context *ctx, const char *when, struct error *err);
/* Ends what goes on beside and says the numbers; ctx->probing stays to be reported. */
void probing_end(struct context *ctx);
void probing_free(struct probing *p);

/* For verify: tries all and adds a NOTE_REFUSE finding per way in that should answer and
 * does not. Returns how many were tried. */
size_t probing_verify(struct context *ctx, struct notes *findings);

#endif
