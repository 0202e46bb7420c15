/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel made of bytes. Netlink: each request and each dump takes a byte that says how
 * it goes (0 well, 1 as the one before, 2 interrupted, else refused with that errno), then
 * messages, each behind its length in 16 bits; a length of 0 or the end of the input ends
 * them. Socket options take the bytes that they ask for as they come. Each message is in
 * memory of its own, for the sanitizer to see what is read behind it. Texts of rules come
 * from processes of libxtables otherwise; there are none here.
 */
#include "config.h"

#include "fuzz_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <linux/netfilter/ipset/ip_set.h>

#include "kernel/fw_xt.h"
#include "kernel/nl.h"

struct bytes {
	const uint8_t *at, *end;
};
static struct bytes input, last;

void fuzz_kernel_begin(const uint8_t *data, size_t size)
{
	input = (struct bytes){data, data + size};
	last = (struct bytes){data, data};
}

void fuzz_kernel_end(void)
{
	input = last = (struct bytes){NULL, NULL};
}

static size_t take(struct bytes *b, void *to, size_t n)
{
	size_t there = (size_t)(b->end - b->at);

	if (n > there)
		n = there;
	if (n)
		memcpy(to, b->at, n);
	b->at += n;
	return n;
}

/* ---- socket options; --wrap leads here */

int __wrap_socket(int domain, int type, int protocol);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
int __wrap_access(const char *path, int mode);

int __wrap_socket(int domain, int type, int protocol)
{
	(void)domain;
	(void)type;
	(void)protocol;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	(void)fd;
	/* Whether there are sets at all. */
	if (level == SOL_IP && name == SO_IP_SET &&
	    *(const unsigned *)value == IP_SET_OP_VERSION)
		return 0;
	take(&input, value, *len);
	return 0;
}

int __wrap_access(const char *path, int mode)
{
	(void)path;
	(void)mode;
	return 0;
}

/* ---- memory of blocks: on the heap, where the sanitizer watches its end */

/* What fw_block.c leaves free in front, and more than an input can fill. */
#define BLOCK_MAX ((1u << 20) + (1u << 17))

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset);
void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, ...);
int __wrap_munmap(void *addr, size_t size);
int __wrap_madvise(void *addr, size_t size, int advice);

void *__wrap_mmap(void *addr, size_t size, int prot, int flags, int fd, off_t offset)
{
	(void)addr;
	(void)prot;
	(void)flags;
	(void)fd;
	(void)offset;
	return size > BLOCK_MAX ? MAP_FAILED : xcalloc(1, size);
}

void *__wrap_mremap(void *old, size_t old_size, size_t size, int flags, ...)
{
	(void)old_size;
	(void)flags;
	return size > BLOCK_MAX ? MAP_FAILED : xrealloc(old, size);
}

int __wrap_munmap(void *addr, size_t size)
{
	(void)size;
	free(addr);
	return 0;
}

int __wrap_madvise(void *addr, size_t size, int advice)
{
	(void)addr;
	(void)size;
	(void)advice;
	return 0;
}

/* ---- netlink */

int nlc_open(int protocol, size_t max_batch, struct nlc **ret, struct error *err)
{
	(void)protocol;
	(void)max_batch;
	(void)err;
	*ret = xmalloc(1);
	return 0;
}

void nlc_close(struct nlc *c)
{
	free(c);
}

struct nl_msg *nlc_msg(uint16_t type, uint16_t flags, const void *header, size_t len)
{
	(void)header;
	(void)len;
	return nlmsg_alloc_simple(type, flags);
}

struct nl_msg *nlc_genl_msg(uint16_t family, uint8_t cmd, uint8_t version, uint16_t flags)
{
	(void)cmd;
	(void)version;
	return nlmsg_alloc_simple(family, flags);
}

void nlc_put(struct nl_msg *m, int attr, const void *data, size_t len)
{
	(void)m;
	(void)attr;
	(void)data;
	(void)len;
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
	nlc_put(m, attr, s, strlen(s));
}

static int messages(struct bytes *b, nlc_message_fn fn, void *p, struct error *err)
{
	uint16_t size;
	int rc = 0;

	while (!rc && take(b, &size, sizeof(size)) == sizeof(size) && size) {
		size_t there = (size_t)(b->end - b->at);
		size_t n = size < there ? size : there;
		struct nlmsghdr *h = xmalloc(NLMSG_HDRLEN + n);

		*h = (struct nlmsghdr){.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + n)};
		take(b, (uint8_t *)h + NLMSG_HDRLEN, n);
		rc = fn ? fn(p, h, err) : 0;
		free(h);
	}
	return rc;
}

int nlc_dump(struct nlc *c, struct nl_msg *m, nlc_message_fn fn, void *p,
    bool *interrupted, struct error *err)
{
	uint8_t how = 0;
	struct bytes again = last;

	(void)c;
	nlmsg_free(m);
	*interrupted = false;
	if (take(&input, &how, 1) && how == 1)
		return messages(&again, fn, p, err);
	if (how > 2)
		return error_set(err, ERR_KERNEL, how, "refused");
	*interrupted = how == 2;
	last = input;
	return messages(&input, fn, p, err);
}

int nlc_request(
    struct nlc *c, struct nl_msg *m, nlc_message_fn fn, void *p, struct error *err)
{
	bool interrupted;

	return nlc_dump(c, m, fn, p, &interrupted, err);
}

void nlc_start(struct nlc *c, nlc_refused_fn fn, void *p)
{
	(void)c;
	(void)fn;
	(void)p;
}

int nlc_queue(
    struct nlc *c, struct nl_msg *m, size_t op, const void *item, struct error *err)
{
	(void)c;
	(void)op;
	(void)item;
	(void)err;
	nlmsg_free(m);
	return 0;
}

int nlc_flush(struct nlc *c, struct error *err)
{
	(void)c;
	(void)err;
	return 0;
}

size_t nlc_failed_op(const struct nlc *c)
{
	(void)c;
	return 0;
}

int nlc_genl_family(struct nlc *c, const char *name, uint16_t *ret, struct error *err)
{
	(void)c;
	(void)name;
	(void)err;
	*ret = 16;
	return 0;
}

enum error_kind nlc_error_kind(int errnum)
{
	(void)errnum;
	return ERR_KERNEL;
}

/* ---- texts of rules */

void fw_xt_prepare(void)
{
}

void fw_xt_print(enum family f, const struct fw_raw *raws, size_t n, struct arena *a,
    const char **texts)
{
	const struct fw_layout *l = fw_layout(f);

	for (size_t i = 0; i < n; i++) {
		/* All of the entry goes to such a process. */
		free(memcpy(xmalloc(fw_entry_u16(raws[i].entry, l->next_offset) + 1u),
		    raws[i].entry, fw_entry_u16(raws[i].entry, l->next_offset)));
		texts[i] = arena_printf(a, "-m raw%zu", i);
	}
}
