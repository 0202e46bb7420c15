/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_VIP_SOURCE_H
#define KERNEL_VIP_SOURCE_H

#include "base/error.h"
#include "state/vip.h"

/*
 * Which address the node's own connections to virtual addresses come from. By itself the
 * kernel takes the virtual address, which is local; such a connection hangs when the address
 * goes. A local route in front of the kernel's, with an address of the node as its preferred
 * source, leads new ones past that; those that are there keep what they have.
 *
 * All three take the addresses that kube-ipvs0 has, or had, by this table, may be called
 * again, and change nothing where the node has no address to send from.
 */
int vip_source_node(const struct vip_table *t, unsigned families, struct error *err);
/* Back to the virtual address, with the routes that the kernel makes for one. */
int vip_source_virtual(const struct vip_table *t, unsigned families, struct error *err);
/* The addresses are gone, or about to go: nothing may be left of the routes. */
int vip_source_forget(const struct vip_table *t, unsigned families, struct error *err);

#endif
