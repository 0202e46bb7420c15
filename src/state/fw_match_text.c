/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of each match that a typed rule can hold: its options read one by one, and
 * printed as iptables-save 1.8.9 does. What the options cannot say in the typed form is
 * refused here, and the caller keeps the rule as text. */
#include "config.h"

#include "state/fw_match_text.h"
#include "state/fw_words.h"
#include "state/lines.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- values */

struct flag_name {
	uint16_t bit;
	const char *name;
};

/* In the order in which the conntrack match prints them. */
static const struct flag_name ct_states[] = {
    {FW_CT_INVALID, "INVALID"},
    {FW_CT_NEW, "NEW"},
    {FW_CT_RELATED, "RELATED"},
    {FW_CT_ESTABLISHED, "ESTABLISHED"},
    {FW_CT_UNTRACKED, "UNTRACKED"},
    {FW_CT_SNAT, "SNAT"},
    {FW_CT_DNAT, "DNAT"},
    {0, NULL},
};

/* 1 << RTN_*, in that order. */
static const struct flag_name addr_types[] = {
    {0x001, "UNSPEC"},
    {0x002, "UNICAST"},
    {FW_ADDRTYPE_LOCAL, "LOCAL"},
    {0x008, "BROADCAST"},
    {0x010, "ANYCAST"},
    {0x020, "MULTICAST"},
    {0x040, "BLACKHOLE"},
    {0x080, "UNREACHABLE"},
    {0x100, "PROHIBIT"},
    {0x200, "THROW"},
    {0x400, "NAT"},
    {0x800, "XRESOLVE"},
    {0, NULL},
};

static bool flags_parse(const struct flag_name *names, const char *s, uint16_t *ret)
{
	uint16_t v = 0;

	for (;;) {
		size_t n = strcspn(s, ",");
		const struct flag_name *f = names;

		while (f->name && (strncasecmp(f->name, s, n) || f->name[n]))
			f++;
		if (!f->name)
			return false;
		v |= f->bit;
		if (!s[n])
			break;
		s += n + 1;
	}
	*ret = v;
	return true;
}

static void flags_print(struct strbuf *sb, const struct flag_name *names, uint16_t v)
{
	char sep = ' ';

	for (; names->name; names++)
		if (v & names->bit) {
			strbuf_addch(sb, sep);
			strbuf_add(sb, names->name);
			sep = ',';
		}
}

bool fw_mark_parse(const char *s, uint32_t *value, uint32_t *mask)
{
	const char *slash = strchr(s, '/');
	char head[16];

	if (!slash) {
		*mask = UINT32_MAX;
		return fw_word_u32(s, value);
	}
	if ((size_t)(slash - s) >= sizeof(head))
		return false;
	memcpy(head, s, (size_t)(slash - s));
	head[slash - s] = '\0';
	return fw_word_u32(head, value) && fw_word_u32(slash + 1, mask);
}

/* The kernel value as iptables finds it: round(2^31 * text). */
static bool probability_parse(const char *s, uint32_t *ret)
{
	double scale = 1, v;
	uint64_t digits = 0;
	unsigned n = 0;

	for (; *s >= '0' && *s <= '9'; s++, n++)
		digits = digits * 10 + (unsigned)(*s - '0');
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, n++) {
			digits = digits * 10 + (unsigned)(*s - '0');
			scale *= 10;
		}
	/* Up to 15 digits the quotient is the double nearest to the text, as with strtod.
	 */
	if (*s || !n || n > 15)
		return false;
	v = (double)digits / scale;
	if (v > 1)
		return false;
	*ret = (uint32_t)(v * 2147483648.0 + 0.5);
	return true;
}

/* value / 2^31 with eleven decimals as printf rounds it: half to even. */
static void probability_print(struct strbuf *sb, uint32_t value)
{
	/* v * 10^11 / 2^31 = v * 5^11 / 2^20; the integer part is 1 for certainty only.
	 */
	uint64_t v = (uint64_t)(value & 0x7fffffffu) * 48828125u;
	uint64_t q = v >> 20, rest = v & 0xfffffu;
	char text[12];

	if (rest > 0x80000u || (rest == 0x80000u && (q & 1)))
		q++;
	for (int i = 10; i >= 0; i--, q /= 10)
		text[i] = (char)('0' + q % 10);
	strbuf_add(sb, value >> 31 ? "1." : "0.");
	strbuf_addn(sb, text, 11);
}

