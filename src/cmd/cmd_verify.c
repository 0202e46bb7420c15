/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify MODE: object by object, want against the kernel; and by real connections. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/probing.h"
#include "cmd/release.h"
#include "cmd/report.h"
#include "verify/verify.h"

static void print_findings(const struct notes *findings)
{
	for (size_t i = 0; i < findings->list.n; i++)
		printf("%s: %s\n", findings->list.v[i].about, findings->list.v[i].text);
}

/* The ways in, from this node. */
static int probe(struct context *ctx)
{
	struct notes findings = {0};
	size_t tried = probing_verify(ctx, &findings), failed = findings.list.n;

	print_findings(&findings);
	notes_clear(&findings);
	if (failed)
		report_problem(ctx, "%zu of %zu ways in do not answer", failed, tried);
	else
		report_info(ctx, "%zu ways in answer", tried);
	return failed ? EXIT_DIFFERS : EXIT_DONE;
}

/* What differs at first sight may be no more than another release's way to write it. */
static int verify(struct context *ctx, const struct scope *scope, struct notes *findings,
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

int cmd_verify(struct context *ctx, struct error *err)
{
	struct notes findings = {0};
	struct scope scope;
	int status = EXIT_DONE;

	if (context_load(ctx, err) || context_read_and_emit(ctx, err))
		return -1;
	context_drain(ctx);
	scope = context_scope(ctx, MODE_BIT(ctx->opts.mode));
	if (verify(ctx, &scope, &findings, err)) {
		if (err->kind != ERR_VERIFY) {
			notes_clear(&findings);
			return -1;
		}
		print_findings(&findings);
		report_problem(ctx, "%s", err->msg);
		release_suggest(ctx, &scope);
		status = EXIT_DIFFERS;
	} else {
		report_info(ctx, "the live %s state equals the model (%zu services)",
		    mode_name(ctx->opts.mode), ctx->model->n_services);
	}
	notes_clear(&findings);
	if (ctx->opts.probe && probe(ctx) != EXIT_DONE)
		status = EXIT_DIFFERS;
	return status;
}
