/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The packet walker: where packets go in states of either mode, and on the way from one
 * to the other. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/emit_fixture.h"
#include "../lib/golden_states.h"
#include "plan/restore.h"
#include "verify/walk_compare.h"

/* ---- golden clusters */

static void load_case(struct wanted *w, const char *name, const struct state *node)
{
	char cluster[300], config[300];

	snprintf(cluster, sizeof(cluster), "%s/cluster.json", name);
	snprintf(config, sizeof(config), "%s/config.yaml", name);
	wanted_load(w, cluster, config, "1.27", MODE_IPTABLES, node);
}

static size_t walked;

static void check_same(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	struct notes notes = {0};
	struct wanted w;
	size_t n;

	load_case(&w, name, ipt);
	n = walk_compare(w.model, w.conf, FAMILY_BOTH, ipt, ipvs, &notes);
	n += walk_compare(w.model, w.conf, FAMILY_BOTH, ipvs, ipt, &notes);
	if (notes.list.n)
		fail_msg("%s: %s: %s", name, notes.list.v[0].about, notes.list.v[0].text);
	walked += n;
	wanted_free(&w);
}

static void test_both_modes_of_every_case_reach_the_same_endpoints(void **state)
{
	(void)state;
	walked = 0;
	each_pair(check_same);
	assert_true(walked > 1000);
}

/* ---- on the way from one mode to the other */

/* A packet that reaches an endpoint before and after, so must in between. */
struct probe {
	struct walk_case of;
	char spn[128];
	bool virtual_source; /* before or after: answers come back all the same */
};
struct probes {
	VEC(struct probe) list;
	const struct walker *before, *after;
	const char *name;
	size_t walked;
};

/* Where the node's own connections to virtual addresses come from: by itself the kernel
 * takes the virtual address; kernel/vip_source.c may have led them past that. */
enum node_source { SOURCE_VIRTUAL, SOURCE_NODE };

static bool is_served(const struct walker *w, const struct walk_packet *p, bool *virtual)
{
	struct walk_ends ends;
	struct walk walk;
	bool served;

	walk_packet(w, p, false, &walk);
	walk_ends_take(&walk, &ends);
	served = walk_ends_served(&ends);
	for (size_t i = 0; i < ends.n; i++)
		*virtual |= ends.v[i].source == WALK_VIP;
	walk_ends_free(&ends);
	walk_free(&walk);
	return served;
}

static void keep_served(const struct walk_case *c, void *data)
{
	struct probes *p = data;
	struct probe probe = {.of = *c};

	if (!is_served(p->before, &c->packet, &probe.virtual_source) ||
	    !is_served(p->after, &c->packet, &probe.virtual_source))
		return;
	snprintf(probe.spn, sizeof(probe.spn), "%s", c->svc->spn);
	vec_push(&p->list, probe);
}

/* The address that a node sends from to hosts that it has no particular route to. */
static struct addr source_of_node(const struct walker *w, enum family f)
{
	struct addr far = addr_of(f == FAMILY_4 ? "198.51.100.77" : "2001:db8:51::77");

	return walker_source(w, &far);
}

static void assert_still_served(struct probes *p, const struct state *s,
    enum node_source source, const struct op *op, size_t i)
{
	AUTO(walker) struct walker *w = walker_new(s);

	for (size_t k = 0; k < p->list.n; k++) {
		const struct probe *probe = &p->list.v[k];
		struct walk_packet packet = probe->of.packet;
		bool virtual = false;
		char dst[ADDRPORT_STRLEN];

		if (probe->of.client == CLIENT_NODE && source == SOURCE_NODE)
			packet.src = source_of_node(w, packet.family);
		p->walked++;
		if (is_served(w, &packet, &virtual) &&
		    (!virtual || probe->virtual_source))
			continue;
		fail_msg("%s: after operation %zu (%s, phase %s): %s is not served from "
			 "%s at %s",
		    p->name, i, op->why ? op->why : "?", phase_name(op->phase),
		    probe->spn, walk_client_name(probe->of.client),
		    addrport_format(&probe->of.packet.dst, probe->of.packet.port, dst));
	}
}

/* After every operation that the kernel takes at once: one commit of a table, else one
 * object. */
static bool ends_commit(const struct plan *p, size_t i)
{
	return i + 1 == p->n_ops || p->ops[i].kind != KIND_FW ||
	       !same_commit(&p->ops[i], &p->ops[i + 1]);
}

/* From the first operation of phase `led` on, the node's connections come from itself. */
static void assert_served_throughout(
    struct probes *p, const struct state *from, const struct plan *plan, enum phase led)
{
	struct error err = {0};

