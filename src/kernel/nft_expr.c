/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rule of nf_tables is a list of small steps: load a field into a register, mask it,
 * compare it. Follows them and tells nft_entry.c what is compared with what; what
 * iptables-nft takes from xtables (match, target) goes over as it is.
 */
#include "config.h"

#include "kernel/nft_expr.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_limit.h>

#include "kernel/nl.h"

#define NO_WORD NFT_WORDS
/* Words of 32 bits that one register of 128 has. */
#define REG_WORDS 4
/* The first byte of user data that nft(8) writes for a comment. */
#define USERDATA_COMMENT 0

void nft_decoder_init(struct nft_decoder *d, enum family f)
{
	*d = (struct nft_decoder){0};
	nft_entry_init(&d->entry, f);
}

void nft_decoder_free(struct nft_decoder *d)
{
	nft_entry_free(&d->entry);
}

/* ---- attributes */

static uint32_t u32_of(struct nlattr *a)
{
	return ntohl(nlc_u32(a));
}

static uint64_t u64_of(struct nlattr *a)
{
	uint64_t v;

	nlc_bytes(a, &v, sizeof(v));
	return be64toh(v);
}

/* The bytes of a nested value; NULL when it is a verdict or nothing. */
static const uint8_t *value_of(struct nlattr *a, size_t *len)
{
	struct nlattr *tb[NFTA_DATA_MAX + 1];

	if (!a || nla_parse_nested(tb, NFTA_DATA_MAX, a, NULL) || !tb[NFTA_DATA_VALUE])
		return NULL;
	*len = (size_t)nla_len(tb[NFTA_DATA_VALUE]);
	return nla_data(tb[NFTA_DATA_VALUE]);
}

/* The registers of 128 bits have numbers of their own. */
static unsigned word_of(struct nlattr *reg)
{
	uint32_t n = u32_of(reg);

	if (n <= NFT_REG_4)
		return n ? n * REG_WORDS : NO_WORD;
	if (n < NFT_REG32_00 || n - NFT_REG32_00 + REG_WORDS >= NFT_WORDS)
		return NO_WORD;
	return n - NFT_REG32_00 + REG_WORDS;
}

/* nft(8) keeps a rule's comment beside it; iptables shows that as its comment match,
 * behind all the others. */
static bool add_comment(struct nft_decoder *d)
{
	struct nlattr *userdata = d->userdata;
	const uint8_t *at = userdata ? nla_data(userdata) : NULL;
	size_t left = userdata ? (size_t)nla_len(userdata) : 0;

	d->userdata = NULL;
	for (size_t n; left >= 2 && left - 2 >= at[1]; at += n, left -= n) {
		struct xt_comment_info i = {{0}};

		n = 2u + at[1];
		if (at[0] != USERDATA_COMMENT)
			continue;
		memcpy(i.comment, at + 2, at[1]); /* 255 bytes at the most */
		i.comment[sizeof(i.comment) - 1] = '\0';
		return nft_entry_match(&d->entry, "comment", 0, &i, sizeof(i));
	}
	return true;
}

static bool add_target(struct nft_decoder *d, const char *name, unsigned revision,
    const void *data, size_t size)
{
	return add_comment(d) && nft_entry_target(&d->entry, name, revision, data, size);
}

static bool add_verdict(struct nft_decoder *d, const char *name, bool go)
{
	return add_comment(d) && nft_entry_verdict(&d->entry, name, go);
}

/* ---- expressions; false: not one that iptables makes */

static bool do_meta(struct nft_decoder *d, struct nlattr **tb)
{
	unsigned to = word_of(tb[NFTA_META_DREG]), from = word_of(tb[NFTA_META_SREG]);
	uint32_t key = u32_of(tb[NFTA_META_KEY]);

	if (tb[NFTA_META_SREG])
		return key == NFT_META_NFTRACE && from != NO_WORD &&
		       d->words[from].of == NFT_FIELD_VALUE && d->words[from].key &&
		       add_target(d, "TRACE", 0, NULL, 0);
	if (to == NO_WORD)
		return false;
	d->words[to] = (struct nft_field){.of = NFT_FIELD_META, .key = key};
	return true;
}

