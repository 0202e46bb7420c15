/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * migrate: preflight, plan, question, and the walk of cutover.c; or the end of an earlier
 * one that did not come to it.
 */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/cutover.h"
#include "cmd/fitness.h"
#include "cmd/freeze.h"
#include "cmd/probing.h"
#include "cmd/record_fill.h"
#include "cmd/report.h"
#include "cmd/signals.h"
#include "cmd/state_dir.h"
#include "cmd/watch.h"

/* Nothing is written yet, and there is nothing to go back from. */
static int still_wanted(struct error *err)
{
	if (!signals_caught())
		return 0;
	return error_set(
	    err, ERR_REFUSED, 0, "interrupted by a signal; nothing was changed");
}

static int ask(const struct context *ctx, const struct plan *p, struct error *err)
{
	struct plan_counts n;
	char question[160];

	plan_count(p, &n);
	snprintf(question, sizeof(question),
	    "Migrate this node to %s mode: %zu to add, %zu to change, %zu to delete?",
	    mode_name(ctx->opts.mode), n.add, n.change, n.remove);
	return still_wanted(err) || report_confirm(ctx, question, err) ||
		       still_wanted(err)
		   ? -1
		   : 0;
}

static void report_done(const struct cutover *c, double begin)
{
	struct plan_counts n;

	plan_count(cutover_now(c)->plan, &n);
	if (c->stale_flows)
		report_info(c->ctx, "%zu stale UDP flows deleted", c->stale_flows);
	report_info(c->ctx,
	    "the node is in %s mode: %zu services, %zu objects added, %zu changed, %zu "
	    "deleted, %.2f s; verified",
	    mode_name(c->ctx->opts.mode), c->ctx->model->n_services, n.add, n.change,
	    n.remove, report_clock() - begin);
}

/* What the old mode left stays until the answer comes. */
static int wait_for_confirmation(struct cutover *c)
{
	double seconds = c->ctx->opts.confirm_within;

	journal_file_status(&c->journal, JOURNAL_WAITING, seconds);
	report_info(c->ctx,
	    "the node is in %s mode and goes back in %.0f s, unless: vipshift confirm",
	    mode_name(c->ctx->opts.mode), seconds);
	return EXIT_DONE;
}

/* Who is to go back is there before the switch: it may be what ends this process. */
static int run_up_to_remove(struct cutover *c, struct error *err)
{
	if (cutover_forward(c, PHASE_PREPARE, PHASE_SWITCH, err))
		return -1;
	return journal_file_deadline(&c->journal, c->ctx->opts.confirm_within, err) ||
		       watch_start(c->ctx, err) ||
		       cutover_forward(c, PHASE_SWITCH, PHASE_REMOVE, err)
		   ? -1
		   : 0;
}

static int run_phases(struct cutover *c, double begin, struct error *err)
{
	bool waits = c->ctx->opts.confirm_within > 0;

	if (waits ? run_up_to_remove(c, &c->cause)
		  : cutover_forward(c, PHASE_PREPARE, PHASE_COUNT, &c->cause))
		return cutover_undo(c, err);
	state_dir_write_ledger(c->ctx, c->ctx->opts.mode == MODE_IPVS);
	/* Whoever is to stay stopped does so with the new mode, confirmed or not. */
	freeze_end(c->ctx, true);
	if (waits)
		return wait_for_confirmation(c);
	journal_file_status(&c->journal, JOURNAL_FINISHED, 0);
	report_done(c, begin);
	return EXIT_DONE;
}

static int run_to_end(struct cutover *c, struct error *err)
{
	double begin = report_clock();
	int status;

	if (probing_begin(c->ctx, err) || cutover_open(c, err)) {
		/* A new one has changed nothing yet. */
		if (!c->ctx->opts.resume)
			journal_file_status(&c->journal, JOURNAL_ROLLED_BACK, 0);
		return -1;
	}
	status = run_phases(c, begin, err);
	probing_end(c->ctx);
	record_fill(c, begin, status < 0 ? (int)exit_status_of(err->kind) : status,
	    status < 0			      ? err->msg
	    : c->ctx->opts.confirm_within > 0 ? "switched; waits for confirmation"
					      : "switched, verified, cleaned up");
	return status;
}

static int is_there(const struct cutover *c, bool *ret, struct error *err)
{
	AUTO(plan) struct plan *p = NULL;

	context_drain(c->ctx);
	if (plan_make(c->ctx->want, c->ctx->have, &c->scope, &p, err))
		return -1;
	*ret = !p->n_ops;
	return 0;
}

