/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show: the service model as a table for people, or as JSON for programs. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "cmd/show.h"

#include <stdio.h>
#include <string.h>

#define COLUMNS 6

struct row {
	char *cell[COLUMNS];
	const struct service *svc;
};

static const char *const headings[COLUMNS] = {
    "SERVICE", "TYPE", "ADDRESSES", "POLICY", "AFFINITY", "ENDPOINTS"};

/* "10.96.0.10:53/udp,*:30053/udp": every way in; a node port is on all node addresses. */
static char *addresses(const struct service *s, unsigned families)
{
	struct strbuf sb = {0};
	char buf[ADDRPORT_STRLEN];

	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];
		bool any = fe->kind == FE_NODE_PORT;

		if (!any && !(families & FAMILY_BIT(addr_family(&fe->addr))))
			continue;
		if (sb.len)
			strbuf_addch(&sb, ',');
		if (any)
			strbuf_addf(&sb, "*:%u", fe->port);
		else
			strbuf_add(&sb, addrport_format(&fe->addr, fe->port, buf));
	}
	strbuf_addf(&sb, "/%s", proto_name(s->proto));
	return sb.s;
}

static char *policy(const struct service *s)
{
	struct strbuf sb = {0};

	if (s->internal_local)
		strbuf_add(&sb, "int:Local");
	if (s->external_local)
		strbuf_addf(&sb, "%sext:Local", sb.len ? "," : "");
	if (s->n_ranges)
		strbuf_addf(&sb, "%s%zu range%s", sb.len ? "," : "", s->n_ranges,
		    s->n_ranges > 1 ? "s" : "");
	if (s->scheduler)
		strbuf_addf(&sb, "%s%s", sb.len ? "," : "", s->scheduler);
	if (!sb.len)
		strbuf_add(&sb, "-");
	return sb.s;
}

static char *affinity(const struct service *s)
{
	struct strbuf sb = {0};

	if (s->affinity)
		strbuf_addf(&sb, "%us", s->affinity_sec);
	else
		strbuf_add(&sb, "-");
	return sb.s;
}

static char *endpoints(const struct service *s, unsigned families)
{
	struct strbuf sb = {0};
	size_t ready = 0, total = 0;

	for (size_t i = 0; i < s->n_endpoints; i++) {
		if (!(families & FAMILY_BIT(addr_family(&s->endpoints[i].addr))))
			continue;
		total++;
		ready += s->endpoints[i].ready;
	}
	strbuf_addf(&sb, "%zu/%zu%s", ready, total, s->incomplete ? " incomplete" : "");
	return sb.s;
}

static struct row make_row(const struct service *s, unsigned families)
{
	return (struct row){
	    .cell =
		{
		    xstrdup(s->spn),
		    xstrdup(svc_type_name(s->type)),
		    addresses(s, families),
		    policy(s),
		    affinity(s),
		    endpoints(s, families),
		},
	    .svc = s,
	};
}

static void print_line(struct strbuf *sb, const char *const *cell, const size_t *width)
{
	for (int c = 0; c < COLUMNS; c++) {
		strbuf_add(sb, cell[c]);
		if (c == COLUMNS - 1)
			break;
		for (size_t i = strlen(cell[c]); i < width[c] + 2; i++)
			strbuf_addch(sb, ' ');
	}
	strbuf_addch(sb, '\n');
}

static void print_endpoints(struct strbuf *sb, const struct service *s, unsigned families)
{
	char buf[ADDRPORT_STRLEN];

	for (size_t i = 0; i < s->n_endpoints; i++) {
		const struct endpoint *e = &s->endpoints[i];

		if (!(families & FAMILY_BIT(addr_family(&e->addr))))
			continue;
		strbuf_addf(sb, "    %s", addrport_format(&e->addr, e->port, buf));
		if (e->node)
			strbuf_addf(sb, "  on %s", e->node);
		if (!e->ready)
			strbuf_addf(sb, "  not ready%s",
			    e->terminating ? (e->serving ? ", terminating, serving"
							 : ", terminating")
					   : "");
		strbuf_addch(sb, '\n');
	}
}

static void print_table(struct strbuf *sb, const struct context *ctx)
{
	const struct model *m = ctx->model;
	struct row *rows = xcalloc(m->n_services, sizeof(*rows));
	size_t width[COLUMNS];

	for (int c = 0; c < COLUMNS; c++)
		width[c] = strlen(headings[c]);
	for (size_t i = 0; i < m->n_services; i++) {
		rows[i] = make_row(&m->services[i], ctx->opts.families);
		for (int c = 0; c < COLUMNS; c++)
			if (strlen(rows[i].cell[c]) > width[c])
				width[c] = strlen(rows[i].cell[c]);
	}
	print_line(sb, headings, width);
	for (size_t i = 0; i < m->n_services; i++) {
		print_line(sb, (const char *const *)rows[i].cell, width);
		if (ctx->opts.output == OUT_WIDE)
			print_endpoints(sb, rows[i].svc, ctx->opts.families);
		for (int c = 0; c < COLUMNS; c++)
			free(rows[i].cell[c]);
	}
	free(rows);
}

static int print_form(struct strbuf *sb, const struct context *ctx, struct error *err)
{
	if (ctx->opts.mode_of_node)
		show_node(sb, ctx);
	else if (ctx->opts.output == OUT_IPVSADM)
		return show_ipvsadm(sb, ctx, err);
	else
		print_table(sb, ctx);
	return 0;
}

int cmd_show(struct context *ctx, struct error *err)
{
	struct strbuf sb = {.out = stdout};
	int ret;

	if (context_load(ctx, err))
		return -1;
	if (ctx->opts.mode_of_node && !ctx->seen)
		return error_set(err, ERR_USAGE, 0,
		    "--mode-of-node is about a node: -f live:MODE or dump:PATH, or no -f "
		    "for the live one");
	if (ctx->opts.output == OUT_JSON && !ctx->opts.mode_of_node)
		return model_write_json(ctx->model, stdout, err) ? -1 : EXIT_DONE;
	ret = print_form(&sb, ctx, err) || report_flush(&sb, err);
	strbuf_free(&sb);
	return ret ? -1 : EXIT_DONE;
}
