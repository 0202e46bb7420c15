/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client side of the test traffic: starts flows at their pace, counts how they end,
 * and prints the result. A flow is one socket; a target is what the user named, and sums
 * up its flows.
 */
#include "config.h"

#include "traffic.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_TARGETS 512
#define MAX_FLOWS 4096
#define MAX_NAMES 32
#define REPEAT_MS 1000 /* when a resolver asks again */
#define SLOW_MS 900

/* DENIED: dropped on the way out, of which a UDP socket of the same host hears. */
enum outcome { OK, REFUSED, TIMEOUT, RESET, DENIED, OTHER, OUTCOMES };
static const char *const outcome_names[OUTCOMES] = {
    "ok", "refused", "timeout", "reset", "denied", "other"};
static const char *const kind_names[KIND_COUNT] = {
    "conn", "sctp", "stream", "session", "udp", "dns"};

struct names {
	int n;
	struct {
		char text[64];
		long count;
	} item[MAX_NAMES];
};

struct target {
	enum kind kind;
	const char *label, *text;
	struct sockaddr_storage to;
	long tried, count[OUTCOMES], repeated, broken;
	int64_t last_answer, longest_gap, slowest;
	struct names backends, sources, pairs; /* of both: "BACKEND SOURCE" */
};

struct flow {
	struct target *target; /* NULL: free slot */
	int fd;
	bool connected, waiting; /* waiting: for the connection or for an answer */
	long pending;		 /* of a constant-port flow: requests without an answer */
	int64_t started, asked, next; /* next: when to ask again */
	unsigned long seq;
	size_t fill;
	char line[256];
};

struct client {
	const struct client_options *o;
	int ep, n_targets;
	struct target targets[MAX_TARGETS];
	struct flow flows[MAX_FLOWS];
	int used;		     /* slots from here on were never used */
	int next_target[KIND_COUNT]; /* round robin of the paced kinds */
	int64_t start, stop, next_start[KIND_COUNT]; /* stop: when no more is started */
	int64_t late; /* how long this machine at worst left the client waiting for a
			 processor */
	bool ready, stopping;
	FILE *log;
};

static void note(struct client *c, const struct target *t, const char *what)
{
	struct timespec ts;

	if (c->log == NULL)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	fprintf(c->log, "%lld.%03ld %s %s %s %s\n", (long long)ts.tv_sec,
	    ts.tv_nsec / 1000000, kind_names[t->kind], t->label, t->text, what);
}

static void names_add(struct names *names, const char *text)
{
	for (int i = 0; i < names->n; i++) {
		if (strcmp(names->item[i].text, text) == 0) {
			names->item[i].count++;
			return;
		}
	}
	if (names->n == MAX_NAMES)
		return;
	snprintf(names->item[names->n].text, sizeof(names->item[0].text), "%s", text);
	names->item[names->n++].count = 1;
}

static void flow_start(struct client *c, struct target *t, int64_t now);

static bool held(const struct target *t)
{
	return t->kind == KIND_STREAM || t->kind == KIND_SESSION || t->kind == KIND_UDP;
}

static bool of_connections(const struct target *t)
{
	return t->kind != KIND_UDP && t->kind != KIND_DNS;
}

/* Whether it was tried as often as it is to be. */
static bool is_done(const struct client *c, const struct target *t)
{
	return c->o->count > 0 && t->tried >= c->o->count;
}

static enum outcome classify(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REFUSED;
	case ETIMEDOUT:
		return TIMEOUT;
	case ECONNRESET:
	case EPIPE:
		return RESET;
	case EPERM:
		return DENIED;
	default:
		return OTHER;
	}
}

/* Counts one request's end; what is not OK, or was sent again, goes into the log. */
static void count(struct client *c, struct target *t, enum outcome how, int64_t took)
{
	t->count[how]++;
	if (how == OK) {
		if (took > t->slowest)
			t->slowest = took;
		if (took >= SLOW_MS)
			note(c, t, "slow");
	} else {
		note(c, t, outcome_names[how]);
	}
}

