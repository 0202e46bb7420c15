/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_REACH_H
#define VERIFY_REACH_H

#include "state/state.h"

/* A way into a service: an address and port, or a node port, which has no address. */
struct reach_way {
	enum family family;
	uint8_t proto;
	uint16_t port;
	const struct addr *addr; /* NULL: node port */
};

/*
 * All endpoints that new connections on this way may come to in a state, whoever makes
 * them, as "address:port", sorted, NULL at the end: by the chains of the mode that
 * carries them, or by its virtual servers. The list lives in the arena.
 */
const char *const *reach_endpoints(
    const struct state *s, const struct reach_way *w, struct arena *a);

#endif
