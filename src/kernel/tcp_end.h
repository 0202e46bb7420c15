/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_TCP_END_H
#define KERNEL_TCP_END_H

#include "base/error.h"
#include "state/vip.h"

#include <stddef.h>

/*
 * Ends established TCP connections of this node that come from one of these addresses, where
 * that is no address of the node any more: they cannot send, and their programs would not hear
 * of it before a time-out (IPv4; 15 minutes and more by default). Theirs ends with ECONNABORTED,
 * as by `ss -K`. *left: those that are still there, as with a kernel without
 * CONFIG_INET_DIAG_DESTROY. -1: nothing was tried.
 */
int tcp_end_orphans(
    const struct vip_table *t, size_t *ended, size_t *left, struct error *err);

#endif
