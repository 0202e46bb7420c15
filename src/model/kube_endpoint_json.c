/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EndpointSlices, and Endpoints for services that have none, as lists of endpoints. */
#include "config.h"

#include "model/kube_json.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_SERVICE "kubernetes.io/service-name"
#define LABEL_SKIP_MIRROR "endpointslice.kubernetes.io/skip-mirror"
#define ANNOTATION_CAPACITY "endpoints.kubernetes.io/over-capacity"

static struct slice *slice_add(struct kube *k, struct slice_list *list)
{
	struct slice *s = arena_new_of(k->scratch, struct slice);

	*list->tail = s;
	list->tail = &s->next;
	return s;
}

/* hints.forZones or forNodes: a list of {"name": ...}. */
static int read_hints(struct kube *k, const struct field *hints, const char *key,
    const char *const **ret, struct error *err)
{
	const char **names;
	struct field list, item;
	size_t n = 0;

	if (field_array(hints, key, &list, err))
		return -1;
	if (!field_count(&list))
		return 0;
	names = arena_array(
	    model_builder_arena(k->builder), const char *, field_count(&list) + 1);
	for (size_t i = 0; i < field_count(&list); i++) {
		const char *name = NULL;

		if (field_item_object(&list, i, &item, err) ||
		    field_string(&item, "name", &name, err))
			return -1;
		if (name)
			names[n++] = model_builder_intern(k->builder, name);
	}
	if (n)
		*ret = names;
	return 0;
}

/* Slices of v1beta1, up to Kubernetes 1.24. */
static int read_topology(
    const struct field *at, const char **node, const char **zone, struct error *err)
{
	struct field topology;

	if (field_object(at, "topology", &topology, err))
		return -1;
	if (!*node && field_string(&topology, "kubernetes.io/hostname", node, err))
		return -1;
	return *zone ? 0
		     : field_string(&topology, "topology.kubernetes.io/zone", zone, err);
}

/* *used: false for an endpoint without addresses, or one of another family. */
static int read_endpoint(struct kube *k, const struct field *at, enum family f,
    struct endpoint *e, bool *used, struct error *err)
{
	struct field addresses, conditions, hints, first;
	const char *node = NULL, *zone = NULL, *text = NULL;

	*e = (struct endpoint){.ready = true, .serving = true, .weight = 1};
	*used = false;
	if (field_array(at, "addresses", &addresses, err))
		return -1;
	if (!field_count(&addresses))
		return 0;
	first = field_item(&addresses, 0); /* kube-proxy uses no other */
	if (field_addr(&first, NULL, &e->addr, err) ||
	    field_string(&first, NULL, &text, err) ||
	    field_object(at, "conditions", &conditions, err) ||
	    field_bool(&conditions, "ready", &e->ready, err) ||
	    field_bool(&conditions, "serving", &e->serving, err) ||
	    field_bool(&conditions, "terminating", &e->terminating, err) ||
	    field_string(at, "nodeName", &node, err) ||
	    field_string(at, "zone", &zone, err) ||
	    read_topology(at, &node, &zone, err) ||
	    field_object(at, "hints", &hints, err) ||
	    read_hints(k, &hints, "forZones", &e->hint_zones, err) ||
	    read_hints(k, &hints, "forNodes", &e->hint_nodes, err))
		return -1;
	e->node = model_builder_intern(k->builder, node);
	e->zone = model_builder_intern(k->builder, zone);
	if (addr_is_set(&e->addr) && addr_family(&e->addr) != f) {
		notes_add(k->notes, NOTE_WARNING, k->about,
		    "an endpoint that is no %s address, as the EndpointSlice's "
		    "addressType says, is ignored",
		    family_info(f)->name);
		return 0;
	}
	*used = addr_is_set(&e->addr);
	if (*used)
		e->written = model_builder_written(k->builder, &e->addr, text);
	return 0;
}

static int read_endpoints(struct kube *k, const struct field *root, enum family f,
    struct slice *s, struct error *err)
{
	struct field list, item;
	struct endpoint *out;

	if (field_array(root, "endpoints", &list, err))
		return -1;
	out = arena_array(k->scratch, struct endpoint, field_count(&list));
	s->endpoints = out;
	for (size_t i = 0; i < field_count(&list); i++) {
		bool used;

		if (field_item_object(&list, i, &item, err) ||
		    read_endpoint(k, &item, f, &out[s->n_endpoints], &used, err))
			return -1;
		s->n_endpoints += used;
	}
	return 0;
}

/* named: a slice port without a name is dropped, as kube-proxy does; the API server never
 * stores one. In Endpoints the name may be absent. */
static int read_slice_ports(struct kube *k, const struct field *at, bool named,
    struct slice *s, struct error *err)
{
	struct field list, item;
	struct slice_port *out;

