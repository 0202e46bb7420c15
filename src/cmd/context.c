/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks the first half of the line for every command: settings, model, both states. */
#include "config.h"

#include "cmd/context.h"
#include "cmd/cluster.h"
#include "cmd/cmd.h"
#include "cmd/context_notes.h"
#include "cmd/probing.h"
#include "cmd/read_back.h"
#include "cmd/refusal.h"
#include "cmd/report.h"
#include "cmd/signals.h"
#include "cmd/state_dir.h"
#include "emit/emit.h"
#include "kernel/caps.h"
#include "kernel/fw_variant.h"
#include "model/model_state.h"
#include "plan/drain.h"
#include "plan/tolerate.h"
#include "verify/check.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- reading beside loading: the thread alone uses source and state until it is joined
 */

struct reading {
	pthread_t thread;
	struct source *source;
	unsigned families;
	/* Of KIND_FACTS, which the thread leaves alone from then on; the rest may be read
	 * only when it has ended. */
	sem_t facts_read;
	bool have_facts;
	struct state *state;
	struct error err;
	int result;
};

/* What the wanted state depends on; it is little, and so comes first. */
#define KIND_FACTS (KIND_BIT(KIND_VIP) | KIND_BIT(KIND_KNOB))

static void *read_in_thread(void *p)
{
	struct reading *r = p;

	r->result =
	    source_read_into(r->source, KIND_FACTS, r->families, r->state, &r->err);
	r->have_facts = !r->result;
	sem_post(&r->facts_read);
	if (r->have_facts)
		r->result = source_read_into(
		    r->source, KIND_ALL & ~KIND_FACTS, r->families, r->state, &r->err);
	return NULL;
}

/* Nothing that others wait for may depend on a server or on the end of a pipe. */
static bool is_file(const char *from)
{
	struct stat st;

	return from && !stat(from, &st) && S_ISREG(st.st_mode);
}

/* kube-proxy keeps to one family when the other one's tables cannot be listed. Those of
 * legacy go with the family; nf_tables has its own. */
int context_choose_families(struct context *ctx, struct error *err)
{
	struct opts *o = &ctx->opts;
	enum fw_variant v;

	if (!(o->families & FAMILY_BIT(FAMILY_6)) || caps_has_family(FAMILY_6))
		return 0;
	if (fw_variant_likely(o->variant, &v, err))
		return -1;
	if (v == FW_NFT)
		return 0;
	if (o->families == FAMILY_BIT(FAMILY_6))
		return error_set(err, ERR_BACKEND, 0,
		    "-6: this kernel has no IPv6: it is not built in, or ipv6.disable=1");
	o->families = FAMILY_BIT(FAMILY_4);
	ctx->no_ipv6 = true;
	return 0;
}

static int begin_reading(struct context *ctx, struct error *err)
{
	struct live_options live = {
	    .variant = ctx->opts.variant,
	    .lock_wait = ctx->opts.wait,
	    .stop = signals_caught,
	    .hold = ctx->hold && is_file(ctx->opts.from),
	};
	struct reading *r;
	int rc;

	if (!(ctx->opts.command->groups & GROUP_LIVE) ||
	    (ctx->opts.command->groups & GROUP_TRACE && ctx->opts.from &&
		!ctx->opts.against))
		return 0;
	if (ctx->opts.against ? dump_open(ctx->opts.against, &ctx->source, err)
			      : context_choose_families(ctx, err) ||
				    live_source_open(&live, &ctx->source, err))
		return -1;
	r = xcalloc(1, sizeof(*r));
	r->source = ctx->source;
	r->families = ctx->opts.families;
	r->state = state_new();
	sem_init(&r->facts_read, 0, 0);
	rc = pthread_create(&r->thread, NULL, read_in_thread, r);
	if (rc) {
		state_free(r->state);
		free(r);
		return error_set(err, ERR_KERNEL, rc, "cannot start a thread");
	}
	ctx->reading = r;
	return 0;
}

int context_end_reading(struct context *ctx, struct error *err)
{
	struct reading *r = ctx->reading;
	int result;

	pthread_join(r->thread, NULL);
	ctx->reading = NULL;
	result = r->result;
	if (!result)
		ctx->have = r->state;
	else
		state_free(r->state);
	if (result && err)
		*err = r->err;
	sem_destroy(&r->facts_read);
	free(r);
	return result;
}

void context_free(struct context *ctx)
{
	if (ctx->reading)
		context_end_reading(ctx, NULL);
	read_back_free(ctx);
	state_free(ctx->want);
	state_free(ctx->have);
	source_close(ctx->source);
	model_free(ctx->model);
	model_free(ctx->earlier_model);
	conf_free(ctx->conf);
	notes_clear(&ctx->notes);
	notes_clear(&ctx->findings);
	probing_free(ctx->probing);
	arena_free(ctx->arena);
	if (ctx->lock_taken)
		close(ctx->lock);
	opts_free(&ctx->opts);
}

