/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One rule as the kernel's entry and back: the header and the verdicts. Matches and other
 * targets are fw_ext.h's, the text of what has no typed form is fw_xt.c's.
 */
#include "config.h"

#include "kernel/fw_entry.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "base/strbuf.h"
#include "kernel/fw_ext.h"

/* next_offset has 16 bits. */
#define ENTRY_MAX 65528
#define MATCHES_MAX 255
#define VERDICT_SIZE XT_ALIGN(sizeof(struct xt_standard_target))

#define LAYOUT(type, ip)                                                                 \
	.size = XT_ALIGN(sizeof(type)), .src = offsetof(type, ip.src),                   \
	.dst = offsetof(type, ip.dst), .src_mask = offsetof(type, ip.smsk),              \
	.dst_mask = offsetof(type, ip.dmsk), .in = offsetof(type, ip.iniface),           \
	.out = offsetof(type, ip.outiface), .in_mask = offsetof(type, ip.iniface_mask),  \
	.out_mask = offsetof(type, ip.outiface_mask), .proto = offsetof(type, ip.proto), \
	.flags = offsetof(type, ip.flags), .invflags = offsetof(type, ip.invflags),      \
	.target_offset = offsetof(type, target_offset),                                  \
	.next_offset = offsetof(type, next_offset), .counters = offsetof(type, counters)

static const struct fw_layout layouts[FAMILY_COUNT] = {
    [FAMILY_4] = {.family = FAMILY_4,
	LAYOUT(struct ipt_entry, ip),
	.flag_goto = IPT_F_GOTO,
	.flag_fragment = IPT_F_FRAG},
    [FAMILY_6] = {.family = FAMILY_6,
	LAYOUT(struct ip6t_entry, ipv6),
	.flag_goto = IP6T_F_GOTO,
	.flag_proto = IP6T_F_PROTO},
};

const struct fw_layout *fw_layout(enum family f)
{
	return &layouts[f];
}

uint16_t fw_entry_u16(const void *entry, uint16_t offset)
{
	return *(const uint16_t *)((const char *)entry + offset);
}

void fw_entry_set_u16(void *entry, uint16_t offset, size_t value)
{
	*(uint16_t *)((char *)entry + offset) = (uint16_t)value;
}

static uint8_t *byte_at(void *entry, uint16_t offset)
{
	return (uint8_t *)entry + offset;
}

static const uint8_t *bytes_of(const void *entry, uint16_t offset)
{
	return (const uint8_t *)entry + offset;
}

struct xt_entry_target *fw_entry_target(const struct fw_layout *l, void *entry)
{
	return (void *)((char *)entry + fw_entry_u16(entry, l->target_offset));
}

struct xt_counters *fw_entry_counters(const struct fw_layout *l, void *entry)
{
	return (void *)((char *)entry + l->counters);
}

const struct xt_entry_match *fw_entry_match(
    const struct fw_layout *l, const void *entry, const struct xt_entry_match *prev)
{
	const char *end = (const char *)entry + fw_entry_u16(entry, l->target_offset);
	const char *at = prev ? (const char *)prev + prev->u.user.match_size
			      : (const char *)entry + l->size;

	return at < end ? (const void *)at : NULL;
}

int fw_mask_bits(const void *mask, size_t len)
{
	const uint8_t *b = mask;
	size_t i = 0;
	int bits = 0;

	while (i < len && b[i] == 0xff)
		i++, bits += 8;
	if (i < len) {
		for (uint8_t v = b[i]; v & 0x80; v = (uint8_t)(v << 1))
			bits++;
		if ((uint8_t)(b[i] << bits % 8))
			return -1;
		i++;
	}
	for (; i < len; i++)
		if (b[i])
			return -1;
	return bits;
}

void fw_codec_init(struct fw_codec *c, enum family f, struct arena *arena)
{
	*c = (struct fw_codec){
	    .layout = fw_layout(f),
	    .arena = arena,
	    .sets = {.fd = -1},
	};
}

void fw_codec_free(struct fw_codec *c)
{
	strtab_free(&c->strings);
	ipset_ids_free(&c->sets);
	free(c->buf);
	c->buf = NULL;
}

const char *fw_codec_string(struct fw_codec *c, const char *s)
{
	return strtab_intern(&c->strings, c->arena, s);
}

/* ---- header to entry */

static int put_prefix(const struct fw_layout *l, void *e, const struct prefix *p,
    uint16_t addr, uint16_t mask, struct error *err)
{
	const struct family_info *fi = family_info(l->family);
	struct prefix net = *p;
	unsigned whole = p->bits / 8u;

	if (!addr_is_set(&p->addr))
		return 0;
	if (p->addr.len != fi->addr_len)
		return error_set(
		    err, ERR_INPUT, 0, "an address in the rule is not %s", fi->name);
	prefix_normalize(&net);
	memcpy(byte_at(e, addr), net.addr.b, fi->addr_len);
	memset(byte_at(e, mask), 0xff, whole);
	if (p->bits % 8)
		byte_at(e, mask)[whole] = (uint8_t)(0xff00 >> p->bits % 8);
	return 0;
}

