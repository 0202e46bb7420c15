/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands against a switch, or should be known before: failures that would show only
 * when the traffic has moved. Addresses, tables and other programs have files of their
 * own, preflight_*.c.
 */
#include "config.h"

#include "verify/preflight.h"
#include "verify/preflight_part.h"

#include <stdio.h>
#include <string.h>

/* Per cent of the conntrack table. Old entries stay while new ones come. */
#define CONNTRACK_WARN 80
#define CONNTRACK_REFUSE 95

/* ---- the kernel */

static void need(const struct subject *s, bool ok, const char *what, const char *todo)
{
	if (!ok)
		notes_add_named(
		    s->notes, NOTE_REFUSE, "kernel", "kernel", "%s; %s", what, todo);
}

static bool needs_ipv6(const struct vip_table *want, const struct vip_table *have)
{
	for (size_t i = 0; i < want->n_addrs; i++) {
		const struct vip_addr *v = &want->addrs[i];

		if (!strcmp(v->link, VIP_LINK) &&
		    addr_family(&v->prefix.addr) == FAMILY_6 &&
		    !vip_find_addr_on(have, VIP_LINK, &v->prefix.addr))
			return true;
	}
	return false;
}

/* A new link has what "default" says. */
const char *preflight_no_ipv6(
    const struct state *want, const struct state *have, const struct kernel_caps *caps)
{
	const struct knob_table *t = &have->knobs;
	const char *link = knob_fact(t, "net.ipv6.conf." VIP_LINK ".disable_ipv6");
	const char *all = knob_fact(t, "net.ipv6.conf.default.disable_ipv6");
	const char *off = link ? link : all;

	if (!needs_ipv6(&want->vips, &have->vips))
		return NULL;
	if (!off && caps->no_ipv6)
		return "services have IPv6 addresses, and this kernel has no IPv6 (it is not "
		       "built in, or ipv6.disable=1); leave it out with -4";
	if (!off || !strcmp(off, "0"))
		return NULL;
	return "services have IPv6 addresses, and IPv6 is disabled for " VIP_LINK
	       " (sysctl "
	       "net.ipv6.conf.default.disable_ipv6, or the interface's own); enable it, or "
	       "leave it out with -4";
}

static void check_caps(const struct subject *s, const struct kernel_caps *caps)
{
	const char *no_ipv6 = preflight_no_ipv6(s->p.want, s->p.have, caps);

	need(s, caps->net_admin, "no permission", "run as root");
	need(s, caps->legacy_tables || caps->nft_tables,
	    "the iptables (legacy) interface is not there",
	    "load it: modprobe -a iptable_filter iptable_nat");
	if (s->p.have->fw[FAMILY_6].present && s->p.want->fw[FAMILY_6].present)
		need(s, caps->legacy_tables6 || caps->nft_tables,
		    "the ip6tables (legacy) interface is not there",
		    "load it: modprobe -a ip6table_filter ip6table_nat, or leave IPv6 out "
		    "with -4");
	if (s->p.to != MODE_IPVS)
		return;
	if (no_ipv6)
		notes_add_named(s->notes, NOTE_REFUSE, "kernel", "kernel", "%s", no_ipv6);
	need(s, caps->ipvs, "IPVS is not there", "load it: modprobe ip_vs");
	need(s, caps->ipset, "IP sets are not there",
	    "load them: modprobe -a ip_set xt_set");
	need(s, caps->dummy, "dummy interfaces are not there",
	    "load them: modprobe dummy");
	if (!caps->ipvs)
		notes_add_named(s->notes, NOTE_INFO, "scheduler", "kernel",
		    "not looked for, as IPVS is not there");
	else if (!caps->scheduler)
		notes_add_named(s->notes, NOTE_REFUSE, "scheduler", "kernel",
		    "the IPVS scheduler %s is not there; load it: modprobe ip_vs_%s, or "
		    "set another ipvs.scheduler in the kube-proxy configuration",
		    s->p.conf->scheduler, s->p.conf->scheduler);
}

static void check_sysctls(const struct subject *s, const struct kernel_caps *caps)
{
	const struct knob_table *want = &s->p.want->knobs;

	for (size_t i = 0; caps->fixed_sysctls && i < want->n_knobs; i++) {
		const struct knob *w = &want->knobs[i];
		const struct knob *h = knob_find(&s->p.have->knobs, w->name);

		if (w->value && (!h || !h->value || strcmp(h->value, w->value) != 0))
			notes_add_named(s->notes, NOTE_REFUSE, "kernel", w->name,
			    "must become %s, and /proc/sys is read-only here; run where it "
			    "is not, or set it there before: sysctl -w %s=%s",
			    w->value, w->name, w->value);
	}
}

