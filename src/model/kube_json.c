/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kubernetes objects to model, in whatever order they come: which kinds count, and the
 * join of services and endpoints at the end. The kinds are read by the other
 * kube_*_json.c, which of the endpoints serve is decided by traffic.c.
 */
#include "config.h"

#include "model/kube_json.h"

#include "base/hash.h"

#include <stdio.h>
#include <string.h>

#define LABEL_PROXY_NAME "service.kubernetes.io/service-proxy-name"
#define LABEL_HEADLESS "service.kubernetes.io/headless"

struct kube *kube_new(struct model_builder *b, struct notes *notes)
{
	struct kube *k = xcalloc(1, sizeof(*k));

	k->builder = b;
	k->notes = notes;
	k->scratch = arena_new();
	return k;
}

void kube_free(struct kube *k)
{
	if (!k)
		return;
	vec_free(&k->entries);
	vec_free(&k->versions);
	strtab_free(&k->objects);
	free(k->slots);
	arena_free(k->scratch);
	free(k);
}

static size_t find_slot(const struct kube *k, const char *key)
{
	size_t mask = k->n_slots - 1, i = hash_bytes(key, strlen(key), 0) & mask;

	while (k->slots[i] && strcmp(k->slots[i]->key, key))
		i = (i + 1) & mask;
	return i;
}

struct entry *kube_entry(struct kube *k, const char *ns, const char *name)
{
	char key[640]; /* a namespace has at most 63 characters, a name 253 */
	struct entry *e;
	size_t slot;

	snprintf(key, sizeof(key), "%s/%s", ns, name);
	if (k->entries.n * 2 >= k->n_slots) {
		free(k->slots);
		k->n_slots = k->n_slots ? k->n_slots * 2 : 256;
		k->slots = xcalloc(k->n_slots, sizeof(struct entry *));
		for (size_t i = 0; i < k->entries.n; i++)
			k->slots[find_slot(k, k->entries.v[i]->key)] = k->entries.v[i];
	}
	slot = find_slot(k, key);
	if (k->slots[slot])
		return k->slots[slot];
	e = arena_new_of(k->scratch, struct entry);
	e->key = arena_strdup(k->scratch, key);
	e->slices.tail = &e->slices.first;
	e->legacy.tail = &e->legacy.first;
	vec_push(&k->entries, e);
	k->slots[slot] = e;
	return e;
}

int kube_read_meta(const struct field *root, struct meta *m, struct error *err)
{
	*m = (struct meta){.ns = "default"};
	if (field_object(root, "metadata", &m->metadata, err) ||
	    field_string(&m->metadata, "name", &m->name, err) ||
	    field_string(&m->metadata, "namespace", &m->ns, err) ||
	    field_string(&m->metadata, "resourceVersion", &m->version, err) ||
	    field_object(&m->metadata, "labels", &m->labels, err) ||
	    field_object(&m->metadata, "annotations", &m->annotations, err))
		return -1;
	if (!m->name || !m->name[0])
		return field_error(root, "metadata.name", err, "is missing");
	return 0;
}

int kube_read_once(
    struct kube *k, const char *kind, const struct meta *m, bool *copy, struct error *err)
{
	const char *key = arena_printf(k->scratch, "%s %s/%s", kind, m->ns, m->name);
	struct strtab_item *item = strtab_add(&k->objects, key);
	const char *before;

	*copy = item->value != 0;
	if (!*copy) {
		vec_push(&k->versions,
		    m->version ? arena_strdup(k->scratch, m->version) : NULL);
		item->value = (uint32_t)k->versions.n;
		return 0;
	}
	before = k->versions.v[item->value - 1];
	if (!before || !m->version)
		return error_set(
		    err, ERR_INPUT, 0, "this %s is there twice: give it once", kind);
	if (strcmp(before, m->version) != 0)
		return error_set(err, ERR_INPUT, 0,
		    "this %s is there twice, as resourceVersion %s and %s: give what "
		    "was listed at one time",
		    kind, before, m->version);
	return 0;
}

/* kube-proxy lists Services and EndpointSlices with the selectors "!label" of both. */
bool kube_belongs_to_others(const struct meta *m)
{
	return json_value_get(m->labels.json, LABEL_PROXY_NAME) ||
	       json_value_get(m->labels.json, LABEL_HEADLESS);
}

static const struct object_kind {
	const char *kind;
	const char *group; /* before the version in apiVersion */
	int (*add)(struct kube *k, const struct field *root, struct error *err);
} object_kinds[] = {
    {"Service", "", kube_add_service},
    {"EndpointSlice", "discovery.k8s.io/", kube_add_slice},
    {"Endpoints", "", kube_add_endpoints},
    {"Node", "", kube_add_node},
};

/* Other API groups have a kind Service too. */
static bool same_group(const struct object_kind *ok, const char *api_version)
{
	size_t n = strlen(ok->group);

	if (!api_version)
		return true;
	return n ? !strncmp(api_version, ok->group, n) : !strchr(api_version, '/');
}

const char *kube_guess_kind(const struct json_value *object)
{
	const struct json_value *spec = json_value_get(object, "spec");
	const struct json_value *status = json_value_get(object, "status");

	if (json_value_get(object, "addressType"))
		return "EndpointSlice";
	if (json_value_get(object, "subsets"))
		return "Endpoints";
	if (json_value_get(spec, "clusterIP") || json_value_get(spec, "clusterIPs") ||
	    json_value_get(spec, "sessionAffinity"))
		return "Service";
	if (json_value_get(status, "nodeInfo"))
		return "Node";
	return NULL;
}

