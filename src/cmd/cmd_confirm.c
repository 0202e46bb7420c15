/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confirm, rollback: the two answers to a migration that waits for one. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/cutover.h"
#include "cmd/freeze.h"
#include "cmd/report.h"
#include "cmd/state_dir.h"
#include "cmd/watch.h"

#include <time.h>
#include <unistd.h>

/* Nobody is there to try again. */
#define UNCONFIRMED_LOCK_WAIT 600
#define UNCONFIRMED_PAUSE 10

/* Finds the journal and loads what it was begun with. */
static int open_earlier(struct cutover *c, struct error *err)
{
	c->ctx->ends_migration = true;
	return state_dir_lock(c->ctx, err) ||
		       journal_file_resume(&c->journal, c->ctx, err)
		   ? -1
		   : 0;
}

/* Where the new mode carries nothing any more, the old one's rules are not to go. */
static int check_carried(const struct cutover *c, struct error *err)
{
	const struct context *ctx = c->ctx;
	unsigned mode = MODE_BIT(ctx->opts.mode);

	family_foreach (f)
		if (ctx->opts.families & FAMILY_BIT(f) &&
		    own_modes_carrying(ctx->want, f) & mode &&
		    !(own_modes_carrying(ctx->have, f) & mode))
			return error_set(err, ERR_REFUSED, 0,
			    "%s services are not carried by %s mode any more, and nothing "
			    "was removed; go back: vipshift rollback, or confirm when its "
			    "kube-proxy has put them right",
			    family_info(f)->name, mode_name(ctx->opts.mode));
	return 0;
}

/* The run stops half-way, and the time still runs. */
static int set_failed(const struct cutover *c, struct error *err)
{
	struct error why = *err;
	uint64_t now = state_dir_now(), until = c->journal.j.until;

	return error_set(err, ERR_PARTIAL, 0,
	    "%s; try again: vipshift confirm, or go back: vipshift rollback (without "
	    "either it goes back in %llu s)",
	    why.msg, (unsigned long long)(until > now ? until - now : 0));
}

static int confirm(struct cutover *c, struct error *err)
{
	struct context *ctx = c->ctx;
	double begin = report_clock();
	const struct plan *plan;

	c->keeps = true;
	if (cutover_load(c, err) || check_carried(c, err) || cutover_plan(c, err))
		return -1;
	plan = cutover_now(c)->plan;
	if (report_wants_plan(ctx, plan) && report_plan(ctx, plan, true, err))
		return -1;
	if (ctx->opts.dry_run)
		return plan->n_ops ? EXIT_DIFFERS : EXIT_DONE;
	if (cutover_open(c, err) || cutover_forward(c, PHASE_PREPARE, PHASE_COUNT, err))
		return set_failed(c, err);
	state_dir_write_ledger(ctx, ctx->opts.mode == MODE_IPVS);
	journal_file_status(&c->journal, JOURNAL_FINISHED, 0);
	report_info(ctx,
	    "the node stays in %s mode; what was left of the other one is "
	    "removed, %.2f s; verified",
	    mode_name(ctx->opts.mode), report_clock() - begin);
	return EXIT_DONE;
}

int cmd_confirm(struct context *ctx, struct error *err)
{
	struct cutover c = {.ctx = ctx, .journal.fd = -1};
	int status = open_earlier(&c, err);

	/* One that was cut off can be given again. */
	if (!status && (c.journal.j.status == JOURNAL_WAITING ||
			   (c.journal.j.status == JOURNAL_OPEN && c.journal.j.waited))) {
		status = confirm(&c, err);
	} else if (!status) {
		ctx->ends_migration = false;
		status = journal_file_check(ctx, err);
		if (!status)
			status = error_set(err, ERR_INPUT, 0,
			    "no migration waits for confirmation%s",
			    c.journal.j.status == JOURNAL_ROLLED_BACK
				? "; the last one was rolled back"
				: "");
	}
	cutover_free(&c);
	return status;
}

/*
 * Sleeps until the time is over. false: there is nothing to wait for any more; it was
 * confirmed or rolled back. The lock is not held meanwhile, or nobody could confirm.
 */
static bool wait_unconfirmed(struct context *ctx, struct error *err)
{
	static const struct timespec pause = {.tv_nsec = 200 * 1000000L};
	struct journal j;

	for (;;) {
		if (journal_file_read(ctx, &j, err) || !journal_is_unfinished(&j) ||
		    !j.until)
			return false;
		if (state_dir_now() >= j.until)
			return true;
		/* This may go on for a day. */
		arena_free(ctx->arena);
		ctx->arena = NULL;
		nanosleep(&pause, NULL);
	}
}

/* 1: the time is over, and the journal open; 0: nothing is to be done; -1: err. */
static int open_overdue(struct cutover *c, struct error *err)
{
	struct context *ctx = c->ctx;

	ctx->opts.wait = UNCONFIRMED_LOCK_WAIT;
	for (;;) {
		if (!wait_unconfirmed(ctx, err))
			return err->kind ? -1 : 0;
		if (open_earlier(c, err))
			return -1;
		if (!journal_is_unfinished(&c->journal.j))
			return 0; /* The answer came at the last moment. */
		if (state_dir_now() >= c->journal.j.until)
			return 1;
		/* The switch took its time, and only now it waits for the answer. */
		journal_file_close(&c->journal);
		state_dir_unlock(ctx);
	}
}

static int roll_back(struct cutover *c, struct error *err)
{
	if (cutover_load(c, err))
		return -1;
	return cutover_back(c, err);
}

static int open_last(struct cutover *c, struct error *err)
{
	const struct journal *j = &c->journal.j;

	if (open_earlier(c, err))
		return -1;
	journal_file_say_elsewhere(c->ctx, j);
	if (j->status == JOURNAL_NONE)
		return error_set(err, ERR_INPUT, 0,
		    "no migration was made since this node was started");
	if (j->status == JOURNAL_ROLLED_BACK)
		return error_set(
		    err, ERR_INPUT, 0, "the last migration was rolled back already");
	return 1;
}

/* It did not go back, whatever the reason was: another process does, unless somebody who
 * gets the lock meanwhile ends the migration. */
static void try_again_later(struct context *ctx)
{
	struct error err = {0};

	state_dir_unlock(ctx);
	sleep(UNCONFIRMED_PAUSE);
	if (watch_start(ctx, &err))
		report_problem(ctx, "%s", err.msg);
}

int cmd_rollback(struct context *ctx, struct error *err)
{
	struct cutover c = {.ctx = ctx, .journal.fd = -1};
	int status = ctx->opts.unconfirmed ? open_overdue(&c, err) : open_last(&c, err);

	if (status > 0)
		status = roll_back(&c, err);
	if (c.sink && status == EXIT_DONE)
		freeze_end(ctx, false);
	cutover_free(&c);
	if (status < 0 && ctx->opts.unconfirmed)
		try_again_later(ctx);
	return status;
}
