/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of the commands that make the kernel equal a wanted state. What is said about
 * it, and whether a plan may be run, is the command's business.
 */
#include "config.h"

#include "cmd/run.h"
#include "cmd/exit.h"
#include "cmd/flows.h"
#include "cmd/report.h"
#include "cmd/state_dir.h"
#include "verify/verify.h"

/* Another writer may move the tables between reading and writing; each try plans anew.
 * With a busy one that may take more tries, for as long as a lock would be waited for. */
#define MIN_TRIES 5

int run_prepare(struct run *r, struct error *err)
{
	struct context *ctx = r->ctx;
	struct kernel_caps caps;

	if (context_load(ctx, err) || context_probe(ctx, false, &caps, err) ||
	    context_read_and_emit(ctx, err))
		return -1;
	r->scope = context_scope(ctx, MODE_BIT(ctx->opts.mode));
	return 0;
}

static bool wants_ipvs(const struct state *s)
{
	return s->sets.n_sets || s->lvs.n_services;
}

/* What was read of IPVS proves that it is there. Where nothing was, and a half-built
 * state would be the worse for it, everything is tried before the first write. */
static int prepare_to_write(struct run *r, struct error *err)
{
	struct kernel_caps caps;

	if (r->sink)
		return 0;
	if (wants_ipvs(r->ctx->want) && !r->ctx->have->lvs.n_services &&
	    context_probe(r->ctx, true, &caps, err))
		return -1;
	r->sink = live_sink_of(r->ctx->source);
	return 0;
}

static int verify_result(
    struct run *r, const struct plan *plan, const struct outcome *out, struct error *err)
{
	struct context *ctx = r->ctx;
	struct notes findings = {0};
	int ret;

	state_free(r->before);
	r->before = ctx->have; /* what is wanted may borrow from it */
	ctx->have = NULL;
	if (live_reread(
		ctx->source, ctx->opts.families, r->before, plan, out, &ctx->have, err))
		return error_wrap(err, "written, but cannot be read back");
	if (ctx->have->base)
		r->before = NULL; /* it ends with the new one */
	ret = verify_state(ctx->want, ctx->have, &r->scope, &findings, err);
	if (ctx->opts.verbose)
		report_notes(ctx, &findings, NOTE_REFUSE);
	notes_clear(&findings);
	if (ret)
		return error_wrap(
		    err, "written, but the kernel does not hold what was wanted");
	return 0;
}

static void count_written(struct run *r, const struct plan *plan)
{
	struct plan_counts n;

	plan_count(plan, &n);
	r->n_written++;
	r->counts.add += n.add;
	r->counts.change += n.change;
	r->counts.remove += n.remove;
}

static void settle_flows(struct run *r, const struct plan *plan)
{
	struct error err = {0};
	size_t stale = 0;

	if (flows_settle(r->ctx, plan, &stale, &err))
		report_problem(
		    r->ctx, "warning: stale UDP flows were not looked for: %s", err.msg);
	r->stale_flows += stale;
}

static int write_plan(struct run *r, const struct plan *plan, struct error *err)
{
	struct outcome out = {0};
	int ret;

	if (prepare_to_write(r, err))
		return -1;
	if (sink_run(r->sink, plan, 0, plan->n_ops, &out, err)) {
		if (err->kind != ERR_MOVED && out.done) {
			err->kind = ERR_PARTIAL;
			return error_wrap(err,
			    "%zu of %zu operations done, run the same command again to "
			    "continue",
			    out.done, plan->n_ops);
		}
		return -1;
	}
	count_written(r, plan);
	ret = verify_result(r, plan, &out, err);
	/* Not under the lock: it may take long. */
	live_release(r->ctx->source);
	settle_flows(r, plan);
	return ret;
}

static int plan_model(struct run *r, struct plan **ret, struct error *err)
{
	r->draining = context_drain(r->ctx);
	return context_plan(r->ctx, &r->scope, ret, err);
}

/* One try: plan from ctx->have and run it. Returns an exit status or -1. */
static int try_once(struct run *r, struct error *err)
{
	AUTO(plan) struct plan *plan = NULL;
	int status;

	if ((r->plan ? r->plan : plan_model)(r, &plan, err))
		return -1;
	report_notes(
	    r->ctx, &plan->notes, r->ctx->opts.verbose ? NOTE_INFO : NOTE_WARNING);
	status = r->review(r, plan, err);
	if (status)
		return status;
	if (plan->n_ops && write_plan(r, plan, err))
		return -1;
	if (!r->plan && r->ctx->opts.mode == MODE_IPVS)
		state_dir_write_ledger(r->ctx, true);
	return EXIT_DONE;
}

int run_to_end(struct run *r, struct error *err)
{
	double begin = report_clock();
	int status, tries;

	for (tries = 1;; tries++) {
		error_clear(err);
		status = try_once(r, err);
		/* Another try reads everything. */
		live_release(r->ctx->source);
		r->seconds = report_clock() - begin;
		/* What was not found when it was read back may be somebody else's work,
		 * too. */
		if (status >= 0 || (err->kind != ERR_MOVED && err->kind != ERR_VERIFY))
			return status;
		if (tries >= MIN_TRIES && r->seconds >= r->ctx->opts.wait)
			return error_wrap(err, "gave up after %d tries", tries);
		report_info(r->ctx, "%s; planning again", err->msg);
		if (err->kind == ERR_MOVED && context_reread(r->ctx, err))
			return -1;
	}
}

void run_free(struct run *r)
{
	state_free(r->before);
}
