/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables-save files: tables, chain lines, and where each rule goes. The rules
 * themselves are fw_rule_text.c's. */
#include "config.h"

#include "state/fw.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "state/fw_rule_text.h"
#include "state/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_NAME_MAX 28 /* what the kernel's tables can hold */

/* A rule and the index of its chain, until the table is complete. Only for rules whose
 * chain had others above, with rules of another chain between: iptables-save prints each
 * chain in one piece. */
struct pending {
	size_t chain;
	struct fw_rule rule;
};

/* A table while it grows: it may come in several pieces. */
struct growing {
	bool begun;
	VEC(struct fw_chain) chains;
	struct strtab names;	 /* of chains; value: place + 1 */
	VEC(struct fw_rule) run; /* rules of run_chain, one below the other */
	size_t run_chain;
	VEC(struct pending) late;
};

struct parser {
	struct fw_reader rd;
	const char *where, *source; /* of messages; the same for as long as the tables */
	size_t line;
	struct fw_ruleset rs; /* handed over only when all is well */
	struct error *err;
	struct notes *findings; /* not NULL: what is wrong goes here, and on it goes */
	bool complained;	/* about what is outside the tables */
	bool broken;		/* the line has a quote that is not closed */
	const char *rule;	/* the last rule's text, of line rule_line */
	size_t rule_len, rule_line;
	bool in_table;
	enum fw_table_id id;
	struct growing tables[FW_TABLE_COUNT];
	struct growing *t; /* the one at hand */
};

static int fail(struct parser *p, const char *text)
{
	return error_set(p->err, ERR_INPUT, 0, "%s:%zu: %s", p->where, p->line, text);
}

