/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NL_DRIVER_TEST_H
#define KERNEL_NL_DRIVER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/driver.h"
#include "state/state.h"

/* The groups of tests; each returns how many failed. */
int run_set_tests(void);
int run_link_tests(const char *kind); /* kind of the device that stands for kube-ipvs0 */
int run_server_tests(void);	      /* needs IPVS */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define assert_done(call)                                                                \
	do {                                                                             \
		if (call) {                                                              \
			print_error("%s\n", err.msg);                                    \
			fail();                                                          \
		}                                                                        \
	} while (0)

static inline struct addr addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static inline void skip_for(const char *why)
{
	print_message("skipped: %s\n", why);
	if (getenv("VIPSHIFT_NOSKIP"))
		fail_msg("VIPSHIFT_NOSKIP is set");
	skip();
}

static inline int write_one(struct driver *d, enum kind kind, enum op_sub sub,
    const void *have, const void *want, struct error *err)
{
	struct op op = {.kind = kind,
	    .sub = sub,
	    .have = have,
	    .want = want,
	    .why = "default/web:http"};
	size_t done;
	int r = d->ops->write(d, &op, 1, &done, err);

	assert_int_equal(done, r == 0);
	return r;
}

static inline struct state *read_all(struct driver *d)
{
	struct state *s = state_new();
	struct error err = {0};

	assert_done(d->ops->read(d, FAMILY_BOTH, s, &err));
	return s;
}

static inline void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

#endif
