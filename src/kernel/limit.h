/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_LIMIT_H
#define KERNEL_LIMIT_H

#include <stdbool.h>

/* How long something is waited for: a lock, or another program. */
struct limit {
	double seconds; /* 0: looked at once */
	bool (*stop)(void); /* NULL, or says when to give up before that */
};

#endif