/* ---- options */

enum {
	OPT_1 = 0x01,
	OPT_2 = 0x02,
	OPT_3 = 0x04,
	OPT_4 = 0x08,
	OPT_5 = 0x10,
	OPT_6 = 0x20,
};

static bool set_comment(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	d->m.comment = args[0];
	return true;
}

static bool set_dport(struct fw_match_draft *d, enum family f, const char *const *args)
{
	uint32_t port;

	(void)f;
	/* Ranges and service names stay text. */
	if (!word_number(args[0], UINT16_MAX, &port))
		return false;
	d->m.l4.port = (uint16_t)port;
	d->m.l4.has_port = true;
	return true;
}

static bool set_src_type(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	return flags_parse(addr_types, args[0], &d->m.addrtype.src);
}

static bool set_dst_type(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	return flags_parse(addr_types, args[0], &d->m.addrtype.dst);
}

static bool set_ctstate(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	return flags_parse(ct_states, args[0], &d->m.ctstate);
}

static bool set_mark(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	return fw_mark_parse(args[0], &d->m.mark.value, &d->m.mark.mask);
}

static bool set_mode(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)d;
	(void)f;
	return !strcmp(args[0], "random");
}

static bool set_probability(
    struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	return probability_parse(args[0], &d->m.probability);
}

static bool set_flag(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)d;
	(void)f;
	(void)args;
	return true;
}

static bool set_recent_set(
    struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	(void)args;
	d->recent.set = true;
	return true;
}

static bool set_seconds(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	return word_number(args[0], UINT32_MAX, &d->recent.seconds);
}

static bool set_recent_name(
    struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	d->recent.name = args[0];
	return true;
}

static bool set_recent_mask(
    struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)d;
	return !strcmp(args[0], family_info(f)->host_mask);
}

static bool set_match_set(
    struct fw_match_draft *d, enum family f, const char *const *args)
{
	const char *s = args[1];

	(void)f;
	d->m.set.name = args[0];
	for (;; s += 4) {
		if (d->m.set.n_dims == FW_SET_DIMS)
			return false;
		if (!strncmp(s, "src", 3))
			d->m.set.src |= (uint8_t)(1u << d->m.set.n_dims);
		else if (strncmp(s, "dst", 3))
			return false;
		d->m.set.n_dims++;
		if (s[3] != ',')
			return !s[3];
	}
}

static bool set_vproto(struct fw_match_draft *d, enum family f, const char *const *args)
{
	uint32_t v;

	(void)f;
	if (proto_parse(args[0], &d->ipvs.proto))
		return true;
	if (!word_number(args[0], UINT8_MAX, &v))
		return false;
	d->ipvs.proto = (uint8_t)v;
	return true;
}

static bool set_vaddr(struct fw_match_draft *d, enum family f, const char *const *args)
{
	struct prefix p;

	if (!prefix_parse(args[0], &p) || addr_family(&p.addr) != f ||
	    p.bits != family_info(f)->addr_bits)
		return false;
	d->ipvs.addr = p.addr;
	return true;
}

static bool set_vport(struct fw_match_draft *d, enum family f, const char *const *args)
{
	uint32_t port;

	(void)f;
	if (!word_number(args[0], UINT16_MAX, &port))
		return false;
	d->ipvs.port = (uint16_t)port;
	return true;
}

static bool set_nfacct(struct fw_match_draft *d, enum family f, const char *const *args)
{
	(void)f;
	d->m.nfacct = args[0];
	return true;
}

