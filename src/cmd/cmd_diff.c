/* SPDX-License-Identifier: GPL-2.0-or-later */
/* diff MODE: what apply would change, without a trace. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/release.h"
#include "cmd/report.h"

/* Dumps may hold some kinds only: what was not saved is not compared. */
static unsigned kinds_of(const struct state *s)
{
	unsigned kinds = 0;

	family_foreach (f)
		if (s->fw[f].present)
			kinds |= KIND_BIT(KIND_FW);
	if (s->sets.present)
		kinds |= KIND_BIT(KIND_KSET);
	if (s->lvs.present)
		kinds |= KIND_BIT(KIND_LVS);
	if (s->vips.present)
		kinds |= KIND_BIT(KIND_VIP);
	if (s->knobs.present)
		kinds |= KIND_BIT(KIND_KNOB);
	return kinds;
}

int cmd_diff(struct context *ctx, struct error *err)
{
	AUTO(plan) struct plan *plan = NULL;
	struct scope scope;

	if (context_load(ctx, err) || context_read_and_emit(ctx, err))
		return -1;
	context_say_no_ipvs(ctx);
	context_drain(ctx);
	scope = context_scope(ctx, MODE_BIT(ctx->opts.mode));
	if (ctx->opts.against)
		scope.kinds = kinds_of(ctx->have);
	if (context_plan(ctx, &scope, &plan, err))
		return -1;
	report_notes(ctx, &plan->notes, ctx->opts.verbose ? NOTE_INFO : NOTE_WARNING);
	if (report_plan(ctx, plan, false, err))
		return -1;
	if (!plan->n_ops)
		return EXIT_DONE;
	release_suggest(ctx, &scope);
	return EXIT_DIFFERS;
}
