/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_CT_NL_H
#define KERNEL_CT_NL_H

#include "state/lvs.h"

/*
 * Deletes UDP conntrack entries towards one of these virtual servers (original destination
 * and port) that lead nowhere: translated to what is not one of its real servers, or not
 * translated at all although it has some. Nobody would ever re-home them. kube-proxy does
 * the same: >= 1.32 for the former, all releases for the latter. *deleted counts them.
 */
int ct_delete_stale_udp(const struct lvs_table *t, size_t *deleted, struct error *err);
/*
 * The same for entries of either direction towards one of these virtual servers, which are
 * gone or going, that no nat rule translated: as long as packets come, none ever would.
 */
int ct_delete_untranslated_udp(
    const struct lvs_table *t, size_t *deleted, struct error *err);

#endif
