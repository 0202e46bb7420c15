/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stops second writers and continues them; remembers them in the file "frozen". Whoever
 * holds the lock is the only one who does, and knows from the file what is to become of
 * each: one that is kept for no migration was stopped by this run, or by one that was
 * killed before it had switched.
 */
#include "config.h"

#include "cmd/freeze.h"
#include "cmd/journal_file.h"
#include "cmd/report.h"
#include "cmd/state_dir.h"
#include "kernel/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct frozen {
	int pid;
	uint64_t start;
	/* What comes after the switch, "keep" or "continue"; and once it is made, for one
	 * that is kept, when that migration began. */
	char then[32];
	char name[64];
};
#define KEEP "keep"
#define CONTINUE "continue"
typedef VEC(struct frozen) frozen_vec;

static char *file_path(const struct context *ctx)
{
	struct strbuf sb = {0};

	strbuf_addf(&sb, "%s/frozen", state_dir_path(ctx));
	return sb.s;
}

static void boot_id(char id[64])
{
	AUTO(file) FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	if (!f || fscanf(f, "%63s", id) != 1)
		strcpy(id, "unknown");
}

/* Still the same process, and stopped. */
static bool is_held(const struct frozen *z)
{
	struct process p;

	return process_read(z->pid, &p) && p.start == z->start && p.state == 'T';
}

/* Lines "BOOT PID START keep|continue|TIME NAME"; those of an earlier boot are void. */
static void load(const struct context *ctx, frozen_vec *v)
{
	AUTO(mem) char *path = file_path(ctx);
	AUTO(file) FILE *f = fopen(path, "re");
	char line[256], boot[64], theirs[64];

	boot_id(boot);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long start;
		struct frozen z = {0};

		if (sscanf(line, "%63s %d %llu %31s %63s", theirs, &z.pid, &start, z.then,
			z.name) != 5 ||
		    strcmp(boot, theirs))
			continue;
		z.start = start;
		if (is_held(&z))
			vec_push(v, z);
	}
}

static int store(const struct context *ctx, const frozen_vec *v, struct error *err)
{
	AUTO(mem) char *path = file_path(ctx);
	struct strbuf sb = {0};
	char boot[64];
	int r = 0;

	boot_id(boot);
	for (size_t i = 0; i < v->n; i++)
		strbuf_addf(&sb, "%s %d %llu %s %s\n", boot, v->v[i].pid,
		    (unsigned long long)v->v[i].start, v->v[i].then, v->v[i].name);
	if (v->n)
		r = state_dir_replace_file(path, &sb, 0600, err);
	else if (remove(path) && errno != ENOENT)
		r = error_set(err, ERR_INPUT, errno, "cannot remove %s", path);
	strbuf_free(&sb);
	return r;
}

/* ---- stopping */

static bool is_known(const frozen_vec *v, int pid)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->v[i].pid == pid)
			return true;
	return false;
}

static void choose(const struct context *ctx, frozen_vec *v)
{
	const struct node_writer *w;
	struct process p;
	size_t n;

	process_find_writers(ctx->arena, &w, &n);
	for (size_t i = 0; i < (ctx->opts.freeze_pid ? 1 : n); i++) {
		struct frozen z = {
		    .pid = ctx->opts.freeze_pid ? ctx->opts.freeze_pid : w[i].pid};

		/* Whoever stopped one before may have reasons to leave it so. */
		if (!process_read(z.pid, &p) || p.state == 'T' || is_known(v, z.pid))
			continue;
		z.start = p.start;
		strcpy(z.then, ctx->opts.freeze_continue ? CONTINUE : KEEP);
		snprintf(z.name, sizeof(z.name), "%.63s", *p.name ? p.name : "-");
		for (char *c = z.name; *c; c++)
			if (*c == ' ')
				*c = '_';
		vec_push(v, z);
	}
}

