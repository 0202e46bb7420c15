/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FREEZE_H
#define CMD_FREEZE_H

#include "cmd/context.h"

/*
 * Second writers that are stopped while a migration is at work (--freeze). Which ones
 * they are is kept in the state folder from before they are stopped, so that any later
 * run can continue them: whoever ends a migration in whatever way calls freeze_end().
 */

/* Stops them and reads the node's state again. Does nothing without --freeze and in a dry
 * run. -1: one cannot be stopped; then all are running as before. */
int freeze_begin(struct context *ctx, struct error *err);

/* After a migration: switched if the node is in the new mode for good; then those to be
 * kept stopped are, until a rollback. Else, and otherwise, they are continued. */
void freeze_end(struct context *ctx, bool switched);

#endif
