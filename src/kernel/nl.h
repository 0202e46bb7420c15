/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NL_H
#define KERNEL_NL_H

#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

/* One netlink socket: single requests, dumps, and batches in which only refusals answer.
 */
struct nlc;

/* 64 requests are about 9 KB to send, and their refusals fit any receive buffer. */
#define NLC_BATCH 64

/* max_batch: requests per send; fewer if the receive buffer cannot hold their answers. */
int nlc_open(int protocol, size_t max_batch, struct nlc **ret, struct error *err);
void nlc_close(struct nlc *c);
DEFINE_AUTO(nlc, struct nlc *, nlc_close)

/* A new request; never NULL. type, flags as in struct nlmsghdr; len bytes of fixed header
 * follow it. Whoever gets it passes it to one of the calls below, which free it. */
struct nl_msg *nlc_msg(uint16_t type, uint16_t flags, const void *header, size_t len);
struct nl_msg *nlc_genl_msg(
    uint16_t family, uint8_t cmd, uint8_t version, uint16_t flags);
/* Adds an attribute. A request is small: that it does not fit is a bug. */
void nlc_put(struct nl_msg *m, int attr, const void *data, size_t len);
void nlc_put_u32(struct nl_msg *m, int attr, uint32_t v);
void nlc_put_u16(struct nl_msg *m, int attr, uint16_t v);
void nlc_put_str(struct nl_msg *m, int attr, const char *s);

typedef int (*nlc_message_fn)(void *p, struct nlmsghdr *h, struct error *err);

/* Sends one request and waits for its end; fn (may be NULL) sees what comes back. On a
 * refusal err->sys_errno is the kernel's errno. err must not be NULL. */
int nlc_request(
    struct nlc *c, struct nl_msg *m, nlc_message_fn fn, void *p, struct error *err);
/* The same for a dump. *interrupted: the kernel says that the table changed meanwhile and
 * the result is not consistent; drop it and ask again. */
int nlc_dump(struct nlc *c, struct nl_msg *m, nlc_message_fn fn, void *p,
    bool *interrupted, struct error *err);

/* A request of a batch that the kernel refused. */
struct nlc_refusal {
	const struct nlmsghdr *req; /* as it was sent */
	size_t op;		    /* both as given to nlc_queue() */
	const void *item;
	int error;	  /* errno */
	const char *text; /* the kernel's explanation (extended ack), or NULL */
};
/* 0: harmless, go on. -1: err is set, the batch is drained and nothing more is sent. */
typedef int (*nlc_refused_fn)(void *p, const struct nlc_refusal *r, struct error *err);

/* Starts a series of batches: who is told of refusals. */
void nlc_start(struct nlc *c, nlc_refused_fn fn, void *p);
/* Appends a request, sending the batch when it is full. The kernel runs the requests of a
 * batch in order and does not stop at one that it refuses. */
int nlc_queue(
    struct nlc *c, struct nl_msg *m, size_t op, const void *item, struct error *err);
int nlc_flush(struct nlc *c, struct error *err);
/* After -1 of the two: the first op that was not finished. ENOBUFS (replies were lost)
 * is ERR_MOVED, since only reading back can tell what happened. */
size_t nlc_failed_op(const struct nlc *c);

/* The text of an attribute; NULL when there is none, or no end to it. */
static inline const char *nlc_text(struct nlattr *a)
{
	return a && nla_len(a) > 0 && memchr(nla_data(a), 0, (size_t)nla_len(a))
		   ? nla_data(a)
		   : NULL;
}
/* What an attribute has of that many bytes; zeros where it is shorter, or not there. */
static inline void nlc_bytes(struct nlattr *a, void *ret, size_t len)
{
	memset(ret, 0, len);
	if (a)
		nla_memcpy(ret, a, (int)len);
}
static inline uint32_t nlc_u32(struct nlattr *a)
{
	uint32_t v;

	nlc_bytes(a, &v, sizeof(v));
	return v;
}
static inline uint16_t nlc_u16(struct nlattr *a)
{
	uint16_t v;

	nlc_bytes(a, &v, sizeof(v));
	return v;
}
static inline uint8_t nlc_u8(struct nlattr *a)
{
	uint8_t v;

	nlc_bytes(a, &v, sizeof(v));
	return v;
}

/* The id of a generic netlink family. Asking makes the kernel load the module that has
 * it. err->sys_errno is ENOENT when there is none. */
int nlc_genl_family(struct nlc *c, const char *name, uint16_t *ret, struct error *err);
/* ERR_BACKEND for a missing privilege, else ERR_KERNEL. */
enum error_kind nlc_error_kind(int errnum);

#endif
