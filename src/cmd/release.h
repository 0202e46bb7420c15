/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_RELEASE_H
#define CMD_RELEASE_H

#include "cmd/context.h"

/* With -v: when ctx->have is exactly what kube-proxy of other releases leaves for this
 * model, says which. For a node that differs from ctx->want; leaves that as it is. */
void release_suggest(const struct context *ctx, const struct scope *scope);

#endif
