/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_XTLOCK_H
#define KERNEL_XTLOCK_H

#include "base/error.h"

/*
 * The lock of legacy iptables: flock on /run/xtables.lock ($XTABLES_LOCKFILE overrides).
 * Takes it within wait seconds (0 = one try). Returns the descriptor in *fd; closing it
 * releases the lock. -1: ERR_LOCKED, naming the holder (process name and pid) if /proc
 * tells, or ERR_KERNEL.
 */
int xtlock_take(double wait, int *fd, struct error *err);

#endif
