/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show --mode-of-node: what a node is, in a few lines, or as JSON. */
#include "config.h"

#include "cmd/show.h"
#include "kernel/fw_variant.h"
#include "model/model_state.h"

#include <stdio.h>
#include <string.h>

struct facts {
	const char *mode[FAMILY_COUNT]; /* "none" */
	const char *variant;
	struct era era[FAMILY_COUNT];
	size_t services, incomplete;
	struct strbuf leftovers;
};

static const char *mode_text(unsigned mode)
{
	return !mode ? "none"
		     : mode_name(mode == MODE_BIT(MODE_IPVS) ? MODE_IPVS : MODE_IPTABLES);
}

static size_t count_chains(const struct fw_ruleset *rs, enum mode of)
{
	size_t n = 0;

	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
		for (size_t i = 0; i < rs->tables[t].n_chains; i++) {
			const struct fw_chain *c = &rs->tables[t].chains[i];

			n += !c->builtin && own_chain(t, c->name) == MODE_BIT(of);
		}
	return n;
}

static size_t count_sets(const struct state *s, enum family f)
{
	size_t n = 0;

	for (size_t i = 0; i < s->sets.n_sets; i++)
		n += s->sets.sets[i].family == f && own_set(s->sets.sets[i].name);
	return n;
}

static void add_leftovers(
    const struct state *s, enum family f, enum mode of, struct strbuf *sb)
{
	size_t chains = count_chains(&s->fw[f], of);
	size_t sets = of == MODE_IPVS ? count_sets(s, f) : 0;

	if (!(own_modes_present(s, f) & MODE_BIT(of)) && !chains && !sets)
		return;
	strbuf_addf(sb, "%s%s of %s mode: %zu chains", sb->len ? "; " : "",
	    family_info(f)->name, mode_name(of), chains);
	if (sets)
		strbuf_addf(sb, ", %zu sets", sets);
	if (of == MODE_IPVS && state_has_vips(s, f))
		strbuf_add(sb, ", addresses on " VIP_LINK);
}

/* What is there of the modes that a family is not in. */
static void find_leftovers(const struct context *ctx, enum family f, struct strbuf *sb)
{
	for (enum mode of = MODE_IPTABLES; of <= MODE_IPVS; of++)
		if (!(ctx->seen_modes[f] & MODE_BIT(of)))
			add_leftovers(ctx->seen, f, of, sb);
}

/* By the head of a save: "iptables-save v1.8.9 (nf_tables)". Before 1.8.8 that of the nft
 * variant has no such word: some say xtables-save or iptables-nft-save, others, as Ubuntu
 * 22.04's of 1.8.7, what the legacy variant says. */
static const char *variant_by(const char *saved_by)
{
	unsigned major = 0, minor = 0, patch = 0;
	const char *version = strstr(saved_by, "save v");

	if (strstr(saved_by, "nf_tables") || strstr(saved_by, "xtables-save") ||
	    strstr(saved_by, "-nft-save"))
		return "nft";
	if (strstr(saved_by, "-legacy-save") || !version ||
	    sscanf(version, "save v%u.%u.%u", &major, &minor, &patch) != 3)
		return "legacy";
	return major == 1 && minor == 8 && patch < 8 ? "unknown" : "legacy";
}

static const char *variant_of_dump(const struct state *s)
{
	family_foreach (f)
		if (s->fw[f].saved_by)
			return variant_by(s->fw[f].saved_by);
	return "unknown";
}

static const char *variant_text(const struct context *ctx)
{
	enum fw_variant v;
	struct error err;

	if (ctx->opts.from && !strncmp(ctx->opts.from, "dump:", 5))
		return variant_of_dump(ctx->seen);
	if (fw_variant_detect(ctx->opts.variant, &v, &err))
		return "both";
	return v == FW_NFT ? "nft" : "legacy";
}

static void collect(const struct context *ctx, struct facts *f)
{
	*f = (struct facts){.variant = variant_text(ctx)};
	family_foreach (i) {
		f->mode[i] = mode_text(ctx->seen_modes[i]);
		if (ctx->seen_modes[i])
			f->era[i] = state_era(ctx->seen, i, ctx->seen_modes[i]);
		if (ctx->opts.families & FAMILY_BIT(i))
			find_leftovers(ctx, i, &f->leftovers);
	}
	f->services = ctx->model->n_services;
	for (size_t i = 0; i < f->services; i++)
		f->incomplete += ctx->model->services[i].incomplete != NULL;
}

/* "IPv4 iptables, IPv6 ipvs", or one word when they are the same. */
static void print_pair(struct strbuf *sb, const char *const text[FAMILY_COUNT])
{
	if (!strcmp(text[FAMILY_4], text[FAMILY_6])) {
		strbuf_add(sb, text[FAMILY_4]);
		return;
	}
	family_foreach (f)
		strbuf_addf(sb, "%s%s %s", f == FAMILY_4 ? "" : ", ",
		    family_info(f)->name, text[f]);
}

static void era_text(const struct era *e, char *buf, size_t size)
{
	if (!e->from)
		snprintf(buf, size, "-");
	else if (e->to && e->to == e->from)
		snprintf(buf, size, "1.%d", e->from);
	else if (e->to)
		snprintf(buf, size, "1.%d to 1.%d", e->from, e->to);
	else
		snprintf(buf, size, "1.%d or newer", e->from);
}

static void print_text(struct strbuf *sb, const struct facts *f)
{
	char buf[FAMILY_COUNT][40];
	const char *const eras[FAMILY_COUNT] = {buf[FAMILY_4], buf[FAMILY_6]};

	strbuf_add(sb, "mode        ");
	print_pair(sb, f->mode);
	strbuf_addf(sb, "\nvariant     %s\nkube-proxy  ", f->variant);
	family_foreach (i)
		era_text(&f->era[i], buf[i], sizeof(buf[i]));
	print_pair(sb, eras);
	strbuf_addf(sb, "\nservices    %zu", f->services);
	if (f->incomplete)
		strbuf_addf(sb, " (%zu incomplete)", f->incomplete);
	strbuf_addf(sb, "\nleftovers   %s\n", f->leftovers.len ? f->leftovers.s : "none");
}

static void print_json(struct strbuf *sb, const struct facts *f)
{
	strbuf_add(sb, "{\n  \"apiVersion\": \"vipshift/v1\",\n  \"kind\": "
		       "\"NodeMode\",\n  \"schema\": 1,\n  \"families\": {");
	family_foreach (i) {
		strbuf_addf(sb, "%s\n    \"%s\": {\"mode\": \"%s\"",
		    i == FAMILY_4 ? "" : ",", family_info(i)->name, f->mode[i]);
		if (f->era[i].from)
			strbuf_addf(sb, ", \"kubeProxyFrom\": \"1.%d\"", f->era[i].from);
		if (f->era[i].to)
			strbuf_addf(sb, ", \"kubeProxyTo\": \"1.%d\"", f->era[i].to);
		strbuf_addch(sb, '}');
	}
	strbuf_addf(sb,
	    "\n  },\n  \"variant\": \"%s\",\n  \"services\": %zu,\n  "
	    "\"incomplete\": %zu,\n  \"leftovers\": \"%s\"\n}\n",
	    f->variant, f->services, f->incomplete, strbuf_str(&f->leftovers));
}

void show_node(struct strbuf *sb, const struct context *ctx)
{
	struct facts f;

	collect(ctx, &f);
	if (ctx->opts.output == OUT_JSON)
		print_json(sb, &f);
	else
		print_text(sb, &f);
	strbuf_free(&f.leftovers);
}
