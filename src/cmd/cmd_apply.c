/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply MODE: makes the live state equal the model. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "cmd/run.h"

static int review(struct run *r, const struct plan *plan, struct error *err)
{
	const struct opts *o = &r->ctx->opts;

	if (report_wants_plan(r->ctx, plan) && report_plan(r->ctx, plan, false, err))
		return -1;
	return o->dry_run && plan->n_ops ? EXIT_DIFFERS : 0;
}

static void report_done(const struct run *r)
{
	const struct context *ctx = r->ctx;
	const struct plan_counts *n = &r->counts;

	if (r->draining)
		report_info(ctx,
		    "%zu real servers have left, but may end their connections",
		    r->draining);
	if (r->stale_flows)
		report_info(ctx, "%zu stale UDP flows deleted", r->stale_flows);
	if (n->add + n->change + n->remove == 0)
		report_info(ctx,
		    "nothing to do: the %s state equals the model (%zu services)",
		    mode_name(ctx->opts.mode), ctx->model->n_services);
	else
		report_info(ctx,
		    "done in %.2f s: %zu added, %zu changed, %zu deleted; read back and "
		    "verified",
		    r->seconds, n->add, n->change, n->remove);
}

int cmd_apply(struct context *ctx, struct error *err)
{
	struct run r = {.ctx = ctx, .review = review};
	int status = -1;

	if (!run_prepare(&r, err))
		status = run_to_end(&r, err);
	if (status == EXIT_DONE && !ctx->opts.dry_run)
		report_done(&r);
	run_free(&r);
	return status;
}
