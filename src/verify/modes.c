/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What will behave differently for each service after a switch of the mode. */
#include "config.h"

#include "verify/modes.h"
#include "model/traffic.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct view {
	enum mode to;
	const struct conf *conf;
	const struct node_facts *facts;
	const struct service *svc;
	enum family family;
	const struct traffic *traffic;
	enum note_level least;
	struct notes *notes;
};

/* One sentence and its level per direction; no text: nothing to say in that one. */
struct saying {
	enum note_level level;
	const char *text;
};

static void say(
    const struct view *v, const char *name, struct saying to_ipvs, struct saying back)
{
	const struct saying *s = v->to == MODE_IPVS ? &to_ipvs : &back;

	if (s->text && s->level >= v->least)
		notes_add_named(v->notes, s->level, name, v->svc->spn, "%s (%s)", s->text,
		    family_info(v->family)->name);
}

#define INFO(t) ((struct saying){.level = NOTE_INFO, .text = (t)})
#define WARN(t) ((struct saying){.level = NOTE_WARNING, .text = (t)})
#define HURT(t) ((struct saying){.level = NOTE_ACCEPT, .text = (t)}) /* works no more */
#define NOTHING ((struct saying){0})

static bool has_frontend(const struct view *v, enum frontend_kind kind)
{
	for (size_t i = 0; i < v->svc->n_frontends; i++) {
		const struct frontend *fe = &v->svc->frontends[i];

		if (fe->kind == kind && frontend_is_served(fe, v->conf) &&
		    (kind == FE_NODE_PORT || addr_family(&fe->addr) == v->family))
			return true;
	}
	return false;
}

static bool has_external(const struct view *v, enum frontend_kind kind)
{
	return v->traffic->ext_access && has_frontend(v, kind);
}

/* How many ways in of that family. */
static size_t count_frontends(const struct service *s, enum family f)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_frontends; i++)
		n += s->frontends[i].kind == FE_NODE_PORT ||
		     addr_family(&s->frontends[i].addr) == f;
	return n;
}

/* Whether the source ranges let the node itself in. */
static bool admits_node(const struct view *v)
{
	struct addr node = conf_own_addr(v->conf, v->family);
	bool any = false;

	for (size_t i = 0; i < v->svc->n_ranges; i++) {
		if (addr_family(&v->svc->ranges[i].addr) != v->family)
			continue;
		if (prefix_contains(&v->svc->ranges[i], &node))
			return true;
		any = true;
	}
	return !any;
}

/* In ipvs mode nothing translates the source of the node's own connections there, which
 * is the virtual address: endpoints elsewhere answer into the void. */
static bool loses_answers(const struct view *v)
{
	return v->traffic->n_cluster &&
	       (has_external(v, FE_EXTERNAL) ||
		   (has_external(v, FE_LOAD_BALANCER) && admits_node(v)));
}

static void check_external_policy(const struct view *v)
{
	const struct traffic *t = v->traffic;

	if (!t->external_local || !t->ext_access || !t->any)
		return;
	if (!t->n_local)
		say(v, "local-policy",
		    loses_answers(v)
			? HURT(
			      "no local endpoint under externalTrafficPolicy Local: goes "
			      "to endpoints of other nodes instead of being dropped, and "
			      "their answers to the node itself, which reached them "
			      "before, do not come back")
			: WARN(
			      "no local endpoint under externalTrafficPolicy Local: goes "
			      "to endpoints of other nodes instead of being dropped"),
		    HURT("no local endpoint under externalTrafficPolicy Local: for hosts "
			 "outside is dropped instead of going to endpoints of other "
			 "nodes"));
	else if (t->n_all > t->n_local)
		say(v, "local-endpoints",
		    INFO(
			"pods and the node itself reach only local endpoints through the "
			"external addresses, instead of all"),
		    INFO("pods and the node itself reach all endpoints through the "
			 "external addresses, instead of local ones only"));
	else if (has_external(v, FE_EXTERNAL) || has_external(v, FE_LOAD_BALANCER))
		say(v, "local-endpoints",
		    INFO("connections of the node itself to the external addresses come "
			 "from the virtual address, instead of one of the node"),
		    INFO("connections of the node itself to the external addresses come "
			 "from an address of the node, instead of the virtual one"));
}

