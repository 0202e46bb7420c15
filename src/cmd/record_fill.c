/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a migration knows of itself, as a record. */
#include "config.h"

#include "cmd/record_fill.h"
#include "cmd/fitness.h"
#include "cmd/probing.h"
#include "cmd/record.h"
#include "cmd/report.h"
#include "cmd/state_dir.h"
#include "kernel/fw_variant.h"
#include "model/model_state.h"
#include "verify/check.h"
#include "verify/reach.h"

#include <sys/utsname.h>
#include <time.h>

struct fill {
	struct cutover *c;
	struct arena *a;
	double begin;
	struct record r;
};

/* ---- phases */

static void fill_phases(struct fill *f, bool failed)
{
	struct record_phase *v = arena_array(f->a, struct record_phase, PHASE_COUNT);
	size_t n = 0;

	for (enum phase ph = 0; ph < PHASE_COUNT; ph++)
		if (f->c->begin[ph] > 0)
			v[n++] = (struct record_phase){
			    .name = phase_name(ph),
			    .begin = f->c->begin[ph] - f->begin,
			    .seconds = f->c->seconds[ph],
			    .n_ops = f->c->n_ops[ph],
			};
	if (failed && n)
		v[n - 1].failed = true;
	f->r.phases = v;
	f->r.n_phases = n;
}

static void fill_switches(struct fill *f)
{
	struct record_switch *v = arena_array(f->a, struct record_switch, FAMILY_COUNT);
	size_t n = 0;

	family_foreach (fam)
		if (f->c->switched[fam].begin > 0)
			v[n++] = (struct record_switch){
			    .family = family_info(fam)->name,
			    .begin = f->c->switched[fam].begin - f->begin,
			    .seconds =
				f->c->switched[fam].end - f->c->switched[fam].begin,
			};
	f->r.switches = v;
	f->r.n_switches = n;
}

static void fill_probes(struct fill *f)
{
	const struct probing *p = f->c->ctx->probing;
	struct record_probe *v;

	if (!p)
		return;
	v = arena_array(f->a, struct record_probe, p->samples.n);
	for (size_t i = 0; i < p->samples.n; i++)
		v[i] = (struct record_probe){
		    .at = p->samples.v[i].at - f->begin,
		    .when = p->samples.v[i].when,
		    .tried = p->samples.v[i].tried,
		    .failed = p->samples.v[i].failed,
		};
	f->r.probes = v;
	f->r.n_probes = p->samples.n;
}

/* ---- findings */

static void fill_notes(struct fill *f)
{
	const struct notes *from = &f->c->ctx->findings;
	struct record_note *d = arena_array(f->a, struct record_note, from->list.n),
			   *o = arena_array(f->a, struct record_note, from->list.n + 1);

	for (size_t i = 0; i < from->list.n; i++) {
		const struct note *n = &from->list.v[i];
		const struct check *check = n->name ? check_find(n->name) : NULL;
		struct record_note note = {
		    .about = n->about,
		    .name = n->name,
		    .text = n->text,
		    .accepted = n->level == NOTE_ACCEPT,
		};

		if (check && check->difference)
			d[f->r.n_differences++] = note;
		else if (n->level > NOTE_INFO)
			o[f->r.n_findings++] = note;
	}
	if (f->c->cause.kind)
		o[f->r.n_findings++] = (struct record_note){
		    .about = "why it went back", .text = f->c->cause.msg};
	f->r.differences = d;
	f->r.findings = o;
}

/* ---- services */

static struct record_way make_way(const struct fill *f, const struct frontend *fe,
    const struct reach_way *way, const struct state *after)
{
	static const char *const nothing[] = {NULL};
	char text[ADDRPORT_STRLEN];

	return (struct record_way){
	    .frontend =
		way->addr ? arena_printf(f->a, "%s %s", frontend_kind_name(fe->kind),
				addrport_format(&fe->addr, fe->port, text))
			  : arena_printf(f->a, "%s %u (%s)", frontend_kind_name(fe->kind),
				fe->port, family_info(way->family)->name),
	    .before = reach_endpoints(f->c->before, way, f->a),
	    .after = after ? reach_endpoints(after, way, f->a) : nothing,
	};
}

