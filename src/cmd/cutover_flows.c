/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a switch does for the connections and flows that it finds: cutover_flows.h. */
#include "config.h"

#include "cmd/cutover_flows.h"
#include "cmd/report.h"
#include "kernel/ct_nl.h"
#include "kernel/tcp_end.h"
#include "kernel/vip_source.h"
#include "state/own.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- UDP flows */

/* An answer on its way takes a flow back to IPVS. */
#define RELEASE_TRIES 4

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

void cutover_release_flows(struct cutover *c, const struct state *ipvs)
{
	size_t before;

	for (int i = 0; i < RELEASE_TRIES; i++) {
		before = c->stale_flows;
		cutover_settle_flows(c, ipvs, true);
		if (c->stale_flows == before)
			break;
	}
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

/* Each of vip_source.h's may be called again; an answer of the kernel may be lost. */
#define SOURCE_TRIES 3
/* To have its own route of IPv6 back, an address is made anew, for which the kernel walks
 * over all routes: 2,000 take seconds. Of more than these none is led past its route. */
#define MAX_RENEWED 256

typedef int (*source_fn)(const struct vip_table *t, unsigned families, struct error *err);

/* The addresses that ipvs mode has, and the other state has not. */
static struct vip_table addresses_of_ipvs(const struct cutover *c)
{
	bool to_ipvs = c->ctx->opts.mode == MODE_IPVS;
	const struct state *ipvs = to_ipvs ? c->ctx->want : c->before;
	const struct state *other = to_ipvs ? c->before : c->ctx->want;
	const struct vip_table *all = &ipvs->vips;
	struct vip_table t = {.addrs = xcalloc(all->n_addrs + 1, sizeof(*t.addrs))};

	for (size_t i = 0; i < all->n_addrs; i++)
		if (!strcmp(all->addrs[i].link, VIP_LINK) &&
		    !vip_find_addr_on(&other->vips, VIP_LINK, &all->addrs[i].prefix.addr))
			t.addrs[t.n_addrs++] = all->addrs[i];
	return t;
}

static bool may_renew(const struct vip_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_addrs; i++)
		n += addr_family(&t->addrs[i].prefix.addr) == FAMILY_6;
	return n <= MAX_RENEWED;
}

static int choose_source(struct cutover *c, source_fn fn, bool renews, struct error *err)
{
	struct vip_table t = addresses_of_ipvs(c);
	unsigned families = c->ctx->opts.families;
	int rc = t.n_addrs ? -1 : 0;

	if (renews && !may_renew(&t))
		families &= ~FAMILY_BIT(FAMILY_6);
	for (int i = 0; rc && i < SOURCE_TRIES; i++) {
		error_clear(err);
		rc = fn(&t, families, err);
	}
	free(t.addrs);
	return rc ? error_wrap(err, "routes to virtual addresses") : 0;
}

void cutover_source_node(struct cutover *c, bool back)
{
	bool renews = !back && c->ctx->opts.mode == MODE_IPVS;
	struct error err = {0};

	if (choose_source(c, vip_source_node, renews, &err))
		report_problem(c->ctx,
		    "warning: connections of this node to virtual addresses may hang "
		    "when these go: %s",
		    err.msg);
}

int cutover_source_virtual(struct cutover *c, struct error *err)
{
	return choose_source(c, vip_source_virtual, false, err);
}

int cutover_source_forget(struct cutover *c, struct error *err)
{
	return choose_source(c, vip_source_forget, false, err);
}

void cutover_end_orphans(struct cutover *c)
{
	struct vip_table t = addresses_of_ipvs(c);
	struct error err = {0};
	size_t ended, left;

	if (tcp_end_orphans(&t, &ended, &left, &err))
		report_problem(c->ctx,
		    "warning: connections of this node from virtual addresses: %s",
		    err.msg);
	if (ended)
		report_info(c->ctx,
		    "%zu connections of this node that came from virtual addresses were "
		    "ended with them",
		    ended);
	if (left)
		report_problem(c->ctx,
		    "warning: %zu connections of this node came from virtual addresses, which "
		    "are gone: they hang until their time-out, unless their programs are "
		    "restarted",
		    left);
	free(t.addrs);
}
