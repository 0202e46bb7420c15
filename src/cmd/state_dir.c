/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The files in the state folder. A ledger that cannot be read or written only costs
 * knowledge: virtual servers are then told by their addresses and ports alone.
 */
#include "config.h"

#include "cmd/state_dir.h"
#include "cmd/cmd.h"
#include "cmd/journal_file.h"
#include "cmd/report.h"
#include "kernel/filelock.h"
#include "plan/drain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_DIR "/var/lib/vipshift"

const char *state_dir_path(const struct context *ctx)
{
	const char *env = getenv("VIPSHIFT_STATE_DIR");

	if (ctx->opts.state_dir)
		return ctx->opts.state_dir;
	return env && *env ? env : DEFAULT_DIR;
}

char *state_dir_file(const struct context *ctx, const char *name)
{
	struct strbuf sb = {0};

	strbuf_addf(&sb, "%s/%s", state_dir_path(ctx), name);
	return sb.s;
}

uint64_t state_dir_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

/* ---- files */

char *state_dir_read_file(const char *path, size_t *len)
{
	AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct strbuf sb = {0};
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return NULL;
	strbuf_add(&sb, "");
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_addn(&sb, buf, (size_t)n);
	if (n < 0) {
		strbuf_free(&sb);
		return NULL;
	}
	*len = sb.len;
	return sb.s;
}

int state_dir_write_all(int fd, const char *s, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, s, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		s += done;
		n -= (size_t)done;
	}
	return 0;
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = xstrdup(slash ? path : ".");

	if (slash)
		folder[slash == path ? 1 : slash - path] = '\0';
	return folder;
}

/* The new name, too, must be on the disk. */
static int sync_folder(const char *path)
{
	AUTO(mem) char *folder = folder_of(path);
	AUTO(fd) int fd = -1;

	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Some file systems do not know it for folders. */
	return fd < 0 || (fsync(fd) && errno != EINVAL) ? -1 : 0;
}

static char *temporary_name(const char *path)
{
	struct strbuf sb = {0};

	strbuf_addf(&sb, "%s.%d.tmp", path, (int)getpid());
	return sb.s;
}

int state_dir_check_regular(const char *path, struct error *err)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode))
		return error_set(err, ERR_INPUT, 0,
		    "%s: not a regular file, and would be replaced by one", path);
	return 0;
}

int state_dir_check_file(const char *path, bool try, struct error *err)
{
	AUTO(mem) char *folder = folder_of(path), *tmp = temporary_name(path);
	AUTO(fd) int fd = -1;

	if (state_dir_check_regular(path, err))
		return -1;
	if (!try && !access(folder, W_OK | X_OK))
		return 0;
	if (try)
		fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_set(err, ERR_INPUT, errno, "cannot write %s", path);
	unlink(tmp);
	return 0;
}

int state_dir_replace_file(
    const char *path, const struct strbuf *text, unsigned mode, struct error *err)
{
	AUTO(mem) char *tmp = temporary_name(path);
	int fd, failed;

	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	failed = fd < 0 || state_dir_write_all(fd, strbuf_str(text), text->len) || fsync(fd);
	if (fd >= 0 && close(fd))
		failed = 1;
	if (failed || rename(tmp, path) || sync_folder(path)) {
		error_set(err, ERR_INPUT, errno, "cannot write %s", path);
		unlink(tmp);
		return -1;
	}
	return 0;
}

/* ---- the lock */

/* What the holder of the lock wrote into it, for the message; if it still is the holder,
 * as far as the message knows. */
static void name_holder(const char *path, struct error *err)
{
	AUTO(mem) char *text = NULL;
	char command[100], pid[32];
	size_t len;
	int n;

	text = state_dir_read_file(path, &len);
	if (text && sscanf(text, "%99[^,], pid %d", command, &n) == 2) {
		snprintf(pid, sizeof(pid), "(pid %d)", n);
		if (!strstr(err->msg, "(pid ") || strstr(err->msg, pid)) {
			error_wrap(err, "another run is at work, %s %s", command, pid);
			return;
		}
	}
	error_wrap(err, "another run is at work");
}

