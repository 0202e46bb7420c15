/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule read from its words: header options, matches, target. In any order, as
 * iptables takes them. A word or a combination that the typed form cannot hold makes the
 * rule opaque; only what no iptables could take is an error. */
#include "config.h"

#include "state/fw_rule_text.h"
#include "base/hash.h"
#include "state/fw_match_text.h"
#include "state/fw_target_text.h"
#include "state/lines.h"

#include <stdlib.h>
#include <string.h>

#define MATCHES_MAX 24

/* What became of an option. */
enum outcome { TAKEN, UNKNOWN, WRONG };

struct draft {
	struct fw_reader *rd;
	size_t at; /* the next word */
	struct error *err;
	struct fw_rule rule;
	struct fw_match_draft matches[MATCHES_MAX];
	struct fw_target_draft target;
	bool counters;
	size_t counters_at; /* the word "-c" */
};

/* ---- strings */

const char *fw_reader_string(struct fw_reader *rd, const char *s)
{
	size_t n = strlen(s);
	const char **slot = &rd->shared[hash_bytes(s, n, 0) % FW_READER_SHARED];

	if (!*slot || strcmp(*slot, s))
		*slot = arena_strndup(rd->arena, s, n);
	return *slot;
}

void fw_reader_end(struct fw_reader *rd)
{
	fw_words_free(&rd->words);
}

/* ---- header */

static enum outcome take_prefix(
    struct draft *d, const char *opt, const char *s, bool invert, bool source)
{
	const struct family_info *fi = family_info(d->rd->family);
	struct prefix *p = source ? &d->rule.src : &d->rule.dst;
	uint8_t flag = source ? FW_INV_SRC : FW_INV_DST;

	if (addr_is_set(&p->addr) || d->rule.invert & flag)
		return UNKNOWN;
	/* Host names, lists and masks in dotted form stay text. */
	if (!prefix_parse(s, p))
		return UNKNOWN;
	if (p->addr.len != fi->addr_len) {
		error_set(
		    d->err, ERR_INPUT, 0, "%s %s is not an %s address", opt, s, fi->name);
		return WRONG;
	}
	prefix_normalize(p);
	if (invert)
		d->rule.invert |= flag;
	else if (!p->bits)
		*p = (struct prefix){0}; /* any: the kernel keeps nothing of it */
	return TAKEN;
}

static enum outcome take_interface(struct draft *d, const char *s, bool invert, bool in)
{
	const char **name = in ? &d->rule.in : &d->rule.out;

	if (*name)
		return UNKNOWN;
	if (!strcmp(s, "+"))
		return invert ? UNKNOWN : TAKEN;
	*name = s;
	if (invert)
		d->rule.invert |= in ? FW_INV_IN : FW_INV_OUT;
	return TAKEN;
}

static enum outcome take_proto(struct draft *d, const char *s, bool invert)
{
	uint32_t number;

	if (invert || d->rule.proto)
		return UNKNOWN;
	if (!strcmp(s, "all") || !strcmp(s, "0"))
		return TAKEN;
	if (proto_parse(s, &d->rule.proto))
		return TAKEN;
	if (!word_number(s, UINT8_MAX, &number) || !proto_name((uint8_t)number))
		return UNKNOWN;
	d->rule.proto = (uint8_t)number;
	return TAKEN;
}

static enum outcome take_jump(struct draft *d, const char *s, bool go)
{
	if (d->target.name)
		return UNKNOWN;
	d->target.name = s;
	d->target.go = go;
	return TAKEN;
}

static enum outcome take_match(struct draft *d, const char *name)
{
	if (d->rule.n_matches == MATCHES_MAX ||
	    !fw_match_begin(name, &d->matches[d->rule.n_matches]))
		return UNKNOWN;
	d->rule.n_matches++;
	return TAKEN;
}

static const struct {
	const char *name;
	char letter;
} long_header[] = {
    {"--source", 's'},
    {"--src", 's'},
    {"--destination", 'd'},
    {"--dst", 'd'},
    {"--in-interface", 'i'},
    {"--out-interface", 'o'},
    {"--protocol", 'p'},
    {"--proto", 'p'},
    {"--match", 'm'},
    {"--jump", 'j'},
    {"--goto", 'g'},
    {"--set-counters", 'c'},
};

static char short_letter(const char *opt)
{
	return opt[1] && !opt[2] && strchr("sdiopmjgc", opt[1]) ? opt[1] : '\0';
}

/* The letter of a header option in its long form, or 0. */
static char long_letter(const char *opt)
{
	for (size_t i = 0; i < sizeof(long_header) / sizeof(long_header[0]); i++)
		if (!strcmp(long_header[i].name, opt))
			return long_header[i].letter;
	return '\0';
}

/* n words after the option, or NULL when the line ends before. */
static const char *const *take_args(struct draft *d, const char *opt, size_t n)
{
	const char *const *args = d->rd->words.v + d->at;

	if (d->rd->words.n - d->at < n) {
		error_set(d->err, ERR_INPUT, 0, "%s needs a value", opt);
		return NULL;
	}
	d->at += n;
	return args;
}

