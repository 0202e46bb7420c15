/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_GUESS_H
#define VERIFY_GUESS_H

#include "state/state.h"

/*
 * What rules of others would do with a packet of which only some is known: the first one
 * of a connection to a service address that is local by then. A rule that asks for more
 * is a maybe. Reads rules that are kept as text, too.
 */
struct guess {
	enum family family;
	struct addr dst; /* unset: some address of the node */
	uint8_t proto;
	uint16_t port;
	struct prefix src;	      /* its source is in there; unset: anywhere */
	const struct kset_list *sets; /* of ipvs mode, to be */
	bool dst_remote;	      /* dst is no address of the node, nor to become one */
};
enum answer { ANSWER_NO, ANSWER_MAYBE, ANSWER_YES };

/* Whether the conditions of a rule hold. */
enum answer guess_rule(const struct guess *g, const struct fw_rule *r);

/* What a rule does with packets for which they do. */
enum verdict {
	VERDICT_NEXT, /* counts, marks, logs */
	VERDICT_ACCEPT,
	VERDICT_DROP,
	VERDICT_RETURN,
	VERDICT_CHAIN, /* jump or goto */
	VERDICT_DNAT,  /* another destination */
};
enum verdict guess_verdict(const struct fw_rule *r);

/* The rule, or the chain whose policy it is (*policy), that drops this packet on its way
 * through a chain of the table filter, whatever else it may be; NULL in both: none. Jumps
 * of ours are left out. */
struct guess_drop {
	const char *chain;
	const struct fw_rule *rule; /* NULL: the chain's policy */
};
bool guess_is_dropped(const struct guess *g, const struct fw_table *filter,
    const char *chain, struct guess_drop *ret);

/* A rule that may give this packet another destination, from a rule of nat on; or NULL.
 */
const struct fw_rule *guess_dnat(
    const struct guess *g, const struct fw_table *nat, const struct fw_rule *r);

#endif
