/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which routers this node sends packets to, and what it reaches without one. */
#include "config.h"

#include "kernel/route_nl.h"

#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/vec.h"
#include "kernel/nl.h"

typedef VEC(struct addr) addr_vec;

static void take_hop(addr_vec *v, const struct nlattr *attr, unsigned char family)
{
	enum family f = family == AF_INET6 ? FAMILY_6 : FAMILY_4;
	struct addr a;

	if (!attr || nla_len(attr) < (int)family_info(f)->addr_len)
		return;
	a = addr_from(f, nla_data(attr));
	/* Routes come in the order of their destinations: the same router repeats. */
	if (!v->n || !addr_eq(&v->v[v->n - 1], &a))
		vec_push(v, a);
}

/* One route over several routers. */
static void take_hops(addr_vec *v, struct nlattr *attr, unsigned char family)
{
	const struct rtnexthop *hop = nla_data(attr);
	int left = nla_len(attr);

	while (RTNH_OK(hop, left)) {
		struct nlattr *head =
		    (struct nlattr *)((char *)(uintptr_t)hop + RTNH_LENGTH(0));

		take_hop(v,
		    nla_find(head, hop->rtnh_len - (int)sizeof(*hop), RTA_GATEWAY),
		    family);
		left -= (int)RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
}

static int on_route(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[RTA_MAX + 1] = {0};
	const struct rtmsg *rt = nlmsg_data(h);

	(void)err;
	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse(h, sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return 0;
	take_hop(p, tb[RTA_GATEWAY], rt->rtm_family);
	if (tb[RTA_MULTIPATH])
		take_hops(p, tb[RTA_MULTIPATH], rt->rtm_family);
	return 0;
}

static int by_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

int route_gateways(struct arena *a, const struct addr **ret, size_t *n, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	struct rtmsg all = {.rtm_family = AF_UNSPEC};
	addr_vec v = {0};
	bool interrupted; /* a router that comes just now cannot be known anyway */
	size_t kept = 0;

	if (nlc_open(NETLINK_ROUTE, 1, &nl, err))
		return -1;
	if (nlc_dump(nl, nlc_msg(RTM_GETROUTE, 0, &all, sizeof(all)), on_route, &v,
		&interrupted, err)) {
		vec_free(&v);
		return error_wrap(err, "cannot list routes");
	}
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_addr);
	for (size_t i = 0; i < v.n; i++)
		if (!kept || !addr_eq(&v.v[kept - 1], &v.v[i]))
			v.v[kept++] = v.v[i];
	v.n = kept;
	vec_take(&v, a, *ret, *n);
	return 0;
}

typedef VEC(struct prefix) prefix_vec;

static int on_link(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[RTA_MAX + 1] = {0};
	const struct rtmsg *rt = nlmsg_data(h);
	enum family f = rt->rtm_family == AF_INET6 ? FAMILY_6 : FAMILY_4;
	struct prefix dst = {.bits = rt->rtm_dst_len};

	(void)err;
	if (h->nlmsg_type != RTM_NEWROUTE || rt->rtm_type != RTN_UNICAST || !dst.bits ||
	    nlmsg_parse(h, sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return 0;
	if (tb[RTA_GATEWAY] || tb[RTA_VIA] || tb[RTA_MULTIPATH] || !tb[RTA_DST] ||
	    nla_len(tb[RTA_DST]) < (int)family_info(f)->addr_len)
		return 0;
	dst.addr = addr_from(f, nla_data(tb[RTA_DST]));
	if (!addr_is_link_local(&dst.addr))
		vec_push((prefix_vec *)p, dst);
	return 0;
}

int route_on_link(
    struct arena *a, const struct prefix **ret, size_t *n, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	struct rtmsg all = {.rtm_family = AF_UNSPEC};
	prefix_vec v = {0};
	bool interrupted; /* a pod that comes just now is in no rule either */

	if (nlc_open(NETLINK_ROUTE, 1, &nl, err))
		return -1;
	if (nlc_dump(nl, nlc_msg(RTM_GETROUTE, 0, &all, sizeof(all)), on_link, &v,
		&interrupted, err)) {
		vec_free(&v);
		return error_wrap(err, "cannot list routes");
	}
	vec_take(&v, a, *ret, *n);
	return 0;
}
