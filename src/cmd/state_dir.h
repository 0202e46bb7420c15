/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_STATE_DIR_H
#define CMD_STATE_DIR_H

#include "cmd/context.h"

/* The folder that holds what must outlive a run: the lock, the ledger, and what
 * journal_file.h keeps there. */

/* --state-dir, else $VIPSHIFT_STATE_DIR, else /var/lib/vipshift. */
const char *state_dir_path(const struct context *ctx);

/* The name of a file in it; the caller frees it. */
char *state_dir_file(const struct context *ctx, const char *name);

/*
 * For whoever is going to write to the kernel: makes the folder if needed and takes its
 * lock, which context_free() releases, so that runs never overlap. Waits as long as
 * --wait says. Does nothing when it is already taken; a dry run only looks at migrations.
 * -1: ERR_LOCKED names the holder; ERR_PARTIAL: a migration did not end, and this is not
 * to end it.
 */
int state_dir_lock(struct context *ctx, struct error *err);

/* Lets others run before context_free(). */
void state_dir_unlock(struct context *ctx);

/* Reads the ledger into ctx->ledger. A missing one is an empty one; so is, with a
 * warning, one that cannot be used. */
void state_dir_read_ledger(struct context *ctx);

/* After a success in ipvs mode: remembers in the ledger what is wanted and what still
 * leaves (ctx->want). `wanted` false: nothing is, the virtual servers were removed.
 * Writes only if something changed; warns when it cannot. */
void state_dir_write_ledger(struct context *ctx, bool wanted);

/* Seconds since boot: the time of the ledger's deadlines. */
uint64_t state_dir_now(void);

/* Which kernel this is, as one word: another boot or another network namespace is another
 * one. */
#define STATE_DIR_KERNEL_ID 128
void state_dir_kernel_id(char id[STATE_DIR_KERNEL_ID]);

/* A small file as text, NUL-terminated; the caller frees it. NULL with errno. */
char *state_dir_read_file(const char *path, size_t *len);
/* All of n bytes. -1 with errno. */
int state_dir_write_all(int fd, const char *s, size_t n);
/* Writes a file by way of a temporary one beside it, so that a reader sees the old or the
 * new one, also after a power failure. -1: ERR_INPUT. */
int state_dir_replace_file(
    const char *path, const struct strbuf *text, unsigned mode, struct error *err);
/* A device or a pipe must not be replaced by a file. -1: ERR_INPUT. */
int state_dir_check_regular(const char *path, struct error *err);
/* Whether a file can be replaced, found out by making the temporary one, or with try false by
 * looking; what is there stays as it is. -1: ERR_INPUT. */
int state_dir_check_file(const char *path, bool try, struct error *err);

#endif