/* The most frequent ones first. */
static const struct fw_match_option options[] = {
    {"--comment", FWM_COMMENT, OPT_1, 1, false, set_comment},
    {"--dport", FWM_L4, OPT_1, 1, false, set_dport},
    {"--mode", FWM_STATISTIC, OPT_1, 1, false, set_mode},
    {"--probability", FWM_STATISTIC, OPT_2, 1, false, set_probability},
    {"--name", FWM_RECENT, OPT_5, 1, false, set_recent_name},
    {"--rcheck", FWM_RECENT, OPT_2, 0, false, set_flag},
    {"--seconds", FWM_RECENT, OPT_3, 1, false, set_seconds},
    {"--reap", FWM_RECENT, OPT_4, 0, false, set_flag},
    {"--mask", FWM_RECENT, OPT_6, 1, false, set_recent_mask},
    {"--rsource", FWM_RECENT, 0, 0, false, set_flag},
    {"--set", FWM_RECENT, OPT_1, 0, false, set_recent_set},
    {"--dst-type", FWM_ADDRTYPE, OPT_1, 1, true, set_dst_type},
    {"--src-type", FWM_ADDRTYPE, OPT_2, 1, true, set_src_type},
    {"--match-set", FWM_SET, OPT_1, 2, true, set_match_set},
    {"--ctstate", FWM_CONNTRACK, OPT_1, 1, true, set_ctstate},
    {"--mark", FWM_MARK, OPT_1, 1, true, set_mark},
    {"--vproto", FWM_IPVS, OPT_1, 1, false, set_vproto},
    {"--vaddr", FWM_IPVS, OPT_2, 1, false, set_vaddr},
    {"--vport", FWM_IPVS, OPT_3, 1, false, set_vport},
    {"--physdev-is-in", FWM_PHYSDEV, OPT_1, 0, true, set_flag},
    {"--nfacct-name", FWM_NFACCT, OPT_1, 1, false, set_nfacct},
    {"--destination-port", FWM_L4, OPT_1, 1, false, set_dport},
};

const struct fw_match_option *fw_match_option(const char *name)
{
	/* The first letter tells nearly all of them apart; calls of strcmp would be felt.
	 */
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].name[2] == name[2] && !strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

/* ---- matches */

static void print_inverted(struct strbuf *sb, const struct fw_match *m)
{
	if (m->invert)
		strbuf_add(sb, " !");
}

static void print_comment(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	strbuf_add(sb, " --comment");
	fw_word_print(sb, m->comment);
}

static void print_l4(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	if (!m->l4.has_port)
		return;
	strbuf_add(sb, " --dport ");
	strbuf_addu(sb, m->l4.port);
}

static void print_addrtype(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	if (m->addrtype.src) {
		print_inverted(sb, m);
		strbuf_add(sb, " --src-type");
		flags_print(sb, addr_types, m->addrtype.src);
	}
	if (m->addrtype.dst) {
		print_inverted(sb, m);
		strbuf_add(sb, " --dst-type");
		flags_print(sb, addr_types, m->addrtype.dst);
	}
}

static void print_conntrack(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	print_inverted(sb, m);
	strbuf_add(sb, " --ctstate");
	flags_print(sb, ct_states, m->ctstate);
}

static void print_mark(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	print_inverted(sb, m);
	strbuf_addf(sb, " --mark 0x%x", m->mark.value);
	if (m->mark.mask != UINT32_MAX)
		strbuf_addf(sb, "/0x%x", m->mark.mask);
}

static void print_statistic(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	strbuf_add(sb, " --mode random --probability ");
	probability_print(sb, m->probability);
}

static void print_recent(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	if (m->recent->set) {
		strbuf_add(sb, " --set");
	} else {
		strbuf_add(sb, " --rcheck --seconds ");
		strbuf_addu(sb, m->recent->seconds);
		strbuf_add(sb, " --reap");
	}
	strbuf_add(sb, " --name ");
	strbuf_add(sb, m->recent->name);
	strbuf_add(sb, " --mask ");
	strbuf_add(sb, family_info(f)->host_mask);
	strbuf_add(sb, " --rsource");
}

static void print_set(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	print_inverted(sb, m);
	strbuf_add(sb, " --match-set ");
	strbuf_add(sb, m->set.name);
	for (unsigned i = 0; i < m->set.n_dims; i++) {
		strbuf_addch(sb, i ? ',' : ' ');
		strbuf_add(sb, m->set.src >> i & 1 ? "src" : "dst");
	}
}

