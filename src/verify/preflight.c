/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What stands against a switch, or should be known before: failures that would show only
 * when the traffic has moved. What other programs have put into the tables is looked at
 * in preflight_fw.c.
 */
#include "config.h"

#include "verify/preflight.h"
#include "verify/preflight_fw.h"

#include <stdio.h>
#include <string.h>

/* Per cent of the conntrack table. Old entries stay while new ones come. */
#define CONNTRACK_WARN 80
#define CONNTRACK_REFUSE 95

/* ---- the kernel */

static void need(const struct subject *s, bool ok, const char *what, const char *todo)
{
	if (!ok)
		notes_add(s->notes, NOTE_REFUSE, "kernel", "%s; %s", what, todo);
}

static void check_caps(const struct subject *s, const struct kernel_caps *caps)
{
	need(s, caps->net_admin, "no permission", "run as root");
	need(s, caps->legacy_tables || caps->nft_tables,
	    "the iptables (legacy) interface is not there",
	    "load it: modprobe -a iptable_filter iptable_nat");
	if (s->have->fw[FAMILY_6].present && s->want->fw[FAMILY_6].present)
		need(s, caps->legacy_tables6 || caps->nft_tables,
		    "the ip6tables (legacy) interface is not there",
		    "load it: modprobe -a ip6table_filter ip6table_nat, or leave IPv6 out "
		    "with -4");
	if (s->to != MODE_IPVS)
		return;
	need(s, caps->ipvs, "IPVS is not there", "load it: modprobe ip_vs");
	need(s, caps->ipset, "IP sets are not there",
	    "load them: modprobe -a ip_set xt_set");
	need(s, caps->dummy, "dummy interfaces are not there",
	    "load them: modprobe dummy");
	if (caps->ipvs && !caps->scheduler)
		notes_add(s->notes, NOTE_REFUSE, "kernel",
		    "the IPVS scheduler %s is not there; load it: modprobe ip_vs_%s, or "
		    "set another ipvs.scheduler in the kube-proxy configuration",
		    s->conf->scheduler, s->conf->scheduler);
}

static void check_conntrack(const struct subject *s, const struct kernel_caps *caps)
{
	unsigned long percent;

	if (!caps->conntrack_max)
		return;
	percent = caps->conntrack_count * 100 / caps->conntrack_max;
	if (percent > CONNTRACK_WARN)
		notes_add(s->notes,
		    percent > CONNTRACK_REFUSE ? NOTE_REFUSE : NOTE_WARNING, "conntrack",
		    "%lu of %lu entries are in use; when the table is full every new "
		    "connection fails. Raise it: sysctl -w net.netfilter.nf_conntrack_max="
		    "%lu",
		    caps->conntrack_count, caps->conntrack_max, caps->conntrack_max * 2);
}

/* ---- addresses */

static void check_frontend_addr(
    const struct subject *s, const struct service *svc, const struct frontend *fe)
{
	const struct vip_addr *a;
	char text[ADDR_STRLEN];

	if (fe->kind == FE_NODE_PORT)
		return;
	a = vip_find_addr(&s->have->vips, &fe->addr, VIP_LINK);
	if (!a)
		return;
	addr_format(&fe->addr, text);
	if (fe->kind == FE_CLUSTER)
		notes_add(s->notes, NOTE_REFUSE, svc->spn,
		    "its cluster IP %s is an address of %s; in ipvs mode it belongs to " VIP_LINK
		    ". NodeLocal DNSCache does so: point pods to its link-local "
		    "address, then take %s off %s",
		    text, a->link, text, a->link);
	else if (s->conf->dialect.vip_elsewhere_not_bound)
		notes_add(s->notes, NOTE_WARNING, svc->spn,
		    "its address %s is on %s already and is not put on " VIP_LINK
		    "; if %s loses it, the service is not reachable there until "
		    "kube-proxy's next sync",
		    text, a->link, a->link);
	else
		notes_add(s->notes, NOTE_WARNING, svc->spn,
		    "its address %s is on %s already and will be on " VIP_LINK
		    " too; node ports will not answer on it",
		    text, a->link);
}

