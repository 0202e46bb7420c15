/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two states seen by the packets of all classes of clients: what ends elsewhere. */
#include "config.h"

#include "verify/walk_compare.h"

#include <pthread.h>
#include <string.h>

#define SAID_ENDPOINTS 4 /* in one line */
/* From so many services on, half of them are walked by a second thread. */
#define MANY_SERVICES 256

/* ---- ends */

static int cmp_end(const void *va, const void *vb)
{
	const struct walk_path *a = va, *b = vb;
	int c = (int)a->end - (int)b->end;

	if (!c && a->end == WALK_ENDPOINT)
		c = addr_cmp(&a->dst, &b->dst);
	if (!c && a->end == WALK_ENDPOINT)
		c = (int)a->port - (int)b->port;
	if (!c && a->end == WALK_ENDPOINT)
		c = (int)a->source - (int)b->source;
	return c;
}

void walk_ends_take(const struct walk *w, struct walk_ends *ret)
{
	*ret = (struct walk_ends){.arena = arena_new()};
	ret->v = arena_copy(ret->arena, w->paths, w->n_paths * sizeof(*w->paths));
	qsort(ret->v, w->n_paths, sizeof(*ret->v), cmp_end);
	for (size_t i = 0; i < w->n_paths; i++) {
		struct walk_path *last = ret->n ? &ret->v[ret->n - 1] : NULL;

		if (!last || cmp_end(last, &ret->v[i])) {
			ret->v[ret->n++] = ret->v[i];
			continue;
		}
		last->share += ret->v[i].share;
		last->unsure &= ret->v[i].unsure;
		last->affinity &= ret->v[i].affinity;
	}
}

void walk_ends_free(struct walk_ends *e)
{
	arena_free(e->arena);
	*e = (struct walk_ends){0};
}

bool walk_ends_served(const struct walk_ends *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (!e->v[i].unsure && e->v[i].end != WALK_ENDPOINT)
			return false;
	return e->n > 0;
}

static bool any_unsure(const struct walk_ends *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].unsure || e->v[i].end == WALK_UNKNOWN)
			return true;
	return false;
}

static bool same_ends(const struct walk_ends *a, const struct walk_ends *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (cmp_end(&a->v[i], &b->v[i]))
			return false;
	return true;
}

void walk_ends_print(struct strbuf *sb, const struct walk_ends *e)
{
	static const char *const source[] = {
	    [WALK_CLIENT] = "",
	    [WALK_NODE] = " from a node address",
	    [WALK_VIP] = " from a virtual address",
	};
	char buf[ADDRPORT_STRLEN];

	for (size_t i = 0; i < e->n && i < SAID_ENDPOINTS; i++) {
		strbuf_add(sb, i ? ", " : "");
		if (e->v[i].end == WALK_ENDPOINT)
			strbuf_addf(sb, "%s%s",
			    addrport_format(&e->v[i].dst, e->v[i].port, buf),
			    source[e->v[i].source]);
		else
			strbuf_add(sb, walk_end_name(e->v[i].end));
	}
	if (e->n > SAID_ENDPOINTS)
		strbuf_addf(sb, " and %zu more", e->n - SAID_ENDPOINTS);
}

/* ---- differences of the modes */

static bool has_ranges(const struct service *s, enum family f)
{
	for (size_t i = 0; i < s->n_ranges; i++)
		if (addr_family(&s->ranges[i].addr) == f)
			return true;
	return false;
}

static bool has_whole_range(const struct service *s, enum family f)
{
	for (size_t i = 0; i < s->n_ranges; i++)
		if (addr_family(&s->ranges[i].addr) == f && !s->ranges[i].bits)
			return true;
	return false;
}

static bool has_idle_weight(const struct traffic *t)
{
	for (size_t i = 0; i < t->n_all; i++)
		if (!t->all[i]->weight)
			return true;
	return false;
}

/* ---- comparing */

struct compare {
	const struct model *model;
	size_t from, to; /* of its services */
	const struct conf *conf;
	unsigned families;
	const struct walker *old, *new;
	struct notes *notes;
	size_t n;
};

/* Knows nothing of the service: what a node without rules does. */
static bool is_unserved(const struct walk_ends *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].end != WALK_PASSED && e->v[i].end != WALK_LISTENER)
			return false;
	return true;
}

static bool has_endpoint(const struct walk_ends *e)
{
	for (size_t i = 0; i < e->n; i++)
		if (e->v[i].end == WALK_ENDPOINT || e->v[i].end == WALK_UNKNOWN)
			return true;
	return false;
}

