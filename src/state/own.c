/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose an object is. Exact names of kube-proxy 1.23 to 1.36 and of kubelet; a name that
 * merely looks like theirs is foreign. */
#include "config.h"

#include "state/own.h"

#include <string.h>

/* Names of sets are cut to what the kernel can hold. */
#define SET_NAME_MAX 31

/* ---- chains */

static const struct {
	enum fw_table_id table;
	const char *name;
	unsigned owner;
} chains[] = {
    {FW_FILTER, "KUBE-SERVICES", OWN_IPTABLES},
    {FW_FILTER, "KUBE-EXTERNAL-SERVICES", OWN_IPTABLES},
    {FW_FILTER, "KUBE-NODEPORTS", OWN_IPTABLES},
    {FW_FILTER, "KUBE-FORWARD", OWN_BOTH},
    {FW_FILTER, "KUBE-PROXY-FIREWALL", OWN_BOTH},
    /* kubelet's up to 1.26, and since then of both. */
    {FW_FILTER, "KUBE-FIREWALL", OWN_IPTABLES | OWN_KUBELET},
    {FW_FILTER, "KUBE-PROXY-CANARY", OWN_IPTABLES},
    {FW_FILTER, "KUBE-NODE-PORT", OWN_IPVS},
    {FW_FILTER, "KUBE-SOURCE-RANGES-FIREWALL", OWN_IPVS},
    {FW_FILTER, "KUBE-IPVS-FILTER", OWN_IPVS},
    {FW_FILTER, "KUBE-IPVS-OUT-FILTER", OWN_IPVS},
    {FW_FILTER, "KUBE-KUBELET-CANARY", OWN_KUBELET},
    {FW_NAT, "KUBE-SERVICES", OWN_BOTH},
    {FW_NAT, "KUBE-POSTROUTING", OWN_BOTH},
    {FW_NAT, "KUBE-MARK-MASQ", OWN_BOTH},
    {FW_NAT, "KUBE-NODEPORTS", OWN_IPTABLES},
    {FW_NAT, "KUBE-PROXY-CANARY", OWN_IPTABLES},
    {FW_NAT, "KUBE-NODE-PORT", OWN_IPVS},
    {FW_NAT, "KUBE-LOAD-BALANCER", OWN_IPVS},
    {FW_NAT, "KUBE-FIREWALL", OWN_IPVS}, /* source ranges up to 1.24 */
    {FW_NAT, "KUBE-MARK-DROP", OWN_KUBELET},
    {FW_NAT, "KUBE-KUBELET-CANARY", OWN_KUBELET},
    {FW_MANGLE, "KUBE-PROXY-CANARY", OWN_IPTABLES},
    {FW_MANGLE, "KUBE-KUBELET-CANARY", OWN_KUBELET},
    {FW_MANGLE, "KUBE-IPTABLES-HINT", OWN_KUBELET},
};

/* Chains per service port and endpoint, all in nat. XLB: up to 1.23. */
static const char *const service_prefixes[] = {
    "KUBE-SVC-",
    "KUBE-SVL-",
    "KUBE-SEP-",
    "KUBE-FW-",
    "KUBE-EXT-",
    "KUBE-XLB-",
};