	for (size_t i = 0; i < plan->n_ops; i++) {
		AUTO(state) struct state *s = NULL;

		if (!ends_commit(plan, i))
			continue;
		if (replay_run(from, plan, i + 1, &s, &err))
			fail_msg("%s: %s", p->name, err.msg);
		assert_still_served(p, s,
		    plan->ops[i].phase >= led ? SOURCE_NODE : SOURCE_VIRTUAL,
		    &plan->ops[i], i);
	}
}

/* Back as cutover.c goes: through the states that held after each phase. */
static void assert_served_back(
    struct probes *p, const struct migration *m, const struct state *end, enum phase led)
{
	struct state *now[PHASE_COUNT] = {0}, *want[PHASE_COUNT] = {0};
	struct plan *plans[PHASE_COUNT] = {0};
	const struct state *from = end;
	struct error err = {0};

	for (int ph = PHASE_REMOVE; ph >= PHASE_PREPARE; ph--) {
		if (restore_plan(ph ? m->after[ph - 1] : m->have, from, &both_modes,
			&want[ph], &plans[ph], &err))
			fail_msg("%s: back: %s", p->name, err.msg);
		restore_order(plans[ph], m->to, (enum phase)ph);
		assert_served_throughout(p, from, plans[ph], led);
		from = now[ph] = run(from, plans[ph]);
	}
	assert_no_plan(p->name, m->have, from, &both_modes);
	for (int ph = 0; ph < PHASE_COUNT; ph++) {
		plan_free(plans[ph]);
		state_free(want[ph]);
		state_free(now[ph]);
	}
}

/* There and back. */
static void assert_lossless(const char *name, const struct wanted *w, enum mode to,
    const struct state *from, const struct state *want)
{
	AUTO(migration) struct migration *m = make_migration(to, want, from);
	AUTO(state) struct state *end = run(from, m->plan);
	AUTO(walker) struct walker *before = walker_new(from);
	AUTO(walker) struct walker *after = walker_new(end);
	struct probes p = {.before = before, .after = after, .name = name};

	walk_each_case(
	    w->model, 0, w->model->n_services, w->conf, FAMILY_BOTH, keep_served, &p);
	if (to == MODE_IPVS) {
		/* Whether they could be led past the virtual addresses or not. */
		assert_served_throughout(&p, from, m->plan, PHASE_COUNT);
		assert_served_throughout(&p, from, m->plan, PHASE_BUILD);
		assert_served_back(&p, m, end, PHASE_PREPARE);
	} else {
		assert_served_throughout(&p, from, m->plan, PHASE_SWITCH);
		/* Whether the addresses had gone altogether or not. */
		assert_served_back(&p, m, end, PHASE_COUNT);
		assert_served_back(&p, m, end, PHASE_PREPARE);
	}
	walked += p.walked;
	vec_free(&p.list);
}

static void check_lossless(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	struct wanted w;

	load_case(&w, name, ipt);
	assert_lossless(name, &w, MODE_IPVS, ipt, ipvs);
	assert_lossless(name, &w, MODE_IPTABLES, ipvs, ipt);
	wanted_free(&w);
}

static void test_every_operation_leaves_all_services_served(void **state)
{
	(void)state;
	walked = 0;
	each_pair(check_lossless);
	assert_true(walked > 10000);
}

/* ---- random clusters */

static unsigned pick(unsigned *seed, unsigned n)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % n;
}

/* Up to eight service ports with whatever a service can have. */
static void make_services(struct fixture *fx, unsigned *seed)
{
	static char names[8][16], spns[8][32];
	unsigned n = 1 + pick(seed, 8);

	for (unsigned i = 0; i < n; i++) {
		char text[64];

		snprintf(names[i], sizeof(names[i]), "s%u", i);
		snprintf(spns[i], sizeof(spns[i]), "demo/s%u", i);
		fx->svc.name = names[i];
		fx->svc.spn = spns[i];
		fx->svc.port_name = "";
		fx->svc.proto = pick(seed, 3) ? IPPROTO_TCP : IPPROTO_UDP;
		fx->svc.type = SVC_LOAD_BALANCER;
		fx->svc.affinity = !pick(seed, 4);
		fx->svc.affinity_sec = fx->svc.affinity ? 600 : 0;
		fx->svc.external_local = !pick(seed, 4);
		fx->svc.internal_local = !pick(seed, 6);
		snprintf(text, sizeof(text), "10.96.1.%u", i + 1);
		frontend(fx, FE_CLUSTER, text, 80);
		snprintf(text, sizeof(text), "192.0.2.%u", i + 1);
		if (pick(seed, 2))
			frontend(fx, FE_EXTERNAL, text, 80);
		snprintf(text, sizeof(text), "203.0.113.%u", i + 1);
		if (pick(seed, 2))
			frontend(fx, FE_LOAD_BALANCER, text, 80);
		if (pick(seed, 2))
			frontend(fx, FE_NODE_PORT, NULL, (uint16_t)(30000 + i));
		if (!pick(seed, 3))
			range(fx, pick(seed, 2) ? "10.0.0.0/24" : "172.16.0.0/12");
		for (unsigned k = pick(seed, 5); k > 0; k--) {
			bool local = pick(seed, 2);

			snprintf(
			    text, sizeof(text), "10.244.%u.%u", local ? 1 : 2, i * 8 + k);
			endpoint(fx, text, 8080, local ? "node-a" : "node-b");
		}
		finish_service(fx, NULL, NULL);
	}
}

