/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a switch does for the connections and flows that it finds: cutover_flows.h. */
#include "config.h"

#include "cmd/cutover_flows.h"
#include "cmd/report.h"
#include "kernel/ct_nl.h"
#include "state/own.h"

#include <netinet/in.h>
#include <stdlib.h>

/* ---- UDP flows */

/* The UDP virtual servers of a state. */
static struct lvs_table udp_servers(const struct state *s)
{
	struct lvs_table t = {.present = true};

	t.services = xcalloc(s->lvs.n_services + 1, sizeof(*t.services));
	for (size_t i = 0; i < s->lvs.n_services; i++)
		if (s->lvs.services[i].key.proto == IPPROTO_UDP &&
		    own_virtual_server(s, &s->lvs.services[i]))
			t.services[t.n_services++] = s->lvs.services[i];
	return t;
}

void cutover_settle_flows(struct cutover *c, const struct state *ipvs, bool servers_gone)
{
	struct lvs_table t = udp_servers(ipvs);
	struct error err = {0};
	size_t n = 0;

	if (t.n_services && (servers_gone ? ct_delete_untranslated_udp(&t, &n, &err)
					  : ct_delete_stale_udp(&t, &n, &err)))
		report_problem(
		    c->ctx, "warning: stale UDP flows were not looked for: %s", err.msg);
	c->stale_flows += n;
	free(t.services);
}

/* ---- the node's own connections to virtual addresses */

void cutover_choose_source(struct cutover *c, const struct state *have,
    const struct state *stay, source_fn fn)
{
	const struct vip_table *from = &have->vips;
	struct vip_table t = {.addrs = xcalloc(from->n_addrs + 1, sizeof(*t.addrs))};
	struct error err = {0};

	for (size_t i = 0; i < from->n_addrs; i++) {
		const struct vip_addr *v = &from->addrs[i];

		if (!vip_find_addr_on(&stay->vips, VIP_LINK, &v->prefix.addr))
			t.addrs[t.n_addrs++] = *v;
	}
	if (fn(&t, c->ctx->opts.families, &err))
		report_problem(c->ctx,
		    "warning: connections of this node to virtual addresses may hang "
		    "when these go: %s",
		    err.msg);
	free(t.addrs);
}
