/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_FACTS_H
#define CMD_FACTS_H

#include "cmd/context.h"
#include "state/node.h"

/* What this node is doing besides: whom it talks to, who else programs services. Looks
 * only. What the facts point to lives in ctx->arena. -1: the kernel could not be asked.
 */
int facts_read(struct context *ctx, struct node_facts *ret, struct error *err);

#endif
