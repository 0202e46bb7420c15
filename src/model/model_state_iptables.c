/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One family in iptables mode: the ways in that nat has, from KUBE-SERVICES and
 * KUBE-NODEPORTS on, and the chains that nothing leads to.
 */
#include "config.h"

#include "model/model_state_parts.h"

#include <string.h>

#define SERVICES "KUBE-SERVICES"
#define NODE_PORTS "KUBE-NODEPORTS"

/* A rule that brings traffic to a service port's chain. */
struct way_in {
	struct place at;
	enum role role;
	const char *hash;
	const char *spn, *rest; /* of its comment, or NULL */
};

static bool open_way(struct reading *rd, const struct fw_chain *c,
    const struct fw_rule *r, struct way_in *ret)
{
	const char *comment = rule_comment(rd->arena, r);

	*ret =
	    (struct way_in){.at = {rd->nat, c->name, r}, .role = ROLE_NONE, .rest = ""};
	if (comment)
		ret->spn = comment_spn(rd->arena, comment, &ret->rest);
	if (r->target.kind == FWT_JUMP)
		ret->role = chain_role(r->target.chain, &ret->hash);
	return ret->role != ROLE_NONE && ret->role != ROLE_SEP;
}

/* The kind of an address, by the comment, or else by the chain. */
static enum frontend_kind kind_of(const struct way_in *w)
{
	if (strstr(w->rest, "cluster IP"))
		return FE_CLUSTER;
	if (strstr(w->rest, "loadbalancer IP"))
		return FE_LOAD_BALANCER;
	if (strstr(w->rest, "external IP"))
		return FE_EXTERNAL;
	switch (w->role) {
	case ROLE_FW:
		return FE_LOAD_BALANCER;
	case ROLE_SVC:
	case ROLE_SVL:
		return FE_CLUSTER;
	default:
		return FE_EXTERNAL;
	}
}

static void take_way(struct reading *rd, struct way_in *w, enum frontend_kind kind,
    const struct addr *a, uint16_t port)
{
	const struct fw_rule *r = w->at.rule;
	struct found *fd = found_get(rd, w->hash, w->spn, r->proto);
	const struct fw_chain *c;

	if (fd->proto != r->proto) {
		not_understood(
		    rd, fd, &w->at, "its chain is that of a service of another protocol");
		return;
	}
	if (!found_add_frontend(rd, fd, kind, a, port))
		not_understood(rd, fd, &w->at, "this already leads to %s",
		    found_label(rd, found_by_claim(rd, a, port, r->proto)));
	if (kind == FE_CLUSTER)
		fd->internal_local |= w->role == ROLE_SVL || w->role == ROLE_XLB;
	else
		fd->external_local |= w->role == ROLE_SVL || w->role == ROLE_XLB;
	c = jump_target(rd, fd, &w->at);
	if (c)
		read_service_chain(rd, fd, c, w->role);
}

/* A rule for a service that cannot be taken for what it is. */
static void puzzled(struct reading *rd, struct way_in *w, const char *why)
{
	const struct fw_rule *r = w->at.rule;
	struct found *fd = NULL;

	if (w->hash && r->proto)
		fd = found_get(rd, w->hash, w->spn, r->proto);
	for (int i = 0; !fd && w->spn && i < 3; i++)
		fd = found_by_name(rd, w->spn, (const uint8_t[]){6, 17, 132}[i]);
	if (!fd && w->spn)
		fd = found_get(rd, w->hash, w->spn, r->proto ? r->proto : 6);
	not_understood(
	    rd, fd, &w->at, "%s", r->opaque ? opaque_reason(rd->arena, r) : why);
}

static void read_services(struct reading *rd, const struct fw_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		const struct addr *a = rule_host(r);
		struct way_in w;
		bool way = open_way(rd, c, r, &w);

		if (r->opaque)
			puzzled(rd, &w, "");
		else if (rule_marks(r))
			continue; /* of a pair, as old releases write it */
		else if (rule_jumps_to(r, NODE_PORTS))
			jump_target(rd, NULL, &w.at);
		else if (way && a && rule_port(r))
			take_way(rd, &w, kind_of(&w), a, rule_port(r));
		else if (way || own_rule(FW_NAT, SERVICES, r) != OWN_IPVS)
			puzzled(rd, &w, misfit_reason(r));
	}
}

static void read_node_ports(struct reading *rd, const struct fw_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		struct way_in w;
		bool way = open_way(rd, c, r, &w);

		if (r->opaque)
			puzzled(rd, &w, "");
		else if (rule_marks(r))
			continue;
		else if (way && rule_port(r))
			take_way(rd, &w, FE_NODE_PORT, NULL, rule_port(r));
		else
			puzzled(rd, &w, misfit_reason(r));
	}
}

/* ---- halves of what belongs together */

