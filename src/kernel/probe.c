/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real connections to services: many sockets in one poll(), none of which blocks. */
#include "config.h"

#include "kernel/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AT_ONCE 64

struct attempt {
	const struct probe_target *target;
	enum probe_answer *answer;
	unsigned left; /* tries, this one included */
	double end;
	uint16_t id; /* of the query */
};

struct prober {
	struct attempt attempts[AT_ONCE];
	struct pollfd polls[AT_ONCE];
	size_t n;
	double timeout;
};

const char *probe_answer_name(enum probe_answer a)
{
	static const char *const names[] = {
	    [PROBE_ANSWERS] = "answers",
	    [PROBE_REFUSED] = "refused",
	    [PROBE_SILENT] = "no answer",
	    [PROBE_UNREACHABLE] = "unreachable",
	};

	return names[a];
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static enum probe_answer answer_of(int error)
{
	switch (error) {
	case 0:
		return PROBE_ANSWERS;
	case ECONNREFUSED:
	case ECONNRESET:
		return PROBE_REFUSED;
	case ETIMEDOUT:
	case EAGAIN:
		return PROBE_SILENT;
	default:
		return PROBE_UNREACHABLE;
	}
}

/* ---- one try */

static socklen_t make_sockaddr(const struct probe_target *t, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){0};
	if (addr_family(&t->addr) == FAMILY_6) {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(t->port);
		memcpy(&in6->sin6_addr, t->addr.b, 16);
		return sizeof(*in6);
	}
	((struct sockaddr_in *)ret)->sin_family = AF_INET;
	((struct sockaddr_in *)ret)->sin_port = htons(t->port);
	memcpy(&((struct sockaddr_in *)ret)->sin_addr, t->addr.b, 4);
	return sizeof(struct sockaddr_in);
}

/* Who serves the root zone: what any resolver answers, if only with a refusal. */
static int send_query(int fd, uint16_t id)
{
	const uint8_t query[] = {
	    (uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1};

	return send(fd, query, sizeof(query), 0) < 0 ? errno : 0;
}

/* The error, or 0 while the answer is awaited; *fd is the socket then. */
static int begin_try(const struct attempt *a, int *fd)
{
	struct sockaddr_storage sa;
	socklen_t len = make_sockaddr(a->target, &sa);
	bool tcp = a->target->proto == IPPROTO_TCP;
	int error = 0;

	*fd = socket(sa.ss_family,
	    (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return errno;
	if (connect(*fd, (struct sockaddr *)&sa, len) && errno != EINPROGRESS)
		error = errno;
	else if (!tcp)
		error = send_query(*fd, a->id);
	if (error) {
		close(*fd);
		*fd = -1;
	}
	return error;
}

/* What came for a socket that poll() has shown; EINPROGRESS: something else. */
static int end_try(const struct attempt *a, int fd)
{
	uint8_t buf[512];
	socklen_t len = sizeof(int);
	int error = 0;
	ssize_t n;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len))
		return errno;
	if (error || a->target->proto == IPPROTO_TCP)
		return error;
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		return errno == EAGAIN ? EINPROGRESS : errno;
	return n >= 12 && buf[0] == a->id >> 8 && buf[1] == (a->id & 0xff) ? 0
									   : EINPROGRESS;
}

/* ---- all of them */

/* Starts the next try of an attempt at place i; false: it has none left. */
static bool start(struct prober *p, size_t i)
{
	struct attempt *a = &p->attempts[i];

	while (a->left) {
		int error;

		a->left--;
		a->id = (uint16_t)(a->id * 31 + 7);
		a->end = now() + p->timeout;
		error = begin_try(a, &p->polls[i].fd);
		if (!error) {
			p->polls[i].events =
			    a->target->proto == IPPROTO_TCP ? POLLOUT : POLLIN;
			return true;
		}
		*a->answer = answer_of(error);
	}
	return false;
}

static void drop(struct prober *p, size_t i)
{
	p->n--;
	p->attempts[i] = p->attempts[p->n];
	p->polls[i] = p->polls[p->n];
}

/* After a try at place i ended so. */
static void finish(struct prober *p, size_t i, int error)
{
	struct attempt *a = &p->attempts[i];

	close(p->polls[i].fd);
	*a->answer = answer_of(error);
	if (!error || !start(p, i))
		drop(p, i);
}

static void wait_for_answers(struct prober *p)
{
	double first = p->attempts[0].end, t;
	int ready;

	for (size_t i = 1; i < p->n; i++)
		if (p->attempts[i].end < first)
			first = p->attempts[i].end;
	t = first - now();
	ready = poll(p->polls, p->n, t > 0 ? (int)(t * 1000) + 1 : 0);
	t = now();
	/* From behind, since one that ended is replaced by the last one. */
	for (size_t i = p->n; i-- > 0;) {
		int error = EINPROGRESS;

		if (ready > 0 && p->polls[i].revents)
			error = end_try(&p->attempts[i], p->polls[i].fd);
		if (error == EINPROGRESS && t >= p->attempts[i].end)
			error = ETIMEDOUT;
		if (error != EINPROGRESS)
			finish(p, i, error);
	}
}

void probe_run(const struct probe_target *const *targets, size_t n, unsigned tries,
    double timeout, enum probe_answer *ret)
{
	struct prober p = {.timeout = timeout};
	size_t next = 0;

	while (next < n || p.n) {
		while (p.n < AT_ONCE && next < n) {
			p.attempts[p.n] = (struct attempt){
			    .target = targets[next],
			    .answer = &ret[next],
			    .left = tries,
			    .id = (uint16_t)(next + 1),
			};
			ret[next++] = PROBE_UNREACHABLE;
			if (start(&p, p.n))
				p.n++;
		}
		if (p.n)
			wait_for_answers(&p);
	}
}
