/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which variant of iptables this node uses. The chains are asked for by name, so that
 * nothing large is read; the command iptables is looked at and not run, since in
 * kube-proxy's image running it changes which variant it is.
 */
#include "config.h"

#include "kernel/fw_variant.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/fw_legacy.h"
#include "kernel/nft_read.h"
#include "kernel/program.h"

/* ---- the decision */

const char *fw_variant_name(enum fw_variant v)
{
	return v == FW_NFT ? "nft" : "legacy";
}

static enum fw_variant by_traces(const struct fw_evidence *e)
{
	if (e->nft.hint)
		return FW_NFT;
	if (e->legacy.hint)
		return FW_LEGACY;
	if (e->nft.services)
		return FW_NFT;
	if (e->legacy.services)
		return FW_LEGACY;
	return FW_AUTO;
}

static enum fw_variant by_command(const struct fw_evidence *e)
{
	if (!e->nft_usable || e->command == FW_LEGACY)
		return FW_LEGACY;
	return e->command == FW_NFT || e->nft_installed ? FW_NFT : FW_LEGACY;
}

static enum fw_variant likely(const struct fw_evidence *e)
{
	enum fw_variant v = by_traces(e);

	return v == FW_AUTO ? by_command(e) : v;
}

int fw_variant_choose(
    const struct fw_evidence *e, enum fw_variant *ret, struct error *err)
{
	enum fw_variant v = likely(e);
	const struct fw_traces *other = v == FW_NFT ? &e->legacy : &e->nft;

	if (by_traces(e) != FW_AUTO && other->services)
		return error_set(err, ERR_REFUSED, 0,
		    "both variants of iptables hold Kubernetes chains: nft has %s; legacy "
		    "has %s; both would act on packets: remove the stale ones (vipshift "
		    "flush iptables --iptables %s), or choose with --iptables legacy or "
		    "--iptables nft (this node looks like %s)",
		    strbuf_str(&e->nft.names), strbuf_str(&e->legacy.names),
		    fw_variant_name(v == FW_NFT ? FW_LEGACY : FW_NFT), fw_variant_name(v));
	*ret = v;
	return 0;
}

/* ---- the traces */

static const struct trace {
	enum fw_table_id table;
	const char *chain;
	bool hint;
} traces[] = {
    {FW_MANGLE, "KUBE-IPTABLES-HINT", true},
    {FW_MANGLE, "KUBE-KUBELET-CANARY", true},
    {FW_FILTER, "KUBE-SERVICES", false},
    {FW_NAT, "KUBE-SERVICES", false},
};

#define N_TRACES (sizeof(traces) / sizeof(traces[0]))

static void note(struct fw_traces *t, const struct trace *x, enum family f)
{
	if (x->hint)
		t->hint = true;
	else
		t->services = true;
	strbuf_addf(&t->names, "%s%s %s %s", t->names.len ? ", " : "",
	    family_info(f)->iptables, fw_table_name(x->table), x->chain);
}

static int look_at_nft(struct fw_evidence *e, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	enum nft_presence presence;
	bool there;

	if (nft_connect(false, &nl, &presence, err))
		return -1;
	e->nft_usable = presence != NFT_ABSENT;
	family_foreach (f)
		for (size_t i = 0; nl && i < N_TRACES; i++) {
			if (nft_has_chain(
				nl, f, traces[i].table, traces[i].chain, &there, err))
				return -1;
			if (there)
				note(&e->nft, &traces[i], f);
		}
	return 0;
}

/* Hints or the rest. A legacy table can only be read as a whole, so the large one, nat in
 * iptables mode, is left alone when filter has given the answer. */
static int look_at_legacy(struct fw_evidence *e, bool hints, struct error *err)
{
	bool there;

	family_foreach (f)
		for (size_t i = 0; i < N_TRACES; i++) {
			if (traces[i].hint != hints ||
			    (traces[i].table == FW_NAT && e->legacy.services))
				continue;
			if (fw_legacy_has_chain(
				f, traces[i].table, traces[i].chain, &there, err))
				return -1;
			if (there)
				note(&e->legacy, &traces[i], f);
		}
	return 0;
}

