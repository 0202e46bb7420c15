/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual and real servers over the generic netlink family IPVS. Reading never asks for
 * the family before the module is known to be there, since asking loads it. Never
 * flushes; what to change is the plan's business.
 */
#include "config.h"

#include "kernel/driver.h"
#include "kernel/nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/ip_vs.h>
#include <linux/netlink.h>

#include "base/vec.h"

/* Exists in every network namespace as soon as ip_vs is loaded. */
#define PROC_IP_VS "/proc/net/ip_vs"
#define READ_TRIES 5

struct lvs_driver {
	struct driver base;
	struct nlc *nl;
	uint16_t family; /* generic netlink id; 0 = not resolved yet */
};

static struct lvs_driver *lvs_driver(struct driver *d)
{
	return (struct lvs_driver *)d;
}

static int resolve(struct lvs_driver *d, struct error *err)
{
	if (d->family)
		return 0;
	if (nlc_genl_family(d->nl, IPVS_GENL_NAME, &d->family, err) == 0)
		return 0;
	if (err->sys_errno == ENOENT)
		return error_set(err, ERR_BACKEND, 0,
		    "this kernel has no IPVS: module ip_vs (CONFIG_IP_VS) cannot be "
		    "loaded");
	return -1;
}

static int refused(struct error *err, const char *what)
{
	if (err->kind == ERR_BACKEND)
		return error_wrap(err, "%s: IPVS needs CAP_NET_ADMIN on the host", what);
	return error_wrap(err, "%s", what);
}

/* ---- building requests */

static struct nl_msg *new_msg(const struct lvs_driver *d, uint8_t cmd)
{
	return nlc_genl_msg(d->family, cmd, IPVS_GENL_VERSION, 0);
}

static void put_addr(struct nl_msg *m, int attr, const struct addr *a)
{
	nlc_put(
	    m, attr, a->b, sizeof(a->b)); /* IPv4 in the first four bytes, zeros after */
}

static void put_key(struct nl_msg *m, const struct lvs_key *k)
{
	nlc_put_u16(m, IPVS_SVC_ATTR_AF, (uint16_t)family_info(k->family)->af);
	if (k->fwmark) {
		nlc_put_u32(m, IPVS_SVC_ATTR_FWMARK, k->fwmark);
		return;
	}
	nlc_put_u16(m, IPVS_SVC_ATTR_PROTOCOL, k->proto);
	put_addr(m, IPVS_SVC_ATTR_ADDR, &k->addr);
	nlc_put_u16(m, IPVS_SVC_ATTR_PORT, htons(k->port));
}

static uint32_t netmask_of(const struct lvs_service *s)
{
	if (s->key.family == FAMILY_6)
		return s->mask_bits; /* a prefix length, host order */
	return s->mask_bits ? htonl(~0u << (32 - s->mask_bits)) : 0;
}

static struct nl_msg *service_msg(
    const struct lvs_driver *d, uint8_t cmd, const struct lvs_service *s)
{
	struct ip_vs_flags flags = {.flags = s->flags, .mask = ~0u};
	struct nl_msg *m = new_msg(d, cmd);
	struct nlattr *nest = nla_nest_start(m, IPVS_CMD_ATTR_SERVICE);

	put_key(m, &s->key);
	if (cmd == IPVS_CMD_NEW_SERVICE || cmd == IPVS_CMD_SET_SERVICE) {
		nlc_put_str(m, IPVS_SVC_ATTR_SCHED_NAME, s->sched);
		if (s->pe)
			nlc_put_str(m, IPVS_SVC_ATTR_PE_NAME, s->pe);
		nlc_put(m, IPVS_SVC_ATTR_FLAGS, &flags, sizeof(flags));
		nlc_put_u32(m, IPVS_SVC_ATTR_TIMEOUT, s->timeout);
		nlc_put_u32(m, IPVS_SVC_ATTR_NETMASK, netmask_of(s));
	}
	nla_nest_end(m, nest);
	return m;
}

