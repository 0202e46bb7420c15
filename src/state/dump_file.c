/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One file with whatever tables somebody saved: iptables-save and ip6tables-save one
 * after the other, without their heads, in one file. Decides which family each table is
 * of; what is in them, the parser says.
 */
#include "config.h"

#include "state/dump_file.h"
#include "state/fw_cut.h"
#include "state/fw_listing.h"
#include "state/lines.h"

#include <stdio.h>
#include <string.h>

/* From a line that begins a table, or the start of the file, to the next one. */
struct section {
	const char *text, *end;
	size_t line; /* of the file */
	enum family family;
};

/* The next line; false at the end. */
static bool next_line(const char **at, const char *end, const char **line, size_t *len)
{
	const char *nl;
	size_t indent;

	if (*at == end)
		return false;
	nl = memchr(*at, '\n', (size_t)(end - *at));
	*line = *at;
	*at = nl ? nl + 1 : end;
	*len = (size_t)(*at - *line);
	indent = quoted_indent(*line, *len);
	*line += indent;
	*len -= indent;
	return true;
}

static bool has(const char *s, size_t len, const char *what)
{
	return memmem(s, len, what, strlen(what));
}

/* What the comment says that iptables-save begins with. */
static bool head_family(const char *s, size_t len, enum family *ret)
{
	if (!len || *s != '#')
		return false;
	if (has(s, len, "ip6tables"))
		*ret = FAMILY_6;
	else if (has(s, len, "iptables"))
		*ret = FAMILY_4;
	else
		return false;
	return true;
}

/* "-d 10.96.0.1/32" or "-s fd00::/48" in a rule. */
static bool rule_family(const char *s, size_t len, enum family *ret)
{
	const char *end = s + len;

	while (s + 4 < end) {
		const char *word;

		s = memchr(s, ' ', (size_t)(end - s));
		if (!s || s + 4 >= end)
			return false;
		s++;
		if (s[0] != '-' || (s[1] != 'd' && s[1] != 's') || s[2] != ' ')
			continue;
		word = s + 3;
		while (word < end && *word != ' ' && *word != '/') {
			if (*word == ':') {
				*ret = FAMILY_6;
				return true;
			}
			if (*word == '.') {
				*ret = FAMILY_4;
				return true;
			}
			word++;
		}
	}
	return false;
}

/* The family by the rules of a table; false if none says it. */
static bool content_family(const char *at, const char *end, enum family *ret)
{
	const char *line;
	size_t len;

	while (next_line(&at, end, &line, &len))
		if (len && (*line == '-' || *line == '[')) {
			if (has(line, len, "icmp6-")) {
				*ret = FAMILY_6;
				return true;
			}
			if (rule_family(line, len, ret))
				return true;
		}
	return false;
}

/* Cuts the text into sections; heads tell the family of all tables below them. */
static void find_sections(
    const char *text, size_t len, enum family family, struct section **ret, size_t *n_ret)
{
	VEC(struct section) list = {0};
	const char *at = text, *end = text + len, *line;
	bool known = false;
	size_t n, number = 0;

	vec_push(&list, (struct section){text, end, 1, family});
	while (next_line(&at, end, &line, &n)) {
		number++;
		if (head_family(line, n, &family))
			known = true;
		if (!n || *line != '*')
			continue;
		list.v[list.n - 1].end = line;
		if (!known)
			content_family(at, end, &family);
		vec_push(&list, (struct section){line, end, number, family});
	}
	*ret = list.v;
	*n_ret = list.n;
}

/* Without heads a table's own rules decide; what follows it must not. */
static void decide(struct section *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		enum family f = v[i].family;

		if (content_family(v[i].text, v[i].end, &f))
			v[i].family = f;
	}
	if (n > 1)
		v[0].family = v[1].family;
}

/* iptables -S, one table after the other. */
static int read_listing(const char *text, size_t len, const char *path,
    enum family family, unsigned families, struct state *s, struct notes *findings,
    struct error *err)
{
	struct fw_listing l = {.at = text, .end = text + len};
	struct strbuf table = {0};
	size_t first;
	int ret = 0;

	notes_add(findings, NOTE_WARNING, NULL,
	    "%s: this is the output of iptables -S: its built-in chains tell which tables "
	    "these are",
	    path);
	content_family(text, text + len, &family);
	while (
	    !ret && families & FAMILY_BIT(family) && fw_listing_next(&l, &table, &first))
		ret = fw_parse_damaged(table.s, table.len, path, first, family, s->arena,
		    &s->fw[family], findings, err);
	strbuf_free(&table);
	return ret;
}

