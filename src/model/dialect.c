/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kube-proxy releases as named switches: the only place that compares release numbers.
 * What a switch does to rules, sets or servers is left to the code that asks for it.
 */
#include "config.h"

#include "model/dialect.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Digits of at most four places; false when there are none. */
static bool take_number(const char **p, int *ret)
{
	int v = 0, n = 0;

	for (; **p >= '0' && **p <= '9'; (*p)++, n++) {
		if (n == 4)
			return false;
		v = v * 10 + (**p - '0');
	}
	*ret = v;
	return n > 0;
}

/* Vendors append what they like after the numbers: "-gke.1", "+k3s1", "-eks-5e0fdde". */
static bool parse_version(const char *s, struct dialect *d)
{
	if (*s == 'v')
		s++;
	d->patch = -1;
	if (!take_number(&s, &d->major) || *s++ != '.' || !take_number(&s, &d->minor))
		return false;
	if (*s == '.') {
		s++;
		if (!take_number(&s, &d->patch))
			return false;
	}
	return *s == '\0' || *s == '-' || *s == '+';
}

static enum node_ip_source node_ip_of(int minor)
{
	return minor >= 29 ? NODE_IP_BOTH : minor == 28 ? NODE_IP_PRIMARY : NODE_IP_BIND;
}

static enum topology_rule topology_of(int minor)
{
	if (minor >= 34) /* gate PreferSameTrafficDistribution on by default */
		return TOPOLOGY_NODE_HINTS;
	if (minor >= 31) /* gate ServiceTrafficDistribution on by default */
		return TOPOLOGY_HINTS_ALONE;
	return minor >= 27 ? TOPOLOGY_ANNOTATION : TOPOLOGY_HINTS_AUTO;
}

static void set_switches(struct dialect *d)
{
	int minor = d->minor;

	d->node_ip = node_ip_of(minor);
	d->topology = topology_of(minor);
	/* 1.29: externalTrafficPolicy Local is honoured for type ClusterIP as well when
	 * the service has externalIPs; before, only for NodePort and LoadBalancer. */
	d->external_local_on_cluster_ip = minor >= 29;
	/* 1.30: gate LoadBalancerIPMode on by default (alpha in 1.29). */
	d->lb_ip_mode = minor >= 30;
	/* 1.30: source ranges are parsed and printed with their host bits cleared. */
	d->source_ranges_canonical = minor >= 30;
	/* 1.31: nodePortAddresses accepts "primary". */
	d->primary_node_port_address = minor >= 31;
	/* 1.33: of two slices' entries for one ip:port the non-terminating one wins;
	 * before, the local one. */
	d->prefer_non_terminating_duplicate = minor >= 33;
	/* 1.33: an endpoint's address is parsed and printed; before, chain names,
	 * comments and the order of endpoints come from the text in the EndpointSlice. */
	d->endpoint_as_written = minor <= 32;
	/* Gate ProxyTerminatingEndpoints on by default since 1.26. */
	d->terminating_fallback = true;

	/* 1.27: gate IPTablesOwnershipCleanup on by default, KUBE-FIREWALL is written by
	 * kube-proxy; before, by kubelet alone. */
	d->own_kube_firewall = minor >= 27;
	d->fw_chain_ends_in_note = minor >= 27;
	d->no_match_skips_node_ports = minor <= 26;
	/* 1.29: nf_conntrack_tcp_be_liberal set leaves out the INVALID drop. */
	d->be_liberal_skips_invalid = minor >= 29;

	/* 1.27: scheduler mh gets the mh-port flag (with any scheduler accepted). */
	d->mh_port_flag = minor >= 27;
	/* In 1.28.0; back-ported to later patches of 1.26 and 1.27 that are not pinned:
	 * 1.26.0 and 1.27.1 do not have it. */
	d->ipvs_filter_health_return = minor >= 28;
	d->vip_elsewhere_not_bound = minor >= 28;
	d->node_addrs_by_interface = minor >= 28;
	/* 1.29: chain KUBE-IPVS-OUT-FILTER with its jump. */
	d->ipvs_out_filter = minor >= 29;
	/* In 1.30.0; back-ported to later patches of 1.28 and 1.29 that are not pinned.
	 */
	d->ipvs_filter_ext_local_return = minor >= 30;
}