static bool do_payload(struct nft_decoder *d, struct nlattr **tb)
{
	unsigned to = word_of(tb[NFTA_PAYLOAD_DREG]);
	uint32_t base = u32_of(tb[NFTA_PAYLOAD_BASE]);

	/* With a source register it writes to the packet. */
	if (to == NO_WORD || tb[NFTA_PAYLOAD_SREG] ||
	    (base != NFT_PAYLOAD_NETWORK_HEADER && base != NFT_PAYLOAD_TRANSPORT_HEADER))
		return false;
	d->words[to] = (struct nft_field){
	    .of = base == NFT_PAYLOAD_NETWORK_HEADER ? NFT_FIELD_NETWORK
						     : NFT_FIELD_TRANSPORT,
	    .offset = u32_of(tb[NFTA_PAYLOAD_OFFSET]),
	    .len = u32_of(tb[NFTA_PAYLOAD_LEN]),
	};
	return true;
}

static bool do_bitwise(struct nft_decoder *d, struct nlattr **tb)
{
	static const uint8_t zero[16];
	unsigned from = word_of(tb[NFTA_BITWISE_SREG]);
	unsigned to = word_of(tb[NFTA_BITWISE_DREG]);
	size_t n_mask = 0, n_xor = 0;
	const uint8_t *mask = value_of(tb[NFTA_BITWISE_MASK], &n_mask);
	const uint8_t * xor = value_of(tb[NFTA_BITWISE_XOR], &n_xor);

	if (from == NO_WORD || to == NO_WORD || u32_of(tb[NFTA_BITWISE_OP]) || !mask ||
	    !xor || n_mask > sizeof(zero) || n_xor > sizeof(zero) ||
	    memcmp(xor, zero, n_xor) || d->words[from].masked)
		return false;
	d->words[to] = d->words[from];
	d->words[to].masked = true;
	memcpy(d->words[to].mask, mask, n_mask);
	return true;
}

static bool do_cmp(struct nft_decoder *d, struct nlattr **tb)
{
	static const uint8_t ops[] = {
	    [NFT_CMP_EQ] = NFT_TEST_EQ,
	    [NFT_CMP_NEQ] = NFT_TEST_NEQ,
	    [NFT_CMP_LT] = NFT_TEST_LT,
	    [NFT_CMP_LTE] = NFT_TEST_LTE,
	    [NFT_CMP_GT] = NFT_TEST_GT,
	    [NFT_CMP_GTE] = NFT_TEST_GTE,
	};
	unsigned from = word_of(tb[NFTA_CMP_SREG]);
	uint32_t op = u32_of(tb[NFTA_CMP_OP]);
	struct nft_test t = {0};

	if (from == NO_WORD || op >= sizeof(ops))
		return false;
	t.op = ops[op];
	t.from = value_of(tb[NFTA_CMP_DATA], &t.len);
	return t.from && nft_entry_test(&d->entry, &d->words[from], &t);
}

static bool do_range(struct nft_decoder *d, struct nlattr **tb)
{
	unsigned from = word_of(tb[NFTA_RANGE_SREG]);
	uint32_t op = u32_of(tb[NFTA_RANGE_OP]);
	struct nft_test t = {
	    .op = op == NFT_RANGE_EQ ? NFT_TEST_RANGE : NFT_TEST_NOT_RANGE};
	size_t n_to;

	t.from = value_of(tb[NFTA_RANGE_FROM_DATA], &t.len);
	t.to = value_of(tb[NFTA_RANGE_TO_DATA], &n_to);
	return from != NO_WORD && op <= NFT_RANGE_NEQ && t.from && t.to &&
	       n_to == t.len && nft_entry_test(&d->entry, &d->words[from], &t);
}

static bool do_counter(struct nft_decoder *d, struct nlattr **tb)
{
	d->packets = u64_of(tb[NFTA_COUNTER_PACKETS]);
	d->bytes = u64_of(tb[NFTA_COUNTER_BYTES]);
	return true;
}

static bool do_match(struct nft_decoder *d, struct nlattr **tb)
{
	const char *name = nlc_text(tb[NFTA_MATCH_NAME]);
	struct nlattr *info = tb[NFTA_MATCH_INFO];

	return name && info &&
	       nft_entry_match(&d->entry, name, u32_of(tb[NFTA_MATCH_REV]),
		   nla_data(info), (size_t)nla_len(info));
}

