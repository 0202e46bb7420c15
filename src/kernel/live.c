/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel of this network namespace as a source and as a sink: picks the driver of
 * each kind, opened when it is first needed, and hands it what belongs into one commit.
 */
#include "config.h"

#include "kernel/live.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "kernel/driver.h"
#include "kernel/module.h"
#include "kernel/nl.h"

struct drivers {
	struct live_options options;
	struct driver *of[KIND_COUNT];
};

/* ---- which variant of iptables */

static int on_chain(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *tb[NFTA_CHAIN_MAX + 1] = {0};

	(void)err;
	if (nlmsg_parse(h, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX, NULL) == 0 &&
	    tb[NFTA_CHAIN_NAME] &&
	    strncmp(nla_get_string(tb[NFTA_CHAIN_NAME]), "KUBE-", 5) == 0)
		*(bool *)p = true;
	return 0;
}

/* Whether tables of the nft variant hold chains of kube-proxy or kubelet. */
static int nft_has_kube_chains(bool *ret, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;

	*ret = false;
	/* Asking would load nf_tables. A kernel without /proc/modules loads nothing. */
	if (module_look("nf_tables") != MODULE_LOADED &&
	    access("/proc/modules", F_OK) == 0)
		return 0;
	if (nlc_open(NETLINK_NETFILTER, NLC_BATCH, &nl, err))
		return -1;
	family_foreach (f) {
		struct nfgenmsg g = {
		    .nfgen_family = (uint8_t)family_info(f)->af, .version = NFNETLINK_V0};
		bool interrupted;

		if (nlc_dump(nl,
			nlc_msg((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_GETCHAIN, 0, &g,
			    sizeof(g)),
			on_chain, ret, &interrupted, err)) {
			error_clear(err); /* no nf_tables here */
			return 0;
		}
	}
	return 0;
}

static bool has_kube_chains(const struct fw_ruleset *rs)
{
	for (int t = 0; t < FW_TABLE_COUNT; t++)
		for (size_t i = 0; i < rs->tables[t].n_chains; i++)
			if (strncmp(rs->tables[t].chains[i].name, "KUBE-", 5) == 0)
				return true;
	return false;
}

/* Refuses a node whose chains are in the nft variant: writing legacy ones beside them
 * would give it two sets of service rules. */
static int check_variant(
    const struct drivers *ds, struct driver *legacy, struct error *err)
{
	AUTO(state) struct state *s = NULL;
	bool nft;

	if (ds->options.variant == FW_LEGACY)
		return 0;
	if (ds->options.variant == FW_NFT)
		return error_set(err, ERR_BACKEND, 0,
		    "the nft variant of iptables is not supported yet: use --iptables "
		    "legacy");
	if (nft_has_kube_chains(&nft, err))
		return -1;
	if (!nft)
		return 0;
	s = state_new();
	if (legacy->ops->read(legacy, FAMILY_BOTH, s, err))
		return -1;
	if (has_kube_chains(&s->fw[FAMILY_4]) || has_kube_chains(&s->fw[FAMILY_6]))
		return 0;
	return error_set(err, ERR_BACKEND, 0,
	    "the KUBE- chains of this node are in the nft variant of iptables, which is "
	    "not "
	    "supported yet; --iptables legacy uses the legacy tables all the same");
}

static int open_fw(const struct drivers *ds, struct driver **ret, struct error *err)
{
	AUTO(driver) struct driver *d = NULL;

	if (fw_legacy_open(&ds->options, &d, err) || check_variant(ds, d, err))
		return -1;
	*ret = d;
	d = NULL;
	return 0;
}

/* ---- drivers */

static int get_driver(
    struct drivers *ds, enum kind kind, struct driver **ret, struct error *err)
{
	int r = 0;

	if (!ds->of[kind]) {
		switch (kind) {
		case KIND_FW:
			r = open_fw(ds, &ds->of[kind], err);
			break;
		case KIND_KSET:
			r = kset_nl_open(&ds->of[kind], err);
			break;
		case KIND_LVS:
			r = lvs_nl_open(&ds->of[kind], err);
			break;
		case KIND_VIP:
			r = vip_nl_open(&ds->of[kind], err);
			break;
		case KIND_KNOB:
			r = knob_proc_open(&ds->of[kind], err);
			break;
		}
	}
	if (r == 0)
		*ret = ds->of[kind];
	return r;
}

static void close_drivers(struct drivers *ds)
{
	for (int k = 0; k < KIND_COUNT; k++)
		driver_close(ds->of[k]);
}

/* ---- source */

struct live_source {
	struct source base;
	struct drivers drivers;
};

static int live_read(struct source *base, unsigned kinds, unsigned families,
    struct state **ret, struct error *err)
{
	struct live_source *s = (struct live_source *)base;
	AUTO(state) struct state *st = state_new();
	struct error own = {0};

	if (!err)
		err = &own; /* drivers look at what they were told */
	for (int k = 0; k < KIND_COUNT; k++) {
		struct driver *d;

		if (!(kinds & KIND_BIT(k)))
			continue;
		if (get_driver(&s->drivers, (enum kind)k, &d, err) ||
		    d->ops->read(d, families, st, err))
			return -1;
	}
	*ret = st;
	st = NULL;
	return 0;
}

static void live_source_close(struct source *base)
{
	struct live_source *s = (struct live_source *)base;

	close_drivers(&s->drivers);
	free(s);
}

int live_source_open(const struct live_options *o, struct source **ret, struct error *err)
{
	static const struct source_ops ops = {
	    .read = live_read, .close = live_source_close};
	struct live_source *s = xcalloc(1, sizeof(*s));

	(void)err;
	s->base.ops = &ops;
	s->drivers.options = *o;
	*ret = &s->base;
	return 0;
}

/* ---- sink */

struct live_sink {
	struct sink base;
	struct drivers drivers;
};

/* Whether two operations may go to the driver in one call. */
static bool together(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->phase == b->phase &&
	       (a->kind != KIND_FW || (a->family == b->family && a->table == b->table));
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int run_group(struct live_sink *s, const struct op *ops, size_t n,
    struct outcome *out, struct error *err)
{
	struct driver *d;
	double start = now();
	size_t done = 0;
	int r;

	if (get_driver(&s->drivers, ops->kind, &d, err))
		return -1;
	r = d->ops->write(d, ops, n, &done, err);
	out->done += done;
	out->seconds[ops->phase] += now() - start;
	return r;
}

static int live_run(struct sink *base, const struct plan *p, size_t from, size_t to,
    struct outcome *out, struct error *err)
{
	struct live_sink *s = (struct live_sink *)base;
	struct error own = {0};
	struct outcome none = {0};

	if (!err)
		err = &own;
	if (!out)
		out = &none;
	out->done = from;
	out->n_ops = p->n_ops;
	while (from < to) {
		size_t n = 1;

		while (from + n < to && together(&p->ops[from], &p->ops[from + n]))
			n++;
		if (run_group(s, &p->ops[from], n, out, err))
			return -1;
		from += n;
	}
	return 0;
}

static void live_sink_close(struct sink *base)
{
	struct live_sink *s = (struct live_sink *)base;

	close_drivers(&s->drivers);
	free(s);
}

int live_sink_open(const struct live_options *o, struct sink **ret, struct error *err)
{
	static const struct sink_ops ops = {.run = live_run, .close = live_sink_close};
	struct live_sink *s = xcalloc(1, sizeof(*s));

	(void)err;
	s->base.ops = &ops;
	s->drivers.options = *o;
	*ret = &s->base;
	return 0;
}

void sink_close(struct sink *s)
{
	if (s)
		s->ops->close(s);
}
