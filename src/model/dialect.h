/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_DIALECT_H
#define MODEL_DIALECT_H

#include "base/error.h"

#include <stdbool.h>

/* Whose address counts as "the node" when a source range is tested for containing it. */
enum node_ip_source {
	NODE_IP_BIND,	 /* <=1.27: --bind-address; unset: 0.0.0.0 / ::, or the Node
			  * object's address where the kernel has one family only */
	NODE_IP_PRIMARY, /* 1.28: the Node object's address, primary family only */
	NODE_IP_BOTH,	 /* 1.29+: the Node object's address of each family */
};

/* Which topology hints an endpoint selection follows. */
enum topology_rule {
	TOPOLOGY_NONE,	      /* gate TopologyAwareHints off */
	TOPOLOGY_HINTS_AUTO,  /* <=1.26: annotation topology-aware-hints is Auto/auto */
	TOPOLOGY_ANNOTATION,  /* 1.27-1.30: that or topology-mode, not empty nor disabled */
	TOPOLOGY_HINTS_ALONE, /* 1.31+: annotations not consulted */
	TOPOLOGY_NODE_HINTS,  /* 1.34+: forNodes before forZones */
};

/* The feature gates that change what kube-proxy writes. */
enum gate {
	GATE_TERMINATING_ENDPOINTS,
	GATE_TOPOLOGY_HINTS,
	GATE_LB_IP_MODE,
	GATE_TRAFFIC_DISTRIBUTION,
	GATE_SAME_TRAFFIC_DISTRIBUTION,
	GATE_COUNT
};
enum gate_value { GATE_DEFAULT, GATE_OFF, GATE_ON };

/*
 * What differs between kube-proxy releases, as named switches: the only place in the
 * program that knows release numbers. Each switch is documented in dialect.c.
 */
struct dialect {
	int major, minor, patch; /* patch -1 when not given */

	/* both modes */
	enum node_ip_source node_ip;
	enum topology_rule topology;
	bool external_local_on_cluster_ip; /* 1.29: eTP Local counts for ClusterIP services
					    * that have externalIPs */
	bool lb_ip_mode;		   /* 1.30: ipMode Proxy entries are skipped */
	bool source_ranges_canonical;	   /* 1.30 */
	bool primary_node_port_address;	   /* 1.31: nodePortAddresses: [primary] */
	bool prefer_non_terminating_duplicate; /* 1.33 */
	bool endpoint_as_written;	       /* <=1.32: in names, comments and order */
	bool terminating_fallback;	   /* where none is ready */

	/* iptables mode */
	bool own_kube_firewall;		/* 1.27: chain, rule and jumps of KUBE-FIREWALL */
	bool fw_chain_ends_in_note;	/* 1.27: target-less last rule in KUBE-FW- */
	bool no_match_skips_node_ports; /* <=1.26: CIDRs that match nothing drop the node
					 * port rules too, not only the tail */
	bool be_liberal_skips_invalid;	/* 1.29 */

	/* ipvs mode */
	bool mh_port_flag;		   /* 1.27 */
	bool ipvs_filter_health_return;	   /* 1.28, back-ported */
	bool vip_elsewhere_not_bound;	   /* 1.28: LB/external IP on another interface */
	bool node_addrs_by_interface;	   /* 1.28; before, an address that is also on
					    * kube-ipvs0 is lost */
	bool ipvs_out_filter;		   /* 1.29 */
	bool ipvs_filter_ext_local_return; /* 1.30, back-ported */
};

#define DIALECT_OLDEST "1.26"
#define DIALECT_NEWEST "1.36"
#define DIALECT_OLDEST_MINOR 26
#define DIALECT_NEWEST_MINOR 36

/* "1.27", "v1.27.3", "1.30.0-gke.1"; NULL = the newest known. A release newer than the
 * newest known is treated as that one. -1: ERR_USAGE, unknown or too old. */
int dialect_parse(const char *version, struct dialect *ret, struct error *err);
/* Whether a version is older than the oldest one known; then 1.*minor is what it is. */
bool dialect_is_too_old(const char *version, int *minor);

const char *gate_name(enum gate g); /* "LoadBalancerIPMode", ... */
/* What gates make of a release; those that it does not have, or not any more, are nothing to
 * it. */
void dialect_set_gates(struct dialect *d, const enum gate_value gates[GATE_COUNT]);

#endif
