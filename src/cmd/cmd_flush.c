/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flush MODE: removes the objects of one mode. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "cmd/run.h"
#include "cmd/state_dir.h"
#include "plan/flush.h"

#include <stdio.h>

struct flush {
	struct run run;
	bool asked;
	bool beside; /* objects of the other mode are there */
	bool held;   /* what others use stays */
};

static int make_plan(struct run *r, struct plan **ret, struct error *err)
{
	struct context *ctx = r->ctx;

	state_free(ctx->want);
	ctx->want = NULL;
	return flush_plan(ctx->have, &r->scope, &ctx->want, ret, err);
}

/* Families in which new connections take the mode that goes. */
static unsigned carried_families(const struct run *r)
{
	unsigned families = 0;

	family_foreach (f)
		if (r->scope.families & FAMILY_BIT(f) &&
		    own_modes_carrying(r->ctx->have, f) & r->scope.modes)
			families |= FAMILY_BIT(f);
	return families;
}

static int ask(struct flush *f, const struct plan *p, struct error *err)
{
	const struct context *ctx = f->run.ctx;
	unsigned families = carried_families(&f->run);
	struct plan_counts n;
	char question[200];

	if (f->asked || !families)
		return 0;
	plan_count(p, &n);
	snprintf(question, sizeof(question),
	    "%s mode carries the services of this node (%s%s%s), which go down with it. "
	    "Delete %zu objects?",
	    mode_name(ctx->opts.mode),
	    families & FAMILY_BIT(FAMILY_4) ? family_info(FAMILY_4)->name : "",
	    families == FAMILY_BOTH ? ", " : "",
	    families & FAMILY_BIT(FAMILY_6) ? family_info(FAMILY_6)->name : "", n.remove);
	f->asked = true;
	return report_confirm(ctx, question, err);
}

static int review(struct run *r, const struct plan *plan, struct error *err)
{
	const struct opts *o = &r->ctx->opts;
	struct flush *f = r->data;

	f->beside = false;
	f->held = notes_count(&plan->notes, NOTE_WARNING) > 0;
	family_foreach (fam)
		if (r->scope.families & FAMILY_BIT(fam) &&
		    own_modes_present(r->ctx->have, fam) & ~r->scope.modes)
			f->beside = true;
	if (report_wants_plan(r->ctx, plan) && report_plan(r->ctx, plan, false, err))
		return -1;
	if (!plan->n_ops)
		return 0;
	return o->dry_run ? EXIT_DIFFERS : ask(f, plan, err);
}

static void report_done(const struct flush *f)
{
	const struct context *ctx = f->run.ctx;
	const char *mode = mode_name(ctx->opts.mode);
	const struct plan_counts *n = &f->run.counts;

	if (n->add + n->change + n->remove == 0) {
		report_info(ctx,
		    f->held ? "nothing to do: what is left of %s mode, others use"
			    : "nothing to do: no object of %s mode is there",
		    mode);
		return;
	}
	if (f->run.stale_flows)
		report_info(ctx, "%zu stale UDP flows deleted", f->run.stale_flows);
	report_info(ctx,
	    "done in %.2f s: %zu objects of %s mode deleted%s; read back and verified. "
	    "Sysctls stay as they are",
	    f->run.seconds, n->remove, mode,
	    f->beside ? ", the chains that both modes need stay for the other one" : "");
}

int cmd_flush(struct context *ctx, struct error *err)
{
	struct flush f = {
	    .run = {.ctx = ctx, .plan = make_plan, .review = review, .data = &f}};
	int status = -1;

	if (!context_load_conf(ctx, err) && !state_dir_lock(ctx, err) &&
	    !context_read(ctx, err)) {
		f.run.scope = context_scope(ctx, MODE_BIT(ctx->opts.mode));
		status = run_to_end(&f.run, err);
	}
	if (status == EXIT_DONE && !ctx->opts.dry_run) {
		if (ctx->opts.mode == MODE_IPVS)
			state_dir_write_ledger(ctx, false);
		report_done(&f);
	}
	run_free(&f.run);
	return status;
}
