/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Kubernetes objects to model: Service, EndpointSlice, Endpoints, Node, with the defaults
 * and the omissions of kube-proxy. Which of the endpoints serve is left to traffic.c,
 * whether two services clash to the builder.
 */
#include "config.h"

#include "model/model_load.h"

#include "base/hash.h"
#include "base/vec.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define LABEL_PROXY_NAME "service.kubernetes.io/service-proxy-name"
#define LABEL_HEADLESS "service.kubernetes.io/headless"
#define LABEL_SERVICE "kubernetes.io/service-name"
#define LABEL_ZONE "topology.kubernetes.io/zone"
#define ANNOTATION_HINTS "service.kubernetes.io/topology-aware-hints"
#define ANNOTATION_MODE "service.kubernetes.io/topology-mode"
#define AFFINITY_DEFAULT 10800

struct slice_port {
	const char *name;
	uint8_t proto;
	uint16_t port;
};

/* Endpoints without a port, and the ports that each of them has: an EndpointSlice, or the
 * ready or unready half of an Endpoints subset. */
struct slice {
	struct slice *next;
	const struct slice_port *ports;
	size_t n_ports;
	const struct endpoint *endpoints;
	size_t n_endpoints;
};

struct slice_list {
	struct slice *first, **tail;
};

/* What is known of one "namespace/name", in whatever order it came. */
struct entry {
	const char *key;
	bool seen;	/* the Service was there, used or not */
	bool has_slice; /* some EndpointSlice names it: Endpoints do not count */
	struct service *ports;
	size_t n_ports;
	struct slice_list slices, legacy;
};

struct kube {
	struct model_builder *builder;
	struct notes *notes;
	struct arena *scratch; /* slices and entries: until kube_finish() */
	VEC(struct entry *) entries;
	struct entry **slots; /* open addressing, at most half used */
	size_t n_slots;
};

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

static struct entry *entry_get(struct kube *k, const char *ns, const char *name)
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

static struct slice *slice_add(struct kube *k, struct slice_list *list)
{
	struct slice *s = arena_new_of(k->scratch, struct slice);

	*list->tail = s;
	list->tail = &s->next;
	return s;
}

/* metadata of the object at hand. */
struct meta {
	const char *ns, *name;
	struct field metadata, labels, annotations;
};

static int read_meta(const struct field *root, struct meta *m, struct error *err)
{
	*m = (struct meta){.ns = "default"};
	if (field_object(root, "metadata", &m->metadata, err) ||
	    field_string(&m->metadata, "name", &m->name, err) ||
	    field_string(&m->metadata, "namespace", &m->ns, err) ||
	    field_object(&m->metadata, "labels", &m->labels, err) ||
	    field_object(&m->metadata, "annotations", &m->annotations, err))
		return -1;
	if (!m->name || !m->name[0])
		return field_error(root, "metadata.name", err, "is missing");
	return 0;
}

/* kube-proxy lists Services and EndpointSlices with the selectors "!label" of both. */
static bool belongs_to_others(const struct meta *m)
{
	return json_object_get(m->labels.json, LABEL_PROXY_NAME) ||
	       json_object_get(m->labels.json, LABEL_HEADLESS);
}

/* What the service ports of a Service have in common, while it is converted. */
struct svc_reader {
	struct kube *k;
	const char *about; /* "namespace/name" */
	struct field spec, status;
	struct addr cluster_ip[FAMILY_COUNT];
	VEC(struct frontend)
	shared; /* external and load-balancer IPs, without the port */
};

static void note(const struct svc_reader *r, const struct field *at, const char *key,
    const char *what, const char *value)
{
	char path[256];

	notes_add(r->k->notes, NOTE_WARNING, r->about, "%s: '%s' %s",
	    field_path(at, key, path, sizeof(path)), value, what);
}

/* Text with a fixed set of values: 0 for the first, 1 for the second; others are noted.
 */
