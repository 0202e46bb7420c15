/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migrate --to MODE: preflight, plan, then phase by phase: run, read back, verify. What
 * has been done is kept as a list of plans, so that going back is the same walk
 * backwards.
 */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/fitness.h"
#include "cmd/freeze.h"
#include "cmd/report.h"
#include "cmd/state_dir.h"
#include "kernel/ct_nl.h"
#include "plan/migrate.h"
#include "verify/verify.h"

#include <string.h>

/* Another writer may move a table between reading and writing; then the rest is planned
 * anew. */
#define MAX_REPLANS 5
/* Going back must not fail because somebody holds the lock for a moment. */
#define ROLLBACK_LOCK_WAIT 60

/* A stretch of work that was done: the operations [from, to) of one plan. */
struct stretch {
	struct migration *m;
	struct state *have; /* what m was planned from; owned */
	size_t done;
};

struct run {
	struct context *ctx;
	struct scope scope;
	struct sink *sink;
	struct state *before; /* the node as it was found; owned by the first stretch */
	VEC(struct stretch) work;
	double seconds[PHASE_COUNT];
	size_t stale_flows;
};

static struct stretch *current(struct run *r)
{
	return &r->work.v[r->work.n - 1];
}

static void run_free(struct run *r)
{
	for (size_t i = 0; i < r->work.n; i++) {
		migration_free(r->work.v[i].m);
		state_free(r->work.v[i].have);
	}
	vec_free(&r->work);
	sink_close(r->sink);
}

/* Plans the way from what the kernel holds now; the read state moves into the stretch. */
static int plan_from_here(struct run *r, struct error *err)
{
	struct stretch s = {.have = r->ctx->have};

	context_drain(r->ctx);
	if (migrate_plan(r->ctx->opts.mode, r->ctx->want, s.have, &r->scope, &s.m, err))
		return -1;
	r->ctx->have = NULL;
	vec_push(&r->work, s);
	return 0;
}

static int read_now(struct run *r, struct error *err)
{
	state_free(r->ctx->have);
	r->ctx->have = NULL;
	return context_reread(r->ctx, err);
}

static int verify_against(
    struct run *r, const struct state *want, const char *when, struct error *err)
{
	struct notes findings = {0};
	int ret;

	if (read_now(r, err))
		return error_wrap(err, "cannot read back %s", when);
	ret = verify_state(want, r->ctx->have, &r->scope, &findings, err);
	report_notes(r->ctx, &findings, NOTE_REFUSE);
	notes_clear(&findings);
	return ret ? error_wrap(err, "verification %s", when) : 0;
}

/* UDP flows whose endpoint has gone would be kept alive for ever by their own packets. */
static void settle_flows(struct run *r)
{
	struct error err = {0};

	if (ct_delete_stale_udp(&r->ctx->want->lvs, &r->stale_flows, &err))
		report_problem(
		    r->ctx, "warning: stale UDP flows were not looked for: %s", err.msg);
}

/* Runs one phase of the newest plan. */
static int run_phase(struct run *r, enum phase ph, struct error *err)
{
	struct stretch *s = current(r);
	struct outcome out = {0};
	double begin = report_clock();
	size_t from, to;
	int ret = 0;

	plan_phase_range(s->m->plan, ph, &from, &to);
	if (from < to) {
		ret = sink_run(r->sink, s->m->plan, from, to, &out, err);
		s->done = out.done;
	}
	if (!ret && ph == PHASE_SETTLE && r->ctx->opts.mode == MODE_IPVS)
		settle_flows(r);
	if (!ret && (from < to || ph == PHASE_REMOVE))
		ret = verify_against(r, s->m->after[ph], phase_name(ph), err);
	r->seconds[ph] += report_clock() - begin;
	if (!ret)
		report_info(r->ctx, "%-8s %5zu operations  %.3f s", phase_name(ph),
		    to - from, r->seconds[ph]);
	return ret ? error_wrap(err, "phase %s", phase_name(ph)) : 0;
}

static int run_forward(struct run *r, struct error *err)
{
	int replans = 0;

	for (enum phase ph = PHASE_PREPARE; ph < PHASE_COUNT;) {
		if (!run_phase(r, ph, err)) {
			ph++;
			continue;
		}
		if (err->kind != ERR_MOVED || replans++ == MAX_REPLANS)
			return -1;
		report_info(r->ctx, "%s; reading and planning again", err->msg);
		error_clear(err);
		if (read_now(r, err) || plan_from_here(r, err))
			return -1;
		ph = PHASE_PREPARE;
	}
	return 0;
}

static int undo_stretch(struct run *r, const struct stretch *s, struct error *err)
{
	AUTO(plan) struct plan *undo = plan_reverse(s->m->plan, s->done);
	struct outcome out = {0};

	return sink_run(r->sink, undo, 0, undo->n_ops, &out, err);
}

/* When the way back is blocked by a concurrent writer: a plan of its own to the old
 * state. */
