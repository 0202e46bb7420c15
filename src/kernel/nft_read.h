/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NFT_READ_H
#define KERNEL_NFT_READ_H

#include "kernel/nl.h"
#include "state/fw.h"

/* Whether this kernel has nf_tables, told without loading it. */
enum nft_presence {
	NFT_ABSENT,
	NFT_LOADABLE, /* not loaded, so there are no tables */
	NFT_THERE,
};
/* A connection to it, after loading it if that is allowed; NULL when it is not there.
 * What reads below needs one. */
int nft_connect(
    bool load, struct nlc **ret, enum nft_presence *presence, struct error *err);

/*
 * The tables of one family that iptables-nft keeps in nf_tables, as of one moment. What
 * others put into these tables is read as well. Strings go into the arena.
 */
int nft_read_family(struct nlc *nl, enum family f, struct arena *a,
    struct fw_ruleset *ret, struct error *err);
/*
 * Only these chains of one table; *ret has those of them that exist. *generation: the
 * number of changes that nf_tables has seen, all families taken together; 0 when there
 * were some while it was read, again and again.
 */
int nft_read_chains(struct nlc *nl, enum family f, enum fw_table_id id,
    const char *const *names, size_t n, struct arena *a, struct fw_table *ret,
    uint32_t *generation, struct error *err);
int nft_read_generation(struct nlc *nl, uint32_t *ret, struct error *err);
/* Whether a table of iptables-nft has this chain. */
int nft_has_chain(struct nlc *nl, enum family f, enum fw_table_id id, const char *chain,
    bool *ret, struct error *err);

#endif