/* "veth+" keeps its sign in the name and compares what is before it; a plain name also
 * compares its NUL. */
static int put_interface(
    void *e, const char *name, uint16_t at, uint16_t mask, struct error *err)
{
	size_t n = name ? strlen(name) : 0;

	if (!n)
		return 0;
	if (n >= IFNAMSIZ)
		return error_set(
		    err, ERR_INPUT, 0, "interface name %s is too long", name);
	memcpy(byte_at(e, at), name, n);
	memset(byte_at(e, mask), 0xff, name[n - 1] == '+' ? n - 1 : n + 1);
	return 0;
}

static const struct {
	uint8_t ours, kernel;
} inversions[] = {
    {FW_INV_SRC, IPT_INV_SRCIP},
    {FW_INV_DST, IPT_INV_DSTIP},
    {FW_INV_IN, IPT_INV_VIA_IN},
    {FW_INV_OUT, IPT_INV_VIA_OUT},
};

#define N_INVERSIONS (sizeof(inversions) / sizeof(inversions[0]))

static int put_header(
    const struct fw_layout *l, void *e, const struct fw_rule *r, struct error *err)
{
	struct xt_counters *counters = fw_entry_counters(l, e);

	if (put_prefix(l, e, &r->src, l->src, l->src_mask, err) ||
	    put_prefix(l, e, &r->dst, l->dst, l->dst_mask, err) ||
	    put_interface(e, r->in, l->in, l->in_mask, err) ||
	    put_interface(e, r->out, l->out, l->out_mask, err))
		return -1;
	for (size_t i = 0; i < N_INVERSIONS; i++)
		if (r->invert & inversions[i].ours)
			*byte_at(e, l->invflags) |= inversions[i].kernel;
	fw_entry_set_u16(e, l->proto, r->proto);
	if (r->proto)
		*byte_at(e, l->flags) |= l->flag_proto;
	if (r->target.kind == FWT_JUMP && r->target.go)
		*byte_at(e, l->flags) |= l->flag_goto;
	counters->pcnt = r->packets;
	counters->bcnt = r->bytes;
	return 0;
}

const char *fw_target_verdict(const struct fw_target *t)
{
	switch ((enum fw_target_kind)t->kind) {
	case FWT_NONE:
		return "";
	case FWT_JUMP:
		return t->chain;
	case FWT_ACCEPT:
		return IPTC_LABEL_ACCEPT;
	case FWT_DROP:
		return IPTC_LABEL_DROP;
	case FWT_RETURN:
		return IPTC_LABEL_RETURN;
	case FWT_REJECT:
	case FWT_MARK:
	case FWT_MASQUERADE:
	case FWT_DNAT:
		break;
	}
	return NULL;
}

static int put_target(struct fw_codec *c, const struct fw_target *t, void *at,
    size_t *size, struct error *err)
{
	const char *verdict = fw_target_verdict(t);
	struct xt_entry_target *e = at;

	if (!verdict) {
		fw_target_put(c, t, at, size);
		return 0;
	}
	if (strlen(verdict) >= XT_EXTENSION_MAXNAMELEN)
		return error_set(err, ERR_INPUT, 0, "chain name %s is too long", verdict);
	*size = VERDICT_SIZE;
	memset(e, 0, VERDICT_SIZE);
	e->u.user.target_size = (uint16_t)VERDICT_SIZE;
	strcpy(e->u.user.name, verdict);
	return 0;
}

int fw_entry_encode(
    struct fw_codec *c, const struct fw_rule *r, void **ret, struct error *err)
{
	const struct fw_layout *l = c->layout;
	size_t at = l->size, n = 0;

	if (r->opaque)
		return error_set(err, ERR_REFUSED, 0,
		    "this rule is known as text only and cannot be written: %s",
		    r->opaque);
	if (!c->buf)
		c->buf = xmalloc(l->size + (MATCHES_MAX + 1u) * FW_EXT_MAX);
	memset(c->buf, 0, l->size);
	if (put_header(l, c->buf, r, err))
		return -1;
	for (unsigned i = 0; i < r->n_matches; i++, at += n)
		if (fw_match_put(c, &r->matches[i], byte_at(c->buf, 0) + at, &n, err))
			return -1;
	if (at > ENTRY_MAX - FW_EXT_MAX)
		return error_set(err, ERR_INPUT, 0, "the rule has too many matches");
	fw_entry_set_u16(c->buf, l->target_offset, at);
	if (put_target(c, &r->target, byte_at(c->buf, 0) + at, &n, err))
		return -1;
	fw_entry_set_u16(c->buf, l->next_offset, at + n);
	*ret = c->buf;
	return 0;
}

/* ---- entry to header */

