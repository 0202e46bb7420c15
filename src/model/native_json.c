/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The native model JSON (vipshift/v1 ServiceModel): carries all that struct model holds,
 * and is short to write by hand: what has a default may be left out, what is misspelt is
 * refused.
 */
#include "config.h"

#include "model/model_load.h"

#include "base/strbuf.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define AFFINITY_DEFAULT 10800
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The spelling of an enum: the position is the value. */
struct spelling {
	const char *const *names;
	size_t n;
};
#define SPELLING(array) ((struct spelling){(array), COUNT(array)})

static const char *const type_names[] = {"ClusterIP", "NodePort", "LoadBalancer"};
static const char *const policy_names[] = {"Cluster", "Local"};
static const char *const affinity_names[] = {"None", "ClientIP"};
static const char *const forwarding_names[] = {"masquerade", "direct", "tunnel"};
static const char *const ip_mode_names[] = {"", "VIP", "Proxy"};

/* What an object may hold, ending with NULL. */
static const char *const service_fields[] = {"namespace", "name", "portName", "protocol",
    "type", "families", "internalTrafficPolicy", "externalTrafficPolicy",
    "sessionAffinity", "affinitySeconds", "healthCheckNodePort", "topologyAwareHints",
    "topologyMode", "sourceRanges", "scheduler", "forwarding", "frontends", "endpoints",
    NULL};
static const char *const frontend_fields[] = {"kind", "address", "port", "ipMode", NULL};
static const char *const endpoint_fields[] = {"address", "port", "node", "zone", "ready",
    "serving", "terminating", "weight", "hints", NULL};
static const char *const hints_fields[] = {"forZones", "forNodes", NULL};
static const char *const node_fields[] = {
    "name", "addresses", "podCIDRs", "zone", "kubeletVersion", NULL};

static int check_fields(
    const struct field *at, const char *const *known, struct error *err)
{
	const char *key;
	json_t *v;

	json_object_foreach(at->json, key, v)
	{
		const char *const *k = known;

		while (*k && strcmp(*k, key) != 0)
			k++;
		if (!*k)
			return field_error(at, key, err, "there is no such field");
	}
	return 0;
}

static int read_choice(const struct field *at, const char *key, struct spelling sp,
    int *ret, struct error *err)
{
	char all[128];
	const char *s = NULL;
	size_t n = 0;

	if (field_string(at, key, &s, err))
		return -1;
	if (!s)
		return 0;
	for (size_t i = 0; i < sp.n; i++)
		if (!strcmp(s, sp.names[i])) {
			*ret = (int)i;
			return 0;
		}
	for (size_t i = 0; i < sp.n && n < sizeof(all); i++)
		n += (size_t)snprintf(
		    all + n, sizeof(all) - n, n ? ", %s" : "%s", sp.names[i]);
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
	    frontend_kind_name(FE_NODE_PORT)};
	int kind = FE_EXTERNAL, mode = IP_MODE_UNSET;

	if (check_fields(at, frontend_fields, err) ||
	    read_choice(at, "kind", SPELLING(kinds), &kind, err) ||
	    field_addr(at, "address", &fe->addr, err) ||
	    field_port(at, "port", &fe->port, err) ||
	    read_choice(at, "ipMode", SPELLING(ip_mode_names), &mode, err))
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
	struct field hints;

	*e = (struct endpoint){.ready = true, .serving = true, .weight = 1};
	if (check_fields(at, endpoint_fields, err) ||
	    field_addr(at, "address", &e->addr, err) ||
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

/* Without "families": those of the cluster IPs; where there is none, of all addresses in
 * front; where there are node ports alone, of the endpoints. */
static unsigned default_families(const struct service *s)
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
		s->families = default_families(s);
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

	if (read_choice(
		at, "sessionAffinity", SPELLING(affinity_names), &affinity, err) ||
	    field_number(at, "affinitySeconds", 1, 86400, &seconds, err))
		return -1;
	s->affinity = affinity;
	s->affinity_sec = affinity ? (uint32_t)seconds : 0;
	return 0;
}

/* Policies and the like: what has few values. */
static int read_options(const struct field *at, struct service *s, struct error *err)
{
	int type = default_type(s), internal = 0, external = 0,
	    forwarding = FWD_MASQUERADE;
	json_int_t health = 0;

	if (read_choice(at, "type", SPELLING(type_names), &type, err) ||
	    read_choice(
		at, "internalTrafficPolicy", SPELLING(policy_names), &internal, err) ||
	    read_choice(
		at, "externalTrafficPolicy", SPELLING(policy_names), &external, err) ||
	    read_choice(at, "forwarding", SPELLING(forwarding_names), &forwarding, err) ||
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
	    read_prefixes(b, root, "sourceRanges", &s->ranges, &s->n_ranges, err) ||
	    read_frontends(b, root, s, err) || read_endpoints(b, root, s, err) ||
	    read_families(root, s, err) || read_options(root, s, err))
		return -1;
	return 0;
}

