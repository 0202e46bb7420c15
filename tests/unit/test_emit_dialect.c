/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each kube-proxy release changed in the kernel's state, from 1.26 to the newest. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../lib/emit_fixture.h"

#define H "XRY76EGRC3BSCIIJ" /* of demo/web:http, tcp */

/* A load balancer with the ranges of both families that hold the node's addresses. */
static void ranged(struct fixture *fx, const char *version)
{
	setup(fx, version);
	fx->svc.type = SVC_LOAD_BALANCER;
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(fx, FE_CLUSTER, "fd00:10:96::20", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.50", 80);
	frontend(fx, FE_LOAD_BALANCER, "2001:db8::50", 80);
	range(fx, "10.0.0.0/8");
	range(fx, "fd00:10::/64");
	endpoint(fx, "10.244.1.5", 8080, "node-a");
	endpoint(fx, "fd00:10:244:1::5", 8080, "node-a");
}

#define HAIRPIN(vip)                                                                     \
	"-A KUBE-FW-" H " -s " vip                                                       \
	" -m comment --comment \"demo/web:http loadbalancer IP\" "                       \
	"-j KUBE-EXT-" H

/* Expected: rules that let the VIP itself through, in each family. */
static void assert_hairpin(const char *version, size_t v4, size_t v6)
{
	struct fixture fx;

	ranged(&fx, version);
	emit(&fx, MODE_IPTABLES);
	assert_int_equal(count_rule(&fx, FAMILY_4, FW_NAT, HAIRPIN("192.0.2.50/32")), v4);
	assert_int_equal(
	    count_rule(&fx, FAMILY_6, FW_NAT, HAIRPIN("2001:db8::50/128")), v6);
	teardown(&fx);
	ranged(&fx, version);
	emit(&fx, MODE_IPVS);
	assert_int_equal(
	    kset_find(&fx.s->sets, "KUBE-LOAD-BALANCER-SOURCE-IP")->n_entries, v4);
	assert_int_equal(
	    kset_find(&fx.s->sets, "KUBE-6-LOAD-BALANCER-SOURCE-IP")->n_entries, v6);
	teardown(&fx);
}

static void test_node_ip_is_the_bind_address_up_to_1_27(void **state)
{
	(void)state;
	assert_hairpin("1.27.1", 0, 0);
}

static void test_1_28_takes_the_node_ip_of_the_primary_family(void **state)
{
	(void)state;
	assert_hairpin("1.28.0", 1, 0);
}

static void test_1_29_takes_the_node_ip_of_both_families(void **state)
{
	(void)state;
	assert_hairpin("1.29.0", 1, 1);
}

static void test_1_26_leaves_kube_firewall_to_kubelet(void **state)
{
	struct fixture fx;

	(void)state;
	ranged(&fx, "1.26.0");
	emit(&fx, MODE_IPTABLES);
	assert_null(chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-FIREWALL"));
	assert_no_rule(&fx, FAMILY_4, FW_FILTER, "-A INPUT -j KUBE-FIREWALL");
	/* ... and its firewall chains end without a note. */
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-FW-" H)->n_rules, 1);
	teardown(&fx);
	ranged(&fx, "1.27.1");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-FIREWALL",
	    "! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"block incoming localnet "
	    "connections\" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n");
	assert_chain(&fx, FAMILY_6, FW_FILTER, "KUBE-FIREWALL", "");
	assert_rule(&fx, FAMILY_6, FW_FILTER, "-A OUTPUT -j KUBE-FIREWALL");
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-FW-" H)->n_rules, 2);
	teardown(&fx);
}

#define INVALID "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP"

static void assert_invalid_rule(const char *version, bool liberal, size_t n)
{
	struct fixture fx;

	setup(&fx, version);
	fx.c->tcp_be_liberal = liberal;
	emit(&fx, MODE_IPTABLES);
	assert_int_equal(count_rule(&fx, FAMILY_4, FW_FILTER, INVALID), n);
	assert_int_equal(count_rule(&fx, FAMILY_6, FW_FILTER, INVALID), n);
	teardown(&fx);
}

static void test_1_29_keeps_invalid_packets_with_liberal_conntrack(void **state)
{
	(void)state;
	assert_invalid_rule("1.28.0", true, 1);
	assert_invalid_rule("1.29.0", false, 1);
	assert_invalid_rule("1.29.0", true, 0);
}

/* A ClusterIP service with an external IP, policy Local and a remote endpoint. */
static void local_cluster_ip(struct fixture *fx, const char *version)
{
	setup(fx, version);
	fx->svc.external_local = true;
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(fx, FE_EXTERNAL, "192.0.2.77", 80);
	endpoint(fx, "10.244.2.7", 8080, "node-b");
}

static void test_1_29_honours_local_policy_on_cluster_ip_services(void **state)
{
	struct fixture fx;

	(void)state;
	local_cluster_ip(&fx, "1.28.0");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-EXTERNAL-SERVICES", "");
	teardown(&fx);
	local_cluster_ip(&fx, "1.29.0");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-EXTERNAL-SERVICES",
	    "-d 192.0.2.77/32 -p tcp -m comment --comment \"demo/web:http has no local "
	    "endpoints\" -m tcp --dport 80 -j DROP\n");
	teardown(&fx);
	local_cluster_ip(&fx, "1.29.0");
	emit(&fx, MODE_IPVS);
	assert_int_equal(kset_find(&fx.s->sets, "KUBE-EXTERNAL-IP-LOCAL")->n_entries, 1);
	teardown(&fx);
}

