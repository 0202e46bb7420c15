/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model from the state of a node: where it is read from, and what that cannot tell.
 */
#include "config.h"

#include "cmd/read_back.h"
#include "cmd/cmd.h"
#include "cmd/report.h"
#include "kernel/route_nl.h"
#include "model/model_state.h"

#include <string.h>

#define LIVE "live:"
#define DUMP "dump:"

static bool is_dump(const struct context *ctx)
{
	return ctx->opts.from && !strncmp(ctx->opts.from, DUMP, strlen(DUMP));
}

/* A switch, or the examination before it, needs what is on this node. */
static bool is_switch(const struct context *ctx)
{
	return ctx->opts.command->groups & (GROUP_MIGRATE | GROUP_DOCTOR);
}

bool read_back_wanted(const struct context *ctx)
{
	const char *from = ctx->opts.from;

	if (!from)
		return ctx->opts.mode_of_node || is_switch(ctx);
	return is_dump(ctx) || !strncmp(from, LIVE, strlen(LIVE));
}

/* The mode behind "live:"; false with err when there is no such mode. */
static int live_mode(const struct context *ctx, enum mode *ret, struct error *err)
{
	if (mode_parse(ctx->opts.from + strlen(LIVE), ret))
		return 0;
	return error_set(err, ERR_USAGE, 0,
	    "-f %s: no such mode; it is live:iptables or live:ipvs", ctx->opts.from);
}

/* What the command reads of the live kernel anyway is the same. */
static bool shares_reading(const struct context *ctx)
{
	return !is_dump(ctx) && ctx->opts.command->groups & GROUP_LIVE &&
	       !ctx->opts.against;
}

int read_back_open(struct context *ctx, struct error *err)
{
	struct live_options live = {
	    .variant = ctx->opts.variant,
	    .lock_wait = ctx->opts.wait,
	};
	enum mode mode;

	if (is_dump(ctx))
		return dump_open_damaged(
		    ctx->opts.from + strlen(DUMP), &ctx->notes, &ctx->seen_source, err);
	if (ctx->opts.from && live_mode(ctx, &mode, err))
		return -1;
	if (shares_reading(ctx))
		return 0;
	return context_choose_families(ctx, err) ||
		       live_source_open(&live, &ctx->seen_source, err)
		   ? -1
		   : 0;
}

static int read_state(struct context *ctx, struct error *err)
{
	if (shares_reading(ctx)) {
		if (context_read(ctx, err))
			return -1;
		ctx->seen = ctx->have;
		return 0;
	}
	if (source_read(
		ctx->seen_source, KIND_ALL, ctx->opts.families, &ctx->seen_own, err))
		return -1;
	ctx->seen = ctx->seen_own;
	return 0;
}

/* The mode of each family: the one that was named, or the one that it is in. */
static int choose_modes(struct context *ctx, struct error *err)
{
	/* What a node is, is found out whatever was named. */
	bool named = ctx->opts.from && !is_dump(ctx) && !ctx->opts.mode_of_node,
	     any = false;
	enum mode mode = MODE_IPTABLES;

	if (named && live_mode(ctx, &mode, err))
		return -1;
	if (named && mode == MODE_IPVS && !ctx->seen->lvs.present)
		return error_set(err, ERR_BACKEND, 0,
		    "-f %s: this kernel has no IPVS now (module ip_vs)", ctx->opts.from);
	family_foreach (f) {
		if (!(ctx->opts.families & FAMILY_BIT(f)))
			continue;
		ctx->seen_modes[f] = named ? MODE_BIT(mode) : state_mode_of(ctx->seen, f);
		any |= ctx->seen_modes[f] != 0;
	}
	/* What ails the node itself can be said without services. */
	if (any || is_dump(ctx) || ctx->opts.mode_of_node ||
	    ctx->opts.command->groups & GROUP_DOCTOR)
		return 0;
	return error_set(err, ERR_REFUSED, 0,
	    "this node has the services of neither mode: give them with -f");
}

static const char *modes_text(const struct context *ctx)
{
	unsigned modes = 0;

	family_foreach (f)
		modes |= ctx->seen_modes[f];
	return modes == MODE_BOTH	      ? "both modes"
	       : modes == MODE_BIT(MODE_IPVS) ? "ipvs mode"
					      : "iptables mode";
}

/* What the kernel does not hold, and what that means for the state to come. */
static void report_losses(struct context *ctx)
{
	bool ipvs = false, iptables = false;

	family_foreach (f) {
		ipvs |= ctx->seen_modes[f] == MODE_BIT(MODE_IPVS);
		iptables |= ctx->seen_modes[f] == MODE_BIT(MODE_IPTABLES);
	}
	report_info(ctx, "%zu services read back from %s", ctx->model->n_services,
	    modes_text(ctx));
	report_info(ctx,
	    "not in it: endpoints that are not ready, nodes, zones and hints; they come "
	    "with kube-proxy's first sync");
	report_info(ctx, "which pods are on this node is taken from its routes");
	if (iptables)
		report_info(ctx,
		    "not in iptables mode: policies and source ranges of services "
		    "without endpoints; they have no traffic to apply to");
	if (ipvs)
		report_info(ctx,
		    "not in ipvs mode: names, internalTrafficPolicy, and which services "
		    "health check ports are of; chains get names made of addresses "
		    "until kube-proxy's first sync");
}

/* From what is in ctx->seen. */
static int make_model(struct context *ctx, struct error *err)
{
	struct state_view v = {.node = ctx->conf->node_name, .state = ctx->seen};

	memcpy(v.modes, ctx->seen_modes, sizeof(v.modes));
	if (is_switch(ctx) && !is_dump(ctx) &&
	    route_on_link(ctx->conf->arena, &v.near, &v.n_near, err))
		return -1;
	return model_from_state(&v, &ctx->model, &ctx->notes, err);
}

int read_back_renew(struct context *ctx, struct error *err)
{
	ctx->seen = ctx->have;
	return make_model(ctx, err);
}

int read_back_model(struct context *ctx, struct error *err)
{
	if (read_state(ctx, err) || choose_modes(ctx, err) || make_model(ctx, err))
		return -1;
	/* A node that was flushed must not be taken for one that has no services. */
	if (!ctx->opts.from && ctx->opts.command->groups & GROUP_MIGRATE &&
	    !ctx->model->n_services) {
		report_notes(ctx, &ctx->notes, NOTE_WARNING);
		return error_set(err, ERR_REFUSED, 0,
		    "no service can be read back from this node: give them with -f");
	}
	if (ctx->opts.from && !ctx->model->n_services && !ctx->opts.mode_of_node)
		notes_add(&ctx->notes, NOTE_WARNING, ctx->opts.from,
		    "no service can be read back from it");
	if (is_switch(ctx) && ctx->model->n_services)
		report_losses(ctx);
	if (!ctx->opts.from && (ctx->seen_modes[FAMILY_4] || ctx->seen_modes[FAMILY_6]))
		ctx->opts.from = ctx->seen_modes[FAMILY_4] == MODE_BIT(MODE_IPVS)
				     ? LIVE "ipvs"
				     : LIVE "iptables";
	return 0;
}

void read_back_settings(struct context *ctx)
{
	struct state_view v = {.state = ctx->seen};

	memcpy(v.modes, ctx->seen_modes, sizeof(v.modes));
	if (!ctx->opts.config)
		conf_take_state(ctx->conf, &v);
	context_take_addresses(ctx, ctx->seen);
	conf_take_node_of_state(ctx->conf, &v);
}

void read_back_free(struct context *ctx)
{
	state_free(ctx->seen_own);
	source_close(ctx->seen_source);
}
