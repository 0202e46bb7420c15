/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_VERIFY_H
#define VERIFY_VERIFY_H

#include "base/strbuf.h"
#include "plan/plan.h"

/*
 * Want against have, object by object, by a comparison of its own (not the plan's): adds
 * a NOTE_REFUSE finding per object that is missing, wrong or too much. 0: equal.
 * -1: ERR_VERIFY with the first finding and the number of them.
 */
int verify_state(const struct state *want, const struct state *have,
    const struct scope *scope, struct notes *findings, struct error *err);

/* One line per finding; the same for machines, with a schema version (verify_json.c). */
void verify_print(struct strbuf *sb, const struct notes *findings);
void verify_print_json(
    struct strbuf *sb, const struct notes *findings, enum mode mode, size_t n_services);

#endif
