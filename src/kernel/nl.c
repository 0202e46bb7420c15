/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink requests, dumps and batches over one libnl socket. Knows no family's messages.
 * Sequence numbers tell which request an answer is about; libnl's own checks and
 * automatic acknowledgements are off, since a batch asks for one acknowledgement at its
 * end only.
 */
#include "config.h"

#include "kernel/nl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/vec.h"

/* No request of ours is larger; libnl's default of a page is cleared for each. */
#define REQUEST_SIZE 512
/* What one answer costs of the receive buffer: the socket buffer, not the message. */
#define REPLY_COST 768
#define RECV_TIMEOUT 10 /* seconds; answers to a send are there when it returns */
/* Above this the socket's send buffer (208 KiB by default) would refuse the batch. */
#define SEND_LIMIT (96 * 1024)

struct tag {
	size_t offset, op;
	const void *item;
};

struct nlc {
	struct nl_sock *sk;
	size_t max_batch;
	uint32_t seq;
	nlc_refused_fn refused;
	void *refused_p;
	VEC(unsigned char) out;
	VEC(struct tag) tags;
	size_t failed_op;
	unsigned char in[64 * 1024] __attribute__((aligned(8)));
};

static void set_option(int fd, int level, int option, int value)
{
	/* What an old kernel does not know costs a better message, no function. */
	(void)!setsockopt(fd, level, option, &value, sizeof(value));
}

static void set_buffers(struct nlc *c)
{
	int fd = nl_socket_get_fd(c->sk), size = 0;
	/* The kernel doubles the value that it is given. */
	int want = (int)(c->max_batch + 1) * REPLY_COST;
	socklen_t len = sizeof(size);
	struct timeval tv = {.tv_sec = RECV_TIMEOUT};

	if (want < 64 * 1024)
		want = 64 * 1024;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &want, sizeof(want)) < 0)
		set_option(fd, SOL_SOCKET, SO_RCVBUF, want);
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, &len) == 0 &&
	    c->max_batch > (size_t)size / REPLY_COST)
		c->max_batch = (size_t)size / REPLY_COST;
	if (c->max_batch < 1)
		c->max_batch = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
	set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
}

int nlc_open(int protocol, size_t max_batch, struct nlc **ret, struct error *err)
{
	AUTO(nlc) struct nlc *c = xcalloc(1, sizeof(*c));
	int r;

	c->max_batch = max_batch;
	c->sk = nl_socket_alloc();
	if (!c->sk)
		return error_set(err, ERR_KERNEL, ENOMEM, "cannot open a netlink socket");
	nl_socket_disable_auto_ack(c->sk);
	nl_socket_disable_seq_check(c->sk);
	r = nl_connect(c->sk, protocol);
	if (r < 0)
		return error_set(err, ERR_BACKEND, 0, "cannot open a netlink socket: %s",
		    nl_geterror(r));
	set_buffers(c);
	*ret = c;
	c = NULL;
	return 0;
}

void nlc_close(struct nlc *c)
{
	if (!c)
		return;
	nl_socket_free(c->sk);
	vec_free(&c->out);
	vec_free(&c->tags);
	free(c);
}

enum error_kind nlc_error_kind(int errnum)
{
	return errnum == EPERM || errnum == EACCES ? ERR_BACKEND : ERR_KERNEL;
}

struct nl_msg *nlc_msg(uint16_t type, uint16_t flags, const void *header, size_t len)
{
	struct nl_msg *m = nlmsg_alloc_size(REQUEST_SIZE);

	if (!m)
		abort();
	nlmsg_hdr(m)->nlmsg_type = type;
	nlmsg_hdr(m)->nlmsg_flags = flags;
	if (len && nlmsg_append(m, (void *)(uintptr_t)header, len, NLMSG_ALIGNTO) < 0)
		abort();
	return m;
}

struct nl_msg *nlc_genl_msg(uint16_t family, uint8_t cmd, uint8_t version, uint16_t flags)
{
	struct genlmsghdr h = {.cmd = cmd, .version = version};

	return nlc_msg(family, flags, &h, sizeof(h));
}

void nlc_put(struct nl_msg *m, int attr, const void *data, size_t len)
{
	int r = nla_put(m, attr, (int)len, data);

	assert(r == 0);
	(void)r;
}

void nlc_put_u32(struct nl_msg *m, int attr, uint32_t v)
{
	nlc_put(m, attr, &v, sizeof(v));
}

void nlc_put_u16(struct nl_msg *m, int attr, uint16_t v)
{
	nlc_put(m, attr, &v, sizeof(v));
}

