/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_MODES_H
#define VERIFY_MODES_H

#include "model/conf.h"
#include "state/state.h"

/* What will behave differently for the services of this model after a switch to `to`:
 * NOTE_INFO entries, about = the service port. */
void modes_differences(enum mode to, const struct model *m, const struct conf *c,
    struct notes *ret);

#endif
