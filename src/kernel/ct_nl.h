/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_CT_NL_H
#define KERNEL_CT_NL_H

#include "state/lvs.h"

/*
 * Deletes UDP conntrack entries that were translated towards one of these virtual servers
 * (original destination and port) and whose reply source is not one of its real servers:
 * nobody would ever re-home them. kube-proxy >= 1.32 does the same. *deleted counts them.
 */
int ct_delete_stale_udp(const struct lvs_table *t, size_t *deleted, struct error *err);

#endif
