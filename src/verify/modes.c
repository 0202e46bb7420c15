/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What will behave differently for each service after a switch of the mode. */
#include "config.h"

#include "verify/modes.h"
#include "model/traffic.h"

#include <netinet/in.h>
#include <string.h>

struct view {
	enum mode to;
	const struct conf *conf;
	const struct service *svc;
	enum family family;
	const struct traffic *traffic;
	struct notes *notes;
};

/* One sentence per direction; NULL: nothing to say in that one. */
static void say(const struct view *v, const char *to_ipvs, const char *to_iptables)
{
	const char *text = v->to == MODE_IPVS ? to_ipvs : to_iptables;

	if (text)
		notes_add(v->notes, NOTE_INFO, v->svc->spn, "%s (%s)", text,
		    family_info(v->family)->name);
}

static bool has_frontend(const struct service *s, enum frontend_kind kind, enum family f)
{
	for (size_t i = 0; i < s->n_frontends; i++)
		if (s->frontends[i].kind == kind &&
		    (kind == FE_NODE_PORT || addr_family(&s->frontends[i].addr) == f))
			return true;
	return false;
}

static void check_policies(const struct view *v)
{
	const struct traffic *t = v->traffic;

	if (t->external_local && t->ext_access && t->any && !t->n_local)
		say(v,
		    "no local endpoint under externalTrafficPolicy Local: goes to "
		    "endpoints of other nodes instead of being dropped",
		    "no local endpoint under externalTrafficPolicy Local: is dropped "
		    "instead of going to endpoints of other nodes");
	else if (t->external_local && t->ext_access && t->any)
		say(v,
		    "pods and the node itself reach only local endpoints through the "
		    "external addresses, instead of all",
		    "pods and the node itself reach all endpoints through the external "
		    "addresses, instead of local ones only");
	if (t->internal_local && t->any && !t->n_local && t->ext_access)
		say(v,
		    "no local endpoint under internalTrafficPolicy Local: the cluster IP "
		    "goes to endpoints of other nodes instead of being dropped",
		    "no local endpoint under internalTrafficPolicy Local: the cluster IP "
		    "is dropped instead of going to endpoints of other nodes");
	else if (t->internal_local && t->any && !t->n_local)
		say(v,
		    "no local endpoint under internalTrafficPolicy Local: the cluster IP "
		    "refuses connections instead of dropping them",
		    "no local endpoint under internalTrafficPolicy Local: the cluster IP "
		    "drops connections instead of refusing them");
}

static void check_frontends(const struct view *v)
{
	struct arena *a = arena_new();
	struct node_ports np;

	node_ports_select(v->conf, v->family, a, &np);
	if (np.localhost && has_frontend(v->svc, FE_NODE_PORT, v->family))
		say(v, "the node port does not answer on 127.0.0.1",
		    "the node port answers on 127.0.0.1 too");
	arena_free(a);
}

static void check_ranges(const struct view *v)
{
	bool all = false;

	for (size_t i = 0; i < v->svc->n_ranges; i++)
		all |= !v->svc->ranges[i].bits &&
		       addr_family(&v->svc->ranges[i].addr) == v->family;
	if (all && has_frontend(v->svc, FE_LOAD_BALANCER, v->family))
		say(v,
		    "the source range /0 has no effect: clients that no other range allows "
		    "are dropped",
		    "the source range /0 allows every client again");
}

static void check_balancing(const struct view *v)
{
	const struct traffic *t = v->traffic;
	bool weights = false;

	if (v->svc->affinity)
		say(v, "clients with session affinity may change their endpoint once",
		    "clients with session affinity may change their endpoint once");
	for (size_t i = 1; i < t->n_all; i++)
		weights |= t->all[i]->weight != t->all[0]->weight;
	if (weights)
		say(v,
		    "weights of endpoints count, with a scheduler that heeds them (wrr, wlc, "
		    "...)",
		    "weights are not known: all endpoints get the same share");
	if (v->svc->scheduler || v->svc->forwarding != FWD_MASQUERADE)
		say(v, NULL,
		    "scheduler and forwarding are not known: endpoints are chosen at "
		    "random and addresses translated");
	if (v->svc->proto == IPPROTO_UDP)
		say(v,
		    "an idle UDP flow stays with its endpoint for 300 s (IPVS), instead of "
		    "30 or 120 s (conntrack)",
		    "an idle UDP flow stays with its endpoint for 30 or 120 s (conntrack), "
		    "instead of 300 s (IPVS)");
}

void modes_differences(
    enum mode to, const struct model *m, const struct conf *c, struct notes *ret)
{
	struct traffic t = {0};

	for (size_t i = 0; i < m->n_services; i++) {
		family_foreach (f) {
			struct view v = {
			    .to = to,
			    .conf = c,
			    .svc = &m->services[i],
			    .family = f,
			    .traffic = &t,
			    .notes = ret,
			};

			traffic_select(v.svc, c, f, &t);
			if (!t.has_family)
				continue;
			check_policies(&v);
			check_frontends(&v);
			check_ranges(&v);
			check_balancing(&v);
		}
	}
	traffic_free(&t);
}
