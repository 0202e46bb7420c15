/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_REFUSAL_H
#define CMD_REFUSAL_H

#include "cmd/context.h"

/* Models that a node is not to be written by, unless that is accepted by name. All of
 * these need the model, those about losses what is on the node, too. */

/* For commands that write: services that are not understood in full. ERR_REFUSED. */
int refuse_incomplete(struct context *ctx, struct error *err);
/* For commands that write: not one endpoint in the model, and the node serves some. */
int refuse_loss(struct context *ctx, struct error *err);
/* The same of what a snapshot holds, family by family. */
int refuse_saved_loss(struct context *ctx, const struct state *saved, struct error *err);

/* The same as findings, for those who only look. */
void refusal_find(struct context *ctx);

#endif
