/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output of iptables -S, which people attach to tickets. It has every rule as
 * iptables-save has it, but not the name of the table; the built-in chains tell it, of
 * which each table has others. */
#include "config.h"

#include "state/fw_listing.h"
#include "state/fw.h"
#include "state/lines.h"

#include <string.h>

enum { PREROUTING = 1, INPUT = 2, FORWARD = 4, OUTPUT = 8, POSTROUTING = 16 };

static const char *const chains[] = {
    "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};
#define N_CHAINS (sizeof(chains) / sizeof(chains[0]))

/* The next line without blanks in front; false at the end. */
static bool next_line(struct fw_listing *l, const char **line, size_t *len)
{
	const char *nl;
	size_t indent;

	if (l->at == l->end)
		return false;
	nl = memchr(l->at, '\n', (size_t)(l->end - l->at));
	*line = l->at;
	l->at = nl ? nl + 1 : l->end;
	l->line++;
	*len = (size_t)((nl ? nl : l->end) - *line);
	indent = quoted_indent(*line, *len);
	*line += indent;
	*len -= indent;
	return true;
}

/* The word behind "-P " or "-N "; 0: it is another line. */
static size_t chain_of(const char *line, size_t len, char option, const char **name)
{
	size_t n = 0;

	if (len < 4 || line[0] != '-' || line[1] != option || line[2] != ' ')
		return 0;
	*name = line + 3;
	while (n < len - 3 && !strchr(" \t\r", (*name)[n]))
		n++;
	return n;
}

static unsigned builtin_of(const char *line, size_t len)
{
	const char *name;
	size_t n = chain_of(line, len, 'P', &name);

	for (size_t i = 0; i < N_CHAINS; i++)
		if (n && n == strlen(chains[i]) && !memcmp(name, chains[i], n))
			return 1u << i;
	return 0;
}

/* Where a table begins: the chains with policies are the first of it, PREROUTING before
 * all. */
static unsigned begin(struct fw_listing *l, const char **start, size_t *line)
{
	const char *s;
	size_t len;
	unsigned set = 0;

	while (!set && next_line(l, &s, &len)) {
		set = builtin_of(s, len);
		*start = s;
		*line = l->line;
	}
	while (set) {
		struct fw_listing ahead = *l;
		unsigned one = next_line(&ahead, &s, &len) ? builtin_of(s, len) : 0;

		if (!one || one == PREROUTING || set & one)
			break;
		set |= one;
		*l = ahead;
	}
	return set;
}

/* -1: they tell none. filter and security have the same chains. */
static int table_of(const struct fw_listing *l, unsigned set)
{
	if (set & FORWARD && set & (PREROUTING | POSTROUTING))
		return FW_MANGLE;
	if (set & POSTROUTING)
		return FW_NAT;
	if (set == (PREROUTING | OUTPUT))
		return FW_RAW;
	if (set & PREROUTING || !(set & (set - 1)))
		return -1;
	return l->seen & 1u << FW_FILTER ? FW_SECURITY : FW_FILTER;
}

bool fw_listing_has(const char *text, size_t len)
{
	struct fw_listing l = {.at = text, .end = text + len};
	const char *start;
	size_t line;
	unsigned set;
	int id;

	while ((set = begin(&l, &start, &line))) {
		id = table_of(&l, set);
		if (id < 0 || l.seen & 1u << id)
			return false;
		l.seen |= 1u << id;
	}
	return l.seen;
}

static void add_line(struct strbuf *sb, const char *line, size_t len)
{
	const char *name, *policy;
	size_t n = chain_of(line, len, 'P', &name), n_policy = 0;

	if (n) {
		policy = name + n;
		policy += policy < line + len;
		while (policy + n_policy < line + len && !strchr(" \t\r", policy[n_policy]))
			n_policy++;
		strbuf_addf(sb, ":%.*s %.*s [0:0]\n", (int)n, name, (int)n_policy, policy);
		return;
	}
	n = chain_of(line, len, 'N', &name);
	if (n) {
		strbuf_addf(sb, ":%.*s - [0:0]\n", (int)n, name);
		return;
	}
	strbuf_addn(sb, line, len);
	strbuf_addch(sb, '\n');
}

bool fw_listing_next(struct fw_listing *l, struct strbuf *table, size_t *first)
{
	const char *s;
	size_t len, line;
	unsigned set = begin(l, &s, &line);
	int id = set ? table_of(l, set) : -1;
	const char *head_end = l->at;

	if (id < 0)
		return false;
	l->seen |= 1u << id;
	*first = line - 1;
	strbuf_reset(table);
	strbuf_addf(table, "*%s\n", fw_table_name((enum fw_table_id)id));
	l->at = s;
	l->line = line - 1;
	for (;;) {
		struct fw_listing before = *l;

		if (!next_line(l, &s, &len))
			break;
		if (s >= head_end && builtin_of(s, len)) {
			*l = before;
			break;
		}
		add_line(table, s, len);
	}
	strbuf_add(table, "COMMIT\n");
	return true;
}
