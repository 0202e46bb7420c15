/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What else is at work on the node: a second writer, the other variant of iptables, what
 * an earlier mode left. */
#include "config.h"

#include "verify/preflight_part.h"

#include <string.h>

/* The mode carries the services already: whoever keeps it so is no adversary. */
static bool is_done(const struct subject *s)
{
	bool done = false;

	family_foreach (f) {
		unsigned carrying = own_modes_carrying(s->p.have, f);

		if (carrying && carrying != MODE_BIT(s->p.to))
			return false;
		done |= carrying != 0;
	}
	return done;
}

static void check_writers(const struct subject *s)
{
	const struct node_facts *facts = s->p.facts;
	bool done = is_done(s);

	for (size_t i = 0; i < facts->n_writers; i++) {
		const struct node_writer *w = &facts->writers[i];

		if (w->stopped) {
			notes_add_named(s->notes, NOTE_INFO, "second-writer", w->name,
			    "process %d is stopped", w->pid);
			continue;
		}
		if (w->frozen)
			notes_add_named(s->notes, NOTE_INFO, "second-writer", w->name,
			    "process %d is running and will be stopped", w->pid);
		else if (done)
			notes_add_named(s->notes, NOTE_WARNING, "second-writer", w->name,
			    "process %d is running, and the node is in %s mode already",
			    w->pid, mode_name(s->p.to));
		else
			notes_add_named(s->notes, NOTE_REFUSE, "second-writer", w->name,
			    "process %d is running. It would undo the switch at its next "
			    "sync. Stop it, or let it be stopped: --freeze auto",
			    w->pid);
	}
	if (facts->health_port && !facts->n_writers && !done)
		notes_add_named(s->notes, NOTE_REFUSE, "second-writer", NULL,
		    "somebody listens on kube-proxy's health port %d, in a process that "
		    "cannot be seen from here. It would undo the switch at its next sync: "
		    "stop it",
		    HEALTH_PORT);
}

/* kube-proxy in iptables mode makes it anew when it is gone; it stays when that ends. */
static bool has_canary(const struct state *s)
{
	family_foreach (f)
		for (int t = 0; t < FW_TABLE_COUNT; t++)
			if (fw_chain_find(&s->fw[f].tables[t], "KUBE-PROXY-CANARY"))
				return true;
	return false;
}

static void tell_canary(const struct subject *s)
{
	if (has_canary(s->p.have) && !s->p.facts->n_writers && !s->p.facts->health_port)
		notes_add_named(s->notes, NOTE_INFO, "second-writer", "KUBE-PROXY-CANARY",
		    "is there: a kube-proxy in iptables mode, or vipshift, was at work here, "
		    "and no kube-proxy is seen now");
}

static void check_variants(const struct subject *s)
{
	const struct node_facts *facts = s->p.facts;

	if (facts->other_services)
		notes_add_named(s->notes, NOTE_REFUSE, "both-variants", "iptables",
		    "both variants hold service rules, and both act on packets; the other "
		    "one has %s: remove the stale ones (vipshift flush iptables, with "
		    "--iptables legacy or --iptables nft)",
		    facts->other_variant);
	else if (facts->other_variant)
		notes_add_named(s->notes, NOTE_WARNING, "both-variants", "iptables",
		    "the variant that this node does not use has rules too, which are not "
		    "looked at: %s",
		    facts->other_variant);
}

static void tell_leftovers(const struct subject *s)
{
	family_foreach (f) {
		unsigned carrying = own_modes_carrying(s->p.have, f);
		unsigned left = own_modes_present(s->p.have, f) & ~carrying;

		if (!s->p.have->fw[f].present || !carrying || !left)
			continue;
		notes_add_named(s->notes, NOTE_INFO, "leftovers", family_info(f)->name,
		    "%s mode carries the services, and objects of %s mode are there, too",
		    mode_name(carrying & OWN_IPVS ? MODE_IPVS : MODE_IPTABLES),
		    mode_name(left & OWN_IPVS ? MODE_IPVS : MODE_IPTABLES));
	}
}

void preflight_node(const struct subject *s)
{
	check_writers(s);
	tell_canary(s);
	check_variants(s);
	tell_leftovers(s);
}
