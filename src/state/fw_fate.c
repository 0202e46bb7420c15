/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the way of every packet ends. Rules with a condition are left out: whom they
 * catch is for whoever wrote them to know.
 */
#include "config.h"

#include "state/fw_fate.h"

#include <string.h>

/* How deep jumps are followed; tables with loops cannot be loaded. */
#define MAX_DEPTH 16

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* "-j REJECT --reject-with icmp-host-prohibited" and the like, perhaps with a comment. */
static enum fw_fate fate_of_text(const char *text)
{
	static const char *const translations[] = {
	    "-j SNAT", "-j DNAT", "-j MASQUERADE", "-j REDIRECT", "-j NETMAP"};
	const char *end;

	if (starts_with(text, "-m comment --comment ")) {
		text += strlen("-m comment --comment ");
		end = *text == '"' ? strstr(text + 1, "\" ") : strchr(text, ' ');
		if (!end)
			return FW_GOES_ON;
		text = end + (*text == '"' ? 2 : 1);
	}
	if (starts_with(text, "-j DROP") || starts_with(text, "-j REJECT"))
		return FW_DROPPED;
	/* In nat the first translation is the last word. */
	for (size_t i = 0; i < sizeof(translations) / sizeof(translations[0]); i++)
		if (starts_with(text, translations[i]))
			return FW_ACCEPTED;
	return starts_with(text, "-j ACCEPT") ? FW_ACCEPTED : FW_GOES_ON;
}

static bool is_unconditional(const struct fw_rule *r)
{
	for (size_t i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind != FWM_COMMENT)
			return false;
	return !addr_is_set(&r->src.addr) && !addr_is_set(&r->dst.addr) && !r->in &&
	       !r->out && !r->proto;
}

static enum fw_fate chain_fate(
    const struct fw_table *t, const char *chain, unsigned depth);

static enum fw_fate rule_fate(
    const struct fw_table *t, const struct fw_rule *r, unsigned depth)
{
	enum fw_fate fate;

	if (r->opaque)
		return fate_of_text(r->opaque);
	if (!is_unconditional(r))
		return FW_GOES_ON;
	switch ((enum fw_target_kind)r->target.kind) {
	case FWT_DROP:
	case FWT_REJECT:
		return FW_DROPPED;
	case FWT_ACCEPT:
	case FWT_DNAT:
	case FWT_MASQUERADE:
		return FW_ACCEPTED;
	case FWT_RETURN:
		return FW_RETURNS;
	case FWT_JUMP:
		fate = chain_fate(t, r->target.chain, depth + 1);
		/* Who was sent by "goto" does not come back here. */
		return fate == FW_GOES_ON && r->target.go ? FW_RETURNS : fate;
	case FWT_NONE:
	case FWT_MARK:
		break;
	}
	return FW_GOES_ON;
}

static enum fw_fate chain_fate(
    const struct fw_table *t, const char *chain, unsigned depth)
{
	const struct fw_chain *c = depth < MAX_DEPTH ? fw_chain_find(t, chain) : NULL;

	for (size_t i = 0; c && i < c->n_rules; i++) {
		enum fw_fate fate = rule_fate(t, &c->rules[i], depth);

		if (fate == FW_RETURNS)
			break;
		if (fate != FW_GOES_ON)
			return fate;
	}
	return c && c->policy == FW_POLICY_DROP ? FW_DROPPED : FW_GOES_ON;
}

enum fw_fate fw_chain_fate(const struct fw_table *t, const char *chain)
{
	return chain_fate(t, chain, 0);
}

size_t fw_reachable(const struct fw_table *t, const struct fw_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++)
		if (rule_fate(t, &c->rules[i], 0) != FW_GOES_ON)
			return i + 1;
	return c->n_rules;
}
