/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan for people: one line per object, under the service that it belongs to. */
#include "config.h"

#include "plan/change.h"
#include "plan/sink.h"

#include <string.h>

/* Heading of what serves all services: the fixed chains, sysctls, sets as such. */
#define SHARED "(all services)"

/* ---- one object in words */

static void print_rule(struct strbuf *sb, const struct change *c)
{
	const struct op *op = c->op;
	const struct fw_chain *chain = op->want ? op->want : op->have;

	strbuf_addf(
	    sb, "%s %s ", family_info(op->family)->iptables, fw_table_name(op->table));
	fw_print_rule(sb, op->family, chain->name, change_object(c));
}

static void print_chain(struct strbuf *sb, const struct change *c)
{
	strbuf_addf(sb, "%s %s %s", family_info(c->op->family)->iptables,
	    fw_table_name(c->op->table),
	    ((const struct fw_chain *)change_object(c))->name);
}

static void print_set(struct strbuf *sb, const struct change *c)
{
	const struct kset *s = change_object(c);
	const char *type = kset_type_name(s->type);

	strbuf_addf(sb, "%s %s", s->name, type ? type : s->other_type);
	if (c->have && c->want && c->op->why)
		strbuf_addf(sb, ": %s", c->op->why);
}

static void print_entry(struct strbuf *sb, const struct change *c)
{
	const struct op *op = c->op;
	struct strbuf line = {0};

	/* "add NAME ENTRY\n" */
	kset_print_entry(&line, op->want ? op->want : op->have, change_object(c));
	strbuf_addn(sb, line.s + 4, line.len - 5);
	strbuf_free(&line);
}

static void print_server_settings(struct strbuf *sb, const struct lvs_service *s)
{
	strbuf_add(sb, s->sched);
	if (s->flags & LVS_F_PERSISTENT)
		strbuf_addf(sb, " persistent %u s", s->timeout);
}

static void print_server(struct strbuf *sb, const struct change *c)
{
	const struct lvs_service *have = c->have, *want = c->want;
	char key[80];

	strbuf_addf(sb, "%s ", lvs_key_format(want ? &want->key : &have->key, key));
	if (have)
		print_server_settings(sb, have);
	if (have && want)
		strbuf_add(sb, " -> ");
	if (want)
		print_server_settings(sb, want);
}

static void print_dest_settings(struct strbuf *sb, const struct lvs_dest *d)
{
	static const char *const fwd[] = {
	    [LVS_MASQ] = "",
	    [LVS_LOCAL] = " local",
	    [LVS_TUNNEL] = " tunnel",
	    [LVS_DROUTE] = " direct",
	};

	strbuf_addf(
	    sb, "weight %d%s", d->weight, d->fwd <= LVS_DROUTE ? fwd[d->fwd] : "");
	if (d->u_thresh || d->l_thresh)
		strbuf_addf(sb, " thresholds %u/%u", d->l_thresh, d->u_thresh);
}

static void print_dest(struct strbuf *sb, const struct change *c)
{
	const struct lvs_service *s = c->op->want ? c->op->want : c->op->have;
	const struct lvs_dest *have = c->have, *want = c->want, *d = change_object(c);
	char key[80], addr[ADDRPORT_STRLEN];

	strbuf_addf(sb, "%s -> %s ", lvs_key_format(&s->key, key),
	    addrport_format(&d->addr, d->port, addr));
	if (have)
		print_dest_settings(sb, have);
	if (have && want)
		strbuf_add(sb, " -> ");
	if (want)
		print_dest_settings(sb, want);
}

static void print_timeouts(struct strbuf *sb, const struct change *c)
{
	const struct lvs_table *t = change_object(c);

	strbuf_addf(sb, "tcp %u, tcpfin %u, udp %u", t->tcp_timeout, t->tcpfin_timeout,
	    t->udp_timeout);
}

static void print_vip(struct strbuf *sb, const struct change *c)
{
	const struct vip_addr *a = change_object(c);

	if (c->type == CHANGE_LINK) {
		strbuf_addf(
		    sb, "%s dummy", ((const struct vip_link *)change_object(c))->name);
		return;
	}
	prefix_print(sb, &a->prefix);
	strbuf_addf(sb, " on %s", a->link);
}

static void print_knob(struct strbuf *sb, const struct change *c)
{
	const struct knob *have = c->have, *want = c->want;

	strbuf_addf(sb, "%s %s", (want ? want : have)->name,
	    have && have->value ? have->value : "unset");
	if (want)
		strbuf_addf(sb, " -> %s", want->value);
}