/* Packets are marked for a way in: then a rule that leads on must be there. */
static void check_marks(struct reading *rd, const struct fw_chain *c)
{
	for (size_t i = 0; i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		const struct addr *a = rule_host(r);
		struct way_in w;

		if (r->opaque || !rule_marks(r) || !rule_port(r) ||
		    (!a && !strcmp(c->name, SERVICES)) ||
		    found_by_claim(rd, a, rule_port(r), r->proto))
			continue;
		open_way(rd, c, r, &w);
		puzzled(rd, &w, "packets are marked, but no rule leads them on");
	}
}

static void check_all_marks(struct reading *rd)
{
	for (size_t i = 0; i < rd->nat->n_chains; i++) {
		const struct fw_chain *c = &rd->nat->chains[i];
		enum role role = chain_role(c->name, NULL);

		if (!strcmp(c->name, SERVICES) || !strcmp(c->name, NODE_PORTS) ||
		    (rd->reached[i] && (role == ROLE_SVC || role == ROLE_SVL)))
			check_marks(rd, c);
	}
}

/* With older kube-proxies (1.4, 1.8) a service that nobody answers has its chains all the
 * same, without rules. */
static void check_lists(struct reading *rd)
{
	/* 1.1 had no rules in filter that would tell. */
	bool told = !rd->filter->present || fw_chain_find(rd->filter, SERVICES);

	for (size_t i = 0; i < rd->list.n; i++) {
		struct found *fd = rd->list.v[i];

		if (fd->empty.table != rd->nat || fd->rejected & FAMILY_BIT(rd->f))
			continue;
		if (told)
			not_understood(
			    rd, fd, &fd->empty, "this chain leads to no endpoint");
		else
			remark(rd, fd, &fd->empty,
			    "this chain leads to no endpoint: nobody is there, or a "
			    "rule is missing");
	}
}

/* ---- what nothing leads to */

static bool chain_leads_to(const struct fw_table *t, const char *from, const char *to)
{
	const struct fw_chain *c = fw_chain_find(t, from);

	for (size_t i = 0; c && i < c->n_rules; i++)
		if (rule_jumps_to(&c->rules[i], to))
			return true;
	return false;
}

/* kube-proxy itself leaves some for a while: no service is worse for them. */
static void check_reached(struct reading *rd)
{
	const struct place at = {rd->nat, NULL, NULL};
	struct strbuf names = {0};
	size_t n = 0;

	for (size_t i = 0; i < rd->nat->n_chains; i++) {
		const struct fw_chain *c = &rd->nat->chains[i];

		if (rd->reached[i] || chain_role(c->name, NULL) == ROLE_NONE)
			continue;
		if (n++ < 3)
			strbuf_addf(&names, "%s%s", n > 1 ? ", " : "", c->name);
	}
	if (n)
		remark(rd, NULL, &at,
		    "nothing leads to %zu chains (%s%s): they are left over, or rules are "
		    "missing",
		    n, names.s, n > 3 ? ", ..." : "");
	strbuf_free(&names);
}

static void check_jumps(struct reading *rd)
{
	static const char *const from[] = {"PREROUTING", "OUTPUT"};
	const struct fw_chain *np = fw_chain_find(rd->nat, NODE_PORTS);

	for (size_t i = 0; i < sizeof(from) / sizeof(from[0]); i++) {
		struct place at = {rd->nat, from[i], NULL};

		if (rd->list.n && !chain_leads_to(rd->nat, from[i], SERVICES))
			remark(rd, NULL, &at, "no rule leads to " SERVICES);
	}
	if (np && np->n_rules && !rd->reached[np - rd->nat->chains]) {
		struct place at = {rd->nat, SERVICES, NULL};

		remark(rd, NULL, &at,
		    "no rule leads to " NODE_PORTS ": node ports do not work");
	}
}

/* Up to 1.25, and in OpenShift for services that sleep: their endpoints are known to the
 * process alone. */
void check_userspace(struct reading *rd)
{
	static const char *const names[] = {
	    "KUBE-PORTALS-CONTAINER", "KUBE-NODEPORT-CONTAINER"};

	rd->nat = &rd->state->fw[rd->f].tables[FW_NAT];
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct fw_chain *c = fw_chain_find(rd->nat, names[i]);
		const struct place at = {rd->nat, names[i], NULL};

		if (c && c->n_rules)
			remark(rd, NULL, &at,
			    "rules of kube-proxy's userspace mode (%zu): their services are "
			    "not read back",
			    c->n_rules);
	}
}

void read_iptables(struct reading *rd)
{
	const struct fw_ruleset *rs = &rd->state->fw[rd->f];
	const struct fw_chain *services, *node_ports;

	rd->nat = &rs->tables[FW_NAT];
	rd->filter = &rs->tables[FW_FILTER];
	rd->reached = xcalloc(rd->nat->n_chains + 1, sizeof(*rd->reached));
	services = fw_chain_find(rd->nat, SERVICES);
	node_ports = fw_chain_find(rd->nat, NODE_PORTS);
	if (services)
		read_services(rd, services);
	if (node_ports)
		read_node_ports(rd, node_ports);
	read_filter(rd);
	check_all_marks(rd);
	check_lists(rd);
	if (services)
		check_jumps(rd);
	check_reached(rd);
	free(rd->reached);
	rd->reached = NULL;
}
