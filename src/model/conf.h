/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_CONF_H
#define MODEL_CONF_H

#include "model/dialect.h"
#include "model/model.h"

enum detect_local {
	DETECT_CLUSTER_CIDR, /* the default */
	DETECT_NODE_CIDR,
	DETECT_BRIDGE,
	DETECT_INTERFACE_PREFIX,
};
#define DETECT_COUNT (DETECT_INTERFACE_PREFIX + 1)

/* An address of an interface of this node. */
struct node_addr {
	struct addr addr;
	const char *ifname; /* "" when not known (offline) */
};

/*
 * Settings of one node: KubeProxyConfiguration, what the Node object says, what the live
 * node says, command line. conf_init() gives kube-proxy's defaults. Strings and arrays
 * live in the arena.
 */
struct conf {
	struct arena *arena;
	struct dialect dialect;

	const char *node_name;
	const char *zone;	/* of the node, or NULL */
	const struct node_addr *addrs; /* all of the node's interfaces except kube-ipvs0,
					* loopback and link-local included when known */
	size_t n_addrs;
	const struct addr *node_ips; /* the Node object's InternalIPs */
	size_t n_node_ips;
	const struct prefix *node_pod_cidrs; /* spec.podCIDRs */
	size_t n_node_pod_cidrs;

	/* KubeProxyConfiguration */
	enum gate_value gates[GATE_COUNT];
	const char *mode; /* as written; "" when unset */
	struct addr bind_address; /* unset = default */
	const char *hostname_override; /* or NULL */
	const struct prefix *cluster_cidrs;
	size_t n_cluster_cidrs;
	enum detect_local detect_local;
	const char *bridge, *interface_prefix; /* "" when unset */
	bool masquerade_all;
	unsigned masquerade_bit; /* 0..31, default 14 */
	bool node_port_primary;	 /* nodePortAddresses: [primary] */
	const struct prefix *node_port_addrs;
	size_t n_node_port_addrs;
	bool localhost_node_ports; /* default true */
	bool tcp_be_liberal;	   /* conntrack.tcpBeLiberal, or the sysctl reads non-zero */
	const char *scheduler;	   /* default "rr" */
	bool strict_arp;
	const struct prefix *exclude_cidrs;
	size_t n_exclude_cidrs;
	uint32_t tcp_timeout, tcpfin_timeout, udp_timeout; /* seconds, 0 = leave */

	/* The node's kernel and tools */
	bool random_fully;   /* iptables >= 1.6.2: the default */
	unsigned kernel;     /* CONF_KERNEL(major, minor); the default is a new one */
	bool single_family;  /* the kernel has no iptables of the other family */
};

#define CONF_KERNEL(major, minor) ((unsigned)(major) << 16 | (unsigned)(minor))

/* Defaults, with an arena of its own. */
struct conf *conf_new(void);
void conf_free(struct conf *c);
DEFINE_AUTO(conf, struct conf *, conf_free)

/*
 * Reads a KubeProxyConfiguration: YAML, or the ConfigMap that holds one, as YAML or JSON.
 * Unknown or ill-typed fields are warnings in notes, with their path. -1: ERR_INPUT.
 */
int conf_load(struct conf *c, const char *path, struct notes *notes, struct error *err);

/* Appends the KubeProxyConfiguration that gives these settings; node names, and what is not
 * in one, are left out. -1: ERR_INPUT, a text is no UTF-8. */
int conf_write_json(const struct conf *c, struct strbuf *sb, struct error *err);

/* How detectLocalMode says it. */
const char *conf_detect_name(enum detect_local d);

/* Takes zone, InternalIPs, podCIDRs from the model's Node object conf->node_name, if it has
 * one. Addresses become conf->addrs only if that is still empty. */
void conf_take_node(struct conf *c, const struct model *m);

/* Takes what the live kernel says of itself: "5.4.0-42-generic". What is no release leaves
 * the default. */
void conf_take_kernel(struct conf *c, const char *release);
/* The dialect of a release, with the feature gates that are set. -1: as dialect_parse(). */
int conf_take_release(struct conf *c, const char *version, struct error *err);

/* Replaces the interface addresses. Copies. */
void conf_set_addrs(struct conf *c, const struct node_addr *addrs, size_t n);

static inline uint32_t conf_masquerade_mark(const struct conf *c)
{
	return 1u << c->masquerade_bit;
}

/* "The node IP" of a family that source ranges are compared with (dialect.node_ip); unset
 * address when the release has none. */
struct addr conf_node_ip(const struct conf *c, enum family f);

/* The address that the node has towards others, as far as it can be told: the Node
 * object's, else the first of its interfaces' that is no pods' network; or unset. */
struct addr conf_own_addr(const struct conf *c, enum family f);

/* The detector of a family: true and the pod CIDR for the CIDR modes, true and an unset
 * prefix for the interface modes (conf->bridge, conf->interface_prefix), false for none. */
bool conf_detector(const struct conf *c, enum family f, struct prefix *cidr);

#endif
