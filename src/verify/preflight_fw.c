/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of others that would meet traffic on its new way. Towards ipvs, packets to
 * virtual addresses become packets to this node: they pass filter INPUT, and every rule
 * about local destinations sees them.
 */
#include "config.h"

#include "verify/preflight_part.h"
#include "model/traffic.h"
#include "state/fw_fate.h"
#include "verify/guess.h"

#include <stdio.h>
#include <string.h>

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool has_services(const struct subject *s, enum family f)
{
	for (size_t i = 0; i < s->p.model->n_services; i++)
		if (s->p.model->services[i].families & FAMILY_BIT(f))
			return true;
	return false;
}

/* ---- packets to services */

/* Calls fn for what is known of the first packet of a connection to each way in of this
 * family: from the pods to cluster addresses, from those allowed to load balancers. */
struct ways {
	const struct subject *s;
	enum family family;
	void (*fn)(struct ways *w, const struct service *svc, const struct guess *g);
	void *data;
};

static void try_sources(struct ways *w, const struct service *svc, struct guess *g,
    const struct prefix *list, size_t n)
{
	size_t tried = 0;

	for (size_t i = 0; i < n; i++)
		if (addr_family(&list[i].addr) == w->family) {
			g->src = list[i];
			w->fn(w, svc, g);
			tried++;
		}
	if (tried)
		return;
	g->src = (struct prefix){0};
	w->fn(w, svc, g);
}

static void try_frontend(
    struct ways *w, const struct service *svc, const struct frontend *fe)
{
	const struct conf *c = w->s->p.conf;
	struct guess g = {
	    .family = w->family,
	    .dst = fe->addr,
	    .proto = svc->proto,
	    .port = fe->port,
	    .sets = &w->s->p.want->sets,
	};

	if (fe->kind == FE_NODE_PORT)
		g.dst = conf_node_ip(c, w->family);
	else if (addr_family(&fe->addr) != w->family)
		return;
	if (fe->kind == FE_CLUSTER)
		try_sources(w, svc, &g, c->cluster_cidrs, c->n_cluster_cidrs);
	else if (fe->kind == FE_LOAD_BALANCER)
		try_sources(w, svc, &g, svc->ranges, svc->n_ranges);
	else
		try_sources(w, svc, &g, NULL, 0);
}

static void each_way(struct ways *w)
{
	const struct model *m = w->s->p.model;

	for (size_t i = 0; i < m->n_services; i++)
		for (size_t k = 0; m->services[i].families & FAMILY_BIT(w->family) &&
				   k < m->services[i].n_frontends;
		     k++)
			try_frontend(w, &m->services[i], &m->services[i].frontends[k]);
}

/* "10.96.0.1:80", or "node port 30080". */
static const char *way_format(const struct guess *g, char buf[ADDRPORT_STRLEN + 16])
{
	if (addr_is_set(&g->dst))
		addrport_format(&g->dst, g->port, buf);
	else
		snprintf(buf, ADDRPORT_STRLEN + 16, "node port %u", g->port);
	return buf;
}

/* ---- a firewall */

struct dropped {
	const struct fw_table *filter;
	const struct service *first;
	struct guess g;
	struct guess_drop drop;
	size_t n;
};

static void note_dropped(struct ways *w, const struct service *svc, const struct guess *g)
{
	struct dropped *d = w->data;
	struct guess_drop drop;

	if (!guess_is_dropped(g, d->filter, "INPUT", &drop))
		return;
	if (!d->n++) {
		d->first = svc;
		d->g = *g;
		d->drop = drop;
	}
}

static void check_input(const struct subject *s, enum family f)
{
	const char *iptables = family_info(f)->iptables;
	struct dropped d = {.filter = &s->p.have->fw[f].tables[FW_FILTER]};
	struct ways w = {.s = s, .family = f, .fn = note_dropped, .data = &d};
	char way[ADDRPORT_STRLEN + 16];
	struct strbuf rule = {0};

	each_way(&w);
	if (!d.n)
		return;
	if (d.drop.rule)
		fw_print_rule(&rule, f, d.drop.chain, d.drop.rule);
	else
		strbuf_addf(&rule, "the policy of %s", d.drop.chain);
	notes_add_named(s->notes, NOTE_ACCEPT, "input-firewall", iptables,
	    "in ipvs mode service traffic passes filter INPUT, which drops it for %zu ways "
	    "in, such as %s (%s), by: %s. Accept it there first: %s -I INPUT -d ADDRESSES -j "
	    "ACCEPT, and the node ports",
	    d.n, way_format(&d.g, way), d.first->spn, rule.s, iptables);
	strbuf_free(&rule);
}

static void check_forward(const struct subject *s, enum family f)
{
	if (fw_chain_fate(&s->p.have->fw[f].tables[FW_FILTER], "FORWARD") == FW_DROPPED)
		notes_add_named(s->notes, NOTE_WARNING, "forward-firewall",
		    family_info(f)->iptables,
		    "filter FORWARD drops what it does not know, and in iptables mode "
		    "service traffic passes it: see that the pod network is accepted "
		    "there");
}

/* ---- DNAT for local destinations */

static bool is_for_local(const struct fw_rule *r)
{
	if (r->opaque)
		return strstr(r->opaque, "--dst-type LOCAL") &&
		       !strstr(r->opaque, "! --dst-type LOCAL");
	for (size_t i = 0; i < r->n_matches; i++) {
		const struct fw_match *m = &r->matches[i];

		if (m->kind == FWM_ADDRTYPE && !m->invert &&
		    m->addrtype.dst & FW_ADDRTYPE_LOCAL)
			return true;
	}
	return false;
}

