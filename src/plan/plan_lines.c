/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Operations in the formats of iptables-save, ipset, ipvsadm, ip and sysctl. */
#include "config.h"

#include "plan/plan_lines.h"

static void print_chain(struct strbuf *sb, const struct op *op, const struct fw_chain *c)
{
	static const char *const policies[] = {
	    [FW_POLICY_NONE] = "-",
	    [FW_POLICY_ACCEPT] = "ACCEPT",
	    [FW_POLICY_DROP] = "DROP",
	};

	strbuf_addf(sb, ":%s %s\n", c->name, policies[c->policy]);
	for (size_t i = 0; i < c->n_rules; i++) {
		fw_print_rule(sb, op->family, c->name, &c->rules[i]);
		strbuf_addch(sb, '\n');
	}
}

static void print_set(struct strbuf *sb, const struct kset *s)
{
	kset_print_create(sb, s);
	for (size_t i = 0; i < s->n_entries; i++)
		kset_print_entry(sb, s, &s->entries[i]);
}

static void print_server(struct strbuf *sb, const struct lvs_service *s)
{
	lvs_print_service(sb, s);
	for (size_t i = 0; i < s->n_dests; i++)
		lvs_print_dest(sb, s, &s->dests[i]);
}

void op_side_print(struct strbuf *sb, const struct op *op, const void *side)
{
	const struct lvs_table *t = side;

	if (!side)
		return;
	switch (op->kind) {
	case KIND_FW:
		print_chain(sb, op, side);
		return;
	case KIND_KSET:
		print_set(sb, side);
		return;
	case KIND_LVS:
		if (op->sub == SUB_LVS_TIMEOUTS)
			strbuf_addf(sb, "--set %u %u %u\n", t->tcp_timeout,
			    t->tcpfin_timeout, t->udp_timeout);
		else
			print_server(sb, side);
		return;
	case KIND_VIP:
		if (op->sub == SUB_VIP_LINK)
			vip_print_link(sb, side);
		else
			vip_print_addr(sb, side);
		return;
	case KIND_KNOB:
		knob_print(sb, side);
		return;
	}
}

void op_name_print(struct strbuf *sb, const struct op *op)
{
	const void *side = op->want ? op->want : op->have;
	char key[80];

	switch (op->kind) {
	case KIND_FW:
		strbuf_add(sb, ((const struct fw_chain *)side)->name);
		return;
	case KIND_KSET:
		strbuf_add(sb, ((const struct kset *)side)->name);
		return;
	case KIND_LVS:
		strbuf_add(sb,
		    op->sub == SUB_LVS_TIMEOUTS
			? "time-outs"
			: lvs_key_format(&((const struct lvs_service *)side)->key, key));
		return;
	case KIND_VIP:
		if (op->sub == SUB_VIP_LINK)
			strbuf_add(sb, ((const struct vip_link *)side)->name);
		else
			prefix_print(sb, &((const struct vip_addr *)side)->prefix);
		return;
	case KIND_KNOB:
		strbuf_add(sb, ((const struct knob *)side)->name);
		return;
	}
}

enum part op_part(const struct op *op)
{
	switch (op->kind) {
	case KIND_FW:
		return op->family == FAMILY_6 ? PART_IP6TABLES : PART_IPTABLES;
	case KIND_KSET:
		return PART_IPSET;
	case KIND_LVS:
		return PART_IPVS;
	case KIND_VIP:
		return PART_ADDRESSES;
	case KIND_KNOB:
		break;
	}
	return PART_SYSCTLS;
}
