/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_PROBE_H
#define KERNEL_PROBE_H

#include "base/addr.h"

/* A way in that is tried from this node: TCP by a connection, UDP by a DNS query. */
struct probe_target {
	struct addr addr;
	uint16_t port;
	uint8_t proto;
	const char *about; /* the service port */
};
enum probe_answer {
	PROBE_ANSWERS,
	PROBE_REFUSED,
	PROBE_SILENT, /* within the time limit */
	PROBE_UNREACHABLE,
};
const char *probe_answer_name(enum probe_answer a); /* "refused", ... */

/* Tries n targets, some at a time, and each of them up to `tries` times until it answers.
 * Each try ends after timeout seconds. ret has room for n answers. */
void probe_run(const struct probe_target *const *targets, size_t n, unsigned tries,
    double timeout, enum probe_answer *ret);

#endif
