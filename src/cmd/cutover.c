/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The walk of a migration. Each step is written into the journal before it is made; each
 * phase is read back and verified against its own state. Going back is the same row of
 * states read backwards.
 */
#include "config.h"

#include "cmd/cutover.h"
#include "cmd/cutover_flows.h"
#include "cmd/drain_wait.h"
#include "cmd/exit.h"
#include "cmd/probing.h"
#include "cmd/report.h"
#include "cmd/signals.h"
#include "cmd/state_dir.h"
#include "plan/keep.h"
#include "plan/restore.h"
#include "verify/verify.h"

/* Another writer may move a table between reading and writing; then the rest is planned
 * anew. */
#define MAX_REPLANS 5
/* Going back must not fail because somebody holds the lock for a moment, nor because one
 * answer of the kernel is lost. */
#define ROLLBACK_LOCK_WAIT 60
#define ROLLBACK_READS 3

const struct migration *cutover_now(const struct cutover *c)
{
	return c->work.v[c->work.n - 1].m;
}

static bool to_ipvs(const struct cutover *c)
{
	return c->ctx->opts.mode == MODE_IPVS;
}

void cutover_free(struct cutover *c)
{
	for (size_t i = 0; i < c->work.n; i++) {
		migration_free(c->work.v[i].m);
		state_free(c->work.v[i].want);
		state_free(c->work.v[i].have);
	}
	vec_free(&c->work);
	if (c->owns_before)
		state_free(c->before);
	sink_close(c->sink);
	journal_file_close(&c->journal);
}

int cutover_plan(struct cutover *c, struct error *err)
{
	struct stretch s = {.have = c->ctx->have};

	context_drain(c->ctx);
	if (c->keeps)
		s.want = keep_mode(&(struct keep){
		    .mode = c->ctx->opts.mode,
		    .before = c->before,
		    .want = c->ctx->want,
		    .have = s.have,
		    .scope = &c->scope,
		});
	if (migrate_plan(c->ctx->opts.mode, s.want ? s.want : c->ctx->want, s.have,
		&c->scope, &s.m, err)) {
		state_free(s.want);
		return -1;
	}
	c->ctx->have = NULL;
	vec_push(&c->work, s);
	return 0;
}

int cutover_load(struct cutover *c, struct error *err)
{
	struct context *ctx = c->ctx;

	if (journal_file_take_options(&c->journal, err))
		return -1;
	if (journal_file_before(&c->journal, &c->before, err))
		return -1;
	c->owns_before = true;
	if (context_load(ctx, err) || context_read_and_emit(ctx, err))
		return -1;
	c->scope = context_scope(ctx, MODE_BOTH);
	return 0;
}

static int open_sink(
    struct cutover *c, double lock_wait, bool (*stop)(void), struct error *err)
{
	struct live_options live = {
	    .variant = c->ctx->opts.variant, .lock_wait = lock_wait, .stop = stop};

	sink_close(c->sink);
	c->sink = NULL;
	return live_sink_open(&live, &c->sink, err);
}

/* Ctrl-C and kill are a reason to stop: between two steps, to go back. */
int cutover_open(struct cutover *c, struct error *err)
{
	signals_catch_while_writing();
	return open_sink(c, c->ctx->opts.wait, signals_caught, err);
}

/* ---- reading back */

static int read_now(struct cutover *c, struct error *err)
{
	state_free(c->ctx->have);
	c->ctx->have = NULL;
	return context_reread(c->ctx, err);
}

/* What some operations may have changed. Whose a virtual server is, its address tells. */
static unsigned kinds_of(const struct plan *p, size_t from, size_t to)
{
	unsigned kinds = 0;

	for (size_t i = from; i < to; i++)
		kinds |= KIND_BIT(p->ops[i].kind);
	if (kinds & (KIND_BIT(KIND_LVS) | KIND_BIT(KIND_VIP)))
		kinds |= KIND_BIT(KIND_LVS) | KIND_BIT(KIND_VIP);
	return kinds;
}

