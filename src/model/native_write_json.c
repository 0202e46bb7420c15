/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes the native model JSON: all that struct model holds, one frontend and endpoint
 * per line. It needs no tree in memory and so no library.
 */
#include "config.h"

#include "model/native_json.h"

#include "base/strbuf.h"

#include <errno.h>
#include <stdio.h>

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
		put_string(sb, "ipMode", native_ip_modes[fe->ip_mode]);
	strbuf_addch(sb, '}');
}

static void put_endpoint(struct strbuf *sb, const struct endpoint *e)
{
	strbuf_add(sb, "{\"address\": ");
	if (e->written)
		strbuf_addf(sb, "\"%s\"", e->written); /* an address: nothing to escape */
	else
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

	if (s->families == native_default_families(s))
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
	put_string(sb, "type", svc_type_name(s->type));
	put_families(sb, s);
	if (s->internal_local)
		put_string(sb, "internalTrafficPolicy", native_policies[1]);
	if (s->external_local)
		put_string(sb, "externalTrafficPolicy", native_policies[1]);
	if (s->affinity) {
		put_string(sb, "sessionAffinity", native_affinities[1]);
		put_number(sb, "affinitySeconds", s->affinity_sec);
	}
	if (s->health_port)
		put_number(sb, "healthCheckNodePort", s->health_port);
	put_string(sb, "topologyAwareHints", s->hints_annotation);
	put_string(sb, "topologyMode", s->mode_annotation);
	put_prefixes(sb, "sourceRanges", s->ranges, s->n_ranges);
	put_string(sb, "scheduler", s->scheduler);
	if (s->forwarding != FWD_MASQUERADE)
		put_string(sb, "forwarding", native_forwardings[s->forwarding]);
	put_string(sb, "incomplete", s->incomplete);
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
