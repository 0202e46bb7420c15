/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The desired state of a mode: calls the backend and reports what the services ask for
 * that no kernel can give them. The backends do the rest.
 */
#include "config.h"

#include "emit/emit.h"

#include "model/traffic.h"

static bool has_vip(const struct service *s, const struct conf *c, enum family f)
{
	for (size_t i = 0; i < s->n_frontends; i++) {
		const struct frontend *fe = &s->frontends[i];

		if (fe->kind == FE_LOAD_BALANCER && addr_family(&fe->addr) == f &&
		    frontend_is_served(fe, c))
			return true;
	}
	return false;
}

/* Source ranges that say less than they seem to. */
static void note_ranges(
    const struct service *s, const struct conf *c, enum family f, struct notes *notes)
{
	size_t n = 0;

	if (s->n_ranges == 0 || !(s->families & FAMILY_BIT(f)) || !has_vip(s, c, f))
		return;
	for (size_t i = 0; i < s->n_ranges; i++)
		n += addr_family(&s->ranges[i].addr) == f;
	if (n == 0)
		notes_add(notes, NOTE_WARNING, s->spn,
		    "loadBalancerSourceRanges has no %s range: the load balancer's %s "
		    "addresses are open to all",
		    family_info(f)->name, family_info(f)->name);
}

/* Plain load balancing knows more than rules of the iptables mode can say. */
static void note_plain(const struct service *s, struct notes *notes)
{
	bool weights = false;

	for (size_t i = 0; i < s->n_endpoints; i++)
		weights |= s->endpoints[i].weight_set && s->endpoints[i].weight != 1;
	if (weights)
		notes_add(notes, NOTE_WARNING, s->spn,
		    "iptables mode knows no weights: every endpoint gets the same share");
	if (s->forwarding != FWD_MASQUERADE)
		notes_add(notes, NOTE_WARNING, s->spn,
		    "iptables mode cannot forward directly or by tunnel: the destination "
		    "address is translated");
}

int emit_state(enum mode mode, const struct model *m, const struct conf *c,
    unsigned families, struct state **ret, struct notes *notes, struct error *err)
{
	AUTO(state) struct state *s = state_new();
	int rc = 0;

	s->knobs.present = true;
	if (mode == MODE_IPVS)
		rc = emit_ipvs(m, c, families, s, notes, err);
	family_foreach (f) {
		if (!(families & FAMILY_BIT(f)))
			continue;
		if (mode == MODE_IPTABLES && rc == 0)
			rc = emit_iptables(m, c, f, s, notes, err);
		for (size_t i = 0; i < m->n_services; i++)
			note_ranges(&m->services[i], c, f, notes);
	}
	if (rc != 0)
		return -1;
	for (size_t i = 0; mode == MODE_IPTABLES && i < m->n_services; i++)
		note_plain(&m->services[i], notes);
	*ret = s;
	s = NULL;
	return 0;
}