static struct nl_msg *dest_msg(const struct lvs_driver *d, uint8_t cmd,
    const struct lvs_service *s, const struct lvs_dest *r)
{
	struct nl_msg *m = service_msg(d, cmd, s);
	struct nlattr *nest = nla_nest_start(m, IPVS_CMD_ATTR_DEST);

	put_addr(m, IPVS_DEST_ATTR_ADDR, &r->addr);
	nlc_put_u16(m, IPVS_DEST_ATTR_PORT, htons(r->port));
	nlc_put_u16(m, IPVS_DEST_ATTR_ADDR_FAMILY,
	    (uint16_t)family_info(addr_family(&r->addr))->af);
	if (cmd != IPVS_CMD_DEL_DEST) {
		nlc_put_u32(m, IPVS_DEST_ATTR_FWD_METHOD, r->fwd);
		nlc_put_u32(m, IPVS_DEST_ATTR_WEIGHT, (uint32_t)r->weight);
		nlc_put_u32(m, IPVS_DEST_ATTR_U_THRESH, r->u_thresh);
		nlc_put_u32(m, IPVS_DEST_ATTR_L_THRESH, r->l_thresh);
	}
	nla_nest_end(m, nest);
	return m;
}

/* ---- reading */

typedef VEC(struct lvs_service) service_vec;
typedef VEC(struct lvs_dest) dest_vec;

struct reader {
	struct arena *arena;
	unsigned families;
	service_vec *services;
	dest_vec *dests;
	struct lvs_table *table;
};

static struct addr attr_addr(struct nlattr *a, enum family f)
{
	uint8_t b[16];

	nlc_bytes(a, b, sizeof(b));
	return addr_from(f, b);
}

static bool attr_family(uint16_t af, enum family *ret)
{
	*ret = af == AF_INET6 ? FAMILY_6 : FAMILY_4;
	return af == AF_INET || af == AF_INET6;
}

static uint8_t mask_bits(uint32_t netmask, enum family f)
{
	return f == FAMILY_6 ? (uint8_t)netmask : (uint8_t)__builtin_popcount(netmask);
}

/* The nest of a message, parsed into tb; NULL attributes when it is not there. */
static bool parse_nest(struct nlmsghdr *h, int nest, struct nlattr **tb, int max)
{
	struct nlattr *top[IPVS_CMD_ATTR_MAX + 1] = {0};

	return nlmsg_parse(h, GENL_HDRLEN, top, IPVS_CMD_ATTR_MAX, NULL) == 0 &&
	       top[nest] && nla_parse_nested(tb, max, top[nest], NULL) == 0;
}

static int on_service(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[IPVS_SVC_ATTR_MAX + 1] = {0};
	struct reader *r = p;
	struct ip_vs_flags flags;
	struct lvs_service s = {0};
	const char *sched;
	enum family f;

	if (!parse_nest(h, IPVS_CMD_ATTR_SERVICE, tb, IPVS_SVC_ATTR_MAX))
		return error_set(
		    err, ERR_KERNEL, 0, "IPVS sent a service without attributes");
	if (!attr_family(nlc_u16(tb[IPVS_SVC_ATTR_AF]), &f) ||
	    !(r->families & FAMILY_BIT(f)))
		return 0;
	s.key.family = f;
	s.key.fwmark = nlc_u32(tb[IPVS_SVC_ATTR_FWMARK]);
	if (!s.key.fwmark) {
		s.key.addr = attr_addr(tb[IPVS_SVC_ATTR_ADDR], f);
		s.key.port = ntohs(nlc_u16(tb[IPVS_SVC_ATTR_PORT]));
		s.key.proto = (uint8_t)nlc_u16(tb[IPVS_SVC_ATTR_PROTOCOL]);
	}
	sched = nlc_text(tb[IPVS_SVC_ATTR_SCHED_NAME]);
	/* "none" is how ipvsadm writes a server without a scheduler. */
	s.sched = arena_strdup(r->arena, sched ? sched : "none");
	s.pe = arena_strdup(r->arena, nlc_text(tb[IPVS_SVC_ATTR_PE_NAME]));
	nlc_bytes(tb[IPVS_SVC_ATTR_FLAGS], &flags, sizeof(flags));
	s.flags = flags.flags & ~LVS_F_HASHED;
	s.timeout = s.flags & LVS_F_PERSISTENT ? nlc_u32(tb[IPVS_SVC_ATTR_TIMEOUT]) : 0;
	s.mask_bits = mask_bits(nlc_u32(tb[IPVS_SVC_ATTR_NETMASK]), f);
	vec_push(r->services, s);
	return 0;
}