static enum outcome take_counters(struct draft *d, const char *const *args)
{
	char *end;

	d->rule.packets = strtoull(args[0], &end, 10);
	if (*end || end == args[0])
		return UNKNOWN;
	d->rule.bytes = strtoull(args[1], &end, 10);
	if (*end || end == args[1])
		return UNKNOWN;
	d->counters = true;
	return TAKEN;
}

static enum outcome take_header(
    struct draft *d, const char *opt, char letter, bool invert)
{
	const char *const *args = take_args(d, opt, letter == 'c' ? 2 : 1);

	if (!args)
		return WRONG;
	if (invert && !strchr("sdio", letter))
		return UNKNOWN;
	switch (letter) {
	case 's':
	case 'd':
		return take_prefix(d, opt, args[0], invert, letter == 's');
	case 'i':
	case 'o':
		return take_interface(d, args[0], invert, letter == 'i');
	case 'p':
		return take_proto(d, args[0], invert);
	case 'm':
		return take_match(d, args[0]);
	case 'c':
		d->counters_at = d->at - 3;
		return take_counters(d, args);
	default:
		return take_jump(d, args[0], letter == 'g');
	}
}

/* ---- matches and targets */

static enum outcome take_match_option(
    struct draft *d, const struct fw_match_option *o, bool invert)
{
	const char *const *args = take_args(d, o->name, o->args);
	struct fw_match_draft *m = d->matches + d->rule.n_matches;

	if (!args)
		return WRONG;
	while (m > d->matches && m[-1].m.kind != o->kind)
		m--;
	if (m == d->matches) {
		/* "-p tcp --dport 80": the protocol brings its match along. */
		if (o->kind != FWM_L4 || !d->rule.proto ||
		    take_match(d, proto_name(d->rule.proto)) != TAKEN)
			return UNKNOWN;
		m = d->matches + d->rule.n_matches;
	}
	m--;
	if ((invert && !o->may_invert) || m->seen & o->bit ||
	    !o->set(m, d->rd->family, args))
		return UNKNOWN;
	m->seen |= o->bit;
	m->m.invert |= invert;
	return TAKEN;
}

static enum outcome take_target_option(struct draft *d, const struct fw_target_option *o)
{
	const char *const *args = take_args(d, o->name, o->args);

	if (!args)
		return WRONG;
	if (d->target.seen & o->bit ||
	    !o->set(&d->target, d->rd->family, o->args ? args[0] : NULL))
		return UNKNOWN;
	d->target.seen |= o->bit;
	return TAKEN;
}

static enum outcome take_option(struct draft *d)
{
	const struct fw_match_option *m;
	const struct fw_target_option *t;
	const char *opt = d->rd->words.v[d->at++];
	bool invert = false;
	char letter;

	if (!strcmp(opt, "!")) {
		if (d->at == d->rd->words.n) {
			error_set(d->err, ERR_INPUT, 0, "nothing follows \"!\"");
			return WRONG;
		}
		invert = true;
		opt = d->rd->words.v[d->at++];
	}
	if (opt[0] != '-')
		return UNKNOWN;
	if (opt[1] != '-') {
		letter = short_letter(opt);
		return letter ? take_header(d, opt, letter, invert) : UNKNOWN;
	}
	/* Long header options come last: no program prints them. */
	m = fw_match_option(opt);
	if (m)
		return take_match_option(d, m, invert);
	t = fw_target_option(opt);
	if (t)
		return invert ? UNKNOWN : take_target_option(d, t);
	letter = long_letter(opt);
	return letter ? take_header(d, opt, letter, invert) : UNKNOWN;
}

/* ---- the rule as a whole */

static bool matches_hold(const struct draft *d)
{
	for (size_t i = 0; i < d->rule.n_matches; i++) {
		const struct fw_match_draft *m = &d->matches[i];

		if (!fw_match_complete(m) ||
		    (m->m.kind == FWM_L4 && m->m.l4.proto != d->rule.proto))
			return false;
	}
	return true;
}

/* Moves what the draft borrows from the words into the arena. */
static void finish_matches(struct draft *d)
{
	struct fw_reader *rd = d->rd;
	struct fw_match *v;

	if (!d->rule.n_matches)
		return;
	v = arena_array(rd->arena, struct fw_match, d->rule.n_matches);
	for (size_t i = 0; i < d->rule.n_matches; i++) {
		struct fw_match_draft *m = &d->matches[i];

		v[i] = m->m;
		if (v[i].kind == FWM_COMMENT) {
			v[i].comment = fw_reader_string(rd, v[i].comment);
		} else if (v[i].kind == FWM_SET) {
			v[i].set.name = fw_reader_string(rd, v[i].set.name);
		} else if (v[i].kind == FWM_NFACCT) {
			v[i].nfacct = fw_reader_string(rd, v[i].nfacct);
		} else if (v[i].kind == FWM_RECENT) {
			m->recent.name = fw_reader_string(rd, m->recent.name);
			v[i].recent =
			    arena_copy(rd->arena, &m->recent, sizeof(m->recent));
		} else if (v[i].kind == FWM_IPVS) {
			v[i].ipvs = arena_copy(rd->arena, &m->ipvs, sizeof(m->ipvs));
		}
	}
	d->rule.matches = v;
}