static bool is_service_chain(const char *name)
{
	for (size_t i = 0; i < sizeof(service_prefixes) / sizeof(service_prefixes[0]);
	     i++) {
		size_t n = strlen(service_prefixes[i]);

		if (!strncmp(name, service_prefixes[i], n))
			return strlen(name + n) == 16 &&
			       strspn(name + n, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == 16;
	}
	return false;
}

bool own_service_chain(enum fw_table_id table, const char *name)
{
	return table == FW_NAT && is_service_chain(name);
}

unsigned own_chain(enum fw_table_id table, const char *name)
{
	if (strncmp(name, "KUBE-", 5))
		return OWN_FOREIGN;
	/* Of 180,000 chains all but a few are these. */
	if (own_service_chain(table, name))
		return OWN_IPTABLES;
	for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
		if (chains[i].table == table && !strcmp(chains[i].name, name))
			return chains[i].owner;
	return OWN_FOREIGN;
}

/* ---- jumps in built-in chains */

#define IN_INPUT 0x1u
#define IN_FORWARD 0x2u
#define IN_OUTPUT 0x4u
#define IN_PREROUTING 0x8u
#define IN_POSTROUTING 0x10u

static const struct jump {
	enum fw_table_id table;
	unsigned chains;
	bool only_new;	     /* -m conntrack --ctstate NEW, before the comment */
	const char *comment; /* or NULL */
	const char *to;
	unsigned owner;
} jumps[] = {
    {FW_FILTER, IN_INPUT | IN_FORWARD, true,
	"kubernetes externally-visible service portals", "KUBE-EXTERNAL-SERVICES",
	OWN_IPTABLES},
    {FW_FILTER, IN_INPUT, false, "kubernetes health check service ports",
	"KUBE-NODEPORTS", OWN_IPTABLES},
    /* The one in INPUT is from before 1.20. */
    {FW_FILTER, IN_INPUT | IN_FORWARD | IN_OUTPUT, true, "kubernetes service portals",
	"KUBE-SERVICES", OWN_IPTABLES},
    {FW_FILTER, IN_FORWARD, false, "kubernetes forwarding rules", "KUBE-FORWARD",
	OWN_BOTH},
    {FW_FILTER, IN_INPUT | IN_FORWARD | IN_OUTPUT, true,
	"kubernetes load balancer firewall", "KUBE-PROXY-FIREWALL", OWN_IPTABLES},
    {FW_FILTER, IN_INPUT | IN_OUTPUT, false, NULL, "KUBE-FIREWALL",
	OWN_IPTABLES | OWN_KUBELET},
    {FW_NAT, IN_PREROUTING | IN_OUTPUT, false, "kubernetes service portals",
	"KUBE-SERVICES", OWN_BOTH},
    {FW_NAT, IN_POSTROUTING, false, "kubernetes postrouting rules", "KUBE-POSTROUTING",
	OWN_BOTH},
    {FW_FILTER, IN_INPUT, false, "kubernetes health check rules", "KUBE-NODE-PORT",
	OWN_IPVS},
    {FW_FILTER, IN_INPUT | IN_FORWARD, false, "kube-proxy firewall rules",
	"KUBE-PROXY-FIREWALL", OWN_IPVS},
    {FW_FILTER, IN_INPUT, false, "kubernetes ipvs access filter", "KUBE-IPVS-FILTER",
	OWN_IPVS},
    {FW_FILTER, IN_OUTPUT, false, "kubernetes ipvs access filter", "KUBE-IPVS-OUT-FILTER",
	OWN_IPVS},
};

static unsigned chain_bit(const char *chain)
{
	static const struct {
		const char *name;
		unsigned bit;
	} names[] = {
	    {"INPUT", IN_INPUT},
	    {"FORWARD", IN_FORWARD},
	    {"OUTPUT", IN_OUTPUT},
	    {"PREROUTING", IN_PREROUTING},
	    {"POSTROUTING", IN_POSTROUTING},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(names[i].name, chain))
			return names[i].bit;
	return 0;
}

/* A jump whose only conditions are matches. */
static bool is_plain_jump(const struct fw_rule *r)
{
	return !r->opaque && !addr_is_set(&r->src.addr) && !addr_is_set(&r->dst.addr) &&
	       !r->proto && !r->in && !r->out && r->target.kind == FWT_JUMP &&
	       !r->target.go;
}

static bool is_jump(const struct jump *j, const struct fw_rule *r)
{
	const struct fw_match *m = r->matches;
	size_t left = r->n_matches;

	if (strcmp(j->to, r->target.chain))
		return false;
	if (j->only_new) {
		if (!left || m->kind != FWM_CONNTRACK || m->invert ||
		    m->ctstate != FW_CT_NEW)
			return false;
		m++;
		left--;
	}
	if (j->comment) {
		if (!left || m->kind != FWM_COMMENT || strcmp(m->comment, j->comment))
			return false;
		left--;
	}
	return !left;
}

/* While both modes are present, traffic of the host to some addresses on kube-ipvs0 is
 * marked by "-m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ". */
static bool is_migration_helper(const struct fw_rule *r)
{
	static const char *const sets[] = {"KUBE-CLUSTER-IP", "KUBE-6-CLUSTER-IP",
	    "KUBE-LOAD-BALANCER-FW", "KUBE-6-LOAD-BALANCER-FW"};
	const struct fw_match *m = r->matches;
	bool known = false;

	for (size_t i = 0; r->n_matches == 1 && i < sizeof(sets) / sizeof(sets[0]); i++)
		known |= m->kind == FWM_SET && !strcmp(m->set.name, sets[i]);
	return known && !m->invert && m->set.n_dims == 2 && m->set.src == 0x1 &&
	       !strcmp(r->target.chain, "KUBE-MARK-MASQ");
}

unsigned own_jump(enum fw_table_id table, const char *chain, const struct fw_rule *r)
{
	unsigned bit = chain_bit(chain);

	if (!is_plain_jump(r))
		return OWN_FOREIGN;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++)
		if (jumps[i].table == table && jumps[i].chains & bit &&
		    is_jump(&jumps[i], r))
			return jumps[i].owner;
	if (table == FW_NAT && bit == IN_OUTPUT && is_migration_helper(r))
		return OWN_IPVS;
	return OWN_FOREIGN;
}

