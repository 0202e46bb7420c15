/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_TARGET_TEXT_H
#define STATE_FW_TARGET_TEXT_H

#include "state/fw.h"

/* A target while its options are being read; name is one of the reader's words. */
struct fw_target_draft {
	const char *name; /* after -j or -g; NULL: none so far */
	bool go;
	unsigned seen; /* bits of the options given */
	uint32_t mark, mask;
	struct addr to;
	uint16_t port;
};

/* An option of a target, such as "--to-destination". */
struct fw_target_option {
	const char *name;
	unsigned bit;  /* its bit in .seen */
	unsigned args; /* words that follow */
	/* false: a value that the typed form cannot hold */
	bool (*set)(struct fw_target_draft *d, enum family f, const char *arg);
};

/* name begins with "--"; NULL: an option of no target of ours. */
const struct fw_target_option *fw_target_option(const char *name);
/* Whether -j NAME leads to a chain. */
bool fw_target_is_chain(const char *name);
/*
 * The target that the draft says, but for what must live in the arena: the chain's name
 * and the address of DNAT. False: not one that a typed rule can hold.
 */
bool fw_target_finish(const struct fw_target_draft *d, struct fw_target *ret);
/* " -j NAME ..." */
void fw_target_print(struct strbuf *sb, enum family f, const struct fw_target *t);

#endif