void nlc_put_str(struct nl_msg *m, int attr, const char *s)
{
	nlc_put(m, attr, s, strlen(s) + 1);
}

/* ---- sending and receiving */

static int send_bytes(struct nlc *c, const void *data, size_t len, struct error *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;

	do
		n = sendto(nl_socket_get_fd(c->sk), data, len, 0,
		    (struct sockaddr *)&kernel, sizeof(kernel));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set(
		    err, nlc_error_kind(errno), errno, "cannot send to the kernel");
	return 0;
}

/* One datagram into c->in. */
static int receive(struct nlc *c, size_t *len, struct error *err)
{
	ssize_t n;

	do
		n = recv(nl_socket_get_fd(c->sk), c->in, sizeof(c->in), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == ENOBUFS)
		return error_set(err, ERR_MOVED, ENOBUFS,
		    "answers of the kernel were lost; read back what it holds and plan "
		    "again");
	if (n < 0 && errno == EAGAIN)
		return error_set(err, ERR_KERNEL, 0,
		    "no answer from the kernel within %d s", RECV_TIMEOUT);
	if (n < 0)
		return error_set(
		    err, ERR_KERNEL, errno, "cannot receive from the kernel");
	if (n == 0)
		return error_set(err, ERR_KERNEL, 0, "an empty answer of the kernel");
	*len = (size_t)n;
	return 0;
}

/* The errno of an NLMSG_ERROR, 0 for an acknowledgement; *text: why, if the kernel says.
 */
static int error_of(struct nlmsghdr *h, const char **text)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = {0};
	const struct nlmsgerr *e = nlmsg_data(h);
	int skip = sizeof(*e);

	*text = NULL;
	if (nlmsg_datalen(h) < skip)
		return EBADMSG;
	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return -e->error;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += (int)(NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN);
	if (nlmsg_datalen(h) > skip &&
	    nla_parse(tb, NLMSGERR_ATTR_MAX,
		(struct nlattr *)((char *)nlmsg_data(h) + NLMSG_ALIGN(skip)),
		nlmsg_datalen(h) - (int)NLMSG_ALIGN(skip), NULL) == 0 &&
	    tb[NLMSGERR_ATTR_MSG])
		*text = nla_get_string(tb[NLMSGERR_ATTR_MSG]);
	return -e->error;
}

static int refuse(struct error *err, int errnum, const char *text)
{
	error_set(err, nlc_error_kind(errnum), 0, "%s%s%s", text ? text : "",
	    text ? ": " : "", strerror(errnum));
	err->sys_errno = errnum;
	return -1;
}

/* Reads the answers to request seq until its end. */
static int read_answers(struct nlc *c, uint32_t seq, nlc_message_fn fn, void *p,
    bool *interrupted, struct error *err)
{
	int result = 0;

	for (;;) {
		size_t got = 0;
		int len;

		if (receive(c, &got, err))
			return -1;
		len = (int)got;
		for (struct nlmsghdr *h = (void *)c->in; nlmsg_ok(h, len);
		     h = nlmsg_next(h, &len)) {
			const char *text;

			if (h->nlmsg_seq != seq)
				continue; /* of a request that was given up */
			if (h->nlmsg_flags & NLM_F_DUMP_INTR && interrupted)
				*interrupted = true;
			if (h->nlmsg_type == NLMSG_ERROR) {
				int e = error_of(h, &text);

				return e ? refuse(err, e, text) : result;
			}
			if (h->nlmsg_type == NLMSG_DONE) {
				/* A dump may fail at its end, with the error in here. */
				int e = nlmsg_datalen(h) >= (int)sizeof(int)
					    ? -*(int *)nlmsg_data(h)
					    : 0;

				return e > 0 ? refuse(err, e, NULL) : result;
			}
			if (fn && result == 0 && fn(p, h, err))
				result = -1; /* drain the rest all the same */
		}
	}
}

static int ask(struct nlc *c, struct nl_msg *m, uint16_t flags, nlc_message_fn fn,
    void *p, bool *interrupted, struct error *err)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	uint32_t seq = ++c->seq;
	int r;

	h->nlmsg_seq = seq;
	h->nlmsg_flags |= NLM_F_REQUEST | flags;
	h->nlmsg_pid = 0;
	r = send_bytes(c, h, h->nlmsg_len, err);
	nlmsg_free(m);
	return r ? r : read_answers(c, seq, fn, p, interrupted, err);
}