/* KUBE-IPVS-FILTER knew only the other external addresses for some releases. */
static void check_external_local(const struct view *v)
{
	if (!v->traffic->external_local || !v->traffic->any ||
	    v->conf->dialect.ipvs_filter_ext_local_return ||
	    !has_external(v, FE_EXTERNAL))
		return;
	say(v, "external-local",
	    HURT(
		"external IPs refuse connections under externalTrafficPolicy Local: this "
		"release of kube-proxy forgets them in its filter"),
	    INFO("external IPs accept connections again under externalTrafficPolicy "
		 "Local"));
}

static bool has_ranges(const struct view *v)
{
	for (size_t i = 0; i < v->svc->n_ranges; i++)
		if (addr_family(&v->svc->ranges[i].addr) == v->family)
			return has_frontend(v, FE_LOAD_BALANCER);
	return false;
}

static void check_no_endpoints(const struct view *v)
{
	if (v->traffic->any ||
	    !(has_external(v, FE_EXTERNAL) || has_external(v, FE_LOAD_BALANCER)))
		return;
	say(v, "no-endpoints",
	    has_ranges(v)
		? INFO("has no endpoint: its external addresses refuse connections of "
		       "the node itself, which left the node before; clients outside "
		       "the source ranges are dropped, not refused")
		: INFO("has no endpoint: its external addresses refuse connections of "
		       "the node itself, which left the node before"),
	    has_ranges(v)
		? INFO("has no endpoint: connections of the node itself to its external "
		       "addresses leave the node instead of being refused; clients "
		       "outside the source ranges are refused, not dropped")
		: INFO("has no endpoint: connections of the node itself to its external "
		       "addresses leave the node instead of being refused"));
}

static void check_internal_policy(const struct view *v)
{
	const struct traffic *t = v->traffic;

	if (!t->internal_local || !t->any || t->n_local)
		return;
	if (t->ext_access)
		say(v, "internal-policy",
		    WARN(
			"no local endpoint under internalTrafficPolicy Local: the cluster "
			"IP goes to endpoints of other nodes instead of being dropped"),
		    HURT(
			"no local endpoint under internalTrafficPolicy Local: the cluster "
			"IP is dropped instead of going to endpoints of other nodes"));
	else
		say(v, "internal-policy",
		    INFO(
			"no local endpoint under internalTrafficPolicy Local: the cluster "
			"IP refuses connections instead of dropping them"),
		    INFO(
			"no local endpoint under internalTrafficPolicy Local: the cluster "
			"IP drops connections instead of refusing them"));
}

/* Whether a client of this node is connected to that port of 127.0.0.0/8 now. */
static bool has_local_client(const struct view *v, uint16_t port)
{
	for (size_t i = 0; i < v->facts->n_localhost_ports; i++)
		if (v->facts->localhost_ports[i] == port)
			return true;
	return false;
}

static void check_node_ports(const struct view *v)
{
	struct arena *a = arena_new();
	struct node_ports np;
	bool used = false;

	node_ports_select(v->conf, v->family, a, &np);
	for (size_t i = 0; i < v->svc->n_frontends; i++)
		used |= v->svc->frontends[i].kind == FE_NODE_PORT &&
			has_local_client(v, v->svc->frontends[i].port);
	if (np.localhost && has_frontend(v, FE_NODE_PORT))
		say(v, "localhost-node-port",
		    used
			? HURT("the node port does not answer on 127.0.0.1, and a client "
			       "of this node is connected to it there")
			: WARN("the node port does not answer on 127.0.0.1"),
		    INFO("the node port answers on 127.0.0.1 too"));
	arena_free(a);
}

