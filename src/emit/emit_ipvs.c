/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipvs mode: what exists once per node or family: the addresses of kube-ipvs0 and of node
 * ports, the chains of rules/ipvs.rules, sysctls. Servers and set entries of each service
 * port come from ipvs_service.c.
 */
#include "config.h"

#include "emit/emit_ipvs.h"

#include <stdio.h>

#include "emit/emit.h"

static int compare_addr(const void *a, const void *b)
{
	return addr_cmp(a, b);
}

static void sort_addrs(struct addr_list *l)
{
	size_t n = 0;

	if (l->list.n)
		qsort(l->list.v, l->list.n, sizeof(l->list.v[0]), compare_addr);
	for (size_t i = 0; i < l->list.n; i++) {
		if (n == 0 || !addr_eq(&l->list.v[n - 1], &l->list.v[i]))
			l->list.v[n++] = l->list.v[i];
	}
	l->list.n = n;
}

static bool has_addr(const struct addr_list *l, const struct addr *a)
{
	return l->list.n &&
	       bsearch(a, l->list.v, l->list.n, sizeof(l->list.v[0]), compare_addr);
}

/* ---- addresses */

static bool on_other_interface(const struct server_maker *sm, const struct addr *a)
{
	for (size_t i = 0; i < sm->conf->n_addrs; i++) {
		if (addr_eq(&sm->conf->addrs[i].addr, a))
			return true;
	}
	return false;
}

static void collect_bound(struct server_maker *sm, const struct model *m)
{
	for (size_t i = 0; i < m->n_services; i++) {
		const struct service *s = &m->services[i];

		for (size_t k = 0; k < s->n_frontends; k++) {
			const struct frontend *fe = &s->frontends[k];

			if (!(s->families & FAMILY_BIT(sm->family)) ||
			    fe->kind == FE_NODE_PORT || !ipvs_serves(sm, fe))
				continue;
			if (fe->kind != FE_CLUSTER &&
			    sm->conf->dialect.vip_elsewhere_not_bound &&
			    on_other_interface(sm, &fe->addr))
				continue;
			vec_push(&sm->bound.list, fe->addr);
		}
	}
	sort_addrs(&sm->bound);
}

static bool in_node_port_cidrs(const struct conf *c, const struct addr *a)
{
	for (size_t i = 0; i < c->n_node_port_addrs; i++) {
		const struct prefix *p = &c->node_port_addrs[i];

		if (addr_family(&p->addr) == addr_family(a) && prefix_contains(p, a))
			return true;
	}
	return false;
}

/*
 * What node-port virtual servers are bound to. kube-proxy takes every address inside
 * given CIDRs, those on kube-ipvs0 included: cluster IPs too, if a CIDR covers them.
 * Without CIDRs it leaves kube-ipvs0 out, up to 1.27 by value, so that an address which
 * is also on another interface is lost.
 */
static void collect_nodes(struct server_maker *sm)
{
	const struct conf *c = sm->conf;
	struct node_ports np = {0};

	node_ports_select(c, sm->family, sm->arena, &np);
	for (size_t i = 0; i < np.n_addrs; i++) {
		const struct addr *a = &np.addrs[i];

		if (addr_is_loopback(a))
			continue;
		if (np.all && !c->dialect.node_addrs_by_interface &&
		    has_addr(&sm->bound, a))
			continue;
		vec_push(&sm->nodes.list, *a);
	}
	for (size_t i = 0; !np.all && i < sm->bound.list.n; i++) {
		if (in_node_port_cidrs(c, &sm->bound.list.v[i]))
			vec_push(&sm->nodes.list, sm->bound.list.v[i]);
	}
	sort_addrs(&sm->nodes);
	if (!np.all && sm->nodes.list.n == 0)
		notes_add(sm->notes, NOTE_WARNING, NULL,
		    "nodePortAddresses match no %s address of this node: node ports are "
		    "not "
		    "served",
		    family_info(sm->family)->name);
}

/* ---- chains */

