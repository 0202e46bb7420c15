/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules and tables as iptables-save 1.8.9 prints them. Written for half a million rules:
 * no printf on the frequent paths. */
#include "config.h"

#include "state/fw.h"
#include "state/fw_match_text.h"
#include "state/fw_target_text.h"

static void print_prefix(struct strbuf *sb, const struct fw_rule *r,
    const struct prefix *p, uint8_t flag, const char *opt)
{
	if (!addr_is_set(&p->addr))
		return;
	strbuf_add(sb, r->invert & flag ? " ! " : " ");
	strbuf_add(sb, opt);
	prefix_print(sb, p);
}

static void print_interface(struct strbuf *sb, const struct fw_rule *r, const char *name,
    uint8_t flag, const char *opt)
{
	if (!name)
		return;
	strbuf_add(sb, r->invert & flag ? " ! " : " ");
	strbuf_add(sb, opt);
	strbuf_add(sb, name);
}

void fw_print_rule(
    struct strbuf *sb, enum family f, const char *chain, const struct fw_rule *r)
{
	strbuf_add(sb, "-A ");
	strbuf_add(sb, chain);
	if (r->opaque) {
		strbuf_addch(sb, ' ');
		strbuf_add(sb, r->opaque);
		return;
	}
	print_prefix(sb, r, &r->src, FW_INV_SRC, "-s ");
	print_prefix(sb, r, &r->dst, FW_INV_DST, "-d ");
	print_interface(sb, r, r->in, FW_INV_IN, "-i ");
	print_interface(sb, r, r->out, FW_INV_OUT, "-o ");
	if (r->proto) {
		strbuf_add(sb, " -p ");
		strbuf_add(sb, proto_name(r->proto));
	}
	for (unsigned i = 0; i < r->n_matches; i++)
		fw_match_print(sb, f, &r->matches[i]);
	fw_target_print(sb, f, &r->target);
}

static void print_chain_line(
    struct strbuf *sb, const char *name, const struct fw_chain *c)
{
	static const char *const policies[] = {
	    [FW_POLICY_NONE] = " - [",
	    [FW_POLICY_ACCEPT] = " ACCEPT [",
	    [FW_POLICY_DROP] = " DROP [",
	};

	strbuf_addch(sb, ':');
	strbuf_add(sb, name);
	strbuf_add(sb, policies[c ? c->policy : FW_POLICY_NONE]);
	strbuf_addu(sb, c ? c->packets : 0);
	strbuf_addch(sb, ':');
	strbuf_addu(sb, c ? c->bytes : 0);
	strbuf_add(sb, "]\n");
}

void fw_print_table(
    struct strbuf *sb, enum family f, enum fw_table_id id, const struct fw_table *t)
{
	const char *const *names = fw_builtin_chains(id);

	strbuf_addch(sb, '*');
	strbuf_add(sb, fw_table_name(id));
	strbuf_addch(sb, '\n');
	for (; *names; names++)
		print_chain_line(sb, *names, fw_chain_find(t, *names));
	for (size_t i = 0; i < t->n_chains; i++)
		if (!t->chains[i].builtin)
			print_chain_line(sb, t->chains[i].name, &t->chains[i]);
	for (size_t i = 0; i < t->n_chains; i++)
		for (size_t j = 0; j < t->chains[i].n_rules; j++) {
			fw_print_rule(sb, f, t->chains[i].name, &t->chains[i].rules[j]);
			strbuf_addch(sb, '\n');
		}
	strbuf_add(sb, "COMMIT\n");
}

void fw_print_ruleset(struct strbuf *sb, enum family f, const struct fw_ruleset *rs)
{
	for (unsigned i = 0; i < FW_TABLE_COUNT; i++)
		if (rs->tables[i].present)
			fw_print_table(sb, f, (enum fw_table_id)i, &rs->tables[i]);
}
