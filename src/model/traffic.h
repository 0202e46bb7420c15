/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_TRAFFIC_H
#define MODEL_TRAFFIC_H

#include "model/conf.h"

/*
 * Which endpoints serve a service port in one family, as kube-proxy's categoriser decides:
 * readiness, terminating fallback, policies, topology. The lists are sorted by the
 * bytes of endpoint_text() and point into the model.
 */
struct traffic {
	bool has_family;      /* the service exists in this family */
	bool ext_access;      /* node port, or a load-balancer or external IP of the family */
	bool internal_local;  /* the cluster IP is served by the local list */
	bool external_local;  /* ... the external ways in are; type and dialect considered */
	bool uses_cluster, uses_local;
	bool any;	      /* usable endpoints exist anywhere */
	const struct endpoint **cluster, **local, **all;
	size_t n_cluster, n_local, n_all; /* all: the union, sorted and unique */
	const struct endpoint **every;	  /* in whatever condition, sorted and unique */
	size_t n_every;
	size_t cap;	      /* of each list; private */
};

/* Fills *t, whose memory is reused from call to call: start with {0}, end with
 * traffic_free(). */
void traffic_select(const struct service *s, const struct conf *c, enum family f,
    struct traffic *t);
void traffic_free(struct traffic *t);

bool endpoint_is_local(const struct endpoint *e, const struct conf *c);
/* "ip:port" as names and comments have it. */
const char *endpoint_text(const struct endpoint *e, const struct conf *c,
    char buf[ADDRPORT_STRLEN]);

/* Whether a load-balancer frontend counts in this dialect (ipMode). */
bool frontend_is_served(const struct frontend *fe, const struct conf *c);

/*
 * The addresses that node-port virtual servers are bound to and the addresses of the
 * tail rules of KUBE-SERVICES, see spec: nodePortAddresses and dialect.
 */
struct node_ports {
	bool all;	/* match-all: every local address */
	bool localhost; /* localhost node ports are effective (IPv4 only) */
	bool none;	/* CIDRs given, but no address matches, not even that of lo */
	struct addr *addrs; /* with !all: the node's addresses in the CIDRs, sorted, unique,
			     * with the IPv4 loopback ones if localhost is true (ipvs mode
			     * has no use for those); with all: every usable address of the
			     * node, that is neither loopback nor IPv6 link-local */
	size_t n_addrs;
};
void node_ports_select(const struct conf *c, enum family f, struct arena *a,
    struct node_ports *ret);

#endif
