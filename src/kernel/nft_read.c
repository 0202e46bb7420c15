/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tables of iptables-nft by netlink dumps: chains, then the rules of a table in one
 * go. What a rule says is nft_expr.c's.
 */
#include "config.h"

#include "kernel/nft_read.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/netlink.h>

#include "base/vec.h"
#include "kernel/fw_entry.h"
#include "kernel/fw_xt.h"
#include "kernel/module.h"
#include "kernel/nft_expr.h"

/* How often a dump that a change has overtaken is begun again; and how often all of them
 * are, to have everything as of one moment. */
#define DUMP_TRIES 20
#define READ_TRIES 3

struct chain {
	struct fw_chain c;
	VEC(struct fw_rule) rules;
	bool used; /* it has rules, or is jumped to */
};

/* A rule without typed form: its chain's place, and its own in there. */
struct place {
	size_t chain, rule;
};

struct table {
	bool present;
	VEC(struct chain) chains;
	struct strtab names;	   /* value: the chain's place + 1 */
	VEC(struct place) unnamed; /* where texts go, */
	VEC(struct fw_raw) raws;   /* and what they are made from */
};

struct reader {
	struct nlc *nl;
	enum family family;
	struct arena *arena;
	struct arena *scratch;	   /* entries of rules without typed form */
	const struct strtab *only; /* NULL: all chains */
	struct table tables[FW_TABLE_COUNT];
	struct fw_codec codec;
	struct nft_decoder decoder;
	struct table *table; /* of the dump at hand */
	size_t chain;	     /* and which of its chains */
};

static enum nft_presence look(void)
{
	if (module_look("nf_tables") == MODULE_LOADED)
		return NFT_THERE;
	/* A kernel without /proc/modules loads nothing when asked. */
	if (access("/proc/modules", F_OK))
		return NFT_THERE;
	return module_look("nf_tables") == MODULE_LOADABLE ? NFT_LOADABLE : NFT_ABSENT;
}

/* ---- requests */

static struct nl_msg *request(enum family f, int type, const char *table)
{
	struct nfgenmsg g = {
	    .nfgen_family = (uint8_t)family_info(f)->af, .version = NFNETLINK_V0};
	struct nl_msg *m =
	    nlc_msg((uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), 0, &g, sizeof(g));

	/* The first attribute of tables, chains and rules is the table's name. */
	if (table)
		nlc_put_str(m, NFTA_RULE_TABLE, table);
	return m;
}

static int on_generation(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[NFTA_GEN_MAX + 1] = {0};

	(void)err;
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_GEN_MAX, NULL) == 0 &&
	    tb[NFTA_GEN_ID])
		*(uint32_t *)p = ntohl(nlc_u32(tb[NFTA_GEN_ID]));
	return 0;
}

int nft_read_generation(struct nlc *nl, uint32_t *ret, struct error *err)
{
	uint32_t generation = 0;

	if (nlc_request(nl, request(FAMILY_4, NFT_MSG_GETGEN, NULL), on_generation,
		&generation, err))
		return error_wrap(err, "cannot read nf_tables");
	*ret = generation;
	return 0;
}

int nft_connect(
    bool load, struct nlc **ret, enum nft_presence *presence, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	uint32_t generation;

	*ret = NULL;
	*presence = look();
	if (*presence == NFT_ABSENT || (*presence == NFT_LOADABLE && !load))
		return 0;
	*presence = NFT_ABSENT;
	if (nlc_open(NETLINK_NETFILTER, 1, &nl, err)) {
		error_clear(err);
		return 0;
	}
	if (nft_read_generation(nl, &generation, err)) {
		/* Nothing in this kernel answers. */
		if (err->sys_errno != EINVAL && err->sys_errno != EOPNOTSUPP)
			return -1;
		error_clear(err);
		return 0;
	}
	*presence = NFT_THERE;
	*ret = nl;
	nl = NULL;
	return 0;
}

/* Runs a dump once. *again: a change has overtaken it. */
static int dump(
    struct reader *r, struct nl_msg *m, nlc_message_fn fn, bool *again, struct error *err)
{
	if (nlc_dump(r->nl, m, fn, r, again, err) == 0)
		return 0;
	if (err->sys_errno != ENOENT)
		return error_wrap(err, "cannot read the %s tables of nf_tables",
		    family_info(r->family)->name);
	/* The table has gone meanwhile. */
	error_clear(err);
	*again = true;
	return 0;
}

