/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether the conditions of one rule hold for a packet on its way. */
#include "config.h"

#include "verify/walk_part.h"

#include <string.h>

#define CERTAIN 0x80000000u /* of a probability */

static enum answer answer_of(bool yes)
{
	return yes ? ANSWER_YES : ANSWER_NO;
}

static enum answer inverted(enum answer a, bool invert)
{
	return invert ? (enum answer)(ANSWER_YES - a) : a;
}

/* "eth0", or "veth+" for all whose names begin so. */
static bool is_interface(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '+')
		return !strncmp(pattern, name, n - 1);
	return !strcmp(pattern, name);
}

/* Before it is routed, and for what the node itself sends, there is none: only "+" holds.
 */
static enum answer ask_in(const struct walk_at *at, const char *pattern)
{
	return answer_of(is_interface(pattern, at->p.in ? at->p.in : ""));
}

static enum answer ask_out(const struct walk_at *at, const char *pattern)
{
	if (!at->out)
		return answer_of(is_interface(pattern, ""));
	if (*at->out)
		return answer_of(is_interface(pattern, at->out));
	return strcmp(pattern, "+") ? strcmp(pattern, "lo") ? ANSWER_MAYBE : ANSWER_NO
				    : ANSWER_YES;
}

static enum answer ask_type(
    const struct walk_at *at, const struct addr *a, uint16_t types)
{
	if (walker_is_local(at->walker, a))
		return answer_of(types & FW_ADDRTYPE_LOCAL);
	/* Broadcast, unreachable and the like are in routes, which no state has. */
	return types == FW_ADDRTYPE_LOCAL ? ANSWER_NO : ANSWER_MAYBE;
}

static enum answer ask_addrtype(const struct walk_at *at, const struct fw_match *m)
{
	if (m->addrtype.src && m->addrtype.dst)
		return ANSWER_MAYBE;
	return m->addrtype.src ? ask_type(at, &at->p.src, m->addrtype.src)
			       : ask_type(at, &at->p.dst, m->addrtype.dst);
}

static enum answer ask_ctstate(const struct walk_at *at, uint16_t states)
{
	return answer_of(states & FW_CT_NEW || (states & FW_CT_DNAT && at->dnatted));
}

/* ---- sets */

static int cmp_entry(const void *a, const void *b)
{
	return kset_entry_cmp(a, b);
}

static bool has_entry(const struct kset *s, const struct kset_entry *e)
{
	return s->n_entries &&
	       bsearch(e, s->entries, s->n_entries, sizeof(*e), cmp_entry);
}

/* hash:ip,port,net: each length that occurs may hold it. */
static bool has_net(const struct kset *s, struct kset_entry e)
{
	struct addr whole = e.ip2;
	unsigned max = family_info(s->family)->addr_bits;

	for (unsigned bits = 0; bits <= max; bits++) {
		struct prefix p = {.addr = whole, .bits = (uint8_t)bits};

		prefix_normalize(&p);
		e.ip2 = p.addr;
		e.bits = p.bits;
		if (has_entry(s, &e))
			return true;
	}
	return false;
}

static const struct addr *side(
    const struct walk_at *at, const struct fw_match *m, int dim)
{
	return m->set.src & 1u << dim ? &at->p.src : &at->p.dst;
}

static enum answer ask_set(const struct walk_at *at, const struct fw_match *m)
{
	const struct kset *s = kset_find(&at->walker->state->sets, m->set.name);
	struct kset_entry e = {.ip = *side(at, m, 0), .proto = at->p.proto};
	/* The source port is not known. */
	bool no_port = m->set.n_dims > 1 && m->set.src & 0x2;

	if (!s || s->type == KSET_OTHER || no_port)
		return ANSWER_MAYBE;
	if (s->type == KSET_BITMAP_PORT) {
		struct kset_entry port = {.port = at->p.port};

		return m->set.src & 0x1 ? ANSWER_MAYBE : answer_of(has_entry(s, &port));
	}
	if (s->family != at->p.family)
		return ANSWER_NO;
	if (s->type == KSET_HASH_IP) {
		e.proto = 0;
		return answer_of(has_entry(s, &e));
	}
	e.port = at->p.port;
	if (s->type == KSET_HASH_IP_PORT)
		return answer_of(has_entry(s, &e));
	e.ip2 = *side(at, m, 2);
	if (s->type == KSET_HASH_IP_PORT_IP)
		return answer_of(has_entry(s, &e));
	return answer_of(has_net(s, e));
}

