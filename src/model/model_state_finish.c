/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was found of a service port, put together: a name where nothing told one, each
 * endpoint and source range once, which endpoints are on this node, the type.
 */
#include "config.h"

#include "model/model_state_parts.h"

#include <stdlib.h>

static void name_by_address(struct reading *rd, struct found *fd)
{
	const struct frontend *fe = NULL;
	char buf[ADDRPORT_STRLEN];

	for (size_t i = 0; i < fd->frontends.n; i++)
		if (!fe || fd->frontends.v[i].kind < fe->kind)
			fe = &fd->frontends.v[i];
	if (fe && fe->kind != FE_NODE_PORT)
		found_set_name(rd, fd,
		    arena_printf(rd->arena, UNNAMED "/%s",
			addrport_format(&fe->addr, fe->port, buf)));
	else
		found_set_name(rd, fd,
		    fe ? arena_printf(rd->arena, UNNAMED "/nodeport:%u", fe->port)
		       : arena_printf(
			     rd->arena, UNNAMED "/%s", fd->hash ? fd->hash : "none"));
}

static int compare_endpoints(const void *va, const void *vb)
{
	const struct endpoint *a = va, *b = vb;
	int c = addr_cmp(&a->addr, &b->addr);

	if (!c)
		c = (int)a->port - (int)b->port;
	return c ? c : (a->node == NULL) - (b->node == NULL);
}

static bool same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	return a->port == b->port && addr_eq(&a->addr, &b->addr);
}

/* Local endpoints that the list of all has not: kube-proxy leaves out those that are
 * about to end, which are good enough for the local list while none is ready, or by
 * topology hints. In the first case none of the local list is in the other one. */
static void mark_terminating(struct reading *rd, struct found *fd)
{
	size_t n = fd->endpoints.n, alone = 0, both = 0;
	struct endpoint *v = fd->endpoints.v;

	for (size_t i = 0; i < n; i++) {
		bool pair = i + 1 < n && same_endpoint(&v[i], &v[i + 1]);

		both += pair;
		alone += v[i].node && !pair;
	}
	if (!alone)
		return;
	remark(rd, fd, NULL,
	    "%zu local endpoints are not in the list of all: %s, or a rule is missing",
	    alone, both ? "left out by topology hints" : "about to end");
	for (size_t i = 0; i < n && !both; i++)
		if (v[i].node) {
			v[i].ready = false;
			v[i].terminating = true;
		}
}

/* Of two that are the same, the one of which the node is known. */
static void merge_endpoints(struct reading *rd, struct found *fd)
{
	size_t n = 0;

	if (!fd->endpoints.n)
		return;
	qsort(fd->endpoints.v, fd->endpoints.n, sizeof(*fd->endpoints.v),
	    compare_endpoints);
	if (fd->by_lists && fd->any[false] && fd->any[true])
		mark_terminating(rd, fd);
	for (size_t i = 0; i < fd->endpoints.n; i++) {
		const struct endpoint *e = &fd->endpoints.v[i];

		if (!n || !same_endpoint(&fd->endpoints.v[n - 1], e))
			fd->endpoints.v[n++] = *e;
	}
	fd->endpoints.n = n;
}

static bool is_near(const struct reading *rd, const struct addr *a)
{
	if (vip_find_addr(&rd->state->vips, a, VIP_LINK))
		return true;
	for (size_t i = 0; i < rd->v->n_near; i++)
		if (prefix_contains(&rd->v->near[i], a))
			return true;
	return false;
}

/* Where a policy is Local, the rules tell which are local, all of them. */
static void guess_nodes(const struct reading *rd, struct found *fd)
{
	if (!rd->v->n_near || fd->internal_local || fd->external_local)
		return;
	for (size_t i = 0; i < fd->endpoints.n; i++) {
		struct endpoint *e = &fd->endpoints.v[i];

		if (!e->node && is_near(rd, &e->addr))
			e->node = model_builder_intern(rd->builder, rd->v->node);
	}
}

static enum svc_type type_of(const struct found *fd)
{
	enum svc_type type = fd->health_port ? SVC_LOAD_BALANCER : SVC_CLUSTER_IP;