static int give_up(struct error *err)
{
	return error_set(err, ERR_MOVED, 0,
	    "nf_tables keeps changing: gave up reading it after %d tries", DUMP_TRIES);
}

/* ---- chains */

static struct table *table_of(struct reader *r, struct nlattr *a)
{
	const char *name = nlc_text(a);
	enum fw_table_id id;

	if (!name || !fw_table_parse(name, &id))
		return NULL;
	return &r->tables[id];
}

static int on_table(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1] = {0};
	struct table *t;

	(void)err;
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX, NULL) == 0 &&
	    (t = table_of(p, tb[NFTA_TABLE_NAME])))
		t->present = true;
	return 0;
}

static uint64_t u64_of(struct nlattr *a)
{
	uint64_t v;

	nlc_bytes(a, &v, sizeof(v));
	return be64toh(v);
}

/* A chain that hangs on a hook has a policy, and counters if somebody asked for them. */
static void read_policy(struct nlattr **tb, struct fw_chain *c)
{
	struct nlattr *counters[NFTA_COUNTER_MAX + 1];

	c->builtin = true;
	c->policy =
	    tb[NFTA_CHAIN_POLICY] && ntohl(nlc_u32(tb[NFTA_CHAIN_POLICY])) == NF_DROP
		? FW_POLICY_DROP
		: FW_POLICY_ACCEPT;
	if (!tb[NFTA_CHAIN_COUNTERS] ||
	    nla_parse_nested(counters, NFTA_COUNTER_MAX, tb[NFTA_CHAIN_COUNTERS], NULL))
		return;
	c->packets = u64_of(counters[NFTA_COUNTER_PACKETS]);
	c->bytes = u64_of(counters[NFTA_COUNTER_BYTES]);
}

static int on_chain(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1] = {0};
	struct reader *r = p;
	struct chain c = {.c = {.name = NULL}};
	const char *name;
	struct table *t;

	(void)err;
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX, NULL) ||
	    !(name = nlc_text(tb[NFTA_CHAIN_NAME])) ||
	    !(t = table_of(r, tb[NFTA_CHAIN_TABLE])))
		return 0;
	if (r->only && !strtab_find(r->only, name))
		return 0;
	c.c.name = fw_codec_string(&r->codec, name);
	if (tb[NFTA_CHAIN_HOOK] &&
	    fw_is_builtin((enum fw_table_id)(t - r->tables), c.c.name))
		read_policy(tb, &c.c);
	c.used = !tb[NFTA_CHAIN_USE] || nlc_u32(tb[NFTA_CHAIN_USE]);
	t->present = true;
	vec_push(&t->chains, c);
	strtab_add(&t->names, c.c.name)->value = (uint32_t)t->chains.n;
	return 0;
}

/* ---- rules */

/* An entry that will be printed after the dump. */
static void keep_raw(struct reader *r, const struct fw_raw *raw)
{
	struct table *t = r->table;
	const struct fw_layout *l = r->codec.layout;
	struct fw_raw kept = {
	    .entry = arena_copy(
		r->scratch, raw->entry, fw_entry_u16(raw->entry, l->next_offset)),
	    .target = arena_strdup(r->scratch, raw->target),
	};

	vec_push(&t->unnamed, (struct place){r->chain, t->chains.v[r->chain].rules.n});
	vec_push(&t->raws, kept);
}

/* A rule that iptables would not make. */
static struct fw_rule native_rule(struct reader *r, struct nlattr *expressions)
{
	const struct nft_decoder *d = &r->decoder;
	struct fw_rule rule = {.packets = d->packets, .bytes = d->bytes};
	struct strbuf sb = {0};

	nft_expr_print(&sb, expressions);
	rule.opaque = arena_strdup(r->arena, strbuf_str(&sb));
	strbuf_free(&sb);
	if (d->jump[0])
		rule.target = (struct fw_target){.kind = FWT_JUMP,
		    .go = d->go,
		    .chain = fw_codec_string(&r->codec, d->jump)};
	return rule;
}

