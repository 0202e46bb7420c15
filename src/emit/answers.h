/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EMIT_ANSWERS_H
#define EMIT_ANSWERS_H

#include "model/conf.h"
#include "state/lvs.h"

/*
 * Who may answer at which address, in either mode: each frontend of a service of one
 * protocol as a virtual server, with every endpoint that may serve it under some policy.
 * Only what conntrack is compared with. Borrows from the model.
 */
void emit_answers(const struct model *m, const struct conf *c, uint8_t proto,
    unsigned families, struct arena *a, struct lvs_table *ret);

#endif
