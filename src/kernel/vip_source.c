/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local routes to virtual addresses that say where the node's own connections come from,
 * over rtnetlink. IPv4 takes the first of several routes to an address, so ours is put before
 * the kernel's. IPv6 goes by a metric that nobody can beat: the kernel's route is removed
 * when ours is there, and cannot be put back on a device that is down; ours stays instead,
 * without a source, which comes to the same.
 */
#include "config.h"

#include "kernel/vip_source.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/auto.h"
#include "kernel/nl.h"

#define ROUTE_BATCH 500
#define ROUTE_PROTOCOL 86 /* whose they are, for ip(8) and for removing them */

struct router {
	struct nlc *nl;
	uint32_t link, loopback; /* indexes */
	struct addr source;	 /* of the family at hand */
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

static int take_node(const struct router *r, const struct addr *a, struct error *err)
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

static int forget(const struct router *r, const struct addr *a, struct error *err)
{
	bool v6 = addr_family(a) == FAMILY_6;

	return nlc_queue(r->nl,
	    make_route(RTM_DELROUTE, 0, a, ROUTE_PROTOCOL, v6 ? r->loopback : r->link,
		NULL),
	    0, NULL, err);
}

static int take_virtual(const struct router *r, const struct addr *a, struct error *err)
{
	if (addr_family(a) == FAMILY_4)
		return forget(r, a, err);
	return nlc_queue(r->nl,
	    make_route(RTM_NEWROUTE, NLM_F_REPLACE, a, ROUTE_PROTOCOL, r->loopback, NULL),
	    0, NULL, err);
}

/* What is there or gone already is fine; so is an address that is gone with its device. */
static int on_refused(void *p, const struct nlc_refusal *r, struct error *err)
{
	(void)p;
	if (r->error == EEXIST || r->error == ESRCH || r->error == ENOENT ||
	    r->error == ENODEV)
		return 0;
	return error_set(err, nlc_error_kind(r->error), r->error,
	    "route to a virtual address%s%s", r->text ? ": " : "", r->text ? r->text : "");
}

typedef int (*route_fn)(const struct router *r, const struct addr *a, struct error *err);

static int each_address(const struct vip_table *t, unsigned families, route_fn fn,
    bool needs_source, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	struct router r = {
	    .link = if_nametoindex(VIP_LINK), .loopback = if_nametoindex("lo")};

	if (nlc_open(NETLINK_ROUTE, ROUTE_BATCH, &nl, err))
		return -1;
	r.nl = nl;
	nlc_start(nl, on_refused, NULL);
	family_foreach (f) {
		if (!(families & FAMILY_BIT(f)) ||
		    (needs_source && !find_source(f, &r.source)))
			continue;
		for (size_t i = 0; i < t->n_addrs; i++) {
			const struct vip_addr *v = &t->addrs[i];

			if (!strcmp(v->link, VIP_LINK) &&
			    addr_family(&v->prefix.addr) == f &&
			    !addr_is_link_local(&v->prefix.addr) &&
			    fn(&r, &v->prefix.addr, err))
				return -1;
		}
	}
	return nlc_flush(nl, err);
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