static void sign(const struct context *ctx, int fd)
{
	char text[200];
	int n = snprintf(text, sizeof(text), "vipshift %s%s%s, pid %d\n",
	    ctx->opts.command->name, ctx->opts.command->takes_mode ? " " : "",
	    ctx->opts.command->takes_mode ? mode_name(ctx->opts.mode) : "",
	    (int)getpid());

	/* Only people read it: that it cannot be written is no reason to stop. */
	if (ftruncate(fd, 0) || state_dir_write_all(fd, text, (size_t)n))
		report_info(ctx, "cannot write the lock file: %s", strerror(errno));
}

int state_dir_lock(struct context *ctx, struct error *err)
{
	const struct limit wait = {.seconds = ctx->opts.wait};
	AUTO(mem) char *path = NULL;

	if (ctx->lock_taken)
		return 0;
	/* That leaves no trace, but says what the run would say. */
	if (ctx->opts.dry_run)
		return ctx->ends_migration ? 0 : journal_file_check(ctx, err);
	path = state_dir_file(ctx, "lock");
	if (mkdir(state_dir_path(ctx), 0700) && errno != EEXIST)
		return error_set(err,
		    errno == EACCES || errno == EPERM ? ERR_BACKEND : ERR_INPUT, errno,
		    "cannot make %s; run as root, or choose another folder with "
		    "--state-dir",
		    state_dir_path(ctx));
	if (filelock_take(path, &wait, &ctx->lock, err)) {
		if (err->kind == ERR_LOCKED)
			name_holder(path, err);
		else if (err->kind == ERR_BACKEND)
			error_wrap(err, "no permission: run as root");
		return -1;
	}
	ctx->lock_taken = true;
	sign(ctx, ctx->lock);
	/* What a migration has half done must not be taken for drift. */
	return ctx->ends_migration ? 0 : journal_file_check(ctx, err);
}

void state_dir_unlock(struct context *ctx)
{
	if (ctx->lock_taken)
		close(ctx->lock);
	ctx->lock_taken = false;
}

/* ---- the ledger */

void state_dir_kernel_id(char id[STATE_DIR_KERNEL_ID])
{
	AUTO(mem) char *boot = NULL;
	struct stat st;
	size_t len;

	boot = state_dir_read_file("/proc/sys/kernel/random/boot_id", &len);
	if (stat("/proc/self/ns/net", &st))
		st.st_ino = 0;
	snprintf(id, STATE_DIR_KERNEL_ID, "%.*s:%ju", boot ? (int)strcspn(boot, "\n") : 7,
	    boot ? boot : "unknown", (uintmax_t)st.st_ino);
}

void state_dir_read_ledger(struct context *ctx)
{
	AUTO(mem) char *path = state_dir_file(ctx, "ledger"), *text = NULL;
	struct error err = {0};
	char id[STATE_DIR_KERNEL_ID];
	size_t len;

	if (!ctx->arena)
		ctx->arena = arena_new();
	text = state_dir_read_file(path, &len);
	if (!text) {
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			report_problem(
			    ctx, "warning: cannot read %s: %s", path, strerror(errno));
		return;
	}
	state_dir_kernel_id(id);
	if (ledger_parse(text, len, path, id, ctx->arena, &ctx->ledger, &err))
		report_problem(ctx,
		    "warning: the ledger is not used: %s; virtual servers of services "
		    "that are gone are told by their addresses and ports only",
		    err.msg);
}

void state_dir_write_ledger(struct context *ctx, bool wanted)
{
	static const struct lvs_table none;
	AUTO(mem) char *path = state_dir_file(ctx, "ledger"), *old = NULL;
	struct strbuf text = {0};
	struct error err = {0};
	struct ledger l;
	char id[STATE_DIR_KERNEL_ID];
	size_t len;

	if (!ctx->lock_taken)
		return;
	drain_ledger(wanted ? &ctx->emitted : &none, wanted ? &ctx->want->lvs : &none,
	    ctx->opts.families, &ctx->ledger, state_dir_now() + (uint64_t)ctx->opts.drain,
	    ctx->arena, &l);
	state_dir_kernel_id(id);
	ledger_print(&text, &l, id);
	old = state_dir_read_file(path, &len);
	if (!old || len != text.len || memcmp(old, text.s, len))
		if (state_dir_replace_file(path, &text, 0600, &err))
			report_problem(
			    ctx, "warning: the ledger was not kept: %s", err.msg);
	ctx->ledger = l;
	strbuf_free(&text);
}
