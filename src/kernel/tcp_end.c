/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ends TCP connections whose own address has gone, over sock_diag netlink. */
#include "config.h"

#include "kernel/tcp_end.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "base/auto.h"
#include "base/vec.h"
#include "kernel/nl.h"
#include "kernel/sockets.h"

struct finder {
	const struct vip_table *table;
	VEC(struct ip_socket) orphans;
};

/* Nothing is sent. (With ip_nonlocal_bind every address passes for one of the node.) */
static bool is_local(const struct addr *a)
{
	bool v6 = addr_family(a) == FAMILY_6;
	AUTO(fd)
	int fd = socket(family_info(addr_family(a))->af, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	memcpy(v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr, a->b, a->len);
	return fd < 0 || !bind(fd, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
			     v6 ? sizeof(in6) : sizeof(in));
}

static void take(void *data, const struct ip_socket *s)
{
	struct finder *f = data;

	if (s->established && vip_find_addr_on(f->table, VIP_LINK, &s->local) &&
	    !is_local(&s->local))
		vec_push(&f->orphans, *s);
}

static size_t find(struct finder *f)
{
	f->orphans.n = 0;
	tcp_sockets_each(take, f);
	return f->orphans.n;
}

static struct nl_msg *make_end(const struct ip_socket *s)
{
	struct inet_diag_req_v2 r = {
	    .sdiag_family = (uint8_t)family_info(addr_family(&s->local))->af,
	    .sdiag_protocol = IPPROTO_TCP,
	    .idiag_states = ~0U,
	    .id = {.idiag_sport = htons(s->local_port),
		.idiag_dport = htons(s->remote_port),
		.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}},
	};

	memcpy(r.id.idiag_src, s->local.b, s->local.len);
	memcpy(r.id.idiag_dst, s->remote.b, s->remote.len);
	return nlc_msg(SOCK_DESTROY, 0, &r, sizeof(r));
}

/* Gone by itself, or not possible here: what is left is looked for. */
static int on_refused(void *p, const struct nlc_refusal *r, struct error *err)
{
	(void)p;
	(void)r;
	(void)err;
	return 0;
}

int tcp_end_orphans(
    const struct vip_table *t, size_t *ended, size_t *left, struct error *err)
{
	struct finder f = {.table = t};
	AUTO(nlc) struct nlc *nl = NULL;
	size_t n = find(&f);
	int rc = 0;

	*ended = *left = 0;
	if (n) {
		rc = nlc_open(NETLINK_SOCK_DIAG, NLC_BATCH, &nl, err);
		if (!rc)
			nlc_start(nl, on_refused, NULL);
		for (size_t i = 0; i < n && !rc; i++)
			rc = nlc_queue(nl, make_end(&f.orphans.v[i]), i, NULL, err);
		if (!rc)
			rc = nlc_flush(nl, err);
		*left = find(&f);
		*ended = n > *left ? n - *left : 0;
	}
	vec_free(&f.orphans);
	return rc;
}
