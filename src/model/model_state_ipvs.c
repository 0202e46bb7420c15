/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One family in ipvs mode: virtual servers and their real servers, and what the sets say
 * of them. Names are nowhere in it. Which servers are of one service port is found out in
 * model_state_owner.c.
 */
#include "config.h"

#include "model/model_state_parts.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SET_NAME_LEN 32 /* with NUL */

/* The sets of a family by what they are for; NULL: not there. */
struct sets {
	const struct kset *cluster, *external, *external_local;
	const struct kset *lb, *lb_local, *lb_fw, *lb_cidr;
	const struct kset *node_port[3], *node_port_local[3]; /* by index of protocols */
	const struct kset *health, *loop_back;
	bool any;
};

static const struct {
	uint8_t proto;
	const char *set, *set_local;
} protocols[] = {
    {IPPROTO_TCP, "NODE-PORT-TCP", "NODE-PORT-LOCAL-TCP"},
    {IPPROTO_UDP, "NODE-PORT-UDP", "NODE-PORT-LOCAL-UDP"},
    {IPPROTO_SCTP, "NODE-PORT-SCTP-HASH", "NODE-PORT-LOCAL-SCTP-HASH"},
};

const struct kset *state_set(const struct state *s, enum family f, const char *base)
{
	char name[64];

	snprintf(name, sizeof(name), "%s%s", family_info(f)->set_prefix, base);
	name[SET_NAME_LEN - 1] = '\0'; /* as kube-proxy cuts them */
	return kset_find(&s->sets, name);
}

static const struct kset *set_of(struct reading *rd, const char *base, struct sets *all)
{
	const struct kset *s = state_set(rd->state, rd->f, base);

	all->any |= s != NULL;
	return s;
}

static void find_sets(struct reading *rd, struct sets *s)
{
	*s = (struct sets){0};
	s->cluster = set_of(rd, "CLUSTER-IP", s);
	s->external = set_of(rd, "EXTERNAL-IP", s);
	s->external_local = set_of(rd, "EXTERNAL-IP-LOCAL", s);
	s->lb = set_of(rd, "LOAD-BALANCER", s);
	s->lb_local = set_of(rd, "LOAD-BALANCER-LOCAL", s);
	s->lb_fw = set_of(rd, "LOAD-BALANCER-FW", s);
	s->lb_cidr = set_of(rd, "LOAD-BALANCER-SOURCE-CIDR", s);
	s->health = set_of(rd, "HEALTH-CHECK-NODE-PORT", s);
	s->loop_back = set_of(rd, "LOOP-BACK", s);
	for (size_t i = 0; i < 3; i++) {
		s->node_port[i] = set_of(rd, protocols[i].set, s);
		s->node_port_local[i] = set_of(rd, protocols[i].set_local, s);
	}
}

static bool has_key(const struct kset *s, const struct lvs_key *k)
{
	const struct kset_entry e = {.ip = k->addr, .port = k->port, .proto = k->proto};

	return kset_has(s, &e);
}

static bool has_node_port(const struct kset *s, const struct lvs_key *k)
{
	const struct kset_entry e = {.port = k->port};

	if (s && s->type != KSET_BITMAP_PORT)
		return has_key(s, k);
	return kset_has(s, &e);
}

bool server_dest_is_local(
    const struct servers *all, const struct server *s, const struct lvs_dest *d)
{
	const struct kset_entry e = {
	    .ip = d->addr, .ip2 = d->addr, .port = d->port, .proto = s->s->key.proto};

	return kset_has(all->loop_back, &e);
}

