/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_SHOW_H
#define CMD_SHOW_H

#include "cmd/context.h"

/* Forms of show that need the state which the model was read back from. */

/* --mode-of-node: which mode, which variant, which kube-proxy, leftovers. */
void show_node(struct strbuf *sb, const struct context *ctx);

/* -o ipvsadm: the virtual servers as ipvsadm -Ln lists them, with the services' names. */
int show_ipvsadm(struct strbuf *sb, const struct context *ctx, struct error *err);

#endif