/* Rules of kube-proxy, and no line that names a table. */
static int read_cut(const char *text, size_t len, const char *path, enum family family,
    unsigned families, struct state *s, struct notes *findings, struct error *err)
{
	static const enum fw_table_id ids[] = {FW_NAT, FW_FILTER};
	struct strbuf table = {0};
	int ret = 0;

	notes_add(findings, NOTE_WARNING, NULL,
	    "%s: no line names a table, as if it came from grep: the names of the chains tell "
	    "which ones these are",
	    path);
	content_family(text, text + len, &family);
	for (size_t i = 0; !ret && families & FAMILY_BIT(family) && i < 2; i++) {
		fw_cut_table(text, len, ids[i], &table);
		ret = fw_parse_damaged(table.s, table.len, path, 0, family, s->arena,
		    &s->fw[family], findings, err);
	}
	strbuf_free(&table);
	return ret;
}

static int read_sections(const char *text, size_t len, const char *path,
    enum family family, unsigned families, struct state *s, struct notes *findings,
    struct error *err)
{
	struct section *v;
	size_t n, next;
	int ret = 0;

	find_sections(text, len, family, &v, &n);
	if (n == 1) {
		/* Not one table: then it is something else, which the parser names. */
		free(v);
		if (fw_listing_has(text, len))
			return read_listing(
			    text, len, path, family, families, s, findings, err);
		if (fw_cut_has(text, len))
			return read_cut(
			    text, len, path, family, families, s, findings, err);
		notes_add(
		    findings, NOTE_WARNING, NULL, "%s: there is no table in it", path);
		return families & FAMILY_BIT(family) ? fw_parse(text, len, path, family,
							   s->arena, &s->fw[family], err)
						     : 0;
	}
	decide(v, n);
	for (size_t i = 0; i < n && !ret; i = next) {
		enum family f = v[i].family;

		for (next = i + 1; next < n && v[next].family == f; next++)
			;
		if (families & FAMILY_BIT(f))
			ret = fw_parse_damaged(v[i].text,
			    (size_t)(v[next - 1].end - v[i].text), path, v[i].line, f,
			    s->arena, &s->fw[f], findings, err);
	}
	free(v);
	return ret;
}

/* ---- quotes and blanks that went through another program */

/* What web pages, word processors and strings in JSON make of them. */
static const struct {
	const char *from, *to;
} written[] = {
    {"&quot;", "\""},
    {"&#34;", "\""},
    {"\\\"", "\""},
    {"\xe2\x80\x9c", "\""},
    {"\xe2\x80\x9d", "\""},
    {"\xe2\x80\x9e", "\""},
    {"\xc2\xa0", " "},
    {"&gt;", ">"},
    {"&lt;", "<"},
    {"&amp;", "&"},
};
#define N_WRITTEN (sizeof(written) / sizeof(written[0]))

/* Comments, which kube-proxy's rules have, all begin with one of these then. */
static bool is_rewritten(const char *s, size_t len)
{
	char what[32];

	if (has(s, len, "--comment \""))
		return false;
	for (size_t i = 0; i < N_WRITTEN; i++) {
		snprintf(what, sizeof(what), "--comment%s%s",
		    *written[i].to == '"' ? " " : "", written[i].from);
		if (*written[i].to != '&' && has(s, len, what))
			return true;
	}
	return false;
}

static void write_back(const char *s, size_t len, struct strbuf *sb)
{
	static const char first[] = "&\\\xe2\xc2"; /* what they begin with */
	const char *end = s + len;

	while (s < end) {
		size_t i = 0, n = 0;

		while (s + n < end && !memchr(first, s[n], sizeof(first) - 1))
			n++;
		strbuf_addn(sb, s, n);
		s += n;
		if (s == end)
			break;
		for (; i < N_WRITTEN; i++) {
			n = strlen(written[i].from);
			if ((size_t)(end - s) >= n && !memcmp(s, written[i].from, n))
				break;
		}
		if (i < N_WRITTEN)
			strbuf_add(sb, written[i].to);
		else
			strbuf_addch(sb, *s);
		s += i < N_WRITTEN ? n : 1;
	}
}

int dump_tables(const char *text, size_t len, const char *path, enum family family,
    unsigned families, struct state *s, struct notes *findings, struct error *err)
{
	struct strbuf sb = {0};
	int ret;

	if (!len)
		text = "";
	if (is_rewritten(text, len)) {
		notes_add(findings, NOTE_WARNING, NULL,
		    "%s: another program wrote its quotes or blanks in its own way: read as "
		    "those of iptables-save",
		    path);
		write_back(text, len, &sb);
		text = sb.s;
		len = sb.len;
	}
	ret = read_sections(text, len, path, family, families, s, findings, err);
	strbuf_free(&sb);
	return ret;
}