/* What a server is by the sets; false: no set has it. */
static bool classify(const struct sets *sets, struct server *sv)
{
	const struct lvs_key *k = &sv->s->key;

	if (has_key(sets->cluster, k)) {
		sv->kind = FE_CLUSTER;
		return true;
	}
	if (has_key(sets->lb, k)) {
		sv->kind = FE_LOAD_BALANCER;
		sv->local = has_key(sets->lb_local, k);
		return true;
	}
	if (has_key(sets->external, k) || has_key(sets->external_local, k)) {
		sv->kind = FE_EXTERNAL;
		sv->local = has_key(sets->external_local, k);
		return true;
	}
	for (size_t i = 0; i < 3; i++)
		if (protocols[i].proto == k->proto &&
		    has_node_port(sets->node_port[i], k)) {
			sv->kind = FE_NODE_PORT;
			sv->local = has_node_port(sets->node_port_local[i], k);
			return true;
		}
	return false;
}

/* ---- servers into service ports */

static void take_dests(struct reading *rd, const struct servers *all, struct server *sv)
{
	struct found *fd = sv->found;

	for (size_t i = 0; i < sv->s->n_dests; i++) {
		const struct lvs_dest *d = &sv->s->dests[i];
		struct endpoint *e;

		found_add_endpoint(
		    rd, fd, &d->addr, d->port, server_dest_is_local(all, sv, d));
		e = &fd->endpoints.v[fd->endpoints.n - 1];
		if (d->weight == 0) {
			/* It leaves: its connections end, new ones do not come. */
			e->ready = e->serving = false;
			e->terminating = true;
		} else if (d->weight != 1) {
			e->weight_set = true;
			e->weight = (uint32_t)d->weight;
		}
		if (d->fwd == LVS_DROUTE)
			fd->forwarding = FWD_DIRECT;
		else if (d->fwd == LVS_TUNNEL)
			fd->forwarding = FWD_TUNNEL;
	}
}

static void take_settings(
    struct reading *rd, struct found *fd, const struct server *sv, const char *usual)
{
	if (sv->s->flags & LVS_F_PERSISTENT) {
		fd->affinity = true;
		fd->affinity_sec = sv->s->timeout;
	}
	if (strcmp(sv->s->sched, usual))
		fd->scheduler = model_builder_intern(rd->builder, sv->s->sched);
	fd->external_local |= sv->local;
}

/* The first entry of a set for that address and port; its others follow it. */
static size_t find_entry(const struct kset *s, const struct lvs_key *k)
{
	const struct kset_entry e = {.ip = k->addr, .port = k->port, .proto = k->proto};
	size_t lo = 0, hi = s ? s->n_entries : 0;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (kset_entry_cmp(&s->entries[mid], &e) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void take_ranges(
    struct reading *rd, const struct sets *sets, const struct server *sv)
{
	const struct kset *cidrs = sets->lb_cidr;
	const struct lvs_key *k = &sv->s->key;
	size_t first = find_entry(cidrs, k), i = first;
	char text[80];

	if (sv->kind != FE_LOAD_BALANCER || !has_key(sets->lb_fw, k))
		return;
	for (; cidrs && i < cidrs->n_entries; i++) {
		const struct kset_entry *e = &cidrs->entries[i];

		if (e->port != k->port || e->proto != k->proto ||
		    !addr_eq(&e->ip, &k->addr))
			break;
		vec_push(&sv->found->ranges,
		    ((struct prefix){.addr = e->ip2, .bits = e->bits}));
	}
	if (i > first)
		return;
	/* A set cannot hold /0, and that is the only range that leaves no trace. */
	vec_push(&sv->found->ranges,
	    ((struct prefix){.addr = {.len = (uint8_t)family_info(rd->f)->addr_len}}));
	remark(rd, sv->found, NULL,
	    "%s has source ranges, but none in a set: a range /0 that drops everybody",
	    lvs_key_format(k, text));
}

/* Whether a service port has a cluster IP of the family under way. */
static bool has_cluster_ip(const struct reading *rd, const struct found *fd)
{
	for (size_t i = 0; i < fd->frontends.n; i++)
		if (fd->frontends.v[i].kind == FE_CLUSTER &&
		    addr_family(&fd->frontends.v[i].addr) == rd->f)
			return true;
	return false;
}

/* A node port is one service port's in the whole cluster: the cluster IPs of both families
 * that lead there are of one. */
static void join_families(struct reading *rd, const struct servers *all,
    const struct server *sv, struct found *owner)
{
	struct found *gone = sv->found;

	if (sv->kind != FE_NODE_PORT || !gone || !owner || gone == owner ||
	    has_cluster_ip(rd, owner) || gone->affinity != owner->affinity)
		return;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].found == gone)
			all->v[i].found = owner;
	found_merge(rd, owner, gone);
}

