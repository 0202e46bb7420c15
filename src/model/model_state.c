/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The model read back from a state: family by family, in the mode that each is in. */
#include "config.h"

#include "model/model_state.h"
#include "model/model_state_parts.h"

#include <string.h>

/* Chains that serve nothing: the one that all services begin in is not there, as after
 * kube-proxy --cleanup, which forgets others. */
static bool is_beheaded(const struct fw_table *nat)
{
	return nat->present && !fw_chain_find(nat, "KUBE-SERVICES");
}

unsigned state_mode_of(const struct state *s, enum family f)
{
	unsigned modes = own_modes_carrying(s, f);

	if (!modes)
		modes = own_modes_present(s, f);
	if (is_beheaded(&s->fw[f].tables[FW_NAT]))
		modes &= ~(unsigned)MODE_BIT(MODE_IPTABLES);
	/* The rest of one mode beside the whole of the other: what has services. */
	if (modes == MODE_BOTH) {
		const struct fw_chain *c =
		    fw_chain_find(&s->fw[f].tables[FW_NAT], "KUBE-SERVICES");

		modes = MODE_BIT(MODE_IPVS);
		for (size_t i = 0; c && i < c->n_rules; i++)
			if (own_rule(FW_NAT, c->name, &c->rules[i]) == OWN_IPTABLES)
				modes = MODE_BIT(MODE_IPTABLES);
	}
	if (!modes)
		for (size_t i = 0; i < s->lvs.n_services; i++)
			if (s->lvs.services[i].key.family == f &&
			    !s->lvs.services[i].key.fwmark && !s->vips.present)
				modes = MODE_BIT(MODE_IPVS);
	return modes;
}

int model_from_state(const struct state_view *v, struct model **ret,
    struct notes *findings, struct error *err)
{
	AUTO(model_builder) struct model_builder *b = model_builder_new();
	struct reading rd = {
	    .v = v,
	    .state = v->state,
	    .builder = b,
	    .arena = model_builder_arena(b),
	    .findings = findings,
	};

	family_foreach (f) {
		rd.f = f;
		if (v->modes[f] == MODE_BIT(MODE_IPTABLES))
			read_iptables(&rd);
		else if (v->modes[f] == MODE_BIT(MODE_IPVS))
			read_ipvs(&rd);
		check_userspace(&rd);
	}
	found_finish(&rd);
	found_free(&rd);
	return model_builder_freeze(b, "the state", ret, err);
}