static bool do_target(struct nft_decoder *d, struct nlattr **tb)
{
	const char *name = nlc_text(tb[NFTA_TARGET_NAME]);
	struct nlattr *info = tb[NFTA_TARGET_INFO];

	return name && info &&
	       add_target(d, name, u32_of(tb[NFTA_TARGET_REV]),
		   nla_data(info), (size_t)nla_len(info));
}

static bool do_jump(struct nft_decoder *d, struct nlattr *chain, bool go)
{
	const char *name = nlc_text(chain);

	if (!name || !*name || strlen(name) >= sizeof(d->jump))
		return false;
	strcpy(d->jump, name);
	d->go = go;
	return add_verdict(d, name, go);
}

static bool do_verdict(struct nft_decoder *d, struct nlattr *verdict)
{
	struct nlattr *tb[NFTA_VERDICT_MAX + 1];

	if (nla_parse_nested(tb, NFTA_VERDICT_MAX, verdict, NULL))
		return false;
	switch ((int)u32_of(tb[NFTA_VERDICT_CODE])) {
	case NF_ACCEPT:
		return add_verdict(d, "ACCEPT", false);
	case NF_DROP:
		return add_verdict(d, "DROP", false);
	case NFT_RETURN:
		return add_verdict(d, "RETURN", false);
	case NFT_JUMP:
		return do_jump(d, tb[NFTA_VERDICT_CHAIN], false);
	case NFT_GOTO:
		return do_jump(d, tb[NFTA_VERDICT_CHAIN], true);
	default:
		return false;
	}
}

static bool do_immediate(struct nft_decoder *d, struct nlattr **tb)
{
	struct nlattr *data[NFTA_DATA_MAX + 1];
	unsigned to = word_of(tb[NFTA_IMMEDIATE_DREG]);

	if (!tb[NFTA_IMMEDIATE_DATA] ||
	    nla_parse_nested(data, NFTA_DATA_MAX, tb[NFTA_IMMEDIATE_DATA], NULL))
		return false;
	if (data[NFTA_DATA_VERDICT])
		return do_verdict(d, data[NFTA_DATA_VERDICT]);
	if (to == NO_WORD || !data[NFTA_DATA_VALUE])
		return false;
	d->words[to] = (struct nft_field){
	    .of = NFT_FIELD_VALUE, .key = nlc_u8(data[NFTA_DATA_VALUE])};
	return true;
}

/* The limit match of iptables, which counts packets. */
static bool do_limit(struct nft_decoder *d, struct nlattr **tb)
{
	uint64_t rate = u64_of(tb[NFTA_LIMIT_RATE]), unit = u64_of(tb[NFTA_LIMIT_UNIT]);
	struct xt_rateinfo i = {.burst = u32_of(tb[NFTA_LIMIT_BURST])};

	if (u32_of(tb[NFTA_LIMIT_TYPE]) != NFT_LIMIT_PKTS ||
	    u32_of(tb[NFTA_LIMIT_FLAGS]) || !rate || unit > UINT64_MAX / XT_LIMIT_SCALE)
		return false;
	i.avg = (uint32_t)(XT_LIMIT_SCALE * unit / rate);
	return nft_entry_match(&d->entry, "limit", 0, &i, sizeof(i));
}

/* NFLOG; iptables leaves LOG, which has no group, to xtables. */
static bool do_log(struct nft_decoder *d, struct nlattr **tb)
{
	struct xt_nflog_info i = {0};

	if (!tb[NFTA_LOG_GROUP] || nla_len(tb[NFTA_LOG_GROUP]) < 2)
		return false;
	i.group = ntohs(nla_get_u16(tb[NFTA_LOG_GROUP]));
	if (tb[NFTA_LOG_QTHRESHOLD])
		i.threshold = ntohs(nlc_u16(tb[NFTA_LOG_QTHRESHOLD]));
	if (tb[NFTA_LOG_SNAPLEN] && u32_of(tb[NFTA_LOG_SNAPLEN])) {
		i.len = u32_of(tb[NFTA_LOG_SNAPLEN]);
		i.flags = XT_NFLOG_F_COPY_LEN;
	}
	if (tb[NFTA_LOG_PREFIX]) {
		const char *prefix = nlc_text(tb[NFTA_LOG_PREFIX]);

		if (!prefix || strlen(prefix) >= sizeof(i.prefix))
			return false;
		strcpy(i.prefix, prefix);
	}
	return add_target(d, "NFLOG", 0, &i, sizeof(i));
}