/* Whether a difference of this packet is one that modes.c tells the user. */
static bool is_told(const struct conf *conf, const struct walk_case *c,
    const struct walk_ends *old, const struct walk_ends *new)
{
	const struct traffic *t = c->traffic;
	enum frontend_kind kind = c->frontend->kind;
	enum family f = c->packet.family;
	bool node = c->client == CLIENT_NODE;

	if (kind == FE_EXTERNAL && t->external_local &&
	    !conf->dialect.ipvs_filter_ext_local_return)
		return true; /* external-local */
	if (kind == FE_LOAD_BALANCER && has_ranges(c->svc, f) &&
	    ((node && !conf->dialect.ipvs_out_filter) || has_whole_range(c->svc, f)))
		return true;			     /* source-ranges* */
	if (kind != FE_CLUSTER && t->external_local) /* local-* */
		return !t->n_local || (c->client <= CLIENT_NODE && has_endpoint(old) &&
					  has_endpoint(new));
	if (kind == FE_CLUSTER && t->internal_local && !t->n_local)
		return true; /* internal-policy */
	if (c->svc->forwarding != FWD_MASQUERADE || has_idle_weight(t))
		return true; /* scheduling, weights */
	return false;
}

/* In which way a service without endpoints does not answer: no-endpoints. */
static bool is_without_endpoints(
    const struct walk_case *c, const struct walk_ends *old, const struct walk_ends *new)
{
	return !c->traffic->any && !has_endpoint(old) && !has_endpoint(new);
}

static void tell(const struct compare *cmp, const struct walk_case *c,
    const struct walk_ends *old, const struct walk_ends *new)
{
	bool unsure = any_unsure(old) || any_unsure(new);
	char dst[ADDRPORT_STRLEN];
	struct strbuf sb = {0};

	strbuf_addf(&sb, "from %s to %s: ", walk_client_name(c->client),
	    addrport_format(&c->packet.dst, c->packet.port, dst));
	walk_ends_print(&sb, old);
	strbuf_add(&sb, " becomes ");
	walk_ends_print(&sb, new);
	if (unsure)
		strbuf_add(&sb, "; rules of others decide, which cannot be told");
	notes_add_named(cmp->notes, unsure ? NOTE_WARNING : NOTE_ACCEPT, "paths",
	    c->svc->spn, "%s", sb.s);
	strbuf_free(&sb);
}

static void compare_case(const struct walk_case *c, void *data)
{
	struct compare *cmp = data;
	struct walk_ends a, b;
	struct walk old, new;

	walk_packet(cmp->old, &c->packet, false, &old);
	walk_packet(cmp->new, &c->packet, false, &new);
	walk_ends_take(&old, &a);
	walk_ends_take(&new, &b);
	if (!same_ends(&a, &b) && !is_unserved(&a) && !is_told(cmp->conf, c, &a, &b) &&
	    !is_without_endpoints(c, &a, &b))
		tell(cmp, c, &a, &b);
	cmp->n++;
	walk_ends_free(&a);
	walk_ends_free(&b);
	walk_free(&old);
	walk_free(&new);
}

static void *compare_services(void *data)
{
	struct compare *c = data;

	walk_each_case(c->model, c->from, c->to, c->conf, c->families, compare_case, c);
	return NULL;
}

/* The second half goes on while the first one is walked; its notes come behind. */
static size_t compare_halves(struct compare *all)
{
	struct notes notes = {0};
	struct compare second = *all;
	pthread_t thread;

	second.from = all->to = all->to / 2;
	second.notes = &notes;
	if (pthread_create(&thread, NULL, compare_services, &second)) {
		all->to = second.to;
		compare_services(all);
		return all->n;
	}
	compare_services(all);
	pthread_join(thread, NULL);
	notes_move(all->notes, &notes);
	return all->n + second.n;
}

size_t walk_compare(const struct model *m, const struct conf *c, unsigned families,
    const struct state *old, const struct state *new, struct notes *ret)
{
	AUTO(walker) struct walker *a = walker_new(old);
	AUTO(walker) struct walker *b = walker_new(new);
	struct compare all = {.model = m,
	    .to = m->n_services,
	    .conf = c,
	    .families = families,
	    .old = a,
	    .new = b,
	    .notes = ret};

	family_foreach (f) {
		struct addr own = conf_own_addr(c, f);

		walker_set_own(a, &own);
		walker_set_own(b, &own);
		if (!old->fw[f].present || !new->fw[f].present)
			all.families &= ~FAMILY_BIT(f);
	}
	if (m->n_services >= MANY_SERVICES)
		return compare_halves(&all);
	compare_services(&all);
	return all.n;
}