	if (field_array(at, "ports", &list, err))
		return -1;
	out = arena_array(k->scratch, struct slice_port, field_count(&list));
	s->ports = out;
	for (size_t i = 0; i < field_count(&list); i++) {
		const char *name = named ? NULL : "";
		uint8_t proto = IPPROTO_TCP;
		json_int_t port = -1; /* may be absent: any port, which is none for a
				       * service */

		if (field_item_object(&list, i, &item, err) ||
		    field_string(&item, "name", &name, err) ||
		    field_proto(&item, "protocol", &proto, err) ||
		    field_number(&item, "port", 0, 65535, &port, err))
			return -1;
		if (!port)
			notes_add(k->notes, NOTE_WARNING, k->about,
			    "an endpoint port 0 is no port, ignored");
		if (name && port > 0)
			out[s->n_ports++] = (struct slice_port){
			    .name = model_builder_intern(k->builder, name),
			    .proto = proto,
			    .port = (uint16_t)port,
			    .place = (uint32_t)i};
	}
	qsort(out, s->n_ports, sizeof(*out), kube_compare_ports);
	return 0;
}

static int read_slice(
    struct kube *k, const struct field *root, struct entry *e, struct error *err)
{
	const char *type = NULL;
	enum family f;
	struct slice *s;

	if (field_string(root, "addressType", &type, err))
		return -1;
	if (!type)
		return field_error(root, "addressType", err, "is missing");
	for (f = FAMILY_4; f < FAMILY_COUNT; f++)
		if (!strcmp(type, family_info(f)->name))
			break;
	if (f == FAMILY_COUNT) {
		if (strcmp(type, "FQDN") != 0)
			notes_add(k->notes, NOTE_WARNING, e->key,
			    "an EndpointSlice of addressType '%s' is ignored", type);
		return 0;
	}
	s = slice_add(k, &e->slices);
	k->about = e->key;
	if (read_slice_ports(k, root, true, s, err))
		return -1;
	return read_endpoints(k, root, f, s, err);
}

int kube_add_slice(struct kube *k, const struct field *root, struct error *err)
{
	const char *service = NULL;
	struct entry *e;
	struct meta meta;
	bool copy;

	if (kube_read_meta(root, &meta, err) ||
	    field_string(&meta.labels, LABEL_SERVICE, &service, err))
		return error_wrap(err, "EndpointSlice");
	if (kube_read_once(k, "EndpointSlice", &meta, &copy, err))
		return error_wrap(err, "EndpointSlice %s/%s", meta.ns, meta.name);
	k->n_slices++;
	if (!service || copy)
		return 0;
	e = kube_entry(k, meta.ns, service);
	e->has_slice = true;
	if (kube_belongs_to_others(&meta))
		return 0;
	if (read_slice(k, root, e, err))
		return error_wrap(err, "EndpointSlice %s/%s", meta.ns, meta.name);
	return 0;
}

/* One of the two address lists of an Endpoints subset. */
static int read_subset(struct kube *k, const struct field *subset, const char *key,
    bool ready, struct slice *s, struct error *err)
{
	struct field list, item;
	struct endpoint *out;

	if (read_slice_ports(k, subset, false, s, err) ||
	    field_array(subset, key, &list, err))
		return -1;
	out = arena_array(k->scratch, struct endpoint, field_count(&list));
	s->endpoints = out;
	for (size_t i = 0; i < field_count(&list); i++) {
		struct endpoint *e = &out[s->n_endpoints];
		const char *node = NULL;

		*e = (struct endpoint){.ready = ready, .serving = ready, .weight = 1};
		if (field_item_object(&list, i, &item, err) ||
		    field_addr(&item, "ip", &e->addr, err) ||
		    field_string(&item, "nodeName", &node, err))
			return -1;
		if (!addr_is_set(&e->addr))
			return field_error(&item, "ip", err, "is missing");
		e->node = model_builder_intern(k->builder, node);
		s->n_endpoints++;
	}
	return 0;
}

int kube_add_endpoints(struct kube *k, const struct field *root, struct error *err)
{
	const char *skip = NULL, *capacity = NULL;
	struct field subsets, subset;
	struct entry *e;
	struct meta meta;
	bool copy;

	if (kube_read_meta(root, &meta, err) ||
	    field_array(root, "subsets", &subsets, err) ||
	    field_string(&meta.labels, LABEL_SKIP_MIRROR, &skip, err) ||
	    field_string(&meta.annotations, ANNOTATION_CAPACITY, &capacity, err))
		return error_wrap(err, "Endpoints");
	if (kube_read_once(k, "Endpoints", &meta, &copy, err))
		return error_wrap(err, "Endpoints %s/%s", meta.ns, meta.name);
	k->n_legacy++;
	if (kube_belongs_to_others(&meta) || copy)
		return 0;
	e = kube_entry(k, meta.ns, meta.name);
	e->unmirrored = skip && !strcmp(skip, "true");
	e->truncated = capacity && !strcmp(capacity, "truncated");
	k->about = e->key;
	for (size_t i = 0; i < field_count(&subsets); i++)
		if (field_item_object(&subsets, i, &subset, err) ||
		    read_subset(
			k, &subset, "addresses", true, slice_add(k, &e->legacy), err) ||
		    read_subset(k, &subset, "notReadyAddresses", false,
			slice_add(k, &e->legacy), err))
			return error_wrap(err, "Endpoints %s", e->key);
	return 0;
}