static int read_choice(const struct svc_reader *r, const struct field *at,
    const char *key, const char *const values[2], bool *ret, struct error *err)
{
	const char *s = NULL;

	if (field_string(at, key, &s, err))
		return -1;
	if (!s || !s[0])
		return 0;
	*ret = !strcmp(s, values[1]);
	if (!*ret && strcmp(s, values[0]) != 0)
		note(r, at, key, "is not known, the default is used", s);
	return 0;
}

static int read_type(const struct svc_reader *r, enum svc_type *ret, bool *external_name,
    struct error *err)
{
	const char *s = NULL;

	if (field_string(&r->spec, "type", &s, err))
		return -1;
	*ret = SVC_CLUSTER_IP;
	*external_name = s && !strcmp(s, "ExternalName");
	if (!s || *external_name || !s[0] || !strcmp(s, "ClusterIP"))
		return 0;
	if (!strcmp(s, "NodePort"))
		*ret = SVC_NODE_PORT;
	else if (!strcmp(s, "LoadBalancer"))
		*ret = SVC_LOAD_BALANCER;
	else
		note(r, &r->spec, "type", "is not known, ClusterIP is used", s);
	return 0;
}

/* spec.clusterIPs, or clusterIP where the list is absent. *usable: false for headless
 * services and those that have no address yet. */
static int read_cluster_ips(struct svc_reader *r, bool *usable, struct error *err)
{
	const char *single = NULL, *s = NULL;
	struct field list;

	*usable = false;
	if (field_string(&r->spec, "clusterIP", &single, err) ||
	    field_array(&r->spec, "clusterIPs", &list, err))
		return -1;
	if (single && !strcmp(single, "None"))
		return 0;
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field item = field_item(&list, i);
		struct addr a = {0};

		if (field_item_string(&list, i, &s, err))
			return -1;
		if (!s[0] || !strcmp(s, "None"))
			continue;
		if (field_addr(&item, NULL, &a, err))
			return -1;
		if (!addr_is_set(&r->cluster_ip[addr_family(&a)]))
			r->cluster_ip[addr_family(&a)] = a;
		*usable = true;
	}
	if (!*usable && !field_count(&list) && single && single[0]) {
		struct addr a = {0};

		if (field_addr(&r->spec, "clusterIP", &a, err))
			return -1;
		r->cluster_ip[addr_family(&a)] = a;
		*usable = true;
	}
	return 0;
}

/* An address that kube-proxy ignores with a log line when it makes no sense. */
static void add_shared(struct svc_reader *r, const struct field *at, const char *key,
    const char *text, enum frontend_kind kind, enum ip_mode mode)
{
	struct frontend fe = {.kind = kind, .ip_mode = mode};

	if (!addr_parse(text, &fe.addr))
		note(r, at, key, "is not an IP address, ignored", text);
	else if (!addr_is_set(&r->cluster_ip[addr_family(&fe.addr)]))
		note(r, at, key, "ignored: the service has no clusterIP of that family",
		    text);
	else
		vec_push(&r->shared, fe);
}

static int read_external_ips(struct svc_reader *r, struct error *err)
{
	struct field list;
	const char *s;

	if (field_array(&r->spec, "externalIPs", &list, err))
		return -1;
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field item = field_item(&list, i);

		if (field_item_string(&list, i, &s, err))
			return -1;
		add_shared(r, &item, NULL, s, FE_EXTERNAL, IP_MODE_UNSET);
	}
	return 0;
}

static int read_ingress(struct svc_reader *r, struct error *err)
{
	struct field balancer, list, item;

	if (field_object(&r->status, "loadBalancer", &balancer, err) ||
	    field_array(&balancer, "ingress", &list, err))
		return -1;
	for (size_t i = 0; i < field_count(&list); i++) {
		const char *ip = NULL, *mode = NULL;
		enum ip_mode m = IP_MODE_UNSET;

		if (field_item_object(&list, i, &item, err) ||
		    field_string(&item, "ip", &ip, err) ||
		    field_string(&item, "ipMode", &mode, err))
			return -1;
		if (!ip || !ip[0])
			continue; /* a host name alone */
		if (mode && !strcmp(mode, "VIP"))
			m = IP_MODE_VIP;
		else if (mode && !strcmp(mode, "Proxy"))
			m = IP_MODE_PROXY;
		else if (mode && mode[0])
			note(r, &item, "ipMode", "is not known, VIP is used", mode);
		add_shared(r, &item, "ip", ip, FE_LOAD_BALANCER, m);
	}
	return 0;
}

