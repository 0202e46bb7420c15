/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NFT_HOOK_H
#define KERNEL_NFT_HOOK_H

#include "base/arena.h"
#include "base/error.h"

/*
 * The chains, in tables that are not of iptables, that nf_tables shows packets to this
 * node itself: texts such as "inet firewalld filter_INPUT, ...", or NULL for none. drops:
 * those whose policy is to drop; rest: the other ones.
 */
int nft_input_chains(
    struct arena *a, const char **drops, const char **rest, struct error *err);

#endif
