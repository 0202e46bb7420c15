/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the conditions of one rule say of a packet that is known in part. */
#include "config.h"

#include "verify/guess.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static enum answer answer_of(bool yes)
{
	return yes ? ANSWER_YES : ANSWER_NO;
}

static enum answer inverted(enum answer a, bool invert)
{
	return invert ? (enum answer)(ANSWER_YES - a) : a;
}

static enum answer both(enum answer a, enum answer b)
{
	return a < b ? a : b;
}

/* ---- single conditions */

static bool contains(const struct prefix *outer, const struct prefix *inner)
{
	return addr_family(&outer->addr) == addr_family(&inner->addr) &&
	       outer->bits <= inner->bits && prefix_contains(outer, &inner->addr);
}

static enum answer ask_dst(const struct guess *g, const struct prefix *p)
{
	if (!p->bits)
		return ANSWER_YES;
	return addr_is_set(&g->dst) ? answer_of(prefix_contains(p, &g->dst))
				    : ANSWER_MAYBE;
}

static enum answer ask_src(const struct guess *g, const struct prefix *p)
{
	if (!p->bits)
		return ANSWER_YES;
	/* Nothing from loopback addresses goes to a virtual one. */
	if (addr_is_loopback(&p->addr))
		return ANSWER_NO;
	if (!addr_is_set(&g->src.addr))
		return ANSWER_MAYBE;
	if (contains(p, &g->src))
		return ANSWER_YES;
	return contains(&g->src, p) ? ANSWER_MAYBE : ANSWER_NO;
}

/* The node's own connections do not come in at all, so not through lo either. */
static enum answer ask_in(const char *interface)
{
	return strcmp(interface, "lo") ? ANSWER_MAYBE : ANSWER_NO;
}

static int entry_cmp(const void *a, const void *b)
{
	return kset_entry_cmp(a, b);
}

/* Only the way of destinations can be told: "dst", "dst,dst", and for node ports "dst".
 */
static enum answer ask_set(
    const struct guess *g, const char *name, uint8_t n_dims, uint8_t src)
{
	const struct kset *s = g->sets ? kset_find(g->sets, name) : NULL;
	struct kset_entry e = {.ip = g->dst, .port = g->port, .proto = g->proto};

	if (!s || src || !addr_is_set(&g->dst) || s->family != g->family)
		return ANSWER_MAYBE;
	switch (s->type) {
	case KSET_HASH_IP:
		e.port = 0;
		e.proto = 0;
		break;
	case KSET_HASH_IP_PORT:
		if (n_dims != 2)
			return ANSWER_MAYBE;
		break;
	default:
		return ANSWER_MAYBE;
	}
	return answer_of(s->n_entries && bsearch(&e, s->entries, s->n_entries,
					     sizeof(*s->entries), entry_cmp));
}

static enum answer ask_match(const struct guess *g, const struct fw_match *m)
{
	enum answer a = ANSWER_MAYBE;

	switch ((enum fw_match_kind)m->kind) {
	case FWM_COMMENT:
	case FWM_NFACCT:
		return ANSWER_YES;
	case FWM_L4:
		if (m->l4.proto != g->proto)
			return ANSWER_NO;
		a = answer_of(!m->l4.has_port || m->l4.port == g->port);
		break;
	case FWM_ADDRTYPE:
		if (!m->addrtype.src)
			a = inverted(answer_of(m->addrtype.dst & FW_ADDRTYPE_LOCAL),
			    g->dst_remote);
		break;
	case FWM_CONNTRACK:
		a = answer_of(m->ctstate & FW_CT_NEW);
		break;
	case FWM_SET:
		a = ask_set(g, m->set.name, m->set.n_dims, m->set.src);
		break;
	case FWM_MARK:
	case FWM_STATISTIC:
	case FWM_RECENT:
	case FWM_PHYSDEV:
	case FWM_IPVS:
		break;
	}
	return inverted(a, m->invert);
}

static enum answer ask_typed(const struct guess *g, const struct fw_rule *r)
{
	enum answer a = ANSWER_YES;

	if (addr_is_set(&r->dst.addr))
		a = both(a, inverted(ask_dst(g, &r->dst), r->invert & FW_INV_DST));
	if (addr_is_set(&r->src.addr))
		a = both(a, inverted(ask_src(g, &r->src), r->invert & FW_INV_SRC));
	if (r->proto)
		a = both(a, answer_of(r->proto == g->proto));
	if (r->in)
		a = both(a, inverted(ask_in(r->in), r->invert & FW_INV_IN));
	if (r->out)
		a = both(a, ANSWER_MAYBE);
	for (size_t i = 0; i < r->n_matches; i++)
		a = both(a, ask_match(g, &r->matches[i]));
	return a;
}

