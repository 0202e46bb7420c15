/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_XTLOCK_H
#define KERNEL_XTLOCK_H

#include "kernel/filelock.h"

/*
 * The lock of legacy iptables: flock on /run/xtables.lock ($XTABLES_LOCKFILE overrides).
 * As filelock_take().
 */
int xtlock_take(const struct limit *wait, int *fd, struct error *err);

#endif