/* A node with an address of its own that came into a mode; borrows from what is wanted.
 */
struct node {
	struct state *bare, *state;
	struct migration *m;
};

static void node_init(struct node *n, enum mode mode, const struct state *want)
{
	n->bare = state_from(
	    &(struct texts){.vips = "eth0    inet 10.0.0.11/24 scope global eth0\n"});
	n->m = make_migration(mode, want, n->bare);
	n->state = run(n->bare, n->m->plan);
}

static void node_free(struct node *n)
{
	state_free(n->state);
	migration_free(n->m);
	state_free(n->bare);
}

static void check_both_ways(
    const char *name, const struct fixture *fx, const struct state *ipvs)
{
	struct wanted w = {.conf = fx->c, .model = fx->m};
	struct notes notes = {0};
	struct node a, b;

	node_init(&a, MODE_IPTABLES, fx->s);
	node_init(&b, MODE_IPVS, ipvs);
	walk_compare(fx->m, fx->c, FAMILY_BOTH, a.state, b.state, &notes);
	walk_compare(fx->m, fx->c, FAMILY_BOTH, b.state, a.state, &notes);
	if (notes.list.n)
		fail_msg("%s: %s: %s", name, notes.list.v[0].about, notes.list.v[0].text);
	assert_lossless(name, &w, MODE_IPVS, a.state, ipvs);
	assert_lossless(name, &w, MODE_IPTABLES, b.state, fx->s);
	node_free(&a);
	node_free(&b);
}

static void check_random(unsigned seed, const char *version)
{
	struct state *ipvs = NULL;
	struct error err = {0};
	struct fixture fx;
	char name[64];

	snprintf(name, sizeof(name), "seed %u, %s", seed, version);
	setup(&fx, version);
	one_prefix(&fx, &fx.c->node_pod_cidrs, &fx.c->n_node_pod_cidrs, "10.244.1.0/24");
	if (!pick(&seed, 3))
		fx.c->n_cluster_cidrs = 0;
	fx.c->masquerade_all = !pick(&seed, 5);
	make_services(&fx, &seed);
	emit(&fx, MODE_IPTABLES);
	if (emit_state(MODE_IPVS, fx.m, fx.c, FAMILY_BOTH, &ipvs, NULL, &err))
		fail_msg("%s", err.msg);
	check_both_ways(name, &fx, ipvs);
	state_free(ipvs);
	teardown(&fx);
}

static void test_random_clusters_migrate_without_loss(void **state)
{
	static const char *const versions[] = {"1.26", "1.27", "1.29", "1.36"};

	(void)state;
	walked = 0;
	for (unsigned seed = 1; seed <= 40; seed++)
		check_random(seed, versions[seed % 4]);
	assert_true(walked > 10000);
}

/* ---- what the walker must see */

#define NAT(rules)                                                                          \
	"*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n" \
	":KUBE-SERVICES - [0:0]\n:SVC - [0:0]\n"                                            \
	"-A PREROUTING -j KUBE-SERVICES\n" rules "COMMIT\n"
#define FORWARD(policy, rules)                                                           \
	"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD " policy " [0:0]\n:OUTPUT ACCEPT "       \
	"[0:0]\n" rules "COMMIT\n"
#define TO_SVC "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j SVC\n"
#define DNAT(n) "-A SVC -p tcp -m tcp -j DNAT --to-destination 10.244.1." n ":8080\n"

