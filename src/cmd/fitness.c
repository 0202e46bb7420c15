/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The examination of a node before a switch, and what of it the user accepts. */
#include "config.h"

#include "cmd/fitness.h"
#include "cmd/exit.h"
#include "cmd/facts.h"
#include "cmd/report.h"
#include "kernel/caps.h"
#include "verify/check.h"
#include "verify/modes.h"
#include "verify/preflight.h"
#include "verify/walk_compare.h"

#include <string.h>
#include <unistd.h>

/* Of one name, so many are said one by one; -v says all. */
#define SAID_AT_MOST 5

/* ---- looking */

/* Where no mode carries the services, traffic does not change its way: only what would
 * hurt one that was there before is of interest. */
static enum note_level least_difference(const struct context *ctx)
{
	family_foreach (f)
		if (ctx->opts.families & FAMILY_BIT(f) &&
		    own_modes_carrying(ctx->have, f))
			return NOTE_INFO;
	return NOTE_ACCEPT;
}

/* The first to know the chains KUBE-EXT-* and KUBE-SVL-*. */
#define KNOWS_EXTERNAL_CHAINS 24

/* kube-proxy takes over, and that old does not know all that it finds. */
static void find_old_release(struct context *ctx)
{
	bool stops =
	    ctx->opts.mode == MODE_IPTABLES && ctx->old_release < KNOWS_EXTERNAL_CHAINS;

	if (!ctx->old_release)
		return;
	notes_add_named(&ctx->findings, stops ? NOTE_ACCEPT : NOTE_WARNING, "old-release",
	    NULL,
	    "kube-proxy is 1.%d or older by the Node object or the rules, what is written is "
	    "of " DIALECT_OLDEST ": %s. If it is a newer one, choose with --kube-proxy",
	    ctx->old_release,
	    stops ? "it cannot sync any more once a service or endpoint goes that "
		    "KUBE-EXT-* or KUBE-SVL-* chains lead to"
		  : "it leaves the chains and sets alone that it does not know "
		    "(KUBE-PROXY-FIREWALL, KUBE-IPVS-FILTER, KUBE-IPVS-IPS)");
}

int fitness_examine(struct context *ctx, bool try, struct error *err)
{
	struct preflight p = {
	    .to = ctx->opts.mode,
	    .model = ctx->model,
	    .conf = ctx->conf,
	    .want = ctx->want,
	    .have = ctx->have,
	    .caps = &ctx->caps,
	};
	struct node_facts facts;

	/* Trying loads modules that iptables mode has no use for. */
	if (caps_probe(ctx->conf->scheduler, try && p.to == MODE_IPVS, &ctx->caps, err) ||
	    facts_read(ctx, &facts, err))
		return -1;
	p.facts = &facts;
	notes_clear(&ctx->findings);
	preflight_check(&p, &ctx->findings);
	find_old_release(ctx);
	modes_differences(p.to, p.model, p.conf, ctx->opts.families, &facts,
	    least_difference(ctx), &ctx->findings);
	return 0;
}

/* ---- what was accepted */

static bool is_accepted(const struct opts *o, const struct note *n)
{
	if (o->accept_all)
		return true;
	for (size_t i = 0; i < o->accepted.n; i++)
		if (n->name && !strcmp(o->accepted.v[i], n->name))
			return true;
	return false;
}

size_t fitness_unaccepted(const struct context *ctx)
{
	const struct notes *f = &ctx->findings;
	size_t n = 0;

	for (size_t i = 0; i < f->list.n; i++)
		n += f->list.v[i].level == NOTE_ACCEPT &&
		     !is_accepted(&ctx->opts, &f->list.v[i]);
	return n;
}

/* ---- saying */

static bool is_difference(const struct note *n)
{
	const struct check *c = n->name ? check_find(n->name) : NULL;

	return c && c->difference;
}

static size_t count_name(const struct notes *f, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < f->list.n; i++)
		n += f->list.v[i].name && !strcmp(f->list.v[i].name, name);
	return n;
}

/* The ones of a name, shortened: a cluster has thousands of services. */
static void say_name(const struct context *ctx, const char *name)
{
	const struct notes *f = &ctx->findings;
	size_t n = count_name(f, name), said = 0;

	for (size_t i = 0; i < f->list.n && said < SAID_AT_MOST; i++) {
		const struct note *note = &f->list.v[i];
		bool harmless = note->level < NOTE_ACCEPT;

		if (!note->name || strcmp(note->name, name))
			continue;
		if (note->level == NOTE_INFO && !is_difference(note))
			continue;
		report_note(ctx, note);
		said++;
		if (harmless && is_difference(note))
			break;
	}
	if (said && said < n)
		report_info(
		    ctx, "%s: and %zu more of the kind; -v lists them", name, n - said);
}

