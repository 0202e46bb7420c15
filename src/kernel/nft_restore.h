/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NFT_RESTORE_H
#define KERNEL_NFT_RESTORE_H

#include "base/error.h"
#include "base/family.h"
#include "kernel/limit.h"

#include <stddef.h>

struct nft_restore {
	enum family family;
	const char *text; /* of one table */
	size_t len;
	/* For its end; long texts have more. Once it says to stop a commit that is under way
	 * still has some seconds. */
	const struct limit *wait;
};

/* Seconds; old versions need minutes for tables of a hundred thousand rules. */
#define NFT_RESTORE_WAIT 300

/*
 * Hands it to iptables-nft-restore --noflush --counters: one commit, all of it or nothing.
 * -1: ERR_BACKEND when there is no such program, else what it said, or that it did not end;
 * *line is then the line of the text at fault, from 1, or 0.
 */
int nft_restore(const struct nft_restore *r, unsigned *line, struct error *err);

#endif