/* Reads these kinds back. All of them are what ctx->have is from then on. */
static int verify_against(struct cutover *c, const struct state *want, unsigned kinds,
    const char *when, struct error *err)
{
	AUTO(state) struct state *have = NULL;
	struct scope scope = c->scope;
	struct notes findings = {0};
	int ret;

	if (source_read(c->ctx->source, kinds, c->ctx->opts.families, &have, err))
		return error_wrap(err, "cannot read back %s", when);
	scope.kinds &= kinds;
	ret = verify_state(want, have, &scope, &findings, err);
	report_notes(c->ctx, &findings, NOTE_REFUSE);
	notes_clear(&findings);
	if (kinds == KIND_ALL) {
		state_free(c->ctx->have);
		c->ctx->have = have;
		have = NULL;
	}
	return ret ? error_wrap(err, "verification %s", when) : 0;
}

/* ---- forward */

/* The commits of one family, from the first to the last, are what connections notice. */
static void time_switch(struct cutover *c, const struct op *op, double begin)
{
	if (op->phase != PHASE_SWITCH || op->kind != KIND_FW)
		return;
	if (!c->switched[op->family].begin)
		c->switched[op->family].begin = begin;
	c->switched[op->family].end = report_clock();
}

static void report_switch(const struct cutover *c)
{
	struct strbuf sb = {0};

	family_foreach (f)
		if (c->switched[f].begin > 0)
			strbuf_addf(&sb, "%s%s in %.3f s", sb.len ? ", " : "",
			    family_info(f)->name,
			    c->switched[f].end - c->switched[f].begin);
	if (sb.len)
		report_info(c->ctx, "switched %s, first write to last", sb.s);
	strbuf_free(&sb);
}

/* One group. The kernel's routes to IPv6 addresses are there when these are: what leads
 * past them comes once more. */
static int run_group(struct cutover *c, const struct plan *p, size_t from, size_t to,
    bool back, struct error *err)
{
	const struct op *op = &p->ops[from];
	bool addresses = !back && to_ipvs(c) && op->kind == KIND_VIP &&
			 op->sub == SUB_VIP_ADDR && op->phase == PHASE_BUILD;
	struct outcome out = {0};

	if (addresses)
		cutover_source_node(c, false);
	if (sink_run(c->sink, p, from, to, &out, err))
		return -1;
	if (addresses)
		cutover_source_node(c, false);
	return 0;
}

/* Runs operations group by group, each in the journal first. */
static int run_groups(struct cutover *c, const struct plan *p, size_t from, size_t to,
    bool back, enum phase depth, struct error *err)
{
	char group[40];

	while (from < to) {
		size_t end = plan_group_end(p, from, to);
		double begin;

		if (!back && signals_caught())
			return error_set(err, ERR_KERNEL, 0, "interrupted by a signal");
		journal_file_step(&c->journal, back, depth, "%s: %s, %zu operations",
		    phase_name(p->ops[from].phase), op_group_name(&p->ops[from], group),
		    end - from);
		begin = report_clock();
		if (run_group(c, p, from, end, back, err))
			return -1;
		if (!back)
			time_switch(c, &p->ops[from], begin);
		from = end;
	}
	return 0;
}

/* The commits of the switch follow each other closely. */
static int run_ops(struct cutover *c, const struct plan *p, size_t from, size_t to,
    bool back, enum phase depth, struct error *err)
{
	int ret;

	if (depth == PHASE_SWITCH)
		live_sink_hold(c->sink, p, from, to);
	ret = run_groups(c, p, from, to, back, depth, err);
	if (depth == PHASE_SWITCH)
		live_sink_release(c->sink);
	return ret;
}

/* What connections and flows need before the operations of a phase. Towards ipvs the
 * addresses came after the routes, unless an earlier run was killed between the two. */
static void before_ops(struct cutover *c, enum phase ph, bool any)
{
	if (ph == PHASE_SWITCH && (!to_ipvs(c) || (any && c->ctx->opts.resume)))
		cutover_source_node(c, false);
	if (ph == PHASE_REMOVE && !to_ipvs(c)) {
		drain_wait(c, cutover_now(c)->plan);
		cutover_release_flows(c, c->work.v[c->work.n - 1].have);
	}
}

