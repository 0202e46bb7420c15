/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CONTEXT_NOTES_H
#define CMD_CONTEXT_NOTES_H

#include "cmd/context.h"

/* Adds to ctx->notes what the model, the settings and the node's name together lack or
 * contradict. Once all of them are loaded. */
void context_note(struct context *ctx);

#endif
