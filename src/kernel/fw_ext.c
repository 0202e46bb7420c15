/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Matches as kernel data, byte for byte what iptables 1.8.9 makes of the same text.
 * Decoding encodes again and compares, so a match with any option that the typed form does
 * not have is never taken for one without it. Targets: fw_ext_target.c.
 */
#include "config.h"

#include "kernel/fw_ext.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include <libiptc/libiptc.h>
#include <linux/netfilter/xt_addrtype.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_ipvs.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_nfacct.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_recent.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_statistic.h>
#include <linux/netfilter/xt_tcpudp.h>

#define PORT_MAX 65535

/* Data is zeroed before put. */

static int put_comment(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_comment_info *i = data;
	size_t n = strlen(m->comment);

	(void)c;
	if (n >= sizeof(i->comment))
		return error_set(err, ERR_INPUT, 0, "comment is longer than %zu bytes",
		    sizeof(i->comment) - 1);
	memcpy(i->comment, m->comment, n);
	return 0;
}

static bool get_comment(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_comment_info *i = data;

	if (!memchr(i->comment, '\0', sizeof(i->comment)))
		return false;
	/* The rules of one service say the same in a row. */
	if (!c->last_comment || strcmp(c->last_comment, i->comment))
		c->last_comment = fw_codec_string(c, i->comment);
	m->comment = c->last_comment;
	return true;
}

static void set_ports(const struct fw_match *m, uint16_t range[2])
{
	range[0] = m->l4.has_port ? m->l4.port : 0;
	range[1] = m->l4.has_port ? m->l4.port : PORT_MAX;
}

static bool get_ports(const uint16_t range[2], struct fw_match *m)
{
	m->l4.has_port = range[0] != 0 || range[1] != PORT_MAX;
	m->l4.port = m->l4.has_port ? range[0] : 0;
	return true;
}

static int put_tcp(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_tcp *i = data;

	(void)c;
	(void)err;
	i->spts[1] = PORT_MAX;
	set_ports(m, i->dpts);
	return 0;
}

static bool get_tcp(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_tcp *i = data;

	(void)c;
	m->l4.proto = IPPROTO_TCP;
	return get_ports(i->dpts, m);
}

static int put_udp(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_udp *i = data;

	(void)c;
	(void)err;
	i->spts[1] = PORT_MAX;
	set_ports(m, i->dpts);
	return 0;
}

static bool get_udp(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_udp *i = data;

	(void)c;
	m->l4.proto = IPPROTO_UDP;
	return get_ports(i->dpts, m);
}

static int put_sctp(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_sctp_info *i = data;

	(void)c;
	(void)err;
	if (m->l4.has_port) {
		set_ports(m, i->dpts);
		i->flags = XT_SCTP_DEST_PORTS;
	}
	for (unsigned k = 0; k < XT_NUM_SCTP_FLAGS; k++)
		i->flag_info[k].chunktype = (uint8_t)-1;
	return 0;
}

static bool get_sctp(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_sctp_info *i = data;

	(void)c;
	m->l4.proto = IPPROTO_SCTP;
	m->l4.has_port = i->flags & XT_SCTP_DEST_PORTS;
	m->l4.port = m->l4.has_port ? i->dpts[0] : 0;
	return true;
}

static int put_addrtype(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_addrtype_info_v1 *i = data;

	(void)c;
	(void)err;
	i->source = m->addrtype.src;
	i->dest = m->addrtype.dst;
	if (m->invert)
		i->flags = (i->source ? XT_ADDRTYPE_INVERT_SOURCE : 0) |
			   (i->dest ? XT_ADDRTYPE_INVERT_DEST : 0);
	return 0;
}

static bool get_addrtype(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_addrtype_info_v1 *i = data;

	(void)c;
	m->addrtype.src = i->source;
	m->addrtype.dst = i->dest;
	m->invert = i->flags;
	/* With both types given the typed form cannot say which one is inverted. */
	return !(i->source && i->dest && i->flags);
}

static int put_conntrack(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_conntrack_mtinfo3 *i = data;

	(void)c;
	(void)err;
	i->match_flags = XT_CONNTRACK_STATE;
	i->invert_flags = m->invert ? XT_CONNTRACK_STATE : 0;
	i->state_mask = m->ctstate;
	return 0;
}

static bool get_conntrack(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_conntrack_mtinfo3 *i = data;

	(void)c;
	m->invert = i->invert_flags;
	m->ctstate = i->state_mask;
	return true;
}

static int put_mark(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_mark_mtinfo1 *i = data;

	(void)c;
	(void)err;
	i->mark = m->mark.value;
	i->mask = m->mark.mask;
	i->invert = m->invert;
	return 0;
}

static bool get_mark(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_mark_mtinfo1 *i = data;

	(void)c;
	m->mark.value = i->mark;
	m->mark.mask = i->mask;
	m->invert = i->invert;
	return true;
}

