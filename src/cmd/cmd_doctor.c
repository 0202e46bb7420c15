/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor: the checks of a migration alone. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/fitness.h"
#include "cmd/journal_file.h"
#include "cmd/refusal.h"
#include "cmd/report.h"
#include "kernel/fw_variant.h"
#include "verify/check.h"

/* Without --to: the mode that the node is not in. */
static enum mode other_mode(const struct context *ctx)
{
	unsigned carrying = 0;

	family_foreach (f)
		carrying |= own_modes_carrying(ctx->have, f);
	return carrying & OWN_IPVS ? MODE_IPTABLES : MODE_IPVS;
}

/* What a migration would end in. One that is blocked was refused before. */
static void compare(struct context *ctx)
{
	AUTO(migration) struct migration *m = NULL;
	struct scope scope = context_scope(ctx, MODE_BOTH);
	struct error ignored = {0};

	if (!migrate_plan(ctx->opts.mode, ctx->want, ctx->have, &scope, &m, &ignored))
		fitness_compare(ctx, ctx->have, m);
}

/* What migrate would be refused for before it looks at anything else. */
static int find_unfinished(struct context *ctx, struct error *err)
{
	if (!journal_file_check(ctx, err))
		return 0;
	if (err->kind != ERR_PARTIAL)
		return -1;
	notes_add_named(
	    &ctx->findings, NOTE_REFUSE, CHECK_MIGRATION, NULL, "%s", err->msg);
	error_clear(err);
	return 0;
}

static int examine(struct context *ctx, struct error *err)
{
	/* That both variants are in use is a finding here, no end. */
	if (ctx->opts.variant == FW_AUTO) {
		ctx->variant_guessed = true;
		if (fw_variant_likely(FW_AUTO, &ctx->opts.variant, err))
			return -1;
	}
	if (context_load(ctx, err) || context_read(ctx, err))
		return -1;
	if (!ctx->opts.to_given)
		ctx->opts.mode = other_mode(ctx);
	if (context_emit(ctx, ctx->opts.mode, err) || fitness_examine(ctx, false, err))
		return -1;
	refusal_find(ctx);
	if (find_unfinished(ctx, err))
		return -1;
	compare(ctx);
	return 0;
}

int cmd_doctor(struct context *ctx, struct error *err)
{
	struct strbuf sb = {.out = stdout};
	size_t refusals, unaccepted;
	bool fit;
	int r;

	if (examine(ctx, err))
		return -1;
	refusals = notes_count(&ctx->findings, NOTE_REFUSE);
	unaccepted = fitness_unaccepted(ctx);
	fit = !refusals && !unaccepted;
	if (ctx->opts.output == OUT_JSON)
		check_print_json(&sb, &ctx->findings, ctx->opts.mode, fit);
	else
		check_print(&sb, &ctx->findings, ctx->opts.mode, ctx->opts.quiet);
	r = report_flush(&sb, err);
	strbuf_free(&sb);
	if (r)
		return -1;
	if (!ctx->opts.from)
		report_info(ctx, "this node has no services, and none were given (-f): "
				 "nothing was compared with their addresses");
	report_info(ctx, "a switch to %s mode would %s", mode_name(ctx->opts.mode),
	    refusals	 ? "be refused"
	    : unaccepted ? "be refused unless what can hurt is accepted, with --accept"
			 : "not be refused");
	return fit ? EXIT_DONE : EXIT_REFUSED;
}
