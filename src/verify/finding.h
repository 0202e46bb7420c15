/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_FINDING_H
#define VERIFY_FINDING_H

/* Between verify.c and verify_fw.c. */

#include "plan/plan.h"

struct inspection {
	const struct state *want, *have;
	const struct scope *scope;
	struct notes *notes;
	size_t n;	 /* findings so far */
	char first[960]; /* the first one, for the error */
};

void finding(struct inspection *in, const char *about, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool in_family(const struct inspection *in, enum family f);
/* Whether an object with these owners that is not wanted is one too much. */
bool is_too_much(const struct inspection *in, unsigned owners);

void check_tables(struct inspection *in);

#endif