static void flow_close(struct flow *f)
{
	close(f->fd);
	f->target = NULL;
}

/* A paced flow ends with its failure; a stream is broken; a UDP socket goes on. */
static void flow_fail(struct client *c, struct flow *f, int error)
{
	struct target *t = f->target;

	count(c, t, classify(error), 0);
	f->waiting = false;
	if (t->kind == KIND_UDP) {
		f->pending--;
		return;
	}
	if (held(t))
		t->broken++;
	flow_close(f);
}

static void flow_ask(struct client *c, struct flow *f, int64_t now)
{
	char request[32];
	int n;

	if (f->target->kind == KIND_UDP)
		f->seq++;
	n = snprintf(request, sizeof(request), "%lu\n", f->seq);
	if (held(f->target)) {
		f->target->tried++;
		f->pending++;
		f->next = now + c->o->every;
	} else {
		f->next = now + REPEAT_MS;
	}
	f->waiting = true;
	f->asked = now;
	if (write(f->fd, request, (size_t)n) != n)
		flow_fail(c, f, errno);
}

/* A session ends after its last answer, and the next one begins. */
static void flow_renew(struct client *c, struct flow *f, int64_t now)
{
	struct target *t = f->target;

	flow_close(f);
	if (!c->stopping)
		flow_start(c, t, now);
}

static void gap_until(struct target *t, int64_t now)
{
	if (t->last_answer != 0 && now - t->last_answer > t->longest_gap)
		t->longest_gap = now - t->last_answer;
	t->last_answer = now;
}

/* NAME SOURCE SEQUENCE: late answers to a repeated UDP request are dropped by their
 * number. */
static void flow_answered(struct client *c, struct flow *f, char *line, int64_t now)
{
	struct target *t = f->target;
	char *save = NULL, *name = strtok_r(line, " ", &save);
	char *source = strtok_r(NULL, " ", &save), *seq = strtok_r(NULL, " ", &save);
	char pair[64];

	if (seq == NULL)
		return;
	names_add(&t->backends, name);
	names_add(&t->sources, source);
	snprintf(pair, sizeof(pair), "%s %s", name, source);
	names_add(&t->pairs, pair);
	count(c, t, OK, now - (held(t) ? f->asked : f->started));
	gap_until(t, now);
	f->pending--;
	f->waiting = t->kind == KIND_UDP && f->pending > 0;
	if (!held(t)) {
		flow_close(f);
	} else if (t->kind != KIND_UDP) {
		f->seq++;
		if (t->kind == KIND_SESSION && now - f->started >= c->o->life)
			flow_renew(c, f, now);
	}
}

static void flow_input(struct client *c, struct flow *f, int64_t now)
{
	ssize_t n = read(f->fd, f->line + f->fill, sizeof(f->line) - 1 - f->fill);
	char *end;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		flow_fail(c, f, n == 0 ? ECONNRESET : errno);
		return;
	}
	f->fill += (size_t)n;
	f->line[f->fill] = '\0';
	end = strchr(f->line, '\n');
	if (end == NULL)
		return;
	*end = '\0';
	f->fill = 0;
	flow_answered(c, f, f->line, now);
}

static void flow_event(struct client *c, struct flow *f, uint32_t events, int64_t now)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.ptr = f};
	socklen_t len = sizeof(int);
	int error = 0;

	if (!f->connected) {
		getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &len);
		if (error != 0) {
			flow_fail(c, f, error);
			return;
		}
		f->connected = true;
		epoll_ctl(c->ep, EPOLL_CTL_MOD, f->fd, &ev);
		flow_ask(c, f, now);
	} else if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) {
		flow_input(c, f, now);
	}
}

