/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Settings as the KubeProxyConfiguration that gives them: what conf_yaml.c reads. */
#include "config.h"

#include "model/conf.h"

#include "base/strbuf.h"

#include <jansson.h>

static json_t *prefix_list(const struct prefix *list, size_t n)
{
	json_t *array = json_array();
	struct strbuf sb = {0};

	for (size_t i = 0; i < n; i++) {
		strbuf_reset(&sb);
		prefix_print(&sb, &list[i]);
		json_array_append_new(array, json_string(strbuf_str(&sb)));
	}
	strbuf_free(&sb);
	return array;
}

static json_t *cluster_cidr(const struct conf *c)
{
	struct strbuf sb = {0};
	json_t *text;

	for (size_t i = 0; i < c->n_cluster_cidrs; i++) {
		if (i)
			strbuf_addch(&sb, ',');
		prefix_print(&sb, &c->cluster_cidrs[i]);
	}
	text = json_string(strbuf_str(&sb));
	strbuf_free(&sb);
	return text;
}

static json_t *node_port_addresses(const struct conf *c)
{
	return c->node_port_primary
		   ? json_pack("[s]", "primary")
		   : prefix_list(c->node_port_addrs, c->n_node_port_addrs);
}

static json_t *duration(uint32_t seconds)
{
	char text[16];

	snprintf(text, sizeof(text), "%us", (unsigned)seconds);
	return json_string(text);
}

static json_t *feature_gates(const struct conf *c)
{
	json_t *gates = json_object();

	for (enum gate g = 0; g < GATE_COUNT; g++)
		if (c->gates[g] != GATE_DEFAULT)
			json_object_set_new(
			    gates, gate_name(g), json_boolean(c->gates[g] == GATE_ON));
	return gates;
}

int conf_write_json(const struct conf *c, struct strbuf *sb, struct error *err)
{
	char bind[ADDR_STRLEN] = "";
	json_t *root;
	char *text;

	if (addr_is_set(&c->bind_address))
		addr_format(&c->bind_address, bind);
	root = json_pack(
	    "{s:s, s:s, s:s, s:o, s:s, s:o, s:s, s:{s:s, s:s}, s:o, s:{s:b, s:b, s:i},"
	    " s:{s:b}, s:{s:s, s:b, s:o, s:o, s:o, s:o}}",
	    "apiVersion", "kubeproxy.config.k8s.io/v1alpha1", "kind",
	    "KubeProxyConfiguration", "mode", c->mode, "featureGates", feature_gates(c),
	    "bindAddress", bind, "clusterCIDR", cluster_cidr(c), "detectLocalMode",
	    conf_detect_name(c->detect_local), "detectLocal", "bridgeInterface",
	    c->bridge, "interfaceNamePrefix", c->interface_prefix, "nodePortAddresses",
	    node_port_addresses(c), "iptables", "localhostNodePorts",
	    c->localhost_node_ports, "masqueradeAll", c->masquerade_all, "masqueradeBit",
	    (int)c->masquerade_bit, "conntrack", "tcpBeLiberal", c->tcp_be_liberal,
	    "ipvs", "scheduler", c->scheduler, "strictARP", c->strict_arp, "excludeCIDRs",
	    prefix_list(c->exclude_cidrs, c->n_exclude_cidrs), "tcpTimeout",
	    duration(c->tcp_timeout), "tcpFinTimeout", duration(c->tcpfin_timeout),
	    "udpTimeout", duration(c->udp_timeout));
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	json_decref(root);
	if (!text)
		return error_set(err, ERR_INPUT, 0, "settings that are no UTF-8 text");
	strbuf_add(sb, text);
	strbuf_addch(sb, '\n');
	free(text);
	return 0;
}