static int build_chains(struct server_maker *sm, struct fw_ruleset *rs, struct error *err)
{
	const struct conf *c = sm->conf;
	const struct dialect *d = &c->dialect;
	const struct family_info *fi = family_info(sm->family);
	struct strbuf pods = {0};
	struct prefix pod_cidr = {0};
	bool detector = conf_detector(c, sm->family, &pod_cidr);
	bool by_cidr = detector && addr_is_set(&pod_cidr.addr);
	bool bridge = c->detect_local == DETECT_BRIDGE;
	const char *interface =
	    bridge ? c->bridge : arena_printf(sm->arena, "%s+", c->interface_prefix);
	struct fw_chain *out;
	char mark[16];
	int rc;
	struct skeleton_word words[10 + IPVS_SET_COUNT] = {
	    {"mark", mark, true},
	    {"loopback", fi->loopback_net, true},
	    {"reject", fi->reject, true},
	    {"masquerade_all", NULL, c->masquerade_all},
	    {"pod_cidr", NULL, by_cidr},
	    {"pod_interface", interface, detector && !by_cidr},
	    {"random_fully", NULL, c->random_fully},
	    {"ipvs_out_filter", NULL, d->ipvs_out_filter},
	    {"filter_external_local", NULL, d->ipvs_filter_ext_local_return},
	    {"filter_health_check", NULL, d->ipvs_filter_health_return},
	};

	snprintf(mark, sizeof(mark), "0x%x", conf_masquerade_mark(c));
	prefix_normalize(&pod_cidr);
	if (by_cidr)
		prefix_print(&pods, &pod_cidr);
	words[4].value = strbuf_str(&pods);
	ipvs_sets_words(&sm->sets, words + 10);
	rc = skeleton_build(skeleton_ipvs, "ipvs.rules", words, 10 + IPVS_SET_COUNT,
	    sm->family, sm->arena, rs, err);
	strbuf_free(&pods);
	if (rc != 0)
		return -1;
	out = fw_chain_find(&rs->tables[FW_FILTER], "KUBE-IPVS-OUT-FILTER");
	if (out) {
		out->unordered = true;
		vec_take(&sm->out_filter, sm->arena, out->rules, out->n_rules);
	}
	fw_table_sort(FW_NAT, &rs->tables[FW_NAT]);
	fw_table_sort(FW_FILTER, &rs->tables[FW_FILTER]);
	rs->present = true;
	return 0;
}

static void add_vips(struct state *s, const struct addr_list *bound)
{
	struct vip_table *t = &s->vips;
	size_t n = t->n_addrs + bound->list.n;
	struct vip_addr *v = arena_array(s->arena, struct vip_addr, n);

	for (size_t i = 0; i < t->n_addrs; i++)
		v[i] = t->addrs[i];
	for (size_t i = 0; i < bound->list.n; i++) {
		v[t->n_addrs + i].link = VIP_LINK;
		v[t->n_addrs + i].prefix = prefix_host(&bound->list.v[i]);
	}
	t->addrs = v;
	t->n_addrs = n;
}

static int emit_family(
    struct server_maker *sm, const struct model *m, struct state *s, struct error *err)
{
	struct traffic t = {0};

	ipvs_sets_init(&sm->sets, sm->family);
	sm->node_ip = conf_node_ip(sm->conf, sm->family);
	collect_bound(sm, m);
	collect_nodes(sm);
	for (size_t i = 0; i < sm->bound.list.n; i++) {
		const struct kset_entry e = {.ip = sm->bound.list.v[i]};

		ipvs_sets_add(&sm->sets, SET_IPVS_IPS, e);
	}
	for (size_t i = 0; i < m->n_services; i++) {
		traffic_select(&m->services[i], sm->conf, sm->family, &t);
		if (t.has_family)
			ipvs_add_service(sm, &m->services[i], &t);
	}
	traffic_free(&t);
	if (build_chains(sm, &s->fw[sm->family], err) != 0)
		return -1;
	ipvs_sets_finish(&sm->sets, s->arena, s->sets.sets + s->sets.n_sets);
	s->sets.n_sets += IPVS_SET_COUNT;
	add_vips(s, &sm->bound);
	return 0;
}