/* kube-proxy trims blanks and takes CIDRs only: a bare address is dropped. */
static int read_ranges(struct svc_reader *r, struct service *s, struct error *err)
{
	VEC(struct prefix) ranges = {0};
	struct field list;

	if (field_array(&r->spec, "loadBalancerSourceRanges", &list, err))
		return -1;
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field item = field_item(&list, i);
		char trimmed[ADDR_STRLEN + 4];
		struct prefix p = {0};
		const char *text;
		size_t n;

		if (field_item_string(&list, i, &text, err)) {
			vec_free(&ranges);
			return -1;
		}
		text += strspn(text, " \t\r\n");
		for (n = strlen(text); n && strchr(" \t\r\n", text[n - 1]);)
			n--;
		snprintf(trimmed, sizeof(trimmed), "%.*s", (int)n, text);
		if (strchr(trimmed, '/') && n < sizeof(trimmed) &&
		    prefix_parse(trimmed, &p))
			vec_push(&ranges, p);
		else
			note(r, &item, NULL, "is not a CIDR, ignored", text);
	}
	vec_take(&ranges, model_builder_arena(r->k->builder), s->ranges, s->n_ranges);
	return 0;
}

static int read_affinity(struct svc_reader *r, struct service *s, struct error *err)
{
	static const char *const values[2] = {"None", "ClientIP"};
	json_int_t seconds = AFFINITY_DEFAULT;
	struct field config, client;

	if (read_choice(r, &r->spec, "sessionAffinity", values, &s->affinity, err) ||
	    field_object(&r->spec, "sessionAffinityConfig", &config, err) ||
	    field_object(&config, "clientIP", &client, err) ||
	    field_number(&client, "timeoutSeconds", 1, 86400, &seconds, err))
		return -1;
	s->affinity_sec = s->affinity ? (uint32_t)seconds : 0;
	return 0;
}

/* What all service ports of the Service share. */
static int read_common(
    struct svc_reader *r, const struct meta *meta, struct service *s, struct error *err)
{
	static const char *const policies[2] = {"Cluster", "Local"};
	struct model_builder *b = r->k->builder;
	const char *hints = NULL, *mode = NULL;
	json_int_t health = 0;

	s->ns = model_builder_intern(b, meta->ns);
	s->name = model_builder_intern(b, meta->name);
	family_foreach (f)
		if (addr_is_set(&r->cluster_ip[f]))
			s->families |= FAMILY_BIT(f);
	if (read_choice(r, &r->spec, "internalTrafficPolicy", policies,
		&s->internal_local, err) ||
	    read_choice(r, &r->spec, "externalTrafficPolicy", policies,
		&s->external_local, err) ||
	    field_number(&r->spec, "healthCheckNodePort", 0, 65535, &health, err) ||
	    field_string(&meta->annotations, ANNOTATION_HINTS, &hints, err) ||
	    field_string(&meta->annotations, ANNOTATION_MODE, &mode, err) ||
	    read_affinity(r, s, err) || read_ranges(r, s, err) ||
	    read_external_ips(r, err) || read_ingress(r, err))
		return -1;
	s->health_port = (uint16_t)health;
	s->hints_annotation = model_builder_intern(b, hints);
	s->mode_annotation = model_builder_intern(b, mode);
	return 0;
}

static void add_frontends(
    const struct svc_reader *r, struct service *s, uint16_t port, uint16_t node_port)
{
	size_t n = 0;
	struct frontend *out = arena_array(model_builder_arena(r->k->builder),
	    struct frontend, FAMILY_COUNT + r->shared.n + 1);

	family_foreach (f)
		if (addr_is_set(&r->cluster_ip[f]))
			out[n++] = (struct frontend){
			    .kind = FE_CLUSTER, .port = port, .addr = r->cluster_ip[f]};
	for (size_t i = 0; i < r->shared.n; i++) {
		out[n] = r->shared.v[i];
		out[n++].port = port;
	}
	if (node_port)
		out[n++] = (struct frontend){.kind = FE_NODE_PORT, .port = node_port};
	s->frontends = out;
	s->n_frontends = n;
}