int native_add_service(
    struct model_builder *b, json_t *object, size_t index, struct error *err)
{
	const struct field services = {.key = "services"};
	const struct field element = {.up = &services, .index = index, .json = object};
	/* Once the service has a name, messages name it and the path starts there. */
	const struct field root = {.json = object};
	struct service s = {.ns = "default", .port_name = "", .proto = IPPROTO_TCP};

	if (!json_is_object(object))
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

int native_add_node(
    struct model_builder *b, json_t *object, size_t index, struct error *err)
{
	const struct field nodes = {.key = "nodes"};
	const struct field root = {.up = &nodes, .index = index, .json = object};
	struct model_node node = {0};

	if (!json_is_object(object))
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

static void put_text(struct strbuf *sb, const char *s)
{
	strbuf_addch(sb, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			strbuf_addch(sb, '\\');
			strbuf_addch(sb, (char)c);
		} else if (c < ' ') {
			strbuf_addf(sb, "\\u%04x", c);
		} else {
			strbuf_addch(sb, (char)c);
		}
	}
	strbuf_addch(sb, '"');
}

/* ', "key": ' */
static void put_key(struct strbuf *sb, const char *key)
{
	strbuf_add(sb, ", \"");
	strbuf_add(sb, key);
	strbuf_add(sb, "\": ");
}

/* Optional text: nothing for NULL. */
static void put_string(struct strbuf *sb, const char *key, const char *value)
{
	if (!value)
		return;
	put_key(sb, key);
	put_text(sb, value);
}

static void put_number(struct strbuf *sb, const char *key, unsigned long long v)
{
	put_key(sb, key);
	strbuf_addu(sb, v);
}

static void put_bool(struct strbuf *sb, const char *key, bool v)
{
	put_key(sb, key);
	strbuf_add(sb, v ? "true" : "false");
}

static void put_addr(struct strbuf *sb, const struct addr *a)
{
	strbuf_addch(sb, '"');
	addr_print(sb, a);
	strbuf_addch(sb, '"');
}

static void put_prefixes(
    struct strbuf *sb, const char *key, const struct prefix *v, size_t n)
{
	if (!n)
		return;
	put_key(sb, key);
	for (size_t i = 0; i < n; i++) {
		strbuf_add(sb, i ? ", \"" : "[\"");
		prefix_print(sb, &v[i]);
		strbuf_addch(sb, '"');
	}
	strbuf_addch(sb, ']');
}

static void put_names(struct strbuf *sb, const char *const *names)
{
	for (size_t i = 0; names[i]; i++) {
		strbuf_add(sb, i ? ", " : "[");
		put_text(sb, names[i]);
	}
	strbuf_addch(sb, ']');
}

static void put_hints(struct strbuf *sb, const struct endpoint *e)
{
	if (!e->hint_zones && !e->hint_nodes)
		return;
	put_key(sb, "hints");
	strbuf_addch(sb, '{');
	if (e->hint_zones) {
		strbuf_add(sb, "\"forZones\": ");
		put_names(sb, e->hint_zones);
	}
	if (e->hint_nodes) {
		strbuf_add(sb, e->hint_zones ? ", \"forNodes\": " : "\"forNodes\": ");
		put_names(sb, e->hint_nodes);
	}
	strbuf_addch(sb, '}');
}

static void put_frontend(struct strbuf *sb, const struct frontend *fe)
{
	strbuf_add(sb, "{\"kind\": ");
	put_text(sb, frontend_kind_name(fe->kind));
	if (addr_is_set(&fe->addr)) {
		put_key(sb, "address");
		put_addr(sb, &fe->addr);
	}
	put_number(sb, "port", fe->port);
	if (fe->ip_mode != IP_MODE_UNSET)
		put_string(sb, "ipMode", ip_mode_names[fe->ip_mode]);
	strbuf_addch(sb, '}');
}

static void put_endpoint(struct strbuf *sb, const struct endpoint *e)
{
	strbuf_add(sb, "{\"address\": ");
	put_addr(sb, &e->addr);
	put_number(sb, "port", e->port);
	put_string(sb, "node", e->node);
	put_bool(sb, "ready", e->ready);
	put_bool(sb, "serving", e->serving);
	put_bool(sb, "terminating", e->terminating);
	if (e->weight_set)
		put_number(sb, "weight", e->weight);
	put_string(sb, "zone", e->zone);
	put_hints(sb, e);
	strbuf_addch(sb, '}');
}

static void put_families(struct strbuf *sb, const struct service *s)
{
	bool first = true;

	if (s->families == default_families(s))
		return;
	put_key(sb, "families");
	strbuf_addch(sb, '[');
	family_foreach (f)
		if (s->families & FAMILY_BIT(f)) {
			strbuf_add(sb, first ? "" : ", ");
			put_text(sb, family_info(f)->name);
			first = false;
		}
	strbuf_addch(sb, ']');
}

/* "TCP": upper case as in Kubernetes. */
static void put_proto(struct strbuf *sb, uint8_t proto)
{
	put_key(sb, "protocol");
	strbuf_addch(sb, '"');
	for (const char *p = proto_name(proto); p && *p; p++)
		strbuf_addch(sb, (char)(*p - 'a' + 'A'));
	strbuf_addch(sb, '"');
}

static void put_service_head(struct strbuf *sb, const struct service *s)
{
	strbuf_add(sb, "\"namespace\": ");
	put_text(sb, s->ns);
	put_string(sb, "name", s->name);
	put_string(sb, "portName", s->port_name[0] ? s->port_name : NULL);
	put_proto(sb, s->proto);
	put_string(sb, "type", type_names[s->type]);
	put_families(sb, s);
	if (s->internal_local)
		put_string(sb, "internalTrafficPolicy", policy_names[1]);
	if (s->external_local)
		put_string(sb, "externalTrafficPolicy", policy_names[1]);
	if (s->affinity) {
		put_string(sb, "sessionAffinity", affinity_names[1]);
		put_number(sb, "affinitySeconds", s->affinity_sec);
	}
	if (s->health_port)
		put_number(sb, "healthCheckNodePort", s->health_port);
	put_string(sb, "topologyAwareHints", s->hints_annotation);
	put_string(sb, "topologyMode", s->mode_annotation);
	put_prefixes(sb, "sourceRanges", s->ranges, s->n_ranges);
	put_string(sb, "scheduler", s->scheduler);
	if (s->forwarding != FWD_MASQUERADE)
		put_string(sb, "forwarding", forwarding_names[s->forwarding]);
}

static void put_service(struct strbuf *sb, const struct service *s)
{
	strbuf_add(sb, "{\n      ");
	put_service_head(sb, s);
	strbuf_add(sb, ",\n      \"frontends\": [");
	for (size_t i = 0; i < s->n_frontends; i++) {
		strbuf_add(sb, i ? ",\n        " : "\n        ");
		put_frontend(sb, &s->frontends[i]);
	}
	strbuf_add(sb, s->n_frontends ? "\n      ],\n" : "],\n");
	strbuf_add(sb, "      \"endpoints\": [");
	for (size_t i = 0; i < s->n_endpoints; i++) {
		strbuf_add(sb, i ? ",\n        " : "\n        ");
		put_endpoint(sb, &s->endpoints[i]);
	}
	strbuf_add(sb, s->n_endpoints ? "\n      ]\n    }" : "]\n    }");
}

static void put_node(struct strbuf *sb, const struct model_node *n)
{
	strbuf_add(sb, "{\"name\": ");
	put_text(sb, n->name);
	if (n->n_addrs) {
		put_key(sb, "addresses");
		for (size_t i = 0; i < n->n_addrs; i++) {
			strbuf_add(sb, i ? ", " : "[");
			put_addr(sb, &n->addrs[i]);
		}
		strbuf_addch(sb, ']');
	}
	put_prefixes(sb, "podCIDRs", n->pod_cidrs, n->n_pod_cidrs);
	put_string(sb, "zone", n->zone);
	put_string(sb, "kubeletVersion", n->kubelet_version);
	strbuf_addch(sb, '}');
}

int model_write_json(const struct model *m, FILE *out, struct error *err)
{
	struct strbuf sb = {.out = out};
	int ret = 0;

	strbuf_add(&sb, "{\n  \"apiVersion\": \"" NATIVE_API_VERSION
			"\",\n  \"kind\": \"" NATIVE_KIND "\",\n  \"nodes\": [");
	for (size_t i = 0; i < m->n_nodes; i++) {
		strbuf_add(&sb, i ? ",\n    " : "\n    ");
		put_node(&sb, &m->nodes[i]);
	}
	strbuf_add(
	    &sb, m->n_nodes ? "\n  ],\n  \"services\": [" : "],\n  \"services\": [");
	for (size_t i = 0; i < m->n_services; i++) {
		strbuf_add(&sb, i ? ",\n    " : "\n    ");
		put_service(&sb, &m->services[i]);
	}
	strbuf_add(&sb, m->n_services ? "\n  ]\n}\n" : "]\n}\n");
	errno = 0;
	if (strbuf_flush(&sb) || fflush(out) || ferror(out))
		ret = error_set(err, ERR_KERNEL, errno, "cannot write the model");
	strbuf_free(&sb);
	return ret;
}