/* And after them. */
static int after_ops(struct cutover *c, enum phase ph, struct error *err)
{
	if (ph == PHASE_SWITCH && to_ipvs(c))
		return cutover_source_virtual(c, err);
	if (ph == PHASE_SETTLE && to_ipvs(c))
		cutover_settle_flows(c, c->ctx->want, false);
	if (ph == PHASE_REMOVE && !to_ipvs(c)) {
		if (cutover_source_forget(c, err))
			return -1;
		cutover_settle_flows(c, c->work.v[c->work.n - 1].have, true);
		cutover_end_orphans(c);
	}
	return 0;
}

/* The last phase is followed by a look at everything, others by one at what they changed.
 */
static int run_phase(struct cutover *c, enum phase ph, bool last, struct error *err)
{
	struct stretch *s = &c->work.v[c->work.n - 1];
	double begin = report_clock();
	size_t from, to;
	int ret;

	if (!c->begin[ph])
		c->begin[ph] = begin;
	plan_phase_range(s->m->plan, ph, &from, &to);
	before_ops(c, ph, from < to);
	ret = run_ops(c, s->m->plan, from, to, false, ph, err) || after_ops(c, ph, err)
		  ? -1
		  : 0;
	if (!ret && (from < to || last))
		ret = verify_against(c, s->m->after[ph],
		    last ? KIND_ALL : kinds_of(s->m->plan, from, to), phase_name(ph),
		    err);
	if (!ret && (ph == PHASE_SWITCH || ph == PHASE_REMOVE))
		ret = probing_check(c->ctx, phase_name(ph), err);
	c->seconds[ph] += report_clock() - begin;
	c->n_ops[ph] += to - from;
	if (!ret)
		report_info(c->ctx, "%-8s %5zu operations  %.3f s", phase_name(ph),
		    to - from, c->seconds[ph]);
	if (!ret && ph == PHASE_SWITCH)
		report_switch(c);
	return ret ? error_wrap(err, "phase %s", phase_name(ph)) : 0;
}

int cutover_forward(struct cutover *c, enum phase from, enum phase to, struct error *err)
{
	int replans = 0;

	for (enum phase ph = from; ph < to;) {
		if (!run_phase(c, ph, ph + 1 == to, err)) {
			ph++;
			continue;
		}
		if (err->kind != ERR_MOVED || replans++ == MAX_REPLANS)
			return -1;
		report_info(c->ctx, "%s; reading and planning again", err->msg);
		error_clear(err);
		if (read_now(c, err) || cutover_plan(c, err))
			return -1;
		ph = PHASE_PREPARE;
	}
	return 0;
}

/* ---- back */

static int read_to_go_back(struct cutover *c, struct error *err)
{
	for (int i = 0; i < ROLLBACK_READS; i++) {
		error_clear(err);
		if (!read_now(c, err))
			return 0;
	}
	return -1;
}

static int try_step_back(struct cutover *c, const struct state *target, enum phase depth,
    const char *when, struct error *err)
{
	/* What is wanted, and the plan, borrow from it. */
	AUTO(state) struct state *from = c->ctx->have;
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *plan = NULL;

	c->ctx->have = NULL;
	if (restore_plan(target, from, &c->scope, &want, &plan, err))
		return -1;
	if (!plan->n_ops) {
		c->ctx->have = from;
		from = NULL;
		return 0;
	}
	restore_order(plan, c->ctx->opts.mode, depth);
	if (depth == PHASE_BUILD)
		drain_wait(c, plan);
	if (depth == PHASE_BUILD && to_ipvs(c))
		cutover_release_flows(c, c->ctx->want);
	return run_ops(c, plan, 0, plan->n_ops, true, depth, err) ||
		       verify_against(c, want, KIND_ALL, when, err)
		   ? -1
		   : 0;
}

/* One step back, to a state that held once. What others have done since stays as it is.
 */
static int step_back(struct cutover *c, const struct state *target, enum phase depth,
    const char *when, struct error *err)
{
	struct error again = {0};

	for (int i = 0; i <= MAX_REPLANS; i++) {
		error_clear(err);
		if (!try_step_back(c, target, depth, when, err))
			return 0;
		/* Whatever it was: what is not tried again stays half-way. */
		if (read_to_go_back(c, &again))
			return -1;
	}
	return -1;
}

