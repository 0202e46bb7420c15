/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_BLOB_H
#define KERNEL_FW_BLOB_H

#include "base/vec.h"
#include "kernel/fw_block.h"
#include "kernel/fw_entry.h"
#include "kernel/fw_hold.h"
#include "kernel/fw_xt.h"

/*
 * A table of legacy iptables as the kernel holds it: one block of entries, in which a
 * built-in chain starts where its hook says, a user chain starts with a head (an ERROR
 * target with its name), and either ends with a foot (the policy, or a RETURN). An ERROR
 * target ends the table.
 */
struct fw_blob_chain {
	const char *name;
	bool builtin;
	uint32_t head;	/* where it starts */
	uint32_t first; /* its first rule; in user chains the entry after the head */
	uint32_t foot;
	uint32_t index; /* the number of entries before it */
	uint32_t n_rules;
};

struct fw_blob {
	const struct fw_layout *layout;
	enum fw_table_id id;
	struct fw_block block;
	struct fw_blob_chain *chains; /* as they are in the block */
	size_t n_chains;
	uint32_t *chain_at; /* by place of the first rule: the chain's number + 1 */
	struct fw_codec codec;
	VEC(struct fw_rule *) unnamed; /* rules without typed form, */
	VEC(struct fw_raw) raws;       /* and their entries */
};

/* Reads the table, or takes what the hold knows of it; makes the kernel register it if it
 * is not. Names and what is read out go into the arena. */
int fw_blob_read(struct fw_blob *b, enum family f, enum fw_table_id id,
    struct fw_hold *hold, struct arena *a, struct error *err);
void fw_blob_free(struct fw_blob *b); /* twice is fine */

/* The chain whose rules begin at this place; NULL when none does. */
const struct fw_blob_chain *fw_blob_chain_at(const struct fw_blob *b, uint32_t place);
/* Name, policy, counters and rules of a chain; rules without typed form get their text by
 * fw_blob_texts() only. -1: a jump leads into the middle of a chain. */
int fw_blob_chain(struct fw_blob *b, const struct fw_blob_chain *c, struct fw_chain *ret,
    struct error *err);
void fw_blob_texts(struct fw_blob *b);
/* The kernel's number of ACCEPT, DROP, QUEUE or RETURN; false for other names. */
bool fw_verdict_number(const char *name, int *ret);

#endif
