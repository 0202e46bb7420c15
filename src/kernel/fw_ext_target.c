/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets as kernel data, in the way of fw_ext.c. */
#include "config.h"

#include "kernel/fw_ext.h"

#include <arpa/inet.h>
#include <string.h>

#include <libiptc/libiptc.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_MARK.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>

static void put_set_mark(const struct fw_codec *c, const struct fw_target *t, void *data)
{
	struct xt_mark_tginfo2 *i = data;

	(void)c;
	i->mark = t->mark.value;
	i->mask = t->mark.mask;
}

static bool get_set_mark(struct fw_codec *c, const void *data, struct fw_target *t)
{
	const struct xt_mark_tginfo2 *i = data;

	(void)c;
	t->mark.value = i->mark;
	t->mark.mask = i->mask;
	return true;
}

static void put_masquerade(
    const struct fw_codec *c, const struct fw_target *t, void *data)
{
	unsigned flags = t->random_fully ? NF_NAT_RANGE_PROTO_RANDOM_FULLY : 0;
	struct nf_nat_ipv4_multi_range_compat *v4 = data;
	struct nf_nat_range *v6 = data;

	if (c->layout->family == FAMILY_6) {
		v6->flags = flags;
	} else {
		v4->rangesize = 1;
		v4->range[0].flags = flags;
	}
}

static bool get_masquerade(struct fw_codec *c, const void *data, struct fw_target *t)
{
	const struct nf_nat_ipv4_multi_range_compat *v4 = data;
	const struct nf_nat_range *v6 = data;

	t->random_fully = c->layout->family == FAMILY_6 ? v6->flags : v4->range[0].flags;
	return true;
}

static void put_dnat(const struct fw_codec *c, const struct fw_target *t, void *data)
{
	struct nf_nat_range2 *i = data;

	(void)c;
	i->flags = NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
	memcpy(&i->min_addr, t->addr->b, t->addr->len);
	memcpy(&i->max_addr, t->addr->b, t->addr->len);
	i->min_proto.all = i->max_proto.all = htons(t->port);
}

static bool get_dnat(struct fw_codec *c, const void *data, struct fw_target *t)
{
	const struct nf_nat_range2 *i = data;
	struct addr a = addr_from(c->layout->family, &i->min_addr);

	t->addr = arena_copy(c->arena, &a, sizeof(a));
	t->port = ntohs(i->min_proto.all);
	return true;
}

static void put_reject(const struct fw_codec *c, const struct fw_target *t, void *data)
{
	uint32_t *with = data; /* struct ipt_reject_info and ip6t_reject_info */

	(void)t;
	*with = c->layout->family == FAMILY_6 ? (uint32_t)IP6T_ICMP6_PORT_UNREACH
					      : (uint32_t)IPT_ICMP_PORT_UNREACHABLE;
}

static bool get_reject(struct fw_codec *c, const void *data, struct fw_target *t)
{
	(void)c;
	(void)data;
	(void)t;
	return true;
}

static const struct {
	char name[XT_EXTENSION_MAXNAMELEN];
	uint8_t kind, revision;
	uint16_t size[FAMILY_COUNT];
	void (*put)(const struct fw_codec *c, const struct fw_target *t, void *data);
	bool (*get)(struct fw_codec *c, const void *data, struct fw_target *t);
} targets[] = {
    {"DNAT", FWT_DNAT, 2, {sizeof(struct nf_nat_range2), sizeof(struct nf_nat_range2)},
	put_dnat, get_dnat},
    {"MARK", FWT_MARK, 2,
	{sizeof(struct xt_mark_tginfo2), sizeof(struct xt_mark_tginfo2)}, put_set_mark,
	get_set_mark},
    {"MASQUERADE", FWT_MASQUERADE, 0,
	{sizeof(struct nf_nat_ipv4_multi_range_compat), sizeof(struct nf_nat_range)},
	put_masquerade, get_masquerade},
    {"REJECT", FWT_REJECT, 0,
	{sizeof(struct ipt_reject_info), sizeof(struct ip6t_reject_info)}, put_reject,
	get_reject},
};

#define N_TARGETS (sizeof(targets) / sizeof(targets[0]))

void fw_target_put(struct fw_codec *c, const struct fw_target *t, void *at, size_t *size)
{
	struct xt_entry_target *e = at;
	size_t i = 0;

	while (i < N_TARGETS - 1 && targets[i].kind != t->kind)
		i++;
	*size = sizeof(*e) + XT_ALIGN(targets[i].size[c->layout->family]);
	memset(e, 0, *size);
	e->u.user.target_size = (uint16_t)*size;
	memcpy(e->u.user.name, targets[i].name, sizeof(targets[i].name));
	e->u.user.revision = targets[i].revision;
	targets[i].put(c, t, e->data);
}

bool fw_target_get(
    struct fw_codec *c, const struct xt_entry_target *from, struct fw_target *ret)
{
	_Alignas(8) unsigned char again[FW_EXT_MAX];
	size_t i = 0, size;

	while (i < N_TARGETS && strcmp(targets[i].name, from->u.user.name))
		i++;
	if (i == N_TARGETS || from->u.user.revision != targets[i].revision)
		return false;
	*ret = (struct fw_target){.kind = targets[i].kind};
	size = targets[i].size[c->layout->family];
	if (from->u.user.target_size != sizeof(*from) + XT_ALIGN(size) ||
	    !targets[i].get(c, from->data, ret))
		return false;
	fw_target_put(c, ret, again, &(size_t){0});
	return !memcmp(((struct xt_entry_target *)again)->data, from->data, size);
}
