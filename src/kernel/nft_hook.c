/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Firewalls that nft keeps in tables of its own: that they are there, not what they say.
 */
#include "config.h"

#include "kernel/nft_hook.h"

#include <arpa/inet.h>
#include <string.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "base/strbuf.h"
#include "kernel/nft_read.h"
#include "state/fw.h"

struct finder {
	struct strbuf drops, rest;
};

static const char *family_word(uint8_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	default:
		return NULL;
	}
}

static uint32_t read_u32(const struct nlattr *attr)
{
	uint32_t v;

	memcpy(&v, nla_data(attr), sizeof(v));
	return ntohl(v);
}

static bool is_at_input(struct nlattr *hook)
{
	struct nlattr *tb[NFTA_HOOK_MAX + 1] = {0};

	return hook && nla_parse_nested(tb, NFTA_HOOK_MAX, hook, NULL) == 0 &&
	       tb[NFTA_HOOK_HOOKNUM] &&
	       read_u32(tb[NFTA_HOOK_HOOKNUM]) == NF_INET_LOCAL_IN;
}

/* What nft_read_family() reads. */
static bool is_of_iptables(uint8_t family, const char *table)
{
	enum fw_table_id id;

	return family != NFPROTO_INET && fw_table_parse(table, &id);
}

static int on_chain(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1] = {0};
	const struct nfgenmsg *gen = nlmsg_data(h);
	const char *family = family_word(gen->nfgen_family);
	struct finder *f = p;
	struct strbuf *sb;

	(void)err;
	if (!family || nlmsg_parse(h, sizeof(*gen), tb, NFTA_CHAIN_MAX, NULL) < 0 ||
	    !tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME] ||
	    !is_at_input(tb[NFTA_CHAIN_HOOK]) ||
	    is_of_iptables(gen->nfgen_family, nla_get_string(tb[NFTA_CHAIN_TABLE])))
		return 0;
	/* nat and the like decide nothing there. */
	if (!tb[NFTA_CHAIN_TYPE] || strcmp(nla_get_string(tb[NFTA_CHAIN_TYPE]), "filter"))
		return 0;
	sb = tb[NFTA_CHAIN_POLICY] && read_u32(tb[NFTA_CHAIN_POLICY]) == NF_DROP
		 ? &f->drops
		 : &f->rest;
	strbuf_addf(sb, "%s%s %s %s", sb->len ? ", " : "", family,
	    nla_get_string(tb[NFTA_CHAIN_TABLE]), nla_get_string(tb[NFTA_CHAIN_NAME]));
	return 0;
}

int nft_input_chains(
    struct arena *a, const char **drops, const char **rest, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	struct nfgenmsg all = {.nfgen_family = NFPROTO_UNSPEC, .version = NFNETLINK_V0};
	struct finder f = {0};
	enum nft_presence presence;
	bool interrupted; /* a chain that comes just now cannot be known anyway */
	int r;

	*drops = *rest = NULL;
	if (nft_connect(false, &nl, &presence, err))
		return -1;
	if (!nl)
		return 0;
	r = nlc_dump(nl,
	    nlc_msg((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN, 0, &all, sizeof(all)),
	    on_chain, &f, &interrupted, err);
	if (r == 0) {
		*drops = f.drops.len ? arena_strdup(a, f.drops.s) : NULL;
		*rest = f.rest.len ? arena_strdup(a, f.rest.s) : NULL;
	}
	strbuf_free(&f.drops);
	strbuf_free(&f.rest);
	return r ? error_wrap(err, "cannot list chains of nf_tables") : 0;
}