static void take_server(struct reading *rd, const struct servers *all,
    const struct sets *sets, struct server *sv, const char *usual)
{
	const struct lvs_key *k = &sv->s->key;
	const struct addr *a = sv->kind == FE_NODE_PORT ? NULL : &k->addr;
	struct found *owner = found_by_claim(rd, a, k->port, k->proto);
	char text[80];

	join_families(rd, all, sv, owner);
	if (!sv->found)
		sv->found = owner ? owner : found_get(rd, NULL, NULL, k->proto);
	sv->found->families |= FAMILY_BIT(rd->f);
	sv->found->no_cluster_ip = true;
	if (!found_add_frontend(rd, sv->found, sv->kind, a, k->port))
		not_understood(rd, sv->found, NULL, "%s belongs to %s",
		    lvs_key_format(k, text), found_label(rd, owner));
	take_settings(rd, sv->found, sv, usual);
	take_dests(rd, all, sv);
	take_ranges(rd, sets, sv);
}

/* The scheduler that most have: the node's. */
static const char *usual_scheduler(const struct servers *all)
{
	const char *best = "rr";
	size_t most = 0;

	for (size_t i = 0; i < all->n; i++) {
		size_t n = 0;

		/* With thousands of servers the first few hundred tell it. */
		for (size_t k = 0; k < all->n && k < 256; k++)
			n += !strcmp(all->v[k].s->sched, all->v[i].s->sched);
		if (n > most) {
			most = n;
			best = all->v[i].s->sched;
		}
		if (i == 256)
			break;
	}
	return best;
}

/* ---- what does not fit */

static void puzzled(struct reading *rd, const struct sets *sets, struct server *sv)
{
	char text[80];

	if (!sets->any) {
		/* Plain load balancing, or a dump of nothing but the servers. */
		sv->kind = FE_EXTERNAL;
		return;
	}
	if (rd->state->vips.present && !own_virtual_server(rd->state, sv->s)) {
		notes_add(rd->findings, NOTE_INFO, NULL,
		    "virtual server %s is in no set of kube-proxy: somebody else's",
		    lvs_key_format(&sv->s->key, text));
		sv->s = NULL;
		return;
	}
	sv->kind = FE_EXTERNAL;
	sv->found = found_get(rd, NULL, NULL, sv->s->key.proto);
	found_add_frontend(rd, sv->found, sv->kind, &sv->s->key.addr, sv->s->key.port);
	not_understood(rd, sv->found, NULL, "virtual server %s is in no set",
	    lvs_key_format(&sv->s->key, text));
}

static void check_set(struct reading *rd, const struct kset *s, enum frontend_kind kind)
{
	char text[ADDRPORT_STRLEN];

	for (size_t i = 0; s && i < s->n_entries; i++) {
		const struct kset_entry *e = &s->entries[i];
		const struct addr *a = kind == FE_NODE_PORT ? NULL : &e->ip;
		struct found *fd;

		if (found_by_claim(rd, a, e->port, e->proto))
			continue;
		fd = found_get(rd, NULL, NULL, e->proto);
		fd->no_cluster_ip = true;
		found_add_frontend(rd, fd, kind, a, e->port);
		if (a)
			addrport_format(a, e->port, text);
		else
			snprintf(text, sizeof(text), "port %u", e->port);
		not_understood(rd, fd, NULL,
		    "set %s has %s, but no virtual server is there", s->name, text);
	}
}