/* kube-proxy: the override, else the host name, in lower case and without blanks. */
static int choose_node(struct context *ctx, struct error *err)
{
	const char *name = ctx->opts.node;
	char host[256] = "";
	char *p;

	if (!name)
		name = ctx->conf->hostname_override;
	if (!name || !*name) {
		if (gethostname(host, sizeof(host) - 1))
			return error_set(err, ERR_KERNEL, errno,
			    "cannot read the host name; give the node with --node");
		name = host;
	}
	p = arena_strdup(ctx->conf->arena, name);
	for (char *c = p; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	ctx->conf->node_name = p;
	return 0;
}

/* The newest release that the objects read back can be of, or the oldest that is known.
 */
static const char *dialect_of_state(struct context *ctx)
{
	static char version[16];
	int to = 0;

	family_foreach (f) {
		struct era e;

		if (!ctx->seen || !ctx->seen_modes[f])
			continue;
		e = state_era(ctx->seen, f, ctx->seen_modes[f]);
		if (e.to && (!to || e.to < to))
			to = e.to;
	}
	if (!to)
		return NULL;
	if (to < DIALECT_OLDEST_MINOR) {
		ctx->old_release = to;
		to = DIALECT_OLDEST_MINOR;
	}
	snprintf(version, sizeof(version), "1.%d", to);
	return version;
}

static int choose_dialect(struct context *ctx, struct error *err)
{
	const struct model_node *node = model_node_find(ctx->model, ctx->conf->node_name);
	const char *version = ctx->opts.kube_proxy;
	struct error ignored = {0};

	ctx->old_release = 0;
	if (version)
		return conf_take_release(ctx->conf, version, err)
			   ? error_wrap(err, "--kube-proxy")
			   : 0;
	if (node && (version = node->kubelet_version)) {
		const char *instead = DIALECT_NEWEST;

		if (!conf_take_release(ctx->conf, version, &ignored))
			return 0;
		if (dialect_is_too_old(version, &ctx->old_release))
			instead = DIALECT_OLDEST;
		notes_add(&ctx->notes, NOTE_WARNING, node->name,
		    "kubelet version %s: %s; taking %s, choose with --kube-proxy",
		    version, ignored.msg, instead);
		return conf_take_release(ctx->conf, instead, err);
	}
	return conf_take_release(ctx->conf, dialect_of_state(ctx), err);
}

static void take_node_addresses(struct context *ctx)
{
	size_t n = ctx->opts.node_addresses.n;
	struct node_addr *v = arena_array(ctx->conf->arena, struct node_addr, n);

	for (size_t i = 0; i < n; i++)
		v[i] = (struct node_addr){
		    .addr = ctx->opts.node_addresses.v[i], .ifname = ""};
	if (n)
		conf_set_addrs(ctx->conf, v, n);
}

/* ---- the model, from what -f says */

static bool is_cluster(const char *from)
{
	return !strcmp(from, "cluster");
}

static int check_source(const struct opts *o, struct error *err)
{
	/* Then it is about what is on the node. */
	if (!o->from && o->command->groups & GROUP_TRACE)
		return 0;
	if (!o->from)
		return error_set(err, ERR_USAGE, 0,
		    "no services given; use -f cluster, or -f FILE with the output of: "
		    "kubectl get svc,endpointslices,nodes -A -o json");
	if (o->kubeconfig && !is_cluster(o->from))
		return error_set(
		    err, ERR_USAGE, 0, "--kubeconfig means nothing without -f cluster");
	return 0;
}

static int no_model(struct context *ctx, struct error *err)
{
	AUTO(model_builder) struct model_builder *none = model_builder_new();

	return model_builder_freeze(none, "no services", &ctx->model, err);
}

static int load_model(struct context *ctx, struct error *err)
{
	const struct opts *o = &ctx->opts;
	size_t n_notes;

	if (!o->from)
		return no_model(ctx, err);
	if (is_cluster(o->from))
		return cluster_load(
		    o->kubeconfig, o->request_timeout, &ctx->model, &ctx->notes, err);
	n_notes = ctx->notes.list.n;
	if (model_load(o->from, &ctx->model, &ctx->notes, err))
		return -1;
	notes_place(&ctx->notes, n_notes, strcmp(o->from, "-") ? o->from : "stdin");
	return 0;
}

int context_renew_model(struct context *ctx, struct error *err)
{
	const struct opts *o = &ctx->opts;
	bool back = ctx->seen && !ctx->seen_own; /* from ctx->have */

	if (!back && !is_cluster(o->from))
		return 0;
	model_free(ctx->earlier_model);
	ctx->earlier_model = ctx->model;
	ctx->model = NULL;
	if (back ? read_back_renew(ctx, err) : load_model(ctx, err))
		return -1;
	return context_emit(ctx, o->mode, err);
}

int context_load_conf(struct context *ctx, struct error *err)
{
	ctx->conf = conf_new();
	return ctx->opts.config ? conf_load(ctx->conf, ctx->opts.config, &ctx->notes, err)
				: 0;
}

/* kube-proxy takes an empty mode for iptables. */
static int choose_mode(struct context *ctx, struct error *err)
{
	const char *mode = *ctx->conf->mode ? ctx->conf->mode : mode_name(MODE_IPTABLES);

	if (ctx->opts.mode_of_config && !mode_parse(mode, &ctx->opts.mode))
		return error_set(err, ERR_INPUT, 0,
		    "%s: mode: '%s' is neither iptables nor ipvs", ctx->opts.config,
		    mode);
	return 0;
}

int context_load(struct context *ctx, struct error *err)
{
	bool back = read_back_wanted(ctx);

	if (!back && check_source(&ctx->opts, err))
		return -1;
	if (context_load_conf(ctx, err))
		return -1;
	if (choose_mode(ctx, err) || choose_node(ctx, err))
		return -1;
	/* What is read must not be what another run is about to change. */
	if (ctx->opts.command->groups & GROUP_WRITE && state_dir_lock(ctx, err))
		return -1;
	if (back && read_back_open(ctx, err))
		return -1;
	if (begin_reading(ctx, err))
		return -1;
	if (back ? read_back_model(ctx, err) : load_model(ctx, err))
		return -1;
	if (choose_dialect(ctx, err))
		return -1;
	take_node_addresses(ctx);
	if (back)
		read_back_settings(ctx);
	if (ctx->plain_masquerade)
		ctx->conf->random_fully = false;
	conf_take_node(ctx->conf, ctx->model);
	context_note(ctx);
	report_notes(ctx, &ctx->notes, ctx->opts.verbose ? NOTE_INFO : NOTE_WARNING);
	return refuse_incomplete(ctx, err);
}

/* On a live node kube-proxy takes the addresses of the interfaces, not the Node object's.
 */
void context_take_addresses(struct context *ctx, const struct state *s)
{
	const struct vip_table *t = &s->vips;
	struct node_addr *v;
	size_t n = 0;

	if (!t->present || ctx->opts.node_addresses.n)
		return;
	v = arena_array(ctx->conf->arena, struct node_addr, t->n_addrs);
	for (size_t i = 0; i < t->n_addrs; i++)
		if (strcmp(t->addrs[i].link, VIP_LINK))
			v[n++] = (struct node_addr){
			    .addr = t->addrs[i].prefix.addr,
			    .ifname = arena_strdup(ctx->conf->arena, t->addrs[i].link),
			};
	conf_set_addrs(ctx->conf, v, n);
}

/* What kube-proxy asks the kernel before it decides. */
static void take_facts(struct context *ctx, const struct state *s)
{
	const struct knob_table *t = &s->knobs;
	const char *liberal = knob_fact(t, "net.netfilter.nf_conntrack_tcp_be_liberal");
	const char *kernel = knob_fact(t, "kernel.osrelease");

	if (liberal && strcmp(liberal, "0"))
		ctx->conf->tcp_be_liberal = true;
	if (kernel)
		conf_take_kernel(ctx->conf, kernel);
	ctx->conf->single_family = ctx->no_ipv6;
}

int context_reread(struct context *ctx, struct error *err)
{
	struct state *s;

	if (source_read(ctx->source, KIND_ALL, ctx->opts.families, &s, err))
		return -1;
	state_free(ctx->have);
	ctx->have = s;
	return 0;
}

/* Has conf know this node; the rest of its state may still be on its way. */
static int read_facts(struct context *ctx, struct error *err)
{
	const struct state *s = ctx->have;

	/* When the model was read back from it, it is there. */
	if (!s) {
		if (!ctx->reading && begin_reading(ctx, err))
			return -1;
		while (sem_wait(&ctx->reading->facts_read))
			; /* a signal */
		sem_post(&ctx->reading->facts_read);
		if (!ctx->reading->have_facts)
			return context_end_reading(ctx, err);
		s = ctx->reading->state;
	}
	if (!ctx->opts.against) {
		state_dir_read_ledger(ctx);
		context_take_addresses(ctx, s);
		take_facts(ctx, s);
	}
	return 0;
}

static int read_rest(struct context *ctx, struct error *err)
{
	if (!ctx->have && context_end_reading(ctx, err))
		return -1;
	/* Without the rules of the live node nothing could be said about it. */
	family_foreach (f)
		if (!ctx->opts.against && ctx->opts.families & FAMILY_BIT(f) &&
		    !ctx->have->fw[f].present)
			return error_set(err, ERR_BACKEND, 0,
			    "the %s rules of this node cannot be read",
			    family_info(f)->name);
	return 0;
}

void context_say_no_ipvs(const struct context *ctx)
{
	if (ctx->opts.mode == MODE_IPVS && !ctx->opts.against && !ctx->have->lvs.present)
		report_problem(ctx,
		    "warning: this kernel has no IPVS, so nothing of ipvs mode can be there; "
		    "the module is loaded with: modprobe ip_vs");
}

int context_read(struct context *ctx, struct error *err)
{
	return read_facts(ctx, err) || read_rest(ctx, err) ? -1 : 0;
}

int context_read_and_emit(struct context *ctx, struct error *err)
{
	return read_facts(ctx, err) || context_emit(ctx, ctx->opts.mode, err) ||
		       read_rest(ctx, err) || refuse_loss(ctx, err)
		   ? -1
		   : 0;
}

int context_probe(
    struct context *ctx, bool try, struct kernel_caps *ret, struct error *err)
{
	/* Trying loads modules that iptables mode has no use for. */
	bool ipvs = ctx->opts.mode == MODE_IPVS;
	struct kernel_caps caps = {0};

	if (caps_probe(ctx->conf->scheduler, ipvs && try, &caps, err))
		return -1;
	if (!caps.net_admin)
		return error_set(err, ERR_BACKEND, 0,
		    "no permission: CAP_NET_ADMIN is needed; run as root");
	if (ipvs && caps.ipvs && !caps.scheduler)
		return error_set(err, ERR_BACKEND, 0,
		    "ipvs mode cannot be used here: the IPVS scheduler %s is not there: "
		    "module ip_vs_%s",
		    ctx->conf->scheduler, ctx->conf->scheduler);
	if (ipvs && !(caps.ipvs && caps.scheduler && caps.dummy && caps.ipset))
		return error_set(err, ERR_BACKEND, 0, "ipvs mode cannot be used here: %s",
		    caps.missing ? caps.missing : "the kernel lacks a part of it");
	*ret = caps;
	return 0;
}

int context_emit(struct context *ctx, enum mode mode, struct error *err)
{
	struct notes notes = {0};
	struct state *want;
	int ret = emit_state(
	    mode, ctx->model, ctx->conf, ctx->opts.families, &want, &notes, err);

	report_notes(ctx, &notes, ctx->opts.verbose ? NOTE_INFO : NOTE_WARNING);
	notes_clear(&notes);
	if (ret)
		return -1;
	state_free(ctx->want);
	ctx->want = want;
	ctx->emitted = want->lvs;
	family_foreach (f)
		ctx->emitted_fw[f] = want->fw[f];
	return 0;
}

size_t context_drain(struct context *ctx)
{
	ctx->want->lvs = ctx->emitted;
	if (ctx->opts.drain <= 0)
		return 0;
	drain_servers(&ctx->emitted, &ctx->have->lvs, &ctx->ledger, state_dir_now(),
	    ctx->want->arena, &ctx->want->lvs);
	return drain_count(&ctx->emitted, &ctx->want->lvs);
}

/* Lets ctx->want have what of the tables needs no change, as the plan tells. */
static size_t tolerate(struct context *ctx, const struct plan *p)
{
	struct notes notes = {0};
	size_t n = 0;

	family_foreach (f)
		for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++) {
			struct fw_table *want = &ctx->want->fw[f].tables[t];

			n += tolerate_chains(p, f, t, want, &ctx->have->fw[f].tables[t],
			    ctx->conf->tcp_be_liberal, ctx->want->arena, want, &notes);
		}
	report_notes(ctx, &notes, ctx->opts.verbose ? NOTE_INFO : NOTE_WARNING);
	notes_clear(&notes);
	return n;
}

int context_plan(
    struct context *ctx, const struct scope *scope, struct plan **ret, struct error *err)
{
	AUTO(plan) struct plan *p = NULL;

	family_foreach (f)
		ctx->want->fw[f] = ctx->emitted_fw[f];
	if (plan_make(ctx->want, ctx->have, scope, &p, err))
		return -1;
	if (tolerate(ctx, p))
		return plan_make(ctx->want, ctx->have, scope, ret, err);
	*ret = p;
	p = NULL;
	return 0;
}

struct scope context_scope(const struct context *ctx, unsigned modes)
{
	return (struct scope){
	    .modes = modes,
	    .families = ctx->opts.families,
	    .kinds = KIND_ALL,
	    .exclude_cidrs = ctx->conf->exclude_cidrs,
	    .n_exclude_cidrs = ctx->conf->n_exclude_cidrs,
	    .ledger = ctx->ledger.servers,
	    .n_ledger = ctx->ledger.n_servers,
	};
}