/* ---- ipvs mode */

static void assert_ipvs_filter(const char *version, const char *between)
{
	struct strbuf rules = {0};
	struct fixture fx;

	setup(&fx, version);
	emit(&fx, MODE_IPVS);
	strbuf_addf(&rules,
	    "-m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN\n"
	    "-m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN\n"
	    "-m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN\n"
	    "%s"
	    "-m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT "
	    "--reject-with icmp-port-unreachable\n",
	    between);
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-IPVS-FILTER", rules.s);
	strbuf_free(&rules);
	teardown(&fx);
}

#define HEALTH "-m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN\n"
#define EXT_LOCAL "-m set --match-set KUBE-EXTERNAL-IP-LOCAL dst,dst -j RETURN\n"

static void test_ipvs_filter_grew_in_1_28_and_1_30(void **state)
{
	(void)state;
	assert_ipvs_filter("1.26.0", "");
	assert_ipvs_filter("1.27.1", "");
	assert_ipvs_filter("1.28.0", HEALTH);
	assert_ipvs_filter("1.30.0", EXT_LOCAL HEALTH);
	assert_ipvs_filter("1.36", EXT_LOCAL HEALTH);
}

static void test_1_29_filters_what_the_node_sends_to_ranged_vips(void **state)
{
	struct fixture fx;

	(void)state;
	ranged(&fx, "1.28.0");
	emit(&fx, MODE_IPVS);
	assert_null(chain_of(&fx, FAMILY_6, FW_FILTER, "KUBE-IPVS-OUT-FILTER"));
	teardown(&fx);
	ranged(&fx, "1.29.0");
	fx.c->n_node_ips = 0;
	emit(&fx, MODE_IPVS);
	assert_rule(&fx, FAMILY_6, FW_FILTER,
	    "-A OUTPUT -m comment --comment \"kubernetes ipvs access filter\" -j "
	    "KUBE-IPVS-OUT-FILTER");
	assert_chain(&fx, FAMILY_6, FW_FILTER, "KUBE-IPVS-OUT-FILTER",
	    "-s 2001:db8::50/128 -m ipvs --vproto 6 --vaddr 2001:db8::50 --vport 80 -j DROP\n");
	teardown(&fx);
}

/* ---- both modes */