static void flow_start(struct client *c, struct target *t, int64_t now)
{
	bool connects = of_connections(t);
	const struct sockaddr_storage *from =
	    t->to.ss_family == AF_INET ? &c->o->bind4 : &c->o->bind6;
	struct epoll_event ev = {.events = connects ? EPOLLOUT : EPOLLIN};
	struct flow *f = c->flows;

	if (!held(t))
		t->tried++;
	while (f->target != NULL) {
		if (++f == c->flows + MAX_FLOWS) {
			count(c, t, OTHER, 0);
			return;
		}
	}
	if (f - c->flows >= c->used)
		c->used = (int)(f - c->flows) + 1;
	memset(f, 0, sizeof(*f));
	f->fd = socket(t->to.ss_family,
	    (connects ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    t->kind == KIND_SCTP ? IPPROTO_SCTP : 0);
	if (f->fd < 0 ||
	    (from->ss_family != 0 &&
		bind(f->fd, (const struct sockaddr *)from, address_length(from)) != 0)) {
		perror("traffic client: socket");
		exit(1);
	}
	/* Else SCTP takes no notice of a refusal by ICMP. */
	if (t->kind == KIND_SCTP &&
	    setsockopt(f->fd, t->to.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		t->to.ss_family == AF_INET ? IP_RECVERR : IPV6_RECVERR, &(int){1},
		sizeof(int)) != 0)
		perror("traffic client: setsockopt");
	f->target = t;
	f->started = f->asked = now;
	f->next = INT64_MAX;
	f->waiting = true;
	ev.data.ptr = f;
	epoll_ctl(c->ep, EPOLL_CTL_ADD, f->fd, &ev);
	if (connect(f->fd, (struct sockaddr *)&t->to, address_length(&t->to)) != 0 &&
	    errno != EINPROGRESS) {
		flow_fail(c, f, errno);
	} else if (!connects) {
		f->connected = true;
		flow_ask(c, f, now);
	}
}

/* Starts the next flow of a paced kind; says when to come again. A client that was late
 * does not catch up: a burst would test something else. */
static int64_t pace(struct client *c, enum kind kind, int64_t now)
{
	struct target *t;

	if (now < c->next_start[kind])
		return c->next_start[kind];
	for (int i = 0; i < c->n_targets; i++) {
		t = &c->targets[c->next_target[kind]];
		c->next_target[kind] = (c->next_target[kind] + 1) % c->n_targets;
		if (t->kind == kind && !is_done(c, t)) {
			flow_start(c, t, now);
			break;
		}
	}
	c->next_start[kind] += 1000 / c->o->rate;
	if (c->next_start[kind] <= now)
		c->next_start[kind] = now + 1000 / c->o->rate;
	return c->next_start[kind];
}

static int64_t tick_udp(struct client *c, struct flow *f, int64_t now)
{
	if (!c->stopping && now >= f->next)
		flow_ask(c, f, now);
	return f->next;
}

static int64_t tick_stream(struct client *c, struct flow *f, int64_t now)
{
	if (f->waiting && now >= f->asked + c->o->timeout)
		flow_fail(c, f, ETIMEDOUT);
	else if (!f->waiting && !c->stopping && now >= f->next)
		flow_ask(c, f, now);
	return f->waiting ? f->asked + c->o->timeout : f->next;
}

static int64_t tick_paced(struct client *c, struct flow *f, int64_t now)
{
	int64_t deadline = f->started + c->o->timeout;

	if (now >= deadline) {
		flow_fail(c, f, ETIMEDOUT);
	} else if (f->target->kind == KIND_DNS && now >= f->next) {
		f->target->repeated++;
		note(c, f->target, "repeated");
		flow_ask(c, f, now);
	}
	return f->next < deadline ? f->next : deadline;
}

/* What time brings: the next request, a repetition, a time-out. Says when to come again.
 */
static int64_t flow_tick(struct client *c, struct flow *f, int64_t now)
{
	int64_t wake;

	if (f->target->kind == KIND_UDP)
		wake = tick_udp(c, f, now);
	else if (held(f->target))
		wake = tick_stream(c, f, now);
	else
		wake = tick_paced(c, f, now);
	return f->target == NULL || wake <= now ? INT64_MAX : wake;
}

static bool all_answered(const struct client *c)
{
	for (int i = 0; i < c->n_targets; i++)
		if (c->targets[i].count[OK] == 0)
			return false;
	return true;
}

static bool all_quiet(const struct client *c)
{
	for (int i = 0; i < c->used; i++)
		if (c->flows[i].target != NULL && c->flows[i].waiting)
			return false;
	return true;
}

static int64_t start_and_tick(struct client *c, int64_t now)
{
	int64_t wake = now + 200, t;

	for (int k = 0; k < KIND_COUNT && !c->stopping; k++) {
		if (k == KIND_CONN || k == KIND_SCTP || k == KIND_DNS) {
			t = pace(c, k, now);
			wake = t < wake ? t : wake;
		}
	}
	for (int i = 0; i < c->used; i++) {
		if (c->flows[i].target != NULL) {
			t = flow_tick(c, &c->flows[i], now);
			wake = t < wake ? t : wake;
		}
	}
	return wake;
}

static bool all_done(const struct client *c)
{
	for (int i = 0; i < c->n_targets; i++)
		if (!held(&c->targets[i]) && !is_done(c, &c->targets[i]))
			return false;
	return c->o->count > 0;
}

static void stop_if_due(struct client *c, bool signalled, int64_t now)
{
	if (c->stopping)
		return;
	if (signalled || all_done(c) || now >= c->start + c->o->seconds * 1000 ||
	    (c->o->stop_file != NULL && access(c->o->stop_file, F_OK) == 0)) {
		c->stopping = true;
		c->stop = now;
	}
}

/* What is not answered at the end, time-out included, is lost; silence counts as a gap.
 */
static void settle(struct client *c)
{
	for (int i = 0; i < c->used; i++) {
		struct flow *f = &c->flows[i];

		if (f->target == NULL)
			continue;
		if (f->target->last_answer != 0)
			gap_until(f->target, c->stop);
		if (f->target->kind == KIND_UDP && f->pending > 0)
			f->target->count[TIMEOUT] += f->pending;
		if (!held(f->target) && f->waiting)
			f->target->count[TIMEOUT]++;
		flow_close(f);
	}
}

static void run(struct client *c, int stop_fd)
{
	struct epoll_event events[64];
	struct epoll_event ev = {.events = EPOLLIN};
	int64_t now = now_ms(), wake;
	int n;

	epoll_ctl(c->ep, EPOLL_CTL_ADD, stop_fd, &ev);
	for (int i = 0; i < c->n_targets; i++)
		if (held(&c->targets[i]))
			flow_start(c, &c->targets[i], now);
	while (!c->stopping || (!all_quiet(c) && now < c->stop + c->o->timeout)) {
		bool signalled = false;

		wake = start_and_tick(c, now);
		n = epoll_wait(c->ep, events, 64, wake > now ? (int)(wake - now) : 0);
		now = now_ms();
		if (now - wake > c->late)
			c->late = now - wake;
		for (int i = 0; i < n; i++) {
			struct flow *f = events[i].data.ptr;

			if (f == NULL)
				signalled = true;
			else if (f->target != NULL)
				flow_event(c, f, events[i].events, now);
		}
		if (!c->ready && all_answered(c)) {
			c->ready = true;
			touch_file(c->o->ready_file);
		}
		stop_if_due(c, signalled, now);
		if (signalled) /* once is enough, and the descriptor stays readable */
			epoll_ctl(c->ep, EPOLL_CTL_DEL, stop_fd, NULL);
	}
	settle(c);
}

static void print_names(const char *title, const struct names *names)
{
	printf(",\"%s\":{", title);
	for (int i = 0; i < names->n; i++)
		printf("%s\"%s\":%ld", i ? "," : "", names->item[i].text,
		    names->item[i].count);
	printf("}");
}

static void print_counts(long tried, const long count[OUTCOMES])
{
	printf("\"tried\":%ld,\"failed\":%ld", tried,
	    count[REFUSED] + count[TIMEOUT] + count[RESET] + count[DENIED] +
		count[OTHER]);
	for (int i = 0; i < OUTCOMES; i++)
		printf(",\"%s\":%ld", outcome_names[i], count[i]);
}

static void print_result(const struct client *c)
{
	long tried = 0, broken = 0, repeated = 0, streams = 0, sum[OUTCOMES] = {0};
	int64_t gap = 0;

	for (int i = 0; i < c->n_targets; i++) {
		const struct target *t = &c->targets[i];

		tried += t->tried;
		broken += t->broken;
		repeated += t->repeated;
		streams += held(t) && of_connections(t);
		if (held(t) && t->longest_gap > gap)
			gap = t->longest_gap;
		for (int j = 0; j < OUTCOMES; j++)
			sum[j] += t->count[j];
	}
	printf("{\"seconds\":%.1f,", (double)(now_ms() - c->start) / 1000);
	print_counts(tried, sum);
	printf(
	    ",\"repeated\":%ld,\"streams\":%ld,\"broken\":%ld,\"longest_gap_ms\":%" PRId64
	    ",\"late_ms\":%" PRId64 ",\"targets\":[",
	    repeated, streams, broken, gap, c->late);
	for (int i = 0; i < c->n_targets; i++) {
		const struct target *t = &c->targets[i];

		printf("%s{\"kind\":\"%s\",\"label\":\"%s\",\"target\":\"%s\",",
		    i ? "," : "", kind_names[t->kind], t->label, t->text);
		print_counts(t->tried, t->count);
		printf(",\"repeated\":%ld,\"broken\":%ld,\"longest_gap_ms\":%" PRId64
		       ",\"slowest_ms\":%" PRId64,
		    t->repeated, t->broken, t->longest_gap, t->slowest);
		print_names("backends", &t->backends);
		print_names("sources", &t->sources);
		print_names("pairs", &t->pairs);
		printf("}");
	}
	printf("]}\n");
}

/* KIND:[LABEL=]ADDRESS:PORT */
static int target_parse(char *spec, struct target *ret)
{
	char *rest = strchr(spec, ':'), *equals;
	int kind = 0;

	if (rest == NULL)
		return -1;
	*rest++ = '\0';
	while (kind < KIND_COUNT && strcmp(spec, kind_names[kind]) != 0)
		kind++;
	if (kind == KIND_COUNT)
		return -1;
	ret->kind = kind;
	ret->label = "";
	equals = strchr(rest, '=');
	if (equals != NULL) {
		*equals = '\0';
		ret->label = rest;
		rest = equals + 1;
	}
	ret->text = rest;
	return parse_address(rest, &ret->to);
}

int client_run(const struct client_options *o, int n_targets, char **targets)
{
	struct client *c = calloc(1, sizeof(*c));
	sigset_t stop;
	int fd;

	if (c == NULL || n_targets > MAX_TARGETS) {
		fprintf(stderr, "traffic client: more than %d targets\n", MAX_TARGETS);
		return 64;
	}
	c->o = o;
	for (int i = 0; i < n_targets; i++) {
		if (target_parse(targets[i], &c->targets[i]) != 0) {
			fprintf(
			    stderr, "traffic client: %s is not a target\n", targets[i]);
			free(c);
			return 64;
		}
	}
	c->n_targets = n_targets;
	if (o->log_file != NULL)
		c->log = fopen(o->log_file, "we");
	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, NULL);
	fd = signalfd(-1, &stop, SFD_CLOEXEC);
	c->ep = epoll_create1(EPOLL_CLOEXEC);
	c->start = now_ms();
	for (int k = 0; k < KIND_COUNT; k++)
		c->next_start[k] = c->start;
	run(c, fd);
	print_result(c);
	if (c->log != NULL)
		fclose(c->log);
	close(c->ep);
	close(fd);
	free(c);
	return 0;
}
