/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_PREFLIGHT_H
#define VERIFY_PREFLIGHT_H

#include "model/conf.h"
#include "plan/plan.h"
#include "state/caps.h"

/*
 * What stands against (NOTE_REFUSE) or should be known before (NOTE_WARNING) a switch to
 * mode `to`. Pure: looks at states, model and caps only.
 */
void preflight_check(enum mode to, const struct model *m, const struct conf *c,
    const struct state *want, const struct state *have, const struct kernel_caps *caps,
    struct notes *ret);

#endif
