/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stops a switch, what is only said, and what the services will notice. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/emit_fixture.h"
#include "../lib/golden_states.h"
#include "verify/modes.h"
#include "verify/preflight.h"

static const struct kernel_caps able = {
    .ipvs = true,
    .dummy = true,
    .ipset = true,
    .legacy_tables = true,
    .legacy_tables6 = true,
    .scheduler = true,
    .net_admin = true,
    .conntrack_count = 100,
    .conntrack_max = 1000,
};

#define ETH0 "eth0    inet 10.0.0.11/24 scope global eth0\n"

/* A service with a cluster IP, a node port and a load balancer address, 1.30. */
static void web(struct fixture *fx)
{
	setup(fx, "1.30");
	frontend(fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	frontend(fx, FE_NODE_PORT, NULL, 30080);
	fx->svc.type = SVC_LOAD_BALANCER;
	endpoint(fx, "10.244.0.5", 8080, "node-a");
	endpoint(fx, "10.244.1.5", 8080, "node-b");
}

/* The notes for a switch of that service's node to `to`, which holds `have`. */
static void check(struct fixture *fx, enum mode to, const struct texts *have,
    const struct kernel_caps *caps)
{
	AUTO(state) struct state *h = state_from(have);

	emit(fx, to);
	notes_clear(&fx->notes);
	preflight_check(to, fx->m, fx->c, fx->s, h, caps, &fx->notes);
}

static const struct note *find(
    const struct fixture *fx, enum note_level level, const char *about, const char *text)
{
	for (size_t i = 0; i < fx->notes.list.n; i++) {
		const struct note *n = &fx->notes.list.v[i];

		if (n->level == level && strstr(n->text, text) &&
		    !strcmp(n->about ? n->about : "", about))
			return n;
	}
	return NULL;
}

static void assert_note(
    const struct fixture *fx, enum note_level level, const char *about, const char *text)
{
	if (find(fx, level, about, text))
		return;
	for (size_t i = 0; i < fx->notes.list.n; i++)
		print_message("%d %s: %s\n", fx->notes.list.v[i].level,
		    fx->notes.list.v[i].about, fx->notes.list.v[i].text);
	fail_msg("no note %s: %s", about, text);
}

static size_t refusals(const struct fixture *fx)
{
	return notes_count(&fx->notes, NOTE_REFUSE);
}

/* A check of web() to ipvs on a node with those tables refuses for one reason or none. */
static size_t refusals_with(const char *tables, const char *about, const char *text)
{
	struct fixture fx;
	size_t n;

	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.tables = tables, .vips = ETH0}, &able);
	n = refusals(&fx);
	if (n)
		assert_note(&fx, NOTE_REFUSE, about, text);
	teardown(&fx);
	return n;
}

/* ---- the kernel */

static void test_fit_node_is_not_refused(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
	assert_int_equal(refusals(&fx), 0);
	assert_note(&fx, NOTE_INFO, "node ports", "127.0.0.1");
	assert_note(&fx, NOTE_INFO, "idle connections", "900 s");
	assert_note(&fx, NOTE_WARNING, "ipvs.strictARP", "1 load balancer addresses");
	teardown(&fx);
}

static void test_missing_parts_of_the_kernel_are_named(void **state)
{
	struct kernel_caps caps = able;
	struct fixture fx;

	(void)state;
	caps.ipvs = caps.scheduler = caps.dummy = caps.ipset = false;
	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &caps);
	assert_int_equal(refusals(&fx), 3);
	assert_note(&fx, NOTE_REFUSE, "kernel", "modprobe ip_vs");
	assert_note(&fx, NOTE_REFUSE, "kernel", "modprobe dummy");
	assert_note(&fx, NOTE_REFUSE, "kernel", "modprobe -a ip_set xt_set");
	teardown(&fx);
}

static void test_missing_scheduler_is_named(void **state)
{
	struct kernel_caps caps = able;
	struct fixture fx;

	(void)state;
	caps.scheduler = false;
	web(&fx);
	fx.c->scheduler = "mh";
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &caps);
	assert_int_equal(refusals(&fx), 1);
	assert_note(&fx, NOTE_REFUSE, "kernel", "modprobe ip_vs_mh");
	teardown(&fx);
}