static int on_rule(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1] = {0};
	struct reader *r = p;
	struct fw_rule rule;
	struct fw_raw raw;
	struct chain *c;
	const char *name;

	(void)err;
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) ||
	    !(name = nlc_text(tb[NFTA_RULE_CHAIN])))
		return 0;
	/* Kernels before 4.10 give the rules of all chains. */
	c = &r->table->chains.v[r->chain];
	if (strcmp(name, c->c.name) ||
	    table_of(r, tb[NFTA_RULE_TABLE]) != r->table)
		return 0;
	if (!tb[NFTA_RULE_EXPRESSIONS])
		rule = (struct fw_rule){0};
	else if (!nft_decode(&r->decoder, tb[NFTA_RULE_EXPRESSIONS],
		     tb[NFTA_RULE_USERDATA], &raw))
		rule = native_rule(r, tb[NFTA_RULE_EXPRESSIONS]);
	else if (!fw_entry_decode(
		     &r->codec, raw.entry, fw_codec_string(&r->codec, raw.target), &rule))
		keep_raw(r, &raw);
	vec_push(&c->rules, rule);
	return 0;
}

static int read_chain(
    struct reader *r, enum fw_table_id id, const char *name, struct error *err)
{
	struct table *t = r->table;
	size_t n_raws = t->raws.n;

	for (unsigned i = 0; i < DUMP_TRIES; i++) {
		struct nl_msg *m = request(r->family, NFT_MSG_GETRULE, fw_table_name(id));
		bool again;

		nlc_put_str(m, NFTA_RULE_CHAIN, name);
		if (dump(r, m, on_rule, &again, err))
			return -1;
		if (!again)
			return 0;
		t->chains.v[r->chain].rules.n = 0;
		t->raws.n = t->unnamed.n = n_raws;
	}
	return give_up(err);
}

/*
 * The rules of each chain. For every 32 KiB of a dump the kernel goes through what it has
 * given already, so that one dump of a whole table would take time with the square of its
 * rules: 20 s for 160,000.
 */
static int read_rules(struct reader *r, enum fw_table_id id, struct error *err)
{
	struct table *t = &r->tables[id];

	r->table = t;
	for (r->chain = 0; r->chain < t->chains.n; r->chain++)
		if (t->chains.v[r->chain].used &&
		    read_chain(r, id, t->chains.v[r->chain].c.name, err))
			return -1;
	return 0;
}

/* ---- results */

static void name_rules(struct reader *r, struct table *t)
{
	const char **texts = xcalloc(t->raws.n, sizeof(*texts));

	fw_xt_print(r->family, t->raws.v, t->raws.n, r->arena, texts);
	for (size_t i = 0; i < t->raws.n; i++) {
		const struct place *p = &t->unnamed.v[i];

		t->chains.v[p->chain].rules.v[p->rule].opaque = texts[i];
	}
	free(texts);
}

/* iptables makes built-in chains when it first needs them. Until then packets pass, and
 * iptables-nft-save shows them like this, too. */
static void add_builtin_chains(struct reader *r, enum fw_table_id id)
{
	struct table *t = &r->tables[id];

	for (const char *const *name = fw_builtin_chains(id); *name; name++) {
		struct chain c = {
		    .c = {.name = *name, .builtin = true, .policy = FW_POLICY_ACCEPT}};

		if (!strtab_find(&t->names, *name))
			vec_push(&t->chains, c);
	}
}

static void take_table(struct reader *r, enum fw_table_id id, struct fw_table *ret)
{
	struct table *t = &r->tables[id];

	if (t->present && !r->only)
		add_builtin_chains(r, id);
	if (t->raws.n)
		name_rules(r, t);
	*ret = (struct fw_table){.present = t->present, .n_chains = t->chains.n};
	ret->chains = arena_array(r->arena, struct fw_chain, t->chains.n);
	for (size_t i = 0; i < t->chains.n; i++) {
		struct chain *c = &t->chains.v[i];

		vec_take(&c->rules, r->arena, c->c.rules, c->c.n_rules);
		ret->chains[i] = c->c;
	}
	fw_table_sort(id, ret);
}

static void reader_init(struct reader *r, struct nlc *nl, enum family f, struct arena *a)
{
	*r = (struct reader){.nl = nl, .family = f, .arena = a, .scratch = arena_new()};
	fw_codec_init(&r->codec, f, a);
	nft_decoder_init(&r->decoder, f);
}

static void drop_tables(struct reader *r)
{
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++) {
		struct table *t = &r->tables[id];

		for (size_t i = 0; i < t->chains.n; i++)
			vec_free(&t->chains.v[i].rules);
		vec_free(&t->chains);
		vec_free(&t->unnamed);
		vec_free(&t->raws);
		strtab_free(&t->names);
		*t = (struct table){0};
	}
}

