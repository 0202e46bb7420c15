/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The chains of one service port in nat: the lists of endpoints (SVC, SVL, XLB, SEP), the
 * ways in from outside (EXT) and source ranges (FW), of every release.
 */
#include "config.h"

#include "model/model_state_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* kube-proxies wrote 5 decimals at first, and iptables rounds once more. */
#define PROBABILITY_SLACK 6e-6

/* The list of endpoints in a chain, as its rules come. */
struct spread {
	struct found *fd;
	struct place at;
	bool local;
	VEC(const struct fw_rule *) choices, recents;
	bool closed;  /* a rule that everything takes was there */
	bool refuses; /* up to 1.24: nobody is there */
};

const struct fw_chain *jump_target(
    struct reading *rd, struct found *fd, const struct place *at)
{
	const char *name = at->rule->target.chain;
	const struct fw_chain *c = fw_chain_find(rd->nat, name);

	if (c)
		rd->reached[c - rd->nat->chains] = true;
	else
		not_understood(rd, fd, at, "jump to a chain that is not there: %s", name);
	return c;
}

/* ---- KUBE-SEP */

struct target {
	const struct fw_rule *dnat;
	bool fills; /* the list of addresses that affinity looks at */
};

static struct target read_sep(
    struct reading *rd, struct found *fd, const struct fw_chain *c)
{
	struct place at = {rd->nat, c->name, NULL};
	struct target t = {0};
	bool said = false;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		const struct fw_match *m = rule_match(r, FWM_RECENT);

		at.rule = r;
		if (r->opaque) {
			not_understood(rd, fd, &at, "%s", opaque_reason(rd->arena, r));
			said = true;
		} else if (m && m->recent->set && strcmp(m->recent->name, c->name)) {
			not_understood(rd, fd, &at, "recent without a list of its own");
		}
		t.fills |= m && m->recent->set && !strcmp(m->recent->name, c->name);
		if (r->opaque || rule_marks(r) || r->target.kind == FWT_NONE)
			continue;
		if (r->target.kind != FWT_DNAT)
			not_understood(rd, fd, &at, "this rule does not belong here");
		else if (t.dnat)
			not_understood(rd, fd, &at, "a second DNAT");
		else if (r->proto != fd->proto)
			not_understood(rd, fd, &at, "DNAT of another protocol");
		else
			t.dnat = r;
	}
	at.rule = NULL;
	if (!t.dnat && !said)
		not_understood(rd, fd, &at, "there is no DNAT in this chain");
	return t;
}

/* ---- lists of endpoints */

/* Whether a rule has no conditions but those of a list. */
static bool is_plain(const struct fw_rule *r)
{
	if (addr_is_set(&r->src.addr) || addr_is_set(&r->dst.addr) || r->in || r->out)
		return false;
	for (unsigned i = 0; i < r->n_matches; i++)
		switch (r->matches[i].kind) {
		case FWM_COMMENT:
		case FWM_STATISTIC:
		case FWM_RECENT:
			break;
		case FWM_L4:
			if (r->matches[i].l4.has_port)
				return false;
			break;
		default:
			return false;
		}
	return true;
}

static void take_choice(struct reading *rd, struct spread *sp, const struct fw_rule *r)
{
	const struct fw_match *recent = rule_match(r, FWM_RECENT);

	sp->at.rule = r;
	if (!is_plain(r)) {
		not_understood(rd, sp->fd, &sp->at,
		    "a jump to an endpoint under a condition that does not belong here");
		return;
	}
	if (recent) {
		if (recent->recent->set || strcmp(recent->recent->name, r->target.chain))
			not_understood(rd, sp->fd, &sp->at, "recent without a list: %s",
			    recent->recent->name);
		else
			vec_push(&sp->recents, r);
		return;
	}
	if (sp->closed)
		not_understood(rd, sp->fd, &sp->at,
		    "a rule above takes everything: this endpoint gets nothing");
	sp->closed |= !rule_match(r, FWM_STATISTIC);
	vec_push(&sp->choices, r);
}

static void check_chances(struct reading *rd, struct spread *sp)
{
	size_t n = sp->choices.n;

	for (size_t i = 0; i < n; i++) {
		const struct fw_match *m = rule_match(sp->choices.v[i], FWM_STATISTIC);
		double p = m ? m->probability / 2147483648.0 : 1;

		sp->at.rule = sp->choices.v[i];
		if (fabs(p - 1.0 / (double)(n - i)) <= PROBABILITY_SLACK)
			continue;
		if (i == n - 1)
			not_understood(rd, sp->fd, &sp->at,
			    "the last endpoint must take what is left: a rule is missing");
		else
			not_understood(rd, sp->fd, &sp->at,
			    "probability %.11f, but %zu endpoints are left: a rule is "
			    "missing or too many",
			    p, n - i);
		return;
	}
}