/* ---- choices */

static enum answer ask_statistic(struct walk_at *at, uint32_t probability)
{
	double share = (double)probability / CERTAIN;

	if (!probability)
		return ANSWER_NO;
	if (probability >= CERTAIN)
		return ANSWER_YES;
	if (!walk_choose(at, 2)) {
		walk_narrow(at, share);
		return ANSWER_YES;
	}
	walk_narrow(at, 1 - share);
	return ANSWER_NO;
}

/* Clients that are remembered, and new ones, which make up the shares. */
static enum answer ask_recent(struct walk_at *at, const struct fw_recent *r)
{
	if (r->set)
		return ANSWER_YES;
	/* Who is remembered is so by one of them: the rest is as for new ones. */
	if (at->path.affinity || walk_choose(at, 2))
		return ANSWER_NO;
	at->path.affinity = true;
	walk_narrow(at, 0);
	return ANSWER_YES;
}

/* The virtual server that it came to. */
static enum answer ask_ipvs(const struct walk_at *at, const struct fw_ipvs *v)
{
	const struct lvs_key *k = at->served ? &at->served->key : NULL;

	return answer_of(k && k->proto == v->proto && k->port == v->port &&
			 addr_eq(&k->addr, &v->addr));
}

static enum answer ask_match(struct walk_at *at, const struct fw_match *m)
{
	switch ((enum fw_match_kind)m->kind) {
	case FWM_COMMENT:
	case FWM_NFACCT:
		return ANSWER_YES;
	case FWM_L4:
		return answer_of(m->l4.proto == at->p.proto &&
				 (!m->l4.has_port || m->l4.port == at->p.port));
	case FWM_ADDRTYPE:
		return ask_addrtype(at, m);
	case FWM_CONNTRACK:
		return ask_ctstate(at, m->ctstate);
	case FWM_MARK:
		return answer_of((at->p.mark & m->mark.mask) == m->mark.value);
	case FWM_STATISTIC:
		return ask_statistic(at, m->probability);
	case FWM_RECENT:
		return ask_recent(at, m->recent);
	case FWM_SET:
		return ask_set(at, m);
	case FWM_PHYSDEV:
		return ANSWER_NO; /* routed pods; bridges hand their packets up */
	case FWM_IPVS:
		return ask_ipvs(at, m->ipvs);
	}
	return ANSWER_MAYBE;
}

/* ---- rules */

static enum answer both(enum answer a, enum answer b)
{
	return a < b ? a : b;
}

static enum answer ask_prefix(
    const struct prefix *p, const struct addr *a, const struct fw_rule *r, uint8_t flag)
{
	if (!addr_is_set(&p->addr))
		return ANSWER_YES;
	return inverted(answer_of(prefix_contains(p, a)), r->invert & flag);
}

static enum answer ask_header(struct walk_at *at, const struct fw_rule *r)
{
	enum answer a = ANSWER_YES;

	if (r->proto && r->proto != at->p.proto)
		return ANSWER_NO;
	a = both(a, ask_prefix(&r->dst, &at->p.dst, r, FW_INV_DST));
	a = both(a, ask_prefix(&r->src, &at->p.src, r, FW_INV_SRC));
	if (r->in)
		a = both(a, inverted(ask_in(at, r->in), r->invert & FW_INV_IN));
	if (r->out)
		a = both(a, inverted(ask_out(at, r->out), r->invert & FW_INV_OUT));
	return a;
}

static enum answer ask_text(struct walk_at *at, const struct fw_rule *r)
{
	struct guess g = {
	    .family = at->p.family,
	    .dst = at->p.dst,
	    .proto = at->p.proto,
	    .port = at->p.port,
	    .src = prefix_host(&at->p.src),
	    .sets = &at->walker->state->sets,
	    .dst_remote = !walker_is_local(at->walker, &at->p.dst),
	};

	return guess_rule(&g, r);
}

enum answer walk_rule(struct walk_at *at, const struct fw_rule *r)
{
	enum answer a = r->opaque ? ask_text(at, r) : ask_header(at, r);

	/* What is a choice comes after what is certain: nothing is chosen in vain. */
	for (size_t i = 0; !r->opaque && a != ANSWER_NO && i < r->n_matches; i++) {
		const struct fw_match *m = &r->matches[i];

		a = both(a, inverted(ask_match(at, m), m->invert));
	}
	return a;
}
