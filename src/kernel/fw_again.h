/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_AGAIN_H
#define KERNEL_FW_AGAIN_H

#include "kernel/driver.h"

/* For drivers of tables that can tell that nobody else has written. */

/* The names of the chains of one table that the operations were about; room for s->n_ops.
 * Returns how many. */
size_t fw_written_chains(
    const struct since *s, enum family f, enum fw_table_id id, const char **ret);
/* The table as it was, but for these chains, which are now as in *now. Borrows from both. */
void fw_merge_chains(enum fw_table_id id, const struct fw_table *was,
    const char *const *names, size_t n, const struct fw_table *now, struct arena *a,
    struct fw_table *ret);

#endif
