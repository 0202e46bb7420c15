/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot save FILE, snapshot restore FILE. */
#include "config.h"

#include "base/file.h"
#include "cmd/cmd.h"
#include "cmd/refusal.h"
#include "cmd/report.h"
#include "cmd/run.h"
#include "cmd/state_dir.h"
#include "kernel/fw_variant.h"
#include "plan/restore.h"
#include "state/snapshot.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

/* Standard output or input in the place of a file. */
static bool is_stream(const struct context *ctx)
{
	return !strcmp(ctx->opts.file, "-");
}

/* ---- save */

/* What new connections to services take, in words. */
static const char *carrying(const struct context *ctx, const struct state *s)
{
	unsigned modes = 0;

	family_foreach (f)
		if (ctx->opts.families & FAMILY_BIT(f))
			modes |= own_modes_carrying(s, f);
	if (modes == OWN_BOTH)
		return "iptables and ipvs";
	if (modes)
		return mode_name(modes == OWN_IPVS ? MODE_IPVS : MODE_IPTABLES);
	return "none";
}

static int write_snapshot(const struct context *ctx, struct error *err)
{
	struct utsname kernel = {0};
	char date[32] = "", release[160];
	time_t now = time(NULL);
	struct snapshot_info info = {
	    .families = ctx->opts.families,
	    .version = PACKAGE_STRING,
	    .host = kernel.nodename,
	    .date = date,
	    .kernel = release,
	    .iptables = fw_variant_name(ctx->opts.variant),
	    .mode = carrying(ctx, ctx->have),
	};
	struct strbuf text = {0};
	int ret;

	uname(&kernel);
	snprintf(release, sizeof(release), "%s %s", kernel.sysname, kernel.release);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	snapshot_print(&text, ctx->have, &info);
	if (is_stream(ctx)) {
		text.out = stdout;
		ret = report_flush(&text, err);
	} else {
		ret = state_dir_replace_file(ctx->opts.file, &text, 0600, err);
	}
	strbuf_free(&text);
	return ret;
}

int cmd_snapshot_save(struct context *ctx, struct error *err)
{
	struct opts *o = &ctx->opts;

	if ((!is_stream(ctx) && state_dir_check_regular(o->file, err)) ||
	    context_load_conf(ctx, err) ||
	    fw_variant_detect(o->variant, &o->variant, err) || context_read(ctx, err) ||
	    write_snapshot(ctx, err))
		return -1;
	report_info(ctx, "%s: saved; mode: %s", is_stream(ctx) ? "snapshot" : o->file,
	    carrying(ctx, ctx->have));
	return EXIT_DONE;
}

/* ---- restore */

struct restore {
	struct run run;
	struct state *saved;
	struct snapshot_info info;
};

static int load(struct restore *s, struct error *err)
{
	struct context *ctx = s->run.ctx;
	struct strbuf text = {0};
	struct utsname kernel = {0};
	int ret = file_read(ctx->opts.file, &text, err);

	if (is_stream(ctx))
		ctx->opts.file = "stdin"; /* for messages */
	if (!ret)
		ret = snapshot_parse(
		    strbuf_str(&text), text.len, ctx->opts.file, &s->saved, &s->info, err);
	strbuf_free(&text);
	if (ret)
		return -1;
	if (ctx->opts.families != FAMILY_BOTH && !(ctx->opts.families & s->info.families))
		return error_set(err, ERR_INPUT, 0, "%s: has nothing of this IP family",
		    ctx->opts.file);
	ctx->opts.families &= s->info.families;
	uname(&kernel);
	if (s->info.host && strcmp(s->info.host, kernel.nodename) != 0)
		report_problem(ctx, "warning: %s was saved on %s, this is %s",
		    ctx->opts.file, s->info.host, kernel.nodename);
	return 0;
}

/* Rules in the variant that the node does not use would serve nobody, or act beside those
 * of the other one. */
