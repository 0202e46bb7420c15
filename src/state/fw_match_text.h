/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_MATCH_TEXT_H
#define STATE_FW_MATCH_TEXT_H

#include "state/fw.h"

/* A match while its options are being read; strings are the reader's words. */
struct fw_match_draft {
	struct fw_match m;
	unsigned seen; /* bits of the options given */
	struct fw_recent recent;
	struct fw_ipvs ipvs;
};

/* An option of a match, such as "--dport". */
struct fw_match_option {
	const char *name;
	enum fw_match_kind kind;
	unsigned bit;	 /* its bit in .seen */
	unsigned args;	 /* words that follow */
	bool may_invert; /* "!" is understood */
	/* false: a value that the typed form cannot hold */
	bool (*set)(struct fw_match_draft *d, enum family f, const char *const *args);
};

/* The draft of "-m NAME"; false: not one of ours. */
bool fw_match_begin(const char *name, struct fw_match_draft *ret);
/* name begins with "--"; NULL: an option of no match of ours. */
const struct fw_match_option *fw_match_option(const char *name);
/* Whether the options given are a combination that the typed form stands for. */
bool fw_match_complete(const struct fw_match_draft *d);

/* "0x4000", "0x4000/0x4000"; without a slash the mask is all ones. */
bool fw_mark_parse(const char *s, uint32_t *value, uint32_t *mask);
/* " -m NAME ..." */
void fw_match_print(struct strbuf *sb, enum family f, const struct fw_match *m);

#endif
