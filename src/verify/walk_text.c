/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways of a packet as lines. */
#include "config.h"

#include "verify/walk_text.h"

#include <string.h>

static void print_rule(
    struct strbuf *sb, const struct walk_packet *p, const struct walk_step *s)
{
	struct strbuf rule = {0};

	fw_print_rule(&rule, p->family, s->chain, s->rule);
	/* Without "-A CHAIN ". */
	strbuf_addf(sb, "%s %s: %s%s", fw_table_name(s->table), s->chain,
	    rule.s + strlen("-A  ") + strlen(s->chain),
	    s->unsure ? "  (cannot be told)" : "");
	strbuf_free(&rule);
}

void walk_print_step(
    struct strbuf *sb, const struct walk_packet *p, const struct walk_step *s)
{
	char key[80], dest[ADDRPORT_STRLEN];

	switch (s->kind) {
	case WALK_RULE:
		print_rule(sb, p, s);
		break;
	case WALK_POLICY:
		strbuf_addf(sb, "%s %s: policy DROP", fw_table_name(s->table), s->chain);
		break;
	case WALK_ROUTE:
		strbuf_addf(sb, "routing: %s", s->local ? "to this node" : "to others");
		break;
	case WALK_SERVER:
		strbuf_addf(sb, "ipvs: %s %s", lvs_key_format(&s->svc->key, key),
		    s->dest ? addrport_format(&s->dest->addr, s->dest->port, dest)
			    : "has no real server with a weight");
		break;
	}
}

const char *walk_end_format(const struct walk_path *p, char buf[ADDRPORT_STRLEN])
{
	static const char *const said[] = {
	    [WALK_LISTENER] = "a socket of this node, if there is one",
	    [WALK_PASSED] = "passed on as it is",
	    [WALK_REFUSED] = "refused",
	    [WALK_DROPPED] = "dropped",
	    [WALK_UNKNOWN] = "cannot be told",
	};

	if (p->end == WALK_ENDPOINT)
		return addrport_format(&p->dst, p->port, buf);
	return said[p->end];
}

static void print_end(struct strbuf *sb, const struct walk_path *p)
{
	static const char *const sources[] = {
	    [WALK_CLIENT] = "the client",
	    [WALK_NODE] = "this node",
	    [WALK_VIP] = "a virtual address",
	};
	char buf[ADDRPORT_STRLEN];

	strbuf_addf(sb, "=> %s", walk_end_format(p, buf));
	if (p->end == WALK_ENDPOINT)
		strbuf_addf(sb, ", sees %s", sources[p->source]);
	if (p->affinity)
		strbuf_add(sb, ", who is remembered");
	else if (p->unsure)
		strbuf_add(sb, ", if at all: rules of others decide");
	else if (p->share < 1)
		strbuf_addf(sb, ", %.1f %%", p->share * 100);
	strbuf_addch(sb, '\n');
}

static bool same_step(const struct walk_step *a, const struct walk_step *b)
{
	return a->kind == b->kind && a->chain == b->chain && a->rule == b->rule &&
	       a->svc == b->svc && a->dest == b->dest && a->local == b->local;
}

void walk_print(struct strbuf *sb, const struct walk_packet *p, const struct walk *w)
{
	const struct walk_path *last = NULL;

	for (size_t i = 0; i < w->n_paths; i++) {
		const struct walk_path *path = &w->paths[i];
		size_t k = 0;

		while (last && k < path->n_steps && k < last->n_steps &&
		       same_step(&path->steps[k], &last->steps[k]))
			k++;
		for (; k < path->n_steps; k++) {
			strbuf_add(sb, last ? "    " : "  ");
			walk_print_step(sb, p, &path->steps[k]);
			strbuf_addch(sb, '\n');
		}
		strbuf_add(sb, "  ");
		print_end(sb, path);
		last = path;
	}
	if (w->cut)
		strbuf_add(sb, "  and more: too much cannot be told\n");
}
