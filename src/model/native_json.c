/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the native model JSON (vipshift/v1 ServiceModel), which is short to write by
 * hand: what has a default may be left out, what is misspelt is refused.
 */
#include "config.h"

#include "model/native_json.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define AFFINITY_DEFAULT 10800

const char *const native_policies[] = {"Cluster", "Local", NULL};
const char *const native_affinities[] = {"None", "ClientIP", NULL};
const char *const native_forwardings[] = {"masquerade", "direct", "tunnel", NULL};
const char *const native_ip_modes[] = {"", "VIP", "Proxy", NULL};

/* What an object may hold, ending with NULL. */
static const char *const service_fields[] = {"namespace", "name", "portName", "protocol",
    "type", "families", "internalTrafficPolicy", "externalTrafficPolicy",
    "sessionAffinity", "affinitySeconds", "healthCheckNodePort", "topologyAwareHints",
    "topologyMode", "sourceRanges", "scheduler", "forwarding", "incomplete", "frontends",
    "endpoints", NULL};
static const char *const frontend_fields[] = {"kind", "address", "port", "ipMode", NULL};
static const char *const endpoint_fields[] = {"address", "port", "node", "zone", "ready",
    "serving", "terminating", "weight", "hints", NULL};
static const char *const hints_fields[] = {"forZones", "forNodes", NULL};
static const char *const node_fields[] = {
    "name", "addresses", "podCIDRs", "zone", "kubeletVersion", NULL};

static int check_fields(
    const struct field *at, const char *const *known, struct error *err)
{
	for (size_t i = 0; i < field_count(at); i++) {
		const char *key = at->json->items[i].key;
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return field_error(at, key, err, "there is no such field");
	}
	return 0;
}

/* names ends with NULL; the position is the value. */
static int read_choice(const struct field *at, const char *key, const char *const *names,
    int *ret, struct error *err)
{
	char all[128];
	const char *s = NULL;
	size_t n = 0;

	if (field_string(at, key, &s, err))
		return -1;
	if (!s)
		return 0;
	for (int i = 0; names[i]; i++)
		if (!strcmp(s, names[i])) {
			*ret = i;
			return 0;
		}
	for (; *names && n < sizeof(all); names++)
		n +=
		    (size_t)snprintf(all + n, sizeof(all) - n, n ? ", %s" : "%s", *names);
	return field_error(at, key, err, "'%s' is not one of: %s", s, all);
}

static int read_interned(struct model_builder *b, const struct field *at, const char *key,
    const char **ret, struct error *err)
{
	const char *s = NULL;

	if (field_string(at, key, &s, err))
		return -1;
	if (s)
		*ret = model_builder_intern(b, s);
	return 0;
}

static int need_name(
    const struct field *at, const char *key, const char *value, struct error *err)
{
	return value && value[0] ? 0 : field_error(at, key, err, "is missing");
}

static int read_frontend(const struct field *at, struct frontend *fe, struct error *err)
{
	const char *const kinds[] = {frontend_kind_name(FE_CLUSTER),
	    frontend_kind_name(FE_EXTERNAL), frontend_kind_name(FE_LOAD_BALANCER),
	    frontend_kind_name(FE_NODE_PORT), NULL};
	int kind = FE_EXTERNAL, mode = IP_MODE_UNSET;

	if (check_fields(at, frontend_fields, err) ||
	    read_choice(at, "kind", kinds, &kind, err) ||
	    field_addr(at, "address", &fe->addr, err) ||
	    field_port(at, "port", &fe->port, err) ||
	    read_choice(at, "ipMode", native_ip_modes, &mode, err))
		return -1;
	fe->kind = (enum frontend_kind)kind;
	fe->ip_mode = (enum ip_mode)mode;
	if (!fe->port)
		return field_error(at, "port", err, "is missing");
	if (fe->kind == FE_NODE_PORT && addr_is_set(&fe->addr))
		return field_error(at, "address", err, "a node port has none");
	if (fe->kind != FE_NODE_PORT && !addr_is_set(&fe->addr))
		return field_error(at, "address", err, "is missing");
	return 0;
}

static int read_frontends(struct model_builder *b, const struct field *root,
    struct service *s, struct error *err)
{
	struct field list, item;
	struct frontend *out;

	if (field_array(root, "frontends", &list, err))
		return -1;
	out = arena_array(model_builder_arena(b), struct frontend, field_count(&list));
	for (size_t i = 0; i < field_count(&list); i++)
		if (field_item_object(&list, i, &item, err) ||
		    read_frontend(&item, &out[i], err))
			return -1;
	s->frontends = out;
	s->n_frontends = field_count(&list);
	return 0;
}