int kube_add(struct kube *k, const char *kind, const struct json_value *object,
    bool *taken, struct error *err)
{
	struct field root = {.json = object};
	const char *api_version = NULL;

	*taken = false;
	if (field_string(&root, "apiVersion", &api_version, err))
		return -1;
	for (size_t i = 0; i < sizeof(object_kinds) / sizeof(object_kinds[0]); i++)
		if (!strcmp(object_kinds[i].kind, kind) &&
		    same_group(&object_kinds[i], api_version)) {
			*taken = true;
			return object_kinds[i].add(k, &root, err);
		}
	return 0;
}

int kube_compare_ports(const void *va, const void *vb)
{
	const struct slice_port *a = va, *b = vb;
	int c = strcmp(a->name, b->name);

	if (!c)
		c = (int)a->proto - (int)b->proto;
	return c ? c : (a->place > b->place) - (a->place < b->place);
}

/* The first of the slice's ports that are the service's; *n: how many. */
static const struct slice_port *find_ports(
    const struct slice *sl, const struct service *s, size_t *n)
{
	const struct slice_port wanted = {.name = s->port_name, .proto = s->proto};
	size_t lo = 0, hi = sl->n_ports, end;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (kube_compare_ports(&sl->ports[mid], &wanted) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (end = lo; end < sl->n_ports && sl->ports[end].proto == s->proto &&
		       !strcmp(sl->ports[end].name, s->port_name);
	     end++)
		;
	*n = end - lo;
	return sl->ports + lo;
}

static bool is_wanted(const struct service *s, const struct endpoint *e)
{
	return s->families & FAMILY_BIT(addr_family(&e->addr));
}

static size_t count_endpoints(const struct slice_list *list, const struct service *s)
{
	size_t n = 0, n_ports;

	for (const struct slice *sl = list->first; sl; sl = sl->next) {
		find_ports(sl, s, &n_ports);
		n += n_ports * sl->n_endpoints;
	}
	return n;
}

/* The endpoints of one service port: those of slices that have a port of its name and
 * protocol, of the families that the service has. */
static int join_port(
    struct kube *k, const struct slice_list *list, struct service *s, struct error *err)
{
	size_t max = count_endpoints(list, s), n = 0, n_ports;
	struct endpoint *out;

	if (max > KUBE_ITEMS_MAX - k->n_endpoints)
		return error_set(err, ERR_INPUT, 0,
		    "more than %d endpoints of service ports, taken together",
		    KUBE_ITEMS_MAX);
	k->n_endpoints += max;
	out = arena_array(model_builder_arena(k->builder), struct endpoint, max);
	for (const struct slice *sl = list->first; sl; sl = sl->next) {
		const struct slice_port *port = find_ports(sl, s, &n_ports);

		for (size_t p = 0; p < n_ports; p++)
			for (size_t i = 0; i < sl->n_endpoints; i++) {
				if (!is_wanted(s, &sl->endpoints[i]))
					continue;
				out[n] = sl->endpoints[i];
				out[n++].port = port[p].port;
			}
	}
	s->endpoints = out;
	s->n_endpoints = n;
	return 0;
}

/* kube-proxy sees EndpointSlices only. Endpoints stand for those that a controller made
 * of them, but for what only slices can say. */
static const struct slice_list *endpoints_of(const struct kube *k, const struct entry *e)
{
	static const struct slice_list none = {0};

	if (e->has_slice)
		return &e->slices;
	return e->unmirrored && k->n_slices ? &none : &e->legacy;
}

static unsigned families_of(const struct slice_list *list)
{
	unsigned ret = 0;

	for (const struct slice *sl = list->first; sl; sl = sl->next)
		for (size_t i = 0; i < sl->n_endpoints; i++)
			ret |= FAMILY_BIT(addr_family(&sl->endpoints[i].addr));
	return ret;
}

static void note_legacy(const struct kube *k, const struct entry *e)
{
	unsigned there = families_of(&e->legacy), wanted = 0;

	for (size_t p = 0; p < e->n_ports; p++)
		wanted |= e->ports[p].families;
	family_foreach (f)
		if (there && wanted & ~there & FAMILY_BIT(f))
			notes_add(k->notes, NOTE_WARNING, e->key,
			    "it has no %s endpoints here: an Endpoints object holds those "
			    "of one IP family, its EndpointSlices are not here",
			    family_info(f)->name);
	if (e->truncated && e->n_ports)
		notes_add(k->notes, NOTE_WARNING, e->key,
		    "it has more endpoints than are here: an Endpoints object holds 1000, "
		    "its EndpointSlices are not here");
}

static int finish_entry(
    struct kube *k, struct entry *e, const char *where, struct error *err)
{
	const struct slice_list *list = endpoints_of(k, e);

	for (size_t p = 0; p < e->n_ports; p++) {
		if (join_port(k, list, &e->ports[p], err))
			return error_wrap(
			    err, "%s: %s:%s", where, e->key, e->ports[p].port_name);
		model_builder_add_service(k->builder, &e->ports[p]);
	}
	if (list == &e->legacy)
		note_legacy(k, e);
	return 0;
}

int kube_finish(struct kube *k, const char *where, struct error *err)
{
	size_t n_ports = 0;

	for (size_t i = 0; i < k->entries.n; i++) {
		if (finish_entry(k, k->entries.v[i], where, err))
			return -1;
		n_ports += k->entries.v[i]->n_ports;
	}
	if (n_ports && !k->n_slices && !k->n_legacy)
		notes_add(k->notes, NOTE_WARNING, NULL,
		    "there are Services, but neither EndpointSlices nor Endpoints: no "
		    "service has endpoints");
	return 0;
}
