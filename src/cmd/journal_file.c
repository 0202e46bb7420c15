/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A migration's files: made, found, added to. What is done with them is cutover.c's. */
#include "config.h"

#include "cmd/journal_file.h"
#include "cmd/report.h"
#include "cmd/state_dir.h"
#include "state/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL "migration"
#define BEFORE "migration-before"
#define MODEL "migration-model.json"
#define CONFIG "migration-config"
#define NEW ".new" /* until all of them are written */

/* Reserved for the steps, so that a disk that fills up does not stop a migration
 * half-way. */
#define RESERVED (64 << 10)

/* ---- reading */

int journal_file_read(struct context *ctx, struct journal *ret, struct error *err)
{
	AUTO(mem) char *path = state_dir_file(ctx, JOURNAL), *text = NULL;
	char kernel[STATE_DIR_KERNEL_ID];
	size_t len;

	*ret = (struct journal){0};
	text = state_dir_read_file(path, &len);
	if (!text)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			   ? 0
			   : error_set(err, ERR_INPUT, errno, "cannot read %s", path);
	if (!ctx->arena)
		ctx->arena = arena_new();
	if (journal_parse(text, len, path, ctx->arena, ret, err))
		return error_wrap(err,
		    "the journal of a migration cannot be read; if the node serves, "
		    "remove the file");
	state_dir_kernel_id(kernel);
	if (strcmp(ret->kernel, kernel) != 0)
		*ret = (struct journal){
		    .elsewhere = journal_is_unfinished(ret),
		    .to = ret->to,
		    .started = ret->started,
		};
	return 0;
}

int journal_file_check(struct context *ctx, struct error *err)
{
	struct journal j;

	if (journal_file_read(ctx, &j, err))
		return -1;
	if (j.status == JOURNAL_WAITING)
		return error_set(err, ERR_PARTIAL, 0,
		    "the migration to %s mode begun at %s waits for confirmation: "
		    "vipshift confirm, or vipshift rollback",
		    mode_name(j.to), j.started);
	if (j.status == JOURNAL_OPEN || j.status == JOURNAL_BACK)
		return error_set(err, ERR_PARTIAL, 0,
		    "the migration to %s mode begun at %s did not end; its last step: %s%s. "
		    "Finish it: vipshift migrate --resume; or go back: vipshift migrate "
		    "--abort",
		    mode_name(j.to), j.started,
		    j.status == JOURNAL_BACK ? "going back, " : "",
		    j.last ? j.last : "none");
	return 0;
}

void journal_file_say_elsewhere(const struct context *ctx, const struct journal *j)
{
	if (j->elsewhere)
		report_info(ctx,
		    "the migration to %s mode begun at %s did not end, but was of another "
		    "boot or network namespace: what it did to the kernel is gone",
		    mode_name(j->to), j->started);
}

int journal_file_before(struct journal_file *f, struct state **ret, struct error *err)
{
	AUTO(mem) char *path = state_dir_file(f->ctx, BEFORE), *text = NULL;
	struct snapshot_info info;
	size_t len;

	text = state_dir_read_file(path, &len);
	if (!text)
		return error_set(err, ERR_INPUT, errno, "cannot read %s", path);
	return snapshot_parse(text, len, path, ret, &info, err);
}

static const char *file_name(const struct context *ctx, const char *name)
{
	return arena_printf(ctx->arena, "%s/%s", state_dir_path(ctx), name);
}

int journal_file_take_options(struct journal_file *f, struct error *err)
{
	static const enum fw_variant variants[] = {FW_LEGACY, FW_NFT};
	struct opts *o = &f->ctx->opts;
	struct addr a;

	if (o->families != FAMILY_BOTH && o->families != f->j.families)
		return error_set(err, ERR_USAGE, 0,
		    "the migration is of %s, and ends as a whole: leave out -4 and -6",
		    f->j.families == FAMILY_BOTH	   ? "IPv4 and IPv6"
		    : f->j.families & FAMILY_BIT(FAMILY_4) ? "IPv4"
							   : "IPv6");
	o->mode = f->j.to;
	o->families = f->j.families;
	o->node = f->j.node;
	o->kube_proxy = f->j.kube_proxy;
	for (size_t i = 0; f->j.variant && i < 2; i++)
		if (!strcmp(f->j.variant, i ? "nft" : "legacy"))
			o->variant = variants[i];
	o->from = file_name(f->ctx, MODEL);
	o->config = f->j.config ? file_name(f->ctx, CONFIG) : NULL;
	f->ctx->plain_masquerade = f->j.plain_masquerade;
	for (const char *const *s = f->j.addresses; s && *s; s++)
		if (addr_parse(*s, &a))
			vec_push(&o->node_addresses, a);
	return 0;
}