/* The ends of a packet from a pod to 10.96.0.1:80, as text. Free with free(). */
static char *ends_of(const struct texts *t)
{
	AUTO(state) struct state *s = state_from(t);
	AUTO(walker) struct walker *w = walker_new(s);
	struct walk_packet p = {.family = FAMILY_4,
	    .proto = IPPROTO_TCP,
	    .port = 80,
	    .src = addr_of("10.244.1.9"),
	    .dst = addr_of("10.96.0.1"),
	    .in = "cni0"};
	struct strbuf sb = {0};
	struct walk_ends e;
	struct walk walk;

	walk_packet(w, &p, false, &walk);
	walk_ends_take(&walk, &e);
	for (size_t i = 0; i < e.n; i++)
		if (e.v[i].unsure)
			strbuf_add(&sb, "unsure ");
	walk_ends_print(&sb, &e);
	walk_ends_free(&e);
	walk_free(&walk);
	return sb.s;
}

static void assert_ends(const struct texts *t, const char *expected)
{
	char *ends = ends_of(t);

	assert_string_equal(ends, expected);
	free(ends);
}

static void test_a_packet_nobody_serves_passes(void **state)
{
	(void)state;
	assert_ends(&(struct texts){.tables = NAT("")}, "passed");
	assert_ends(&(struct texts){.tables = NAT(TO_SVC)}, "passed");
}

static void test_each_choice_of_a_statistic_rule_is_an_end(void **state)
{
	(void)state;
	assert_ends(
	    &(struct texts){
		.tables = NAT(
		    TO_SVC "-A SVC -p tcp -m statistic --mode random --probability 0.5 "
			   "-j DNAT --to-destination 10.244.1.1:8080\n" DNAT("2"))},
	    "10.244.1.1:8080, 10.244.1.2:8080");
}

static void test_dnat_ends_nat_and_filter_sees_the_new_destination(void **state)
{
	(void)state;
	assert_ends(
	    &(struct texts){.tables = NAT(TO_SVC DNAT("1") DNAT("2")) FORWARD(
				"ACCEPT", "-A FORWARD -d 10.96.0.1/32 -j DROP\n")},
	    "10.244.1.1:8080");
	assert_ends(&(struct texts){.tables = NAT(TO_SVC DNAT("1")) FORWARD("ACCEPT",
					"-A FORWARD -d 10.244.1.1/32 -j DROP\n")},
	    "dropped");
}

static void test_a_policy_of_drop_is_seen(void **state)
{
	(void)state;
	assert_ends(&(struct texts){.tables = NAT(TO_SVC DNAT("1")) FORWARD("DROP", "")},
	    "dropped");
}

static void test_masquerading_is_seen(void **state)
{
	(void)state;
	assert_ends(
	    &(struct texts){.tables = NAT(TO_SVC DNAT(
				"1") "-A POSTROUTING -s 10.244.1.9/32 -j MASQUERADE\n")},
	    "10.244.1.1:8080 from a node address");
}

static void test_rules_of_others_that_cannot_be_told_go_both_ways(void **state)
{
	(void)state;
	assert_ends(
	    &(struct texts){.tables = NAT(TO_SVC DNAT("1")) FORWARD("ACCEPT",
				"-A FORWARD -m string --string x --algo bm -j DROP\n")},
	    "unsure unsure 10.244.1.1:8080, dropped");
	/* Whose destination is another one is none of them. */
	assert_ends(
	    &(struct texts){
		.tables = NAT(TO_SVC DNAT("1")) FORWARD("ACCEPT",
		    "-A FORWARD -d 10.9.9.9/32 -m string --string x --algo bm -j DROP\n")},
	    "10.244.1.1:8080");
}

static void test_a_virtual_server_needs_its_address_and_a_weight(void **state)
{
	struct texts t = {
	    .lvs =
		"-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.1.1:8080 -m -w 1\n"
		"-a -t 10.96.0.1:80 -r 10.244.1.2:8080 -m -w 0\n"};

	(void)state;
	assert_ends(&t, "passed");
	t.vips = "kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0\n";
	assert_ends(&t, "10.244.1.1:8080");
	t.lvs = "-A -t 10.96.0.1:80 -s rr\n";
	assert_ends(&t, "refused");
	t.lvs = NULL;
	assert_ends(&t, "listener");
}

/* ---- comparing */

