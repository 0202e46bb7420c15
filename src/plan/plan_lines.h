/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_PLAN_LINES_H
#define PLAN_PLAN_LINES_H

#include "plan/plan.h"

/* One side of an operation in the stock tool's format, one line per item: for the unified
 * diff and for JSON. side is op->have or op->want; NULL adds nothing. */
void op_side_print(struct strbuf *sb, const struct op *op, const void *side);
/* The name of what the operation is about, as its tool spells it: a chain, a set, "tcp
 * 10.96.0.1:443", "10.96.0.1/32", a sysctl. */
void op_name_print(struct strbuf *sb, const struct op *op);
enum part op_part(const struct op *op);

#endif
