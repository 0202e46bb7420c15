/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace: the way of one packet through the state of each mode, or of the node. */
#include "config.h"

#include "cmd/cmd.h"
#include "cmd/report.h"
#include "emit/emit.h"
#include "model/model_state.h"
#include "verify/walk_cases.h"
#include "verify/walk_json.h"
#include "verify/walk_text.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MAX_STATES 3

struct trace {
	struct context *ctx;
	struct walk_packet packet;
	struct state *rendered[2]; /* owned */
	struct walk walks[MAX_STATES];
	struct walk_result results[MAX_STATES];
	size_t n;
};

/* ---- the packet */

/* "10.96.0.10:53/udp", "[fd00::1]:80"; tcp if nothing is said. */
static int take_target(struct trace *t, struct error *err)
{
	const char *text = t->ctx->opts.file, *slash = strrchr(text, '/');
	char *addr = xstrdup(text);
	struct walk_packet *p = &t->packet;
	bool ok;

	proto_parse("tcp", &p->proto);
	if (slash)
		addr[slash - text] = '\0';
	ok = addrport_parse(addr, &p->dst, &p->port) && p->port &&
	     (!slash || proto_parse(slash + 1, &p->proto));
	free(addr);
	if (!ok)
		return error_set(err, ERR_USAGE, 0,
		    "%s: expected ADDRESS:PORT or ADDRESS:PORT/PROTOCOL, as "
		    "10.96.0.10:53/udp",
		    text);
	p->family = addr_family(&p->dst);
	if (t->ctx->opts.families & FAMILY_BIT(p->family))
		return 0;
	return error_set(err, ERR_USAGE, 0,
	    "%s: an %s address, and with -%c the other family alone is looked at", text,
	    family_info(p->family)->name, p->family == FAMILY_4 ? '6' : '4');
}

/* Of this node: those of others come in like the rest of the world. */
static bool is_pod(const struct conf *c, const struct addr *a)
{
	bool known = false;

	for (size_t i = 0; i < c->n_node_pod_cidrs; i++) {
		if (prefix_contains(&c->node_pod_cidrs[i], a))
			return true;
		known |= addr_family(&c->node_pod_cidrs[i].addr) == addr_family(a);
	}
	for (size_t i = 0; !known && i < c->n_cluster_cidrs; i++)
		if (prefix_contains(&c->cluster_cidrs[i], a))
			return true;
	return false;
}

static int take_class(struct trace *t, enum walk_client client, struct error *err)
{
	const struct service none = {0};
	const struct traffic nothing = {0};

	if (walk_client_packet(t->ctx->conf, client, &none, &nothing, &t->packet))
		return 0;
	return error_set(err, ERR_INPUT, 0,
	    "--source pod: no pod CIDR of %s is known (-c, Node objects); give an address",
	    family_info(t->packet.family)->name);
}

/* "10.244.1.5", "10.244.1.5%eth0" */
static int take_address(struct trace *t, const char *text, struct error *err)
{
	const char *percent = strchr(text, '%');
	char *addr = xstrdup(text);
	struct addr a;
	bool ok;

	if (percent)
		addr[percent - text] = '\0';
	ok = addr_parse(addr, &a) && addr_family(&a) == t->packet.family &&
	     (!percent || (percent[1] && strlen(percent + 1) < IF_NAMESIZE));
	free(addr);
	if (!ok)
		return error_set(err, ERR_USAGE, 0,
		    "--source %s: expected pod, node, outside, or an address of the same "
		    "family, with %%INTERFACE if need be",
		    text);
	if (take_class(t, is_pod(t->ctx->conf, &a) ? CLIENT_POD : CLIENT_OUTSIDE, err))
		return -1;
	t->packet.src = a;
	if (percent)
		t->packet.in = percent + 1;
	return 0;
}

/* A pod, or whoever there is where no pods are known, as on nodes without a pod CIDR. */
static int take_default(struct trace *t, struct error *err)
{
	if (!take_class(t, CLIENT_POD, err))
		return 0;
	error_clear(err);
	report_info(t->ctx, "no pod CIDR of %s is known: the packet comes from outside",
	    family_info(t->packet.family)->name);
	return take_class(t, CLIENT_OUTSIDE, err);
}

static int take_source(struct trace *t, struct error *err)
{
	const char *text = t->ctx->opts.source;

	if (!text)
		return take_default(t, err);
	if (!strcmp(text, "node"))
		return take_class(t, CLIENT_NODE, err);
	if (!strcmp(text, "outside"))
		return take_class(t, CLIENT_OUTSIDE, err);
	if (!strcmp(text, "pod"))
		return take_class(t, CLIENT_POD, err);
	return take_address(t, text, err);
}

/* ---- the states */

