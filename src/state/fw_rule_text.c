/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rule read from its words: header options, matches, target. In any order, as
 * iptables takes them. A word or a combination that the typed form cannot hold makes the
 * rule opaque; only what no iptables could take is an error. */
#include "config.h"

#include "state/fw_rule_text.h"
#include "base/hash.h"
#include "state/fw_match_text.h"
#include "state/lines.h"

#include <stdlib.h>
#include <string.h>

#define MATCHES_MAX 24

/* What became of an option. */
enum outcome { TAKEN, UNKNOWN, WRONG };

/* Options of targets, bits of draft.target_seen. */
enum {
	SEEN_REJECT_WITH = 0x1,
	SEEN_SET_MARK = 0x2,
	SEEN_RANDOM_FULLY = 0x4,
	SEEN_TO_DESTINATION = 0x8,
};

struct draft {
	struct fw_reader *rd;
	size_t at; /* the next word */
	struct error *err;
	struct fw_rule rule;
	struct fw_match_draft matches[MATCHES_MAX];
	const char *target; /* after -j or -g */
	bool go;
	unsigned target_seen;
	uint32_t mark, mark_mask;
	struct addr to;
	uint16_t to_port;
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
	if (d->target)
		return UNKNOWN;
	d->target = s;
	d->go = go;
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

/* The letter of a header option, or 0. */
static char header_letter(const char *opt)
{
	if (opt[1] != '-')
		return opt[1] && !opt[2] && strchr("sdiopmjgc", opt[1]) ? opt[1] : '\0';
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

static bool take_mark(struct draft *d, const char *opt, const char *arg)
{
	uint32_t v, m;

	if (!fw_mark_parse(arg, &v, &m))
		return false;
	if (!strcmp(opt, "--set-mark"))
		m |= v;
	else if (!strcmp(opt, "--or-mark"))
		m = v;
	else if (!strcmp(opt, "--xor-mark"))
		m = 0;
	else if (!strcmp(opt, "--and-mark"))
		m = ~v, v = 0;
	d->mark = v;
	d->mark_mask = m;
	return true;
}

static bool take_destination(struct draft *d, const char *arg)
{
	return addrport_parse(arg, &d->to, &d->to_port) && d->to_port &&
	       addr_family(&d->to) == d->rd->family;
}

static bool take_reject_with(struct draft *d, const char *arg)
{
	return !strcmp(arg, family_info(d->rd->family)->reject) ||
	       !strcmp(arg, "port-unreach");
}

static const struct {
	const char *name;
	unsigned bit;
} target_options[] = {
    {"--to-destination", SEEN_TO_DESTINATION},
    {"--set-xmark", SEEN_SET_MARK},
    {"--random-fully", SEEN_RANDOM_FULLY},
    {"--reject-with", SEEN_REJECT_WITH},
    {"--or-mark", SEEN_SET_MARK},
    {"--xor-mark", SEEN_SET_MARK},
    {"--set-mark", SEEN_SET_MARK},
    {"--and-mark", SEEN_SET_MARK},
};

static enum outcome take_target_option(struct draft *d, const char *opt)
{
	const char *const *args;
	unsigned bit = 0;
	bool ok = true;

	for (size_t i = 0; i < sizeof(target_options) / sizeof(target_options[0]); i++)
		if (!strcmp(target_options[i].name, opt))
			bit = target_options[i].bit;
	if (!bit || d->target_seen & bit)
		return UNKNOWN;
	args = take_args(d, opt, bit == SEEN_RANDOM_FULLY ? 0 : 1);
	if (!args)
		return WRONG;
	d->target_seen |= bit;
	if (bit == SEEN_TO_DESTINATION)
		ok = take_destination(d, args[0]);
	else if (bit == SEEN_SET_MARK)
		ok = take_mark(d, opt, args[0]);
	else if (bit == SEEN_REJECT_WITH)
		ok = take_reject_with(d, args[0]);
	return ok ? TAKEN : UNKNOWN;
}

static enum outcome take_option(struct draft *d)
{
	const struct fw_match_option *o;
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
	letter = header_letter(opt);
	if (letter)
		return take_header(d, opt, letter, invert);
	o = fw_match_option(opt);
	if (o)
		return take_match_option(d, o, invert);
	return invert ? UNKNOWN : take_target_option(d, opt);
}

/* ---- the rule as a whole */

/* Targets that are no chain: what may follow -j besides ours. */
static const char *const extension_targets[] = {
    "ACCOUNT",
    "AUDIT",
    "CHAOS",
    "CHECKSUM",
    "CLASSIFY",
    "CLUSTERIP",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DELUDE",
    "DHCPMAC",
    "DNETMAP",
    "DNPT",
    "DSCP",
    "ECHO",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "IPMARK",
    "LED",
    "LOG",
    "LOGMARK",
    "MIRROR",
    "NETMAP",
    "NFLOG",
    "NFQUEUE",
    "NOTRACK",
    "PROTO",
    "QUEUE",
    "RATEEST",
    "REDIRECT",
    "SAME",
    "SECMARK",
    "SET",
    "SNAT",
    "SNPT",
    "STEAL",
    "SYNPROXY",
    "SYSRQ",
    "TARPIT",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TPROXY",
    "TRACE",
    "TTL",
    "ULOG",
};

static const struct {
	const char *name;
	enum fw_target_kind kind;
	unsigned need, also; /* options */
} targets[] = {
    {"ACCEPT", FWT_ACCEPT, 0, 0},
    {"DROP", FWT_DROP, 0, 0},
    {"RETURN", FWT_RETURN, 0, 0},
    {"REJECT", FWT_REJECT, 0, SEEN_REJECT_WITH},
    {"MARK", FWT_MARK, SEEN_SET_MARK, 0},
    {"MASQUERADE", FWT_MASQUERADE, 0, SEEN_RANDOM_FULLY},
    {"DNAT", FWT_DNAT, SEEN_TO_DESTINATION, 0},
};

#define N_TARGETS (sizeof(targets) / sizeof(targets[0]))

/* A target's place in the table; N_TARGETS: none of them. */
static size_t target_index(const char *name)
{
	size_t i = 0;

	while (i < N_TARGETS && strcmp(targets[i].name, name))
		i++;
	return i;
}

/* iptables refuses chains with the name of a target, so the name alone decides. */
static bool is_chain_name(const char *name)
{
	size_t n = sizeof(extension_targets) / sizeof(extension_targets[0]);

	if (strchr(name, '-'))
		return true;
	if (target_index(name) < N_TARGETS)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(extension_targets[i], name))
			return false;
	return true;
}

static void set_jump(struct draft *d, struct fw_target *t)
{
	t->kind = FWT_JUMP;
	t->go = d->go;
	t->chain = fw_reader_string(d->rd, d->target);
}

/* False: not one that a typed rule can hold. */
static bool finish_target(struct draft *d, struct fw_target *t)
{
	size_t i;

	if (!d->target)
		return !d->target_seen;
	if (is_chain_name(d->target)) {
		set_jump(d, t);
		return !d->target_seen;
	}
	i = target_index(d->target);
	if (i == N_TARGETS || d->go ||
	    (d->target_seen & targets[i].need) != targets[i].need ||
	    d->target_seen & ~(targets[i].need | targets[i].also))
		return false;
	t->kind = (uint8_t)targets[i].kind;
	if (t->kind == FWT_MARK) {
		t->mark.value = d->mark;
		t->mark.mask = d->mark_mask;
	} else if (t->kind == FWT_DNAT) {
		t->addr = arena_copy(d->rd->arena, &d->to, sizeof(d->to));
		t->port = d->to_port;
	}
	t->random_fully = d->target_seen & SEEN_RANDOM_FULLY;
	return true;
}

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

static bool finish_typed(struct draft *d, struct fw_rule *ret)
{
	if (!matches_hold(d) || !finish_target(d, &d->rule.target))
		return false;
	finish_matches(d);
	if (d->rule.in)
		d->rule.in = fw_reader_string(d->rd, d->rule.in);
	if (d->rule.out)
		d->rule.out = fw_reader_string(d->rd, d->rule.out);
	*ret = d->rule;
	return true;
}

/* The rest of an unknown rule is only searched for the target and for counters. */
static void scan_opaque(struct draft *d, size_t first)
{
	const struct fw_words *w = &d->rd->words;

	d->target = NULL;
	d->counters = false;
	for (size_t i = first; i + 1 < w->n; i++) {
		char letter = w->v[i][0] == '-' ? header_letter(w->v[i]) : '\0';

		if (letter == 'j' || letter == 'g') {
			d->target = w->v[i + 1];
			d->go = letter == 'g';
		} else if (letter == 'c' && i + 2 < w->n) {
			d->counters_at = i;
			take_counters(d, w->v + i + 1);
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
	if (d->target && is_chain_name(d->target))
		set_jump(d, &r.target);
	if (d->counters) {
		r.packets = d->rule.packets;
		r.bytes = d->rule.bytes;
	}
	*ret = r;
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
	d.target = NULL;
	d.go = d.counters = false;
	d.target_seen = 0;
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