int nlc_request(
    struct nlc *c, struct nl_msg *m, nlc_message_fn fn, void *p, struct error *err)
{
	return ask(c, m, NLM_F_ACK, fn, p, NULL, err);
}

int nlc_dump(struct nlc *c, struct nl_msg *m, nlc_message_fn fn, void *p,
    bool *interrupted, struct error *err)
{
	*interrupted = false;
	return ask(c, m, NLM_F_DUMP, fn, p, interrupted, err);
}

/* ---- batches */

void nlc_start(struct nlc *c, nlc_refused_fn fn, void *p)
{
	c->refused = fn;
	c->refused_p = p;
	c->out.n = c->tags.n = 0;
	c->failed_op = 0;
}

int nlc_queue(
    struct nlc *c, struct nl_msg *m, size_t op, const void *item, struct error *err)
{
	struct nlmsghdr *h = nlmsg_hdr(m);
	size_t len = NLMSG_ALIGN(h->nlmsg_len);

	h->nlmsg_seq = ++c->seq;
	h->nlmsg_flags |= NLM_F_REQUEST;
	h->nlmsg_pid = 0;
	vec_push(&c->tags, (struct tag){.offset = c->out.n, .op = op, .item = item});
	vec_reserve(&c->out, c->out.n + len);
	memcpy(c->out.v + c->out.n, h, h->nlmsg_len);
	memset(c->out.v + c->out.n + h->nlmsg_len, 0, len - h->nlmsg_len);
	c->out.n += len;
	nlmsg_free(m);
	if (c->tags.n >= c->max_batch || c->out.n >= SEND_LIMIT)
		return nlc_flush(c, err);
	return 0;
}

static int judge(struct nlc *c, size_t i, int errnum, const char *text, struct error *err)
{
	const struct tag *t = &c->tags.v[i];
	struct nlc_refusal r = {.req = (const void *)(c->out.v + t->offset),
	    .op = t->op,
	    .item = t->item,
	    .error = errnum,
	    .text = text};

	if (c->refused(c->refused_p, &r, err) == 0)
		return 0;
	c->failed_op = t->op;
	return -1;
}

/* Reads refusals until the last request of the batch is answered. The first one that
 * counts is the result. */
static int read_refusals(struct nlc *c, uint32_t base, struct error *err)
{
	int result = 0;

	for (;;) {
		size_t got = 0;
		int len;

		if (receive(c, &got, err))
			return -1;
		len = (int)got;
		for (struct nlmsghdr *h = (void *)c->in; nlmsg_ok(h, len);
		     h = nlmsg_next(h, &len)) {
			uint32_t i = h->nlmsg_seq - base;
			const char *text;
			int e;

			if (h->nlmsg_type != NLMSG_ERROR || i >= c->tags.n)
				continue;
			e = error_of(h, &text);
			if (e && result == 0)
				result = judge(c, i, e, text, err);
			if (i == c->tags.n - 1)
				return result;
		}
	}
}

int nlc_flush(struct nlc *c, struct error *err)
{
	uint32_t base = c->seq + 1 - (uint32_t)c->tags.n;
	int r;

	if (c->tags.n == 0)
		return 0;
	c->failed_op = c->tags.v[0].op;
	((struct nlmsghdr *)(void *)(c->out.v + c->tags.v[c->tags.n - 1].offset))
	    ->nlmsg_flags |= NLM_F_ACK;
	r = send_bytes(c, c->out.v, c->out.n, err);
	if (r == 0)
		r = read_refusals(c, base, err);
	c->out.n = c->tags.n = 0;
	return r;
}

size_t nlc_failed_op(const struct nlc *c)
{
	return c->failed_op;
}

/* ---- generic netlink */

static int family_id(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1] = {0};

	(void)err;
	if (nlmsg_parse(h, GENL_HDRLEN, tb, CTRL_ATTR_MAX, NULL) == 0 &&
	    tb[CTRL_ATTR_FAMILY_ID])
		*(uint16_t *)p = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

int nlc_genl_family(struct nlc *c, const char *name, uint16_t *ret, struct error *err)
{
	struct nl_msg *m = nlc_genl_msg(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
	uint16_t id = 0;

	nlc_put_str(m, CTRL_ATTR_FAMILY_NAME, name);
	if (nlc_request(c, m, family_id, &id, err))
		return error_wrap(err, "generic netlink family %s", name);
	if (!id) {
		error_set(err, ERR_BACKEND, ENOENT, "generic netlink family %s", name);
		return -1;
	}
	*ret = id;
	return 0;
}
