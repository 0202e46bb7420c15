/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NFT_ENTRY_H
#define KERNEL_NFT_ENTRY_H

#include "kernel/fw_entry.h"
#include "kernel/fw_xt.h"

/* A field of a packet, as a register of nf_tables holds it. */
struct nft_field {
	enum {
		NFT_FIELD_NONE,
		NFT_FIELD_META,
		NFT_FIELD_NETWORK,
		NFT_FIELD_TRANSPORT,
		NFT_FIELD_VALUE, /* a constant, for setting something */
	} of;
	uint32_t key;	      /* of meta; the constant */
	uint32_t offset, len; /* in the header */
	bool masked;
	uint8_t mask[16];
};

/* What a field is compared with. */
struct nft_test {
	enum {
		NFT_TEST_EQ,
		NFT_TEST_NEQ,
		NFT_TEST_LT,
		NFT_TEST_LTE,
		NFT_TEST_GT,
		NFT_TEST_GTE,
		NFT_TEST_RANGE,
		NFT_TEST_NOT_RANGE,
	} op;
	const uint8_t *from, *to; /* to: of ranges only */
	size_t len;		  /* of each */
};

/*
 * An entry that grows, one rule at a time: nft_entry_begin(), what the rule says in its
 * order, nft_entry_end(). The calls give false for what legacy iptables has no form for.
 */
struct nft_entry {
	const struct fw_layout *layout;
	unsigned char *buf;
	size_t end;
	uint16_t target_offset; /* 0: no target yet */
	bool matched_ports;	/* the tcp or udp match is at ports_at */
	size_t ports_at;
	char verdict[64]; /* a chain's or a verdict's name */
};
void nft_entry_init(struct nft_entry *e, enum family f);
void nft_entry_free(struct nft_entry *e);

void nft_entry_begin(struct nft_entry *e);
bool nft_entry_test(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t);
/* Adds a match or the target with its data (size bytes; NULL: zeros), whose place is
 * returned; NULL when it does not fit. */
void *nft_entry_match(struct nft_entry *e, const char *name, unsigned revision,
    const void *data, size_t size);
void *nft_entry_target(struct nft_entry *e, const char *name, unsigned revision,
    const void *data, size_t size);
/* name: a chain, ACCEPT, DROP or RETURN. */
bool nft_entry_verdict(struct nft_entry *e, const char *name, bool go);
/* *ret is valid until the next nft_entry_begin(). */
bool nft_entry_end(
    struct nft_entry *e, uint64_t packets, uint64_t bytes, struct fw_raw *ret);

#endif
