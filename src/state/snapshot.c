/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prints snapshots: our objects as the stock tools load them, all others as comments. */
#include "config.h"

#include "state/snapshot.h"
#include "base/hash.h"
#include "state/own.h"
#include "state/snapshot_marks.h"

#include <string.h>

static bool ours(unsigned owners)
{
	return owners & OWN_BOTH;
}

static void mark(struct strbuf *sb, unsigned owners)
{
	if (!ours(owners))
		strbuf_add(sb, SNAPSHOT_FOREIGN);
}

/* ---- tables */

static unsigned chain_owners(enum fw_table_id t, const struct fw_chain *c)
{
	return c->builtin ? OWN_FOREIGN : own_chain(t, c->name);
}

static unsigned rule_owners(
    enum fw_table_id t, const struct fw_chain *c, const struct fw_rule *r)
{
	return c->builtin ? own_jump(t, c->name, r) : own_chain(t, c->name);
}

static bool table_has_ours(enum fw_table_id id, const struct fw_table *t)
{
	for (size_t i = 0; i < t->n_chains; i++)
		for (size_t k = 0; k < t->chains[i].n_rules; k++)
			if (ours(rule_owners(id, &t->chains[i], &t->chains[i].rules[k])))
				return true;
	for (size_t i = 0; i < t->n_chains; i++)
		if (ours(chain_owners(id, &t->chains[i])))
			return true;
	return false;
}

/* Policies are those of the node, not ours: loading the text must not set them. */
static void print_chain_line(
    struct strbuf *sb, enum fw_table_id t, const struct fw_chain *c)
{
	static const char *const policies[] = {
	    [FW_POLICY_NONE] = "-",
	    [FW_POLICY_ACCEPT] = "ACCEPT",
	    [FW_POLICY_DROP] = "DROP",
	};

	mark(sb, chain_owners(t, c));
	strbuf_addf(sb, ":%s %s [0:0]\n", c->name, policies[c->policy]);
}

static void print_table(
    struct strbuf *sb, enum family f, enum fw_table_id id, const struct fw_table *t)
{
	/* A table with nothing of ours must not come into being when the text is loaded.
	 */
	const char *all = table_has_ours(id, t) ? "" : SNAPSHOT_FOREIGN;

	strbuf_addf(sb, "%s*%s\n", all, fw_table_name(id));
	for (size_t i = 0; i < t->n_chains; i++)
		print_chain_line(sb, id, &t->chains[i]);
	for (size_t i = 0; i < t->n_chains; i++)
		for (size_t k = 0; k < t->chains[i].n_rules; k++) {
			const struct fw_chain *c = &t->chains[i];

			mark(sb, rule_owners(id, c, &c->rules[k]));
			fw_print_rule(sb, f, c->name, &c->rules[k]);
			strbuf_addch(sb, '\n');
		}
	strbuf_addf(sb, "%sCOMMIT\n", all);
}

static void print_tables(struct strbuf *sb, enum family f, const struct fw_ruleset *rs)
{
	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
		if (rs->tables[t].present)
			print_table(sb, f, t, &rs->tables[t]);
}

/* ---- the other kinds */

static void print_sets(struct strbuf *sb, const struct kset_list *l)
{
	for (size_t i = 0; i < l->n_sets; i++) {
		const struct kset *s = &l->sets[i];
		unsigned owners = own_set(s->name);

		mark(sb, owners);
		kset_print_create(sb, s);
		for (size_t k = 0; k < s->n_entries; k++) {
			mark(sb, owners);
			kset_print_entry(sb, s, &s->entries[k]);
		}
	}
}

static void print_servers(struct strbuf *sb, const struct state *st)
{
	const struct lvs_table *t = &st->lvs;

	if (t->tcp_timeout || t->tcpfin_timeout || t->udp_timeout)
		strbuf_addf(sb, "--set %u %u %u\n", t->tcp_timeout, t->tcpfin_timeout,
		    t->udp_timeout);
	for (size_t i = 0; i < t->n_services; i++) {
		const struct lvs_service *s = &t->services[i];
		unsigned owners = own_virtual_server(st, s) ? OWN_IPVS : OWN_FOREIGN;

		mark(sb, owners);
		lvs_print_service(sb, s);
		for (size_t k = 0; k < s->n_dests; k++) {
			mark(sb, owners);
			lvs_print_dest(sb, s, &s->dests[k]);
		}
	}
}

