/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The settings of one node: defaults, what the Node object adds, and the questions that
 * several settings answer together. Reading KubeProxyConfiguration is conf_yaml.c.
 */
#include "config.h"

#include "model/conf.h"

#include <stdio.h>
#include <string.h>

struct conf *conf_new(void)
{
	struct arena *arena = arena_new();
	struct conf *c = arena_new_of(arena, struct conf);

	*c = (struct conf){
	    .arena = arena,
	    .mode = "",
	    .bridge = "",
	    .interface_prefix = "",
	    .masquerade_bit = 14,
	    .localhost_node_ports = true,
	    .scheduler = "rr",
	    .random_fully = true,
	    .kernel = CONF_KERNEL(6, 0),
	};
	dialect_parse(NULL, &c->dialect, NULL); /* the newest always parses */
	return c;
}

void conf_free(struct conf *c)
{
	if (c)
		arena_free(c->arena);
}

int conf_take_release(struct conf *c, const char *version, struct error *err)
{
	if (dialect_parse(version, &c->dialect, err))
		return -1;
	dialect_set_gates(&c->dialect, c->gates);
	return 0;
}

void conf_set_addrs(struct conf *c, const struct node_addr *addrs, size_t n)
{
	struct node_addr *copy = arena_copy(c->arena, addrs, n * sizeof(*addrs));

	for (size_t i = 0; i < n; i++)
		copy[i].ifname =
		    addrs[i].ifname ? arena_strdup(c->arena, addrs[i].ifname) : "";
	c->addrs = copy;
	c->n_addrs = n;
}

void conf_take_kernel(struct conf *c, const char *release)
{
	unsigned major, minor;

	if (sscanf(release, "%4u.%4u", &major, &minor) == 2)
		c->kernel = CONF_KERNEL(major, minor);
}

void conf_take_node(struct conf *c, const struct model *m)
{
	const struct model_node *node =
	    c->node_name ? model_node_find(m, c->node_name) : NULL;
	struct node_addr *addrs;

	if (!node)
		return;
	c->zone = arena_strdup(c->arena, node->zone);
	c->node_ips =
	    arena_copy(c->arena, node->addrs, node->n_addrs * sizeof(*node->addrs));
	c->n_node_ips = node->n_addrs;
	c->node_pod_cidrs = arena_copy(
	    c->arena, node->pod_cidrs, node->n_pod_cidrs * sizeof(*node->pod_cidrs));
	c->n_node_pod_cidrs = node->n_pod_cidrs;
	if (c->n_addrs)
		return;
	addrs = arena_array(c->arena, struct node_addr, node->n_addrs);
	for (size_t i = 0; i < node->n_addrs; i++)
		addrs[i] = (struct node_addr){.addr = node->addrs[i], .ifname = ""};
	c->addrs = addrs;
	c->n_addrs = node->n_addrs;
}

/* --bind-address, unless it means every address. */
static bool is_bound(const struct conf *c)
{
	return addr_is_set(&c->bind_address) && !addr_is_unspecified(&c->bind_address);
}

/* The node's own address of a family; up to 1.28 the first address alone counts, and none
 * beside a --bind-address. */
static bool find_node_ip(const struct conf *c, enum family f, struct addr *ret)
{
	size_t n = c->n_node_ips;

	if (c->dialect.node_ip != NODE_IP_BOTH && n)
		n = is_bound(c) ? 0 : 1;
	for (size_t i = 0; i < n; i++)
		if (addr_family(&c->node_ips[i]) == f) {
			*ret = c->node_ips[i];
			return true;
		}
	return false;
}

struct addr conf_node_ip(const struct conf *c, enum family f)
{
	static const uint8_t zero[16];
	struct addr ret;

	/* A real --bind-address overrides the node's address of its family in all
	 * releases. */
	if (is_bound(c) && addr_family(&c->bind_address) == f)
		return c->bind_address;
	if (c->dialect.node_ip == NODE_IP_BIND && !c->single_family)
		return addr_from(f, zero);
	if (find_node_ip(c, f, &ret))
		return ret;
	/* kube-proxy starts from the loopback addresses and replaces what it knows. */
	return addr_loopback(f);
}

static bool in_pods(const struct conf *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_node_pod_cidrs; i++)
		if (prefix_contains(&c->node_pod_cidrs[i], a))
			return true;
	for (size_t i = 0; i < c->n_cluster_cidrs; i++)
		if (prefix_contains(&c->cluster_cidrs[i], a))
			return true;
	return false;
}

static bool has_addr(const struct conf *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_addrs; i++)
		if (addr_eq(&c->addrs[i].addr, a))
			return true;
	return false;
}

struct addr conf_own_addr(const struct conf *c, enum family f)
{
	struct addr first = {0};

	for (size_t i = 0; i < c->n_node_ips; i++)
		if (addr_family(&c->node_ips[i]) == f && has_addr(c, &c->node_ips[i]))
			return c->node_ips[i];
	for (size_t i = 0; i < c->n_addrs; i++) {
		const struct addr *a = &c->addrs[i].addr;

		if (addr_family(a) != f || addr_is_loopback(a) || addr_is_link_local(a))
			continue;
		if (!in_pods(c, a))
			return *a;
		if (!addr_is_set(&first))
			first = *a;
	}
	return first;
}

static bool first_of_family(
    const struct prefix *list, size_t n, enum family f, struct prefix *ret)
{
	for (size_t i = 0; i < n; i++)
		if (addr_family(&list[i].addr) == f) {
			*ret = list[i];
			return true;
		}
	return false;
}

bool conf_detector(const struct conf *c, enum family f, struct prefix *cidr)
{
	*cidr = (struct prefix){0};
	switch (c->detect_local) {
	case DETECT_CLUSTER_CIDR:
		return first_of_family(c->cluster_cidrs, c->n_cluster_cidrs, f, cidr);
	case DETECT_NODE_CIDR:
		return first_of_family(c->node_pod_cidrs, c->n_node_pod_cidrs, f, cidr);
	case DETECT_BRIDGE:
		return c->bridge[0] != '\0';
	case DETECT_INTERFACE_PREFIX:
		return c->interface_prefix[0] != '\0';
	}
	return false;
}

const char *conf_detect_name(enum detect_local d)
{
	static const char *const names[DETECT_COUNT] = {
	    [DETECT_CLUSTER_CIDR] = "ClusterCIDR",
	    [DETECT_NODE_CIDR] = "NodeCIDR",
	    [DETECT_BRIDGE] = "BridgeInterface",
	    [DETECT_INTERFACE_PREFIX] = "InterfaceNamePrefix",
	};

	return names[d];
}
