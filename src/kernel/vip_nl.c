/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces and their addresses over rtnetlink. Makes what kube-proxy makes: a device of
 * kind dummy, left down, and host addresses of global scope on it. Being down does not
 * hinder: the kernel has the local routes all the same.
 */
#include "config.h"

#include "kernel/driver.h"
#include "kernel/nl.h"

#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "base/vec.h"

/* Adding costs the kernel a walk over the device's addresses; bigger batches gain
 * nothing. */
#define VIP_BATCH 500
#define READ_TRIES 5
#define LOCAL_TRIES 500
#define LOCAL_TRIES_GAP 20000 /* microseconds */

struct vip_driver {
	struct driver base;
	struct nlc *nl;
};

static struct vip_driver *vip_driver(struct driver *d)
{
	return (struct vip_driver *)d;
}

/* ---- reading */

typedef VEC(struct vip_link) link_vec;
typedef VEC(struct vip_addr) addr_vec;

struct reader {
	struct arena *arena;
	link_vec links;
	addr_vec addrs;
};

static int on_link(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[IFLA_MAX + 1] = {0}, *info[IFLA_INFO_MAX + 1] = {0};
	const struct ifinfomsg *ifi = nlmsg_data(h);
	struct reader *r = p;
	struct vip_link l = {.kind = ""};

	(void)err;
	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse(h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return 0;
	l.name = arena_strdup(r->arena, nla_get_string(tb[IFLA_IFNAME]));
	l.index = (uint32_t)ifi->ifi_index;
	l.up = ifi->ifi_flags & IFF_UP;
	if (tb[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) == 0 &&
	    info[IFLA_INFO_KIND])
		l.kind = arena_strdup(r->arena, nla_get_string(info[IFLA_INFO_KIND]));
	vec_push(&r->links, l);
	return 0;
}

static const char *link_name(const struct reader *r, uint32_t index)
{
	for (size_t i = 0; i < r->links.n; i++)
		if (r->links.v[i].index == index)
			return r->links.v[i].name;
	return NULL;
}

static int on_addr(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[IFA_MAX + 1] = {0}, *a;
	const struct ifaddrmsg *ifa = nlmsg_data(h);
	struct reader *r = p;
	struct vip_addr v = {0};
	enum family f = ifa->ifa_family == AF_INET6 ? FAMILY_6 : FAMILY_4;

	(void)err;
	if (h->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse(h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0 ||
	    ifa->ifa_family != family_info(f)->af)
		return 0;
	/* On a point-to-point link IFA_ADDRESS is the peer's. */
	a = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
	v.link = link_name(r, ifa->ifa_index);
	if (!v.link || !a || nla_len(a) != (int)family_info(f)->addr_len)
		return 0; /* the link came after the links were read: nobody knows it yet
			   */
	v.prefix.addr = addr_from(f, nla_data(a));
	v.prefix.bits = ifa->ifa_prefixlen;
	vec_push(&r->addrs, v);
	return 0;
}

static int dump_links(
    struct vip_driver *d, struct reader *r, bool *interrupted, struct error *err)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};

	r->links.n = 0;
	return nlc_dump(d->nl, nlc_msg(RTM_GETLINK, 0, &ifi, sizeof(ifi)), on_link, r,
	    interrupted, err);
}

/* Of both families whatever was asked for: whether the link may go depends on both. */
static int dump_addrs(
    struct vip_driver *d, struct reader *r, bool *interrupted, struct error *err)
{
	r->addrs.n = 0;
	*interrupted = false;
	family_foreach (f) {
		struct ifaddrmsg ifa = {.ifa_family = (uint8_t)family_info(f)->af};
		bool again = false;

		if (nlc_dump(d->nl, nlc_msg(RTM_GETADDR, 0, &ifa, sizeof(ifa)), on_addr,
			r, &again, err)) {
			/* A kernel without IPv6 has no such dump: then none are there. */
			if (f == FAMILY_6 && err->sys_errno == EOPNOTSUPP)
				continue;
			return -1;
		}
		*interrupted |= again;
	}
	return 0;
}

static int vip_read(
    struct driver *base, unsigned families, struct state *into, struct error *err)
{
	struct vip_driver *d = vip_driver(base);
	struct vip_table *t = &into->vips;
	struct reader r = {.arena = into->arena};
	bool again = true;
	int result = 0;

	(void)families;
	for (int i = 0; i < READ_TRIES && again && result == 0; i++) {
		result = dump_links(d, &r, &again, err);
		if (result == 0 && !again)
			result = dump_addrs(d, &r, &again, err);
	}
	if (result)
		error_wrap(err, "cannot read interfaces and addresses");
	else if (again)
		result = error_set(err, ERR_MOVED, 0,
		    "addresses change faster than they can be read; try again");
	if (result == 0) {
		vec_take(&r.links, into->arena, t->links, t->n_links);
		vec_take(&r.addrs, into->arena, t->addrs, t->n_addrs);
		t->present = true;
		vip_sort(t);
	}
	vec_free(&r.links);
	vec_free(&r.addrs);
	return result;
}

