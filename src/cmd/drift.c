/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan seen backwards: what had gone wrong in the kernel, by service and by kind. */
#include "config.h"

#include "cmd/drift.h"

#include <string.h>

struct entry {
	const char *service;
	struct change change;
	size_t index;
};

struct collector {
	struct service_index *services;
	VEC(struct entry) entries;
};

static void collect(void *ctx, const struct change *c)
{
	struct collector *l = ctx;
	struct entry e = {service_of_change(l->services, c), *c, l->entries.n};

	vec_push(&l->entries, e);
}

static int cmp_service(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "");
}

static int cmp_entry(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int c = cmp_service(a->service, b->service);

	return c ? c : a->index < b->index ? -1 : a->index > b->index;
}

static void count(struct drift_count *n, const struct change *c)
{
	n->missing += !c->have;
	n->extra += !c->want;
	n->changed += c->have && c->want;
	n->per_type[c->type]++;
}

static const char *in_words(struct arena *a, const struct change *c)
{
	struct strbuf sb = {0};
	const char *ret;

	strbuf_addf(&sb, "%c %s ", change_sign(c), change_type_name(c->type));
	change_print_object(&sb, c);
	ret = arena_strdup(a, sb.s);
	strbuf_free(&sb);
	return ret;
}

static void group(struct drift *d, const struct entry *v, size_t n)
{
	VEC(struct drift_service) services = {0};

	for (size_t i = 0; i < n; i++) {
		if (!i || cmp_service(v[i].service, v[i - 1].service)) {
			struct drift_service s = {
			    .service = arena_strdup(d->arena, v[i].service),
			    .first = in_words(d->arena, &v[i].change),
			};

			vec_push(&services, s);
		}
		count(&services.v[services.n - 1].n, &v[i].change);
		count(&d->n, &v[i].change);
	}
	vec_take(&services, d->arena, d->services, d->n_services);
}

void drift_collect(struct drift *d, const struct plan *p)
{
	struct collector l = {.services = service_index_new(p)};

	drift_free(d);
	d->arena = arena_new();
	for (size_t i = 0; i < p->n_ops; i++)
		op_each_change(&p->ops[i], collect, &l);
	if (l.entries.n)
		qsort(l.entries.v, l.entries.n, sizeof(*l.entries.v), cmp_entry);
	group(d, l.entries.v, l.entries.n);
	vec_free(&l.entries);
	service_index_free(l.services);
}

void drift_add(struct drift_count *sum, const struct drift_count *n)
{
	sum->missing += n->missing;
	sum->extra += n->extra;
	sum->changed += n->changed;
	for (enum change_type t = 0; t < CHANGE_TYPE_COUNT; t++)
		sum->per_type[t] += n->per_type[t];
}

void drift_free(struct drift *d)
{
	arena_free(d->arena);
	*d = (struct drift){0};
}

/* ---- as fields of a log line */

const char *drift_kind(enum change_type t, char buf[32])
{
	snprintf(buf, 32, "%s", change_type_name(t));
	for (char *c = buf; *c; c++)
		if (*c == ' ' || *c == '-')
			*c = '_';
	return buf;
}

void drift_add_count(struct log_record *r, const struct drift_count *n)
{
	log_add(r, "missing", "%zu", n->missing);
	log_add(r, "extra", "%zu", n->extra);
	log_add(r, "changed", "%zu", n->changed);
}

void drift_add_service(struct log_record *r, const struct drift_service *s)
{
	struct strbuf kinds = {0};
	char kind[32];

	log_add(r, "service", "%s", s->service ? s->service : "-");
	drift_add_count(r, &s->n);
	for (enum change_type t = 0; t < CHANGE_TYPE_COUNT; t++)
		if (s->n.per_type[t])
			strbuf_addf(&kinds, "%s%s:%zu", kinds.len ? "," : "",
			    drift_kind(t, kind), s->n.per_type[t]);
	log_add(r, "kinds", "%s", strbuf_str(&kinds));
	log_add(r, "object", "%s", s->first);
	strbuf_free(&kinds);
}
