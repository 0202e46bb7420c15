/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_RULE_TEXT_H
#define STATE_FW_RULE_TEXT_H

#include "state/fw.h"
#include "state/fw_words.h"

#define FW_READER_SHARED 1024u

/* Reads rule after rule of one family into one arena. Start with {.family, .arena}. */
struct fw_reader {
	enum family family;
	struct arena *arena;
	struct fw_words words;
	/* Strings seen lately, by hash: most rules repeat names and comments. */
	const char *shared[FW_READER_SHARED];
};

/* The rule in w words from `first` on, of line `text`. -1: ERR_INPUT, with the option. */
int fw_reader_rule(struct fw_reader *rd, const char *text, size_t len, size_t first,
    struct fw_rule *ret, struct error *err);
const char *fw_reader_string(struct fw_reader *rd, const char *s);
/* The same words as an opaque rule: for one that fw_reader_rule() cannot take. */
void fw_reader_opaque(struct fw_reader *rd, const char *text, size_t len, size_t first,
    struct fw_rule *ret);
void fw_reader_end(struct fw_reader *rd);

#endif
