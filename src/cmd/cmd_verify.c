/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify MODE: object by object, want against the kernel; and by real connections. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/probing.h"
#include "cmd/release.h"
#include "cmd/report.h"
#include "verify/verify.h"

static int print_findings(
    const struct context *ctx, const struct notes *findings, struct error *err)
{
	struct strbuf sb = {.out = stdout};
	int ret;

	if (ctx->opts.output == OUT_JSON)
		verify_print_json(&sb, findings, ctx->opts.mode, ctx->model->n_services);
	else
		verify_print(&sb, findings);
	ret = report_flush(&sb, err);
	strbuf_free(&sb);
	return ret;
}

/* The ways in, from this node. */
static void probe(struct context *ctx, struct notes *findings)
{
	size_t before = findings->list.n;
	size_t tried = probing_verify(ctx, findings), failed = findings->list.n - before;

	if (failed)
		report_problem(ctx, "%zu of %zu ways in do not answer", failed, tried);
	else
		report_info(ctx, "%zu ways in answer", tried);
}

/* What differs at first sight may be no more than another release's way to write it. */
static int compare(struct context *ctx, const struct scope *scope, struct notes *findings,
    struct error *err)
{
	AUTO(plan) struct plan *plan = NULL;

	if (!verify_state(ctx->want, ctx->have, scope, findings, err))
		return 0;
	if (err->kind != ERR_VERIFY)
		return -1;
	notes_clear(findings);
	error_clear(err);
	if (context_plan(ctx, scope, &plan, err))
		return -1;
	return verify_state(ctx->want, ctx->have, scope, findings, err);
}

static int verify(struct context *ctx, struct notes *findings, struct error *err)
{
	struct scope scope = context_scope(ctx, MODE_BIT(ctx->opts.mode));

	if (!compare(ctx, &scope, findings, err)) {
		report_info(ctx, "the live %s state equals the model (%zu services)",
		    mode_name(ctx->opts.mode), ctx->model->n_services);
	} else if (err->kind == ERR_VERIFY) {
		report_problem(ctx, "%s", err->msg);
		release_suggest(ctx, &scope);
	} else {
		return -1;
	}
	if (ctx->opts.probe)
		probe(ctx, findings);
	return print_findings(ctx, findings, err);
}

int cmd_verify(struct context *ctx, struct error *err)
{
	struct notes findings = {0};
	int status;

	if (context_load(ctx, err) || context_read_and_emit(ctx, err))
		return -1;
	context_say_no_ipvs(ctx);
	context_drain(ctx);
	status = verify(ctx, &findings, err);
	if (!status)
		status = findings.list.n ? EXIT_DIFFERS : EXIT_DONE;
	notes_clear(&findings);
	return status;
}