/* By the name of the program behind all links: xtables-nft-multi, xtables-legacy-multi,
 * or xtables-multi from the time before there were two. */
static enum fw_variant variant_of_command(struct arena *a)
{
	const char *file = program_find("iptables", a);
	AUTO(mem) char *real = file ? realpath(file, NULL) : NULL;
	const char *name = real ? strrchr(real, '/') : NULL;

	if (!name)
		return FW_AUTO;
	if (strstr(name, "nft"))
		return FW_NFT;
	return strstr(name, "legacy") || strstr(name, "multi") ? FW_LEGACY : FW_AUTO;
}

static int collect(struct fw_evidence *e, struct error *err)
{
	struct arena *a = arena_new();

	e->command = variant_of_command(a);
	e->nft_installed = program_find("iptables-nft-restore", a) ||
			   program_find("xtables-nft-multi", a);
	arena_free(a);
	if (look_at_nft(e, err) || look_at_legacy(e, true, err))
		return -1;
	if (e->legacy.hint && !e->nft.hint && !e->nft.services)
		return 0;
	return look_at_legacy(e, false, err);
}

static int detect(
    enum fw_variant option, bool refuse, enum fw_variant *ret, struct error *err)
{
	struct fw_evidence e = {.command = FW_AUTO};
	int r = 0;

	if (option == FW_AUTO)
		r = collect(&e, err);
	if (r == 0 && option == FW_AUTO && refuse)
		r = fw_variant_choose(&e, &option, err);
	else if (r == 0 && option == FW_AUTO)
		option = likely(&e);
	strbuf_free(&e.legacy.names);
	strbuf_free(&e.nft.names);
	if (r == 0)
		*ret = option;
	return r;
}

int fw_variant_detect(enum fw_variant option, enum fw_variant *ret, struct error *err)
{
	return detect(option, true, ret, err);
}

int fw_variant_likely(enum fw_variant option, enum fw_variant *ret, struct error *err)
{
	return detect(option, false, ret, err);
}

/* ---- the other one */

static size_t count_rules(const struct fw_table *t, bool *services)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_chains; i++) {
		n += t->chains[i].n_rules;
		*services |= !strcmp(t->chains[i].name, "KUBE-SERVICES");
	}
	return n;
}

static void list_tables(const struct state *s, struct strbuf *sb, bool *services)
{
	family_foreach (f)
		for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++) {
			size_t n = count_rules(&s->fw[f].tables[t], services);

			if (n)
				strbuf_addf(sb, "%s%s %s (%zu rules)",
				    sb->len ? ", " : "", family_info(f)->iptables,
				    fw_table_name(t), n);
		}
}

int fw_variant_other(enum fw_variant option, struct arena *a, const char **ret,
    bool *services, struct error *err)
{
	AUTO(source) struct source *source = NULL;
	AUTO(state) struct state *s = NULL;
	struct live_options live = {0};
	struct strbuf sb = {0};
	enum fw_variant used;

	if (fw_variant_likely(option, &used, err))
		return -1;
	live.variant = used == FW_NFT ? FW_LEGACY : FW_NFT;
	if (live_source_open(&live, &source, err) ||
	    source_read(source, KIND_BIT(KIND_FW), FAMILY_BOTH, &s, err)) {
		if (err->kind != ERR_BACKEND)
			return error_wrap(err, "the %s variant of iptables",
			    fw_variant_name(live.variant));
		error_clear(err); /* it is not there */
		*ret = NULL;
		*services = false;
		return 0;
	}
	*services = false;
	list_tables(s, &sb, services);
	*ret =
	    sb.len ? arena_printf(a, "%s: %s", fw_variant_name(live.variant), sb.s) : NULL;
	strbuf_free(&sb);
	return 0;
}