/* ---- writing */

struct writer {
	struct vip_driver *d;
	const struct op *ops;
	struct error *err;
	size_t op;
	bool here;	     /* ops[op] itself failed, everything before it is done */
	char link[IFNAMSIZ]; /* the one whose index is known */
	uint32_t index;	     /* 0: there is no such link */
};

static int fail_here(struct writer *w)
{
	w->here = true;
	return -1;
}

static int on_index(void *p, struct nlmsghdr *h, struct error *err)
{
	const struct ifinfomsg *ifi = nlmsg_data(h);

	(void)err;
	if (h->nlmsg_type == RTM_NEWLINK)
		*(uint32_t *)p = (uint32_t)ifi->ifi_index;
	return 0;
}

/* The index of a link into w->index. What is queued goes out first: it may make the link.
 */
static int find_link(struct writer *w, const char *name)
{
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m;

	if (strcmp(w->link, name) == 0)
		return 0;
	if (nlc_flush(w->d->nl, w->err))
		return -1;
	if (strlen(name) >= sizeof(w->link)) {
		error_set(
		    w->err, ERR_INPUT, 0, "%s: too long for an interface name", name);
		return fail_here(w);
	}
	w->index = 0;
	m = nlc_msg(RTM_GETLINK, 0, &ifi, sizeof(ifi));
	nlc_put_str(m, IFLA_IFNAME, name);
	if (nlc_request(w->d->nl, m, on_index, &w->index, w->err) &&
	    w->err->sys_errno != ENODEV) {
		error_wrap(w->err, "interface %s", name);
		return fail_here(w);
	}
	error_clear(w->err);
	strcpy(w->link, name);
	return 0;
}

static int write_link(struct writer *w, const struct op *op)
{
	const struct vip_link *have = op->have, *want = op->want;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m;

	w->link[0] = '\0'; /* its index is about to change */
	/* kube-proxy goes by the name only and never sets the device up or down. */
	if (have && want && strcmp(have->kind, want->kind) == 0)
		return 0;
	if (have && want) {
		if (nlc_flush(w->d->nl, w->err))
			return -1;
		error_set(w->err, ERR_REFUSED, 0,
		    "interface %s: it is of kind \"%s\", not %s; remove or rename it",
		    want->name, have->kind, want->kind);
		return fail_here(w);
	}
	if (want) {
		struct nlattr *info;

		m = nlc_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
		nlc_put_str(m, IFLA_IFNAME, want->name);
		info = nla_nest_start(m, IFLA_LINKINFO);
		nlc_put_str(m, IFLA_INFO_KIND, want->kind);
		nla_nest_end(m, info);
	} else {
		assert(have);
		m = nlc_msg(RTM_DELLINK, 0, &ifi, sizeof(ifi));
		nlc_put_str(m, IFLA_IFNAME, have->name);
	}
	return nlc_queue(w->d->nl, m, w->op, NULL, w->err);
}

static int write_addr(struct writer *w, const struct op *op)
{
	const struct vip_addr *v = op->want ? op->want : op->have;
	const struct addr *a = &v->prefix.addr;
	struct ifaddrmsg ifa = {
	    .ifa_family = (uint8_t)family_info(addr_family(a))->af,
	    .ifa_prefixlen = v->prefix.bits,
	    .ifa_scope = RT_SCOPE_UNIVERSE,
	};
	struct nl_msg *m;
	char text[ADDR_STRLEN];

	if (op->have && op->want)
		return 0; /* an address has nothing that could differ */
	if (find_link(w, v->link))
		return -1;
	if (!w->index && !op->want)
		return 0; /* gone with its link */
	if (!w->index) {
		error_set(w->err, ERR_MOVED, 0,
		    "address %s: there is no interface %s (any more)",
		    addr_format(a, text), v->link);
		return fail_here(w);
	}
	ifa.ifa_index = w->index;
	m = nlc_msg(op->want ? RTM_NEWADDR : RTM_DELADDR,
	    op->want ? NLM_F_CREATE | NLM_F_EXCL : 0, &ifa, sizeof(ifa));
	nlc_put(m, IFA_LOCAL, a->b, a->len);
	nlc_put(m, IFA_ADDRESS, a->b, a->len);
	return nlc_queue(w->d->nl, m, w->op, NULL, w->err);
}

