/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FLOWS_H
#define CMD_FLOWS_H

#include "cmd/context.h"

/*
 * After a plan was run: deletes the UDP conntrack entries that now lead nowhere, if the
 * plan changed anything about UDP services. Without a model: those towards virtual servers
 * that the plan removed and that the nat rules never saw. *deleted counts them.
 */
int flows_settle(
    struct context *ctx, const struct plan *p, size_t *deleted, struct error *err);

#endif
