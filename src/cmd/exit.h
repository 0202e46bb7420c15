/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_EXIT_H
#define CMD_EXIT_H

#include "base/error.h"

/* Exit statuses that scripts rely on; vipshift(8) prints the same table. */
enum exit_status {
	EXIT_DONE = 0,
	EXIT_ERROR = 1,
	EXIT_DIFFERS = 2,
	EXIT_REFUSED = 3,
	EXIT_LOCKED = 4,
	EXIT_NO_INTERFACE = 5,
	EXIT_ROLLED_BACK = 6,
	EXIT_PARTIAL = 7,
	EXIT_USAGE = 64,
};

enum exit_status exit_status_of(enum error_kind kind);

#endif
