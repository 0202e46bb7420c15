/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a node is not to be written by: half of what a service is would break it, and a
 * file that was saved wrong would take all of them away. */
#include "config.h"

#include "cmd/refusal.h"

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "verify/check.h"

static bool writes(const struct context *ctx)
{
	const unsigned needed = GROUP_WRITE | GROUP_MODEL;

	/* What a migration began with was accepted then. */
	return (ctx->opts.command->groups & needed) == needed && !ctx->ends_migration;
}

/* ---- services that are not understood in full */

static bool is_refused(const struct context *ctx, const struct service *s)
{
	return s->incomplete && !opts_accepts(&ctx->opts, CHECK_INCOMPLETE, s->spn);
}

int refuse_incomplete(struct context *ctx, struct error *err)
{
	size_t n = 0;

	if (!writes(ctx))
		return 0;
	for (size_t i = 0; i < ctx->model->n_services; i++) {
		const struct service *s = &ctx->model->services[i];

		if (!is_refused(ctx, s))
			continue;
		report_problem(ctx, "%s: incomplete: %s", s->spn, s->incomplete);
		n++;
	}
	return n ? error_set(err, ERR_REFUSED, 0,
		       "%zu services are not understood in full; nothing was changed. "
		       "Mend them, give the services with -f FILE, or accept each with "
		       "--accept " CHECK_INCOMPLETE ":SERVICE",
		       n)
		 : 0;
}

/* ---- all endpoints lost */

/* FAMILY_BIT mask of those in which the state leads to an endpoint. */
static unsigned served(const struct context *ctx, const struct state *s)
{
	unsigned families = 0;

	family_foreach (f)
		if (ctx->opts.families & FAMILY_BIT(f) && own_serves(s, f))
			families |= FAMILY_BIT(f);
	return families;
}

static bool model_serves(const struct model *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		if (m->services[i].n_endpoints)
			return true;
	return false;
}

static bool is_loss(const struct context *ctx)
{
	return !model_serves(ctx->model) && served(ctx, ctx->have) &&
	       !opts_accepts(&ctx->opts, CHECK_LOSS, NULL);
}

static const char *loss_text(const struct context *ctx)
{
	return ctx->model->n_services
		   ? "not one endpoint in it, and this node serves some: every service "
		     "would refuse connections"
		   : "not one service in it, and this node serves some: they would go";
}

int refuse_loss(struct context *ctx, struct error *err)
{
	if (!writes(ctx) || !is_loss(ctx))
		return 0;
	return error_set(err, ERR_REFUSED, 0,
	    "%s: %s; nothing was changed. A file is saved with: kubectl get "
	    "svc,endpointslices,nodes -A -o json; if it is meant, --accept " CHECK_LOSS,
	    ctx->opts.from, loss_text(ctx));
}

int refuse_saved_loss(struct context *ctx, const struct state *saved, struct error *err)
{
	unsigned lost = served(ctx, ctx->have) & ~served(ctx, saved);

	if (!lost || opts_accepts(&ctx->opts, CHECK_LOSS, NULL))
		return 0;
	return error_set(err, ERR_REFUSED, 0,
	    "%s: nothing was served when it was saved (%s%s%s), and this node serves some: "
	    "they would go; nothing was changed. If it is meant, --accept " CHECK_LOSS,
	    ctx->opts.file,
	    lost & FAMILY_BIT(FAMILY_4) ? family_info(FAMILY_4)->name : "",
	    lost == FAMILY_BOTH ? ", " : "",
	    lost & FAMILY_BIT(FAMILY_6) ? family_info(FAMILY_6)->name : "");
}

void refusal_find(struct context *ctx)
{
	for (size_t i = 0; i < ctx->model->n_services; i++) {
		const struct service *s = &ctx->model->services[i];

		if (is_refused(ctx, s))
			notes_add_named(&ctx->findings, NOTE_REFUSE, CHECK_INCOMPLETE,
			    s->spn, "%s", s->incomplete);
	}
	if (ctx->opts.from && is_loss(ctx))
		notes_add_named(&ctx->findings, NOTE_REFUSE, CHECK_LOSS, ctx->opts.from,
		    "%s", loss_text(ctx));
}