static void print_vips(struct strbuf *sb, const struct vip_table *t)
{
	for (size_t i = 0; i < t->n_links; i++) {
		struct vip_link l = t->links[i];
		unsigned owners = own_link(l.name);

		if (ours(owners))
			l.kind = "dummy"; /* dumps do not say */
		if (!*l.kind)		  /* hardware */
			continue;
		mark(sb, owners);
		vip_print_link(sb, &l);
	}
	for (size_t i = 0; i < t->n_addrs; i++) {
		mark(sb, vip_is_service_addr(&t->addrs[i]) ? OWN_IPVS : OWN_FOREIGN);
		vip_print_addr(sb, &t->addrs[i]);
	}
}

static void print_part(struct strbuf *sb, const struct state *s, enum part p)
{
	switch (p) {
	case PART_IPTABLES:
		print_tables(sb, FAMILY_4, &s->fw[FAMILY_4]);
		break;
	case PART_IP6TABLES:
		print_tables(sb, FAMILY_6, &s->fw[FAMILY_6]);
		break;
	case PART_IPSET:
		print_sets(sb, &s->sets);
		break;
	case PART_IPVS:
		print_servers(sb, s);
		break;
	case PART_ADDRESSES:
		print_vips(sb, &s->vips);
		break;
	case PART_SYSCTLS:
		knob_print_table(sb, &s->knobs);
		break;
	}
}

/* ---- head and foot */

static void print_field(struct strbuf *sb, const char *name, const char *value)
{
	if (value)
		strbuf_addf(sb, "# %s: %s\n", name, value);
}

static void print_head(struct strbuf *sb, const struct snapshot_info *info)
{
	static const struct {
		enum part part;
		const char *load;
	} loaders[PART_COUNT] = {
	    {PART_SYSCTLS, "sysctl -p -"},
	    {PART_IPSET, "ipset -exist restore"},
	    {PART_IPVS, "ipvsadm -R"},
	    {PART_ADDRESSES, "ip -force -batch -"},
	    {PART_IPTABLES, "iptables-restore --noflush"},
	    {PART_IP6TABLES, "ip6tables-restore --noflush"},
	};

	strbuf_addf(sb, "%s%d\n", SNAPSHOT_MAGIC, SNAPSHOT_FORMAT);
	print_field(sb, "version", info->version);
	print_field(sb, "host", info->host);
	print_field(sb, "date", info->date);
	print_field(sb, "kernel", info->kernel);
	print_field(sb, "iptables", info->iptables);
	print_field(sb, "mode", info->mode);
	strbuf_add(sb, "# families:");
	family_foreach (f)
		if (info->families & FAMILY_BIT(f))
			strbuf_addf(sb, " %s", family_info(f)->name);
	strbuf_add(sb,
	    "\n#\n"
	    "# To put it back:  vipshift snapshot restore FILE\n"
	    "# What others had is behind \"# foreign: \", and no tool loads it. The parts\n"
	    "# by hand, on a node without them, in this order:\n");
	for (size_t i = 0; i < PART_COUNT; i++)
		strbuf_addf(sb,
		    "#   sed -n '/^# part: %s$/,/^# part: /{/^#/!p}' FILE | %s\n",
		    part_name(loaders[i].part), loaders[i].load);
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

void snapshot_print(
    struct strbuf *sb, const struct state *s, const struct snapshot_info *info)
{
	char digest[65];

	print_head(sb, info);
	for (enum part p = 0; p < PART_COUNT; p++) {
		strbuf_addf(sb, "%s%s\n", SNAPSHOT_PART, part_name(p));
		print_part(sb, s, p);
	}
	hash_sha256_hex(sb->s, sb->len, digest);
	strbuf_addf(sb, "%s%zu lines, sha256 %s\n", SNAPSHOT_END,
	    count_lines(sb->s, sb->len), digest);
}
