/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What should be known of the input as a whole: it may be another node's, or lack something. */
#include "config.h"

#include "cmd/context_notes.h"

#include <string.h>

static bool has_ipv6(const struct model *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t j = 0; j < m->services[i].n_frontends; j++) {
			const struct frontend *fe = &m->services[i].frontends[j];

			if (fe->addr.len && addr_family(&fe->addr) == FAMILY_6)
				return true;
		}
	return false;
}

static void note_families(struct context *ctx)
{
	if (ctx->no_ipv6 && has_ipv6(ctx->model))
		notes_add(&ctx->notes, NOTE_WARNING, "IPv6",
		    "this kernel has none (not built in, or ipv6.disable=1): the IPv6 "
		    "addresses of services are left out, as by kube-proxy");
}

/* Whether services go by the node of their endpoints, and no endpoint is of this one. */
static bool is_on_no_endpoint(const struct context *ctx)
{
	bool any = false;

	for (size_t i = 0; i < ctx->model->n_services; i++) {
		const struct service *s = &ctx->model->services[i];

		if (!s->external_local && !s->internal_local)
			continue;
		for (size_t k = 0; k < s->n_endpoints; k++) {
			const char *node = s->endpoints[k].node;

			if (node && !strcmp(node, ctx->conf->node_name))
				return false;
			any |= node != NULL;
		}
	}
	return any;
}

static void note_unknown_node(struct context *ctx)
{
	bool nodes = ctx->model->n_nodes != 0;

	if (nodes && !model_node_find(ctx->model, ctx->conf->node_name))
		notes_add(&ctx->notes, NOTE_WARNING, ctx->conf->node_name,
		    "%s has no Node of this name: no endpoint counts as local; choose "
		    "with --node",
		    ctx->opts.from);
	else if (!nodes && is_on_no_endpoint(ctx))
		notes_add(&ctx->notes, NOTE_WARNING, ctx->conf->node_name,
		    "services are for local endpoints only, and none is said to be on a "
		    "node of this name; choose with --node");
}

static void note_pod_cidrs(struct context *ctx)
{
	if (ctx->conf->detect_local == DETECT_NODE_CIDR && !ctx->conf->n_node_pod_cidrs &&
	    ctx->model->n_services)
		notes_add(&ctx->notes, NOTE_WARNING, ctx->conf->node_name,
		    "detectLocalMode is NodeCIDR, and no pod CIDR of this node is known, "
		    "which its Node object would have: pods are not told from others");
}

void context_note(struct context *ctx)
{
	note_pod_cidrs(ctx);
	note_unknown_node(ctx);
	note_families(ctx);
}
