/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A run of repair as Prometheus text. */
#include "config.h"

#include "cmd/metrics.h"

#define PREFIX "vipshift_repair_"

static void head(struct strbuf *sb, const char *name, const char *help)
{
	strbuf_addf(
	    sb, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s gauge\n", name, help, name);
}

static void gauge(struct strbuf *sb, const struct metrics *m, const char *name,
    const char *help, double value)
{
	head(sb, name, help);
	strbuf_addf(
	    sb, PREFIX "%s{mode=\"%s\"} %.15g\n", name, mode_name(m->mode), value);
}

void metrics_print(struct strbuf *sb, const struct metrics *m)
{
	char kind[32];

	gauge(sb, m, "last_run_timestamp_seconds", "When the last run ended.",
	    (double)m->time);
	gauge(sb, m, "success", "Whether the last run came to its end (1) or failed (0).",
	    m->success);
	gauge(sb, m, "exit_status", "Exit status of the last run.", m->exit_status);
	gauge(sb, m, "duration_seconds", "How long the last run took.", m->seconds);
	head(sb, "drift", "Objects that were missing, too much or wrong, by kind.");
	for (enum change_type t = 0; t < CHANGE_TYPE_COUNT; t++)
		strbuf_addf(sb, PREFIX "drift{mode=\"%s\",kind=\"%s\"} %zu\n",
		    mode_name(m->mode), drift_kind(t, kind), m->drift->per_type[t]);
	gauge(sb, m, "changes", "Objects that the last run changed.", (double)m->changes);
	gauge(sb, m, "services", "Service ports of the model.", (double)m->services);
	gauge(
	    sb, m, "objects", "Kernel objects that should be there.", (double)m->objects);
	gauge(sb, m, "draining_real_servers",
	    "Real servers that have left but may end their connections.",
	    (double)m->draining);
	gauge(sb, m, "stale_flows_deleted",
	    "UDP conntrack entries that led nowhere and were deleted.",
	    (double)m->stale_flows);
}