static void check_ranges(const struct view *v)
{
	bool all = false, any = false;

	if (!has_frontend(v, FE_LOAD_BALANCER))
		return;
	for (size_t i = 0; i < v->svc->n_ranges; i++) {
		if (addr_family(&v->svc->ranges[i].addr) != v->family)
			continue;
		any = true;
		all |= !v->svc->ranges[i].bits;
	}
	if (all)
		say(v, "source-ranges",
		    HURT(
			"loadBalancerSourceRanges allows everybody (/0), which an IP set "
			"cannot hold: clients that no other range allows are dropped. "
			"Remove it, or write two /1 ranges"),
		    INFO("the source range /0 allows every client again"));
	else if (any && !v->conf->dialect.ipvs_out_filter && !admits_node(v))
		say(v, "source-ranges-node",
		    WARN(
			"connections of the node itself to the load balancer address are "
			"not compared with the source ranges, which do not allow them"),
		    WARN(
			"connections of the node itself to the load balancer address are "
			"compared with the source ranges, too, which do not allow them"));
}

/* In ipvs mode the node's own connections come from the virtual address. TCP is drained.
 */
static void check_node_udp(const struct view *v)
{
	const struct service *s = v->svc;
	bool any = false;

	for (size_t i = 0; s->proto == IPPROTO_UDP && i < s->n_frontends; i++)
		for (size_t k = 0; k < v->facts->n_own_udp; k++)
			any |= s->frontends[i].kind != FE_NODE_PORT &&
			       addr_family(&s->frontends[i].addr) == v->family &&
			       s->frontends[i].port == v->facts->own_udp[k].port &&
			       addr_eq(&s->frontends[i].addr, &v->facts->own_udp[k].addr);
	if (any)
		say(v, "node-udp", NOTHING,
		    WARN(
			"a UDP socket of this node has the virtual address, as IPVS gives "
			"it: when the address goes, it cannot send until its program "
			"opens another one"));
}

static bool in_pods_of_node(const struct conf *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_node_pod_cidrs; i++)
		if (prefix_contains(&c->node_pod_cidrs[i], a))
			return true;
	return false;
}

/* Whether a pod that IPVS sends to itself keeps its address on some way in. */
static bool keeps_source(const struct view *v, const struct addr *pod)
{
	const struct traffic *t = v->traffic;
	struct prefix pods;
	bool known = conf_detector(v->conf, v->family, &pods);

	if (t->external_local && t->ext_access && !t->n_local)
		return true;
	if (t->internal_local || v->conf->masquerade_all)
		return false;
	return !known || !addr_is_set(&pods.addr) || prefix_contains(&pods, pod);
}

/* KUBE-LOOP-BACK has the endpoints whose node is known to be this one. */
static void check_hairpin(const struct view *v)
{
	for (size_t i = 0; i < v->traffic->n_cluster; i++) {
		const struct endpoint *e = v->traffic->cluster[i];

		if (e->node || !in_pods_of_node(v->conf, &e->addr) ||
		    !keeps_source(v, &e->addr))
			continue;
		say(v, "hairpin",
		    HURT(
			"an endpoint on this node has no node name: that pod cannot reach "
			"itself through the service"),
		    NOTHING);
		return;
	}
}

static void check_weights(const struct view *v)
{
	const struct traffic *t = v->traffic;
	bool differ = false, zero = false;

	for (size_t i = 0; i < t->n_all; i++) {
		differ |= t->all[i]->weight != t->all[0]->weight;
		zero |= !t->all[i]->weight;
	}
	if (differ || zero)
		say(v, "weights",
		    INFO("weights of endpoints count, with a scheduler that heeds them "
			 "(wrr, wlc, ...)"),
		    zero ? HURT("weights are not known: endpoints with the weight 0 get "
				"connections like all others")
			 : WARN("weights are not known: all endpoints get the same "
				"share"));
}

static void check_balancing(const struct view *v)
{
	if (v->svc->affinity)
		say(v, "affinity-memory",
		    INFO("clients with session affinity may change their endpoint once"),
		    INFO("clients with session affinity may change their endpoint once"));
	check_weights(v);
	if (v->svc->scheduler || v->svc->forwarding != FWD_MASQUERADE)
		say(v, "scheduling", NOTHING,
		    v->svc->forwarding != FWD_MASQUERADE
			? HURT("the forwarding method is not known: addresses are "
			       "translated, and replies must come back through this node")
			: WARN("the scheduler is not known: endpoints are chosen at "
			       "random"));
	if (v->svc->proto == IPPROTO_UDP)
		say(v, "udp-timeout",
		    INFO("an idle UDP flow stays with its endpoint for 300 s (IPVS), "
			 "instead of 30 or 120 s (conntrack)"),
		    INFO("an idle UDP flow stays with its endpoint for 30 or 120 s "
			 "(conntrack), instead of 300 s (IPVS)"));
}

