/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of checks, and their results as lines. */
#include "config.h"

#include "verify/check.h"

#include <string.h>

#define TO_IPVS MODE_BIT(MODE_IPVS)
#define TO_IPTABLES MODE_BIT(MODE_IPTABLES)

const struct check checks[] = {
    {"kernel", "features of the kernel, privileges", false, MODE_BOTH},
    {"scheduler", "the IPVS scheduler", false, TO_IPVS},
    {"conntrack-room", "room in the conntrack table", false, MODE_BOTH},
    {"second-writer", "a running kube-proxy or kube-router", false, MODE_BOTH},
    {"old-release", "a kube-proxy that does not know what is written", false, MODE_BOTH},
    {"both-variants", "rules in both variants of iptables", false, MODE_BOTH},
    {CHECK_INCOMPLETE, "services that are not understood in full", false, MODE_BOTH},
    {CHECK_LOSS, "services given without a single endpoint", false, MODE_BOTH},
    {CHECK_MIGRATION, "an earlier migration that has not ended", false, MODE_BOTH},
    {"leftovers", "objects of a mode that carries nothing", false, MODE_BOTH},
    {"own-address", "service addresses that are this node's", false, TO_IPVS},
    {"node-address", "service addresses that are another node's", false, TO_IPVS},
    {"gateway", "service addresses that are a router's", false, TO_IPVS},
    {"resolver", "service addresses that are the DNS resolver's", false, TO_IPVS},
    {"api-server", "service addresses that are the API server's", false, TO_IPVS},
    {"ssh-peer", "service addresses that an SSH client has", false, TO_IPVS},
    {"other-link", "service addresses on another link", false, TO_IPVS},
    {"untracked", "NOTRACK rules for service addresses", false, TO_IPVS},
    {"input-firewall", "filter INPUT rules that drop service traffic", false, TO_IPVS},
    {"forward-firewall", "filter FORWARD rules that drop service traffic", false,
	TO_IPTABLES},
    {"local-dnat", "DNAT of others for local destinations", false, TO_IPVS},
    {"foreign-server", "virtual servers of others", false, TO_IPVS},
    {"foreign-set", "IP sets with kube-proxy's names", false, TO_IPVS},
    {"strict-arp", "load balancer addresses that would answer ARP", false, TO_IPVS},
    {"connections", "connections through IPVS", false, TO_IPTABLES},
    {"local-policy", "externalTrafficPolicy: Local without a local endpoint", true,
	MODE_BOTH},
    {"external-local", "externalTrafficPolicy: Local, for external IPs", true, MODE_BOTH},
    {"no-endpoints", "services without endpoints: how they do not answer", true,
	MODE_BOTH},
    {"internal-policy", "internalTrafficPolicy: Local without a local endpoint", true,
	MODE_BOTH},
    {"local-endpoints", "externalTrafficPolicy: Local, for pods and the node", true,
	MODE_BOTH},
    {"localhost-node-port", "node ports on 127.0.0.1", true, MODE_BOTH},
    {"source-ranges", "loadBalancerSourceRanges that allow everybody", true, MODE_BOTH},
    {"source-ranges-node", "loadBalancerSourceRanges, for the node itself", true,
	MODE_BOTH},
    {"hairpin", "pods that reach themselves through a service", true, TO_IPVS},
    {"paths", "packets to services, followed through both states", true, MODE_BOTH},
    {"affinity-memory", "session affinity starts afresh", true, MODE_BOTH},
    {"weights", "weights of endpoints", true, MODE_BOTH},
    {"scheduling", "scheduler and forwarding method", true, TO_IPTABLES},
    {"idle-timeout", "idle TCP connections", true, TO_IPVS},
    {"shared-endpoints", "endpoints that several addresses lead to", true, TO_IPVS},
    {"node-udp", "UDP sockets of this node that have a virtual address", true,
	TO_IPTABLES},
    {"udp-timeout", "idle UDP flows", true, MODE_BOTH},
    {0},
};

const struct check *check_find(const char *name)
{
	for (const struct check *c = checks; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static bool is_of(const struct note *n, const char *name)
{
	return n->name && !strcmp(n->name, name);
}

int check_level(const struct notes *n, const char *name)
{
	int worst = -1;

	for (size_t i = 0; i < n->list.n; i++)
		if (is_of(&n->list.v[i], name) && (int)n->list.v[i].level > worst)
			worst = (int)n->list.v[i].level;
	return worst;
}

void check_print(struct strbuf *sb, const struct notes *n, enum mode to, bool quiet)
{
	static const char *const words[] = {
	    [NOTE_INFO] = "note",
	    [NOTE_WARNING] = "warning",
	    [NOTE_ACCEPT] = "ACCEPT?",
	    [NOTE_REFUSE] = "REFUSED",
	};

	for (const struct check *c = checks; c->name; c++) {
		if (!(c->modes & MODE_BIT(to)))
			continue;
		if (check_level(n, c->name) < 0 && !quiet)
			strbuf_addf(sb, "%-8s %-20s %s\n", "ok", c->name, c->what);
		for (size_t i = 0; i < n->list.n; i++) {
			const struct note *note = &n->list.v[i];

			if (is_of(note, c->name))
				strbuf_addf(sb, "%-8s %-20s %s%s%s\n", words[note->level],
				    c->name, note->about ? note->about : "",
				    note->about ? ": " : "", note->text);
		}
	}
}