static bool get_prefix(const struct fw_layout *l, const void *e, uint16_t addr,
    uint16_t mask, bool inverted, struct prefix *ret)
{
	unsigned len = family_info(l->family)->addr_len;
	int bits = fw_mask_bits(bytes_of(e, mask), len);
	struct prefix p, net;

	if (bits < 0)
		return false;
	p.addr = addr_from(l->family, bytes_of(e, addr));
	p.bits = (uint8_t)bits;
	net = p;
	prefix_normalize(&net);
	if (!addr_eq(&net.addr, &p.addr))
		return false;
	/* "! -s 0.0.0.0/0" matches nothing and is not the same as no address. */
	if (bits || inverted)
		*ret = p;
	return true;
}

static bool get_interface(struct fw_codec *c, const void *e, uint16_t at, uint16_t mask,
    bool inverted, const char **ret)
{
	const uint8_t *name = bytes_of(e, at);
	struct {
		_Alignas(4) char name[IFNAMSIZ];
		char mask[IFNAMSIZ];
	} again = {{0}, {0}};

	/* An empty mask fits any interface: "-i +". */
	if (!bytes_of(e, mask)[0])
		return !inverted;
	if (name[IFNAMSIZ - 1] ||
	    put_interface(&again, (const char *)name, 0, IFNAMSIZ, NULL) ||
	    memcmp(again.name, name, IFNAMSIZ) ||
	    memcmp(again.mask, bytes_of(e, mask), IFNAMSIZ))
		return false;
	*ret = fw_codec_string(c, (const char *)name);
	return true;
}

static bool get_header(struct fw_codec *c, const void *e, struct fw_rule *r)
{
	const struct fw_layout *l = c->layout;
	uint16_t proto = fw_entry_u16(e, l->proto);
	uint8_t inv = *bytes_of(e, l->invflags), known = 0;

	for (size_t i = 0; i < N_INVERSIONS; i++) {
		known |= inversions[i].kernel;
		if (inv & inversions[i].kernel)
			r->invert |= inversions[i].ours;
	}
	if (inv & ~known ||
	    (proto && (proto > UINT8_MAX || !proto_name((uint8_t)proto))) ||
	    (*bytes_of(e, l->flags) & ~l->flag_goto) != (proto ? l->flag_proto : 0))
		return false;
	r->proto = (uint8_t)proto;
	return get_prefix(l, e, l->src, l->src_mask, r->invert & FW_INV_SRC, &r->src) &&
	       get_prefix(l, e, l->dst, l->dst_mask, r->invert & FW_INV_DST, &r->dst) &&
	       get_interface(c, e, l->in, l->in_mask, r->invert & FW_INV_IN, &r->in) &&
	       get_interface(c, e, l->out, l->out_mask, r->invert & FW_INV_OUT, &r->out);
}

/* False for verdicts that have no typed form (QUEUE). */
static bool get_target(struct fw_codec *c, const struct xt_entry_target *t,
    const char *name, bool go, struct fw_target *ret)
{
	/* The kernel's name of the standard target is empty. */
	if (t->u.user.name[0])
		return !go && fw_target_get(c, t, ret);
	if (!name[0])
		ret->kind = FWT_NONE;
	else if (!strcmp(name, IPTC_LABEL_ACCEPT))
		ret->kind = FWT_ACCEPT;
	else if (!strcmp(name, IPTC_LABEL_DROP))
		ret->kind = FWT_DROP;
	else if (!strcmp(name, IPTC_LABEL_RETURN))
		ret->kind = FWT_RETURN;
	else if (!strcmp(name, IPTC_LABEL_QUEUE))
		return false;
	else
		*ret = (struct fw_target){.kind = FWT_JUMP, .go = go, .chain = name};
	return ret->kind == FWT_JUMP || !go;
}

static bool get_matches(struct fw_codec *c, const void *e, struct fw_rule *r)
{
	struct fw_match found[16];
	const struct xt_entry_match *m = NULL;
	size_t n = 0;

	while ((m = fw_entry_match(c->layout, e, m))) {
		if (n == sizeof(found) / sizeof(found[0]) ||
		    !fw_match_get(c, m, &found[n]))
			return false;
		if (found[n].kind == FWM_L4 && found[n].l4.proto != r->proto)
			return false;
		n++;
	}
	r->n_matches = (uint8_t)n;
	r->matches = n ? arena_copy(c->arena, found, n * sizeof(*found)) : NULL;
	return true;
}

bool fw_entry_decode(
    struct fw_codec *c, const void *entry, const char *target, struct fw_rule *ret)
{
	const struct fw_layout *l = c->layout;
	const struct xt_entry_target *t =
	    (const void *)bytes_of(entry, fw_entry_u16(entry, l->target_offset));
	const struct xt_counters *counters = (const void *)bytes_of(entry, l->counters);
	struct fw_rule r = {.packets = counters->pcnt, .bytes = counters->bcnt};
	bool typed;

	typed = get_target(
	    c, t, target, *bytes_of(entry, l->flags) & l->flag_goto, &r.target);
	typed = typed && get_header(c, entry, &r) && get_matches(c, entry, &r);
	if (!typed) {
		struct fw_target jump = {0};

		if (r.target.kind == FWT_JUMP)
			jump = r.target;
		r = (struct fw_rule){
		    .target = jump, .packets = r.packets, .bytes = r.bytes};
	}
	*ret = r;
	return typed;
}