static int on_dest(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[IPVS_DEST_ATTR_MAX + 1] = {0};
	struct reader *r = p;
	struct lvs_dest d = {0};
	enum family f = r->table->services->key.family;

	if (!parse_nest(h, IPVS_CMD_ATTR_DEST, tb, IPVS_DEST_ATTR_MAX))
		return error_set(
		    err, ERR_KERNEL, 0, "IPVS sent a real server without attributes");
	/* A tunnel may lead to a real server of the other family; kernels before 3.18
	 * have no such attribute. */
	if (tb[IPVS_DEST_ATTR_ADDR_FAMILY])
		attr_family(nlc_u16(tb[IPVS_DEST_ATTR_ADDR_FAMILY]), &f);
	d.addr = attr_addr(tb[IPVS_DEST_ATTR_ADDR], f);
	d.port = ntohs(nlc_u16(tb[IPVS_DEST_ATTR_PORT]));
	d.fwd = nlc_u32(tb[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK;
	d.weight = (int32_t)nlc_u32(tb[IPVS_DEST_ATTR_WEIGHT]);
	d.u_thresh = nlc_u32(tb[IPVS_DEST_ATTR_U_THRESH]);
	d.l_thresh = nlc_u32(tb[IPVS_DEST_ATTR_L_THRESH]);
	d.active = nlc_u32(tb[IPVS_DEST_ATTR_ACTIVE_CONNS]);
	d.inactive = nlc_u32(tb[IPVS_DEST_ATTR_INACT_CONNS]);
	vec_push(r->dests, d);
	return 0;
}

static int on_config(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[IPVS_CMD_ATTR_MAX + 1] = {0};
	struct lvs_table *t = p;

	(void)err;
	if (nlmsg_parse(h, GENL_HDRLEN, tb, IPVS_CMD_ATTR_MAX, NULL) == 0) {
		t->tcp_timeout = nlc_u32(tb[IPVS_CMD_ATTR_TIMEOUT_TCP]);
		t->tcpfin_timeout = nlc_u32(tb[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]);
		t->udp_timeout = nlc_u32(tb[IPVS_CMD_ATTR_TIMEOUT_UDP]);
	}
	return 0;
}

static bool same_keys(const service_vec *a, const service_vec *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (lvs_key_cmp(&a->v[i].key, &b->v[i].key))
			return false;
	return true;
}

/* The dump resumes by counting, so a change meanwhile can hide or double a server, and no
 * flag says so: it counts when two in a row agree. */
static int read_services(struct lvs_driver *d, struct reader *r, struct error *err)
{
	service_vec before = {0};
	bool agree = false;
	int result = -1;

	for (int i = 0; i <= READ_TRIES && !agree; i++) {
		service_vec now = {0};
		bool interrupted;

		r->services = &now;
		result = nlc_dump(d->nl, new_msg(d, IPVS_CMD_GET_SERVICE), on_service, r,
		    &interrupted, err);
		agree = result == 0 && i > 0 && !interrupted && same_keys(&before, &now);
		vec_free(&before);
		before = now;
		if (result)
			break;
	}
	if (result == 0 && !agree)
		result = error_set(err, ERR_MOVED, 0,
		    "virtual servers change faster than they can be read; try again");
	if (result == 0)
		vec_take(&before, r->arena, r->table->services, r->table->n_services);
	vec_free(&before);
	return result;
}

static int read_dests(
    struct lvs_driver *d, struct reader *r, struct lvs_service *s, struct error *err)
{
	struct lvs_table one = {.services = s};
	struct reader sub = {.arena = r->arena, .table = &one};
	bool interrupted = true;
	int result = 0;

	for (int i = 0; i < READ_TRIES && interrupted && result == 0; i++) {
		dest_vec dests = {0};

		sub.dests = &dests;
		result = nlc_dump(d->nl, service_msg(d, IPVS_CMD_GET_DEST, s), on_dest,
		    &sub, &interrupted, err);
		if (result == 0 && !interrupted && dests.n)
			vec_take(&dests, r->arena, s->dests, s->n_dests);
		vec_free(&dests);
	}
	if (result == 0 && interrupted)
		result = error_set(err, ERR_MOVED, 0,
		    "real servers change faster than they can be read; try again");
	return result;
}

static int lvs_read(
    struct driver *base, unsigned families, struct state *into, struct error *err)
{
	struct lvs_driver *d = lvs_driver(base);
	struct lvs_table *t = &into->lvs;
	struct reader r = {.arena = into->arena, .families = families, .table = t};

	if (access(PROC_IP_VS, F_OK) < 0) {
		t->present = false;
		return 0;
	}
	if (resolve(d, err) ||
	    nlc_request(d->nl, new_msg(d, IPVS_CMD_GET_CONFIG), on_config, t, err) ||
	    read_services(d, &r, err))
		return refused(err, "cannot read virtual servers");
	for (size_t i = 0; i < t->n_services; i++) {
		char key[80];

		if (read_dests(d, &r, &t->services[i], err))
			return error_wrap(err, "cannot read the real servers of %s",
			    lvs_key_format(&t->services[i].key, key));
	}
	t->present = true;
	lvs_sort(t);
	return 0;
}

/* ---- writing */

struct writer {
	struct lvs_driver *d;
	const struct op *ops;
	struct error *err;
	size_t op; /* the one being queued */
};

static const char *verb(uint8_t cmd)
{
	switch (cmd) {
	case IPVS_CMD_NEW_SERVICE:
	case IPVS_CMD_NEW_DEST:
		return "add";
	case IPVS_CMD_SET_SERVICE:
	case IPVS_CMD_SET_DEST:
	case IPVS_CMD_SET_CONFIG:
		return "change";
	default:
		return "delete";
	}
}

/* Whether the errno says that the object is not, or not any more, as the plan saw it. */
static bool has_moved(uint8_t cmd, int error)
{
	switch (cmd) {
	case IPVS_CMD_NEW_SERVICE:
		return error == EEXIST;
	case IPVS_CMD_NEW_DEST:
		return error == EEXIST || error == ESRCH;
	case IPVS_CMD_SET_DEST:
	case IPVS_CMD_DEL_DEST:
		return error == ENOENT || error == ESRCH;
	default:
		return error == ESRCH;
	}
}

static const char *hint(uint8_t cmd, int error)
{
	if (error == EPERM)
		return " (IPVS needs CAP_NET_ADMIN on the host)";
	if (error == EINVAL && cmd == IPVS_CMD_NEW_DEST)
		return " (is the loopback interface of this network namespace up?)";
	if (error == EEXIST)
		return " (somebody else added it)";
	if (error == ESRCH || error == ENOENT)
		return " (somebody else removed it)";
	return "";
}

static int on_refused(void *p, const struct nlc_refusal *r, struct error *err)
{
	const struct genlmsghdr *g = nlmsg_data(r->req);
	const struct writer *w = p;
	const struct op *op = &w->ops[r->op];
	const struct lvs_service *s = op->want ? op->want : op->have;
	const struct lvs_dest *d = r->item;
	char key[80], real[ADDRPORT_STRLEN];
	enum error_kind kind = nlc_error_kind(r->error);

	if (op->sub == SUB_LVS_TIMEOUTS)
		return error_set(err, kind, r->error, "cannot change the IPVS time-outs");
	lvs_key_format(&s->key, key);
	if (r->error == ENOENT &&
	    (g->cmd == IPVS_CMD_NEW_SERVICE || g->cmd == IPVS_CMD_SET_SERVICE))
		error_set(err, ERR_BACKEND, 0,
		    "this kernel has no IPVS scheduler %s (module ip_vs_%s)", s->sched,
		    s->sched);
	else
		error_set(err, has_moved(g->cmd, r->error) ? ERR_MOVED : kind, 0,
		    "cannot %s: %s%s%s%s", verb(g->cmd), r->text ? r->text : "",
		    r->text ? ": " : "", strerror(r->error), hint(g->cmd, r->error));
	if (d)
		error_wrap(
		    err, "real server %s", addrport_format(&d->addr, d->port, real));
	error_wrap(err, "virtual server %s%s%s%s", key, op->why ? " (" : "",
	    op->why ? op->why : "", op->why ? ")" : "");
	err->sys_errno = r->error;
	return -1;
}

static int queue_service(struct writer *w, uint8_t cmd, const struct lvs_service *s)
{
	return nlc_queue(w->d->nl, service_msg(w->d, cmd, s), w->op, NULL, w->err);
}

static int queue_dest(
    struct writer *w, uint8_t cmd, const struct lvs_service *s, const struct lvs_dest *d)
{
	return nlc_queue(w->d->nl, dest_msg(w->d, cmd, s, d), w->op, d, w->err);
}

/* One walk over both sorted lists. Real servers are added before any goes (drop), so that
 * a server never has fewer than on either side. */
static int queue_dests(struct writer *w, const struct lvs_service *have,
    const struct lvs_service *want, bool drop)
{
	size_t i = 0, j = 0;

	while (i < have->n_dests || j < want->n_dests) {
		const struct lvs_dest *a = &have->dests[i], *b = &want->dests[j];
		int c = i == have->n_dests   ? 1
			: j == want->n_dests ? -1
					     : lvs_dest_cmp(a, b);
		int r = 0;

		if (drop)
			r = c < 0 ? queue_dest(w, IPVS_CMD_DEL_DEST, want, a) : 0;
		else if (c > 0)
			r = queue_dest(w, IPVS_CMD_NEW_DEST, want, b);
		else if (c == 0 && !lvs_dest_same_settings(a, b))
			r = queue_dest(w, IPVS_CMD_SET_DEST, want, b);
		if (r)
			return r;
		i += c <= 0;
		j += c >= 0;
	}
	return 0;
}

static int queue_timeouts(struct writer *w, const struct lvs_table *t)
{
	struct nl_msg *m = new_msg(w->d, IPVS_CMD_SET_CONFIG);

	/* Zero leaves a time-out as it is. */
	nlc_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP, t->tcp_timeout);
	nlc_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, t->tcpfin_timeout);
	nlc_put_u32(m, IPVS_CMD_ATTR_TIMEOUT_UDP, t->udp_timeout);
	return nlc_queue(w->d->nl, m, w->op, NULL, w->err);
}

