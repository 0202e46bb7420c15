/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waits for the connections of the mode that goes. */
#include "config.h"

#include "base/auto.h"
#include "cmd/drain_wait.h"
#include "cmd/report.h"
#include "cmd/signals.h"
#include "plan/drain.h"
#include "state/lvs_conn.h"

#include <time.h>

#define LOOK_SECONDS 0.2
/* The kernel lists so many in a second or two. */
#define LIST_MAX 100000
#define SAY_SECONDS 10.0

/* All connections of virtual servers, those that have ended, too. */
static size_t all(const struct lvs_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_services; i++)
		for (size_t k = 0; k < t->services[i].n_dests; k++)
			n += t->services[i].dests[k].active +
			     t->services[i].dests[k].inactive;
	return n;
}

/* Their connections now. Where they cannot be counted, waiting would be for nothing. */
static size_t count(struct cutover *c, const struct plan *p)
{
	AUTO(state) struct state *now = NULL;
	AUTO(file) FILE *list = NULL;
	struct error err = {0};
	size_t n;

	if (source_read(
		c->ctx->source, KIND_BIT(KIND_LVS), c->ctx->opts.families, &now, &err)) {
		report_problem(
		    c->ctx, "warning: connections cannot be counted: %s", err.msg);
		return 0;
	}
	n = drain_carried(p, &now->lvs);
	if (!n || all(&now->lvs) > LIST_MAX ||
	    !(list = fopen("/proc/net/ip_vs_conn", "re")))
		return n;
	lvs_conn_count(list, &now->lvs);
	return drain_carried(p, &now->lvs);
}

/* Until the next look, which may take a fifth of the time at most. */
static void rest(double look, double left)
{
	double s = 4 * look > LOOK_SECONDS ? 4 * look : LOOK_SECONDS;
	struct timespec pause;

	if (s > left)
		s = left;
	pause.tv_sec = (time_t)s;
	pause.tv_nsec = (long)((s - (double)pause.tv_sec) * 1e9);
	nanosleep(&pause, NULL);
}

void drain_wait(struct cutover *c, const struct plan *p)
{
	double now = report_clock(), said = 0;
	size_t n;

	if (c->ctx->opts.drain <= 0)
		return;
	if (!c->drain_until)
		c->drain_until = now + c->ctx->opts.drain;
	for (;;) {
		double begin = now;

		n = count(c, p);
		now = report_clock();
		if (!n || now >= c->drain_until || signals_caught())
			break;
		if (now - said >= SAY_SECONDS) {
			report_info(c->ctx,
			    "waiting for %zu connections that IPVS carries, for %.0f s at "
			    "most (--drain)",
			    n, c->drain_until - now);
			said = now;
		}
		rest(now - begin, c->drain_until - now);
		now = report_clock();
	}
	if (n && !signals_caught())
		report_problem(c->ctx,
		    "warning: %zu connections have not ended in %.0f s and are reset now",
		    n, c->ctx->opts.drain);
}