	for (size_t i = 0; i < fd->frontends.n; i++) {
		if (fd->frontends.v[i].kind == FE_LOAD_BALANCER)
			return SVC_LOAD_BALANCER;
		if (fd->frontends.v[i].kind == FE_NODE_PORT && type == SVC_CLUSTER_IP)
			type = SVC_NODE_PORT;
	}
	/* Up to 1.28 the policy counts for no other type. */
	return fd->external_local && type == SVC_CLUSTER_IP ? SVC_NODE_PORT : type;
}

static void check_cluster_ips(struct reading *rd, struct found *fd)
{
	unsigned have = 0;

	for (size_t i = 0; i < fd->frontends.n; i++)
		if (fd->frontends.v[i].kind == FE_CLUSTER)
			have |= FAMILY_BIT(addr_family(&fd->frontends.v[i].addr));
	family_foreach (f)
		if (fd->families & ~have & FAMILY_BIT(f) && !fd->no_cluster_ip)
			not_understood(rd, fd, NULL,
			    "there is no rule for a cluster IP of %s",
			    family_info(f)->name);
}

/* What the node sends to an address of its own comes from that address, and iptables mode
 * lets it in beside the ranges: none that anybody gave. */
static bool is_hairpin_range(const struct found *fd, const struct prefix *p)
{
	if (p->bits != family_info(addr_family(&p->addr))->addr_bits)
		return false;
	for (size_t i = 0; i < fd->frontends.n; i++)
		if (fd->frontends.v[i].kind == FE_LOAD_BALANCER &&
		    addr_eq(&fd->frontends.v[i].addr, &p->addr))
			return true;
	return false;
}

static int compare_ranges(const void *va, const void *vb)
{
	const struct prefix *const *a = va, *const *b = vb;
	int c = prefix_cmp(*a, *b);

	return c ? c : (*a > *b) - (*a < *b);
}

/* Several addresses of a service have the same ranges: each counts once, where it comes
 * first. */
static void merge_ranges(struct reading *rd, struct found *fd)
{
	size_t n = fd->ranges.n, kept = 0;
	struct prefix *v = fd->ranges.v, **sorted;
	bool *again;

	if (!n)
		return;
	sorted = xcalloc(n, sizeof(*sorted));
	again = xcalloc(n, sizeof(*again));
	for (size_t i = 0; i < n; i++)
		sorted[i] = &v[i];
	qsort(sorted, n, sizeof(*sorted), compare_ranges);
	for (size_t i = 1; i < n; i++)
		again[sorted[i] - v] = !prefix_cmp(sorted[i - 1], sorted[i]);
	for (size_t i = 0; i < n; i++)
		if (!again[i] && !(fd->by_lists && is_hairpin_range(fd, &v[i])))
			v[kept++] = v[i];
	fd->ranges.n = kept;
	/* Or everybody would be let in. */
	if (!kept)
		not_understood(rd, fd, NULL,
		    "only its own address is let in: source ranges are missing");
	free(sorted);
	free(again);
}

static void finish_one(struct reading *rd, struct found *fd)
{
	struct service s = {.proto = fd->proto};

	if (!fd->name)
		name_by_address(rd, fd);
	check_cluster_ips(rd, fd);
	merge_ranges(rd, fd);
	merge_endpoints(rd, fd);
	guess_nodes(rd, fd);
	s.ns = fd->ns;
	s.name = fd->name;
	s.port_name = fd->port_name;
	s.type = type_of(fd);
	s.families = fd->families;
	s.internal_local = fd->internal_local;
	s.external_local = fd->external_local;
	s.affinity = fd->affinity;
	s.affinity_sec = fd->affinity ? fd->affinity_sec : 0;
	s.health_port = fd->health_port;
	s.incomplete = fd->incomplete;
	s.scheduler = fd->scheduler;
	s.forwarding = fd->forwarding;
	vec_take(&fd->ranges, rd->arena, s.ranges, s.n_ranges);
	vec_take(&fd->frontends, rd->arena, s.frontends, s.n_frontends);
	vec_take(&fd->endpoints, rd->arena, s.endpoints, s.n_endpoints);
	model_builder_add_service(rd->builder, &s);
}

void found_finish(struct reading *rd)
{
	for (size_t i = 0; i < rd->list.n; i++)
		finish_one(rd, rd->list.v[i]);
}