/* ---- beginning */

static int write_model(const struct context *ctx, struct error *err)
{
	AUTO(mem) char *path = state_dir_file(ctx, MODEL NEW), *text = NULL;
	struct strbuf sb = {0};
	size_t len;
	FILE *mem = open_memstream(&text, &len);
	int ret;

	if (!mem)
		return error_set(err, ERR_INPUT, errno, "cannot write the model");
	ret = model_write_json(ctx->model, mem, err);
	if (fclose(mem) && !ret)
		ret = error_set(err, ERR_INPUT, errno, "cannot write the model");
	if (ret)
		return -1;
	sb = (struct strbuf){.s = text, .len = len};
	return state_dir_replace_file(path, &sb, 0600, err);
}

/* What was read from a file, which may have been a pipe, or from the node. */
static int write_config(const struct context *ctx, struct error *err)
{
	AUTO(mem) char *path = state_dir_file(ctx, CONFIG NEW);
	struct strbuf sb = {0};
	int ret = conf_write_json(ctx->conf, &sb, err);

	if (!ret)
		ret = state_dir_replace_file(path, &sb, 0600, err);
	strbuf_free(&sb);
	return ret;
}

static int write_before(
    const struct context *ctx, const struct state *before, struct error *err)
{
	AUTO(mem) char *path = state_dir_file(ctx, BEFORE NEW);
	struct snapshot_info info = {
	    .families = ctx->opts.families, .version = PACKAGE_STRING};
	struct strbuf sb = {0};
	int ret;

	snapshot_print(&sb, before, &info);
	ret = state_dir_replace_file(path, &sb, 0600, err);
	strbuf_free(&sb);
	return ret;
}

static const char *const *addresses(const struct context *ctx)
{
	size_t n = ctx->opts.node_addresses.n;
	const char **list = arena_array(ctx->arena, const char *, n + 1);
	char text[ADDR_STRLEN];

	for (size_t i = 0; i < n; i++)
		list[i] = arena_strdup(
		    ctx->arena, addr_format(&ctx->opts.node_addresses.v[i], text));
	return list;
}

static const char *version(const struct dialect *d, struct arena *a)
{
	return d->patch < 0 ? arena_printf(a, "%d.%d", d->major, d->minor)
			    : arena_printf(a, "%d.%d.%d", d->major, d->minor, d->patch);
}

static void fill_head(struct journal_file *f)
{
	struct context *ctx = f->ctx;
	char kernel[STATE_DIR_KERNEL_ID], started[32];
	time_t now = time(NULL);

	if (!ctx->arena)
		ctx->arena = arena_new();
	state_dir_kernel_id(kernel);
	strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
	f->j = (struct journal){
	    .to = ctx->opts.mode,
	    .families = ctx->opts.families,
	    .kernel = arena_strdup(ctx->arena, kernel),
	    .started = arena_strdup(ctx->arena, started),
	    .node = ctx->conf->node_name,
	    .kube_proxy = version(&ctx->conf->dialect, ctx->arena),
	    .variant = ctx->opts.variant == FW_LEGACY ? "legacy"
		       : ctx->opts.variant == FW_NFT  ? "nft"
						      : NULL,
	    .config = true,
	    .plain_masquerade = !ctx->conf->random_fully,
	    .addresses = addresses(ctx),
	    .status = JOURNAL_OPEN,
	};
}

/* What a crash left of a line was never made, and must not begin the next one. */
static int drop_torn_line(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char c;

	for (off_t at = end; at > 0; at--) {
		if (pread(fd, &c, 1, at - 1) != 1)
			return -1;
		if (c == '\n')
			return at < end ? ftruncate(fd, at) : 0;
	}
	return end < 0 ? -1 : 0;
}

static int open_journal(struct journal_file *f, const char *path, struct error *err)
{
	f->fd = open(path, O_RDWR | O_APPEND | O_CLOEXEC);
	if (f->fd < 0 || drop_torn_line(f->fd))
		return error_set(err, ERR_INPUT, errno, "cannot open %s", path);
	return 0;
}

/* Not every file system can; then the disk may fill up. */
static int reserve(struct journal_file *f, const char *path, struct error *err)
{
	if (!fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, RESERVED) ||
	    (errno != ENOSPC && errno != EDQUOT))
		return 0;
	return error_set(err, ERR_INPUT, errno, "cannot write %s", path);
}

