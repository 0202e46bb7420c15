/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The entry that legacy iptables has for a rule of nf_tables, so that one decoder and one
 * printer serve both. iptables-nft makes native tests of addresses, interfaces, the
 * protocol, ports, marks and a few more; which ones depends on its release, hence all
 * that any of them makes are folded back here. How a rule is stored is nft_expr.c's.
 */
#include "config.h"

#include "kernel/nft_entry.h"

#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>

#define ENTRY_MAX 65528
#define PORT_MAX 65535
/* Where the flags are in a TCP header. */
#define TCP_FLAGS_OFFSET 13
#define FRAGMENT_MASK 0x1fff

void nft_entry_init(struct nft_entry *e, enum family f)
{
	*e = (struct nft_entry){.layout = fw_layout(f), .buf = xmalloc(ENTRY_MAX)};
}

void nft_entry_free(struct nft_entry *e)
{
	free(e->buf);
	e->buf = NULL;
}

void nft_entry_begin(struct nft_entry *e)
{
	memset(e->buf, 0, e->layout->size);
	e->end = e->layout->size;
	e->target_offset = 0;
	e->matched_ports = false;
	e->verdict[0] = '\0';
}

/* ---- matches and targets; struct xt_entry_match and xt_entry_target are alike */

static void *add_extension(struct nft_entry *e, const char *name, unsigned revision,
    const void *data, size_t size)
{
	size_t whole = sizeof(struct xt_entry_match) + XT_ALIGN(size);
	struct xt_entry_match *m = (void *)(e->buf + e->end);

	if (e->target_offset || whole > ENTRY_MAX - e->end ||
	    strlen(name) >= sizeof(m->u.user.name) || revision > UINT8_MAX)
		return NULL;
	memset(m, 0, whole);
	m->u.user.match_size = (uint16_t)whole;
	strcpy(m->u.user.name, name);
	m->u.user.revision = (uint8_t)revision;
	if (data)
		memcpy(m->data, data, size);
	e->end += whole;
	return m->data;
}

void *nft_entry_match(struct nft_entry *e, const char *name, unsigned revision,
    const void *data, size_t size)
{
	return add_extension(e, name, revision, data, size);
}

void *nft_entry_target(struct nft_entry *e, const char *name, unsigned revision,
    const void *data, size_t size)
{
	size_t at = e->end;
	void *ret = add_extension(e, name, revision, data, size);

	if (ret)
		e->target_offset = (uint16_t)at;
	return ret;
}

bool nft_entry_verdict(struct nft_entry *e, const char *name, bool go)
{
	/* An empty name is the standard target's. */
	if (strlen(name) >= sizeof(e->verdict) ||
	    !nft_entry_target(e, "", 0, NULL, sizeof(int)))
		return false;
	strcpy(e->verdict, name);
	if (go)
		e->buf[e->layout->flags] |= e->layout->flag_goto;
	return true;
}

bool nft_entry_end(
    struct nft_entry *e, uint64_t packets, uint64_t bytes, struct fw_raw *ret)
{
	const struct fw_layout *l = e->layout;
	struct xt_counters *c = fw_entry_counters(l, e->buf);
	uint16_t next;

	if (!e->target_offset && !nft_entry_verdict(e, "", false))
		return false;
	next = (uint16_t)e->end;
	memcpy(e->buf + l->target_offset, &e->target_offset, sizeof(next));
	memcpy(e->buf + l->next_offset, &next, sizeof(next));
	c->pcnt = packets;
	c->bcnt = bytes;
	*ret = (struct fw_raw){.entry = e->buf, .target = e->verdict};
	return true;
}

/* ---- tests of what is in the header of an entry */

static bool is_equality(const struct nft_test *t)
{
	return t->op == NFT_TEST_EQ || t->op == NFT_TEST_NEQ;
}

static void set_inverted(struct nft_entry *e, const struct nft_test *t, uint8_t flag)
{
	if (t->op == NFT_TEST_NEQ)
		e->buf[e->layout->invflags] |= flag;
}

static uint16_t proto_of(const struct nft_entry *e)
{
	return e->buf[e->layout->invflags] & XT_INV_PROTO
		   ? 0
		   : fw_entry_u16(e->buf, e->layout->proto);
}

