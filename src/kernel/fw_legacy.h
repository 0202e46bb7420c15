/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_LEGACY_H
#define KERNEL_FW_LEGACY_H

#include "kernel/live.h"

/*
 * Brings one table of one family from the have sides to the want sides of the operations
 * in one commit, or leaves it as it is: ERR_MOVED when it is not at the have sides.
 */
int fw_commit(const struct op *ops, size_t n, enum fw_write how, double lock_wait,
    struct error *err);

#endif
