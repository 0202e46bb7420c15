/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_LEGACY_H
#define KERNEL_FW_LEGACY_H

#include "kernel/fw_hold.h"
#include "kernel/limit.h"
#include "kernel/live.h"

/*
 * Brings one table of one family from the have sides to the want sides of the operations
 * in one commit, or leaves it as it is: ERR_MOVED when it is not at the have sides. Takes
 * the xtables lock for it, unless there is a hold.
 */
int fw_commit(const struct op *ops, size_t n, enum fw_write how, struct fw_hold *hold,
    const struct limit *wait, struct error *err);

/*
 * The same in two steps under one hold, which must outlive *ret, as must the operations:
 * reads the table and builds the new one, and writes it. Only a large table is ever
 * ready; it is not any more when the kernel's has changed in size meanwhile.
 */
struct fw_commit;
int fw_commit_prepare(const struct op *ops, size_t n, enum fw_write how,
    struct fw_hold *hold, struct fw_commit **ret, struct error *err);
bool fw_commit_is_ready(const struct fw_commit *t, const struct op *ops, size_t n);
int fw_commit_run(struct fw_commit *t, struct error *err);
void fw_commit_free(struct fw_commit *t);

/* Whether a table has this chain; a table that is not registered has none, and stays so.
 */
int fw_legacy_has_chain(
    enum family f, enum fw_table_id id, const char *chain, bool *ret, struct error *err);

#endif