static int migrate(struct cutover *c, struct error *err)
{
	struct context *ctx = c->ctx;
	const struct plan *plan;
	bool there;
	int status;

	c->scope = context_scope(ctx, MODE_BOTH);
	if (is_there(c, &there, err))
		return -1;
	/* What stands against a switch is no reason to refuse where there is none: a
	 * restart of kube-proxy in the same mode runs this too. */
	status = there ? EXIT_DONE : fitness_check(ctx, err);
	if (status)
		return status;
	if (!ctx->opts.dry_run)
		signals_catch();
	if (freeze_begin(ctx, err) ||
	    (ctx->opts.freeze && !ctx->opts.dry_run && context_renew_model(ctx, err)))
		return -1;
	c->before = ctx->have;
	if (cutover_plan(c, err))
		return -1;
	plan = cutover_now(c)->plan;
	report_notes(ctx, &plan->notes, ctx->opts.verbose ? NOTE_INFO : NOTE_WARNING);
	fitness_compare(ctx, c->before, cutover_now(c));
	fitness_say(ctx, "paths");
	fitness_into_plan(ctx, cutover_now(c)->plan);
	if (there && plan->n_ops)
		return error_set(err, ERR_MOVED, 0,
		    "somebody changed the node meanwhile: run it again");
	if (report_wants_plan(ctx, plan) && report_plan(ctx, plan, true, err))
		return -1;
	if (!plan->n_ops) {
		report_info(ctx,
		    "nothing to do: the node is in %s mode and equals the model",
		    mode_name(ctx->opts.mode));
		return EXIT_DONE;
	}
	status = still_wanted(err) ? -1 : fitness_accept(ctx, err);
	if (status)
		return status;
	if (ctx->opts.dry_run)
		return EXIT_DIFFERS;
	if (ask(ctx, plan, err) || journal_file_begin(&c->journal, ctx, c->before, err))
		return -1;
	return run_to_end(c, err);
}

/* ---- an earlier one that did not end */

static int load_earlier(struct cutover *c, struct error *err)
{
	struct context *ctx = c->ctx;

	ctx->ends_migration = true;
	if (state_dir_lock(ctx, err) || journal_file_resume(&c->journal, ctx, err))
		return -1;
	journal_file_say_elsewhere(ctx, &c->journal.j);
	if (!journal_is_unfinished(&c->journal.j)) {
		report_info(ctx, "nothing to do: no migration is under way");
		return EXIT_DONE;
	}
	/* Time alone must not answer, nor a script that resumes whatever it finds. */
	if (c->journal.j.status == JOURNAL_WAITING && ctx->opts.resume) {
		ctx->ends_migration = false;
		return journal_file_check(ctx, err);
	}
	return cutover_load(c, err) ? -1 : EXIT_DIFFERS;
}

static int resume(struct cutover *c, struct error *err)
{
	struct context *ctx = c->ctx;

	/* A confirmation was cut off: the new mode's kube-proxy may be at work. */
	c->keeps = c->journal.j.waited;
	if (cutover_plan(c, err))
		return -1;
	if (report_wants_plan(ctx, cutover_now(c)->plan) &&
	    report_plan(ctx, cutover_now(c)->plan, true, err))
		return -1;
	if (ctx->opts.dry_run)
		return cutover_now(c)->plan->n_ops ? EXIT_DIFFERS : EXIT_DONE;
	return run_to_end(c, err);
}

static int end_earlier(struct cutover *c, struct error *err)
{
	int status = load_earlier(c, err);

	if (status != EXIT_DIFFERS)
		return status;
	if (c->ctx->opts.resume)
		return resume(c, err);
	return cutover_back(c, err);
}

int cmd_migrate(struct context *ctx, struct error *err)
{
	struct cutover c = {.ctx = ctx, .journal.fd = -1};
	const struct opts *o = &ctx->opts;
	int status = -1;

	/* A report that cannot be written is noticed before the switch. */
	if (o->report && state_dir_check_file(o->report, !o->dry_run, err))
		return -1;
	if (o->resume || o->abort)
		status = end_earlier(&c, err);
	else if (!journal_file_check(ctx, err) && !context_load(ctx, err) &&
		 !context_read_and_emit(ctx, err))
		status = migrate(&c, err);
	if (c.sink && c.journal.j.status == JOURNAL_ROLLED_BACK)
		freeze_end(ctx, false);
	else if (!c.sink || status != EXIT_DONE)
		freeze_cancel(ctx);
	cutover_free(&c);
	return status;
}
