/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verify MODE: object by object, want against the kernel; and by real connections. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/probing.h"
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

int cmd_verify(struct context *ctx, struct error *err)
{
	struct notes findings = {0};
	struct scope scope;
	int status = EXIT_DONE;

	if (context_load(ctx, err) || context_read(ctx, err) ||
	    context_emit(ctx, ctx->opts.mode, err))
		return -1;
	context_drain(ctx);
	scope = context_scope(ctx, MODE_BIT(ctx->opts.mode));
	if (verify_state(ctx->want, ctx->have, &scope, &findings, err)) {
		if (err->kind != ERR_VERIFY) {
			notes_clear(&findings);
			return -1;
		}
		print_findings(&findings);
		report_problem(ctx, "%s", err->msg);
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