static int partly(const struct error *why, struct error *err)
{
	return error_set(err, ERR_PARTIAL, 0,
	    "going back did not end: %s; try again: vipshift migrate --abort, or go on to "
	    "the end: vipshift migrate --resume",
	    why->msg);
}

static int walk_back(struct cutover *c, const struct migration *m, struct error *err)
{
	unsigned depth = c->journal.j.depth;

	if (depth >= PHASE_COUNT)
		depth = PHASE_COUNT - 1;
	if (to_ipvs(c) && depth >= PHASE_BUILD)
		cutover_source_node(c, true);
	for (enum phase ph = (enum phase)depth; ph > PHASE_PREPARE; ph--)
		if (step_back(c, m->after[ph - 1], ph, phase_name(ph), err))
			return -1;
	/* Towards ipvs some addresses are made anew, and must be there. */
	if (to_ipvs(c) ? cutover_source_forget(c, err)
		       : cutover_source_virtual(c, err) || read_to_go_back(c, err))
		return -1;
	return step_back(c, c->before, PHASE_PREPARE, "after going back", err);
}

static void end_back(struct cutover *c)
{
	if (to_ipvs(c)) {
		cutover_settle_flows(c, c->ctx->want, true);
		cutover_end_orphans(c);
	}
	journal_file_status(&c->journal, JOURNAL_ROLLED_BACK, 0);
	/* The ledger is of what ipvs mode has; where it is back, as it was before. */
	if (to_ipvs(c))
		state_dir_write_ledger(c->ctx, false);
}

/* Virtual servers whose addresses are not there yet, or not any more, cannot be told by
 * them: those that were wanted are this migration's. (What others had there was refused.)
 */
static void take_servers(struct cutover *c)
{
	const struct lvs_table *t = &c->ctx->want->lvs;
	struct lvs_key *keys =
	    arena_array(c->ctx->want->arena, struct lvs_key, t->n_services);

	for (size_t i = 0; i < t->n_services; i++)
		keys[i] = t->services[i].key;
	c->scope.ledger = keys;
	c->scope.n_ledger = t->n_services;
}

/* From what is in ctx->have. */
static int go_back(struct cutover *c, struct error *err)
{
	AUTO(migration) struct migration *m = NULL;

	if (to_ipvs(c))
		take_servers(c);
	if (migrate_plan(
		c->ctx->opts.mode, c->ctx->want, c->before, &c->scope, &m, err) ||
	    walk_back(c, m, err))
		return -1;
	end_back(c);
	return 0;
}

static int back(struct cutover *c, struct error *err)
{
	struct error why = {0};

	signals_catch_while_writing();
	if (open_sink(c, ROLLBACK_LOCK_WAIT, NULL, &why) || go_back(c, &why))
		return partly(&why, err);
	report_info(
	    c->ctx, "rolled back: the state is as before %s", c->journal.j.started);
	return EXIT_DONE;
}

static int show_back(struct cutover *c, struct error *err)
{
	AUTO(plan) struct plan *plan = NULL;
	AUTO(state) struct state *want = NULL;

	if (restore_plan(c->before, c->ctx->have, &c->scope, &want, &plan, err) ||
	    report_plan(c->ctx, plan, false, err))
		return -1;
	return plan->n_ops ? EXIT_DIFFERS : EXIT_DONE;
}

int cutover_back(struct cutover *c, struct error *err)
{
	const struct opts *o = &c->ctx->opts;
	int status;

	if (o->dry_run || o->form) {
		status = show_back(c, err);
		if (status < 0 || o->dry_run)
			return status;
	}
	return back(c, err);
}

int cutover_undo(struct cutover *c, struct error *err)
{
	struct error why = {0};

	/* A second signal ends the wait for connections on the way back. */
	signals_forget();
	report_problem(c->ctx, "%s", c->cause.msg);
	report_problem(c->ctx, "putting the old state back");
	if (open_sink(c, ROLLBACK_LOCK_WAIT, NULL, &why) || read_to_go_back(c, &why) ||
	    go_back(c, &why))
		return partly(&why, err);
	return error_set(
	    err, ERR_ROLLED_BACK, 0, "failed and rolled back: the state is as before");
}
