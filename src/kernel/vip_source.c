/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local routes to virtual addresses that say where the node's own connections come from,
 * over rtnetlink. IPv4 takes the first of several routes to an address, so ours is put before
 * the kernel's. IPv6 goes by a metric that nobody can beat: the kernel's route is removed
 * when ours is there. Nobody but the kernel can put it back on a device that is down, which
 * it does for an address that is new.
 */
#include "config.h"

#include "kernel/vip_source.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/netlink.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>

#include "base/auto.h"
#include "base/vec.h"
#include "kernel/nl.h"

#define ROUTE_BATCH 500
/* The kernel gives an IPv6 address its route in a worker, a moment later; for hundreds of
 * them on a busy machine that takes seconds. */
#define TRIES 3000
#define TRIES_GAP 10000 /* microseconds */
#define ROUTE_PROTOCOL 86 /* whose they are, for ip(8) and for removing them */

typedef VEC(struct addr) addr_vec;

struct router {
	struct nlc *nl;
	uint32_t link, loopback; /* indexes */
	struct addr source;	 /* of the family at hand */
	addr_vec ours;		 /* IPv6 addresses with a route of ours, and no other */
};

/* The address that the node sends from to hosts that it has no particular route to. Both are
 * of ranges for documentation; nothing is sent. */
static bool find_source(enum family f, struct addr *ret)
{
	static const char *const far[FAMILY_COUNT] = {
	    [FAMILY_4] = "198.51.100.77", [FAMILY_6] = "2001:db8:51::77"};
	AUTO(fd) int fd = socket(family_info(f)->af, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(9)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(9)};
	bool v6 = f == FAMILY_6;
	struct sockaddr *sa = v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in;
	socklen_t len = v6 ? sizeof(in6) : sizeof(in);
	void *bytes = v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr;
	struct addr to = {0};

	addr_parse(far[f], &to);
	memcpy(bytes, to.b, to.len);
	if (fd < 0 || connect(fd, sa, len) || getsockname(fd, sa, &len))
		return false;
	*ret = addr_from(f, bytes);
	return !addr_is_loopback(ret) && !addr_is_unspecified(ret);
}

/* source: NULL for none. */
static struct nl_msg *make_route(uint16_t type, uint16_t flags, const struct addr *a,
    unsigned char protocol, uint32_t link, const struct addr *source)
{
	enum family f = addr_family(a);
	struct rtmsg rt = {
	    .rtm_family = (unsigned char)family_info(f)->af,
	    .rtm_dst_len = (unsigned char)family_info(f)->addr_bits,
	    .rtm_table = RT_TABLE_LOCAL,
	    .rtm_protocol = protocol,
	    .rtm_scope = f == FAMILY_4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
	    .rtm_type = RTN_LOCAL,
	};
	struct nl_msg *m = nlc_msg(type, flags, &rt, sizeof(rt));

	nlc_put(m, RTA_DST, a->b, a->len);
	nlc_put_u32(m, RTA_OIF, link);
	if (source)
		nlc_put(m, RTA_PREFSRC, source->b, source->len);
	return m;
}

static int take_node(struct router *r, const struct addr *a, struct error *err)
{
	bool v6 = addr_family(a) == FAMILY_6;

	if (nlc_queue(r->nl,
		make_route(RTM_NEWROUTE, NLM_F_CREATE, a, ROUTE_PROTOCOL,
		    v6 ? r->loopback : r->link, &r->source),
		0, NULL, err))
		return -1;
	return v6 ? nlc_queue(r->nl,
			make_route(RTM_DELROUTE, 0, a, RTPROT_KERNEL, r->link, NULL), 0,
			NULL, err)
		  : 0;
}

static int forget(struct router *r, const struct addr *a, struct error *err)
{
	bool v6 = addr_family(a) == FAMILY_6;

	return nlc_queue(r->nl,
	    make_route(RTM_DELROUTE, 0, a, ROUTE_PROTOCOL, v6 ? r->loopback : r->link,
		NULL),
	    0, NULL, err);
}

/* Of IPv6 the route stays until the kernel's is back, but names no source any more. */
static int take_virtual(struct router *r, const struct addr *a, struct error *err)
{
	if (addr_family(a) == FAMILY_4)
		return forget(r, a, err);
	vec_push(&r->ours, *a);
	return nlc_queue(r->nl,
	    make_route(RTM_NEWROUTE, NLM_F_REPLACE, a, ROUTE_PROTOCOL, r->loopback, NULL),
	    r->ours.n, NULL, err);
}

/* What is there or gone already is fine; so is an address that is gone with its device, or
 * with IPv6. */
static int on_refused(void *p, const struct nlc_refusal *r, struct error *err)
{
	struct router *router = p;

	if (r->error == EEXIST || r->error == ESRCH || r->error == ENOENT ||
	    r->error == ENODEV || r->error == EADDRNOTAVAIL || r->error == EOPNOTSUPP) {
		if (r->op)
			router->ours.v[r->op - 1].len = 0;
		return 0;
	}
	return error_set(err, nlc_error_kind(r->error), r->error,
	    "route to a virtual address%s%s", r->text ? ": " : "", r->text ? r->text : "");
}

/* ---- the kernel's own routes of IPv6 */

