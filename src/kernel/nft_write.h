/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NFT_WRITE_H
#define KERNEL_NFT_WRITE_H

#include "kernel/limit.h"
#include "kernel/nl.h"
#include "plan/plan.h"

/*
 * Brings one table of one family from the have sides to the want sides of the operations:
 * in one commit up to some 2,000 chains, else in several, in an order in which no rule
 * leads to a chain that is not there yet. All or nothing in either case: when a later
 * commit fails, the ones before it are taken back. ERR_MOVED when the table is not at the
 * have sides; ERR_PARTIAL when taking back failed too. Adds to *commits how many it were.
 * wait: as in struct nft_restore.
 */
int nft_write(struct nlc *nl, const struct op *ops, size_t n, const struct limit *wait,
    uint32_t *commits, struct error *err);

#endif
