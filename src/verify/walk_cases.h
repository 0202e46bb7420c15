/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_WALK_CASES_H
#define VERIFY_WALK_CASES_H

#include "model/traffic.h"
#include "verify/walk.h"

/*
 * The packets that stand for all: from each class of client to each way into each service
 * port.
 */
enum walk_client {
	CLIENT_POD,	/* of this node, no endpoint */
	CLIENT_SELF,	/* an endpoint on this node, which may reach itself */
	CLIENT_NODE,	/* this node itself */
	CLIENT_OUTSIDE, /* any host that no source range has */
	CLIENT_ALLOWED, /* one in the first source range */
};
#define CLIENT_COUNT 5
const char *walk_client_name(enum walk_client c); /* "a pod", ... */

struct walk_case {
	const struct service *svc;
	const struct traffic *traffic;
	const struct frontend *frontend;
	enum walk_client client;
	struct walk_packet packet;
};
typedef void walk_case_fn(const struct walk_case *c, void *data);

/* Calls fn for each of the services [from, to), one service after the other; a node port
 * is tried on each address that conf's node serves it on. */
void walk_each_case(const struct model *m, size_t from, size_t to, const struct conf *c,
    unsigned families, walk_case_fn *fn, void *data);

/* The address and interface of a client of that class; false: there is none such. */
bool walk_client_packet(const struct conf *c, enum walk_client client,
    const struct service *s, const struct traffic *t, struct walk_packet *p);

/* What an emitted state says nothing of and packets ask for: the node's own addresses. */
void walk_add_node(struct state *s, const struct conf *c);

#endif
