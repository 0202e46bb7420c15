/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which endpoints serve a service port: kube-proxy's endpoint categoriser, and the node
 * addresses that node ports listen on. What rules or servers come of it is left to emit/.
 */
#include "config.h"

#include "model/traffic.h"

#include "base/vec.h"

#include <stdio.h>
#include <string.h>

bool endpoint_is_local(const struct endpoint *e, const struct conf *c)
{
	return e->node && c->node_name && !strcmp(e->node, c->node_name);
}

bool frontend_is_served(const struct frontend *fe, const struct conf *c)
{
	return fe->kind != FE_LOAD_BALANCER || fe->ip_mode != IP_MODE_PROXY ||
	       !c->dialect.lb_ip_mode;
}

/* Up to 1.32 a local entry replaces a remote one, since 1.33 a non-terminating one what
 * came before. */
static bool replaces(const struct endpoint *e, const struct conf *c)
{
	if (c->dialect.prefer_non_terminating_duplicate)
		return !e->terminating;
	return endpoint_is_local(e, c);
}

static bool counts_as_written(const struct endpoint *e, const struct conf *c)
{
	return e->written && c->dialect.endpoint_as_written;
}

const char *endpoint_text(
    const struct endpoint *e, const struct conf *c, char buf[ADDRPORT_STRLEN])
{
	if (!counts_as_written(e, c))
		return addrport_format(&e->addr, e->port, buf);
	snprintf(buf, ADDRPORT_STRLEN, e->addr.len == 16 ? "[%s]:%u" : "%s:%u",
	    e->written, e->port);
	return buf;
}

static int by_text(const void *va, const void *vb, void *conf)
{
	const struct endpoint *const *a = va, *const *b = vb;
	char ta[ADDRPORT_STRLEN], tb[ADDRPORT_STRLEN];

	return strcmp(endpoint_text(*a, conf, ta), endpoint_text(*b, conf, tb));
}

/* The one in t->all that kube-proxy takes for the same, or NULL. The model has those of
 * one address and port next to each other, one pointer for what is written the same. */
static const struct endpoint **find_same(
    const struct traffic *t, const struct endpoint *e, const struct conf *c)
{
	for (size_t i = t->n_all; i-- > 0;) {
		const struct endpoint *o = t->all[i];

		if (o->port != e->port || !addr_eq(&o->addr, &e->addr))
			break;
		if (o->written == e->written || !c->dialect.endpoint_as_written)
			return &t->all[i];
	}
	return NULL;
}

/* The endpoints of a family in t->all, one for each "ip:port". */
static void collect(
    const struct service *s, const struct conf *c, enum family f, struct traffic *t)
{
	bool sorted = true;

	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct endpoint *e = &s->endpoints[i], **same;

		if (addr_family(&e->addr) != f)
			continue;
		same = find_same(t, e, c);
		if (!same)
			t->all[t->n_all++] = e;
		else if (replaces(e, c))
			*same = e;
		sorted = sorted && !counts_as_written(e, c);
	}
	if (!sorted)
		qsort_r(t->all, t->n_all, sizeof(*t->all), by_text, (void *)(uintptr_t)c);
	for (; t->n_every < t->n_all; t->n_every++)
		t->every[t->n_every] = t->all[t->n_every];
}

