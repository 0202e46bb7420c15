/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one table from kinds of failure to exit statuses. */
#include "config.h"

#include "cmd/exit.h"

enum exit_status exit_status_of(enum error_kind kind)
{
	static const enum exit_status table[] = {
	    [ERR_NONE] = EXIT_ERROR,
	    [ERR_USAGE] = EXIT_USAGE,
	    [ERR_INPUT] = EXIT_ERROR,
	    [ERR_REFUSED] = EXIT_REFUSED,
	    [ERR_LOCKED] = EXIT_LOCKED,
	    [ERR_BACKEND] = EXIT_NO_INTERFACE,
	    [ERR_KERNEL] = EXIT_ERROR,
	    [ERR_MOVED] = EXIT_ERROR,
	    [ERR_VERIFY] = EXIT_ERROR,
	    [ERR_ROLLED_BACK] = EXIT_ROLLED_BACK,
	    [ERR_PARTIAL] = EXIT_PARTIAL,
	};

	return table[kind];
}