static int put_statistic(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_statistic_info *i = data;

	(void)c;
	(void)err;
	i->mode = XT_STATISTIC_MODE_RANDOM;
	i->u.random.probability = m->probability;
	/* iptables fills this in for either mode: every - packet, and every shares its
	 * place with the probability. The kernel does not look. */
	i->u.nth.count = m->probability;
	return 0;
}

static bool get_statistic(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_statistic_info *i = data;

	(void)c;
	m->probability = i->u.random.probability;
	return true;
}

static int put_recent(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_recent_mtinfo_v1 *i = data;
	size_t n = strlen(m->recent->name);

	if (n >= sizeof(i->name))
		return error_set(err, ERR_INPUT, 0, "recent list name %s is too long",
		    m->recent->name);
	memcpy(i->name, m->recent->name, n);
	i->seconds = m->recent->seconds;
	i->check_set = m->recent->set ? XT_RECENT_SET : XT_RECENT_CHECK | XT_RECENT_REAP;
	i->invert = m->invert;
	i->side = XT_RECENT_SOURCE;
	memset(&i->mask, 0xff, family_info(c->layout->family)->addr_len);
	return 0;
}

static bool get_recent(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_recent_mtinfo_v1 *i = data;
	struct fw_recent r = {
	    .set = i->check_set & XT_RECENT_SET,
	    .seconds = i->seconds,
	};

	if (!memchr(i->name, '\0', sizeof(i->name)) || i->invert ||
	    fw_mask_bits(&i->mask, family_info(c->layout->family)->addr_len) !=
		(int)family_info(c->layout->family)->addr_bits)
		return false;
	r.name = fw_codec_string(c, i->name);
	m->recent = arena_copy(c->arena, &r, sizeof(r));
	return true;
}

static int put_set(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_set_info_match_v4 *i = data;
	ip_set_id_t id;

	if (ipset_id_of(&c->sets, c->arena, m->set.name, &id, err))
		return -1;
	i->match_set.index = id;
	i->match_set.dim = m->set.n_dims;
	/* Bit 0 inverts, bit 1 is the first dimension's src. */
	i->match_set.flags =
	    (uint8_t)(m->set.src << IPSET_DIM_ONE | (m->invert ? IPSET_INV_MATCH : 0));
	return 0;
}

static bool get_set(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_set_info_match_v4 *i = data;

	if (!i->match_set.dim || i->match_set.dim > FW_SET_DIMS)
		return false;
	m->set.name = ipset_id_name(&c->sets, c->arena, i->match_set.index);
	m->set.n_dims = i->match_set.dim;
	m->set.src = (uint8_t)(i->match_set.flags >> IPSET_DIM_ONE);
	m->invert = i->match_set.flags & IPSET_INV_MATCH;
	/* Bits above the dimensions mean something else. */
	return m->set.name && m->set.src < 1u << m->set.n_dims;
}

static int put_physdev(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_physdev_info *i = data;

	(void)c;
	(void)err;
	i->bitmask = XT_PHYSDEV_OP_ISIN;
	i->invert = m->invert ? XT_PHYSDEV_OP_ISIN : 0;
	return 0;
}

static bool get_physdev(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_physdev_info *i = data;

	(void)c;
	m->invert = i->invert;
	return true;
}

static int put_ipvs(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_ipvs_mtinfo *i = data;
	size_t n = family_info(c->layout->family)->addr_len;

	if (m->ipvs->addr.len != n)
		return error_set(
		    err, ERR_INPUT, 0, "--vaddr is an address of the other family");
	memcpy(&i->vaddr, m->ipvs->addr.b, n);
	memset(&i->vmask, 0xff, sizeof(i->vmask)); /* of IPv4 all of it, too */
	i->vport = htons(m->ipvs->port);
	i->l4proto = m->ipvs->proto;
	i->bitmask =
	    XT_IPVS_IPVS_PROPERTY | XT_IPVS_PROTO | XT_IPVS_VADDR | XT_IPVS_VPORT;
	return 0;
}

static bool get_ipvs(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_ipvs_mtinfo *i = data;
	struct fw_ipvs v = {
	    .proto = i->l4proto,
	    .port = ntohs(i->vport),
	    .addr = addr_from(c->layout->family, &i->vaddr),
	};

	m->ipvs = arena_copy(c->arena, &v, sizeof(v));
	return true;
}

static int put_nfacct(
    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err)
{
	struct xt_nfacct_match_info_v1 *i = data;
	size_t n = strlen(m->nfacct);

	(void)c;
	if (n >= sizeof(i->name))
		return error_set(
		    err, ERR_INPUT, 0, "nfacct name %s is too long", m->nfacct);
	memcpy(i->name, m->nfacct, n);
	return 0;
}

static bool get_nfacct(struct fw_codec *c, const void *data, struct fw_match *m)
{
	const struct xt_nfacct_match_info_v1 *i = data;

	if (!memchr(i->name, '\0', sizeof(i->name)))
		return false;
	m->nfacct = fw_codec_string(c, i->name);
	return true;
}