/* ---- rules kept as text */

/* The next word; a quoted text is one. False: none is left. */
static bool next_word(const char **p, char *buf, size_t size)
{
	const char *s = *p + strspn(*p, " ");
	size_t n = 0;
	bool quoted = *s == '"';

	if (!*s)
		return false;
	for (s += quoted; *s && *s != (quoted ? '"' : ' '); s++) {
		if (quoted && *s == '\\' && s[1])
			s++;
		if (n + 1 < size)
			buf[n++] = *s;
	}
	buf[n] = '\0';
	*p = s + (quoted && *s);
	return true;
}

/* "80", "30000:32767", "80,443,8000:8080" */
static enum answer ask_ports(const struct guess *g, const char *list)
{
	for (const char *p = list; *p; p += *p == ',') {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (*end == ':')
			to = strtoul(end + 1, &end, 10);
		if (end == p || (*end && *end != ','))
			return ANSWER_MAYBE;
		if (from <= g->port && g->port <= to)
			return ANSWER_YES;
		p = end;
	}
	return ANSWER_NO;
}

static enum answer ask_proto(const struct guess *g, const char *name)
{
	uint8_t proto;

	if (!strcmp(name, "all") || !strcmp(name, "0"))
		return ANSWER_YES;
	if (proto_parse(name, &proto))
		return answer_of(proto == g->proto);
	return answer_of(strtoul(name, NULL, 10) == g->proto);
}

/* Whether a list such as NEW,RELATED has the word. */
static enum answer ask_list(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && *p;
	     p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL)
		if (!strncmp(p, word, n) && (!p[n] || p[n] == ','))
			return ANSWER_YES;
	return ANSWER_NO;
}

static enum answer ask_prefix(const struct guess *g, bool src, const char *text)
{
	struct prefix p;

	if (!prefix_parse(text, &p))
		return ANSWER_MAYBE;
	return src ? ask_src(g, &p) : ask_dst(g, &p);
}

static enum answer ask_set_text(const struct guess *g, const char *name, const char *dims)
{
	bool src = strstr(dims, "src") != NULL;

	return ask_set(g, name, strchr(dims, ',') ? 2 : 1, src);
}

/* One option and its value. */
static enum answer ask_option(
    const struct guess *g, const char *option, const char *value)
{
	if (!strcmp(option, "-d"))
		return ask_prefix(g, false, value);
	if (!strcmp(option, "-s"))
		return ask_prefix(g, true, value);
	if (!strcmp(option, "-p"))
		return ask_proto(g, value);
	if (!strcmp(option, "-i"))
		return ask_in(value);
	if (!strcmp(option, "--dport") || !strcmp(option, "--dports") ||
	    !strcmp(option, "--destination-ports"))
		return ask_ports(g, value);
	if (!strcmp(option, "--dst-type"))
		return inverted(ask_list(value, "LOCAL"), g->dst_remote);
	if (!strcmp(option, "--ctstate") || !strcmp(option, "--state"))
		return ask_list(value, "NEW");
	if (!strcmp(option, "-m") || !strcmp(option, "--comment"))
		return ANSWER_YES;
	return ANSWER_MAYBE;
}

static enum answer ask_text(const struct guess *g, const char *text)
{
	char option[64], value[512], more[64];
	enum answer a = ANSWER_YES;
	const char *p = text;

	while (next_word(&p, option, sizeof(option))) {
		bool invert = !strcmp(option, "!");
		enum answer one;

		if (invert && !next_word(&p, option, sizeof(option)))
			break;
		if (!strcmp(option, "-j") || !strcmp(option, "-g"))
			break;
		/* Words of an option that is not known. */
		if (*option != '-') {
			a = both(a, ANSWER_MAYBE);
			continue;
		}
		if (p[strspn(p, " ")] == '-' || !next_word(&p, value, sizeof(value)))
			one = ANSWER_MAYBE;
		else if (strcmp(option, "--match-set"))
			one = ask_option(g, option, value);
		else if (next_word(&p, more, sizeof(more)))
			one = ask_set_text(g, value, more);
		else
			one = ANSWER_MAYBE;
		a = both(a, inverted(one, invert));
	}
	return a;
}

enum answer guess_rule(const struct guess *g, const struct fw_rule *r)
{
	return r->opaque ? ask_text(g, r->opaque) : ask_typed(g, r);
}
