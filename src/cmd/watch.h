/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H

#include "cmd/context.h"

/*
 * Starts a process, apart from this terminal and session, which waits for as long as
 * the journal says and then goes back from the migration, if it has neither been confirmed
 * nor come to another end. -1: it cannot be started.
 */
int watch_start(struct context *ctx, struct error *err);

#endif
