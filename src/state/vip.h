/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_VIP_H
#define STATE_VIP_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

/* Kind "vip": interfaces and their addresses; ours are kube-ipvs0 and what is on it. */

#define VIP_LINK "kube-ipvs0"

struct vip_link {
	const char *name;
	const char *kind; /* "dummy", ...; "" when none */
	uint32_t index;	  /* live only */
	bool up;
};

struct vip_addr {
	const char *link;
	struct prefix prefix; /* host bits kept: the interface address */
};

struct vip_table {
	bool present;
	struct vip_link *links; /* sorted by name */
	size_t n_links;
	struct vip_addr *addrs; /* sorted by link name, address, prefix */
	size_t n_addrs;
};

/* An address that kube-proxy takes for its own: on kube-ipvs0, not loopback, not
 * link-local. */
bool vip_is_service_addr(const struct vip_addr *a);
int vip_addr_cmp(const struct vip_addr *a, const struct vip_addr *b);
void vip_sort(struct vip_table *t); /* sorts and removes duplicates */
struct vip_link *vip_find_link(const struct vip_table *t, const char *name);
/* The interface other than `not_on` (may be NULL) that has this address, or NULL. */
const struct vip_addr *vip_find_addr(const struct vip_table *t, const struct addr *a,
    const char *not_on);
/* The entry of this address on that interface, whatever its prefix length, or NULL. */
const struct vip_addr *vip_find_addr_on(const struct vip_table *t, const char *link,
    const struct addr *a);

/* ip -batch syntax: "link add kube-ipvs0 type dummy", "address add A/32 dev kube-ipvs0". */
void vip_print_link(struct strbuf *sb, const struct vip_link *l);
void vip_print_addr(struct strbuf *sb, const struct vip_addr *a);
void vip_print_table(struct strbuf *sb, const struct vip_table *t);
/* Reads ip -batch text, and `ip -o addr` lines ("kube-ipvs0    inet 10.96.0.1/32 scope
 * global kube-ipvs0"). */
int vip_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct vip_table *ret, struct error *err);

#endif
