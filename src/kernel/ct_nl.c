/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deletes stale UDP conntrack entries. The kernel deletes by whole tuple only, so: dump
 * once, choose, delete in batches.
 */
#include "config.h"

#include "kernel/ct_nl.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netlink/netfilter/ct.h>

#include "base/vec.h"
#include "kernel/nl.h"

typedef VEC(struct nl_msg *) msg_vec;

struct finder {
	const struct lvs_table *table;
	bool gone; /* the virtual servers of the table are */
	msg_vec deletes;
};

static struct addr addr_of(struct nl_addr *a)
{
	if (!a)
		return (struct addr){0};
	return addr_from(nl_addr_get_family(a) == AF_INET6 ? FAMILY_6 : FAMILY_4,
	    nl_addr_get_binary_addr(a));
}

static bool has_dest(const struct lvs_service *s, const struct addr *a, uint16_t port)
{
	return lvs_find_dest(s, &(struct lvs_dest){.addr = *a, .port = port});
}

/* The virtual server that packets of this direction go to, or NULL. */
static const struct lvs_service *find_server(
    const struct lvs_table *t, const struct nfnl_ct *ct, int reply)
{
	struct lvs_key key = {.proto = IPPROTO_UDP};

	if (nfnl_ct_get_proto(ct) != IPPROTO_UDP)
		return NULL;
	key.addr = addr_of(nfnl_ct_get_dst(ct, reply));
	key.family = (uint8_t)addr_family(&key.addr);
	key.port = nfnl_ct_get_dst_port(ct, reply);
	return addr_is_set(&key.addr) ? lvs_find(t, &key) : NULL;
}

/*
 * An entry is never looked at by the nat rules again while packets come. Stale is one
 * with DNAT by iptables to an endpoint that is gone; and one without any translation,
 * from a time when the rules or the virtual server were missing, if now there are
 * endpoints. A flow that IPVS translated has the bit clear, although its reply tuple
 * differs, and IPVS re-homes it by itself.
 */
static bool is_stale(const struct finder *f, const struct nfnl_ct *ct)
{
	const struct lvs_service *s = find_server(f->table, ct, 0);
	struct addr reply = addr_of(nfnl_ct_get_src(ct, 1));
	uint16_t port = nfnl_ct_get_src_port(ct, 1);

	if (!s || !addr_is_set(&reply))
		return false;
	if (nfnl_ct_get_status(ct) & IPS_DST_NAT)
		return !has_dest(s, &reply, port);
	return s->n_dests && addr_eq(&reply, &s->key.addr) && port == s->key.port;
}

/*
 * As long as packets come, no rule would ever translate it. An answer that comes when the
 * entry of its flow was just deleted makes one the other way round: from the endpoint,
 * and answered to the virtual server.
 */
static bool is_untranslated(const struct finder *f, const struct nfnl_ct *ct)
{
	return !(nfnl_ct_get_status(ct) & IPS_DST_NAT) &&
	       (find_server(f->table, ct, 0) || find_server(f->table, ct, 1));
}

static int on_entry(void *p, struct nlmsghdr *h, struct error *err)
{
	struct finder *f = p;
	struct nfnl_ct *ct = NULL;
	struct nl_msg *m;
	int r = nfnlmsg_ct_parse(h, &ct);

	if (r < 0)
		return error_set(
		    err, ERR_KERNEL, 0, "conntrack entry: %s", nl_geterror(r));
	if (f->gone ? is_untranslated(f, ct) : is_stale(f, ct)) {
		r = nfnl_ct_build_delete_request(ct, 0, &m);
		if (r < 0) {
			nfnl_ct_put(ct);
			return error_set(
			    err, ERR_KERNEL, 0, "conntrack entry: %s", nl_geterror(r));
		}
		vec_push(&f->deletes, m);
	}
	nfnl_ct_put(ct);
	return 0;
}

static int on_refused(void *p, const struct nlc_refusal *r, struct error *err)
{
	size_t *gone = p;

	if (r->error != ENOENT)
		return error_set(err, nlc_error_kind(r->error), r->error,
		    "cannot delete a conntrack entry");
	++*gone; /* ran out by itself meanwhile */
	return 0;
}

static int delete_all(struct nlc *nl, msg_vec *v, size_t *deleted, struct error *err)
{
	size_t n = v->n, gone = 0;

	nlc_start(nl, on_refused, &gone);
	for (size_t i = 0; i < n; i++) {
		struct nl_msg *m = v->v[i];

		v->v[i] = NULL;
		if (nlc_queue(nl, m, i, NULL, err))
			return -1;
	}
	if (nlc_flush(nl, err))
		return -1;
	*deleted = n - gone;
	return 0;
}

static int find_and_delete(struct finder *f, size_t *deleted, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	struct nfgenmsg all = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	bool
	    interrupted; /* an entry that moved in the table is not worth a second look */
	int r;

	if (nlc_open(NETLINK_NETFILTER, NLC_BATCH, &nl, err))
		return -1;
	r = nlc_dump(nl,
	    nlc_msg(
		(NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, 0, &all, sizeof(all)),
	    on_entry, f, &interrupted, err);
	if (r)
		error_wrap(err, "cannot list conntrack entries");
	else
		r = delete_all(nl, &f->deletes, deleted, err);
	for (size_t i = 0; i < f->deletes.n; i++)
		nlmsg_free(f->deletes.v[i]); /* NULL once it was sent */
	vec_free(&f->deletes);
	return r;
}

int ct_delete_stale_udp(const struct lvs_table *t, size_t *deleted, struct error *err)
{
	struct finder f = {.table = t};

	return find_and_delete(&f, deleted, err);
}

int ct_delete_untranslated_udp(
    const struct lvs_table *t, size_t *deleted, struct error *err)
{
	struct finder f = {.table = t, .gone = true};

	return find_and_delete(&f, deleted, err);
}