/* The largest number of attributes that one of them has. */
#define EXPR_ATTRS 12

/* The most frequent ones first. */
static const struct {
	const char *name;
	int attrs;
	bool (*run)(struct nft_decoder *d, struct nlattr **tb);
} expressions_known[] = {
    {"cmp", NFTA_CMP_MAX, do_cmp},
    {"meta", NFTA_META_MAX, do_meta},
    {"match", NFTA_MATCH_MAX, do_match},
    {"counter", NFTA_COUNTER_MAX, do_counter},
    {"immediate", NFTA_IMMEDIATE_MAX, do_immediate},
    {"payload", NFTA_PAYLOAD_MAX, do_payload},
    {"target", NFTA_TARGET_MAX, do_target},
    {"bitwise", NFTA_BITWISE_MAX, do_bitwise},
    {"range", NFTA_RANGE_MAX, do_range},
    {"limit", NFTA_LIMIT_MAX, do_limit},
    {"log", NFTA_LOG_MAX, do_log},
};

#define N_KNOWN (sizeof(expressions_known) / sizeof(expressions_known[0]))

static bool run(struct nft_decoder *d, struct nlattr *expression)
{
	struct nlattr *tb[NFTA_EXPR_MAX + 1], *data[EXPR_ATTRS + 1] = {0};
	const char *name;
	size_t i = 0;

	if (nla_parse_nested(tb, NFTA_EXPR_MAX, expression, NULL) ||
	    !(name = nlc_text(tb[NFTA_EXPR_NAME])))
		return false;
	while (i < N_KNOWN && strcmp(expressions_known[i].name, name))
		i++;
	if (i == N_KNOWN)
		return false;
	if (tb[NFTA_EXPR_DATA] &&
	    nla_parse_nested(data, expressions_known[i].attrs, tb[NFTA_EXPR_DATA], NULL))
		return false;
	return expressions_known[i].run(d, data);
}

/* ---- a rule */

bool nft_decode(struct nft_decoder *d, struct nlattr *expressions,
    struct nlattr *userdata, struct fw_raw *ret)
{
	bool known = true;
	struct nlattr *x;
	int left;

	nft_entry_begin(&d->entry);
	memset(d->words, 0, sizeof(d->words));
	d->userdata = userdata;
	d->packets = d->bytes = 0;
	d->jump[0] = '\0';
	/* On after a failure too, for the counter and the jump. */
	nla_for_each_nested(x, expressions, left) known = run(d, x) && known;
	return known && add_comment(d) &&
	       nft_entry_end(&d->entry, d->packets, d->bytes, ret);
}

void nft_expr_print(struct strbuf *sb, struct nlattr *expressions)
{
	static const char start[] = "-m nft --raw-data ";
	const char *before = start;
	struct nlattr *x;
	int left;

	nla_for_each_nested(x, expressions, left)
	{
		struct nlattr *tb[NFTA_EXPR_MAX + 1];
		const uint8_t *data;
		const char *name;

		if (nla_parse_nested(tb, NFTA_EXPR_MAX, x, NULL) ||
		    !(name = nlc_text(tb[NFTA_EXPR_NAME])) || !strcmp(name, "counter"))
			continue;
		strbuf_add(sb, before);
		strbuf_add(sb, name);
		strbuf_addch(sb, ':');
		before = ",";
		data = tb[NFTA_EXPR_DATA] ? nla_data(tb[NFTA_EXPR_DATA]) : NULL;
		for (int i = 0; data && i < nla_len(tb[NFTA_EXPR_DATA]); i++)
			strbuf_addf(sb, "%02x", data[i]);
	}
	if (before == start)
		strbuf_add(sb, start);
}
