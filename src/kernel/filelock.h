/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FILELOCK_H
#define KERNEL_FILELOCK_H

#include "base/error.h"
#include "kernel/limit.h"

/*
 * An flock on a file, which is made when it is not there, taken within that time. Returns
 * the descriptor in *fd; closing it releases the lock. -1: ERR_LOCKED, naming the holder
 * (process name and pid) if /proc tells; ERR_BACKEND without the permission; or ERR_KERNEL.
 */
int filelock_take(
    const char *path, const struct limit *wait, int *fd, struct error *err);

#endif
