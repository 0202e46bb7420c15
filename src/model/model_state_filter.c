/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What iptables mode has in filter: services that nobody answers, which are nowhere else,
 * health check ports, and the guard of load balancers with source ranges.
 */
#include "config.h"

#include "model/model_state_parts.h"

#include <netinet/in.h>
#include <string.h>

static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};

static bool to_node(const struct fw_rule *r)
{
	const struct fw_match *m = rule_match(r, FWM_ADDRTYPE);

	return m && !m->invert && m->addrtype.dst == FW_ADDRTYPE_LOCAL;
}

static bool has_cluster_ip(const struct found *fd, enum family f)
{
	for (size_t i = 0; i < fd->frontends.n; i++)
		if (fd->frontends.v[i].kind == FE_CLUSTER &&
		    addr_family(&fd->frontends.v[i].addr) == f)
			return true;
	return false;
}

/* The service port of a rule: by its comment, or else by the address. */
static struct found *found_of(
    struct reading *rd, const struct fw_rule *r, const struct addr *a, const char **rest)
{
	const char *comment = rule_comment(rd->arena, r), *spn = NULL;
	struct found *fd = NULL;

	*rest = "";
	if (comment)
		spn = comment_spn(rd->arena, comment, rest);
	if (!spn)
		fd = found_by_claim(rd, a, rule_port(r), r->proto);
	if (!fd)
		fd = found_get(rd, NULL, spn, r->proto);
	fd->families |= FAMILY_BIT(rd->f);
	return fd;
}

/* "has no endpoints" or "has no local endpoints": the way in, and the policy. */
static void take_refusal(
    struct reading *rd, const struct fw_chain *c, const struct fw_rule *r, bool inside)
{
	const struct place at = {rd->filter, c->name, r};
	const struct addr *a = rule_host(r);
	enum frontend_kind kind = FE_EXTERNAL;
	const char *rest;
	struct found *fd = found_of(rd, r, a, &rest);

	if (!a)
		kind = FE_NODE_PORT;
	else if (inside && !has_cluster_ip(fd, rd->f))
		kind = FE_CLUSTER;
	if (r->target.kind == FWT_REJECT)
		fd->rejected |= FAMILY_BIT(rd->f);
	else if (inside)
		fd->internal_local = true;
	else
		fd->external_local = true;
	if (r->target.kind == FWT_DROP && !inside && rd->nat->present &&
	    !found_frontend(fd, a, rule_port(r)))
		not_understood(rd, fd, &at,
		    "dropped, but no rule of nat leads to endpoints elsewhere");
	/* Pods and the node itself may still get through: then nat has the address too.
	 */
	if (!found_add_frontend(rd, fd, kind, a, rule_port(r)))
		not_understood(rd, fd, &at, "%s belongs to %s",
		    a ? "this address" : "this port",
		    found_label(rd, found_by_claim(rd, a, rule_port(r), r->proto)));
}

static void puzzled(struct reading *rd, const struct fw_chain *c, const struct fw_rule *r)
{
	const struct place at = {rd->filter, c->name, r};
	const char *comment = rule_comment(rd->arena, r), *spn = NULL;
	struct found *fd = NULL;

	if (comment)
		spn = comment_spn(rd->arena, comment, NULL);
	for (size_t i = 0; spn && !fd && i < sizeof(protocols); i++)
		fd = found_by_name(rd, spn, protocols[i]);
	if (spn && !fd)
		fd = found_get(rd, NULL, spn, r->proto ? r->proto : IPPROTO_TCP);
	not_understood(rd, fd, &at, "%s",
	    r->opaque ? opaque_reason(rd->arena, r) : misfit_reason(r));
}

static void read_refusals(struct reading *rd, const char *name, bool inside)
{
	const struct fw_chain *c = fw_chain_find(rd->filter, name);

	for (size_t i = 0; c && i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		bool refuses = r->target.kind == FWT_REJECT || r->target.kind == FWT_DROP;

		if (!r->opaque && refuses && rule_port(r) && (rule_host(r) || to_node(r)))
			take_refusal(rd, c, r, inside);
		else
			puzzled(rd, c, r);
	}
}

/* kube-proxy answers there, with TCP whatever the service speaks. */
static void read_health_checks(struct reading *rd)
{
	const struct fw_chain *c = fw_chain_find(rd->filter, "KUBE-NODEPORTS");

	for (size_t i = 0; c && i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		const char *comment = rule_comment(rd->arena, r), *spn = NULL;
		struct found *fd = NULL;

		if (comment)
			spn = comment_spn(rd->arena, comment, NULL);
		for (size_t k = 0; spn && !fd && k < sizeof(protocols); k++)
			fd = found_by_name(rd, spn, protocols[k]);
		if (r->opaque || !fd || r->target.kind != FWT_ACCEPT || !rule_port(r)) {
			puzzled(rd, c, r);
			continue;
		}
		fd->health_port = rule_port(r);
		fd->external_local = true;
	}
}

/* Since 1.25 what the source ranges do not let in is dropped here. */
static void read_guard(struct reading *rd)
{
	const struct fw_chain *c = fw_chain_find(rd->filter, "KUBE-PROXY-FIREWALL");

	for (size_t i = 0; c && i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		const struct place at = {rd->filter, c->name, r};
		const struct addr *a = rule_host(r);
		const char *rest;
		struct found *fd;

		if (!r->opaque && r->target.kind == FWT_JUMP &&
		    own_chain(FW_FILTER, r->target.chain) == OWN_IPVS)
			continue;
		if (r->opaque || r->target.kind != FWT_DROP || !a || !rule_port(r)) {
			puzzled(rd, c, r);
			continue;
		}
		fd = found_of(rd, r, a, &rest);
		if (!found_frontend(fd, a, rule_port(r)))
			not_understood(rd, fd, &at,
			    "source ranges for an address that no rule of nat has");
		else if (!(fd->walked[rd->f] & ROLE_BIT(ROLE_FW)))
			not_understood(
			    rd, fd, &at, "source ranges, but no chain that has them");
	}
}

static void check_tables(struct reading *rd)
{
	const struct place at = {rd->nat, NULL, NULL};

	if (rd->nat->present && !rd->filter->present)
		remark(rd, NULL, &at,
		    "table filter is not here: services without endpoints, which are "
		    "only there, are not seen");
	if (rd->filter->present && !rd->nat->present)
		remark(rd, NULL, &(struct place){rd->filter, NULL, NULL},
		    "table nat is not here: services that have endpoints are not seen");
}

/* The API server gives every local load balancer a health check port; older kube-proxies
 * had no chain for them. */
static void check_health(struct reading *rd)
{
	if (!fw_chain_find(rd->filter, "KUBE-NODEPORTS"))
		return;
	for (size_t i = 0; i < rd->list.n; i++) {
		const struct found *fd = rd->list.v[i];
		bool lb = false;

		for (size_t k = 0; k < fd->frontends.n; k++)
			lb |= fd->frontends.v[k].kind == FE_LOAD_BALANCER;
		if (lb && fd->external_local && !fd->health_port &&
		    fd->families & FAMILY_BIT(rd->f))
			remark(rd, fd,
			    &(struct place){rd->filter, "KUBE-NODEPORTS", NULL},
			    "there is no health check port for this local load balancer");
	}
}

void read_filter(struct reading *rd)
{
	read_refusals(rd, "KUBE-SERVICES", true);
	read_refusals(rd, "KUBE-EXTERNAL-SERVICES", false);
	read_health_checks(rd);
	read_guard(rd);
	check_health(rd);
	check_tables(rd);
}