static void vip_twice(struct fixture *fx, enum mode mode)
{
	setup(fx, "1.30.0");
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(fx, FE_EXTERNAL, "192.0.2.50", 80);
	frontend(fx, FE_EXTERNAL, "192.0.2.50", 80);
	endpoint(fx, "10.244.1.5", 8080, "node-a");
	emit(fx, mode);
}

static void test_address_that_is_named_twice_has_its_rules_twice(void **state)
{
	struct fixture fx;

	(void)state;
	vip_twice(&fx, MODE_IPTABLES);
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES")->n_rules, 4);
	teardown(&fx);
	vip_twice(&fx, MODE_IPVS);
	assert_int_equal(fx.s->vips.n_addrs, 2);
	assert_int_equal(fx.s->lvs.n_services, 2);
	teardown(&fx);
}

static void proxied_vip(struct fixture *fx, const char *version)
{
	setup(fx, version);
	fx->svc.type = SVC_LOAD_BALANCER;
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.50", 80);
	fx->frontends.v[1].ip_mode = IP_MODE_PROXY;
	endpoint(fx, "10.244.1.5", 8080, "node-a");
}

static void test_1_30_skips_vips_of_mode_proxy(void **state)
{
	struct fixture fx;

	(void)state;
	for (int skips = 0; skips < 2; skips++) {
		proxied_vip(&fx, skips ? "1.30.0" : "1.29.0");
		emit(&fx, MODE_IPTABLES);
		assert_int_equal(!chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-EXT-" H), skips);
		teardown(&fx);
		proxied_vip(&fx, skips ? "1.30.0" : "1.29.0");
		emit(&fx, MODE_IPVS);
		assert_int_equal(fx.s->vips.n_addrs, skips ? 1 : 2);
		assert_int_equal(fx.s->lvs.n_services, skips ? 1 : 2);
		teardown(&fx);
	}
}

static void node_port(struct fixture *fx, const char *version)
{
	setup(fx, version);
	node_address(fx, "10.9.0.1");
	fx->svc.type = SVC_NODE_PORT;
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(fx, FE_CLUSTER, "fd00:10:96::20", 80);
	frontend(fx, FE_NODE_PORT, NULL, 30080);
	endpoint(fx, "10.244.1.5", 8080, "node-a");
	endpoint(fx, "fd00:10:244:1::5", 8080, "node-a");
}

#define NODE_PORT "-p tcp -m comment --comment \"demo/web:http\" -m tcp --dport 30080 "

/* A kernel may have its interface and lack the match: then nothing could be written. */
static void test_1_31_does_without_nfacct(void **state)
{
	struct fixture fx;

	(void)state;
	node_port(&fx, "1.31.0");
	emit(&fx, MODE_IPTABLES);
	assert_rule(&fx, FAMILY_4, FW_FILTER, INVALID);
	assert_chain(
	    &fx, FAMILY_4, FW_NAT, "KUBE-NODEPORTS", NODE_PORT "-j KUBE-EXT-" H "\n");
	teardown(&fx);
}

static void test_1_31_serves_node_ports_on_the_primary_address(void **state)
{
	struct fixture fx;
	const struct fw_chain *c;

	(void)state;
	node_port(&fx, "1.31.0");
	fx.c->node_port_primary = true;
	emit(&fx, MODE_IPTABLES);
	family_foreach (f) {
		c = chain_of(&fx, f, FW_NAT, "KUBE-SERVICES");
		assert_int_equal(c->n_tail, 1);
		assert_true(
		    addr_eq(&c->rules[c->n_rules - 1].dst.addr, &fx.c->node_ips[f]));
	}
	assert_int_equal(fx.s->knobs.n_knobs, 0);
	teardown(&fx);
}

static void hinted(struct fixture *fx, const char *version)
{
	static const char *const here[] = {"zone-a", NULL}, *const there[] = {
								"zone-b", NULL};
	static const char *const node_a[] = {"node-a", NULL}, *const node_c[] = {
								  "node-c", NULL};
	struct endpoint *e;

	setup(fx, version);
	fx->c->zone = "zone-a";
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	e = endpoint(fx, "10.244.1.5", 8080, "node-a");
	e->hint_zones = here;
	e->hint_nodes = node_a;
	e = endpoint(fx, "10.244.2.7", 8080, "node-b");
	e->hint_zones = there;
	e->hint_nodes = node_c;
	e = endpoint(fx, "10.244.3.7", 8080, "node-c");
	e->hint_zones = here;
	e->hint_nodes = node_c;
}

/* Expected: how many of the three endpoints are left, in either mode. */
static void assert_hinted(const char *version, const char *annotation, size_t n)
{
	for (int mode = MODE_IPTABLES; mode <= MODE_IPVS; mode++) {
		struct fixture fx;

		hinted(&fx, version);
		fx.svc.mode_annotation = annotation;
		fx.c->n_cluster_cidrs = 0;
		emit(&fx, (enum mode)mode);
		if (mode == MODE_IPVS)
			assert_int_equal(fx.s->lvs.services[0].n_dests, n);
		else
			assert_int_equal(
			    chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H)->n_rules, n);
		teardown(&fx);
	}
}

