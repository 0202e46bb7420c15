/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_HOLD_H
#define KERNEL_FW_HOLD_H

#include "kernel/fw_block.h"

/*
 * The xtables lock, held from before legacy tables are read until they are written and
 * looked at again, and what is known of them meanwhile: as everybody else waits, no table
 * needs to be read twice. In all calls a hold that is NULL is none.
 */
struct fw_hold;

/* Takes the lock if it is free now; else, or if there is none to take, *ret is NULL. */
void fw_hold_begin(struct fw_hold **ret);
void fw_hold_end(struct fw_hold *h);

/* Whether a table is known, and the kernel does not say that it has changed after all, as one
 * who does without the lock can do. */
bool fw_hold_knows(struct fw_hold *h, enum family f, enum fw_table_id id);
/* The block of a table, which is the caller's then; false when it is not known. */
bool fw_hold_take(
    struct fw_hold *h, enum family f, enum fw_table_id id, struct fw_block *ret);
/* Hands a block back, or a new one that the kernel has accepted. Without a hold it is
 * released. */
void fw_hold_keep(
    struct fw_hold *h, enum family f, enum fw_table_id id, struct fw_block *b);

#endif