static int compare_targets(const void *va, const void *vb)
{
	const struct fw_rule *const *a = va, *const *b = vb;

	return strcmp((*a)->target.chain, (*b)->target.chain);
}

/* The rules for affinity are sorted by then. */
static bool has_recent(const struct spread *sp, const struct fw_rule *choice)
{
	return bsearch(&choice, sp->recents.v, sp->recents.n, sizeof(*sp->recents.v),
	    compare_targets);
}

static void take_affinity(struct reading *rd, struct spread *sp)
{
	const struct fw_match *m;

	sp->at.rule = NULL;
	if (!sp->recents.n)
		return;
	sp->at.rule = sp->recents.v[0];
	if (sp->recents.n != sp->choices.n)
		not_understood(rd, sp->fd, &sp->at,
		    "%zu rules for affinity, but %zu for endpoints", sp->recents.n,
		    sp->choices.n);
	for (size_t i = 0; i < sp->recents.n; i++) {
		sp->at.rule = sp->recents.v[i];
		m = rule_match(sp->at.rule, FWM_RECENT);
		if (sp->fd->affinity && sp->fd->affinity_sec != m->recent->seconds)
			not_understood(rd, sp->fd, &sp->at,
			    "affinity of %u seconds, of %u elsewhere", m->recent->seconds,
			    sp->fd->affinity_sec);
		else
			sp->fd->affinity_sec = m->recent->seconds;
		sp->fd->affinity = true;
	}
}

static void take_endpoints(struct reading *rd, struct spread *sp)
{
	if (sp->recents.n)
		qsort(sp->recents.v, sp->recents.n, sizeof(*sp->recents.v),
		    compare_targets);
	for (size_t i = 0; i < sp->choices.n; i++) {
		const struct fw_rule *r = sp->at.rule = sp->choices.v[i];
		const struct fw_chain *c = jump_target(rd, sp->fd, &sp->at);
		struct target t;

		if (!c)
			continue;
		t = read_sep(rd, sp->fd, c);
		if (t.dnat)
			found_add_endpoint(rd, sp->fd, t.dnat->target.addr,
			    t.dnat->target.port, sp->local);
		if (sp->recents.n && !has_recent(sp, r))
			not_understood(rd, sp->fd, &sp->at,
			    "this endpoint has no rule for affinity");
		/* The lists of XLB chains knew no affinity once (1.8). */
		if (!sp->recents.n && sp->fd->affinity &&
		    chain_role(sp->at.chain, NULL) == ROLE_XLB)
			continue;
		if ((sp->recents.n != 0) != t.fills)
			not_understood(rd, sp->fd, &sp->at,
			    t.fills ? "the list %s is filled but not looked at"
				    : "recent without a list: nothing fills %s",
			    r->target.chain);
	}
}

static void finish_spread(struct reading *rd, struct spread *sp)
{
	check_chances(rd, sp);
	take_affinity(rd, sp);
	take_endpoints(rd, sp);
	sp->at.rule = NULL;
	if (!sp->choices.n && !sp->refuses)
		sp->fd->empty = sp->at;
	vec_free(&sp->choices);
	vec_free(&sp->recents);
}

/* ---- ways on to other chains of the same service port */

/* Walks the chain that a rule leads to. false: it leads to no chain of this service port.
 */
static bool follow(struct reading *rd, struct found *fd, struct place *at, unsigned roles)
{
	const struct fw_chain *c;
	const char *hash = "";
	enum role role;

	if (at->rule->target.kind != FWT_JUMP)
		return false;
	role = chain_role(at->rule->target.chain, &hash);
	if (!(ROLE_BIT(role) & roles) || (fd->hash && strcmp(fd->hash, hash)))
		return false;
	c = jump_target(rd, fd, at);
	if (c)
		read_service_chain(rd, fd, c, role);
	return true;
}

static bool from_node(const struct fw_rule *r)
{
	const struct fw_match *m = rule_match(r, FWM_ADDRTYPE);

	return m && !m->invert && m->addrtype.src == FW_ADDRTYPE_LOCAL;
}