static int read_names(struct model_builder *b, const struct field *at, const char *key,
    const char *const **ret, struct error *err)
{
	struct field list;
	const char **out, *s;
	size_t n;

	if (field_array(at, key, &list, err))
		return -1;
	n = field_count(&list);
	if (!n)
		return 0;
	out = arena_array(model_builder_arena(b), const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (field_item_string(&list, i, &s, err))
			return -1;
		out[i] = model_builder_intern(b, s);
	}
	*ret = out;
	return 0;
}

static int read_endpoint(struct model_builder *b, const struct field *at,
    struct endpoint *e, struct error *err)
{
	json_int_t weight = -1;
	const char *text = NULL;
	struct field hints;

	*e = (struct endpoint){.ready = true, .serving = true, .weight = 1};
	if (check_fields(at, endpoint_fields, err) ||
	    field_addr(at, "address", &e->addr, err) ||
	    field_string(at, "address", &text, err) ||
	    field_port(at, "port", &e->port, err) ||
	    read_interned(b, at, "node", &e->node, err) ||
	    read_interned(b, at, "zone", &e->zone, err) ||
	    field_bool(at, "ready", &e->ready, err) ||
	    field_bool(at, "serving", &e->serving, err) ||
	    field_bool(at, "terminating", &e->terminating, err) ||
	    field_number(at, "weight", 0, INT32_MAX, &weight, err) ||
	    field_object(at, "hints", &hints, err) ||
	    check_fields(&hints, hints_fields, err) ||
	    read_names(b, &hints, "forZones", &e->hint_zones, err) ||
	    read_names(b, &hints, "forNodes", &e->hint_nodes, err))
		return -1;
	if (!addr_is_set(&e->addr))
		return field_error(at, "address", err, "is missing");
	e->written = model_builder_written(b, &e->addr, text);
	if (!e->port)
		return field_error(at, "port", err, "is missing");
	if (weight >= 0) {
		e->weight_set = true;
		e->weight = (uint32_t)weight;
	}
	return 0;
}

static int read_endpoints(struct model_builder *b, const struct field *root,
    struct service *s, struct error *err)
{
	struct field list, item;
	struct endpoint *out;

	if (field_array(root, "endpoints", &list, err))
		return -1;
	out = arena_array(model_builder_arena(b), struct endpoint, field_count(&list));
	for (size_t i = 0; i < field_count(&list); i++)
		if (field_item_object(&list, i, &item, err) ||
		    read_endpoint(b, &item, &out[i], err))
			return -1;
	s->endpoints = out;
	s->n_endpoints = field_count(&list);
	return 0;
}

static int read_prefixes(struct model_builder *b, const struct field *at, const char *key,
    const struct prefix **ret, size_t *n, struct error *err)
{
	struct field list;
	struct prefix *out;
	const char *s;

	if (field_array(at, key, &list, err))
		return -1;
	out = arena_array(model_builder_arena(b), struct prefix, field_count(&list));
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field item = field_item(&list, i);

		if (field_item_string(&list, i, &s, err))
			return -1;
		if (!strchr(s, '/') || !prefix_parse(s, &out[i]))
			return field_error(&item, NULL, err, "'%s' is not a CIDR", s);
	}
	*ret = out;
	*n = field_count(&list);
	return 0;
}

unsigned native_default_families(const struct service *s)
{
	unsigned cluster = 0, others = 0, behind = 0;

	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];

		if (fe->kind == FE_CLUSTER)
			cluster |= FAMILY_BIT(addr_family(&fe->addr));
		else if (fe->kind != FE_NODE_PORT)
			others |= FAMILY_BIT(addr_family(&fe->addr));
	}
	for (size_t i = 0; i < s->n_endpoints; i++)
		behind |= FAMILY_BIT(addr_family(&s->endpoints[i].addr));
	return cluster	? cluster
	       : others ? others
	       : behind ? behind
			: FAMILY_BIT(FAMILY_4);
}

static int read_families(const struct field *at, struct service *s, struct error *err)
{
	struct field list;
	const char *name;

	if (field_array(at, "families", &list, err))
		return -1;
	if (!list.json)
		s->families = native_default_families(s);
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field item = field_item(&list, i);
		unsigned bit = 0;

		if (field_item_string(&list, i, &name, err))
			return -1;
		family_foreach (f)
			if (!strcmp(name, family_info(f)->name))
				bit = FAMILY_BIT(f);
		if (!bit)
			return field_error(
			    &item, NULL, err, "'%s' is not one of: IPv4, IPv6", name);
		s->families |= bit;
	}
	return 0;
}

static int default_type(const struct service *s)
{
	int type = SVC_CLUSTER_IP;

	for (size_t i = 0; i < s->n_frontends; i++) {
		if (s->frontends[i].kind == FE_LOAD_BALANCER)
			return SVC_LOAD_BALANCER;
		if (s->frontends[i].kind == FE_NODE_PORT)
			type = SVC_NODE_PORT;
	}
	return type;
}