static int read_port(const struct svc_reader *r, const struct field *at,
    struct service *s, struct error *err)
{
	const char *name = "";
	uint16_t port = 0;
	json_int_t node_port = 0;

	s->proto = IPPROTO_TCP;
	if (field_string(at, "name", &name, err) ||
	    field_proto(at, "protocol", &s->proto, err) ||
	    field_port(at, "port", &port, err) ||
	    field_number(at, "nodePort", 0, 65535, &node_port, err))
		return -1;
	if (!port)
		return field_error(at, "port", err, "is missing");
	s->port_name = model_builder_intern(r->k->builder, name);
	add_frontends(r, s, port, (uint16_t)node_port);
	return 0;
}

static int read_ports(struct svc_reader *r, const struct service *common, struct entry *e,
    struct error *err)
{
	struct field list, item;

	if (field_array(&r->spec, "ports", &list, err))
		return -1;
	e->ports = arena_array(r->k->scratch, struct service, field_count(&list));
	for (size_t i = 0; i < field_count(&list); i++) {
		e->ports[i] = *common;
		if (field_item_object(&list, i, &item, err) ||
		    read_port(r, &item, &e->ports[i], err))
			return -1;
		e->n_ports++;
	}
	return 0;
}

static int read_service(struct svc_reader *r, const struct field *root,
    const struct meta *meta, struct entry *e, struct error *err)
{
	struct service common = {0};
	bool external_name, usable;

	if (field_object(root, "spec", &r->spec, err) ||
	    field_object(root, "status", &r->status, err) ||
	    read_type(r, &common.type, &external_name, err) ||
	    read_cluster_ips(r, &usable, err))
		return -1;
	if (external_name || !usable)
		return 0;
	if (read_common(r, meta, &common, err))
		return -1;
	return read_ports(r, &common, e, err);
}

static int add_service(struct kube *k, const struct field *root, struct error *err)
{
	struct svc_reader r = {.k = k};
	struct entry *e;
	struct meta meta;
	int ret;

	if (read_meta(root, &meta, err))
		return -1;
	e = entry_get(k, meta.ns, meta.name);
	r.about = e->key;
	if (e->seen)
		return error_set(
		    err, ERR_INPUT, 0, "%s: this Service is there twice", e->key);
	e->seen = true;
	if (belongs_to_others(&meta))
		return 0;
	ret = read_service(&r, root, &meta, e, err);
	vec_free(&r.shared);
	return ret ? error_wrap(err, "%s", e->key) : 0;
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

/* *used: false for an endpoint without addresses, or one of another family. */
static int read_endpoint(struct kube *k, const struct field *at, enum family f,
    struct endpoint *e, bool *used, struct error *err)
{
	struct field addresses, conditions, hints, first;
	const char *node = NULL, *zone = NULL;

	*e = (struct endpoint){.ready = true, .serving = true, .weight = 1};
	*used = false;
	if (field_array(at, "addresses", &addresses, err))
		return -1;
	if (!field_count(&addresses))
		return 0;
	first = field_item(&addresses, 0); /* kube-proxy uses no other */
	if (field_addr(&first, NULL, &e->addr, err) ||
	    field_object(at, "conditions", &conditions, err) ||
	    field_bool(&conditions, "ready", &e->ready, err) ||
	    field_bool(&conditions, "serving", &e->serving, err) ||
	    field_bool(&conditions, "terminating", &e->terminating, err) ||
	    field_string(at, "nodeName", &node, err) ||
	    field_string(at, "zone", &zone, err) ||
	    field_object(at, "hints", &hints, err) ||
	    read_hints(k, &hints, "forZones", &e->hint_zones, err) ||
	    read_hints(k, &hints, "forNodes", &e->hint_nodes, err))
		return -1;
	e->node = model_builder_intern(k->builder, node);
	e->zone = model_builder_intern(k->builder, zone);
	*used = addr_is_set(&e->addr) && addr_family(&e->addr) == f;
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
		json_int_t port = 0;

		if (field_item_object(&list, i, &item, err) ||
		    field_string(&item, "name", &name, err) ||
		    field_proto(&item, "protocol", &proto, err) ||
		    field_number(&item, "port", 0, 65535, &port, err))
			return -1;
		if (name && port)
			out[s->n_ports++] = (struct slice_port){
			    .name = model_builder_intern(k->builder, name),
			    .proto = proto,
			    .port = (uint16_t)port};
	}
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
	if (read_slice_ports(k, root, true, s, err))
		return -1;
	return read_endpoints(k, root, f, s, err);
}