static const struct {
	const char *name;
	void (*print)(struct strbuf *sb, const struct change *c);
} types[CHANGE_TYPE_COUNT] = {
    [CHANGE_CHAIN] = {"chain", print_chain},
    [CHANGE_RULE] = {"rule", print_rule},
    [CHANGE_SET] = {"set", print_set},
    [CHANGE_ENTRY] = {"set entry", print_entry},
    [CHANGE_SERVER] = {"virtual server", print_server},
    [CHANGE_DEST] = {"real server", print_dest},
    [CHANGE_TIMEOUTS] = {"time-outs", print_timeouts},
    [CHANGE_LINK] = {"link", print_vip},
    [CHANGE_ADDR] = {"address", print_vip},
    [CHANGE_KNOB] = {"sysctl", print_knob},
};

const char *change_type_name(enum change_type t)
{
	return types[t].name;
}

char change_sign(const struct change *c)
{
	return !c->have ? '+' : !c->want ? '-' : '~';
}

void change_print_object(struct strbuf *sb, const struct change *c)
{
	types[c->type].print(sb, c);
}

static void print_change(struct strbuf *sb, const struct change *c)
{
	strbuf_addf(sb, "  %c %-14s ", change_sign(c), change_type_name(c->type));
	change_print_object(sb, c);
	strbuf_addch(sb, '\n');
}

/* ---- grouping */

struct line {
	struct change change;
	const char *service; /* or NULL */
	size_t index;
};

struct lines {
	struct service_index *services;
	VEC(struct line) list;
};

static void collect(void *ctx, const struct change *c)
{
	struct lines *l = ctx;
	struct line line = {*c, service_of_change(l->services, c), l->list.n};

	vec_push(&l->list, line);
}

/* What all services share first; within a service the order of the run. */
static int cmp_line(const void *va, const void *vb)
{
	const struct line *a = va, *b = vb;
	int c = strcmp(a->service ? a->service : "", b->service ? b->service : "");

	return c ? c : a->index < b->index ? -1 : a->index > b->index;
}

static void print_ops(
    struct strbuf *sb, struct service_index *services, const struct op *ops, size_t n)
{
	struct lines l = {.services = services};

	for (size_t i = 0; i < n; i++)
		op_each_change(&ops[i], collect, &l);
	if (l.list.n)
		qsort(l.list.v, l.list.n, sizeof(*l.list.v), cmp_line);
	for (size_t i = 0; i < l.list.n; i++) {
		const struct line *line = &l.list.v[i], *last = i ? line - 1 : NULL;
		const char *heading = line->service ? line->service : SHARED;

		if (!last || strcmp(heading, last->service ? last->service : SHARED))
			strbuf_addf(sb, "%s%s\n", last ? "\n" : "", heading);
		print_change(sb, &line->change);
	}
	vec_free(&l.list);
}

/* ---- findings */

static const char *about_of(const struct note *n)
{
	return n->about ? n->about : SHARED;
}

static int cmp_note(const void *va, const void *vb)
{
	const struct note *const *a = va, *const *b = vb;
	int c = strcmp(about_of(*a), about_of(*b));

	return c ? c : *a < *b ? -1 : *a > *b;
}

/* Those with a name: what the examination before a switch found, service by service. */
static void print_findings(struct strbuf *sb, const struct notes *notes)
{
	VEC(const struct note *) list = {0};

	for (size_t i = 0; i < notes->list.n; i++)
		if (notes->list.v[i].name)
			vec_push(&list, &notes->list.v[i]);
	if (list.n) {
		qsort(list.v, list.n, sizeof(*list.v), cmp_note);
		strbuf_add(sb, "== findings\n");
	}
	for (size_t i = 0; i < list.n; i++) {
		const struct note *n = list.v[i];

		if (!i || strcmp(about_of(n), about_of(list.v[i - 1])))
			strbuf_addf(sb, "%s\n", about_of(n));
		strbuf_addf(sb, "  %s %-20s %s\n", n->level < NOTE_ACCEPT ? "." : "!",
		    n->name, n->text);
	}
	if (list.n)
		strbuf_add(sb, "\n");
	vec_free(&list);
}

void plan_print_text(struct strbuf *sb, const struct plan *p, bool phases)
{
	struct service_index *services = service_index_new(p);
	struct plan_counts n;

	print_findings(sb, &p->notes);
	if (!phases)
		print_ops(sb, services, p->ops, p->n_ops);
	for (enum phase ph = 0; phases && ph < PHASE_COUNT; ph++) {
		size_t from, to;

		plan_phase_range(p, ph, &from, &to);
		if (from == to)
			continue;
		strbuf_addf(sb, "%s== %s\n", from ? "\n" : "", phase_name(ph));
		print_ops(sb, services, p->ops + from, to - from);
	}
	plan_count(p, &n);
	strbuf_addf(sb, "%s%zu to add, %zu to change, %zu to delete\n",
	    p->n_ops ? "\n" : "", n.add, n.change, n.remove);
	service_index_free(services);
}