/* ---- its files, all of them or none */

static const char *const files[] = {BEFORE, MODEL, CONFIG, JOURNAL};
#define N_FILES (sizeof(files) / sizeof(files[0]))

static char *new_file(const struct context *ctx, const char *name)
{
	AUTO(mem) char *path = state_dir_file(ctx, name);
	struct strbuf sb = {0};

	strbuf_addf(&sb, "%s" NEW, path);
	return sb.s;
}

static int write_files(
    struct journal_file *f, const struct state *before, struct error *err)
{
	AUTO(mem) char *path = state_dir_file(f->ctx, JOURNAL NEW);
	struct strbuf head = {0};
	int ret;

	if (write_before(f->ctx, before, err) || write_model(f->ctx, err) ||
	    write_config(f->ctx, err))
		return -1;
	journal_print_head(&head, &f->j);
	ret = state_dir_replace_file(path, &head, 0600, err);
	strbuf_free(&head);
	return ret || open_journal(f, path, err) || reserve(f, path, err) ? -1 : 0;
}

/* Up to here the last migration can be undone. The journal goes first and comes last: it
 * must not be taken for the one of other files. What names they have after a power
 * failure does not matter, as that kernel is gone. */
static int install_files(const struct context *ctx, struct error *err)
{
	AUTO(mem) char *journal = state_dir_file(ctx, JOURNAL);

	if (unlink(journal) && errno != ENOENT)
		return error_set(err, ERR_INPUT, errno, "cannot replace %s", journal);
	for (size_t i = 0; i < N_FILES; i++) {
		AUTO(mem) char *from = new_file(ctx, files[i]);
		AUTO(mem) char *to = state_dir_file(ctx, files[i]);

		if (rename(from, to))
			return error_set(err, ERR_INPUT, errno, "cannot write %s", to);
	}
	return 0;
}

int journal_file_begin(struct journal_file *f, struct context *ctx,
    const struct state *before, struct error *err)
{
	*f = (struct journal_file){.ctx = ctx, .fd = -1};
	if (journal_file_read(ctx, &f->j, err))
		return -1;
	journal_file_say_elsewhere(ctx, &f->j);
	fill_head(f);
	if (!write_files(f, before, err) && !install_files(ctx, err))
		return 0;
	journal_file_close(f);
	for (size_t i = 0; i < N_FILES; i++) {
		AUTO(mem) char *path = new_file(ctx, files[i]);

		unlink(path);
	}
	return -1;
}

int journal_file_resume(struct journal_file *f, struct context *ctx, struct error *err)
{
	AUTO(mem) char *path = state_dir_file(ctx, JOURNAL);

	*f = (struct journal_file){.ctx = ctx, .fd = -1};
	if (journal_file_read(ctx, &f->j, err))
		return -1;
	if (f->j.status == JOURNAL_NONE || ctx->opts.dry_run)
		return 0;
	return open_journal(f, path, err);
}

/* ---- steps */

static void append(struct journal_file *f, struct strbuf *sb)
{
	if (f->fd >= 0 &&
	    (state_dir_write_all(f->fd, sb->s, sb->len) || fdatasync(f->fd))) {
		report_problem(f->ctx,
		    "warning: the journal cannot be written: %s; the migration goes on "
		    "without it",
		    strerror(errno));
		close(f->fd);
		f->fd = -1;
	}
	strbuf_free(sb);
}

void journal_file_step(
    struct journal_file *f, bool back, unsigned depth, const char *fmt, ...)
{
	struct strbuf sb = {0};
	char text[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (back || depth > f->j.depth)
		f->j.depth = depth;
	journal_print_step(&sb, back, depth, text);
	append(f, &sb);
}

void journal_file_status(struct journal_file *f, enum journal_status status, double wait)
{
	struct strbuf sb = {0};

	f->j.status = status;
	f->j.until = state_dir_now() + (uint64_t)wait;
	journal_print_status(&sb, status, f->j.until);
	append(f, &sb);
}

int journal_file_deadline(struct journal_file *f, double wait, struct error *err)
{
	struct strbuf sb = {0};

	f->j.until = state_dir_now() + (uint64_t)wait;
	journal_print_deadline(&sb, f->j.until);
	append(f, &sb);
	if (f->fd < 0)
		return error_set(err, ERR_INPUT, 0,
		    "the journal cannot be written, and so nothing would go back by itself");
	return 0;
}

void journal_file_close(struct journal_file *f)
{
	if (f->ctx && f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}
