/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_NODE_H
#define STATE_NODE_H

#include "base/addr.h"

/* What the node is doing besides carrying services, as far as a switch may collide with
 * it. Filled by kernel/node_*.c and cmd/facts.c; all memory is an arena's. */

/* Whom this node talks to, by addresses that must not become its own. */
enum role { ROLE_GATEWAY, ROLE_RESOLVER, ROLE_API_SERVER, ROLE_SSH_PEER };
struct node_peer {
	enum role role;
	struct addr addr;
	uint16_t port;	   /* where it is talked to, or 0: anywhere */
	const char *where; /* "the default route", "/etc/resolv.conf", ... */
};

/* A process that programs services, too. */
struct node_writer {
	int pid;
	const char *name;
	bool stopped; /* by SIGSTOP: it writes nothing until it is continued */
	bool frozen;  /* it is going to be stopped, by --freeze */
};

struct node_flow {
	struct addr addr;
	uint16_t port;
};

struct node_facts {
	const struct node_peer *peers;
	size_t n_peers;
	const struct node_writer *writers;
	size_t n_writers;
	bool health_port; /* somebody listens on kube-proxy's, 10256 */
	const uint16_t
	    *localhost_ports; /* of 127.0.0.0/8 that clients are connected to */
	size_t n_localhost_ports;
	/* Where UDP sockets of this node are connected to from that very address. */
	const struct node_flow *own_udp;
	size_t n_own_udp;
	const char *other_variant; /* chains in the other variant's tables, or NULL */
	/* Chains of nft's own tables that packets to this node pass, or NULL: those that drop
	 * the rest, and others. */
	const char *nft_drops, *nft_input;
	bool other_services;	   /* KUBE-SERVICES is among them */
};

#define HEALTH_PORT 10256 /* kube-proxy's healthzBindAddress by default */

#endif
