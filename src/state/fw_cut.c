/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people cut out of a save with grep. Of kube-proxy's chains most are in one table
 * only; where two tables have the same one, what a rule does tells. mangle has nothing
 * that a service depends on. */
#include "config.h"

#include "state/fw_cut.h"
#include "state/lines.h"

#include <string.h>

/* Chains of filter and of nat, where one without rules is, and the targets that their
 * rules have in filter only. */
static const struct shared {
	const char *chain;
	enum fw_table_id empty;
	const char *targets[4];
} shared[] = {
    {"KUBE-SERVICES", FW_NAT, {"REJECT", "DROP"}},
    {"KUBE-NODEPORTS", FW_NAT, {"ACCEPT", "REJECT", "DROP"}},
    {"KUBE-NODE-PORT", FW_NAT, {"ACCEPT"}},
    {"KUBE-FIREWALL", FW_FILTER, {"DROP"}},
    {"OUTPUT", FW_NAT, {"KUBE-FIREWALL", "REJECT", "DROP"}},
    /* Made by kubelet and kube-proxy, without a rule. */
    {"KUBE-KUBELET-CANARY", FW_NAT, {NULL}},
    {"KUBE-PROXY-CANARY", FW_NAT, {NULL}},
};
#define N_SHARED (sizeof(shared) / sizeof(shared[0]))

static const char *const of_filter[] = {"INPUT", "FORWARD", "KUBE-FORWARD",
    "KUBE-EXTERNAL-SERVICES", "KUBE-PROXY-FIREWALL", "KUBE-IPVS-FILTER",
    "KUBE-IPVS-OUT-FILTER", "KUBE-SOURCE-RANGES-FIREWALL"};
#define N_OF_FILTER (sizeof(of_filter) / sizeof(of_filter[0]))

struct line {
	const char *text;
	size_t len;
	char kind; /* ':', also for the -N of iptables -S; 'A' for a rule; 'P'; or 0 */
	const char *chain, *target;
	size_t chain_len, target_len;
};

static bool is(const char *word, size_t len, const char *what)
{
	return len == strlen(what) && !memcmp(word, what, len);
}

static size_t word_len(const char *s, const char *end)
{
	size_t n = 0;

	while (s + n < end && !strchr(" \t\r", s[n]))
		n++;
	return n;
}

/* The word behind the last "-j": comments come before it. */
static void find_target(struct line *l)
{
	const char *end = l->text + l->len;

	for (const char *s = l->text; (s = memmem(s, (size_t)(end - s), " -j ", 4));) {
		s += 4;
		l->target = s;
		l->target_len = word_len(s, end);
	}
}

static void take_line(const char *s, size_t len, struct line *l)
{
	const char *end = s + len, *p;
	size_t indent = quoted_indent(s, len);

	*l = (struct line){.text = s + indent, .len = len - indent, .target = ""};
	p = l->text;
	if (p < end && *p == '[') { /* counters */
		p += word_len(p, end);
		p += p < end;
	}
	if (p < end && *p == ':') {
		l->kind = ':';
		l->chain = p + 1;
	} else if (end - p > 3 && *p == '-' && strchr("ANP", p[1]) && p[2] == ' ') {
		l->kind = p[1] == 'N' ? ':' : p[1];
		l->chain = p + 3;
		find_target(l);
	} else {
		return;
	}
	l->chain_len = word_len(l->chain, end);
}

static bool next_line(const char **at, const char *end, struct line *l)
{
	const char *nl, *s = *at;

	if (s == end)
		return false;
	nl = memchr(s, '\n', (size_t)(end - s));
	take_line(s, (size_t)((nl ? nl : end) - s), l);
	*at = nl ? nl + 1 : end;
	return true;
}

static const struct shared *find_shared(const struct line *l)
{
	for (size_t i = 0; i < N_SHARED; i++)
		if (is(l->chain, l->chain_len, shared[i].chain))
			return &shared[i];
	return NULL;
}

static enum fw_table_id table_of_rule(const struct line *l)
{
	const struct shared *sh = find_shared(l);

	for (size_t i = 0; sh && sh->targets[i]; i++)
		if (is(l->target, l->target_len, sh->targets[i]))
			return FW_FILTER;
	/* Both tables lead there; in filter new connections only. */
	if (sh && *sh->chain == 'O' && memmem(l->text, l->len, "--ctstate NEW", 13))
		return FW_FILTER;
	for (size_t i = 0; !sh && i < N_OF_FILTER; i++)
		if (is(l->chain, l->chain_len, of_filter[i]))
			return FW_FILTER;
	return FW_NAT;
}

/* What the text has of a chain that is in both tables. */
struct presence {
	size_t declared,
	    declared_before; /* lines, all of them and until the one in hand */
	bool rules[FW_TABLE_COUNT];
};

static void look(const char *text, size_t len, struct presence *of)
{
	const char *at = text;
	const struct shared *sh;
	struct line l;

	while (next_line(&at, text + len, &l)) {
		sh = l.kind ? find_shared(&l) : NULL;
		if (sh && l.kind == ':')
			of[sh - shared].declared++;
		else if (sh)
			of[sh - shared].rules[table_of_rule(&l)] = true;
	}
}

/* Twice means both; once, where its rules are. */
static bool declares(struct presence *p, const struct shared *sh, enum fw_table_id id)
{
	if (p->declared_before++)
		return false;
	return p->declared > 1 || p->rules[id] ||
	       (id == sh->empty && !p->rules[FW_NAT] && !p->rules[FW_FILTER]);
}

static bool belongs(const struct line *l, enum fw_table_id id, struct presence *of)
{
	const struct shared *sh = find_shared(l);

	return sh && l->kind == ':' ? declares(&of[sh - shared], sh, id)
				    : table_of_rule(l) == id;
}

bool fw_cut_has(const char *text, size_t len)
{
	const char *at = text;
	bool any = false;
	struct line l;

	while (next_line(&at, text + len, &l)) {
		if (l.kind == 'P')
			return false; /* no work of grep: what is missing is not known */
		any |= l.kind == 'A' && l.chain_len > 5 && !memcmp(l.chain, "KUBE-", 5);
	}
	return any;
}

static void add_line(struct strbuf *table, const struct line *l)
{
	if (*l->text == '-' && l->kind == ':')
		strbuf_addf(table, ":%.*s - [0:0]", (int)l->chain_len, l->chain);
	else
		strbuf_addn(table, l->text, l->len);
}

void fw_cut_table(const char *text, size_t len, enum fw_table_id id, struct strbuf *table)
{
	struct presence of[N_SHARED] = {0};
	const char *at = text;
	struct line l;

	look(text, len, of);
	strbuf_reset(table);
	strbuf_addf(table, "*%s\n", fw_table_name(id));
	while (next_line(&at, text + len, &l)) {
		if (l.kind && belongs(&l, id, of))
			add_line(table, &l);
		strbuf_addch(table, '\n');
	}
	strbuf_add(table, "COMMIT\n");
}
