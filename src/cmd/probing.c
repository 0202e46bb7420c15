/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tries services while they are switched, by kernel/probe.c, and judges what it answers.
 */
#include "config.h"

#include "cmd/probing.h"
#include "cmd/report.h"
#include "model/traffic.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

/* Each connection leaves an entry in conntrack for two minutes. */
#define MAX_TARGETS 512
#define BATCH 10
#define BATCH_GAP 200 /* milliseconds, so 50 a second */
#define TIMEOUT 1.0
#define TRIES 3

struct probing_thread {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	bool stop;
	const struct probe_target **live; /* those that answered before */
	size_t n_live;
	/* The first one that was lost. */
	const struct probe_target *lost;
	enum probe_answer lost_answer;
	size_t n_lost;
	const char *lost_when;
};

/* ---- which ways in */

struct chooser {
	const struct conf *conf;
	struct arena *arena;
	VEC(struct probe_target) ways;
};

/* An address of this node where node ports answer; unset: none. */
static struct addr node_address(struct chooser *c, enum family f)
{
	struct addr ip = conf_node_ip(c->conf, f);
	struct node_ports np;

	node_ports_select(c->conf, f, c->arena, &np);
	if (!np.n_addrs)
		return (struct addr){0};
	for (size_t i = 0; i < np.n_addrs; i++)
		if (addr_eq(&np.addrs[i], &ip))
			return ip;
	for (size_t i = 0; i < np.n_addrs; i++)
		if (!addr_is_loopback(&np.addrs[i]))
			return np.addrs[i];
	return (struct addr){0};
}

/* Whether the node itself should get an answer, in either mode. */
static bool should_answer(
    const struct service *svc, const struct frontend *fe, const struct traffic *t)
{
	if (svc->proto != IPPROTO_TCP && (svc->proto != IPPROTO_UDP || fe->port != 53))
		return false;
	if (fe->kind == FE_CLUSTER)
		return t->internal_local ? t->n_local : t->n_cluster;
	if (fe->kind == FE_LOAD_BALANCER && svc->n_ranges)
		return false;
	return t->external_local ? t->n_local : t->n_cluster;
}

static void choose_service(
    struct chooser *c, const struct service *svc, enum family f, const struct traffic *t)
{
	for (size_t i = 0; i < svc->n_frontends; i++) {
		const struct frontend *fe = &svc->frontends[i];
		struct probe_target way = {.addr = fe->addr,
		    .port = fe->port,
		    .proto = svc->proto,
		    .about = svc->spn};

		if (fe->kind == FE_NODE_PORT)
			way.addr = node_address(c, f);
		if (!addr_is_set(&way.addr) || addr_family(&way.addr) != f ||
		    (fe->kind == FE_LOAD_BALANCER && !frontend_is_served(fe, c->conf)) ||
		    !should_answer(svc, fe, t))
			continue;
		vec_push(&c->ways, way);
	}
}

/* All of them, or evenly spread ones. */
static void thin_out(struct chooser *c)
{
	size_t n = c->ways.n;

	for (size_t i = 0; n > MAX_TARGETS && i < MAX_TARGETS; i++)
		c->ways.v[i] = c->ways.v[i * n / MAX_TARGETS];
	if (n > MAX_TARGETS)
		c->ways.n = MAX_TARGETS;
}

static struct probing *probing_new(const struct context *ctx)
{
	struct probing *p = xcalloc(1, sizeof(*p));
	struct chooser c = {.conf = ctx->conf, .arena = arena_new()};
	struct traffic t = {0};

	for (size_t i = 0; i < ctx->model->n_services; i++)
		family_foreach (f) {
			const struct service *svc = &ctx->model->services[i];

			if (!(ctx->opts.families & FAMILY_BIT(f)))
				continue;
			traffic_select(svc, ctx->conf, f, &t);
			if (t.has_family)
				choose_service(&c, svc, f, &t);
		}
	traffic_free(&t);
	p->n_ways = c.ways.n;
	thin_out(&c);
	p->arena = c.arena;
	vec_take(&c.ways, p->arena, p->targets, p->n_targets);
	return p;
}

/* ---- trying */

static void add_sample(struct probing *p, const char *when, size_t tried, size_t failed)
{
	vec_push(&p->samples,
	    (struct probe_sample){
		.at = report_clock(), .when = when, .tried = tried, .failed = failed});
}

/* Tries some of the live ones and remembers what was lost. */
static void try_live(struct probing *p, const char *when,
    const struct probe_target *const *targets, size_t n)
{
	struct probing_thread *t = p->thread;
	enum probe_answer answers[MAX_TARGETS];
	size_t failed = 0;

	probe_run(targets, n, TRIES, TIMEOUT, answers);
	pthread_mutex_lock(&t->mutex);
	for (size_t i = 0; i < n; i++) {
		if (answers[i] == PROBE_ANSWERS)
			continue;
		failed++;
		if (t->n_lost++)
			continue;
		t->lost = targets[i];
		t->lost_answer = answers[i];
		t->lost_when = when;
	}
	p->tried += n;
	p->failed += failed;
	add_sample(p, when, n, failed);
	pthread_mutex_unlock(&t->mutex);
}