static void tell_idle_timeout(
    enum mode to, const struct model *m, const struct conf *c, struct notes *notes)
{
	bool tcp = false;

	for (size_t i = 0; i < m->n_services; i++)
		tcp |= m->services[i].proto == IPPROTO_TCP;
	if (to == MODE_IPVS && tcp)
		notes_add_named(notes, NOTE_INFO, "idle-timeout", "all TCP services",
		    "IPVS forgets a connection after %u s without a packet, conntrack "
		    "after a day: clients that keep connections idle need keepalives",
		    c->tcp_timeout ? c->tcp_timeout : 900);
}

/* What an answer of this endpoint comes from. */
struct seat {
	const struct service *svc;
	const struct endpoint *endpoint;
};

static int compare_seats(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;
	int r = x->svc->proto - y->svc->proto;

	if (!r)
		r = addr_cmp(&x->endpoint->addr, &y->endpoint->addr);
	return r ? r : x->endpoint->port - y->endpoint->port;
}

/* Whether an endpoint can be reached through more than one virtual address and port. */
static bool endpoints_are_shared(const struct model *m)
{
	VEC(struct seat) seats = {0};
	bool shared = false;

	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = &m->services[i];

		for (size_t k = 0; k < s->n_endpoints; k++)
			vec_push(&seats, ((struct seat){s, &s->endpoints[k]}));
		family_foreach (f)
			shared |= s->n_endpoints && count_frontends(s, f) > 1;
	}
	if (seats.n && !shared)
		qsort(seats.v, seats.n, sizeof(*seats.v), compare_seats);
	for (size_t i = 1; i < seats.n && !shared; i++)
		shared = seats.v[i].svc != seats.v[i - 1].svc &&
			 compare_seats(&seats.v[i], &seats.v[i - 1]) == 0;
	vec_free(&seats);
	return shared;
}

/* ip_vs_conn_out_get() of Linux looks for the connection of an answer by the client's and
 * the endpoint's address and port alone, the newest first. */
static void tell_shared_endpoints(
    enum mode to, const struct model *m, struct notes *notes)
{
	if (to == MODE_IPVS && endpoints_are_shared(m))
		notes_add_named(notes, NOTE_INFO, "shared-endpoints",
		    "endpoints with several virtual addresses",
		    "IPVS mixes up two connections of one client that use the same source "
		    "port, come by way of two virtual addresses, and go to one endpoint: "
		    "the older one hangs. It is rare, and iptables mode does not know it");
}

void modes_differences(enum mode to, const struct model *m, const struct conf *c,
    unsigned families, const struct node_facts *facts, enum note_level least,
    struct notes *ret)
{
	struct traffic t = {0};

	for (size_t i = 0; i < m->n_services; i++) {
		family_foreach (f) {
			struct view v = {
			    .to = to,
			    .conf = c,
			    .facts = facts,
			    .svc = &m->services[i],
			    .family = f,
			    .traffic = &t,
			    .least = least,
			    .notes = ret,
			};

			traffic_select(v.svc, c, f, &t);
			if (!t.has_family || !(families & FAMILY_BIT(f)))
				continue;
			check_external_policy(&v);
			check_external_local(&v);
			check_no_endpoints(&v);
			check_internal_policy(&v);
			check_node_ports(&v);
			check_ranges(&v);
			check_node_udp(&v);
			check_hairpin(&v);
			check_balancing(&v);
		}
	}
	traffic_free(&t);
	if (least == NOTE_INFO) {
		tell_idle_timeout(to, m, c, ret);
		tell_shared_endpoints(to, m, ret);
	}
}
