/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_READ_BACK_H
#define CMD_READ_BACK_H

#include "cmd/context.h"

/* The model from the state of a node: live:MODE, dump:PATH, or, for a migration that was
 * given no source, the mode that the live node is in. */

/* Whether -f says so. */
bool read_back_wanted(const struct context *ctx);

/* Opens where it comes from; before the first thread starts. */
int read_back_open(struct context *ctx, struct error *err);

/* Reads it: fills ctx->model and ctx->seen. -1: ERR_INPUT, ERR_REFUSED, or what the
 * kernel said. */
int read_back_model(struct context *ctx, struct error *err);

/* A new ctx->model from ctx->have, which was read again; the old one is still the
 * caller's. */
int read_back_renew(struct context *ctx, struct error *err);

/* Settings that nobody gave, from what was read. */
void read_back_settings(struct context *ctx);

void read_back_free(struct context *ctx);

#endif
