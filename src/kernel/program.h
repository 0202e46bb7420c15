/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_PROGRAM_H
#define KERNEL_PROGRAM_H

#include "base/arena.h"

/* Where a program is: in PATH, or where root's programs are even if PATH does not say so.
 * NULL: nowhere. */
const char *program_find(const char *name, struct arena *a);

#endif