struct match_codec {
	char name[XT_EXTENSION_MAXNAMELEN];
	enum fw_match_kind kind;
	uint8_t revision;
	uint8_t proto;	      /* FWM_L4 */
	uint16_t size;	      /* of the data */
	uint16_t significant; /* what put must give again; behind it are kernel pointers
			       * and padding */
	int (*put)(
	    struct fw_codec *c, const struct fw_match *m, void *data, struct error *err);
	bool (*get)(struct fw_codec *c, const void *data, struct fw_match *m);
};

/* The most frequent ones first. */
static const struct match_codec matches[] = {
    {"comment", FWM_COMMENT, 0, 0, sizeof(struct xt_comment_info), 0, put_comment,
	get_comment},
    {"tcp", FWM_L4, 0, IPPROTO_TCP, sizeof(struct xt_tcp),
	offsetof(struct xt_tcp, invflags) + 1, put_tcp, get_tcp},
    {"udp", FWM_L4, 0, IPPROTO_UDP, sizeof(struct xt_udp),
	offsetof(struct xt_udp, invflags) + 1, put_udp, get_udp},
    {"statistic", FWM_STATISTIC, 0, 0, sizeof(struct xt_statistic_info),
	offsetof(struct xt_statistic_info, u) + sizeof(uint32_t), put_statistic,
	get_statistic},
    {"recent", FWM_RECENT, 1, 0, sizeof(struct xt_recent_mtinfo_v1),
	offsetof(struct xt_recent_mtinfo_v1, side) + 1, put_recent, get_recent},
    {"set", FWM_SET, 4, 0, sizeof(struct xt_set_info_match_v4),
	sizeof(struct xt_set_info_match_v4), put_set, get_set},
    {"mark", FWM_MARK, 1, 0, sizeof(struct xt_mark_mtinfo1),
	offsetof(struct xt_mark_mtinfo1, invert) + 1, put_mark, get_mark},
    {"conntrack", FWM_CONNTRACK, 3, 0, sizeof(struct xt_conntrack_mtinfo3),
	sizeof(struct xt_conntrack_mtinfo3), put_conntrack, get_conntrack},
    {"addrtype", FWM_ADDRTYPE, 1, 0, sizeof(struct xt_addrtype_info_v1),
	sizeof(struct xt_addrtype_info_v1), put_addrtype, get_addrtype},
    {"sctp", FWM_L4, 0, IPPROTO_SCTP, sizeof(struct xt_sctp_info),
	sizeof(struct xt_sctp_info), put_sctp, get_sctp},
    {"physdev", FWM_PHYSDEV, 0, 0, sizeof(struct xt_physdev_info),
	offsetof(struct xt_physdev_info, bitmask) + 1, put_physdev, get_physdev},
    {"ipvs", FWM_IPVS, 0, 0, sizeof(struct xt_ipvs_mtinfo),
	offsetof(struct xt_ipvs_mtinfo, bitmask) + 1, put_ipvs, get_ipvs},
    {"nfacct", FWM_NFACCT, 1, 0, sizeof(struct xt_nfacct_match_info_v1), NFACCT_NAME_MAX,
	put_nfacct, get_nfacct},
};

#define N_MATCHES (sizeof(matches) / sizeof(matches[0]))

static const struct match_codec *codec_of(const struct fw_match *m)
{
	size_t i = 0;

	while (i < N_MATCHES - 1 &&
	       (matches[i].kind != m->kind ||
		   (m->kind == FWM_L4 && matches[i].proto != m->l4.proto)))
		i++;
	return &matches[i];
}

int fw_match_put(struct fw_codec *c, const struct fw_match *m, void *at, size_t *size,
    struct error *err)
{
	const struct match_codec *k = codec_of(m);
	struct xt_entry_match *e = at;
	size_t n = sizeof(*e) + XT_ALIGN(k->size);

	memset(e, 0, n);
	e->u.user.match_size = (uint16_t)n;
	memcpy(e->u.user.name, k->name, sizeof(k->name));
	e->u.user.revision = k->revision;
	*size = n;
	return k->put(c, m, e->data, err);
}

bool fw_match_get(
    struct fw_codec *c, const struct xt_entry_match *from, struct fw_match *ret)
{
	const struct match_codec *k = matches;
	struct {
		_Alignas(8) unsigned char data[FW_EXT_MAX];
	} again;
	size_t size = from->u.user.match_size - sizeof(*from);

	while (k < matches + N_MATCHES && strcmp(k->name, from->u.user.name))
		k++;
	if (k == matches + N_MATCHES || from->u.user.revision != k->revision ||
	    size != (size_t)XT_ALIGN(k->size))
		return false;
	*ret = (struct fw_match){.kind = (uint8_t)k->kind};
	if (!k->get(c, from->data, ret))
		return false;
	if (!k->significant)
		return true;
	memset(again.data, 0, size);
	return !k->put(c, ret, again.data, NULL) &&
	       !memcmp(again.data, from->data, k->significant);
}
