/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_KSET_READ_H
#define KERNEL_KSET_READ_H

#include "base/error.h"
#include "state/kset.h"

/*
 * All sets of this network namespace with their entries, sorted; foreign ones by name and
 * type. Loads no module: without them *ret is not present. families (FAMILY_BIT mask)
 * leaves out hash sets of the other family.
 */
int kset_read_all(
    unsigned families, struct arena *a, struct kset_list *ret, struct error *err);

#endif
