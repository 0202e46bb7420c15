/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of others that would meet traffic on its new way. Towards ipvs, packets to
 * virtual addresses become packets to this node: they pass filter INPUT, and every rule
 * about local destinations sees them.
 */
#include "config.h"

#include "verify/preflight_fw.h"
#include "state/fw_fate.h"

#include <stdio.h>
#include <string.h>

static bool starts_with(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool drops_rest(const struct subject *s, enum family f, const char *chain)
{
	return fw_chain_fate(&s->have->fw[f].tables[FW_FILTER], chain) == FW_DROPPED;
}

static bool has_services(const struct subject *s, enum family f)
{
	for (size_t i = 0; i < s->model->n_services; i++)
		if (s->model->services[i].families & FAMILY_BIT(f))
			return true;
	return false;
}

static void check_input(const struct subject *s, enum family f)
{
	if (drops_rest(s, f, "INPUT"))
		notes_add(s->notes, NOTE_REFUSE, family_info(f)->iptables,
		    "filter INPUT drops what it does not know (policy, or a rule for all "
		    "packets), and in ipvs mode all service traffic passes it: accept the "
		    "service addresses and node ports there first, for instance "
		    "%s -I INPUT -m set --match-set %sIPVS-IPS dst -j ACCEPT once the set "
		    "exists, or set the policy to ACCEPT",
		    family_info(f)->iptables, family_info(f)->set_prefix);
}

static void check_forward(const struct subject *s, enum family f)
{
	if (drops_rest(s, f, "FORWARD"))
		notes_add(s->notes, NOTE_WARNING, family_info(f)->iptables,
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
static void check_local_dnat(const struct subject *s, enum family f, const char *chain)
{
	const struct fw_chain *c = fw_chain_find(&s->have->fw[f].tables[FW_NAT], chain);

	for (size_t i = 0; c && i < c->n_rules; i++) {
		const struct fw_rule *r = &c->rules[i];
		struct strbuf text = {0};

		if (own_jump(FW_NAT, chain, r))
			return;
		if (!is_for_local(r))
			continue;
		fw_print_rule(&text, f, chain, r);
		notes_add(s->notes, NOTE_WARNING, family_info(f)->iptables,
		    "a nat rule for local destinations stands before kube-proxy's: %s. "
		    "It will catch service traffic to the ports that it serves; move it "
		    "below the jump to KUBE-SERVICES if it serves ports of services",
		    text.s);
		strbuf_free(&text);
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
	const struct fw_table *raw = &s->have->fw[f].tables[FW_RAW];
	const struct service *last = NULL;

	for (size_t i = 0; i < raw->n_chains; i++) {
		for (size_t k = 0; k < raw->chains[i].n_rules; k++) {
			const struct fw_rule *r = &raw->chains[i].rules[k];
			const struct service *svc;
			struct addr a;

			if (!is_notrack(r) || !destination_of(r, &a))
				continue;
			svc = service_at(s->model, &a);
			if (!svc || svc == last)
				continue;
			last = svc;
			notes_add(s->notes, NOTE_REFUSE, svc->spn,
			    "rules in the raw table keep conntrack off its cluster IP "
			    "(NodeLocal DNSCache does so); IPVS needs conntrack. Point "
			    "pods to the cache's link-local address and let it leave the "
			    "cluster IP alone, then remove the NOTRACK rules");
		}
	}
}

void preflight_tables(const struct subject *s)
{
	family_foreach (f) {
		if (!s->have->fw[f].present || !has_services(s, f))
			continue;
		if (s->to == MODE_IPTABLES) {
			check_forward(s, f);
			continue;
		}
		check_input(s, f);
		check_local_dnat(s, f, "PREROUTING");
		check_local_dnat(s, f, "OUTPUT");
		check_notrack(s, f);
	}
}
