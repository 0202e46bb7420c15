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
#include "cmd/signals.h"
#include "cmd/state_dir.h"
#include "verify/preflight.h"
#include "verify/verify.h"

/* Another writer may move the tables between reading and writing; each try plans anew.
 * With a busy one that may take more tries, for as long as a lock would be waited for. */
#define MIN_TRIES 5

int run_prepare(struct run *r, struct error *err)
{
	struct context *ctx = r->ctx;
	struct kernel_caps caps;
	const char *no_ipv6;

	if (context_load(ctx, err) || context_probe(ctx, false, &caps, err) ||
	    context_read_and_emit(ctx, err))
		return -1;
	no_ipv6 = preflight_no_ipv6(ctx->want, ctx->have, &caps);
	if (no_ipv6)
		return error_set(err, ERR_BACKEND, 0, "%s", no_ipv6);
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

/* ---- writing */

static bool may_leave(const struct run *r, const struct op *op, const struct error *err)
{
	return r->leaves_sysctls && op->kind == KIND_KNOB && err->kind == ERR_BACKEND;
}

/* What the kernel has of it counts as wanted, in the next plan, too. */
static void leave_sysctl(
    struct run *r, const struct op *op, struct plan_counts *left, struct error *err)
{
	const struct knob *k = op->want;

	strbuf_addf(&r->left.wanted, "%s%s=%s", r->left.n ? " " : "", k->name, k->value);
	knob_find(&r->ctx->want->knobs, k->name)->value = NULL;
	if (!r->left.n++)
		r->left.why = *err;
	error_clear(err);
	++*(op->have ? &left->change : &left->add);
}

static int set_interrupted(const struct op *next, struct error *err)
{
	char group[40];

	return error_set(err, ERR_KERNEL, 0, "interrupted by a signal; the next is: %s",
	    op_group_name(next, group));
}

/* Runs all operations but for sysctls that may be left. A signal stops it between two
 * groups. */
static int run_ops(struct run *r, const struct plan *p, struct outcome *out,
    struct plan_counts *left, struct error *err)
{
	size_t from = 0;

	while (from < p->n_ops) {
		size_t end = plan_group_end(p, from, p->n_ops);

		if (signals_caught())
			return set_interrupted(&p->ops[from], err);
		if (!sink_run(r->sink, p, from, end, out, err)) {
			from = end;
			continue;
		}
		if (!may_leave(r, &p->ops[out->done], err))
			return -1;
		from = out->done + 1;
		leave_sysctl(r, &p->ops[out->done], left, err);
	}
	return 0;
}

static int set_partial(
    struct run *r, size_t done, const struct plan *plan, struct error *err)
{
	r->touched = r->touched || done;
	if (err->kind == ERR_MOVED)
		return -1;
	if (!r->touched)
		return signals_caught() ? error_wrap(err, "nothing was changed") : -1;
	err->kind = ERR_PARTIAL;
	return error_wrap(err,
	    "%zu of %zu operations done, run the same command again to continue", done,
	    plan->n_ops);
}

static void count_written(
    struct run *r, const struct plan *plan, const struct plan_counts *left)
{
	struct plan_counts n;

	plan_count(plan, &n);
	n.add -= left->add;
	n.change -= left->change;
	r->touched = true;
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
	struct plan_counts left = {0};
	struct outcome out = {0};
	int ret;

	if (prepare_to_write(r, err))
		return -1;
	signals_catch_while_writing();
	if (run_ops(r, plan, &out, &left, err)) {
		/* The next plan is not about what was written. */
		if (out.done)
			settle_flows(r, plan);
		return set_partial(r, out.done - left.add - left.change, plan, err);
	}
	count_written(r, plan, &left);
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
	strbuf_free(&r->left.wanted);
}
