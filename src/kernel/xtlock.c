/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lock that every legacy iptables command takes. */
#include "config.h"

#include "kernel/xtlock.h"

#include <stdlib.h>

#define LOCK_FILE "/run/xtables.lock"

int xtlock_take(const struct limit *wait, int *fd, struct error *err)
{
	const char *path = getenv("XTABLES_LOCKFILE");

	return filelock_take(path && *path ? path : LOCK_FILE, wait, fd, err);
}
