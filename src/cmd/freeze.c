/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stops second writers and continues them; remembers them in the file "frozen". */
#include "config.h"

#include "cmd/freeze.h"
#include "cmd/report.h"
#include "cmd/state_dir.h"
#include "kernel/process.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct frozen {
	int pid;
	uint64_t start;
	bool keep; /* stopped after a switch */
	char name[64];
};
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

/* Lines "BOOT PID START keep|continue NAME"; those of an earlier boot are void. */
static void load(const struct context *ctx, frozen_vec *v)
{
	AUTO(mem) char *path = file_path(ctx);
	AUTO(file) FILE *f = fopen(path, "re");
	char line[256], boot[64], theirs[64], word[16];

	boot_id(boot);
	while (f && fgets(line, sizeof(line), f)) {
		unsigned long long start;
		struct frozen z = {0};

		if (sscanf(line, "%63s %d %llu %15s %63s", theirs, &z.pid, &start, word,
			z.name) != 5 ||
		    strcmp(boot, theirs))
			continue;
		z.start = start;
		z.keep = !strcmp(word, "keep");
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
		    (unsigned long long)v->v[i].start, v->v[i].keep ? "keep" : "continue",
		    v->v[i].name);
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
		    .pid = ctx->opts.freeze_pid ? ctx->opts.freeze_pid : w[i].pid,
		    .keep = !ctx->opts.freeze_continue};

		/* Whoever stopped one before may have reasons to leave it so. */
		if (!process_read(z.pid, &p) || p.state == 'T' || is_known(v, z.pid))
			continue;
		z.start = p.start;
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
	if (r)
		freeze_end(ctx, false);
	return r;
}

/* ---- continuing */

/* True: it stays stopped. */
static bool release(const struct context *ctx, const struct frozen *z, bool switched)
{
	struct error err = {0};

	if (switched && z->keep) {
		report_info(ctx,
		    "%s (process %d) is left stopped, since it would undo the switch: give "
		    "it the new mode and replace it, as with: kubectl -n kube-system delete "
		    "pod POD",
		    z->name, z->pid);
		return true;
	}
	if (!process_continue(z->pid, &err)) {
		report_info(ctx, "%s (process %d) goes on", z->name, z->pid);
		return false;
	}
	report_problem(ctx, "warning: %s; try: kill -CONT %d", err.msg, z->pid);
	return true;
}

void freeze_end(struct context *ctx, bool switched)
{
	struct error err = {0};
	frozen_vec v = {0};
	size_t kept = 0;

	if (ctx->opts.dry_run)
		return;
	load(ctx, &v);
	for (size_t i = 0; i < v.n; i++)
		if (release(ctx, &v.v[i], switched))
			v.v[kept++] = v.v[i];
	v.n = kept;
	if (store(ctx, &v, &err))
		report_problem(ctx, "warning: %s", err.msg);
	vec_free(&v);
}