/* False: the end was asked for meanwhile. */
static bool rest(struct probing_thread *t)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += BATCH_GAP * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&t->mutex);
	if (!t->stop)
		pthread_cond_timedwait(&t->wake, &t->mutex, &until);
	stop = t->stop;
	pthread_mutex_unlock(&t->mutex);
	return !stop;
}

static void *try_beside(void *data)
{
	struct probing *p = data;
	struct probing_thread *t = p->thread;
	size_t next = 0;

	while (t->n_live && rest(t)) {
		size_t n = t->n_live - next < BATCH ? t->n_live - next : BATCH;

		try_live(p, "during", t->live + next, n);
		next = next + n < t->n_live ? next + n : 0;
	}
	return NULL;
}

/* Before the switch: the ones that do not answer are not judged later. */
static void try_before(struct context *ctx, struct probing *p, struct probing_thread *t)
{
	const struct probe_target **all =
	    arena_array(p->arena, const struct probe_target *, p->n_targets);
	enum probe_answer answers[MAX_TARGETS];
	size_t silent = 0;

	for (size_t i = 0; i < p->n_targets; i++)
		all[i] = &p->targets[i];
	probe_run(all, p->n_targets, TRIES, TIMEOUT, answers);
	t->live = all;
	for (size_t i = 0; i < p->n_targets; i++) {
		char way[ADDRPORT_STRLEN];

		if (answers[i] == PROBE_ANSWERS) {
			t->live[t->n_live++] = all[i];
			continue;
		}
		if (++silent <= 5)
			report_info(ctx, "%s: %s does not answer before the switch: %s",
			    all[i]->about,
			    addrport_format(&all[i]->addr, all[i]->port, way),
			    probe_answer_name(answers[i]));
	}
	p->n_answering = t->n_live;
	add_sample(p, "before", p->n_targets, silent);
	report_info(ctx, "probe before the switch: %zu of %zu ways in answer%s",
	    p->n_answering, p->n_targets,
	    p->n_ways > p->n_targets ? ", chosen from all" : "");
}

int probing_begin(struct context *ctx, struct error *err)
{
	struct probing *p;
	struct probing_thread *t;
	int rc;

	if (!ctx->opts.probe || ctx->opts.dry_run)
		return 0;
	p = ctx->probing = probing_new(ctx);
	t = xcalloc(1, sizeof(*t));
	pthread_mutex_init(&t->mutex, NULL);
	pthread_cond_init(&t->wake, NULL);
	p->thread = t;
	try_before(ctx, p, t);
	rc = pthread_create(&t->thread, NULL, try_beside, p);
	if (!rc)
		return 0;
	p->thread = NULL;
	free(t);
	return error_set(err, ERR_KERNEL, rc, "cannot start a thread");
}

int probing_check(struct context *ctx, const char *when, struct error *err)
{
	struct probing *p = ctx->probing;
	struct probing_thread *t = p ? p->thread : NULL;
	char way[ADDRPORT_STRLEN];
	int r = 0;

	if (!t)
		return 0;
	try_live(p, when, t->live, t->n_live);
	pthread_mutex_lock(&t->mutex);
	if (t->n_lost)
		r = error_set(err, ERR_VERIFY, 0,
		    "probe, %s: %s: %s does not answer any more: %s%s", t->lost_when,
		    t->lost->about, addrport_format(&t->lost->addr, t->lost->port, way),
		    probe_answer_name(t->lost_answer),
		    t->n_lost > 1 ? ", and others" : "");
	pthread_mutex_unlock(&t->mutex);
	return r;
}

/* Ends what goes on beside; false: nothing did. */
static bool stop(struct probing *p)
{
	struct probing_thread *t = p ? p->thread : NULL;

	if (!t)
		return false;
	pthread_mutex_lock(&t->mutex);
	t->stop = true;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->mutex);
	pthread_join(t->thread, NULL);
	pthread_mutex_destroy(&t->mutex);
	pthread_cond_destroy(&t->wake);
	p->thread = NULL;
	free(t);
	return true;
}

void probing_end(struct context *ctx)
{
	const struct probing *p = ctx->probing;

	if (stop(ctx->probing))
		report_info(ctx,
		    "probe: %zu connections and queries to %zu ways in, %zu failed",
		    p->tried, p->n_answering, p->failed);
}

void probing_free(struct probing *p)
{
	if (!p)
		return;
	stop(p);
	vec_free(&p->samples);
	arena_free(p->arena);
	free(p);
}

size_t probing_verify(struct context *ctx, struct notes *findings)
{
	struct probing *p = ctx->probing = probing_new(ctx);
	const struct probe_target **all =
	    arena_array(p->arena, const struct probe_target *, p->n_targets);
	enum probe_answer answers[MAX_TARGETS];

	for (size_t i = 0; i < p->n_targets; i++)
		all[i] = &p->targets[i];
	probe_run(all, p->n_targets, TRIES, TIMEOUT, answers);
	for (size_t i = 0; i < p->n_targets; i++) {
		char way[ADDRPORT_STRLEN];

		if (answers[i] != PROBE_ANSWERS)
			notes_add_named(findings, NOTE_REFUSE, "probe", all[i]->about,
			    "%s does not answer: %s",
			    addrport_format(&all[i]->addr, all[i]->port, way),
			    probe_answer_name(answers[i]));
	}
	return p->n_targets;
}