static void reader_free(struct reader *r)
{
	drop_tables(r);
	fw_codec_free(&r->codec);
	nft_decoder_free(&r->decoder);
	arena_free(r->scratch);
}

/* ---- one moment */

typedef int pass_fn(struct reader *r, void *p, struct error *err);

/*
 * Runs the pass until nothing has changed from its begin to its end. The kernel counts
 * changes of all tables together, and a firewall may update its sets all the time: then
 * each chain as of one moment has to do (*generation is 0). Who writes compares its chains
 * again.
 */
static int read_consistently(
    struct reader *r, pass_fn *pass, void *p, uint32_t *generation, struct error *err)
{
	uint32_t before;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		drop_tables(r);
		if (nft_read_generation(r->nl, &before, err) || pass(r, p, err) ||
		    nft_read_generation(r->nl, generation, err))
			return -1;
		if (before == *generation)
			return 0;
	}
	*generation = 0;
	return 0;
}

static int read_names(struct reader *r, struct error *err)
{
	for (unsigned i = 0; i < DUMP_TRIES; i++) {
		bool tables_again, chains_again;

		drop_tables(r);
		if (dump(r, request(r->family, NFT_MSG_GETTABLE, NULL), on_table,
			&tables_again, err) ||
		    dump(r, request(r->family, NFT_MSG_GETCHAIN, NULL), on_chain,
			&chains_again, err))
			return -1;
		if (!tables_again && !chains_again)
			return 0;
	}
	return give_up(err);
}

static int read_all(struct reader *r, void *p, struct error *err)
{
	(void)p;
	if (read_names(r, err))
		return -1;
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++)
		if (read_rules(r, (enum fw_table_id)id, err))
			return -1;
	return 0;
}

struct chain_list {
	enum fw_table_id id;
	const char *const *names;
	size_t n;
};

/* One chain without its rules. */
static int ask_chain(struct nlc *nl, enum family f, enum fw_table_id id, const char *name,
    nlc_message_fn fn, void *p, bool *there, struct error *err)
{
	struct nl_msg *m = request(f, NFT_MSG_GETCHAIN, fw_table_name(id));

	nlc_put_str(m, NFTA_CHAIN_NAME, name);
	*there = nlc_request(nl, m, fn, p, err) == 0;
	if (*there)
		return 0;
	if (err->sys_errno != ENOENT)
		return error_wrap(err, "cannot read chain %s", name);
	error_clear(err);
	return 0;
}

int nft_has_chain(struct nlc *nl, enum family f, enum fw_table_id id, const char *chain,
    bool *ret, struct error *err)
{
	return ask_chain(nl, f, id, chain, NULL, NULL, ret, err);
}

static int read_some(struct reader *r, void *p, struct error *err)
{
	const struct chain_list *l = p;
	bool there;

	for (size_t i = 0; i < l->n; i++)
		if (ask_chain(
			r->nl, r->family, l->id, l->names[i], on_chain, r, &there, err))
			return -1;
	return read_rules(r, l->id, err);
}

/* ---- what there is to read */

int nft_read_family(struct nlc *nl, enum family f, struct arena *a,
    struct fw_ruleset *ret, struct error *err)
{
	struct fw_ruleset rs = {.present = true};
	struct reader r;
	int rc;

	reader_init(&r, nl, f, a);
	rc = read_consistently(&r, read_all, NULL, &rs.generation, err);
	for (unsigned id = 0; !rc && id < FW_TABLE_COUNT; id++)
		take_table(&r, (enum fw_table_id)id, &rs.tables[id]);
	reader_free(&r);
	if (!rc)
		*ret = rs;
	return rc;
}

int nft_read_chains(struct nlc *nl, enum family f, enum fw_table_id id,
    const char *const *names, size_t n, struct arena *a, struct fw_table *ret,
    uint32_t *generation, struct error *err)
{
	struct chain_list list = {id, names, n};
	struct strtab only = {0};
	struct reader r;
	int rc;

	for (size_t i = 0; i < n; i++)
		strtab_add(&only, names[i]);
	reader_init(&r, nl, f, a);
	r.only = &only;
	rc = read_consistently(&r, read_some, &list, generation, err);
	if (!rc)
		take_table(&r, id, ret);
	reader_free(&r);
	strtab_free(&only);
	return rc;
}
