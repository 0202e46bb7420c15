/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * repair MODE: as apply, for timers: says what had drifted in lines that machines read,
 * refuses to change more than it was told, and leaves its numbers for Prometheus.
 */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/metrics.h"
#include "cmd/report.h"
#include "cmd/run.h"
#include "cmd/state_dir.h"

#include <time.h>

struct repair {
	struct run run;
	struct drift drift; /* what the current plan mends */
	size_t n_logged;    /* plans whose drift was logged */
	struct drift_count total;
	size_t objects; /* wanted */
	bool print;	/* the plan */
};

/* ---- what is said */

/* Says what the current plan is about, and counts it. */
static void log_drift(struct repair *r)
{
	const struct opts *o = &r->run.ctx->opts;

	drift_add(&r->total, &r->drift.n);
	for (size_t i = 0; i < r->drift.n_services; i++) {
		struct log_record line = {0};

		log_add(&line, "event", "drift");
		log_add(&line, "mode", "%s", mode_name(o->mode));
		drift_add_service(&line, &r->drift.services[i]);
		log_record(o->log, LOG_WARNING, o->command->name, &line);
		log_record_clear(&line);
	}
	drift_free(&r->drift);
}

static const char *result_name(const struct repair *r, int status)
{
	switch (status) {
	case EXIT_DONE:
		return drift_total(&r->total) ? "repaired" : "ok";
	case EXIT_DIFFERS:
		return "drift";
	case EXIT_REFUSED:
		return "refused";
	case EXIT_LOCKED:
		return "locked";
	case EXIT_PARTIAL:
		return "partial";
	default:
		return "failed";
	}
}

static size_t n_changes(const struct repair *r)
{
	const struct plan_counts *n = &r->run.counts;

	return n->add + n->change + n->remove;
}

static void log_run(
    const struct repair *r, int status, double seconds, const struct error *err)
{
	const struct context *ctx = r->run.ctx;
	struct log_record line = {0};
	int priority = status == EXIT_DONE	? LOG_INFO
		       : status == EXIT_DIFFERS ? LOG_WARNING
						: LOG_ERR;

	log_add(&line, "event", "run");
	log_add(&line, "mode", "%s", mode_name(ctx->opts.mode));
	log_add(&line, "result", "%s", result_name(r, status));
	drift_add_count(&line, &r->total);
	log_add(&line, "changes", "%zu", n_changes(r));
	log_add(&line, "services", "%zu", ctx->model ? ctx->model->n_services : 0);
	log_add(&line, "objects", "%zu", r->objects);
	log_add(&line, "draining", "%zu", r->run.draining);
	log_add(&line, "stale_flows", "%zu", r->run.stale_flows);
	log_add(&line, "seconds", "%.3f", seconds);
	if (err)
		log_add(&line, "error", "%s", err->msg);
	log_record(ctx->opts.log, priority, ctx->opts.command->name, &line);
	log_record_clear(&line);
}

static void write_metrics(const struct repair *r, int status, double seconds)
{
	const struct context *ctx = r->run.ctx;
	const struct metrics m = {
	    .mode = ctx->opts.mode,
	    .time = time(NULL),
	    .success = status == EXIT_DONE || status == EXIT_DIFFERS,
	    .exit_status = status,
	    .seconds = seconds,
	    .drift = &r->total,
	    .changes = n_changes(r),
	    .services = ctx->model ? ctx->model->n_services : 0,
	    .objects = r->objects,
	    .draining = r->run.draining,
	    .stale_flows = r->run.stale_flows,
	};
	struct strbuf text = {0};
	struct error err = {0};

	metrics_print(&text, &m);
	/* It would take the place of a device, too. */
	if (state_dir_check_regular(ctx->opts.metrics_file, &err) ||
	    state_dir_replace_file(ctx->opts.metrics_file, &text, 0644, &err))
		report_problem(ctx, "warning: %s", err.msg);
	strbuf_free(&text);
}

/* ---- the run */

static int refuse(
    size_t n, size_t limit, const char *of, const struct opts *o, struct error *err)
{
	const char *mode = mode_name(o->mode);
	struct strbuf source = {0};

	opts_print_source(&source, o);
	error_set(err, ERR_REFUSED, 0,
	    "%zu changes are needed and --max-changes allows %zu%s; nothing was changed. "
	    "Look with: vipshift diff %s%s, then: vipshift apply %s%s",
	    n, limit, of, mode, source.s, mode, source.s);
	strbuf_free(&source);
	return -1;
}

static int check_limit(const struct repair *r, struct error *err)
{
	const struct opts *o = &r->run.ctx->opts;
	size_t n = drift_total(&r->drift.n), limit;
	char of[64] = "";

	if (!o->limited)
		return 0;
	limit = (size_t)o->max_changes;
	if (o->max_percent) {
		limit = (size_t)(o->max_changes * (double)r->objects / 100);
		snprintf(
		    of, sizeof(of), ", %g%% of %zu objects", o->max_changes, r->objects);
	}
	return n <= limit ? 0 : refuse(n, limit, of, o, err);
}

static int review(struct run *run, const struct plan *plan, struct error *err)
{
	struct repair *r = run->data;

	/* A plan after one that was written is about new drift; else it is the same once
	 * more. */
	if (run->n_written > r->n_logged)
		log_drift(r);
	r->n_logged = run->n_written;
	r->objects = plan_count_wanted(run->ctx->want);
	drift_collect(&r->drift, plan);
	if (r->print && report_plan(run->ctx, plan, false, err))
		return -1;
	if (run->ctx->opts.dry_run)
		return plan->n_ops ? EXIT_DIFFERS : 0;
	return check_limit(r, err);
}

static int set_left(const struct run *r, struct error *err)
{
	return error_set(err, ERR_PARTIAL, 0,
	    "%s; sysctls left as they are: %zu; all else is as it should be. Where they can "
	    "be written: sysctl -w %s",
	    r->left.why.msg, r->left.n, strbuf_str(&r->left.wanted));
}

int cmd_repair(struct context *ctx, struct error *err)
{
	struct repair r = {
	    .run = {.ctx = ctx, .review = review, .data = &r, .leaves_sysctls = true},
	    .print = ctx->opts.dry_run || ctx->opts.verbose || ctx->opts.form,
	};
	bool files = ctx->opts.metrics_file && !ctx->opts.dry_run;
	double begin = report_clock(), seconds;
	int status = -1;

	/* A check goes the way of a dry run: no lock, no probe that writes. */
	ctx->opts.dry_run |= ctx->opts.check;
	/* Mostly there is nothing to do, and then not much: reading takes the longest.
	 * What is printed may have to wait for a reader. */
	ctx->hold = !r.print && !ctx->opts.dry_run && ctx->opts.mode == MODE_IPTABLES;
	if (!run_prepare(&r.run, err))
		status = run_to_end(&r.run, err);
	if (status == EXIT_DONE && r.run.left.n)
		status = set_left(&r.run, err);
	if (status < 0 && err->kind == ERR_USAGE)
		return status;
	seconds = report_clock() - begin;
	log_drift(&r);
	if (status < 0)
		log_run(&r, (int)exit_status_of(err->kind), seconds, err);
	else if (!ctx->opts.quiet || drift_total(&r.total))
		log_run(&r, status, seconds, NULL);
	if (files)
		write_metrics(
		    &r, status < 0 ? (int)exit_status_of(err->kind) : status, seconds);
	run_free(&r.run);
	return status;
}
