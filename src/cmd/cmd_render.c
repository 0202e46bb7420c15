/* SPDX-License-Identifier: GPL-2.0-or-later */
/* render MODE: the desired state as the stock tools write it. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/report.h"

int cmd_render(struct context *ctx, struct error *err)
{
	struct strbuf sb = {.out = stdout};
	int ret;

	if (context_load(ctx, err) || context_emit(ctx, ctx->opts.mode, err))
		return -1;
	for (enum part p = 0; p < PART_COUNT; p++) {
		if (ctx->opts.part_set && p != ctx->opts.part)
			continue;
		if (!ctx->opts.part_set)
			strbuf_addf(&sb, "# part: %s\n", part_name(p));
		state_print_part(&sb, ctx->want, p);
	}
	ret = report_flush(&sb, err);
	strbuf_free(&sb);
	return ret ? -1 : EXIT_DONE;
}