static bool test_proto(struct nft_entry *e, const struct nft_test *t)
{
	const struct fw_layout *l = e->layout;
	uint16_t proto = t->from[0];

	/* The same may be said twice, of the protocol field and by what follows it. */
	if (fw_entry_u16(e->buf, l->proto))
		return t->op == NFT_TEST_EQ && proto_of(e) == proto;
	if (!proto)
		return false; /* 0 is no test in an entry */
	memcpy(e->buf + l->proto, &proto, sizeof(proto));
	e->buf[l->flags] |= l->flag_proto;
	set_inverted(e, t, XT_INV_PROTO);
	return true;
}

/* len bytes of an address; a prefix of whole bytes is loaded without the rest. */
static bool test_address(struct nft_entry *e, const struct nft_field *f,
    const struct nft_test *t, uint16_t addr, uint16_t mask, uint8_t flag)
{
	static const uint8_t none[16];
	size_t n = family_info(e->layout->family)->addr_len;

	if (t->len > n || memcmp(e->buf + mask, none, n))
		return false;
	memcpy(e->buf + addr, t->from, t->len);
	if (f->masked)
		memcpy(e->buf + mask, f->mask, t->len);
	else
		memset(e->buf + mask, 0xff, t->len);
	set_inverted(e, t, flag);
	return true;
}

/* A whole name comes with its NUL, a prefix without. */
static bool test_interface(struct nft_entry *e, const struct nft_test *t, uint16_t name,
    uint16_t mask, uint8_t flag)
{
	size_t n = strnlen((const char *)t->from, t->len);
	bool whole = n < t->len;

	if (!n || n >= IFNAMSIZ || e->buf[mask])
		return false;
	memcpy(e->buf + name, t->from, n);
	if (!whole && n < IFNAMSIZ - 1)
		e->buf[name + n] = '+';
	memset(e->buf + mask, 0xff, whole ? n + 1 : n);
	set_inverted(e, t, flag);
	return true;
}

/* Rules of nft may name an interface by its number. */
static bool test_interface_number(struct nft_entry *e, const struct nft_test *t,
    uint16_t name, uint16_t mask, uint8_t flag)
{
	char text[IF_NAMESIZE];
	struct nft_test by_name = {.op = t->op, .from = (const uint8_t *)text};
	unsigned number;

	if (t->len != sizeof(number))
		return false;
	memcpy(&number, t->from, sizeof(number));
	if (!if_indextoname(number, text))
		return false;
	by_name.len = strlen(text) + 1;
	return test_interface(e, &by_name, name, mask, flag);
}

/* ---- tests that are extensions of iptables */

static bool test_mark(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t)
{
	struct xt_mark_mtinfo1 i = {.mask = UINT32_MAX, .invert = t->op == NFT_TEST_NEQ};

	if (t->len != sizeof(i.mark))
		return false;
	memcpy(&i.mark, t->from, sizeof(i.mark));
	if (f->masked)
		memcpy(&i.mask, f->mask, sizeof(i.mask));
	return nft_entry_match(e, "mark", 1, &i, sizeof(i));
}

static bool test_packet_type(struct nft_entry *e, const struct nft_test *t)
{
	struct xt_pkttype_info i = {
	    .pkttype = t->from[0], .invert = t->op == NFT_TEST_NEQ};

	return nft_entry_match(e, "pkttype", 0, &i, sizeof(i));
}

static bool test_hop_limit(struct nft_entry *e, const struct nft_test *t)
{
	/* struct ip6t_hl_info is the same. */
	struct ipt_ttl_info i = {.ttl = t->from[0]};

	switch (t->op) {
	case NFT_TEST_EQ:
		i.mode = IPT_TTL_EQ;
		break;
	case NFT_TEST_NEQ:
		i.mode = IPT_TTL_NE;
		break;
	case NFT_TEST_LT:
		i.mode = IPT_TTL_LT;
		break;
	case NFT_TEST_GT:
		i.mode = IPT_TTL_GT;
		break;
	default:
		return false;
	}
	return nft_entry_match(
	    e, e->layout->family == FAMILY_6 ? "hl" : "ttl", 0, &i, sizeof(i));
}