static void test_a_lost_rule_is_an_unexplained_difference(void **state)
{
	AUTO(state) struct state *ipt = golden_state("clusterip-basic/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("clusterip-basic/ipvs-1.27");
	struct notes notes = {0};
	struct wanted w;

	(void)state;
	load_case(&w, "clusterip-basic", ipt);
	assert_true(ipvs->lvs.services[0].n_dests > 0);
	ipvs->lvs.services[0].n_dests--;
	walk_compare(w.model, w.conf, FAMILY_BOTH, ipt, ipvs, &notes);
	assert_true(notes_count(&notes, NOTE_ACCEPT) > 0);
	assert_string_equal(notes.list.v[0].name, "paths");
	notes_clear(&notes);
	wanted_free(&w);
}

/* Since 1.29 both modes compare the node with the ranges, iptables mode by the address
 * that packets have, ipvs mode by the one that kube-proxy takes for the node's. */
static void check_ranges_of_node(bool local)
{
	AUTO(state) struct state *ipvs = NULL;
	struct notes notes = {0};
	struct error err = {0};
	struct fixture fx;

	setup(&fx, "1.30");
	fx.c->bind_address = addr_of("10.9.9.9");
	fx.svc.external_local = local;
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	fx.svc.type = SVC_LOAD_BALANCER;
	range(&fx, "10.0.0.0/24");
	endpoint(&fx, "10.244.0.5", 8080, "node-a");
	emit(&fx, MODE_IPTABLES);
	if (emit_state(MODE_IPVS, fx.m, fx.c, FAMILY_BOTH, &ipvs, NULL, &err))
		fail_msg("%s", err.msg);
	walk_add_node(fx.s, fx.c);
	walk_add_node(ipvs, fx.c);
	walk_compare(fx.m, fx.c, FAMILY_BIT(FAMILY_4), fx.s, ipvs, &notes);
	assert_int_equal(notes.list.n, 1);
	assert_int_equal(notes.list.v[0].level, NOTE_ACCEPT);
	assert_non_null(
	    strstr(notes.list.v[0].text, "from the node itself to 192.0.2.1"));
	notes_clear(&notes);
	teardown(&fx);
}

static void test_a_node_that_ranges_allow_in_one_mode_only_is_told(void **state)
{
	(void)state;
	check_ranges_of_node(false);
	check_ranges_of_node(true);
}

static void test_the_node_sends_from_the_address_of_the_node_object(void **state)
{
	struct texts t = {.vips = "cni0    inet 10.244.1.1/24 scope global cni0\n"
				  "docker0    inet 172.17.0.1/16 scope global docker0\n"
				  "eth0    inet 10.0.0.11/24 scope global eth0\n"};
	AUTO(state) struct state *s = state_from(&t);
	AUTO(walker) struct walker *w = walker_new(s);
	struct addr far = addr_of("198.51.100.77"), eth0 = addr_of("10.0.0.11"), own;
	struct addr docker0 = addr_of("172.17.0.1"), strange = addr_of("10.0.0.12");
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	fx.addrs.n = 0;
	for (size_t i = 0; i < s->vips.n_addrs; i++)
		vec_push(
		    &fx.addrs, (struct node_addr){.addr = s->vips.addrs[i].prefix.addr,
				   .ifname = s->vips.addrs[i].link});
	conf_set_addrs(fx.c, fx.addrs.v, fx.addrs.n);
	own = conf_own_addr(fx.c, FAMILY_4);
	assert_true(addr_eq(&own, &eth0));
	walker_set_own(w, &own);
	own = walker_source(w, &far);
	assert_true(addr_eq(&own, &eth0));
	/* One that the node has not is none of its. */
	walker_set_own(w, &strange);
	own = walker_source(w, &far);
	assert_true(addr_eq(&own, &eth0));
	/* Without the object: the first one that is no pods' network. */
	fx.c->n_node_ips = 0;
	own = conf_own_addr(fx.c, FAMILY_4);
	assert_true(addr_eq(&own, &docker0));
	emit(&fx, MODE_IPTABLES);
	teardown(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_both_modes_of_every_case_reach_the_same_endpoints),
	    cmocka_unit_test(test_every_operation_leaves_all_services_served),
	    cmocka_unit_test(test_random_clusters_migrate_without_loss),
	    cmocka_unit_test(test_a_packet_nobody_serves_passes),
	    cmocka_unit_test(test_each_choice_of_a_statistic_rule_is_an_end),
	    cmocka_unit_test(test_dnat_ends_nat_and_filter_sees_the_new_destination),
	    cmocka_unit_test(test_a_policy_of_drop_is_seen),
	    cmocka_unit_test(test_masquerading_is_seen),
	    cmocka_unit_test(test_rules_of_others_that_cannot_be_told_go_both_ways),
	    cmocka_unit_test(test_a_virtual_server_needs_its_address_and_a_weight),
	    cmocka_unit_test(test_a_lost_rule_is_an_unexplained_difference),
	    cmocka_unit_test(test_a_node_that_ranges_allow_in_one_mode_only_is_told),
	    cmocka_unit_test(test_the_node_sends_from_the_address_of_the_node_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
