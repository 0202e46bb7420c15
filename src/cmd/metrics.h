/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_METRICS_H
#define CMD_METRICS_H

#include "cmd/drift.h"
#include "state/state.h"

#include <stdint.h>

/* One run of repair in numbers. */
struct metrics {
	enum mode mode;
	int64_t time; /* of its end, seconds since 1970 */
	bool success; /* it came to its end */
	int exit_status;
	double seconds;
	const struct drift_count *drift;
	size_t changes, services, objects, draining, stale_flows;
};

/* The text that the node exporter's textfile collector reads. */
void metrics_print(struct strbuf *sb, const struct metrics *m);

#endif
