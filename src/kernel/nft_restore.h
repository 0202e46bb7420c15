/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NFT_RESTORE_H
#define KERNEL_NFT_RESTORE_H

#include "base/error.h"
#include "base/family.h"

#include <stddef.h>

/*
 * Hands a text of one table to iptables-nft-restore --noflush --counters: one commit, all
 * of it or nothing. -1: ERR_BACKEND when there is no such program, else what it said;
 * *line is then the line of the text at fault, from 1, or 0.
 */
int nft_restore(
    enum family f, const char *text, size_t len, unsigned *line, struct error *err);

#endif