static int add_endpoint_slice(struct kube *k, const struct field *root, struct error *err)
{
	const char *service = NULL;
	struct entry *e;
	struct meta meta;

	if (read_meta(root, &meta, err) ||
	    field_string(&meta.labels, LABEL_SERVICE, &service, err))
		return error_wrap(err, "EndpointSlice");
	if (!service)
		return 0;
	e = entry_get(k, meta.ns, service);
	e->has_slice = true;
	if (belongs_to_others(&meta))
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

static int add_endpoints(struct kube *k, const struct field *root, struct error *err)
{
	struct field subsets, subset;
	struct entry *e;
	struct meta meta;

	if (read_meta(root, &meta, err) || field_array(root, "subsets", &subsets, err))
		return error_wrap(err, "Endpoints");
	if (belongs_to_others(&meta))
		return 0;
	e = entry_get(k, meta.ns, meta.name);
	for (size_t i = 0; i < field_count(&subsets); i++)
		if (field_item_object(&subsets, i, &subset, err) ||
		    read_subset(
			k, &subset, "addresses", true, slice_add(k, &e->legacy), err) ||
		    read_subset(k, &subset, "notReadyAddresses", false,
			slice_add(k, &e->legacy), err))
			return error_wrap(err, "Endpoints %s", e->key);
	return 0;
}

/* The addresses of one type. */
static int read_node_addrs(struct kube *k, const struct field *status, const char *type,
    struct model_node *node, struct error *err)
{
	struct field list, item;
	struct addr *out;

	if (field_array(status, "addresses", &list, err))
		return -1;
	out =
	    arena_array(model_builder_arena(k->builder), struct addr, field_count(&list));
	node->addrs = out;
	for (size_t i = 0; i < field_count(&list); i++) {
		const char *is = NULL;

		if (field_item_object(&list, i, &item, err) ||
		    field_string(&item, "type", &is, err))
			return -1;
		if (!is || strcmp(is, type) != 0)
			continue;
		if (field_addr(&item, "address", &out[node->n_addrs], err))
			return -1;
		if (addr_is_set(&out[node->n_addrs]))
			node->n_addrs++;
	}
	return 0;
}

static int read_pod_cidrs(
    struct kube *k, const struct field *spec, struct model_node *node, struct error *err)
{
	struct field list;
	struct prefix *out;
	const char *s = NULL;
	size_t n;

	if (field_array(spec, "podCIDRs", &list, err) ||
	    field_string(spec, "podCIDR", &s, err))
		return -1;
	n = field_count(&list);
	out = arena_array(model_builder_arena(k->builder), struct prefix, n + 1);
	node->pod_cidrs = out;
	for (size_t i = 0; i < n; i++) {
		struct field item = field_item(&list, i);

		if (field_item_string(&list, i, &s, err))
			return -1;
		if (!prefix_parse(s, &out[node->n_pod_cidrs++]))
			return field_error(&item, NULL, err, "'%s' is not a CIDR", s);
	}
	if (!n && s && s[0] && !prefix_parse(s, &out[node->n_pod_cidrs++]))
		return field_error(spec, "podCIDR", err, "'%s' is not a CIDR", s);
	return 0;
}

static int read_node(
    struct kube *k, const struct field *root, const struct meta *meta, struct error *err)
{
	struct model_node node = {.name = model_builder_intern(k->builder, meta->name)};
	struct field spec, status, info;
	const char *zone = NULL, *version = NULL;

	if (field_object(root, "spec", &spec, err) ||
	    field_object(root, "status", &status, err) ||
	    field_object(&status, "nodeInfo", &info, err) ||
	    field_string(&info, "kubeletVersion", &version, err) ||
	    field_string(&meta->labels, LABEL_ZONE, &zone, err) ||
	    read_pod_cidrs(k, &spec, &node, err) ||
	    read_node_addrs(k, &status, "InternalIP", &node, err))
		return -1;
	/* As kube-proxy: the external addresses only where there is no internal one. */
	if (!node.n_addrs && read_node_addrs(k, &status, "ExternalIP", &node, err))
		return -1;
	node.zone = model_builder_intern(k->builder, zone);
	node.kubelet_version =
	    version && version[0] ? model_builder_intern(k->builder, version) : NULL;
	model_builder_add_node(k->builder, &node);
	return 0;
}

static int add_node(struct kube *k, const struct field *root, struct error *err)
{
	struct meta meta;

	if (read_meta(root, &meta, err))
		return error_wrap(err, "Node");
	if (read_node(k, root, &meta, err))
		return error_wrap(err, "Node %s", meta.name);
	return 0;
}

static const struct object_kind {
	const char *kind;
	const char *group; /* before the version in apiVersion */
	int (*add)(struct kube *k, const struct field *root, struct error *err);
} object_kinds[] = {
    {"Service", "", add_service},
    {"EndpointSlice", "discovery.k8s.io/", add_endpoint_slice},
    {"Endpoints", "", add_endpoints},
    {"Node", "", add_node},
};

/* Other API groups have a kind Service too. */
static bool same_group(const struct object_kind *ok, const char *api_version)
{
	size_t n = strlen(ok->group);

	if (!api_version)
		return true;
	return n ? !strncmp(api_version, ok->group, n) : !strchr(api_version, '/');
}

const char *kube_guess_kind(const json_t *object)
{
	const json_t *spec = json_object_get(object, "spec");
	const json_t *status = json_object_get(object, "status");

	if (json_object_get(object, "addressType"))
		return "EndpointSlice";
	if (json_object_get(object, "subsets"))
		return "Endpoints";
	if (json_object_get(spec, "clusterIP") || json_object_get(spec, "clusterIPs") ||
	    json_object_get(spec, "sessionAffinity"))
		return "Service";
	if (json_object_get(status, "nodeInfo"))
		return "Node";
	return NULL;
}

int kube_add(
    struct kube *k, const char *kind, json_t *object, bool *taken, struct error *err)
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

/* The endpoints of one service port: those of slices that have a port of its name and
 * protocol, of the families that the service has. */
static void join_port(struct kube *k, const struct slice_list *list, struct service *s)
{
	VEC(struct endpoint) found = {0};

	for (const struct slice *sl = list->first; sl; sl = sl->next)
		for (size_t p = 0; p < sl->n_ports; p++) {
			const struct slice_port *port = &sl->ports[p];

			if (port->proto != s->proto ||
			    strcmp(port->name, s->port_name) != 0)
				continue;
			for (size_t i = 0; i < sl->n_endpoints; i++) {
				const struct endpoint *e = &sl->endpoints[i];

				if (!(s->families & FAMILY_BIT(addr_family(&e->addr))))
					continue;
				vec_push(&found, *e);
				found.v[found.n - 1].port = port->port;
			}
		}
	vec_take(&found, model_builder_arena(k->builder), s->endpoints, s->n_endpoints);
}

void kube_finish(struct kube *k)
{
	for (size_t i = 0; i < k->entries.n; i++) {
		struct entry *e = k->entries.v[i];

		for (size_t p = 0; p < e->n_ports; p++) {
			join_port(
			    k, e->has_slice ? &e->slices : &e->legacy, &e->ports[p]);
			model_builder_add_service(k->builder, &e->ports[p]);
		}
	}
}