/* The data of the rule's tcp or udp match: all tests of ports go into one. */
static void *ports_match(struct nft_entry *e)
{
	static const struct xt_tcp tcp = {.spts = {0, PORT_MAX}, .dpts = {0, PORT_MAX}};
	static const struct xt_udp udp = {.spts = {0, PORT_MAX}, .dpts = {0, PORT_MAX}};
	unsigned char *data = NULL;

	if (e->matched_ports)
		return e->buf + e->ports_at;
	if (proto_of(e) == IPPROTO_TCP)
		data = nft_entry_match(e, "tcp", 0, &tcp, sizeof(tcp));
	else if (proto_of(e) == IPPROTO_UDP)
		data = nft_entry_match(e, "udp", 0, &udp, sizeof(udp));
	if (!data)
		return NULL;
	e->matched_ports = true;
	e->ports_at = (size_t)(data - e->buf);
	return data;
}

static unsigned port_at(const uint8_t *data)
{
	return (unsigned)data[0] << 8 | data[1];
}

/* False when the range would be narrowed a second time in the same way. */
static bool narrow(
    uint16_t range[2], uint8_t *invflags, uint8_t flag, const struct nft_test *t)
{
	unsigned from = port_at(t->from), low = range[0], high = range[1];
	bool below = t->op == NFT_TEST_LT || t->op == NFT_TEST_LTE;
	bool above = t->op == NFT_TEST_GT || t->op == NFT_TEST_GTE;

	if (*invflags & flag || (!above && high != PORT_MAX) || (!below && low))
		return false;
	if (below)
		high = t->op == NFT_TEST_LT ? from - 1 : from;
	else if (above)
		low = t->op == NFT_TEST_GT ? from + 1 : from;
	else
		low = high = from;
	if (t->to)
		high = port_at(t->to);
	/* Also what went below 0 or above the last port. */
	if (low > high || high > PORT_MAX)
		return false;
	range[0] = (uint16_t)low;
	range[1] = (uint16_t)high;
	if (t->op == NFT_TEST_NEQ || t->op == NFT_TEST_NOT_RANGE)
		*invflags |= flag;
	return true;
}

static bool test_port(struct nft_entry *e, const struct nft_test *t, bool source)
{
	struct xt_tcp *tcp = ports_match(e);
	struct xt_udp *udp = (void *)tcp;

	if (!tcp || t->len != 2)
		return false;
	if (proto_of(e) == IPPROTO_TCP)
		return narrow(source ? tcp->spts : tcp->dpts, &tcp->invflags,
		    source ? XT_TCP_INV_SRCPT : XT_TCP_INV_DSTPT, t);
	return narrow(source ? udp->spts : udp->dpts, &udp->invflags,
	    source ? XT_UDP_INV_SRCPT : XT_UDP_INV_DSTPT, t);
}

static bool test_tcp_flags(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t)
{
	struct xt_tcp *tcp = proto_of(e) == IPPROTO_TCP ? ports_match(e) : NULL;

	if (!tcp || tcp->flg_mask)
		return false;
	tcp->flg_mask = f->masked ? f->mask[0] : UINT8_MAX;
	tcp->flg_cmp = t->from[0];
	if (t->op == NFT_TEST_NEQ)
		tcp->invflags |= XT_TCP_INV_FLAGS;
	return true;
}

