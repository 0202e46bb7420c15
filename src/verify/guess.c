/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows a packet of which only some is known through rules of others: where it is
 * certainly dropped, and where it may get another destination. What single conditions
 * say is in guess_match.c.
 */
#include "config.h"

#include "verify/guess.h"
#include "state/own.h"

#include <string.h>

/* How deep jumps are followed; tables with loops cannot be loaded. */
#define MAX_DEPTH 16

/* "-j WORD" of a rule that is kept as text. */
static enum verdict verdict_of_text(const char *text)
{
	static const struct {
		const char *word;
		enum verdict verdict;
	} words[] = {
	    {"ACCEPT", VERDICT_ACCEPT},
	    {"DROP", VERDICT_DROP},
	    {"REJECT", VERDICT_DROP},
	    {"TARPIT", VERDICT_DROP},
	    {"RETURN", VERDICT_RETURN},
	    {"DNAT", VERDICT_DNAT},
	    {"REDIRECT", VERDICT_DNAT},
	    {"NETMAP", VERDICT_DNAT},
	};
	const char *j = strstr(text, "-j ");

	/* A comment may hold anything: the target comes behind all matches. */
	for (const char *p = j; p; p = strstr(p + 1, " -j "))
		j = p;
	j = j ? j + strspn(j, " ") + strlen("-j ") : "";
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].word);

		if (!strncmp(j, words[i].word, n) && (!j[n] || j[n] == ' '))
			return words[i].verdict;
	}
	return VERDICT_NEXT;
}

enum verdict guess_verdict(const struct fw_rule *r)
{
	if (r->target.kind == FWT_JUMP)
		return VERDICT_CHAIN;
	if (r->opaque)
		return verdict_of_text(r->opaque);
	switch ((enum fw_target_kind)r->target.kind) {
	case FWT_ACCEPT:
		return VERDICT_ACCEPT;
	case FWT_DROP:
	case FWT_REJECT:
		return VERDICT_DROP;
	case FWT_RETURN:
		return VERDICT_RETURN;
	case FWT_DNAT:
		return VERDICT_DNAT;
	case FWT_JUMP:
	case FWT_NONE:
	case FWT_MARK:
	case FWT_MASQUERADE:
		break;
	}
	return VERDICT_NEXT;
}

/* ---- dropped */

enum way { WAY_ON, WAY_BACK, WAY_ACCEPTED, WAY_DROPPED };

struct walk {
	const struct guess *g;
	const struct fw_table *table;
	struct guess_drop drop;
};

static enum way through_chain(struct walk *w, const char *name, unsigned depth);

/* Where a rule only may hold, the packet goes on: those whom it accepts are others. */
static enum way through_rule(
    struct walk *w, const char *chain, const struct fw_rule *r, unsigned depth)
{
	enum way way;

	if (guess_rule(w->g, r) != ANSWER_YES)
		return WAY_ON;
	switch (guess_verdict(r)) {
	case VERDICT_ACCEPT:
	case VERDICT_DNAT:
		return WAY_ACCEPTED;
	case VERDICT_DROP:
		w->drop = (struct guess_drop){.chain = chain, .rule = r};
		return WAY_DROPPED;
	case VERDICT_RETURN:
		return WAY_BACK;
	case VERDICT_CHAIN:
		way = through_chain(w, r->target.chain, depth + 1);
		/* Who was sent by "goto" does not come back here. */
		return way == WAY_ON && r->target.go ? WAY_BACK : way;
	case VERDICT_NEXT:
		break;
	}
	return WAY_ON;
}

static enum way through_chain(struct walk *w, const char *name, unsigned depth)
{
	const struct fw_chain *c =
	    depth < MAX_DEPTH ? fw_chain_find(w->table, name) : NULL;

	for (size_t i = 0; c && i < c->n_rules; i++) {
		enum way way;

		if (c->builtin && own_jump(FW_FILTER, name, &c->rules[i]))
			continue;
		way = through_rule(w, name, &c->rules[i], depth);
		if (way == WAY_BACK)
			break;
		if (way != WAY_ON)
			return way;
	}
	if (!c || c->policy != FW_POLICY_DROP)
		return WAY_ON;
	w->drop = (struct guess_drop){.chain = name};
	return WAY_DROPPED;
}

bool guess_is_dropped(const struct guess *g, const struct fw_table *filter,
    const char *chain, struct guess_drop *ret)
{
	struct walk w = {.g = g, .table = filter};

	if (through_chain(&w, chain, 0) != WAY_DROPPED)
		return false;
	*ret = w.drop;
	return true;
}

/* ---- another destination */

static const struct fw_rule *dnat_in_rule(const struct guess *g,
    const struct fw_table *nat, const struct fw_rule *r, unsigned depth, bool *ends)
{
	const struct fw_chain *c;
	const struct fw_rule *found = NULL;
	enum answer answer = guess_rule(g, r);

	*ends = false;
	if (answer == ANSWER_NO)
		return NULL;
	switch (guess_verdict(r)) {
	case VERDICT_DNAT:
		return r;
	case VERDICT_ACCEPT:
	case VERDICT_DROP:
	case VERDICT_RETURN:
		*ends = answer == ANSWER_YES;
		return NULL;
	case VERDICT_NEXT:
		return NULL;
	case VERDICT_CHAIN:
		break;
	}
	c = depth < MAX_DEPTH ? fw_chain_find(nat, r->target.chain) : NULL;
	for (size_t i = 0; c && !found && i < c->n_rules && !*ends; i++)
		found = dnat_in_rule(g, nat, &c->rules[i], depth + 1, ends);
	*ends = false;
	return found;
}

const struct fw_rule *guess_dnat(
    const struct guess *g, const struct fw_table *nat, const struct fw_rule *r)
{
	bool ends;

	return dnat_in_rule(g, nat, r, 0, &ends);
}