static int read_affinity(const struct field *at, struct service *s, struct error *err)
{
	json_int_t seconds = AFFINITY_DEFAULT;
	int affinity = 0;

	if (read_choice(at, "sessionAffinity", native_affinities, &affinity, err) ||
	    field_number(at, "affinitySeconds", 1, 86400, &seconds, err))
		return -1;
	s->affinity = affinity;
	s->affinity_sec = affinity ? (uint32_t)seconds : 0;
	return 0;
}

/* Policies and the like: what has few values. */
static int read_options(const struct field *at, struct service *s, struct error *err)
{
	const char *const types[] = {svc_type_name(SVC_CLUSTER_IP),
	    svc_type_name(SVC_NODE_PORT), svc_type_name(SVC_LOAD_BALANCER), NULL};
	int type = default_type(s), internal = 0, external = 0,
	    forwarding = FWD_MASQUERADE;
	json_int_t health = 0;

	if (read_choice(at, "type", types, &type, err) ||
	    read_choice(at, "internalTrafficPolicy", native_policies, &internal, err) ||
	    read_choice(at, "externalTrafficPolicy", native_policies, &external, err) ||
	    read_choice(at, "forwarding", native_forwardings, &forwarding, err) ||
	    field_number(at, "healthCheckNodePort", 0, 65535, &health, err) ||
	    read_affinity(at, s, err))
		return -1;
	s->type = (enum svc_type)type;
	s->internal_local = internal;
	s->external_local = external;
	s->forwarding = (enum forwarding)forwarding;
	s->health_port = (uint16_t)health;
	return 0;
}

static int read_service(struct model_builder *b, const struct field *root,
    struct service *s, struct error *err)
{
	if (check_fields(root, service_fields, err) ||
	    field_proto(root, "protocol", &s->proto, err) ||
	    read_interned(b, root, "topologyAwareHints", &s->hints_annotation, err) ||
	    read_interned(b, root, "topologyMode", &s->mode_annotation, err) ||
	    read_interned(b, root, "scheduler", &s->scheduler, err) ||
	    read_interned(b, root, "incomplete", &s->incomplete, err) ||
	    read_prefixes(b, root, "sourceRanges", &s->ranges, &s->n_ranges, err) ||
	    read_frontends(b, root, s, err) || read_endpoints(b, root, s, err) ||
	    read_families(root, s, err) || read_options(root, s, err))
		return -1;
	return 0;
}

int native_add_service(struct model_builder *b, const struct json_value *object,
    size_t index, struct error *err)
{
	const struct field services = {.key = "services"};
	const struct field element = {.up = &services, .index = index, .json = object};
	/* Once the service has a name, messages name it and the path starts there. */
	const struct field root = {.json = object};
	struct service s = {.ns = "default", .port_name = "", .proto = IPPROTO_TCP};

	if (!json_value_is(object, JSON_OBJECT))
		return field_error(&element, NULL, err, "must be an object");
	if (read_interned(b, &element, "namespace", &s.ns, err) ||
	    read_interned(b, &element, "name", &s.name, err) ||
	    read_interned(b, &element, "portName", &s.port_name, err) ||
	    need_name(&element, "name", s.name, err))
		return -1;
	if (read_service(b, &root, &s, err))
		return error_wrap(err, s.port_name[0] ? "%s/%s:%s" : "%s/%s%s", s.ns,
		    s.name, s.port_name);
	model_builder_add_service(b, &s);
	return 0;
}

static int read_node_addrs(struct model_builder *b, const struct field *root,
    struct model_node *node, struct error *err)
{
	struct field list;
	struct addr *out;

	if (field_array(root, "addresses", &list, err))
		return -1;
	out = arena_array(model_builder_arena(b), struct addr, field_count(&list));
	for (size_t i = 0; i < field_count(&list); i++) {
		struct field item = field_item(&list, i);

		if (field_addr(&item, NULL, &out[i], err))
			return -1;
		if (!addr_is_set(&out[i]))
			return field_error(&item, NULL, err, "is missing");
	}
	node->addrs = out;
	node->n_addrs = field_count(&list);
	return 0;
}

int native_add_node(struct model_builder *b, const struct json_value *object,
    size_t index, struct error *err)
{
	const struct field nodes = {.key = "nodes"};
	const struct field root = {.up = &nodes, .index = index, .json = object};
	struct model_node node = {0};

	if (!json_value_is(object, JSON_OBJECT))
		return field_error(&root, NULL, err, "must be an object");
	if (check_fields(&root, node_fields, err) ||
	    read_interned(b, &root, "name", &node.name, err) ||
	    need_name(&root, "name", node.name, err) ||
	    read_interned(b, &root, "zone", &node.zone, err) ||
	    read_interned(b, &root, "kubeletVersion", &node.kubelet_version, err) ||
	    read_node_addrs(b, &root, &node, err) ||
	    read_prefixes(b, &root, "podCIDRs", &node.pod_cidrs, &node.n_pod_cidrs, err))
		return -1;
	model_builder_add_node(b, &node);
	return 0;
}