static void check_addresses(const struct subject *s)
{
	size_t n_lb = 0;

	for (size_t i = 0; i < s->model->n_services; i++) {
		const struct service *svc = &s->model->services[i];

		for (size_t k = 0; k < svc->n_frontends; k++) {
			check_frontend_addr(s, svc, &svc->frontends[k]);
			n_lb += svc->frontends[k].kind == FE_LOAD_BALANCER;
		}
	}
	if (n_lb && !s->conf->strict_arp)
		notes_add(s->notes, NOTE_WARNING, "ipvs.strictARP",
		    "is off, and %zu load balancer addresses become local: every node "
		    "will answer ARP for them. If they are announced in this network "
		    "(MetalLB in L2 mode, kube-vip), set ipvs.strictARP: true first",
		    n_lb);
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

	for (size_t i = 0; i < s->want->lvs.n_services; i++) {
		const struct lvs_service *want = &s->want->lvs.services[i];
		const struct lvs_service *have = lvs_find(&s->have->lvs, &want->key);

		if (have && !own_virtual_server(s->have, have) &&
		    looks_foreign(have, want))
			notes_add(s->notes, NOTE_REFUSE, want->why,
			    "virtual server %s is there already and is none of "
			    "kube-proxy's (keepalived?): delete it, or give the service "
			    "another address",
			    lvs_key_format(&want->key, key));
	}
}

static void check_sets(const struct subject *s)
{
	for (size_t i = 0; i < s->want->sets.n_sets; i++) {
		const struct kset *want = &s->want->sets.sets[i];
		const struct kset *have = kset_find(&s->have->sets, want->name);
		const char *type = have ? kset_type_name(have->type) : NULL;

		if (!have || kset_same_header(want, have))
			continue;
		if (have->type != want->type || have->references)
			notes_add(s->notes, NOTE_REFUSE, want->name,
			    "an IP set of this name has type %s and another definition "
			    "than kube-proxy's (%s), which would end each of its syncs: "
			    "find out who uses it, then: ipset destroy %s",
			    type ? type : have->other_type, kset_type_name(want->type),
			    want->name);
		else
			notes_add(s->notes, NOTE_WARNING, want->name,
			    "this IP set has another size, family or extension than "
			    "kube-proxy's: it will be destroyed and created");
	}
}

/* ---- services */

static void check_ranges(const struct subject *s)
{
	for (size_t i = 0; i < s->model->n_services; i++) {
		const struct service *svc = &s->model->services[i];

		for (size_t k = 0; k < svc->n_ranges; k++) {
			if (svc->ranges[k].bits)
				continue;
			notes_add(s->notes, NOTE_WARNING, svc->spn,
			    "loadBalancerSourceRanges has %s, which an IP set cannot "
			    "hold: in ipvs mode this service drops every client that no "
			    "other range allows. Remove it, or write two /1 ranges",
			    addr_family(&svc->ranges[k].addr) == FAMILY_6 ? "::/0"
									  : "0.0.0.0/0");
		}
	}
}

static bool has_node_port(const struct model *m)
{
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t k = 0; k < m->services[i].n_frontends; k++)
			if (m->services[i].frontends[k].kind == FE_NODE_PORT)
				return true;
	return false;
}

static void tell_differences(const struct subject *s)
{
	unsigned tcp = s->conf->tcp_timeout ? s->conf->tcp_timeout : 900;

	if (s->conf->localhost_node_ports && has_node_port(s->model))
		notes_add(s->notes, NOTE_INFO, "node ports",
		    "do not answer on 127.0.0.1 in ipvs mode; look for local clients, "
		    "such as registries used through localhost");
	notes_add(s->notes, NOTE_INFO, "idle connections",
	    "IPVS forgets a TCP connection after %u s without a packet, conntrack after a "
	    "day: clients that keep connections idle need keepalives",
	    tcp);
}

static void tell_ipvs_connections(const struct subject *s)
{
	unsigned long long active = 0;

	for (size_t i = 0; i < s->have->lvs.n_services; i++) {
		const struct lvs_service *svc = &s->have->lvs.services[i];

		for (size_t k = 0; own_virtual_server(s->have, svc) && k < svc->n_dests;
		     k++)
			active += svc->dests[k].active;
	}
	if (active)
		notes_add(s->notes, NOTE_WARNING, "connections",
		    "%llu TCP connections go through IPVS; they are reset when the "
		    "virtual servers are removed",
		    active);
}

void preflight_check(enum mode to, const struct model *m, const struct conf *c,
    const struct state *want, const struct state *have, const struct kernel_caps *caps,
    struct notes *ret)
{
	struct subject s = {
	    .to = to, .model = m, .conf = c, .want = want, .have = have, .notes = ret};

	check_caps(&s, caps);
	check_conntrack(&s, caps);
	preflight_tables(&s);
	if (to == MODE_IPTABLES) {
		tell_ipvs_connections(&s);
		return;
	}
	check_addresses(&s);
	check_servers(&s);
	check_sets(&s);
	check_ranges(&s);
	tell_differences(&s);
}
