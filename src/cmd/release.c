/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a node that differs is as another release of kube-proxy would leave it. */
#include "config.h"

#include "cmd/release.h"
#include "cmd/report.h"
#include "emit/emit.h"

/* The state that this release leaves needs no change. */
static bool fits(
    const struct context *ctx, const struct scope *scope, const char *release)
{
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *plan = NULL;
	struct conf conf = *ctx->conf;
	struct error ignored = {0};

	return !conf_take_release(&conf, release, &ignored) &&
	       !emit_state(ctx->opts.mode, ctx->model, &conf, ctx->opts.families, &want,
		   NULL, &ignored) &&
	       !plan_make(want, ctx->have, scope, &plan, &ignored) && !plan->n_ops;
}

void release_suggest(const struct context *ctx, const struct scope *scope)
{
	char first[16] = "", last[16] = "", release[16];
	bool more;

	if (!ctx->opts.verbose)
		return;
	for (int minor = DIALECT_OLDEST_MINOR; minor <= DIALECT_NEWEST_MINOR; minor++) {
		snprintf(release, sizeof(release), "1.%d", minor);
		if (minor == ctx->conf->dialect.minor || !fits(ctx, scope, release))
			continue;
		snprintf(first[0] ? last : first, sizeof(last), "%s", release);
	}
	more = last[0];
	if (first[0])
		report_info(ctx,
		    "the node is exactly as kube-proxy %s%s%s leaves it, not 1.%d: choose "
		    "whose rules to compare with by --kube-proxy",
		    first, more ? " to " : "", last, ctx->conf->dialect.minor);
}