static void test_going_back_needs_no_ipvs(void **state)
{
	struct kernel_caps caps = able;
	struct fixture fx;

	(void)state;
	caps.ipvs = caps.scheduler = caps.dummy = caps.ipset = false;
	web(&fx);
	check(&fx, MODE_IPTABLES, &(struct texts){.vips = ETH0}, &caps);
	assert_int_equal(refusals(&fx), 0);
	teardown(&fx);
}

static void test_full_conntrack_table(void **state)
{
	static const struct {
		unsigned long count;
		size_t warnings, refusals;
	} steps[] = {{800, 0, 0}, {810, 1, 0}, {950, 1, 0}, {960, 0, 1}};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct kernel_caps caps = able;
		struct fixture fx;

		caps.conntrack_count = steps[i].count;
		web(&fx);
		check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &caps);
		assert_int_equal(refusals(&fx), steps[i].refusals);
		assert_int_equal(find(&fx, NOTE_WARNING, "conntrack", "in use") != NULL,
		    steps[i].warnings);
		teardown(&fx);
	}
}

/* ---- host firewalls */

#define INPUT(policy, rules)                                                             \
	"*filter\n:INPUT " policy                                                        \
	" [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"                          \
	":FW - [0:0]\n" rules "COMMIT\n"

static void test_host_firewall_that_drops_the_rest_is_refused(void **state)
{
	static const char *const drop[] = {
	    INPUT("DROP", ""),
	    INPUT("DROP", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"),
	    INPUT("ACCEPT", "-A INPUT -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -j REJECT --reject-with icmp-port-unreachable\n"),
	    /* As on RHEL. */
	    INPUT("ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
			    "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n"),
	    INPUT("ACCEPT", "-A INPUT -j FW\n-A FW -m comment --comment \"the rest\" "
			    "-j REJECT --reject-with tcp-reset\n"),
	    INPUT("DROP", "-A INPUT -j FW\n-A FW -j RETURN\n-A FW -j ACCEPT\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
		assert_int_equal(refusals_with(drop[i], "iptables", "filter INPUT"), 1);
}

static void test_host_firewall_that_lets_the_rest_in_is_not(void **state)
{
	static const char *const accept[] = {
	    INPUT("ACCEPT", "-A INPUT -s 10.1.0.0/16 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -p tcp -m tcp --dport 23 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -m conntrack --ctstate INVALID -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -j FW\n-A FW -j RETURN\n-A FW -j DROP\n"),
	    INPUT("DROP", "-A INPUT -j ACCEPT\n-A INPUT -j DROP\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(accept) / sizeof(accept[0]); i++)
		assert_int_equal(refusals_with(accept[i], "", ""), 0);
}

static void test_forward_that_drops_is_said_on_the_way_back(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	check(&fx, MODE_IPTABLES,
	    &(struct texts){.tables = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"
				      ":OUTPUT ACCEPT [0:0]\nCOMMIT\n",
		.vips = ETH0},
	    &able);
	assert_int_equal(refusals(&fx), 0);
	assert_note(&fx, NOTE_WARNING, "iptables", "filter FORWARD drops");
	teardown(&fx);
}

#define LOCAL_DNAT "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
#define PORTALS                                                                          \
	"-A PREROUTING -m comment --comment \"kubernetes service portals\" -j "          \
	"KUBE-SERVICES\n"
#define NAT(rules)                                                                        \
	"*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n:KUBE-SERVICES - [0:0]\n" rules \
	"COMMIT\n"

static void test_dnat_for_local_destinations_above_ours_is_said(void **state)
{
	static const struct {
		const char *tables;
		bool said;
	} cases[] = {
	    {NAT(LOCAL_DNAT PORTALS), true},
	    {NAT(PORTALS LOCAL_DNAT), false},
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fixture fx;

		web(&fx);
		check(&fx, MODE_IPVS,
		    &(struct texts){.tables = cases[i].tables, .vips = ETH0}, &able);
		assert_int_equal(find(&fx, NOTE_WARNING, "iptables", "-j DOCKER") != NULL,
		    cases[i].said);
		assert_int_equal(refusals(&fx), 0);
		teardown(&fx);
	}
}

static void test_untracked_cluster_ip_is_refused(void **state)
{
	static const char raw[] =
	    "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
	    "-A PREROUTING -d 10.96.0.1/32 -p udp -m udp --dport 53 -j CT --notrack\n"
	    "-A OUTPUT -s 10.96.0.1/32 -p udp -m udp --sport 53 -j CT --notrack\n"
	    "-A OUTPUT -d 169.254.20.10/32 -p udp -j CT --notrack\nCOMMIT\n";

	(void)state;
	assert_int_equal(refusals_with(raw, "demo/web:http", "NodeLocal"), 1);
}

/* ---- addresses and objects in the way */

static void test_cluster_ip_on_another_interface_is_refused(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	check(&fx, MODE_IPVS,
	    &(struct texts){.vips = ETH0 "nodelocaldns    inet 10.96.0.1/32 scope global "
					 "nodelocaldns\n"},
	    &able);
	assert_int_equal(refusals(&fx), 1);
	assert_note(&fx, NOTE_REFUSE, "demo/web:http", "nodelocaldns");
	teardown(&fx);
}

static void test_load_balancer_address_on_another_interface_is_said(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	check(&fx, MODE_IPVS,
	    &(struct texts){.vips = ETH0 "lo    inet 192.0.2.1/32 scope global lo\n"},
	    &able);
	assert_int_equal(refusals(&fx), 0);
	assert_note(&fx, NOTE_WARNING, "demo/web:http", "is on lo already");
	teardown(&fx);
}

static void test_foreign_virtual_server_is_refused(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	check(&fx, MODE_IPVS,
	    &(struct texts){.vips = ETH0,
		.lvs = "-A -t 192.0.2.1:80 -s wlc\n"
		       "-a -t 192.0.2.1:80 -r 10.5.5.5:80 -g -w 1\n"},
	    &able);
	assert_int_equal(refusals(&fx), 1);
	assert_note(&fx, NOTE_REFUSE, "demo/web:http", "tcp 192.0.2.1:80");
	teardown(&fx);
}

static void test_virtual_server_of_a_broken_off_run_is_not(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	check(&fx, MODE_IPVS,
	    &(struct texts){.vips = ETH0,
		.lvs = "-A -t 192.0.2.1:80 -s rr\n"
		       "-a -t 192.0.2.1:80 -r 10.244.0.5:8080 -m -w 1\n"},
	    &able);
	assert_int_equal(refusals(&fx), 0);
	teardown(&fx);
}

static void test_set_of_another_type_is_refused(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	check(&fx, MODE_IPVS,
	    &(struct texts){.vips = ETH0,
		.sets =
		    "create KUBE-CLUSTER-IP hash:net family inet hashsize 1024 maxelem 9\n"
		    "create KUBE-IPVS-IPS hash:ip family inet hashsize 1024 maxelem 9\n"},
	    &able);
	assert_int_equal(refusals(&fx), 1);
	assert_note(&fx, NOTE_REFUSE, "KUBE-CLUSTER-IP", "hash:net");
	assert_note(&fx, NOTE_WARNING, "KUBE-IPVS-IPS", "destroyed and created");
	teardown(&fx);
}

static void test_range_of_all_clients_is_said(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	range(&fx, "0.0.0.0/0");
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
	assert_note(&fx, NOTE_WARNING, "demo/web:http", "0.0.0.0/0");
	teardown(&fx);
}

static void check_case(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	char cluster[256], config[256];

	snprintf(cluster, sizeof(cluster), "%.200s/cluster.json", name);
	snprintf(config, sizeof(config), "%.200s/config.yaml", name);
	for (enum mode to = MODE_IPTABLES; to <= MODE_IPVS; to++) {
		const struct state *have = to == MODE_IPVS ? ipt : ipvs;
		struct notes notes = {0};
		struct wanted w;

		wanted_load(&w, cluster, config, "1.27", to, have);
		preflight_check(to, w.model, w.conf, w.state, have, &able, &notes);
		for (size_t i = 0; i < notes.list.n; i++)
			if (notes.list.v[i].level == NOTE_REFUSE)
				fail_msg("%s: %s: %s", name, notes.list.v[i].about,
				    notes.list.v[i].text);
		notes_clear(&notes);
		wanted_free(&w);
	}
}

static void test_no_case_is_refused(void **state)
{
	(void)state;
	each_pair(check_case);
}

/* ---- differences between the modes */

static void differences(struct fixture *fx, enum mode to)
{
	emit(fx, to);
	notes_clear(&fx->notes);
	modes_differences(to, fx->m, fx->c, &fx->notes);
}

static void test_plain_cluster_ip_behaves_the_same(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	differences(&fx, MODE_IPVS);
	assert_int_equal(fx.notes.list.n, 0);
	teardown(&fx);
}

static void test_local_policy_without_local_endpoint_differs(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	fx.svc.type = SVC_LOAD_BALANCER;
	fx.svc.external_local = true;
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	differences(&fx, MODE_IPVS);
	assert_int_equal(fx.notes.list.n, 1);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "instead of being dropped");
	notes_clear(&fx.notes);
	modes_differences(MODE_IPTABLES, fx.m, fx.c, &fx.notes);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "is dropped instead");
	teardown(&fx);
}

static void test_internal_local_without_endpoint_refuses(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	fx.svc.internal_local = true;
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	differences(&fx, MODE_IPVS);
	assert_int_equal(fx.notes.list.n, 1);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "refuses connections");
	teardown(&fx);
}

static void test_node_port_affinity_and_weights_differ(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	fx.svc.affinity = true;
	fx.svc.affinity_sec = 10800;
	fx.endpoints.v[0].weight = 5;
	fx.endpoints.v[0].weight_set = true;
	differences(&fx, MODE_IPVS);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "does not answer on 127.0.0.1");
	assert_note(&fx, NOTE_INFO, "demo/web:http", "session affinity");
	assert_note(&fx, NOTE_INFO, "demo/web:http", "weights of endpoints count");
	notes_clear(&fx.notes);
	modes_differences(MODE_IPTABLES, fx.m, fx.c, &fx.notes);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "all endpoints get the same share");
	teardown(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fit_node_is_not_refused),
	    cmocka_unit_test(test_missing_parts_of_the_kernel_are_named),
	    cmocka_unit_test(test_missing_scheduler_is_named),
	    cmocka_unit_test(test_going_back_needs_no_ipvs),
	    cmocka_unit_test(test_full_conntrack_table),
	    cmocka_unit_test(test_host_firewall_that_drops_the_rest_is_refused),
	    cmocka_unit_test(test_host_firewall_that_lets_the_rest_in_is_not),
	    cmocka_unit_test(test_forward_that_drops_is_said_on_the_way_back),
	    cmocka_unit_test(test_dnat_for_local_destinations_above_ours_is_said),
	    cmocka_unit_test(test_untracked_cluster_ip_is_refused),
	    cmocka_unit_test(test_cluster_ip_on_another_interface_is_refused),
	    cmocka_unit_test(test_load_balancer_address_on_another_interface_is_said),
	    cmocka_unit_test(test_foreign_virtual_server_is_refused),
	    cmocka_unit_test(test_virtual_server_of_a_broken_off_run_is_not),
	    cmocka_unit_test(test_set_of_another_type_is_refused),
	    cmocka_unit_test(test_range_of_all_clients_is_said),
	    cmocka_unit_test(test_no_case_is_refused),
	    cmocka_unit_test(test_plain_cluster_ip_behaves_the_same),
	    cmocka_unit_test(test_local_policy_without_local_endpoint_differs),
	    cmocka_unit_test(test_internal_local_without_endpoint_refuses),
	    cmocka_unit_test(test_node_port_affinity_and_weights_differ),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