static int queue_op(struct writer *w, const struct op *op)
{
	static const struct lvs_service none;
	const struct lvs_service *have = op->have, *want = op->want;

	if (op->sub == SUB_LVS_TIMEOUTS)
		return op->want ? queue_timeouts(w, op->want) : 0;
	if (!want)
		return queue_service(w, IPVS_CMD_DEL_SERVICE, have);
	if (!have) {
		if (queue_service(w, IPVS_CMD_NEW_SERVICE, want))
			return -1;
		return queue_dests(w, &none, want, false);
	}
	if (!lvs_same_settings(have, want) &&
	    queue_service(w, IPVS_CMD_SET_SERVICE, want))
		return -1;
	if (queue_dests(w, have, want, false))
		return -1;
	return queue_dests(w, have, want, true);
}

static int lvs_write(
    struct driver *base, const struct op *ops, size_t n, size_t *done, struct error *err)
{
	struct lvs_driver *d = lvs_driver(base);
	struct writer w = {.d = d, .ops = ops, .err = err};

	*done = 0;
	if (n == 0)
		return 0;
	if (resolve(d, err))
		return -1;
	nlc_start(d->nl, on_refused, &w);
	for (; w.op < n; w.op++)
		if (queue_op(&w, &ops[w.op]))
			break;
	if (w.op < n || nlc_flush(d->nl, err)) {
		*done = nlc_failed_op(d->nl);
		return -1;
	}
	*done = n;
	return 0;
}

static void lvs_close(struct driver *base)
{
	struct lvs_driver *d = lvs_driver(base);

	nlc_close(d->nl);
	free(d);
}

int lvs_nl_open(struct driver **ret, struct error *err)
{
	static const struct driver_ops ops = {
	    .read = lvs_read, .write = lvs_write, .close = lvs_close};
	struct nlc *nl;
	struct lvs_driver *d;

	if (nlc_open(NETLINK_GENERIC, NLC_BATCH, &nl, err))
		return -1;
	d = xcalloc(1, sizeof(*d));
	d->base.ops = &ops;
	d->nl = nl;
	*ret = &d->base;
	return 0;
}
