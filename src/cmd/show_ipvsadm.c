/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show -o ipvsadm: the layout that operators know from ipvsadm -Ln, with a name behind
 * each virtual server. */
#include "config.h"

#include "cmd/show.h"
#include "emit/emit.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *forward_name(uint8_t fwd)
{
	static const char *const names[] = {
	    [LVS_MASQ] = "Masq",
	    [LVS_LOCAL] = "Local",
	    [LVS_TUNNEL] = "Tunnel",
	    [LVS_DROUTE] = "Route",
	};

	return fwd < sizeof(names) / sizeof(names[0]) ? names[fwd] : "?";
}

/* Frontends sorted by port and address, so that each server finds its own. */
struct entry {
	const struct frontend *fe;
	const struct service *s;
};

static int compare(const void *va, const void *vb)
{
	const struct entry *a = va, *b = vb;
	int c = (int)a->s->proto - (int)b->s->proto;

	if (!c)
		c = (int)a->fe->port - (int)b->fe->port;
	return c ? c : addr_cmp(&a->fe->addr, &b->fe->addr);
}

static struct entry *sort_frontends(const struct model *m, size_t *n_ret)
{
	struct entry *v;
	size_t n = 0;

	for (size_t i = 0; i < m->n_services; i++)
		n += m->services[i].n_frontends;
	v = xcalloc(n + 1, sizeof(*v));
	n = 0;
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t k = 0; k < m->services[i].n_frontends; k++)
			v[n++] =
			    (struct entry){&m->services[i].frontends[k], &m->services[i]};
	qsort(v, n, sizeof(*v), compare);
	*n_ret = n;
	return v;
}

/* A node port has no address: it is the one that is left. */
static const struct service *find(
    const struct entry *v, size_t n, const struct lvs_key *k)
{
	struct frontend fe = {.port = k->port, .addr = k->addr};
	struct service s = {.proto = k->proto};
	struct entry key = {&fe, &s};
	const struct entry *e = bsearch(&key, v, n, sizeof(*v), compare);

	if (!e) {
		fe.addr = (struct addr){0};
		e = bsearch(&key, v, n, sizeof(*v), compare);
	}
	return e ? e->s : NULL;
}

static void print_server(
    struct strbuf *sb, const struct lvs_service *sv, const struct service *s)
{
	char text[ADDRPORT_STRLEN];
	const char *proto = proto_name(sv->key.proto);

	if (sv->key.fwmark)
		strbuf_addf(sb, "FWM  %u%s", sv->key.fwmark,
		    sv->key.family == FAMILY_6 ? " IPv6" : "");
	else
		for (int i = 0; i < 4; i++)
			strbuf_addch(
			    sb, proto && proto[i] ? (char)(proto[i] - 'a' + 'A') : ' ');
	if (!sv->key.fwmark)
		strbuf_addf(
		    sb, " %s", addrport_format(&sv->key.addr, sv->key.port, text));
	strbuf_addf(sb, " %s", sv->sched);
	if (sv->flags & LVS_F_PERSISTENT)
		strbuf_addf(sb, " persistent %u", sv->timeout);
	if (s)
		strbuf_addf(sb, "  # %s", s->spn);
	strbuf_addch(sb, '\n');
	for (size_t i = 0; i < sv->n_dests; i++) {
		const struct lvs_dest *d = &sv->dests[i];

		strbuf_addf(sb, "  -> %-28s %-7s %-6d %-10u %-10u\n",
		    addrport_format(&d->addr, d->port, text), forward_name(d->fwd),
		    d->weight, d->active, d->inactive);
	}
}

int show_ipvsadm(struct strbuf *sb, const struct context *ctx, struct error *err)
{
	AUTO(state) struct state *made = NULL;
	const struct lvs_table *t = ctx->seen ? &ctx->seen->lvs : NULL;
	struct entry *v;
	size_t n;

	/* Of a cluster: what ipvs mode would have. */
	if (!t) {
		if (emit_state(MODE_IPVS, ctx->model, ctx->conf, ctx->opts.families,
			&made, NULL, err))
			return -1;
		t = &made->lvs;
	}
	v = sort_frontends(ctx->model, &n);
	strbuf_add(sb, "Prot LocalAddress:Port Scheduler Flags\n"
		       "  -> RemoteAddress:Port           Forward Weight ActiveConn "
		       "InActConn\n");
	for (size_t i = 0; i < t->n_services; i++) {
		const struct lvs_service *sv = &t->services[i];

		if (ctx->opts.families & FAMILY_BIT(sv->key.family))
			print_server(
			    sb, sv, sv->key.fwmark ? NULL : find(v, n, &sv->key));
	}
	free(v);
	return 0;
}