static void say_findings(const struct context *ctx)
{
	if (ctx->opts.verbose) {
		report_notes(ctx, &ctx->findings, NOTE_INFO);
		return;
	}
	for (const struct check *c = checks; c->name; c++)
		say_name(ctx, c->name);
}

static int lacks_interface(const struct context *ctx, struct error *err)
{
	const struct kernel_caps *c = &ctx->caps;

	if (!c->net_admin)
		return error_set(err, ERR_BACKEND, 0,
		    "no permission: CAP_NET_ADMIN is needed; run as root");
	if (ctx->opts.mode == MODE_IPVS && !(c->ipvs && c->dummy && c->ipset))
		return error_set(err, ERR_BACKEND, 0, "ipvs mode cannot be used here: %s",
		    c->missing ? c->missing : "the kernel lacks a part of it");
	return 0;
}

int fitness_check(struct context *ctx, struct error *err)
{
	size_t refusals;

	if (fitness_examine(ctx, !ctx->opts.dry_run, err))
		return -1;
	say_findings(ctx);
	if (lacks_interface(ctx, err))
		return -1;
	refusals = notes_count(&ctx->findings, NOTE_REFUSE);
	if (!refusals)
		return EXIT_DONE;
	report_problem(ctx, "refused for the %zu %s above; nothing was changed", refusals,
	    refusals == 1 ? "reason" : "reasons");
	return EXIT_REFUSED;
}

/* Rules of others that are in the way: where packets differ because of them, it is said.
 */
static bool firewall_is_told(const struct notes *f)
{
	static const char *const names[] = {
	    "input-firewall", "forward-firewall", "local-dnat", "untracked"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (check_level(f, names[i]) >= NOTE_ACCEPT)
			return true;
	return false;
}

void fitness_compare(
    struct context *ctx, const struct state *have, const struct migration *m)
{
	double begin = report_clock();
	size_t before = ctx->findings.list.n;
	bool told = firewall_is_told(&ctx->findings);
	size_t n = walk_compare(ctx->model, ctx->conf, ctx->opts.families, have,
	    m->after[PHASE_REMOVE], &ctx->findings);

	for (size_t i = before; told && i < ctx->findings.list.n; i++)
		ctx->findings.list.v[i].level = NOTE_INFO;
	if (ctx->opts.verbose)
		report_info(ctx, "%zu packets compared in both states, %.2f s", n,
		    report_clock() - begin);
}

void fitness_say(const struct context *ctx, const char *name)
{
	say_name(ctx, name);
}

/* ---- accepting */

/* Calls fn for each name with findings to be accepted; ends when it returns other than 0.
 */
static int each_unaccepted(struct context *ctx,
    int (*fn)(struct context *ctx, const char *name, void *data, struct error *err),
    void *data, struct error *err)
{
	int r = 0;

	for (const struct check *c = checks; c->name && !r; c++) {
		const struct notes *f = &ctx->findings;

		for (size_t i = 0; i < f->list.n && !r; i++)
			if (f->list.v[i].level == NOTE_ACCEPT && f->list.v[i].name &&
			    !strcmp(f->list.v[i].name, c->name) &&
			    !is_accepted(&ctx->opts, &f->list.v[i])) {
				r = fn(ctx, c->name, data, err);
				break;
			}
	}
	return r;
}

static int ask(struct context *ctx, const char *name, void *data, struct error *err)
{
	char question[160];

	(void)data;
	snprintf(question, sizeof(question), "Accept %s, %zu of them?", name,
	    count_name(&ctx->findings, name));
	if (report_confirm(ctx, question, err))
		return -1;
	vec_push(&ctx->opts.accepted, name);
	return 0;
}

static int add_word(struct context *ctx, const char *name, void *data, struct error *err)
{
	(void)ctx;
	(void)err;
	strbuf_addf(data, " --accept %s", name);
	return 0;
}

int fitness_accept(struct context *ctx, struct error *err)
{
	struct strbuf words = {0};
	size_t n = fitness_unaccepted(ctx);

	if (!n)
		return EXIT_DONE;
	if (!ctx->opts.dry_run && !ctx->opts.yes && isatty(STDIN_FILENO))
		return each_unaccepted(ctx, ask, NULL, err) ? -1 : EXIT_DONE;
	each_unaccepted(ctx, add_word, &words, err);
	report_problem(ctx,
	    "%s: %zu %s can hurt and %s not accepted; read above, then add:%s",
	    ctx->opts.dry_run ? "would be refused" : "refused, nothing was changed", n,
	    n == 1 ? "finding" : "findings", n == 1 ? "was" : "were", strbuf_str(&words));
	strbuf_free(&words);
	return EXIT_REFUSED;
}

void fitness_into_plan(const struct context *ctx, struct plan *p)
{
	for (size_t i = 0; i < ctx->findings.list.n; i++) {
		const struct note *n = &ctx->findings.list.v[i];

		notes_add_named(&p->notes, n->level, n->name, n->about, "%s", n->text);
	}
}
