/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_ROUTE_NL_H
#define KERNEL_ROUTE_NL_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/error.h"

/* The next hops of the routes of this network namespace, sorted, each once. */
int route_gateways(
    struct arena *a, const struct addr **ret, size_t *n, struct error *err);

/* The destinations that are reached without a next hop: the subnets of links, and pods that
 * have a route of their own. In no order. */
int route_on_link(
    struct arena *a, const struct prefix **ret, size_t *n, struct error *err);

#endif