static void fill_service(const struct fill *f, const struct service *s,
    const struct state *after, struct record_service *ret)
{
	struct record_way *ways =
	    arena_array(f->a, struct record_way, s->n_frontends * FAMILY_COUNT);
	size_t n = 0;

	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];
		bool node_port = fe->kind == FE_NODE_PORT;

		family_foreach (fam) {
			struct reach_way w = {
			    .family = fam,
			    .proto = s->proto,
			    .port = fe->port,
			    .addr = node_port ? NULL : &fe->addr,
			};

			if (!(f->c->ctx->opts.families & s->families & FAMILY_BIT(fam)) ||
			    (!node_port && addr_family(&fe->addr) != fam))
				continue;
			ways[n++] = make_way(f, fe, &w, after);
		}
	}
	*ret = (struct record_service){
	    .name = s->spn,
	    .type = svc_type_name(s->type),
	    .proto = proto_name(s->proto),
	    .ways = ways,
	    .n_ways = n,
	};
}

static void fill_services(struct fill *f)
{
	const struct model *m = f->c->ctx->model;
	struct record_service *v =
	    arena_array(f->a, struct record_service, m->n_services);

	for (size_t i = 0; i < m->n_services; i++)
		fill_service(f, &m->services[i], f->c->ctx->have, &v[i]);
	f->r.services = v;
	f->r.n_services = m->n_services;
}

/* ---- all of it */

static void fill_counts(struct fill *f)
{
	struct plan_counts n = {0};

	if (f->c->work.n)
		plan_count(cutover_now(f->c)->plan, &n);
	f->r.added = n.add;
	f->r.changed = n.change;
	f->r.deleted = n.remove;
}

static void write_record(struct context *ctx, const struct record *r)
{
	struct strbuf sb = {0};
	struct error err = {0};

	record_print(&sb, r, ctx->opts.report);
	if (state_dir_replace_file(ctx->opts.report, &sb, 0644, &err))
		report_problem(ctx, "warning: no report: %s", err.msg);
	strbuf_free(&sb);
}

/* A node that is in no mode can be moved into one as well. */
static const char *mode_before(const struct cutover *c)
{
	unsigned modes = 0;

	family_foreach (f)
		modes |= c->before ? state_mode_of(c->before, f) : 0;
	if (!modes)
		return "none";
	return mode_name(c->ctx->opts.mode == MODE_IPVS ? MODE_IPTABLES : MODE_IPVS);
}

static const char *variant_used(const struct context *ctx)
{
	enum fw_variant v;
	struct error err;

	if (fw_variant_detect(ctx->opts.variant, &v, &err))
		return "not known";
	return fw_variant_name(v);
}

void record_fill(struct cutover *c, double begin, int status, const char *result)
{
	struct context *ctx = c->ctx;
	struct fill f = {.c = c, .a = arena_new(), .begin = begin};
	struct utsname kernel = {0};

	if (ctx->opts.report) {
		uname(&kernel);
		f.r = (struct record){
		    .node = ctx->conf->node_name,
		    .kernel = kernel.release,
		    .kube_proxy = arena_printf(
			f.a, "%d.%d", ctx->conf->dialect.major, ctx->conf->dialect.minor),
		    .variant = variant_used(ctx),
		    .from = mode_before(c),
		    .to = mode_name(ctx->opts.mode),
		    .seconds = report_clock() - begin,
		    .started = (int64_t)time(NULL) - (int64_t)(report_clock() - begin),
		    .exit_status = status,
		    .result = result,
		};
		fill_phases(&f, status != 0);
		fill_switches(&f);
		fill_probes(&f);
		fill_notes(&f);
		fill_services(&f);
		fill_counts(&f);
		write_record(ctx, &f.r);
	}
	arena_free(f.a);
}