static void check_node_ports(struct reading *rd, const struct sets *sets)
{
	for (size_t i = 0; i < 3; i++) {
		const struct kset *s = sets->node_port[i];

		if (s && s->type != KSET_BITMAP_PORT) {
			check_set(rd, s, FE_NODE_PORT);
			continue;
		}
		for (size_t k = 0; s && k < s->n_entries; k++) {
			struct kset_entry e = s->entries[k];
			struct kset one = *s;

			e.proto = protocols[i].proto;
			one.entries = &e;
			one.n_entries = 1;
			check_set(rd, &one, FE_NODE_PORT);
		}
	}
}

static bool is_local_lb(const struct reading *rd, const struct found *fd)
{
	bool lb = false;

	for (size_t k = 0; k < fd->frontends.n; k++)
		lb |= fd->frontends.v[k].kind == FE_LOAD_BALANCER;
	return lb && fd->external_local && fd->families & FAMILY_BIT(rd->f);
}

/* Each local load balancer has a health check port: when there is one only, all that are
 * are ports of one service. */
static void give_health_port(struct reading *rd, const struct sets *sets)
{
	if (!sets->health || !sets->health->n_entries)
		return;
	if (sets->health->n_entries > 1) {
		notes_add(rd->findings, NOTE_INFO, NULL,
		    "%zu health check ports, but nothing tells which services they are of",
		    sets->health->n_entries);
		return;
	}
	for (size_t i = 0; i < rd->list.n; i++)
		if (is_local_lb(rd, rd->list.v[i]))
			rd->list.v[i]->health_port = sets->health->entries[0].port;
}

static void find_servers(struct reading *rd, const struct sets *sets, struct servers *all)
{
	const struct lvs_table *t = &rd->state->lvs;

	*all = (struct servers){.loop_back = sets->loop_back};
	all->v = xcalloc(t->n_services + 1, sizeof(*all->v));
	for (size_t i = 0; i < t->n_services; i++) {
		struct server *sv = &all->v[all->n];

		*sv = (struct server){.s = &t->services[i]};
		if (sv->s->key.fwmark || sv->s->key.family != rd->f)
			continue;
		if (!classify(sets, sv))
			puzzled(rd, sets, sv);
		all->n += sv->s != NULL;
	}
}

/* A file that is missing is no sign that nothing was in it. */
static void check_parts(struct reading *rd)
{
	const struct state *s = rd->state;

	if (!s->lvs.present)
		remark(rd, NULL, NULL,
		    "%s is in ipvs mode, but the virtual servers (ipvsadm -Sn) are not "
		    "here: services are not seen",
		    family_info(rd->f)->name);
	else if (!s->sets.present)
		remark(rd, NULL, NULL,
		    "the sets (ipset save) are not here: every virtual server of %s counts "
		    "as an external address, and policies are not seen",
		    family_info(rd->f)->name);
}

void read_ipvs(struct reading *rd)
{
	struct servers all;
	struct sets sets;
	const char *usual;

	check_parts(rd);
	find_sets(rd, &sets);
	find_servers(rd, &sets, &all);
	usual = usual_scheduler(&all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].kind == FE_CLUSTER)
			take_server(rd, &all, &sets, &all.v[i], usual);
	find_owners(&all);
	for (size_t i = 0; i < all.n; i++)
		if (all.v[i].kind != FE_CLUSTER)
			take_server(rd, &all, &sets, &all.v[i], usual);
	check_set(rd, sets.cluster, FE_CLUSTER);
	check_set(rd, sets.lb, FE_LOAD_BALANCER);
	check_set(rd, sets.external, FE_EXTERNAL);
	check_set(rd, sets.external_local, FE_EXTERNAL);
	check_node_ports(rd, &sets);
	give_health_port(rd, &sets);
	free(all.v);
}
