/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The server side of the test traffic. One process stands for all pods: it opens each
 * socket in the pod's network namespace and serves them all in one loop.
 */
#include "config.h"

#include "traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LINE 512

struct endpoint {
	enum { LISTENER, DATAGRAM, STREAM } type;
	int fd;
	char name[64];
	size_t fill; /* of a stream's unfinished line */
	char line[LINE];
};

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "traffic serve: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct endpoint *endpoint_add(int ep, int type, int fd, const char *name)
{
	struct epoll_event ev = {.events = EPOLLIN};
	struct endpoint *e = calloc(1, sizeof(*e));

	if (e == NULL)
		fail("memory");
	e->type = type;
	e->fd = fd;
	snprintf(e->name, sizeof(e->name), "%s", name);
	ev.data.ptr = e;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		fail("epoll_ctl");
	return e;
}

/* The answer to one request; IPv4 clients look like IPv4 although the socket is IPv6. */
static int answer(const struct endpoint *e, const struct sockaddr_in6 *peer,
    const char *request, char *ret, size_t size)
{
	char from[INET6_ADDRSTRLEN] = "?";

	if (IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr))
		inet_ntop(AF_INET, peer->sin6_addr.s6_addr + 12, from, sizeof(from));
	else
		inet_ntop(AF_INET6, &peer->sin6_addr, from, sizeof(from));
	return snprintf(ret, size, "%s %s %s\n", e->name, from, request);
}

/* From the address that was asked, of however many this host has. */
static void serve_datagram(const struct endpoint *e)
{
	struct sockaddr_in6 peer = {0};
	char in[LINE], out[2 * LINE];
	union {
		char buf[CMSG_SPACE(sizeof(struct in6_pktinfo))];
		struct cmsghdr align;
	} control;
	struct iovec iov = {.iov_base = in, .iov_len = sizeof(in) - 1};
	struct msghdr msg = {.msg_name = &peer,
	    .msg_namelen = sizeof(peer),
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = sizeof(control.buf)};
	ssize_t n = recvmsg(e->fd, &msg, 0);
	struct cmsghdr *c;

	if (n <= 0)
		return;
	in[n] = '\0';
	in[strcspn(in, "\n")] = '\0';
	iov.iov_base = out;
	iov.iov_len = (size_t)answer(e, &peer, in, out, sizeof(out));
	c = CMSG_FIRSTHDR(&msg);
	if (c != NULL)
		((struct in6_pktinfo *)(void *)CMSG_DATA(c))->ipi6_ifindex = 0;
	(void)sendmsg(e->fd, &msg, 0);
}

static void accept_stream(int ep, const struct endpoint *listener)
{
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0)
		endpoint_add(ep, STREAM, fd, listener->name);
}

static bool serve_stream(struct endpoint *e)
{
	struct sockaddr_in6 peer = {0};
	socklen_t len = sizeof(peer);
	char out[2 * LINE], *end;
	ssize_t n = read(e->fd, e->line + e->fill, sizeof(e->line) - 1 - e->fill);
	int m;

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0 || getpeername(e->fd, (struct sockaddr *)&peer, &len) != 0)
		return false;
	e->fill += (size_t)n;
	e->line[e->fill] = '\0';
	while ((end = strchr(e->line, '\n')) != NULL) {
		*end = '\0';
		m = answer(e, &peer, e->line, out, sizeof(out));
		if (write(e->fd, out, (size_t)m) != m)
			return false;
		e->fill -= (size_t)(end + 1 - e->line);
		memmove(e->line, end + 1, e->fill + 1);
	}
	return e->fill < sizeof(e->line) - 1;
}

static void open_port(int ep, const char *name, int port, const char *proto)
{
	struct sockaddr_in6 any = {
	    .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	bool stream = strcmp(proto, "udp") != 0;
	int fd, one = 1, zero = 0;

	fd = socket(AF_INET6,
	    (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    strcmp(proto, "sctp") == 0 ? IPPROTO_SCTP : 0);
	if (fd < 0)
		fail("socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0 ||
	    (stream && listen(fd, 256) != 0)) {
		fprintf(stderr, "traffic serve: %s: port %d: %s\n", name, port,
		    strerror(errno));
		exit(1);
	}
	endpoint_add(ep, stream ? LISTENER : DATAGRAM, fd, name);
}

static void enter_netns(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) != 0)
		fail(path);
	close(fd);
}

/* NAME[@NETNS]:PORT/tcp|udp|sctp[,PORT/...] */
static void open_spec(int ep, char *spec, int home)
{
	char *ports = strchr(spec, ':'), *netns, *item, *save = NULL, *slash;

	if (ports == NULL) {
		fprintf(stderr, "traffic serve: %s: no ports\n", spec);
		exit(64);
	}
	*ports++ = '\0';
	netns = strchr(spec, '@');
	if (netns != NULL) {
		*netns++ = '\0';
		enter_netns(netns);
	}
	for (item = strtok_r(ports, ",", &save); item != NULL;
	     item = strtok_r(NULL, ",", &save)) {
		slash = strchr(item, '/');
		open_port(ep, spec, atoi(item), slash == NULL ? "tcp" : slash + 1);
	}
	if (netns != NULL && setns(home, CLONE_NEWNET) != 0)
		fail("setns");
}

int serve_run(int n_specs, char **specs, const char *ready_file)
{
	struct epoll_event events[64];
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int ep = epoll_create1(EPOLL_CLOEXEC), n;

	if (home < 0 || ep < 0)
		fail("start");
	for (int i = 0; i < n_specs; i++)
		open_spec(ep, specs[i], home);
	touch_file(ready_file);
	for (;;) {
		n = epoll_wait(ep, events, 64, -1);
		for (int i = 0; i < n; i++) {
			struct endpoint *e = events[i].data.ptr;

			if (e->type == LISTENER) {
				accept_stream(ep, e);
			} else if (e->type == DATAGRAM) {
				serve_datagram(e);
			} else if (!serve_stream(e)) {
				close(e->fd);
				free(e);
			}
		}
	}
}
