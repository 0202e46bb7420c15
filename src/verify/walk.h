/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_WALK_H
#define VERIFY_WALK_H

#include "state/state.h"

/*
 * Follows the first packet of a connection through a state, as the kernel would: nat
 * PREROUTING or OUTPUT, routing, filter, IPVS where its hooks are, nat POSTROUTING. Reads
 * rules, sets, virtual servers and addresses, and nothing that emit/ knows. Where the
 * kernel chooses (statistic, recent, the scheduler) all choices are followed, and where a
 * rule of others cannot be told, both ways, as unsure ones.
 */
struct walk_packet {
	enum family family;
	uint8_t proto;
	struct addr src; /* unset, of the node itself: the one that the kernel takes */
	struct addr dst;
	uint16_t port;	/* destination port */
	const char *in; /* interface that it comes in by; NULL: this node sends it */
	uint32_t mark;
};

enum walk_end {
	WALK_ENDPOINT, /* another destination: dst, port */
	WALK_LISTENER, /* goes to a socket of this node, or nobody's, at the address it
			  had */
	WALK_PASSED,   /* leaves this node as it is */
	WALK_REFUSED,  /* a virtual server without real servers, or a REJECT */
	WALK_DROPPED,
	WALK_UNKNOWN, /* a rule of others gives it another destination */
};

/* The source that the destination sees. */
enum walk_source {
	WALK_CLIENT,
	WALK_NODE, /* an address of this node: masqueraded, or its own connection */
	WALK_VIP, /* a virtual address, to which answers from other nodes do not come back
		   */
};

enum walk_step_kind { WALK_RULE, WALK_POLICY, WALK_ROUTE, WALK_SERVER };

/* What decided something on the way, or might have. */
struct walk_step {
	enum walk_step_kind kind;
	bool unsure; /* WALK_RULE: it cannot be told whether it matches */
	enum fw_table_id table;
	const char *chain;
	const struct fw_rule *rule;
	bool local;		       /* WALK_ROUTE: to this node */
	const struct lvs_service *svc; /* WALK_SERVER */
	const struct lvs_dest *dest;   /* NULL: it has none with a weight */
};

struct walk_path {
	enum walk_end end;
	enum walk_source source;
	struct addr dst;
	uint16_t port;
	bool affinity; /* of a client that is remembered */
	bool unsure;   /* depends on what cannot be told */
	double share;  /* of new clients; 0 with affinity, and of unsure ways */
	const struct walk_step *steps;
	size_t n_steps;
};

/* All ways of one packet. */
struct walk {
	struct arena *arena;
	struct walk_path *paths;
	size_t n_paths;
	bool cut; /* there are more: too much cannot be told */
};

/* A state with what makes it quick to search; borrows from it. */
struct walker;
struct walker *walker_new(const struct state *s);
void walker_free(struct walker *w);
DEFINE_AUTO(walker, struct walker *, walker_free)
/* Whether an address is one of this node, in that state. */
bool walker_is_local(const struct walker *w, const struct addr *a);
/* The same, and on kube-ipvs0 only. */
bool walker_is_virtual(const struct walker *w, const struct addr *a);
/* Which of its addresses the node takes towards others; without that, the first one. */
void walker_set_own(struct walker *w, const struct addr *a);
/* The address that this node takes for its connections to that destination, or unset. */
struct addr walker_source(const struct walker *w, const struct addr *dst);

/* with_steps: keeps what decided. */
void walk_packet(const struct walker *w, const struct walk_packet *p, bool with_steps,
    struct walk *ret);
void walk_free(struct walk *w);

const char *walk_end_name(enum walk_end e);	  /* "endpoint", "refused", ... */
const char *walk_source_name(enum walk_source s); /* "client", "node", "vip" */

#endif