static bool from_pods(const struct fw_rule *r)
{
	return (addr_is_set(&r->src.addr) && !(r->invert & FW_INV_SRC)) ||
	       (r->in && !(r->invert & FW_INV_IN));
}

static void puzzled(struct reading *rd, struct found *fd, const struct place *at)
{
	not_understood(rd, fd, at, "%s",
	    at->rule->opaque ? opaque_reason(rd->arena, at->rule)
			     : "this rule does not belong here");
}

static void read_list(
    struct reading *rd, struct found *fd, const struct fw_chain *c, bool local)
{
	struct spread sp = {.fd = fd, .at = {rd->nat, c->name, NULL}, .local = local};

	fd->by_lists = true;
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = sp.at.rule = &c->rules[i];

		if (!r->opaque && rule_marks(r))
			continue;
		if (!r->opaque && r->target.kind == FWT_JUMP &&
		    chain_role(r->target.chain, NULL) == ROLE_SEP)
			take_choice(rd, &sp, r);
		else if (rule_jumps_to(r, "KUBE-MARK-DROP"))
			sp.refuses = true;
		/* XLB: pods and the node itself use any endpoint. */
		else if (local && (from_pods(r) || from_node(r)) &&
			 follow(rd, fd, &sp.at, ROLE_BIT(ROLE_SVC)))
			continue;
		else
			puzzled(rd, fd, &sp.at);
	}
	finish_spread(rd, &sp);
}

static void read_ext(struct reading *rd, struct found *fd, const struct fw_chain *c)
{
	struct place at = {rd->nat, c->name, NULL};
	bool leads = false;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = at.rule = &c->rules[i];
		bool special = !r->opaque && (from_pods(r) || from_node(r));

		fd->external_local |= special;
		if (!r->opaque && rule_marks(r))
			continue;
		if (!r->opaque &&
		    follow(rd, fd, &at, ROLE_BIT(ROLE_SVC) | ROLE_BIT(ROLE_SVL))) {
			fd->external_local |= !strncmp(r->target.chain, "KUBE-SVL-", 9);
			leads |= !special;
		} else {
			puzzled(rd, fd, &at);
		}
	}
	at.rule = NULL;
	/* With a local policy and no local endpoint it ends here, and filter drops. */
	if (!leads && !fd->external_local)
		not_understood(rd, fd, &at, "this chain leads to no endpoint");
}

/* 1.24 repeats them per address: found_finish() leaves out what comes twice. */
static void add_range(struct reading *rd, struct found *fd, const struct prefix *src)
{
	struct prefix p = *src;

	if (!addr_is_set(&p.addr)) {
		p.addr.len = (uint8_t)family_info(rd->f)->addr_len;
		p.bits = 0;
	}
	vec_push(&fd->ranges, p);
}

static void read_fw(struct reading *rd, struct found *fd, const struct fw_chain *c)
{
	const unsigned roles =
	    ROLE_BIT(ROLE_EXT) | ROLE_BIT(ROLE_SVC) | ROLE_BIT(ROLE_XLB);
	struct place at = {rd->nat, c->name, NULL};
	bool leads = false;

	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = at.rule = &c->rules[i];
		bool any = !addr_is_set(&r->src.addr);

		if (!r->opaque && (rule_marks(r) || rule_jumps_to(r, "KUBE-MARK-DROP") ||
				      (r->target.kind == FWT_NONE && any)))
			continue;
		if (r->opaque || r->invert || !follow(rd, fd, &at, roles)) {
			puzzled(rd, fd, &at);
			continue;
		}
		leads = true;
		fd->external_local |= !strncmp(r->target.chain, "KUBE-XLB-", 9);
		/* Up to 1.23 this chain is there without ranges too. */
		if (!any || !strncmp(r->target.chain, "KUBE-EXT-", 9))
			add_range(rd, fd, &r->src);
	}
	at.rule = NULL;
	if (!leads)
		not_understood(rd, fd, &at, "this chain lets nobody in");
}

void read_service_chain(
    struct reading *rd, struct found *fd, const struct fw_chain *c, enum role role)
{
	if (fd->walked[rd->f] & ROLE_BIT(role))
		return;
	fd->walked[rd->f] |= ROLE_BIT(role);
	if (role == ROLE_EXT)
		read_ext(rd, fd, c);
	else if (role == ROLE_FW)
		read_fw(rd, fd, c);
	else
		read_list(rd, fd, c, role != ROLE_SVC);
}
