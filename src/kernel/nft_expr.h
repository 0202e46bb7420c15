/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_NFT_EXPR_H
#define KERNEL_NFT_EXPR_H

#include "base/strbuf.h"
#include "kernel/nft_entry.h"

struct nlattr;

/* Registers in words of 32 bits, the first four being the verdict. */
#define NFT_WORDS 20

/* Reads the rules of one family; start with nft_decoder_init(). */
struct nft_decoder {
	struct nft_entry entry;
	struct nft_field words[NFT_WORDS];
	struct nlattr *userdata; /* until its comment is in the entry */
	/* The last rule's, decoded or not: */
	uint64_t packets, bytes;
	char jump[64]; /* the chain that it jumps to, or "" */
	bool go;
};
void nft_decoder_init(struct nft_decoder *d, enum family f);
void nft_decoder_free(struct nft_decoder *d);

/*
 * The entry that legacy iptables has for the rule of these expressions and this user data
 * (may be NULL). False when there is none: nft_expr_print() gives a text then. *ret is
 * valid until the next call.
 */
bool nft_decode(struct nft_decoder *d, struct nlattr *expressions,
    struct nlattr *userdata, struct fw_raw *ret);

/*
 * "-m nft --raw-data ct:HEX,cmp:HEX": the expressions, but for counters. Nothing loads
 * it, but it still tells equal rules from different ones.
 */
void nft_expr_print(struct strbuf *sb, struct nlattr *expressions);

#endif