static int choose_variant(const struct restore *s, struct error *err)
{
	struct opts *o = &s->run.ctx->opts;
	const char *saved = s->info.iptables, *used;
	bool chosen = o->variant != FW_AUTO;

	if (fw_variant_detect(o->variant, &o->variant, err))
		return -1;
	used = fw_variant_name(o->variant);
	if (chosen || !saved || !strcmp(saved, used))
		return 0;
	return error_set(err, ERR_REFUSED, 0,
	    "%s: its rules are of the %s variant of iptables, this node uses %s; nothing was "
	    "changed. Choose where they belong: --iptables %s or --iptables %s",
	    o->file, saved, used, saved, used);
}

/* The ways of the services change with the mode, those of their connections do not. */
static void warn_of_switch(const struct restore *s)
{
	const struct context *ctx = s->run.ctx;
	const char *have = carrying(ctx, ctx->have), *want = carrying(ctx, s->saved);

	if (strcmp(have, want) && strcmp(have, "none") && strcmp(want, "none"))
		report_problem(ctx,
		    "warning: this node's mode is %s, that of %s is %s: services go over, "
		    "and their connections may break; vipshift migrate keeps them",
		    have, ctx->opts.file, want);
}

/* What is going to be tried before the first write. */
static void take_mode(struct restore *s)
{
	struct context *ctx = s->run.ctx;
	const struct state *saved = s->saved;

	ctx->opts.mode = MODE_IPTABLES;
	for (size_t i = 0; i < saved->sets.n_sets; i++)
		if (own_set(saved->sets.sets[i].name))
			ctx->opts.mode = MODE_IPVS;
	for (size_t i = 0; i < saved->lvs.n_services; i++)
		if (own_virtual_server(saved, &saved->lvs.services[i]))
			ctx->conf->scheduler = saved->lvs.services[i].sched;
}

static int make_plan(struct run *r, struct plan **ret, struct error *err)
{
	struct restore *s = r->data;
	struct context *ctx = r->ctx;

	state_free(ctx->want);
	ctx->want = NULL;
	if (restore_plan(s->saved, ctx->have, &r->scope, &ctx->want, ret, err))
		return -1;
	ctx->emitted = ctx->want->lvs;
	return 0;
}

static int review(struct run *r, const struct plan *plan, struct error *err)
{
	const struct opts *o = &r->ctx->opts;
	const struct restore *s = r->data;

	if (report_wants_plan(r->ctx, plan) && report_plan(r->ctx, plan, false, err))
		return -1;
	if (refuse_saved_loss(r->ctx, s->saved, err))
		return -1;
	return o->dry_run && plan->n_ops ? EXIT_DIFFERS : 0;
}

static void report_done(const struct restore *s)
{
	const struct context *ctx = s->run.ctx;
	const struct plan_counts *n = &s->run.counts;

	if (n->add + n->change + n->remove == 0) {
		report_info(ctx, "nothing to do: the node is as saved%s%s",
		    s->info.date ? " at " : "", s->info.date ? s->info.date : "");
		return;
	}
	if (s->run.stale_flows)
		report_info(ctx, "%zu stale UDP flows deleted", s->run.stale_flows);
	report_info(ctx,
	    "done in %.2f s: %zu added, %zu changed, %zu deleted; read back and verified. "
	    "Counters of rules that came back start at 0",
	    s->run.seconds, n->add, n->change, n->remove);
}

int cmd_snapshot_restore(struct context *ctx, struct error *err)
{
	struct restore s = {
	    .run = {.ctx = ctx, .plan = make_plan, .review = review, .data = &s}};
	int status = -1;

	if (!context_load_conf(ctx, err) && !load(&s, err) && !state_dir_lock(ctx, err) &&
	    !choose_variant(&s, err) && !context_read(ctx, err)) {
		warn_of_switch(&s);
		take_mode(&s);
		s.run.scope = context_scope(ctx, MODE_BOTH);
		status = run_to_end(&s.run, err);
	}
	if (status == EXIT_DONE && !ctx->opts.dry_run) {
		state_dir_write_ledger(ctx, true);
		report_done(&s);
	}
	run_free(&s.run);
	/* What is wanted borrows from it. */
	state_free(ctx->want);
	ctx->want = NULL;
	state_free(s.saved);
	return status;
}