static void walk_state(struct trace *t, const char *name, const struct state *s)
{
	AUTO(walker) struct walker *w = walker_new(s);
	struct addr own = conf_own_addr(t->ctx->conf, t->packet.family);

	walker_set_own(w, &own);
	walk_packet(w, &t->packet, true, &t->walks[t->n]);
	t->results[t->n] = (struct walk_result){.name = name, .walk = &t->walks[t->n]};
	t->n++;
}

static int walk_rendered(struct trace *t, struct error *err)
{
	struct context *ctx = t->ctx;

	for (enum mode m = MODE_IPTABLES; m <= MODE_IPVS; m++) {
		if (emit_state(m, ctx->model, ctx->conf, ctx->opts.families,
			&t->rendered[m], NULL, err))
			return -1;
		walk_add_node(t->rendered[m], ctx->conf);
		walk_state(t, mode_name(m), t->rendered[m]);
	}
	return 0;
}

/* No Node object says what the node is: its state may. */
static void take_node(struct context *ctx)
{
	struct state_view v = {.node = ctx->conf->node_name, .state = ctx->have};

	family_foreach (f)
		v.modes[f] = state_mode_of(ctx->have, f);
	if (!ctx->conf->n_addrs)
		context_take_addresses(ctx, ctx->have);
	conf_take_node_of_state(ctx->conf, &v);
}

static int walk_all(struct trace *t, struct error *err)
{
	struct context *ctx = t->ctx;
	bool node = !ctx->opts.from || ctx->opts.against;

	if (take_target(t, err) || context_load(ctx, err) ||
	    (node && context_read(ctx, err)))
		return -1;
	if (node)
		take_node(ctx);
	if (take_source(t, err))
		return -1;
	if (node)
		walk_state(t, "node", ctx->have);
	return ctx->opts.from ? walk_rendered(t, err) : 0;
}

/* ---- printing */

static void print_heading(struct strbuf *sb, const struct trace *t, size_t i)
{
	const struct walk_packet *p = &t->packet;
	char dst[ADDRPORT_STRLEN], src[ADDR_STRLEN];

	strbuf_addf(sb, "%s%s, %s to %s/%s\n", t->results[i].name,
	    strcmp(t->results[i].name, "node") ? " mode" : "",
	    p->in ? addr_format(&p->src, src) : "this node",
	    addrport_format(&p->dst, p->port, dst), proto_name(p->proto));
}

static size_t widest(const char *s)
{
	size_t w = 0;

	for (; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strcspn(s, "\n") > w)
			w = strcspn(s, "\n");
	return w;
}

/* The columns of the terminal; 0: it is none. */
static size_t terminal_width(void)
{
	struct winsize ws;

	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) ? 0 : ws.ws_col;
}

static void print_beside(struct strbuf *sb, const struct strbuf *cols, size_t n)
{
	const char *at[MAX_STATES];
	bool more = true;

	for (size_t i = 0; i < n; i++)
		at[i] = strbuf_str(&cols[i]);
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++) {
			size_t len = strcspn(at[i], "\n");
			size_t width = i + 1 < n ? widest(strbuf_str(&cols[i])) + 3 : len;

			strbuf_addn(sb, at[i], len);
			for (size_t k = len; k < width; k++)
				strbuf_addch(sb, ' ');
			at[i] += len + (at[i][len] == '\n');
			more |= *at[i] != '\0';
		}
		strbuf_addch(sb, '\n');
	}
}

static void print_text(struct strbuf *sb, const struct trace *t)
{
	struct strbuf cols[MAX_STATES] = {0};
	size_t width = 0;

	for (size_t i = 0; i < t->n; i++) {
		print_heading(&cols[i], t, i);
		walk_print(&cols[i], &t->packet, t->results[i].walk);
		width += widest(strbuf_str(&cols[i])) + 3;
	}
	if (t->n > 1 && width <= terminal_width())
		print_beside(sb, cols, t->n);
	else
		for (size_t i = 0; i < t->n; i++)
			strbuf_addf(sb, "%s%s", i ? "\n" : "", strbuf_str(&cols[i]));
	for (size_t i = 0; i < t->n; i++)
		strbuf_free(&cols[i]);
}

int cmd_trace(struct context *ctx, struct error *err)
{
	struct trace t = {.ctx = ctx};
	struct strbuf sb = {.out = stdout};
	int ret = walk_all(&t, err);

	if (!ret) {
		if (ctx->opts.output == OUT_JSON)
			walk_print_json(&sb, &t.packet, t.results, t.n);
		else
			print_text(&sb, &t);
		ret = report_flush(&sb, err);
	}
	strbuf_free(&sb);
	for (size_t i = 0; i < t.n; i++)
		walk_free(&t.walks[i]);
	state_free(t.rendered[MODE_IPTABLES]);
	state_free(t.rendered[MODE_IPVS]);
	return ret ? -1 : EXIT_DONE;
}
