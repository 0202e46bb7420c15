/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FREEZE_H
#define CMD_FREEZE_H

#include "cmd/context.h"

/*
 * Second writers that are stopped while a migration is at work (--freeze). Which ones
 * they are is kept in the state folder from before they are stopped, so that any later
 * run can continue them: whoever ends a migration in whatever way calls freeze_end().
 * These do nothing unless this run holds the lock.
 */

/* Stops them and reads the node's state again. Does nothing without --freeze and in a dry
 * run. -1: one cannot be stopped; freeze_cancel() continues the others. */
int freeze_begin(struct context *ctx, struct error *err);

/* The migration of the journal has ended. switched: the node is in the new mode, and who
 * is to be kept stopped is kept for this migration, until it is undone; to be called
 * before the journal says so. Else it went back, and they are continued, those kept for
 * it, too; those kept for an earlier one stay. */
void freeze_end(struct context *ctx, bool switched);

/* This run has switched nothing: those that are kept for no migration are continued,
 * unless one is under way. */
void freeze_cancel(struct context *ctx);

#endif
