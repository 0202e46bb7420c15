/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_MODES_H
#define VERIFY_MODES_H

#include "model/conf.h"
#include "state/node.h"
#include "state/state.h"

/*
 * What will behave differently for the services of this model after a switch to `to`, about =
 * the service port, each under the name of a check (check.h): NOTE_ACCEPT for what works
 * before and not after, so can hurt; NOTE_WARNING and NOTE_INFO for the rest. What is below
 * `least` is left out. families: FAMILY_BIT mask of those that switch.
 */
void modes_differences(enum mode to, const struct model *m, const struct conf *c,
    unsigned families, const struct node_facts *facts, enum note_level least,
    struct notes *ret);

#endif
