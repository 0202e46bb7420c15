/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EMIT_NAMES_H
#define EMIT_NAMES_H

#include "base/family.h"
#include "model/model.h"

#define NAME_HASH_LEN 17 /* with NUL */
#define NAME_SET_LEN 32	 /* the kernel's IPSET_MAXNAMELEN, with NUL */

/* The 16 characters that end a chain name: of a service port with endpoint NULL, else of
 * its endpoint, given as "ip:port" or "[ip]:port". */
void name_hash(const struct service *s, const char *endpoint, char ret[NAME_HASH_LEN]);

/* "KUBE-SVC-" and a hash; lives in the arena. */
const char *name_chain(
    struct arena *a, const char *prefix, const char hash[NAME_HASH_LEN]);

/* The name of an IP set in a family: "CLUSTER-IP" gives "KUBE-CLUSTER-IP" or
 * "KUBE-6-CLUSTER-IP", cut to what the kernel can hold. */
void name_set(enum family f, const char *base, char ret[NAME_SET_LEN]);

#endif
