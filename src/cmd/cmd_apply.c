/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply MODE: read, plan, write, read again, verify. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "verify/verify.h"

/* Another writer may move the tables between reading and writing; each try plans anew. */
#define MAX_TRIES 5

static int verify_result(
    struct context *ctx, const struct scope *scope, struct error *err)
{
	struct notes findings = {0};
	int ret;

	if (context_reread(ctx, err))
		return error_wrap(err, "written, but cannot be read back");
	ret = verify_state(ctx->want, ctx->have, scope, &findings, err);
	report_notes(ctx, &findings, NOTE_REFUSE);
	notes_clear(&findings);
	if (ret)
		return error_wrap(
		    err, "written, but the kernel does not hold what was wanted");
	return 0;
}

/* One try: plan from ctx->have and run it. Returns an exit status or -1. */
static int try_once(
    struct context *ctx, struct sink *sink, const struct scope *scope, struct error *err)
{
	AUTO(plan) struct plan *plan = NULL;
	struct outcome out = {0};
	struct plan_counts counts;
	double begin = report_clock();

	if (plan_make(ctx->want, ctx->have, scope, &plan, err))
		return -1;
	report_notes(ctx, &plan->notes, ctx->opts.verbose ? NOTE_INFO : NOTE_WARNING);
	if (ctx->opts.dry_run) {
		if (report_plan(ctx, plan, false, err))
			return -1;
		return plan->n_ops ? EXIT_DIFFERS : EXIT_DONE;
	}
	if (!plan->n_ops) {
		report_info(ctx,
		    "nothing to do: the %s state equals the model (%zu services)",
		    mode_name(ctx->opts.mode), ctx->model->n_services);
		return EXIT_DONE;
	}
	if (ctx->opts.verbose && report_plan(ctx, plan, false, err))
		return -1;
	if (sink_run(sink, plan, 0, plan->n_ops, &out, err)) {
		if (err->kind != ERR_MOVED && out.done) {
			err->kind = ERR_PARTIAL;
			return error_wrap(err,
			    "%zu of %zu operations done, run the same command again to "
			    "continue",
			    out.done, plan->n_ops);
		}
		return -1;
	}
	plan_count(plan, &counts);
	if (verify_result(ctx, scope, err))
		return -1;
	report_info(ctx,
	    "done in %.2f s: %zu added, %zu changed, %zu deleted; read back and verified",
	    report_clock() - begin, counts.add, counts.change, counts.remove);
	return EXIT_DONE;
}

int cmd_apply(struct context *ctx, struct error *err)
{
	struct live_options live = {
	    .variant = ctx->opts.variant, .lock_wait = ctx->opts.wait};
	AUTO(sink) struct sink *sink = NULL;
	struct kernel_caps caps;
	struct scope scope;
	int status = -1;

	if (context_load(ctx, err) || context_read(ctx, err) ||
	    context_probe(ctx, &caps, err) || context_emit(ctx, ctx->opts.mode, err))
		return -1;
	if (!ctx->opts.dry_run && live_sink_open(&live, &sink, err))
		return -1;
	scope = context_scope(ctx, MODE_BIT(ctx->opts.mode));
	for (int i = 0; i < MAX_TRIES; i++) {
		error_clear(err);
		status = try_once(ctx, sink, &scope, err);
		if (status >= 0 || err->kind != ERR_MOVED)
			return status;
		report_info(ctx, "%s; reading again", err->msg);
		if (context_reread(ctx, err))
			return -1;
	}
	return error_wrap(
	    err, "gave up after %d tries, something else keeps writing", MAX_TRIES);
}