static bool list_has(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

static bool hints_wanted(const struct service *s, const struct conf *c)
{
	const char *a = s->hints_annotation;

	switch (c->dialect.topology) {
	case TOPOLOGY_NONE:
		return false;
	case TOPOLOGY_HINTS_AUTO:
		return a && (!strcmp(a, "Auto") || !strcmp(a, "auto"));
	case TOPOLOGY_ANNOTATION:
		if (!a)
			a = s->mode_annotation;
		return a && a[0] && strcmp(a, "disabled") != 0 &&
		       strcmp(a, "Disabled") != 0;
	case TOPOLOGY_HINTS_ALONE:
	case TOPOLOGY_NODE_HINTS:
		break;
	}
	return true;
}

/* Hints of a kind count if every ready endpoint has some and one of them is for us. */
static bool hints_usable(const struct traffic *t, bool by_node, const char *ours)
{
	bool found = false;

	if (!ours)
		return false;
	for (size_t i = 0; i < t->n_all; i++) {
		const struct endpoint *e = t->all[i];
		const char *const *hints = by_node ? e->hint_nodes : e->hint_zones;

		if (!e->ready)
			continue;
		if (!hints)
			return false;
		found = found || list_has(hints, ours);
	}
	return found;
}

static void select_ready(struct traffic *t, bool by_node, const char *ours)
{
	for (size_t i = 0; i < t->n_all; i++) {
		const struct endpoint *e = t->all[i];

		if (e->ready &&
		    (!ours || list_has(by_node ? e->hint_nodes : e->hint_zones, ours)))
			t->cluster[t->n_cluster++] = e;
	}
}

/* Serves where nothing is ready. */
static bool is_fallback(const struct endpoint *e, const struct conf *c)
{
	return c->dialect.terminating_fallback && e->serving && e->terminating;
}

static void select_cluster(
    const struct service *s, const struct conf *c, struct traffic *t)
{
	bool wanted = hints_wanted(s, c);

	if (wanted && c->dialect.topology == TOPOLOGY_NODE_HINTS &&
	    hints_usable(t, true, c->node_name))
		select_ready(t, true, c->node_name);
	else if (wanted && hints_usable(t, false, c->zone))
		select_ready(t, false, c->zone);
	else
		select_ready(t, false, NULL);
	/* Only when nothing is ready anywhere; hints do not count then. */
	if (!t->n_cluster)
		for (size_t i = 0; i < t->n_all; i++)
			if (is_fallback(t->all[i], c))
				t->cluster[t->n_cluster++] = t->all[i];
}

static void select_local(const struct conf *c, struct traffic *t)
{
	for (size_t i = 0; i < t->n_all; i++)
		if (t->all[i]->ready && endpoint_is_local(t->all[i], c))
			t->local[t->n_local++] = t->all[i];
	if (t->n_local)
		return;
	for (size_t i = 0; i < t->n_all; i++)
		if (is_fallback(t->all[i], c) && endpoint_is_local(t->all[i], c))
			t->local[t->n_local++] = t->all[i];
}

/* With the local policy, endpoints elsewhere make the difference of DROP and REJECT. */
static bool any_usable(const struct traffic *t, const struct conf *c)
{
	if (t->n_cluster)
		return true;
	if (!t->uses_local)
		return false;
	for (size_t i = 0; i < t->n_all; i++) {
		const struct endpoint *e = t->all[i];

		if (e->ready || is_fallback(e, c))
			return true;
	}
	return false;
}

/* Leaves in t->all what is in the other two lists; all three have the same order. */
static void keep_union(struct traffic *t)
{
	size_t n = 0, c = 0, l = 0;

	for (size_t i = 0; i < t->n_all; i++) {
		const struct endpoint *e = t->all[i];
		bool in_cluster = c < t->n_cluster && t->cluster[c] == e;
		bool in_local = l < t->n_local && t->local[l] == e;

		c += in_cluster;
		l += in_local;
		if (in_cluster || in_local)
			t->all[n++] = e;
	}
	t->n_all = n;
}

/* The external ways in that count: the service's type does not matter here. */
static bool has_external_access(
    const struct service *s, const struct conf *c, enum family f)
{
	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];

		if (fe->kind == FE_NODE_PORT)
			return true;
		if (fe->kind != FE_CLUSTER && addr_family(&fe->addr) == f &&
		    frontend_is_served(fe, c))
			return true;
	}
	return false;
}

/* externalTrafficPolicy counts for types that are reachable from outside. */
static bool is_external_local(const struct service *s, const struct conf *c)
{
	if (!s->external_local)
		return false;
	if (s->type != SVC_CLUSTER_IP)
		return true;
	if (c->dialect.external_local_on_cluster_ip)
		for (size_t i = 0; i < s->n_frontends; i++)
			if (s->frontends[i].kind == FE_EXTERNAL)
				return true;
	return false;
}

static void reserve(struct traffic *t, size_t n)
{
	if (n <= t->cap)
		return;
	t->cap = n < 16 ? 16 : n * 2;
	t->cluster = xrealloc(t->cluster, t->cap * sizeof(*t->cluster));
	t->local = xrealloc(t->local, t->cap * sizeof(*t->local));
	t->all = xrealloc(t->all, t->cap * sizeof(*t->all));
	t->every = xrealloc(t->every, t->cap * sizeof(*t->every));
}