/* A line that can be done without. 0 when that is what the caller wants. */
static int fail_or_note(struct parser *p, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static int fail_or_note(struct parser *p, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (!p->findings)
		return fail(p, msg);
	notes_add(p->findings, NOTE_WARNING, NULL, "%s:%zu: %s", p->where, p->line, msg);
	return 0;
}

/* ---- chains by name */

static size_t add_chain(struct growing *t, const struct fw_chain *c)
{
	vec_push(&t->chains, *c);
	strtab_add(&t->names, c->name)->value = (uint32_t)t->chains.n;
	return t->chains.n - 1;
}

/* -1 when there is none. Built-in chains need no chain line. */
static int find_chain(struct parser *p, const char *name, size_t *ret)
{
	const struct growing *t = p->t;
	struct fw_chain c = {.builtin = true};
	const struct strtab_item *item;
	size_t end = t->run_chain + 4;

	/* Rules come in the order of the chain lines: mostly it is the same or the next.
	 */
	for (size_t i = t->run_chain; i < end && i < t->chains.n; i++)
		if (!strcmp(t->chains.v[i].name, name)) {
			*ret = i;
			return 0;
		}
	item = strtab_find(&t->names, name);
	if (item) {
		*ret = item->value - 1;
		return 0;
	}
	if (!fw_is_builtin(p->id, name))
		return -1;
	c.name = arena_strdup(p->rd.arena, name);
	*ret = add_chain(p->t, &c);
	return 0;
}

/* A chain whose line is missing: its rules tell that it was there. */
static int restore_chain(struct parser *p, const char *name, size_t *ret)
{
	struct fw_chain c = {0};

	if (!p->findings || strlen(name) > CHAIN_NAME_MAX)
		return error_set(p->err, ERR_INPUT, 0,
		    "%s:%zu: -A %s: table %s has no such chain", p->where, p->line, name,
		    fw_table_name(p->id));
	notes_add(p->findings, NOTE_WARNING, NULL,
	    "%s:%zu: %s: the line of this chain is missing", p->where, p->line, name);
	c.name = arena_strdup(p->rd.arena, name);
	*ret = add_chain(p->t, &c);
	return 0;
}

/* ---- rules into chains */

static void end_run(struct growing *t, struct arena *a)
{
	struct fw_chain *c;

	if (!t->run.n)
		return;
	c = &t->chains.v[t->run_chain];
	if (!c->n_rules) {
		c->rules = arena_copy(a, t->run.v, t->run.n * sizeof(*t->run.v));
		c->n_rules = t->run.n;
	} else {
		for (size_t i = 0; i < t->run.n; i++)
			vec_push(&t->late, (struct pending){t->run_chain, t->run.v[i]});
	}
	t->run.n = 0;
}

static void add_rule(struct parser *p, size_t chain, const struct fw_rule *r)
{
	struct growing *t = p->t;

	if (chain != t->run_chain)
		end_run(t, p->rd.arena);
	t->run_chain = chain;
	vec_push(&t->run, *r);
}

/* Puts the late ones behind what their chains have, in order. */
static void place_late(struct growing *t, struct arena *a)
{
	size_t *n = xcalloc(t->chains.n, sizeof(*n));

	for (size_t i = 0; i < t->late.n; i++)
		n[t->late.v[i].chain]++;
	for (size_t i = 0; i < t->chains.n; i++) {
		struct fw_chain *c = &t->chains.v[i];
		struct fw_rule *old = c->rules;

		if (!n[i])
			continue;
		c->rules = arena_array(a, struct fw_rule, c->n_rules + n[i]);
		memcpy(c->rules, old, c->n_rules * sizeof(*old));
	}
	for (size_t i = 0; i < t->late.n; i++) {
		struct fw_chain *c = &t->chains.v[t->late.v[i].chain];

		c->rules[c->n_rules++] = t->late.v[i].rule;
	}
	free(n);
}

/* ---- tables */

static void drop(struct growing *t)
{
	vec_free(&t->chains);
	vec_free(&t->run);
	vec_free(&t->late);
	strtab_free(&t->names);
	*t = (struct growing){0};
}

/* When all pieces of it are there. */
static void finish(struct parser *p, enum fw_table_id id)
{
	struct growing *t = &p->tables[id];
	struct fw_table *ret = &p->rs.tables[id];

	end_run(t, p->rd.arena);
	if (t->late.n)
		place_late(t, p->rd.arena);
	ret->present = true;
	ret->where = p->source;
	ret->n_chains = t->chains.n;
	ret->chains =
	    arena_copy(p->rd.arena, t->chains.v, t->chains.n * sizeof(*t->chains.v));
	fw_table_sort(id, ret);
}

static int begin_table(struct parser *p)
{
	const struct fw_words *w = &p->rd.words;
	const struct fw_table *before;
	bool again;

	if (p->in_table &&
	    fail_or_note(p, "a table begins before the COMMIT of the one above"))
		return -1;
	p->in_table = false;
	if (w->n != 1 || !fw_table_parse(w->v[0] + 1, &p->id))
		return error_set(p->err, ERR_INPUT, 0, "%s:%zu: no such table: %s",
		    p->where, p->line, w->v[0] + 1);
	p->t = &p->tables[p->id];
	p->in_table = true;
	p->complained = false;
	before = &p->rs.tables[p->id];
	again = p->t->begun ? p->t->chains.n : before->n_chains;
	if (p->findings && again)
		drop(p->t);
	/* Of a text that was read into the same rules. */
	for (size_t i = 0; !p->findings && !p->t->begun && i < before->n_chains; i++)
		add_chain(p->t, &before->chains[i]);
	p->t->begun = true;
	if (!p->findings || !again)
		return 0;
	return fail_or_note(p,
	    "table %s comes a second time: what was above does not count",
	    fw_table_name(p->id));
}

/* ---- lines */

/* "[packets:bytes]" */
static bool parse_counters(const char *s, uint64_t *packets, uint64_t *bytes)
{
	char *end;

	if (s[0] != '[' || s[1] < '0' || s[1] > '9')
		return false;
	*packets = strtoull(s + 1, &end, 10);
	if (end[0] != ':' || end[1] < '0' || end[1] > '9')
		return false;
	*bytes = strtoull(end + 1, &end, 10);
	return end[0] == ']' && !end[1];
}

static bool parse_policy(const char *s, bool builtin, enum fw_policy *ret)
{
	if (!strcmp(s, "-"))
		*ret = FW_POLICY_NONE;
	else if (builtin && !strcmp(s, "ACCEPT"))
		*ret = FW_POLICY_ACCEPT;
	else if (builtin && !strcmp(s, "DROP"))
		*ret = FW_POLICY_DROP;
	else
		return false;
	return true;
}

static int chain_line(struct parser *p)
{
	const struct fw_words *w = &p->rd.words;
	const char *name = w->v[0] + 1;
	struct fw_chain c = {.builtin = fw_is_builtin(p->id, name)}, *known;
	const struct strtab_item *item;

	if (w->n < 2 || w->n > 3 || !*name)
		return fail(p, "a chain line reads \":NAME POLICY [0:0]\"");
	if (strlen(name) > CHAIN_NAME_MAX)
		return error_set(p->err, ERR_INPUT, 0,
		    "%s:%zu: chain %s: the name is longer than %d characters", p->where,
		    p->line, name, CHAIN_NAME_MAX);
	if (!parse_policy(w->v[1], c.builtin, &c.policy))
		return error_set(p->err, ERR_INPUT, 0,
		    "%s:%zu: chain %s: no such policy: %s", p->where, p->line, name,
		    w->v[1]);
	if (w->n == 3 && !parse_counters(w->v[2], &c.packets, &c.bytes))
		return error_set(p->err, ERR_INPUT, 0,
		    "%s:%zu: chain %s: no counters: %s", p->where, p->line, name,
		    w->v[2]);
	item = strtab_find(&p->t->names, name);
	if (item) {
		known = &p->t->chains.v[item->value - 1];
		known->policy = c.policy;
		known->packets = c.packets;
		known->bytes = c.bytes;
		return 0;
	}
	c.name = arena_strdup(p->rd.arena, name);
	add_chain(p->t, &c);
	return 0;
}

static int rule_line(struct parser *p, const char *s, size_t len)
{
	const struct fw_words *w = &p->rd.words;
	uint64_t packets = 0, bytes = 0;
	struct fw_rule r;
	size_t first = 0, chain = 0;

	if (w->v[0][0] == '[') {
		if (!parse_counters(w->v[0], &packets, &bytes))
			return fail(p, "a rule's counters read \"[packets:bytes]\"");
		first = 1;
	}
	if (w->n < first + 2 ||
	    (strcmp(w->v[first], "-A") && strcmp(w->v[first], "--append")))
		return fail(p, "this is not an iptables-save file: it has commands other "
			       "than -A");
	if (find_chain(p, w->v[first + 1], &chain) &&
	    restore_chain(p, w->v[first + 1], &chain))
		return -1;
	if (p->broken || fw_reader_rule(&p->rd, s, len, first + 2, &r, p->err)) {
		if (!p->findings)
			return error_wrap(
			    p->err, "%s:%zu: -A %s", p->where, p->line, w->v[first + 1]);
		fw_reader_opaque(&p->rd, s, len, first + 2, &r);
	}
	if (first) {
		r.packets = packets;
		r.bytes = bytes;
	}
	r.line = (uint32_t)p->line;
	add_rule(p, chain, &r);
	p->rule = s;
	p->rule_len = len;
	p->rule_line = p->line;
	return 0;
}

/* What people take for a saved table. */
static int not_a_save(struct parser *p)
{
	const char *word = p->rd.words.v[0];

	if (!strcmp(word, "Chain"))
		return fail(p, "this is a listing (iptables -L): give the output of "
			       "iptables-save");
	if (!strcmp(word, "-P") || !strcmp(word, "-N"))
		return fail(p, "this is the output of iptables -S: give that of "
			       "iptables-save");
	if (word[0] == '-' || word[0] == ':' || word[0] == '[' || !strcmp(word, "COMMIT"))
		return fail(p,
		    "a line outside any table: \"*filter\" or another must come "
		    "first");
	return error_set(p->err, ERR_INPUT, 0,
	    "%s:%zu: this is not an iptables-save file: \"%.40s\"", p->where, p->line,
	    word);
}

/* "# Generated by PROGRAM on DATE" */
static void take_head(struct parser *p, const char *s, size_t len)
{
	static const char head[] = "# Generated by ";
	const size_t n = sizeof(head) - 1;
	const char *on;

	if (len <= n || memcmp(s, head, n))
		return;
	s += n;
	len -= n;
	on = memmem(s, len, " on ", 4);
	p->rs.saved_by = arena_strndup(p->rd.arena, s, on ? (size_t)(on - s) : len);
}

static int parse_line(struct parser *p, const char *s, size_t len)
{
	const struct fw_words *w = &p->rd.words;
	size_t indent;

	indent = p->findings ? quoted_indent(s, len) : blank_indent(s, len);
	s += indent;
	len -= indent;
	while (len && (s[len - 1] == '\r' || s[len - 1] == ' ' || s[len - 1] == '\t'))
		len--;
	if (!len || *s == '#') {
		take_head(p, s, len);
		return 0;
	}
	p->broken = fw_words_split(&p->rd.words, s, len, p->err);
	if (p->broken && !p->findings)
		return error_wrap(p->err, "%s:%zu", p->where, p->line);
	if (!w->n)
		return 0;
	if (*s == '*')
		return begin_table(p);
	if (!p->in_table)
		return not_a_save(p);
	if (*s == '-' || *s == '[')
		return rule_line(p, s, len);
	if (*s == ':')
		return chain_line(p);
	if (w->n == 1 && !strcmp(w->v[0], "COMMIT")) {
		p->in_table = false;
		return 0;
	}
	return not_a_save(p);
}

/* ---- damaged texts */

/* A line that is none, but with the one above makes a rule: a program wrapped it. */
static bool is_rest(struct parser *p, const char *s, size_t len, bool gap)
{
	struct error err = {0};
	struct strbuf both = {0};
	size_t first = *p->rule == '[' ? 3 : 2;
	struct fw_rule r = {.opaque = ""};

	strbuf_addn(&both, p->rule, p->rule_len);
	strbuf_add(&both, gap ? " " : "");
	strbuf_addn(&both, s, len);
	if (!fw_words_split(&p->rd.words, both.s, both.len, &err) &&
	    p->rd.words.n > first)
		fw_reader_rule(&p->rd, both.s, both.len, first, &r, &err);
	strbuf_free(&both);
	return !r.opaque;
}

/* A rule whose last word lost its end may read as another one: "... 10.0.0.1:8". A jump
 * then leads to no chain. */
static void doubt_rule_above(struct parser *p, const char *s, size_t len)
{
	static const char chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789.:/-_, ";
	size_t indent = quoted_indent(s, len), plain = 0;
	struct error err = {0};
	struct fw_rule *r;
	uint32_t line;

	if (!p->in_table || p->rule_line + 1 != p->line || !p->t->run.n)
		return;
	r = &p->t->run.v[p->t->run.n - 1];
	s += indent;
	len -= indent;
	while (len && (s[len - 1] == '\r' || s[len - 1] == ' '))
		len--;
	while (plain < len && memchr(chars, s[plain], sizeof(chars) - 1))
		plain++;
	if (r->opaque || r->target.kind == FWT_JUMP || plain < len ||
	    (!is_rest(p, s, len, false) && !is_rest(p, s, len, true)))
		return;
	line = r->line;
	fw_words_split(&p->rd.words, p->rule, p->rule_len, &err);
	fw_reader_opaque(&p->rd, p->rule, p->rule_len, *p->rule == '[' ? 3 : 2, r);
	r->line = line;
	error_set(p->err, ERR_INPUT, 0,
	    "%s:%zu: the rule above goes on here, a program wrapped it: it is not read",
	    p->where, p->line);
}

/* One finding for all that is outside the tables in one place, such as a listing. */
static int note_line(struct parser *p, const char *s, size_t len)
{
	doubt_rule_above(p, s, len);
	if (p->in_table || !p->complained)
		notes_add(p->findings, NOTE_WARNING, NULL, "%s", p->err->msg);
	p->complained |= !p->in_table;
	error_clear(p->err);
	return 0;
}

/* Whether the text ends where a line ends, or in a line that may be short of its end. */
static size_t whole_lines(struct parser *p, const char *text, size_t len)
{
	const char *nl = memrchr(text, '\n', len);
	const char *last = nl ? nl + 1 : text;
	size_t n = len - (size_t)(last - text);
	size_t indent = quoted_indent(last, n);

	last += indent;
	n -= indent;
	if (!n || *last == '#' || (n >= 6 && n <= 7 && !memcmp(last, "COMMIT", 6)))
		return len;
	notes_add(p->findings, NOTE_WARNING, NULL,
	    "%s: the last line is cut off and left out: \"%.*s\"", p->where,
	    (int)(n < 120 ? n : 120), last);
	return nl ? (size_t)(nl + 1 - text) : 0;
}

static int parse_lines(struct parser *p, const char *text, size_t len)
{
	const char *end = text + len;

	if (memchr(text, '\0', len))
		return error_set(p->err, ERR_INPUT, 0,
		    "%s: this is not an iptables-save file: it is not text", p->where);
	if (p->findings)
		end = text + whole_lines(p, text, len);
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		p->line++;
		if (!nl)
			nl = end;
		if (parse_line(p, text, (size_t)(nl - text)) &&
		    (!p->findings || note_line(p, text, (size_t)(nl - text))))
			return -1;
		text = nl + 1;
	}
	if (p->in_table && fail_or_note(p, "table %s has no COMMIT: the file is cut off",
			       fw_table_name(p->id)))
		return -1;
	return 0;
}

static int parse(struct parser *p, const char *text, size_t len, struct fw_ruleset *rs)
{
	int r;

	p->rs = *rs;
	p->source = arena_strdup(p->rd.arena, p->where);
	r = parse_lines(p, text, len);
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++) {
		if (!r && p->tables[id].begun)
			finish(p, (enum fw_table_id)id);
		drop(&p->tables[id]);
	}
	if (!r) {
		p->rs.present = true;
		*rs = p->rs;
	}
	fw_reader_end(&p->rd);
	free(p);
	return r;
}

int fw_parse(const char *text, size_t len, const char *where, enum family f,
    struct arena *a, struct fw_ruleset *rs, struct error *err)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->rd.family = f;
	p->rd.arena = a;
	p->where = where;
	p->err = err;
	return parse(p, text, len, rs);
}

int fw_parse_damaged(const char *text, size_t len, const char *where, size_t first_line,
    enum family f, struct arena *a, struct fw_ruleset *rs, struct notes *findings,
    struct error *err)
{
	struct parser *p = xcalloc(1, sizeof(*p));

	p->rd.family = f;
	p->rd.arena = a;
	p->where = where;
	p->line = first_line - 1;
	p->findings = findings;
	p->err = err;
	return parse(p, text, len, rs);
}