static void print_physdev(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	print_inverted(sb, m);
	strbuf_add(sb, " --physdev-is-in");
}

static void print_ipvs(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	strbuf_add(sb, " --vproto ");
	strbuf_addu(sb, m->ipvs->proto);
	strbuf_add(sb, " --vaddr ");
	addr_print(sb, &m->ipvs->addr);
	strbuf_add(sb, " --vport ");
	strbuf_addu(sb, m->ipvs->port);
}

static void print_nfacct(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	(void)f;
	/* Two blanks follow: its own and that of the quoted word. */
	strbuf_add(sb, " --nfacct-name ");
	fw_word_print(sb, m->nfacct);
}

static const struct {
	const char *name; /* NULL: the protocol's */
	/* Two sets of options with which it is complete, and those that may be added. */
	unsigned need, need_else, also;
	void (*print)(struct strbuf *sb, enum family f, const struct fw_match *m);
} matches[] = {
    [FWM_COMMENT] = {"comment", OPT_1, OPT_1, 0, print_comment},
    [FWM_L4] = {NULL, 0, 0, OPT_1, print_l4},
    [FWM_ADDRTYPE] = {"addrtype", OPT_1, OPT_2, OPT_1 | OPT_2, print_addrtype},
    [FWM_CONNTRACK] = {"conntrack", OPT_1, OPT_1, 0, print_conntrack},
    [FWM_MARK] = {"mark", OPT_1, OPT_1, 0, print_mark},
    [FWM_STATISTIC] = {"statistic", OPT_1 | OPT_2, OPT_1 | OPT_2, 0, print_statistic},
    [FWM_RECENT] = {"recent", OPT_1, OPT_2 | OPT_3 | OPT_4, OPT_5 | OPT_6, print_recent},
    [FWM_SET] = {"set", OPT_1, OPT_1, 0, print_set},
    [FWM_PHYSDEV] = {"physdev", OPT_1, OPT_1, 0, print_physdev},
    [FWM_IPVS] = {"ipvs", OPT_1 | OPT_2 | OPT_3, OPT_1 | OPT_2 | OPT_3, 0, print_ipvs},
    [FWM_NFACCT] = {"nfacct", OPT_1, OPT_1, 0, print_nfacct},
};

#define N_MATCHES (sizeof(matches) / sizeof(matches[0]))

static bool is_match_name(unsigned kind, const char *name)
{
	const char *s = matches[kind].name;

	return s && s[0] == name[0] && !strcmp(s, name);
}

bool fw_match_begin(const char *name, struct fw_match_draft *ret)
{
	struct fw_match_draft d = {0};
	unsigned kind = 0;

	while (kind < N_MATCHES && !is_match_name(kind, name))
		kind++;
	if (kind == N_MATCHES) {
		kind = FWM_L4;
		if (!proto_parse(name, &d.m.l4.proto))
			return false;
	}
	d.m.kind = (uint8_t)kind;
	if (kind == FWM_RECENT)
		d.recent.name = "DEFAULT";
	*ret = d;
	return true;
}

bool fw_match_complete(const struct fw_match_draft *d)
{
	unsigned also = matches[d->m.kind].also;
	unsigned first = matches[d->m.kind].need, second = matches[d->m.kind].need_else;

	/* "!" belongs to one of the two types: with both it cannot be told which. */
	if (d->m.kind == FWM_ADDRTYPE && d->m.invert && d->seen == (OPT_1 | OPT_2))
		return false;
	return ((d->seen & first) == first && !(d->seen & ~(first | also))) ||
	       ((d->seen & second) == second && !(d->seen & ~(second | also)));
}

void fw_match_print(struct strbuf *sb, enum family f, const struct fw_match *m)
{
	strbuf_add(sb, " -m ");
	strbuf_add(
	    sb, m->kind == FWM_L4 ? proto_name(m->l4.proto) : matches[m->kind].name);
	matches[m->kind].print(sb, f, m);
}
