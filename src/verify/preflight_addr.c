/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses of services that are somebody's already. Towards ipvs each becomes an address
 * of this node: whoever has it cannot be reached from here any more, and on the ports
 * that are no service's the node rejects what was meant for others.
 */
#include "config.h"

#include "verify/preflight_part.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Whose an address is. */
struct holder {
	struct addr addr;
	const char *check, *who, *where;
	uint16_t port; /* where it is talked to; 0: anywhere */
	uint8_t proto;
	bool said;
};

struct holders {
	VEC(struct holder) v;
};

static int by_addr(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	return addr_cmp(&x->addr, &y->addr);
}

static void add_nodes(struct holders *h, const struct subject *s)
{
	const struct model *m = s->p.model;

	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct model_node *n = &m->nodes[i];

		if (!strcmp(n->name, s->p.conf->node_name))
			continue;
		for (size_t k = 0; k < n->n_addrs; k++)
			vec_push(&h->v, (struct holder){.addr = n->addrs[k],
					    .check = "node-address",
					    .who = n->name,
					    .where = "its Node object"});
	}
}

static void add_peers(struct holders *h, const struct subject *s)
{
	static const struct {
		const char *check, *who;
		uint8_t proto;
	} roles[] = {
	    [ROLE_GATEWAY] = {"gateway", "a router of this node", 0},
	    [ROLE_RESOLVER] = {"resolver", "the DNS resolver of this node", IPPROTO_UDP},
	    [ROLE_API_SERVER] = {"api-server", "the API server", IPPROTO_TCP},
	    [ROLE_SSH_PEER] = {"ssh-peer", "an SSH client of this node", 0},
	};

	for (size_t i = 0; i < s->p.facts->n_peers; i++) {
		const struct node_peer *p = &s->p.facts->peers[i];

		vec_push(&h->v, (struct holder){.addr = p->addr,
				    .check = roles[p->role].check,
				    .who = roles[p->role].who,
				    .where = p->where,
				    .port = p->port,
				    .proto = roles[p->role].proto});
	}
}

/* Where the API server really is. */
static void add_api_endpoints(struct holders *h, const struct subject *s)
{
	const struct model *m = s->p.model;

	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *svc = &m->services[i];

		if (strcmp(svc->ns, "default") || strcmp(svc->name, "kubernetes"))
			continue;
		for (size_t k = 0; k < svc->n_endpoints; k++)
			vec_push(
			    &h->v, (struct holder){.addr = svc->endpoints[k].addr,
				       .check = "api-server",
				       .who = "the API server",
				       .where = "the endpoints of default/kubernetes",
				       .port = svc->endpoints[k].port,
				       .proto = svc->proto});
	}
}

/* What is reached at that address and port is the service anyway, in either mode. */
static bool is_served(const struct model *m, const struct holder *h)
{
	for (size_t i = 0; h->port && i < m->n_services; i++) {
		const struct service *svc = &m->services[i];

		for (size_t k = 0; svc->proto == h->proto && k < svc->n_frontends; k++)
			if (svc->frontends[k].kind != FE_NODE_PORT &&
			    svc->frontends[k].port == h->port &&
			    addr_eq(&svc->frontends[k].addr, &h->addr))
				return true;
	}
	return false;
}

static const char *address_of(const struct frontend *fe)
{
	switch (fe->kind) {
	case FE_CLUSTER:
		return "cluster IP";
	case FE_EXTERNAL:
		return "external IP";
	case FE_LOAD_BALANCER:
		return "load balancer address";
	case FE_NODE_PORT:
		break;
	}
	return "address";
}

/* False: nobody else has it. */
static bool check_holders(const struct subject *s, struct holders *h,
    const struct service *svc, const struct frontend *fe)
{
	const struct holder key = {.addr = fe->addr};
	struct holder *x =
	    h->v.n ? bsearch(&key, h->v.v, h->v.n, sizeof(key), by_addr) : NULL;
	bool held = x != NULL;
	char text[ADDR_STRLEN];

	while (x && x > h->v.v && addr_eq(&x[-1].addr, &fe->addr))
		x--;
	for (; x && x < h->v.v + h->v.n && addr_eq(&x->addr, &fe->addr); x++) {
		if (x->said || is_served(s->p.model, x))
			continue;
		x->said = true;
		notes_add_named(s->notes, NOTE_REFUSE, x->check, svc->spn,
		    "its %s %s is the address of %s (%s). In ipvs mode it becomes an "
		    "address of this node, which then cannot reach the other one: give the "
		    "service another address",
		    address_of(fe), addr_format(&fe->addr, text), x->who, x->where);
	}
	return held;
}

/* ---- addresses of this node */

static bool is_node_ip(const struct conf *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_node_ips; i++)
		if (addr_eq(&c->node_ips[i], a))
			return true;
	return false;
}

/* One that the node has for itself: other than addresses that wander, as those of
 * kube-vip and keepalived, it is the Node object's, or has a network. */
static bool is_own(const struct subject *s, const struct vip_addr *a)
{
	return is_node_ip(s->p.conf, &a->prefix.addr) ||
	       a->prefix.bits < family_info(addr_family(&a->prefix.addr))->addr_bits;
}

static void check_cluster_ip(
    const struct subject *s, const struct service *svc, const struct vip_addr *a)
{
	char text[ADDR_STRLEN];

	addr_format(&a->prefix.addr, text);
	notes_add_named(s->notes, NOTE_REFUSE, "other-link", svc->spn,
	    "its cluster IP %s is an address of %s; in ipvs mode it belongs to " VIP_LINK
	    ". NodeLocal DNSCache does so: point pods to its link-local address, then take "
	    "%s off %s",
	    text, a->link, text, a->link);
}