static void test_hints_need_the_newer_annotation_from_1_27_to_1_30(void **state)
{
	(void)state;
	assert_hinted("1.26.0", "Auto", 3);
	assert_hinted("1.27.1", "Auto", 2);
	assert_hinted("1.30.0", "Auto", 2);
	assert_hinted("1.30.0", NULL, 3);
}

static void test_1_31_follows_hints_without_annotation(void **state)
{
	(void)state;
	assert_hinted("1.31.0", NULL, 2);
	assert_hinted("1.33.0", NULL, 2);
}

static void test_1_34_follows_hints_for_the_node_first(void **state)
{
	(void)state;
	assert_hinted("1.34.0", NULL, 1);
}

/* The third one is the first in another spelling. */
static void spelled(struct fixture *fx, const char *version, enum mode mode)
{
	setup(fx, version);
	fx->c->n_cluster_cidrs = 0;
	frontend(fx, FE_CLUSTER, "fd00:10:96::1", 80);
	endpoint(fx, "fd00:10:244::a", 8080, "node-a");
	endpoint(fx, "fd00:10:244:1::b", 8080, "node-b");
	endpoint(fx, "fd00:10:244::a", 8080, "node-a")->written = "FD00:10:244:0::A";
	emit(fx, mode);
}

static void test_endpoints_are_as_written_up_to_1_32(void **state)
{
	struct fixture fx;

	(void)state;
	spelled(&fx, "1.33.0", MODE_IPTABLES);
	assert_int_equal(chain_of(&fx, FAMILY_6, FW_NAT, "KUBE-SVC-" H)->n_rules, 2);
	teardown(&fx);
	spelled(&fx, "1.32.0", MODE_IPTABLES);
	assert_chain(&fx, FAMILY_6, FW_NAT, "KUBE-SVC-" H,
	    "-m comment --comment \"demo/web:http -> [FD00:10:244:0::A]:8080\" -m statistic "
	    "--mode random --probability 0.33333333349 -j KUBE-SEP-QRLS63P4SAVYALSS\n"
	    "-m comment --comment \"demo/web:http -> [fd00:10:244:1::b]:8080\" -m statistic "
	    "--mode random --probability 0.50000000000 -j KUBE-SEP-TZZ7UZMLSAGH4ADY\n"
	    "-m comment --comment \"demo/web:http -> [fd00:10:244::a]:8080\" -j "
	    "KUBE-SEP-54UN6UZ6LWNUIXFQ\n");
	assert_chain(&fx, FAMILY_6, FW_NAT, "KUBE-SEP-QRLS63P4SAVYALSS",
	    "-s fd00:10:244::a/128 -m comment --comment \"demo/web:http\" -j "
	    "KUBE-MARK-MASQ\n"
	    "-p tcp -m comment --comment \"demo/web:http\" -m tcp -j DNAT "
	    "--to-destination [fd00:10:244::a]:8080\n");
	teardown(&fx);
	/* A real server has one spelling. */
	spelled(&fx, "1.32.0", MODE_IPVS);
	assert_int_equal(fx.s->lvs.services[0].n_dests, 2);
	teardown(&fx);
}