static int restore_by_plan(struct run *r, struct error *err)
{
	AUTO(plan) struct plan *plan = NULL;
	struct outcome out = {0};

	if (read_now(r, err) || plan_make(r->before, r->ctx->have, &r->scope, &plan, err))
		return -1;
	return sink_run(r->sink, plan, 0, plan->n_ops, &out, err);
}

/* Puts the state of r->before back. Always -1: ERR_ROLLED_BACK, or ERR_PARTIAL. */
static int roll_back(struct run *r, const struct error *cause, struct error *err)
{
	struct live_options live = {
	    .variant = r->ctx->opts.variant,
	    .lock_wait = ROLLBACK_LOCK_WAIT,
	};
	struct error why = {0};
	bool ok;

	report_problem(r->ctx, "%s", cause->msg);
	report_problem(r->ctx, "putting the old state back");
	sink_close(r->sink);
	r->sink = NULL;
	ok = !live_sink_open(&live, &r->sink, &why);
	for (size_t i = r->work.n; ok && i-- > 0;)
		ok = !undo_stretch(r, &r->work.v[i], &why);
	ok = ok && !verify_against(r, r->before, "after going back", &why);
	if (!ok && r->sink) {
		/* A half-done operation, or somebody else wrote meanwhile. */
		report_problem(
		    r->ctx, "%s; trying once more from a fresh reading", why.msg);
		error_clear(&why);
		ok = !restore_by_plan(r, &why) &&
		     !verify_against(r, r->before, "after going back", &why);
	}
	if (ok)
		return error_set(err, ERR_ROLLED_BACK, 0,
		    "failed and rolled back: the state is as before");
	return error_set(err, ERR_PARTIAL, 0,
	    "rolling back failed too: %s; bring the node back with: vipshift apply %s -f "
	    "%s",
	    why.msg,
	    mode_name(r->ctx->opts.mode == MODE_IPVS ? MODE_IPTABLES : MODE_IPVS),
	    r->ctx->opts.from);
}

static int ask(const struct context *ctx, const struct plan *p, struct error *err)
{
	struct plan_counts n;
	char question[160];

	plan_count(p, &n);
	snprintf(question, sizeof(question),
	    "Migrate this node to %s mode: %zu to add, %zu to change, %zu to delete?",
	    mode_name(ctx->opts.mode), n.add, n.change, n.remove);
	return report_confirm(ctx, question, err);
}

static void report_done(struct run *r, double begin)
{
	struct plan_counts n;

	plan_count(current(r)->m->plan, &n);
	if (r->stale_flows)
		report_info(r->ctx, "%zu stale UDP flows deleted", r->stale_flows);
	report_info(r->ctx,
	    "the node is in %s mode: %zu services, %zu objects added, %zu changed, %zu "
	    "deleted, %.2f s; verified",
	    mode_name(r->ctx->opts.mode), r->ctx->model->n_services, n.add, n.change,
	    n.remove, report_clock() - begin);
}

static int execute(struct run *r, struct error *err)
{
	struct live_options live = {
	    .variant = r->ctx->opts.variant,
	    .lock_wait = r->ctx->opts.wait,
	};
	double begin = report_clock();
	struct error cause = {0};

	if (live_sink_open(&live, &r->sink, err))
		return -1;
	if (run_forward(r, &cause))
		return roll_back(r, &cause, err);
	state_dir_write_ledger(r->ctx, r->ctx->opts.mode == MODE_IPVS);
	report_done(r, begin);
	return EXIT_DONE;
}

static int migrate(struct run *r, struct error *err)
{
	struct context *ctx = r->ctx;
	int status;

	r->scope = context_scope(ctx, MODE_BOTH);
	status = fitness_check(ctx, err);
	if (status)
		return status;
	if (freeze_begin(ctx, err))
		return -1;
	r->before = ctx->have;
	if (plan_from_here(r, err))
		return -1;
	fitness_into_plan(ctx, current(r)->m->plan);
	if (ctx->opts.dry_run || ctx->opts.verbose)
		if (report_plan(ctx, current(r)->m->plan, true, err))
			return -1;
	if (!current(r)->m->plan->n_ops) {
		report_info(ctx,
		    "nothing to do: the node is in %s mode and equals the model",
		    mode_name(ctx->opts.mode));
		return EXIT_DONE;
	}
	status = fitness_accept(ctx, err);
	if (status)
		return status;
	if (ctx->opts.dry_run)
		return EXIT_DIFFERS;
	if (ask(ctx, current(r)->m->plan, err))
		return -1;
	return execute(r, err);
}

int cmd_migrate(struct context *ctx, struct error *err)
{
	struct run r = {.ctx = ctx};
	int status;

	if (context_load(ctx, err) || context_read(ctx, err) ||
	    context_emit(ctx, ctx->opts.mode, err))
		return -1;
	status = migrate(&r, err);
	freeze_end(ctx, r.sink && status == EXIT_DONE);
	run_free(&r);
	return status;
}