static bool test_icmp(struct nft_entry *e, const struct nft_test *t)
{
	bool v6 = e->layout->family == FAMILY_6;
	/* struct ip6t_icmp is the same. */
	struct ipt_icmp i = {.type = t->from[0], .code = {0, UINT8_MAX}};

	if (proto_of(e) != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false;
	if (t->len == 2)
		i.code[0] = i.code[1] = t->from[1];
	if (t->op == NFT_TEST_NEQ)
		i.invflags = IPT_ICMP_INV;
	return nft_entry_match(e, v6 ? "icmp6" : "icmp", 0, &i, sizeof(i));
}

/* ---- which field it is */

static bool test_meta(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t)
{
	const struct fw_layout *l = e->layout;

	if (!is_equality(t) || (f->masked && f->key != NFT_META_MARK))
		return false;
	switch (f->key) {
	case NFT_META_L4PROTO:
		return test_proto(e, t);
	case NFT_META_IIFNAME:
		return test_interface(e, t, l->in, l->in_mask, IPT_INV_VIA_IN);
	case NFT_META_OIFNAME:
		return test_interface(e, t, l->out, l->out_mask, IPT_INV_VIA_OUT);
	case NFT_META_IIF:
		return test_interface_number(e, t, l->in, l->in_mask, IPT_INV_VIA_IN);
	case NFT_META_OIF:
		return test_interface_number(e, t, l->out, l->out_mask, IPT_INV_VIA_OUT);
	case NFT_META_MARK:
		return test_mark(e, f, t);
	case NFT_META_PKTTYPE:
		return test_packet_type(e, t);
	default:
		return false;
	}
}

static bool test_fragment(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t)
{
	static const uint8_t mask[2] = {FRAGMENT_MASK >> 8, FRAGMENT_MASK & 0xff};
	const struct fw_layout *l = e->layout;

	if (t->len != 2 || !f->masked || memcmp(f->mask, mask, 2) || t->from[0] ||
	    t->from[1])
		return false;
	e->buf[l->flags] |= l->flag_fragment;
	if (t->op == NFT_TEST_EQ)
		e->buf[l->invflags] |= IPT_INV_FRAG;
	return true;
}

/* Where the fields are in the IP header of a family. */
static const struct {
	uint8_t src, dst, proto, hops;
} ip_header[FAMILY_COUNT] = {
    [FAMILY_4] = {offsetof(struct iphdr, saddr), offsetof(struct iphdr, daddr),
	offsetof(struct iphdr, protocol), offsetof(struct iphdr, ttl)},
    [FAMILY_6] = {offsetof(struct ip6_hdr, ip6_src), offsetof(struct ip6_hdr, ip6_dst),
	offsetof(struct ip6_hdr, ip6_nxt), offsetof(struct ip6_hdr, ip6_hlim)},
};

static bool test_network(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t)
{
	const struct fw_layout *l = e->layout;

	if (f->offset == ip_header[l->family].hops && t->len == 1 && !f->masked)
		return test_hop_limit(e, t);
	if (!is_equality(t))
		return false;
	if (f->offset == ip_header[l->family].src)
		return test_address(e, f, t, l->src, l->src_mask, IPT_INV_SRCIP);
	if (f->offset == ip_header[l->family].dst)
		return test_address(e, f, t, l->dst, l->dst_mask, IPT_INV_DSTIP);
	if (f->offset == ip_header[l->family].proto && t->len == 1 && !f->masked)
		return test_proto(e, t);
	if (l->flag_fragment && f->offset == offsetof(struct iphdr, frag_off))
		return test_fragment(e, f, t);
	return false;
}

static bool test_transport(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t)
{
	bool tcp = proto_of(e) == IPPROTO_TCP;
	struct nft_test second = *t;

	if (f->offset == TCP_FLAGS_OFFSET && tcp && t->len == 1 && is_equality(t))
		return test_tcp_flags(e, f, t);
	if (f->masked)
		return false;
	if (tcp || proto_of(e) == IPPROTO_UDP) {
		if (f->len == 2 && (f->offset == 0 || f->offset == 2))
			return test_port(e, t, f->offset == 0);
		if (f->len != 4 || f->offset != 0 || t->op != NFT_TEST_EQ)
			return false;
		second.len = 2;
		second.from = t->from + 2;
		return test_port(
			   e, &(struct nft_test){.from = t->from, .len = 2}, true) &&
		       test_port(e, &second, false);
	}
	if (f->offset != 0 || f->len > 2 || !is_equality(t))
		return false;
	return test_icmp(e, t);
}

bool nft_entry_test(
    struct nft_entry *e, const struct nft_field *f, const struct nft_test *t)
{
	if (e->target_offset || !t->len)
		return false;
	switch (f->of) {
	case NFT_FIELD_META:
		return test_meta(e, f, t);
	case NFT_FIELD_NETWORK:
		return t->len == f->len && test_network(e, f, t);
	case NFT_FIELD_TRANSPORT:
		return t->len == f->len && test_transport(e, f, t);
	case NFT_FIELD_NONE:
	case NFT_FIELD_VALUE:
		break;
	}
	return false;
}