static void check_conntrack(const struct subject *s, const struct kernel_caps *caps)
{
	unsigned long percent;

	if (!caps->conntrack_max)
		return;
	percent = caps->conntrack_count * 100 / caps->conntrack_max;
	if (percent > CONNTRACK_WARN)
		notes_add_named(s->notes,
		    percent > CONNTRACK_REFUSE ? NOTE_REFUSE : NOTE_WARNING,
		    "conntrack-room", "conntrack",
		    "%lu of %lu entries are in use; when the table is full every new "
		    "connection fails. Raise it: sysctl -w net.netfilter.nf_conntrack_max="
		    "%lu",
		    caps->conntrack_count, caps->conntrack_max, caps->conntrack_max * 2);
}

/* ---- objects under our names */

/* A server of ours has no real servers but the service's endpoints. One that a broken-off
 * run left before its address came is such a one too. */
static bool looks_foreign(const struct lvs_service *have, const struct lvs_service *want)
{
	size_t j = 0;

	if (have->key.fwmark || have->pe)
		return true;
	for (size_t i = 0; i < have->n_dests; i++) {
		while (j < want->n_dests &&
		       lvs_dest_cmp(&want->dests[j], &have->dests[i]) < 0)
			j++;
		if (j == want->n_dests || lvs_dest_cmp(&want->dests[j], &have->dests[i]))
			return true;
	}
	return false;
}

static void check_servers(const struct subject *s)
{
	char key[80];

	for (size_t i = 0; i < s->p.want->lvs.n_services; i++) {
		const struct lvs_service *want = &s->p.want->lvs.services[i];
		const struct lvs_service *have = lvs_find(&s->p.have->lvs, &want->key);

		if (have && !own_virtual_server(s->p.have, have) &&
		    looks_foreign(have, want))
			notes_add_named(s->notes, NOTE_REFUSE, "foreign-server",
			    want->why,
			    "virtual server %s is there already and is none of "
			    "kube-proxy's (keepalived?): delete it, or give the service "
			    "another address",
			    lvs_key_format(&want->key, key));
	}
}

static void check_sets(const struct subject *s)
{
	for (size_t i = 0; i < s->p.want->sets.n_sets; i++) {
		const struct kset *want = &s->p.want->sets.sets[i];
		const struct kset *have = kset_find(&s->p.have->sets, want->name);
		const char *type = have ? kset_type_name(have->type) : NULL;

		if (!have || kset_same_header(want, have))
			continue;
		if (have->type != want->type || have->references)
			notes_add_named(s->notes, NOTE_REFUSE, "foreign-set", want->name,
			    "an IP set of this name has type %s and another definition "
			    "than kube-proxy's (%s), which would end each of its syncs: "
			    "find out who uses it, then: ipset destroy %s",
			    type ? type : have->other_type, kset_type_name(want->type),
			    want->name);
		else
			notes_add_named(s->notes, NOTE_WARNING, "foreign-set", want->name,
			    "this IP set has another size, family or extension than "
			    "kube-proxy's: it will be destroyed and created");
	}
}

static void tell_ipvs_connections(const struct subject *s)
{
	unsigned long long active = 0;

	for (size_t i = 0; i < s->p.have->lvs.n_services; i++) {
		const struct lvs_service *svc = &s->p.have->lvs.services[i];

		for (size_t k = 0; own_virtual_server(s->p.have, svc) && k < svc->n_dests;
		     k++)
			active += svc->dests[k].active;
	}
	if (active)
		notes_add_named(s->notes, NOTE_WARNING, "connections", NULL,
		    "%llu TCP connections go through IPVS; they are reset when the "
		    "virtual servers are removed",
		    active);
}

void preflight_check(const struct preflight *p, struct notes *ret)
{
	struct subject s = {.p = *p, .notes = ret};

	check_caps(&s, p->caps);
	check_sysctls(&s, p->caps);
	check_conntrack(&s, p->caps);
	preflight_node(&s);
	preflight_tables(&s);
	if (p->to == MODE_IPTABLES) {
		tell_ipvs_connections(&s);
		return;
	}
	preflight_addresses(&s);
	check_servers(&s);
	check_sets(&s);
}