static bool is_too_old(const struct dialect *d)
{
	return d->major < 1 || (d->major == 1 && d->minor < DIALECT_OLDEST_MINOR);
}

bool dialect_is_too_old(const char *version, int *minor)
{
	struct dialect d = {0};

	if (!parse_version(version, &d) || !is_too_old(&d))
		return false;
	*minor = d.major < 1 ? 0 : d.minor;
	return true;
}

int dialect_parse(const char *version, struct dialect *ret, struct error *err)
{
	struct dialect d = {0};

	if (!version)
		version = DIALECT_NEWEST;
	if (!parse_version(version, &d))
		return error_set(err, ERR_USAGE, 0,
		    "'%s' is not a kube-proxy version: give one from " DIALECT_OLDEST
		    " to " DIALECT_NEWEST,
		    version);
	if (is_too_old(&d))
		return error_set(err, ERR_USAGE, 0,
		    "kube-proxy %s is not known: the oldest is " DIALECT_OLDEST, version);
	if (d.major > 1 || d.minor > DIALECT_NEWEST_MINOR)
		d = (struct dialect){
		    .major = 1, .minor = DIALECT_NEWEST_MINOR, .patch = -1};
	set_switches(&d);
	*ret = d;
	return 0;
}

/* A gate is there from its alpha release until before the one that locks it. */
static const struct {
	const char *name;
	int from, until;
} gates_known[GATE_COUNT] = {
    [GATE_TERMINATING_ENDPOINTS] = {"ProxyTerminatingEndpoints", 22, 28},
    [GATE_TOPOLOGY_HINTS] = {"TopologyAwareHints", 21, 33},
    [GATE_LB_IP_MODE] = {"LoadBalancerIPMode", 29, 32},
    [GATE_TRAFFIC_DISTRIBUTION] = {"ServiceTrafficDistribution", 30, 33},
    [GATE_SAME_TRAFFIC_DISTRIBUTION] = {"PreferSameTrafficDistribution", 33, 35},
};

const char *gate_name(enum gate g)
{
	return gates_known[g].name;
}

static void set_gate(struct dialect *d, enum gate g, bool on)
{
	switch (g) {
	case GATE_TERMINATING_ENDPOINTS:
		d->terminating_fallback = on;
		break;
	case GATE_TOPOLOGY_HINTS:
		/* It is about the annotations alone. */
		if (!on && d->topology <= TOPOLOGY_ANNOTATION)
			d->topology = TOPOLOGY_NONE;
		break;
	case GATE_LB_IP_MODE:
		d->lb_ip_mode = on;
		break;
	case GATE_TRAFFIC_DISTRIBUTION:
		d->topology = on ? TOPOLOGY_HINTS_ALONE : TOPOLOGY_ANNOTATION;
		break;
	case GATE_SAME_TRAFFIC_DISTRIBUTION:
		d->topology = on ? TOPOLOGY_NODE_HINTS : TOPOLOGY_HINTS_ALONE;
		break;
	case GATE_COUNT:
		break;
	}
}

void dialect_set_gates(struct dialect *d, const enum gate_value gates[GATE_COUNT])
{
	/* TopologyAwareHints is asked last: whether it counts, another one says. */
	for (enum gate g = GATE_COUNT; g-- > 0;)
		if (gates[g] != GATE_DEFAULT && d->minor >= gates_known[g].from &&
		    d->minor < gates_known[g].until)
			set_gate(d, g, gates[g] == GATE_ON);
}
