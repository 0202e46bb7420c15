/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_ENTRY_H
#define KERNEL_FW_ENTRY_H

#include "base/strtab.h"
#include "kernel/ipset_id.h"
#include "state/fw.h"

struct xt_entry_match;
struct xt_entry_target;
struct xt_counters;

/*
 * Where the fields of struct ipt_entry and struct ip6t_entry are. All else about rules in
 * binary form is one body for both families.
 */
struct fw_layout {
	enum family family;
	uint16_t size; /* of the header; matches follow */
	uint16_t src, dst, src_mask, dst_mask;
	uint16_t in, out, in_mask, out_mask;
	uint16_t proto, flags, invflags;
	uint16_t target_offset, next_offset, counters;
	uint8_t flag_proto; /* must be set with a protocol (IPv6) */
	uint8_t flag_goto, flag_fragment;
};
const struct fw_layout *fw_layout(enum family f);

/* Fields of an entry that are read in several places. */
uint16_t fw_entry_u16(const void *entry, uint16_t offset);
void fw_entry_set_u16(void *entry, uint16_t offset, size_t value);
struct xt_entry_target *fw_entry_target(const struct fw_layout *l, void *entry);
struct xt_counters *fw_entry_counters(const struct fw_layout *l, void *entry);
/* NULL after the last match. prev NULL: the first. */
const struct xt_entry_match *fw_entry_match(
    const struct fw_layout *l, const void *entry, const struct xt_entry_match *prev);
/* The prefix length of a mask, or -1 when its bits are not in one piece. */
int fw_mask_bits(const void *mask, size_t len);

/* Translates the rules of one family, for the time of one driver operation. */
struct fw_codec {
	const struct fw_layout *layout;
	struct arena *arena; /* gets what decoded rules point to */
	struct strtab strings;
	struct ipset_ids sets;
	const char *last_comment;
	void *buf;
};
void fw_codec_init(struct fw_codec *c, enum family f, struct arena *arena);
void fw_codec_free(struct fw_codec *c);
/* The one copy of a string in the arena. */
const char *fw_codec_string(struct fw_codec *c, const char *s);

/* The name by which libiptc knows a verdict or a jump ("" for nothing); NULL when the
 * target is an extension. */
const char *fw_target_verdict(const struct fw_target *t);
/*
 * The entry of a rule the way libiptc wants it: a chain's or a verdict's name in place of
 * the standard target's. *ret is valid until the next call. -1: ERR_REFUSED for a rule
 * kept as text, ERR_KERNEL when a set is missing.
 */
int fw_entry_encode(
    struct fw_codec *c, const struct fw_rule *r, void **ret, struct error *err);
/*
 * The rule of an entry. target: the name of the standard target's chain or verdict, ""
 * for none; a chain's must live as long as the rule. False when the typed form does not
 * say all of it: then only the counters and a jump's chain are set, and the text is up to
 * the caller.
 */
bool fw_entry_decode(
    struct fw_codec *c, const void *entry, const char *target, struct fw_rule *ret);

#endif