static void finish_target(struct draft *d)
{
	struct fw_target *t = &d->rule.target;

	if (t->kind == FWT_JUMP)
		t->chain = fw_reader_string(d->rd, d->target.name);
	else if (t->kind == FWT_DNAT)
		t->addr = arena_copy(d->rd->arena, &d->target.to, sizeof(d->target.to));
}

static bool finish_typed(struct draft *d, struct fw_rule *ret)
{
	if (!matches_hold(d) || !fw_target_finish(&d->target, &d->rule.target))
		return false;
	finish_matches(d);
	finish_target(d);
	if (d->rule.in)
		d->rule.in = fw_reader_string(d->rd, d->rule.in);
	if (d->rule.out)
		d->rule.out = fw_reader_string(d->rd, d->rule.out);
	*ret = d->rule;
	return true;
}

/* The rest of an unknown rule is only searched for the target and for counters. Of several
 * counters none is taken: what stays of them in the text would be read for the others. */
static void scan_opaque(struct draft *d, size_t first)
{
	const struct fw_words *w = &d->rd->words;
	size_t n_counters = 0;

	d->target.name = NULL;
	d->counters = false;
	for (size_t i = first; i + 1 < w->n; i++) {
		char letter = '\0';

		if (w->v[i][0] == '-')
			letter = w->v[i][1] == '-' ? long_letter(w->v[i])
						   : short_letter(w->v[i]);

		if (letter == 'j' || letter == 'g') {
			d->target.name = w->v[i + 1];
			d->target.go = letter == 'g';
		} else if (letter == 'c' && i + 2 < w->n) {
			d->counters_at = i;
			d->counters =
			    take_counters(d, w->v + i + 1) == TAKEN && !n_counters;
			n_counters++;
		} else {
			continue;
		}
		i++;
	}
}

/* The text without blanks around it and without "-c PACKETS BYTES". */
static const char *opaque_text(
    struct draft *d, const char *text, size_t len, size_t first)
{
	const struct fw_words *w = &d->rd->words;
	size_t from = w->start[first], cut = len, resume = len, n;
	char *s;

	if (d->counters) {
		cut = w->start[d->counters_at];
		if (d->counters_at + 3 < w->n)
			resume = w->start[d->counters_at + 3];
	}
	s = arena_alloc(d->rd->arena, len - from + 1);
	n = cut - from;
	memcpy(s, text + from, n);
	memcpy(s + n, text + resume, len - resume);
	n += len - resume;
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
		n--;
	s[n] = '\0';
	return s;
}

static void finish_opaque(
    struct draft *d, const char *text, size_t len, size_t first, struct fw_rule *ret)
{
	struct fw_rule r = {0};

	scan_opaque(d, first);
	r.opaque = opaque_text(d, text, len, first);
	if (d->target.name && fw_target_is_chain(d->target.name)) {
		r.target.kind = FWT_JUMP;
		r.target.go = d->target.go;
		r.target.chain = fw_reader_string(d->rd, d->target.name);
	}
	if (d->counters) {
		r.packets = d->rule.packets;
		r.bytes = d->rule.bytes;
	}
	*ret = r;
}

void fw_reader_opaque(
    struct fw_reader *rd, const char *text, size_t len, size_t first, struct fw_rule *ret)
{
	struct draft d = {.rd = rd};

	*ret = (struct fw_rule){.opaque = ""};
	if (first < rd->words.n)
		finish_opaque(&d, text, len, first, ret);
}

int fw_reader_rule(struct fw_reader *rd, const char *text, size_t len, size_t first,
    struct fw_rule *ret, struct error *err)
{
	enum outcome o = TAKEN;
	struct draft d;

	/* The match drafts, most of it, are cleared one by one as they are begun. */
	memset(&d.rule, 0, sizeof(d.rule));
	d.rd = rd;
	d.at = first;
	d.err = err;
	memset(&d.target, 0, sizeof(d.target));
	d.counters = false;
	while (d.at < rd->words.n && o == TAKEN)
		o = take_option(&d);
	if (o == WRONG)
		return -1;
	if (o == TAKEN && finish_typed(&d, ret))
		return 0;
	if (first < rd->words.n)
		finish_opaque(&d, text, len, first, ret);
	return 0;
}

int fw_parse_rule(const char *text, enum family f, struct arena *a, struct fw_rule *ret,
    struct error *err)
{
	struct fw_reader *rd = xcalloc(1, sizeof(*rd));
	size_t len = strlen(text);
	int r;

	rd->family = f;
	rd->arena = a;
	r = fw_words_split(&rd->words, text, len, err);
	if (!r)
		r = fw_reader_rule(rd, text, len, 0, ret, err);
	fw_reader_end(rd);
	free(rd);
	return r;
}