static void duplicate(struct fixture *fx, const char *version)
{
	struct endpoint *e;

	setup(fx, version);
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	endpoint(fx, "10.244.1.5", 8080, "node-b");
	e = endpoint(fx, "10.244.1.5", 8080, "node-a");
	e->ready = e->serving = false;
	e->terminating = true;
	emit(fx, MODE_IPTABLES);
}

static void test_1_33_prefers_the_duplicate_that_does_not_terminate(void **state)
{
	struct fixture fx;

	(void)state;
	/* Before, the local one wins, and it is not ready. */
	duplicate(&fx, "1.32.0");
	assert_null(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H));
	teardown(&fx);
	duplicate(&fx, "1.33.0");
	assert_non_null(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H));
	teardown(&fx);
}

/* Everything in one text. */
static char *print_all(const char *version, enum mode mode)
{
	struct fixture fx;
	struct strbuf sb = {0};

	ranged(&fx, version);
	frontend(&fx, FE_EXTERNAL, "192.0.2.77", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	fx.svc.external_local = true;
	fx.svc.health_port = 31234;
	emit(&fx, mode);
	for (int p = 0; p < PART_COUNT; p++)
		state_print_part(&sb, fx.s, (enum part)p);
	teardown(&fx);
	return sb.s;
}

static void test_releases_without_rule_changes_write_the_same(void **state)
{
	static const char *const same[] = {
	    "1.31.0", "1.32.0", "1.33.0", "1.34.0", "1.35.0", "1.36.0"};

	(void)state;
	for (int mode = MODE_IPTABLES; mode <= MODE_IPVS; mode++) {
		AUTO(mem) char *first = print_all(same[0], (enum mode)mode);

		for (size_t i = 1; i < sizeof(same) / sizeof(same[0]); i++) {
			AUTO(mem) char *other = print_all(same[i], (enum mode)mode);

			assert_string_equal(other, first);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_node_ip_is_the_bind_address_up_to_1_27),
	    cmocka_unit_test(test_1_28_takes_the_node_ip_of_the_primary_family),
	    cmocka_unit_test(test_1_29_takes_the_node_ip_of_both_families),
	    cmocka_unit_test(test_1_26_leaves_kube_firewall_to_kubelet),
	    cmocka_unit_test(test_1_29_keeps_invalid_packets_with_liberal_conntrack),
	    cmocka_unit_test(test_1_29_honours_local_policy_on_cluster_ip_services),
	    cmocka_unit_test(test_ipvs_filter_grew_in_1_28_and_1_30),
	    cmocka_unit_test(test_1_29_filters_what_the_node_sends_to_ranged_vips),
	    cmocka_unit_test(test_address_that_is_named_twice_has_its_rules_twice),
	    cmocka_unit_test(test_1_30_skips_vips_of_mode_proxy),
	    cmocka_unit_test(test_1_31_does_without_nfacct),
	    cmocka_unit_test(test_1_31_serves_node_ports_on_the_primary_address),
	    cmocka_unit_test(test_hints_need_the_newer_annotation_from_1_27_to_1_30),
	    cmocka_unit_test(test_1_31_follows_hints_without_annotation),
	    cmocka_unit_test(test_1_34_follows_hints_for_the_node_first),
	    cmocka_unit_test(test_1_33_prefers_the_duplicate_that_does_not_terminate),
	    cmocka_unit_test(test_endpoints_are_as_written_up_to_1_32),
	    cmocka_unit_test(test_releases_without_rule_changes_write_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