void traffic_select(
    const struct service *s, const struct conf *c, enum family f, struct traffic *t)
{
	t->n_cluster = t->n_local = t->n_all = t->n_every = 0;
	t->has_family = s->families & FAMILY_BIT(f);
	t->ext_access = t->has_family && has_external_access(s, c, f);
	t->internal_local = s->internal_local;
	t->external_local = is_external_local(s, c);
	t->uses_cluster = !t->internal_local || t->ext_access;
	t->uses_local = t->internal_local || (t->external_local && t->ext_access);
	t->any = false;
	if (!t->has_family)
		return;
	reserve(t, s->n_endpoints);
	collect(s, c, f, t);
	if (t->uses_cluster)
		select_cluster(s, c, t);
	if (t->uses_local)
		select_local(c, t);
	t->any = any_usable(t, c);
	keep_union(t);
}

void traffic_free(struct traffic *t)
{
	free(t->cluster);
	free(t->local);
	free(t->all);
	free(t->every);
	*t = (struct traffic){0};
}

/* The prefixes of nodePortAddresses that concern a family. */
struct filter {
	const struct prefix *list;
	size_t n;
	struct prefix primary;
};

static void filter_init(const struct conf *c, enum family f, struct filter *ret)
{
	*ret = (struct filter){.list = c->node_port_addrs, .n = c->n_node_port_addrs};
	if (c->node_port_primary && c->dialect.primary_node_port_address) {
		struct addr a = conf_node_ip(c, f);

		ret->primary = prefix_host(&a);
		ret->list = &ret->primary;
		ret->n = 1;
	}
}

/* The dual-stack proxier of every release known here hands each family its own entries of
 * nodePortAddresses, and none means all: 1.27.1 with an IPv4 entry alone writes the
 * match-all tail for IPv6. */
static bool filter_is_all(const struct filter *fl, enum family f)
{
	bool any = false;

	for (size_t i = 0; i < fl->n; i++) {
		if (addr_family(&fl->list[i].addr) != f)
			continue;
		if (!fl->list[i].bits)
			return true;
		any = true;
	}
	return !any;
}

static bool filter_has(const struct filter *fl, const struct addr *a)
{
	for (size_t i = 0; i < fl->n; i++)
		if (prefix_contains(&fl->list[i], a))
			return true;
	return false;
}

/* A CIDR inside 127/8, or around 127.0.0.1. */
static bool filter_has_loopback(const struct filter *fl)
{
	struct addr lo = addr_loopback(FAMILY_4);

	for (size_t i = 0; i < fl->n; i++)
		if (addr_family(&fl->list[i].addr) == FAMILY_4 &&
		    addr_is_loopback(&fl->list[i].addr))
			return true;
	return filter_has(fl, &lo);
}

static int compare_addrs(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static size_t sort_unique(struct addr *v, size_t n)
{
	size_t out = 0;

	if (n)
		qsort(v, n, sizeof(*v), compare_addrs);
	for (size_t i = 0; i < n; i++)
		if (!out || !addr_eq(&v[out - 1], &v[i]))
			v[out++] = v[i];
	return out;
}

void node_ports_select(
    const struct conf *c, enum family f, struct arena *a, struct node_ports *ret)
{
	struct node_ports np = {.addrs = arena_array(a, struct addr, c->n_addrs + 1)};
	struct addr lo = addr_loopback(f);
	struct filter fl;
	bool lo_matches;

	filter_init(c, f, &fl);
	np.all = filter_is_all(&fl, f);
	np.localhost = c->localhost_node_ports && f == FAMILY_4 &&
		       (np.all || filter_has_loopback(&fl));
	/* Every node has it, whether the addresses that are known name it or not. */
	lo_matches = !np.all && filter_has(&fl, &lo);
	if (lo_matches && np.localhost)
		np.addrs[np.n_addrs++] = lo;
	for (size_t i = 0; i < c->n_addrs; i++) {
		const struct addr *addr = &c->addrs[i].addr;

		if (addr_family(addr) != f)
			continue;
		if (addr_is_loopback(addr) && (np.all || !np.localhost))
			continue;
		if (np.all ? f == FAMILY_6 && addr_is_link_local(addr)
			   : !filter_has(&fl, addr))
			continue;
		np.addrs[np.n_addrs++] = *addr;
	}
	np.n_addrs = sort_unique(np.addrs, np.n_addrs);
	np.none = !np.all && !np.n_addrs && !lo_matches;
	*ret = np;
}
