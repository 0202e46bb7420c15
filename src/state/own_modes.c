/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which modes a node is in, as far as its own objects tell. */
#include "config.h"

#include "state/own.h"

#include <string.h>

/* The canary is there to see that a table was flushed; it serves nothing. */
static bool is_canary(const struct fw_chain *c)
{
	return !strcmp(c->name, "KUBE-PROXY-CANARY");
}

static unsigned in_shared_chain(enum fw_table_id t, const struct fw_chain *c)
{
	unsigned modes = 0;

	for (size_t i = 0; i < c->n_rules; i++) {
		unsigned owners = own_rule(t, c->name, &c->rules[i]);

		if (owners != OWN_BOTH)
			modes |= owners;
	}
	return modes;
}

static unsigned in_table(enum fw_table_id t, const struct fw_table *table)
{
	unsigned modes = 0;

	for (size_t i = 0; i < table->n_chains; i++) {
		const struct fw_chain *c = &table->chains[i];
		unsigned owners = c->builtin ? 0 : own_chain(t, c->name);

		if (owners == OWN_BOTH)
			modes |= in_shared_chain(t, c);
		else if (!(owners & OWN_KUBELET) && !is_canary(c))
			modes |= owners;
	}
	return modes;
}

static bool has_servers(const struct state *s, enum family f)
{
	for (size_t i = 0; i < s->lvs.n_services; i++)
		if (s->lvs.services[i].key.family == f &&
		    own_virtual_server(s, &s->lvs.services[i]))
			return true;
	return false;
}

unsigned own_modes_present(const struct state *s, enum family f)
{
	unsigned modes = 0;

	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
		modes |= in_table(t, &s->fw[f].tables[t]);
	if (state_has_vips(s, f) || has_servers(s, f))
		modes |= OWN_IPVS;
	return modes;
}

/* Whether any built-in chain of nat leads to KUBE-SERVICES. */
static bool services_linked(const struct fw_table *nat)
{
	for (size_t i = 0; i < nat->n_chains; i++) {
		const struct fw_chain *c = &nat->chains[i];

		for (size_t k = 0; c->builtin && k < c->n_rules; k++)
			if (own_jump(FW_NAT, c->name, &c->rules[k]) &&
			    !strcmp(c->rules[k].target.chain, "KUBE-SERVICES"))
				return true;
	}
	return false;
}

unsigned own_modes_carrying(const struct state *s, enum family f)
{
	const struct fw_table *nat = &s->fw[f].tables[FW_NAT];
	const struct fw_chain *c = fw_chain_find(nat, "KUBE-SERVICES");

	/* DNAT comes before IPVS sees a packet. */
	if (c && services_linked(nat) && in_shared_chain(FW_NAT, c) & OWN_IPTABLES)
		return OWN_IPTABLES;
	return has_servers(s, f) ? OWN_IPVS : 0;
}

static bool leads_to_endpoint(const struct fw_table *nat)
{
	for (size_t i = 0; i < nat->n_chains; i++) {
		const struct fw_chain *c = &nat->chains[i];

		if (!own_service_chain(FW_NAT, c->name))
			continue;
		for (size_t k = 0; k < c->n_rules; k++)
			if (c->rules[k].target.kind == FWT_DNAT)
				return true;
	}
	return false;
}

bool own_serves(const struct state *s, enum family f)
{
	unsigned carrying = own_modes_carrying(s, f);

	if (carrying & OWN_IPTABLES)
		return leads_to_endpoint(&s->fw[f].tables[FW_NAT]);
	for (size_t i = 0; carrying && i < s->lvs.n_services; i++) {
		const struct lvs_service *v = &s->lvs.services[i];

		if (v->key.family == f && v->n_dests && own_virtual_server(s, v))
			return true;
	}
	return false;
}