static void check_own(const struct subject *s, const struct service *svc,
    const struct frontend *fe, const struct vip_addr *a)
{
	bool bound = !s->p.conf->dialect.vip_elsewhere_not_bound;
	char text[ADDR_STRLEN];

	/* KUBE-IPVS-FILTER rejects what no service has on addresses of kube-ipvs0. */
	notes_add_named(s->notes, bound ? NOTE_REFUSE : NOTE_ACCEPT, "own-address",
	    svc->spn,
	    "its %s %s is this node's own address, on %s. %s: give the service another "
	    "address",
	    address_of(fe), addr_format(&fe->addr, text), a->link,
	    bound ? "In ipvs mode this kube-proxy puts it on " VIP_LINK
		    " too, and the node "
		    "rejects SSH, kubelet's port and all else that is no service's there"
		  : "What kube-proxy does with it in ipvs mode differs between releases, "
		    "and those before 1.28 cut the node off");
}

static void check_elsewhere(const struct subject *s, const struct service *svc,
    const struct frontend *fe, const struct vip_addr *a)
{
	char text[ADDR_STRLEN];

	addr_format(&fe->addr, text);
	if (s->p.conf->dialect.vip_elsewhere_not_bound)
		notes_add_named(s->notes, NOTE_WARNING, "other-link", svc->spn,
		    "its address %s is on %s already and is not put on " VIP_LINK
		    "; if %s loses it, the service is not reachable there until "
		    "kube-proxy's next sync",
		    text, a->link, a->link);
	else
		notes_add_named(s->notes, NOTE_WARNING, "other-link", svc->spn,
		    "its address %s is on %s already and will be on " VIP_LINK
		    " too; node ports will not answer on it",
		    text, a->link);
}

static void check_links(
    const struct subject *s, const struct service *svc, const struct frontend *fe)
{
	const struct vip_addr *a = vip_find_addr(&s->p.have->vips, &fe->addr, VIP_LINK);

	if (!a)
		return;
	if (fe->kind == FE_CLUSTER)
		check_cluster_ip(s, svc, a);
	else if (is_own(s, a))
		check_own(s, svc, fe, a);
	else
		check_elsewhere(s, svc, fe, a);
}

/* ---- ARP */

/* Whether neighbours on a network of this node would ask for the address. */
static bool is_on_link(const struct vip_table *t, const struct addr *addr)
{
	for (size_t i = 0; i < t->n_addrs; i++) {
		const struct vip_addr *a = &t->addrs[i];

		if (a->prefix.bits < 32 && !addr_is_loopback(&a->prefix.addr) &&
		    strcmp(a->link, VIP_LINK) && prefix_contains(&a->prefix, addr))
			return true;
	}
	return false;
}

static bool ignores_arp(const struct state *s)
{
	const struct knob *k = knob_find(&s->knobs, "net.ipv4.conf.all.arp_ignore");

	return k && k->value && strcmp(k->value, "0");
}

struct arp {
	size_t n, near;
	const struct service *first;
	struct addr addr;
};

/* Neighbour discovery answers for addresses of the link only: IPv4 alone is concerned. */
static void count_arp(const struct subject *s, struct arp *arp, const struct service *svc,
    const struct frontend *fe)
{
	if (addr_family(&fe->addr) != FAMILY_4 ||
	    (fe->kind != FE_LOAD_BALANCER && fe->kind != FE_EXTERNAL))
		return;
	arp->n += fe->kind == FE_LOAD_BALANCER;
	/* What is on another link stays there alone. */
	if (!is_on_link(&s->p.have->vips, &fe->addr) ||
	    vip_find_addr(&s->p.have->vips, &fe->addr, VIP_LINK))
		return;
	if (!arp->near++) {
		arp->first = svc;
		arp->addr = fe->addr;
	}
}

static void check_arp(const struct subject *s, const struct arp *arp)
{
	char text[ADDR_STRLEN];

	if (s->p.conf->strict_arp || ignores_arp(s->p.have))
		return;
	if (arp->near)
		notes_add_named(s->notes, NOTE_ACCEPT, "strict-arp", "ipvs.strictARP",
		    "is off, and %zu addresses in networks of this node become local, such "
		    "as %s of %s: every node will answer ARP for them, beside whoever "
		    "announces them (MetalLB in L2 mode, kube-vip). Set ipvs.strictARP: "
		    "true first",
		    arp->near, addr_format(&arp->addr, text), arp->first->spn);
	else if (arp->n)
		notes_add_named(s->notes, NOTE_WARNING, "strict-arp", "ipvs.strictARP",
		    "is off, and %zu load balancer addresses become local: every node "
		    "will answer ARP for them. If they are announced in this network "
		    "(MetalLB in L2 mode, kube-vip), set ipvs.strictARP: true first",
		    arp->n);
}

void preflight_addresses(const struct subject *s)
{
	const struct model *m = s->p.model;
	struct holders h = {0};
	struct arp arp = {0};

	add_nodes(&h, s);
	add_peers(&h, s);
	add_api_endpoints(&h, s);
	if (h.v.n)
		qsort(h.v.v, h.v.n, sizeof(*h.v.v), by_addr);
	for (size_t i = 0; i < m->n_services; i++)
		for (size_t k = 0; k < m->services[i].n_frontends; k++) {
			const struct service *svc = &m->services[i];
			const struct frontend *fe = &svc->frontends[k];

			if (fe->kind == FE_NODE_PORT ||
			    !s->p.want->fw[addr_family(&fe->addr)].present)
				continue;
			if (check_holders(s, &h, svc, fe))
				continue;
			check_links(s, svc, fe);
			count_arp(s, &arp, svc, fe);
		}
	check_arp(s, &arp);
	vec_free(&h.v);
}
