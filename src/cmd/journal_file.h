/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_JOURNAL_FILE_H
#define CMD_JOURNAL_FILE_H

#include "cmd/context.h"
#include "state/journal.h"

/*
 * A migration's files in the state folder: "migration", its journal; "migration-before",
 * a snapshot of the node; "migration-model.json" and "migration-config", what it was
 * called with. They stay after the end, so that it can be undone.
 */
struct journal_file {
	struct context *ctx;
	struct journal j;
	int fd; /* the journal, to add to; -1: not open */
};

/* Reads the journal of this state folder; JOURNAL_NONE if there is none. One of another
 * boot or network namespace is none either: that kernel is gone. If it had not ended,
 * `elsewhere` is set and the head is there, for a message. -1: ERR_INPUT. */
int journal_file_read(struct context *ctx, struct journal *ret, struct error *err);

/* Says so, if the journal is of another kernel and its migration had not ended. */
void journal_file_say_elsewhere(const struct context *ctx, const struct journal *j);

/* Whether the journal's status lets a command that writes run: -1: ERR_PARTIAL names the
 * commands that end the migration first. */
int journal_file_check(struct context *ctx, struct error *err);

/* Begins a new one, before the first write: everything is on the disk when it returns.
 * -1: nothing was begun. */
int journal_file_begin(struct journal_file *f, struct context *ctx,
    const struct state *before, struct error *err);
/* Opens the one that is there to go on with it. */
int journal_file_resume(struct journal_file *f, struct context *ctx, struct error *err);
/* Makes ctx load what the migration was called with. -1: ERR_USAGE, -4 or -6 was given
 * for one of both families. */
int journal_file_take_options(struct journal_file *f, struct error *err);
/* The state before. *ret is the caller's. */
int journal_file_before(struct journal_file *f, struct state **ret, struct error *err);

/* Adds to it, on the disk when it returns. That it cannot be written is said once, and is
 * no reason to stop half-way. */
void journal_file_step(struct journal_file *f, bool back, unsigned depth, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
void journal_file_status(struct journal_file *f, enum journal_status status, double wait);

/* From now on the node goes back by itself after so many seconds. -1: it would not, as
 * that cannot be written. */
int journal_file_deadline(struct journal_file *f, double wait, struct error *err);

void journal_file_close(struct journal_file *f);

#endif