static int stop(struct context *ctx, frozen_vec *v, struct error *err)
{
	size_t held = v->n; /* by an earlier run */

	choose(ctx, v);
	if (v->n == held) {
		report_info(ctx, "no running kube-proxy or kube-router to be stopped");
		return 0;
	}
	if (store(ctx, v, err))
		return -1;
	for (size_t i = held; i < v->n; i++) {
		if (process_stop(v->v[i].pid, err))
			return -1;
		report_info(ctx, "%s (process %d) is stopped", v->v[i].name, v->v[i].pid);
	}
	/* What it wrote until then. */
	return context_reread(ctx, err);
}

int freeze_begin(struct context *ctx, struct error *err)
{
	frozen_vec v = {0};
	int r;

	if (!ctx->opts.freeze || ctx->opts.dry_run)
		return 0;
	load(ctx, &v);
	r = stop(ctx, &v, err);
	vec_free(&v);
	return r;
}

/* ---- what becomes of them */

/* No switch has been made that it would undo. */
static bool is_for_now(const struct frozen *z)
{
	return !strcmp(z->then, KEEP) || !strcmp(z->then, CONTINUE);
}

/* True: it stays stopped. */
static bool go_on(const struct context *ctx, struct frozen *z)
{
	struct error err = {0};

	if (!process_continue(z->pid, &err)) {
		report_info(ctx, "%s (process %d) goes on", z->name, z->pid);
		return false;
	}
	report_problem(ctx, "warning: %s; try: kill -CONT %d", err.msg, z->pid);
	return true;
}

/* These return true for one that stays stopped. */
typedef bool settle_fn(
    const struct context *ctx, struct frozen *z, const struct journal *j);

static bool settle_switched(
    const struct context *ctx, struct frozen *z, const struct journal *j)
{
	if (!strcmp(z->then, CONTINUE))
		return go_on(ctx, z);
	if (!strcmp(z->then, KEEP)) {
		snprintf(z->then, sizeof(z->then), "%s", j->started);
		report_info(ctx,
		    "%s (process %d) is left stopped, since it would undo the switch: give "
		    "it the new mode and replace it, as with: kubectl -n kube-system delete "
		    "pod POD",
		    z->name, z->pid);
	} else {
		report_info(ctx,
		    "%s (process %d) is still stopped, since the migration begun at %s",
		    z->name, z->pid, z->then);
	}
	return true;
}

static bool settle_back(
    const struct context *ctx, struct frozen *z, const struct journal *j)
{
	return (!is_for_now(z) && strcmp(z->then, j->started)) || go_on(ctx, z);
}

static bool settle_unswitched(
    const struct context *ctx, struct frozen *z, const struct journal *j)
{
	if (!is_for_now(z))
		return true;
	if (!journal_is_unfinished(j))
		return go_on(ctx, z);
	report_info(ctx, "%s (process %d) stays stopped until the migration has ended",
	    z->name, z->pid);
	return true;
}

static void settle(struct context *ctx, settle_fn *stays)
{
	struct error err = {0};
	struct journal j = {0};
	frozen_vec v = {0};
	size_t kept = 0;

	/* Those are of another run that has it. */
	if (!ctx->lock_taken)
		return;
	load(ctx, &v);
	if (v.n && journal_file_read(ctx, &j, &err)) {
		report_problem(ctx, "warning: %s", err.msg);
	} else {
		if (!j.started)
			j.started = "-";
		for (size_t i = 0; i < v.n; i++)
			if (stays(ctx, &v.v[i], &j))
				v.v[kept++] = v.v[i];
		v.n = kept;
		if (store(ctx, &v, &err))
			report_problem(ctx, "warning: %s", err.msg);
	}
	vec_free(&v);
}

void freeze_end(struct context *ctx, bool switched)
{
	settle(ctx, switched ? settle_switched : settle_back);
}

void freeze_cancel(struct context *ctx)
{
	settle(ctx, settle_unswitched);
}
