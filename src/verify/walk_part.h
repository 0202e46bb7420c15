/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_WALK_PART_H
#define VERIFY_WALK_PART_H

#include "base/vec.h"
#include "verify/guess.h"
#include "verify/walk.h"

/* What the files of the packet walker share. */

/* Rules of a long chain by what they ask for first, each list in the order of the chain.
 */
struct walk_key {
	struct addr addr; /* or unset, and: */
	uint16_t port;
	size_t rule;
};
struct walk_chain {
	struct walk_key *keys; /* sorted by address, port, rule; NULL: it is short */
	size_t n_keys;
	size_t *others; /* rules that ask for neither */
	size_t n_others;
	const struct fw_chain **jumps; /* of each rule, where it leads or NULL */
};

/* Chains by name, and addresses of the node: hash tables, a power of two large. */
struct walk_names {
	const struct fw_chain **slots;
	size_t mask;
};
struct walk_addrs {
	struct walk_addr {
		struct addr addr;
		bool used, own, virtual; /* of an interface; on kube-ipvs0 */
	} * slots;
	size_t mask;
};

struct walker {
	const struct state *state;
	struct arena *arena;
	struct walk_names names[FAMILY_COUNT][FW_TABLE_COUNT];
	/* Beside the chains of each table. */
	struct walk_chain *chains[FAMILY_COUNT][FW_TABLE_COUNT];
	struct walk_addrs addrs;
	struct addr own[FAMILY_COUNT]; /* the node's source towards others, or unset */
};

struct walk_choice {
	unsigned taken, options;
	size_t asked; /* how many rules had been asked by then */
};

/* One packet on one of its ways. */
struct walk_at {
	const struct walker *walker;
	struct walk_packet p; /* as it is by now */
	const char *out; /* "lo", "" for another interface that is not known, or NULL */
	bool dnatted;	 /* it has another destination by nat */
	const struct lvs_service *served; /* ... by IPVS: the virtual server */
	bool masqueraded;
	unsigned unsure; /* choices that were made because it could not be told */
	struct walk_path path;
	/* The choices of this way: taken[i] of options[i]; those from next on are the
	 * first ones. */
	VEC(struct walk_choice) choices;
	size_t next;
	/* What the rules asked so far have answered. Up to the last choice, `known` of them,
	 * each way begins as the one before it. */
	VEC(signed char) answers;
	size_t asked, known;
	bool with_steps;
	VEC(struct walk_step) steps;
};

/* Which of `options` this way takes. */
static inline unsigned walk_choose(struct walk_at *at, unsigned options)
{
	if (at->next == at->choices.n)
		vec_push(&at->choices,
		    (struct walk_choice){.options = options, .asked = at->asked});
	return at->choices.v[at->next++].taken;
}
/* The way is the one of this part of those that come here. */
static inline void walk_narrow(struct walk_at *at, double share)
{
	at->path.share *= share;
}

/* NULL: the table has none of this name. */
const struct fw_chain *walker_chain(
    const struct walker *w, enum family f, enum fw_table_id t, const char *name);
/* Where a rule of a chain jumps to. */
const struct fw_chain *walker_jump(const struct walker *w, enum family f,
    enum fw_table_id t, const struct fw_chain *c, size_t rule);

/* Walks over a chain's rules that may match: the first, the next one. */
struct walk_cursor {
	const struct walk_chain *index; /* NULL: all rules are tried */
	size_t n_rules, rule;
	size_t addr, addr_end, port, port_end, other;
};
void walk_cursor_start(struct walk_cursor *c, const struct walker *w,
    const struct walk_packet *p, enum fw_table_id t, const struct fw_chain *chain);
bool walk_cursor_next(struct walk_cursor *c, size_t *rule);

/* Whether the conditions of a rule hold on this way; chooses where that is not certain. A
 * maybe is what cannot be told. */
enum answer walk_rule(struct walk_at *at, const struct fw_rule *r);

#endif
