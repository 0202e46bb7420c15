/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Kubernetes Service as service ports, with the defaults and the omissions of
 * kube-proxy. Endpoints come later; whether two services clash is left to the builder.
 */
#include "config.h"

#include "model/kube_json.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define ANNOTATION_HINTS "service.kubernetes.io/topology-aware-hints"
#define ANNOTATION_MODE "service.kubernetes.io/topology-mode"
#define AFFINITY_DEFAULT 10800

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

	if (!addr_parse_kube(text, &fe.addr))
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
		if (n < sizeof(trimmed) && cidr_parse_kube(trimmed, &p))
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

static int add_frontends(const struct svc_reader *r, const struct field *at,
    struct service *s, uint16_t port, uint16_t node_port, struct error *err)
{
	size_t n = 0, max = FAMILY_COUNT + r->shared.n + 1;
	struct frontend *out;

	if (max > KUBE_ITEMS_MAX - r->k->n_frontends)
		return field_error(at, NULL, err,
		    "more than %d addresses of service ports, taken together",
		    KUBE_ITEMS_MAX);
	r->k->n_frontends += max;
	out = arena_array(model_builder_arena(r->k->builder), struct frontend, max);
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
	return 0;
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
	return add_frontends(r, at, s, port, (uint16_t)node_port, err);
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

int kube_add_service(struct kube *k, const struct field *root, struct error *err)
{
	struct svc_reader r = {.k = k};
	struct entry *e;
	struct meta meta;
	bool copy;
	int ret;

	if (kube_read_meta(root, &meta, err))
		return error_wrap(err, "Service");
	e = kube_entry(k, meta.ns, meta.name);
	r.about = e->key;
	if (kube_read_once(k, "Service", &meta, &copy, err))
		return error_wrap(err, "%s", e->key);
	if (kube_belongs_to_others(&meta) || copy)
		return 0;
	ret = read_service(&r, root, &meta, e, err);
	vec_free(&r.shared);
	return ret ? error_wrap(err, "%s", e->key) : 0;
}