static int link_refused(
    const struct op *op, const struct nlc_refusal *r, struct error *err)
{
	const struct vip_link *l = op->want ? op->want : op->have;

	if (op->want && r->error == EOPNOTSUPP)
		return error_set(err, ERR_BACKEND, 0,
		    "interface %s: this kernel has no devices of kind %s: module %s "
		    "cannot be "
		    "loaded",
		    l->name, l->kind, l->kind);
	if (op->want && r->error == EEXIST)
		return error_set(err, ERR_MOVED, 0,
		    "interface %s: somebody else made it meanwhile", l->name);
	if (!op->want && r->error == ENODEV)
		return 0;
	return error_set(err, nlc_error_kind(r->error), r->error,
	    "interface %s: cannot %s it%s%s", l->name, op->want ? "create" : "delete",
	    r->text ? ": " : "", r->text ? r->text : "");
}

static int on_refused(void *p, const struct nlc_refusal *r, struct error *err)
{
	const struct writer *w = p;
	const struct op *op = &w->ops[r->op];
	const struct vip_addr *v = op->want ? op->want : op->have;
	char text[ADDR_STRLEN];

	if (op->sub == SUB_VIP_LINK)
		return link_refused(op, r, err);
	/* As kube-proxy takes it: what is there already, or gone already, is fine. */
	if (op->want ? r->error == EEXIST
		     : r->error == EADDRNOTAVAIL || r->error == ENODEV)
		return 0;
	if (op->want && r->error == EACCES && addr_family(&v->prefix.addr) == FAMILY_6)
		return error_set(err, ERR_BACKEND, 0,
		    "address %s: IPv6 is disabled on %s (sysctl "
		    "net.ipv6.conf.%s.disable_ipv6); enable it, or leave IPv6 out with -4",
		    addr_format(&v->prefix.addr, text), v->link, v->link);
	return error_set(err, nlc_error_kind(r->error), r->error,
	    "address %s on %s%s%s%s: cannot %s it%s%s",
	    addr_format(&v->prefix.addr, text), v->link, op->why ? " (" : "",
	    op->why ? op->why : "", op->why ? ")" : "", op->want ? "add" : "delete",
	    r->text ? ": " : "", r->text ? r->text : "");
}

struct tentative {
	uint32_t index;
	size_t n;
};

static int on_tentative(void *p, struct nlmsghdr *h, struct error *err)
{
	const struct ifaddrmsg *ifa = nlmsg_data(h);
	struct tentative *t = p;

	(void)err;
	t->n += h->nlmsg_type == RTM_NEWADDR && ifa->ifa_index == t->index &&
		ifa->ifa_flags & IFA_F_TENTATIVE;
	return 0;
}

/*
 * An IPv6 address becomes local only when a worker of the kernel has dealt with duplicate
 * detection, even where there is none. Until then a client would not reach it.
 */
static int wait_until_local(struct writer *w)
{
	struct ifaddrmsg ifa = {.ifa_family = AF_INET6};
	struct tentative t = {.index = w->index};
	bool interrupted;

	for (int i = 0; i < LOCAL_TRIES; i++) {
		t.n = 0;
		if (nlc_dump(w->d->nl, nlc_msg(RTM_GETADDR, 0, &ifa, sizeof(ifa)),
			on_tentative, &t, &interrupted, w->err))
			return -1;
		if (!t.n && !interrupted)
			return 0;
		usleep(LOCAL_TRIES_GAP);
	}
	return error_set(w->err, ERR_KERNEL, 0,
	    "interface %s: %zu IPv6 addresses are still tentative", w->link, t.n);
}

static bool adds_ipv6(const struct op *op)
{
	const struct vip_addr *v = op->want;

	return op->sub == SUB_VIP_ADDR && v && addr_family(&v->prefix.addr) == FAMILY_6;
}

static int vip_write(
    struct driver *base, const struct op *ops, size_t n, size_t *done, struct error *err)
{
	struct writer w = {.d = vip_driver(base), .ops = ops, .err = err};
	struct nlc *nl = w.d->nl;
	bool added = false;

	*done = 0;
	nlc_start(nl, on_refused, &w);
	for (; w.op < n; w.op++) {
		const struct op *op = &ops[w.op];

		if (op->sub == SUB_VIP_LINK ? write_link(&w, op) : write_addr(&w, op))
			break;
		added |= adds_ipv6(op);
	}
	if (w.op < n || nlc_flush(nl, err)) {
		*done = w.here ? w.op : nlc_failed_op(nl);
		return -1;
	}
	*done = n;
	return added && w.link[0] ? wait_until_local(&w) : 0;
}

static void vip_close(struct driver *base)
{
	struct vip_driver *d = vip_driver(base);

	nlc_close(d->nl);
	free(d);
}

int vip_nl_open(struct driver **ret, struct error *err)
{
	static const struct driver_ops ops = {
	    .read = vip_read, .write = vip_write, .close = vip_close};
	struct nlc *nl;
	struct vip_driver *d;

	if (nlc_open(NETLINK_ROUTE, VIP_BATCH, &nl, err))
		return -1;
	d = xcalloc(1, sizeof(*d));
	d->base.ops = &ops;
	d->nl = nl;
	*ret = &d->base;
	return 0;
}