/* hostPort and Docker's published ports catch traffic to virtual addresses too as soon as
 * those are local, unless kube-proxy's rules come first. */
struct caught {
	const struct fw_table *nat;
	const struct fw_rule *rule; /* the one for local destinations */
	const struct service *first;
	const struct fw_rule *dnat;
	struct guess g;
};

static void note_caught(struct ways *w, const struct service *svc, const struct guess *g)
{
	struct caught *c = w->data;

	if (c->first)
		return;
	c->dnat = guess_dnat(g, c->nat, c->rule);
	if (c->dnat) {
		c->first = svc;
		c->g = *g;
	}
}

static void check_rule(
    const struct subject *s, enum family f, const char *chain, const struct fw_rule *r)
{
	struct caught c = {.nat = &s->p.have->fw[f].tables[FW_NAT], .rule = r};
	struct ways w = {.s = s, .family = f, .fn = note_caught, .data = &c};
	char way[ADDRPORT_STRLEN + 16];
	struct strbuf text = {0};

	each_way(&w);
	if (!c.first)
		return;
	fw_print_rule(&text, f, chain, r);
	notes_add_named(s->notes, NOTE_ACCEPT, "local-dnat", c.first->spn,
	    "%s is local in ipvs mode, and a rule of others in nat stands before "
	    "kube-proxy's and sends its port elsewhere: %s. Move that rule below the jump "
	    "to KUBE-SERVICES, or free the port",
	    way_format(&c.g, way), text.s);
	strbuf_free(&text);
}

static void check_local_dnat(const struct subject *s, enum family f, const char *chain)
{
	const struct fw_chain *c = fw_chain_find(&s->p.have->fw[f].tables[FW_NAT], chain);

	for (size_t i = 0; c && i < c->n_rules; i++) {
		if (own_jump(FW_NAT, chain, &c->rules[i]))
			return;
		if (is_for_local(&c->rules[i]))
			check_rule(s, f, chain, &c->rules[i]);
	}
}

/* ---- connections that are not tracked */

/* The address after "-d" in a rule kept as text. */
static bool destination_of(const struct fw_rule *r, struct addr *ret)
{
	char word[ADDR_STRLEN + 4];
	struct prefix p;
	const char *d;

	if (!r->opaque) {
		*ret = r->dst.addr;
		return addr_is_set(ret);
	}
	d = starts_with(r->opaque, "-d ") ? r->opaque : strstr(r->opaque, " -d ");
	if (!d || sscanf(strstr(d, "-d ") + 3, "%49s", word) != 1 ||
	    !prefix_parse(word, &p))
		return false;
	*ret = p.addr;
	return true;
}

static const struct service *service_at(const struct model *m, const struct addr *a)
{
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t k = 0; k < m->services[i].n_frontends; k++)
			if (m->services[i].frontends[k].kind == FE_CLUSTER &&
			    addr_eq(&m->services[i].frontends[k].addr, a))
				return &m->services[i];
	return NULL;
}

static bool is_notrack(const struct fw_rule *r)
{
	return r->opaque &&
	       (strstr(r->opaque, "--notrack") || strstr(r->opaque, "-j NOTRACK"));
}

static void check_notrack(const struct subject *s, enum family f)
{
	const struct fw_table *raw = &s->p.have->fw[f].tables[FW_RAW];
	const struct service *last = NULL;

	for (size_t i = 0; i < raw->n_chains; i++) {
		for (size_t k = 0; k < raw->chains[i].n_rules; k++) {
			const struct fw_rule *r = &raw->chains[i].rules[k];
			const struct service *svc;
			struct addr a;

			if (!is_notrack(r) || !destination_of(r, &a))
				continue;
			svc = service_at(s->p.model, &a);
			if (!svc || svc == last)
				continue;
			last = svc;
			notes_add_named(s->notes, NOTE_REFUSE, "untracked", svc->spn,
			    "rules in the raw table keep conntrack off its cluster IP "
			    "(NodeLocal DNSCache does so); IPVS needs conntrack. Point "
			    "pods to the cache's link-local address and let it leave the "
			    "cluster IP alone, then remove the NOTRACK rules");
		}
	}
}

/* Every packet passes them besides the tables of iptables, and a drop is a drop. */
static void check_nft(const struct subject *s)
{
	const struct node_facts *facts = s->p.facts;

	if (facts->nft_drops)
		notes_add_named(s->notes, NOTE_ACCEPT, "input-firewall", "nft",
		    "in ipvs mode service traffic passes chains of nft that drop what they "
		    "do not know: %s. See that they accept the service addresses and node "
		    "ports (nft list ruleset)",
		    facts->nft_drops);
	if (facts->nft_input)
		notes_add_named(s->notes, NOTE_WARNING, "input-firewall", "nft",
		    "in ipvs mode service traffic passes chains of nft (firewalld?), whose "
		    "rules are not looked at: %s. See that they accept the service "
		    "addresses and node ports (nft list ruleset)",
		    facts->nft_input);
}

void preflight_tables(const struct subject *s)
{
	if (s->p.to == MODE_IPVS && s->p.model->n_services)
		check_nft(s);
	family_foreach (f) {
		if (!s->p.have->fw[f].present || !has_services(s, f))
			continue;
		if (s->p.to == MODE_IPTABLES) {
			check_forward(s, f);
			continue;
		}
		check_input(s, f);
		check_local_dnat(s, f, "PREROUTING");
		check_local_dnat(s, f, "OUTPUT");
		check_notrack(s, f);
	}
}