static int renew(struct router *r, const struct addr *a, uint16_t type, struct error *err)
{
	struct ifaddrmsg ifa = {
	    .ifa_family = AF_INET6,
	    .ifa_prefixlen = family_info(FAMILY_6)->addr_bits,
	    .ifa_index = r->link,
	};
	struct nl_msg *m = nlc_msg(type, type == RTM_NEWADDR ? NLM_F_CREATE | NLM_F_EXCL : 0,
	    &ifa, sizeof(ifa));

	nlc_put(m, IFA_LOCAL, a->b, a->len);
	nlc_put(m, IFA_ADDRESS, a->b, a->len);
	return nlc_queue(r->nl, m, 0, NULL, err);
}

struct routes {
	uint32_t link;
	addr_vec to;
};

static int on_route(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[RTA_MAX + 1] = {0};
	const struct rtmsg *rt = nlmsg_data(h);
	struct routes *found = p;

	(void)err;
	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(*rt), tb, RTA_MAX, NULL) < 0 ||
	    rt->rtm_type != RTN_LOCAL || rt->rtm_protocol != RTPROT_KERNEL ||
	    !tb[RTA_DST] || nla_len(tb[RTA_DST]) != (int)family_info(FAMILY_6)->addr_len ||
	    nlc_u32(tb[RTA_OIF]) != found->link)
		return 0;
	vec_push(&found->to, addr_from(FAMILY_6, nla_data(tb[RTA_DST])));
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

/* Whether the kernel has routes to all of ours. */
static int look_for_routes(struct router *r, bool *all, struct error *err)
{
	struct rtmsg rt = {.rtm_family = AF_INET6};
	struct routes found = {.link = r->link};
	bool interrupted;
	int rc = nlc_dump(r->nl, nlc_msg(RTM_GETROUTE, 0, &rt, sizeof(rt)), on_route,
	    &found, &interrupted, err);

	if (found.to.n)
		qsort(found.to.v, found.to.n, sizeof(*found.to.v), by_addr);
	*all = !rc && !interrupted;
	for (size_t i = 0; i < r->ours.n && *all; i++)
		*all = found.to.n && bsearch(&r->ours.v[i], found.to.v, found.to.n,
					 sizeof(*found.to.v), by_addr);
	vec_free(&found.to);
	return rc;
}

static int wait_for_routes(struct router *r, struct error *err)
{
	bool all = false;

	for (int i = 0; i < TRIES && !all; i++) {
		if (i)
			usleep(TRIES_GAP);
		if (look_for_routes(r, &all, err))
			return -1;
	}
	return all ? 0
		   : error_set(err, ERR_KERNEL, 0,
			 "the routes to the IPv6 addresses of %s are not there again",
			 VIP_LINK);
}

/* Puts the kernel's routes in the place of ours. */
static int hand_back(struct router *r, struct error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < r->ours.n; i++)
		if (r->ours.v[i].len)
			r->ours.v[n++] = r->ours.v[i];
	r->ours.n = n;
	for (size_t i = 0; i < n; i++)
		if (renew(r, &r->ours.v[i], RTM_DELADDR, err) ||
		    renew(r, &r->ours.v[i], RTM_NEWADDR, err))
			return -1;
	if (n && (nlc_flush(r->nl, err) || wait_for_routes(r, err)))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (forget(r, &r->ours.v[i], err))
			return -1;
	return nlc_flush(r->nl, err);
}

/* ---- all addresses */

typedef int (*route_fn)(struct router *r, const struct addr *a, struct error *err);

static int each_of_family(struct router *r, const struct vip_table *t, enum family f,
    route_fn fn, struct error *err)
{
	for (size_t i = 0; i < t->n_addrs; i++) {
		const struct vip_addr *v = &t->addrs[i];

		if (!strcmp(v->link, VIP_LINK) && addr_family(&v->prefix.addr) == f &&
		    !addr_is_link_local(&v->prefix.addr) && fn(r, &v->prefix.addr, err))
			return -1;
	}
	return 0;
}

static int each_address(const struct vip_table *t, unsigned families, route_fn fn,
    bool needs_source, struct error *err)
{
	struct router r = {
	    .link = if_nametoindex(VIP_LINK), .loopback = if_nametoindex("lo")};
	int rc = 0;

	if (nlc_open(NETLINK_ROUTE, ROUTE_BATCH, &r.nl, err))
		return -1;
	nlc_start(r.nl, on_refused, &r);
	family_foreach (f)
		if (!rc && families & FAMILY_BIT(f) &&
		    (!needs_source || find_source(f, &r.source)))
			rc = each_of_family(&r, t, f, fn, err);
	if (!rc)
		rc = nlc_flush(r.nl, err);
	if (!rc && r.ours.n)
		rc = hand_back(&r, err);
	vec_free(&r.ours);
	nlc_close(r.nl);
	return rc;
}

int vip_source_node(const struct vip_table *t, unsigned families, struct error *err)
{
	return each_address(t, families, take_node, true, err);
}

int vip_source_virtual(const struct vip_table *t, unsigned families, struct error *err)
{
	return each_address(t, families, take_virtual, false, err);
}

int vip_source_forget(const struct vip_table *t, unsigned families, struct error *err)
{
	return each_address(t, families, forget, false, err);
}