static void free_maker(struct server_maker *sm)
{
	ipvs_sets_free(&sm->sets);
	vec_free(&sm->bound.list);
	vec_free(&sm->nodes.list);
	vec_free(&sm->out_filter);
}

/* ---- the whole */

static void add_link(struct state *s)
{
	struct vip_link *l = arena_new_of(s->arena, struct vip_link);

	/* Left down: an address is local on a device that is down too. */
	*l = (struct vip_link){.name = VIP_LINK, .kind = "dummy"};
	s->vips.links = l;
	s->vips.n_links = 1;
	s->vips.present = true;
}

static void add_knobs(struct state *s, const struct conf *c)
{
	/* Since 5.9 a connection whose real server has no weight is scheduled anew and
	 * not delayed any more, so kube-proxy leaves conn_reuse_mode alone. */
	bool reuse = c->kernel >= CONF_KERNEL(4, 1) && c->kernel < CONF_KERNEL(5, 9);
	const struct {
		struct knob knob;
		bool wanted;
	} knobs[] = {
	    {{"net.ipv4.vs.conntrack", "1"}, true},
	    {{"net.ipv4.vs.conn_reuse_mode", "0"}, reuse},
	    {{"net.ipv4.vs.expire_nodest_conn", "1"}, true},
	    {{"net.ipv4.vs.expire_quiescent_template", "1"}, true},
	    {{"net.ipv4.ip_forward", "1"}, true},
	    {{"net.ipv4.conf.all.arp_ignore", "1"}, c->strict_arp},
	    {{"net.ipv4.conf.all.arp_announce", "2"}, c->strict_arp},
	};
	size_t n = sizeof(knobs) / sizeof(knobs[0]);

	s->knobs.knobs = arena_array(s->arena, struct knob, n);
	for (size_t i = 0; i < n; i++)
		if (knobs[i].wanted)
			s->knobs.knobs[s->knobs.n_knobs++] = knobs[i].knob;
	knob_sort(&s->knobs);
}

/* The same address may be an external IP and a load balancer's: one server for both.
 * Where two services claim it kube-proxy gives it to the one that it comes to last, in no
 * order: here to one that has endpoints. */
static void finish_servers(struct servers *list, const struct conf *c, struct state *s)
{
	struct lvs_table *t = &s->lvs;
	size_t n = 0;

	vec_take(&list->list, s->arena, t->services, t->n_services);
	lvs_sort(t);
	for (size_t i = 0; i < t->n_services; i++) {
		if (n == 0 ||
		    lvs_key_cmp(&t->services[n - 1].key, &t->services[i].key) != 0)
			t->services[n++] = t->services[i];
		else if (!t->services[n - 1].n_dests)
			t->services[n - 1] = t->services[i];
	}
	t->n_services = n;
	t->tcp_timeout = c->tcp_timeout;
	t->tcpfin_timeout = c->tcpfin_timeout;
	t->udp_timeout = c->udp_timeout;
	t->present = true;
}

int emit_ipvs(const struct model *m, const struct conf *c, unsigned families,
    struct state *s, struct notes *notes, struct error *err)
{
	struct servers servers = {0};
	int rc = 0;

	s->sets.sets = arena_array(s->arena, struct kset, FAMILY_COUNT * IPVS_SET_COUNT);
	family_foreach (f) {
		struct server_maker sm = {.conf = c,
		    .family = f,
		    .arena = s->arena,
		    .notes = notes,
		    .servers = &servers};

		if (rc != 0 || !(families & FAMILY_BIT(f)))
			continue;
		rc = emit_family(&sm, m, s, err);
		free_maker(&sm);
	}
	if (rc == 0) {
		s->sets.present = true;
		kset_list_sort(&s->sets);
		add_link(s);
		vip_sort(&s->vips);
		add_knobs(s, c);
		finish_servers(&servers, c, s);
	}
	vec_free(&servers.list);
	return rc;
}