/* ---- rules in chains that both modes have */

static bool matches_own_set(const struct fw_rule *r)
{
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind == FWM_SET && own_set(r->matches[i].set.name))
			return true;
	return false;
}

unsigned own_rule(enum fw_table_id table, const char *chain, const struct fw_rule *r)
{
	unsigned owners = own_chain(table, chain), to = 0;

	if (owners != OWN_BOTH || r->opaque)
		return owners;
	if (r->target.kind == FWT_JUMP)
		to = own_chain(table, r->target.chain);
	if (to == OWN_IPTABLES || to == OWN_IPVS)
		return to;
	if (matches_own_set(r))
		return OWN_IPVS;
	/* Only iptables mode has the addresses of services in rules. */
	if (addr_is_set(&r->dst.addr))
		return OWN_IPTABLES;
	/* ipvs mode lets go what comes from loopback, iptables mode drops INVALID. */
	if (table == FW_NAT && !strcmp(chain, "KUBE-SERVICES"))
		return r->target.kind == FWT_RETURN ? OWN_IPVS : OWN_BOTH;
	if (table == FW_FILTER && !strcmp(chain, "KUBE-FORWARD"))
		return r->target.kind == FWT_DROP ? OWN_IPTABLES : OWN_BOTH;
	return OWN_BOTH;
}

/* ---- sets, links, virtual servers */

/* After KUBE- or KUBE-6-. */
static const char *const set_names[] = {
    "LOOP-BACK",
    "CLUSTER-IP",
    "EXTERNAL-IP",
    "EXTERNAL-IP-LOCAL",
    "LOAD-BALANCER",
    "LOAD-BALANCER-LOCAL",
    "LOAD-BALANCER-FW",
    "LOAD-BALANCER-SOURCE-IP",
    "LOAD-BALANCER-SOURCE-CIDR",
    "NODE-PORT-TCP",
    "NODE-PORT-LOCAL-TCP",
    "NODE-PORT-UDP",
    "NODE-PORT-LOCAL-UDP",
    "NODE-PORT-SCTP-HASH",
    "NODE-PORT-LOCAL-SCTP-HASH",
    "HEALTH-CHECK-NODE-PORT",
    "IPVS-IPS",
};

static bool is_set_of(enum family f, const char *name)
{
	const char *prefix = family_info(f)->set_prefix;
	size_t n = strlen(prefix), len = strlen(name);

	if (strncmp(name, prefix, n) || len > SET_NAME_MAX)
		return false;
	for (size_t i = 0; i < sizeof(set_names) / sizeof(set_names[0]); i++)
		if (!strncmp(name + n, set_names[i], SET_NAME_MAX - n))
			return true;
	return false;
}

unsigned own_set(const char *name)
{
	family_foreach (f)
		if (is_set_of(f, name))
			return OWN_IPVS;
	return OWN_FOREIGN;
}

unsigned own_link(const char *name)
{
	return strcmp(name, VIP_LINK) ? OWN_FOREIGN : OWN_IPVS;
}

/* Whether the port is one of the node ports that the sets of its family hold. */
static bool is_node_port(const struct state *have, const struct lvs_key *k)
{
	enum family f = addr_family(&k->addr);
	struct kset_entry e = {.port = k->port};
	const char *proto = proto_name(k->proto);
	const struct kset *s;
	struct strbuf name = {0};
	bool found;

	if (!proto)
		return false;
	strbuf_addf(&name, "%sNODE-PORT-", family_info(f)->set_prefix);
	for (; *proto; proto++)
		strbuf_addch(&name, (char)(*proto - 'a' + 'A'));
	s = kset_find(&have->sets, name.s);
	if (!s) {
		/* SCTP has no bitmap: its set names the addresses too. */
		strbuf_add(&name, "-HASH");
		s = kset_find(&have->sets, name.s);
		e.ip = k->addr;
		e.proto = k->proto;
	}
	found = kset_has(s, &e);
	strbuf_free(&name);
	return found;
}

bool own_virtual_server(const struct state *have, const struct lvs_service *s)
{
	if (s->key.fwmark)
		return false;
	if (vip_find_addr_on(&have->vips, VIP_LINK, &s->key.addr))
		return true;
	return is_node_port(have, &s->key) &&
	       vip_find_addr(&have->vips, &s->key.addr, VIP_LINK);
}
