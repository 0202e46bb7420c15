/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names, rules files and iptables mode beyond what the golden cases hold. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../lib/emit_fixture.h"
#include "emit/names.h"
#include "emit/skeleton.h"

#define H "XRY76EGRC3BSCIIJ" /* of demo/web:http, tcp */

static void test_chain_names_hash_service_and_endpoint(void **state)
{
	static const struct {
		const char *spn, *endpoint, *hash;
		uint8_t proto;
	} t[] = {
	    {"default/kubernetes:https", NULL, "NPX46M4PTMTKRN6Y", IPPROTO_TCP},
	    {"kube-system/kube-dns:dns", NULL, "TCOU7JCQXEZGVUNU", IPPROTO_UDP},
	    {"kube-system/kube-dns:dns-tcp", NULL, "ERIFXISQEP7F7OF4", IPPROTO_TCP},
	    {"demo/three", NULL, "NRIPR4V3EL4HGZSH", IPPROTO_TCP},
	    {"demo/sctp:s", NULL, "RCKBXORCKRZMLA5Y", IPPROTO_SCTP},
	    {"default/kubernetes:https", "172.18.0.2:6443", "V2PECCYPB6X2GSCW",
		IPPROTO_TCP},
	    {"demo/web:http", "[fd00:10:244:1::5]:8080", "AG7FEPHA3Q5JLEBT", IPPROTO_TCP},
	    {"demo/sctp:s", "10.244.1.90:9999", "D72SJ5VYAFBL4J3G", IPPROTO_SCTP},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		const struct service s = {.spn = t[i].spn, .proto = t[i].proto};
		char hash[NAME_HASH_LEN];

		name_hash(&s, t[i].endpoint, hash);
		assert_string_equal(hash, t[i].hash);
	}
}

static void test_set_names_are_cut_to_31_characters(void **state)
{
	char name[NAME_SET_LEN];

	(void)state;
	name_set(FAMILY_4, "LOAD-BALANCER-SOURCE-CIDR", name);
	assert_string_equal(name, "KUBE-LOAD-BALANCER-SOURCE-CIDR");
	name_set(FAMILY_6, "LOAD-BALANCER-SOURCE-CIDR", name);
	assert_string_equal(name, "KUBE-6-LOAD-BALANCER-SOURCE-CID");
	name_set(FAMILY_6, "NODE-PORT-LOCAL-SCTP-HASH", name);
	assert_string_equal(name, "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS");
	name_set(FAMILY_6, "LOAD-BALANCER-SOURCE-IP", name);
	assert_string_equal(name, "KUBE-6-LOAD-BALANCER-SOURCE-IP");
}

/* ---- rules files */

static int build(
    const char *text, struct arena *a, struct fw_ruleset *rs, struct error *err)
{
	const struct skeleton_word words[] = {
	    {"mark", "0x4000", true}, {"yes", NULL, true}, {"no", NULL, false}};

	*rs = (struct fw_ruleset){0};
	return skeleton_build(text, "x.rules", words, 3, FAMILY_4, a, rs, err);
}

static void test_rules_file_keeps_lines_by_flags_and_fills_holes(void **state)
{
	struct arena *a = arena_new();
	struct fw_ruleset rs;
	struct error err;
	const struct fw_chain *c;

	(void)state;
	assert_int_equal(build("# comment\n*nat\n:INPUT ACCEPT [0:0]\n:X - [0:0]\n"
			       "?no -A X -j DROP\n"
			       "?!yes -A X -j DROP\n"
			       "?yes ?no -A X -j DROP\n"
			       "?yes ?!no -A X -j MARK --set-xmark ${mark}/${mark}\n"
			       "COMMIT\n",
			     a, &rs, &err),
	    0);
	c = fw_chain_find(&rs.tables[FW_NAT], "X");
	assert_int_equal(c->n_rules, 1);
	assert_int_equal(c->rules[0].target.mark.value, 0x4000);
	assert_int_equal(
	    fw_chain_find(&rs.tables[FW_NAT], "INPUT")->policy, FW_POLICY_NONE);
	arena_free(a);
}

static void test_rules_file_names_the_line_of_an_unknown_word(void **state)
{
	struct arena *a = arena_new();
	struct fw_ruleset rs;
	struct error err;

	(void)state;
	assert_int_equal(build("*nat\n\n?maybe :X - [0:0]\n", a, &rs, &err), -1);
	assert_string_equal(err.msg, "x.rules:3: \"maybe\" is not known");
	assert_int_equal(build("*nat\n:${chain} - [0:0]\n", a, &rs, &err), -1);
	assert_string_equal(err.msg, "x.rules:2: \"chain\" is not known");
	assert_int_equal(build("*nat\n:${yes} - [0:0]\n", a, &rs, &err), -1);
	assert_string_equal(err.msg, "x.rules:2: \"yes\" has no value");
	assert_int_equal(build("*nat\n:${mark - [0:0]\n", a, &rs, &err), -1);
	assert_string_equal(err.msg, "x.rules:2: \"${\" without \"}\"");
	assert_int_equal(build("?yes\n", a, &rs, &err), -1);
	assert_string_equal(err.msg, "x.rules:1: a flag without a line after it");
	arena_free(a);
}

/* ---- fixed rules */

static void test_mark_bit_moves_in_all_rules(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.c->masquerade_bit = 31;
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_6, FW_NAT, "KUBE-MARK-MASQ",
	    "-j MARK --set-xmark 0x80000000/0x80000000\n");
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-POSTROUTING",
	    "-m mark ! --mark 0x80000000/0x80000000 -j RETURN\n"
	    "-j MARK --set-xmark 0x80000000/0x0\n"
	    "-m comment --comment \"kubernetes service traffic requiring SNAT\" "
	    "-j MASQUERADE --random-fully\n");
	assert_rule(&fx, FAMILY_4, FW_FILTER,
	    "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" "
	    "-m mark --mark 0x80000000/0x80000000 -j ACCEPT");
	teardown(&fx);
}

static void test_old_iptables_masquerades_without_random_fully(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.c->random_fully = false;
	emit(&fx, MODE_IPTABLES);
	assert_rule(&fx, FAMILY_4, FW_NAT,
	    "-A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic "
	    "requiring "
	    "SNAT\" -j MASQUERADE");
	teardown(&fx);
}

static void test_one_family_leaves_the_other_alone(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	emit_families(&fx, MODE_IPTABLES, FAMILY_BIT(FAMILY_6));
	assert_false(fx.s->fw[FAMILY_4].present);
	assert_true(fx.s->fw[FAMILY_6].present);
	assert_true(fx.s->fw[FAMILY_6].tables[FW_MANGLE].present);
	/* route_localnet is IPv4's */
	assert_int_equal(fx.s->knobs.n_knobs, 0);
	assert_chain(&fx, FAMILY_6, FW_FILTER, "KUBE-FIREWALL", "");
	teardown(&fx);
}

#define TAIL                                                                             \
	"-m comment --comment \"kubernetes service nodeports; NOTE: this must be the "   \
	"last "                                                                          \
	"rule in this chain\" "

static void test_localhost_node_ports_off_spares_loopback(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.c->localhost_node_ports = false;
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES",
	    "! -d 127.0.0.0/8 " TAIL "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n");
	assert_chain(&fx, FAMILY_6, FW_NAT, "KUBE-SERVICES",
	    "! -d ::1/128 " TAIL "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-FIREWALL", "");
	assert_int_equal(fx.s->knobs.n_knobs, 0);
	teardown(&fx);
}

static void test_node_port_addresses_make_one_tail_rule_each(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	node_address(&fx, "10.0.7.7");
	node_address(&fx, "192.0.2.1");
	node_address(&fx, "127.0.0.1");
	one_prefix(&fx, &fx.c->node_port_addrs, &fx.c->n_node_port_addrs, "10.0.0.0/16");
	frontend(&fx, FE_CLUSTER, "10.96.10.20", 80);
	endpoint(&fx, "10.244.1.5", 8080, "node-a");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES",
	    "-d 10.96.10.20/32 -p tcp -m comment --comment \"demo/web:http cluster IP\" "
	    "-m tcp "
	    "--dport 80 -j KUBE-SVC-" H "\n"
	    "-d 10.0.0.11/32 " TAIL "-j KUBE-NODEPORTS\n"
	    "-d 10.0.7.7/32 " TAIL "-j KUBE-NODEPORTS\n");
	/* The family without an entry serves all. */
	assert_chain(&fx, FAMILY_6, FW_NAT, "KUBE-SERVICES",
	    "! -d ::1/128 " TAIL "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n");
	assert_int_equal(fx.s->knobs.n_knobs, 0);
	teardown(&fx);
}

static void test_loopback_in_node_port_addresses_gets_its_tail_rule(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0"); /* of the node only 10.0.0.11 is known */
	one_prefix(&fx, &fx.c->node_port_addrs, &fx.c->n_node_port_addrs, "127.0.0.0/8");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES",
	    "-d 127.0.0.1/32 " TAIL "-j KUBE-NODEPORTS\n");
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES")->n_tail, 1);
	assert_string_equal(
	    fx.s->knobs.knobs[0].name, "net.ipv4.conf.all.route_localnet");
	assert_string_equal(fx.s->knobs.knobs[0].value, "1");
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-FIREWALL")->n_rules, 1);
	teardown(&fx);
}

static void test_node_port_addresses_without_match_are_noted(void **state)
{
	struct fixture fx;

	(void)state;
	for (int old = 0; old < 2; old++) {
		setup(&fx, old ? "1.26.0" : "1.27.1");
		one_prefix(&fx, &fx.c->node_port_addrs, &fx.c->n_node_port_addrs,
		    "192.168.0.0/16");
		frontend(&fx, FE_CLUSTER, "10.96.10.20", 80);
		frontend(&fx, FE_NODE_PORT, NULL, 30080);
		endpoint(&fx, "10.244.1.5", 8080, "node-a");
		emit(&fx, MODE_IPTABLES);
		assert_int_equal(
		    chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES")->n_rules, 1);
		/* 1.26 leaves out the rules as well, not only the way to them. */
		assert_int_equal(
		    chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-NODEPORTS")->n_rules,
		    old ? 0 : 1);
		assert_int_equal(notes_count(&fx.notes, NOTE_WARNING), 1);
		teardown(&fx);
	}
}

/* 1.26 found an address in the CIDRs, so it writes the rules that nothing leads to. */
static void test_loopback_alone_in_node_port_addresses_is_a_match(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.26.0");
	fx.c->localhost_node_ports = false;
	one_prefix(&fx, &fx.c->node_port_addrs, &fx.c->n_node_port_addrs, "127.0.0.0/8");
	frontend(&fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	endpoint(&fx, "10.244.1.5", 8080, "node-a");
	emit(&fx, MODE_IPTABLES);
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES")->n_rules, 1);
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-NODEPORTS")->n_rules, 1);
	assert_int_equal(notes_count(&fx.notes, NOTE_WARNING), 1);
	teardown(&fx);
}

/* ---- masquerading */

static void masquerade_rule(struct fixture *fx, const char *rules)
{
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	endpoint(fx, "10.244.1.5", 8080, "node-a");
	emit(fx, MODE_IPTABLES);
	assert_chain(fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H, rules);
	teardown(fx);
}

#define TO_CLUSTER_IP                                                                    \
	"-p tcp -m comment --comment \"demo/web:http cluster IP\" -m tcp --dport 80 "    \
	"-j KUBE-MARK-MASQ\n"
#define TO_ENDPOINT                                                                      \
	"-m comment --comment \"demo/web:http -> 10.244.1.5:8080\" -j KUBE-SEP-"         \
	"NW5VICAF3Z2QABHQ\n"

static void test_masquerade_all_wins_over_the_detector(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.c->masquerade_all = true;
	masquerade_rule(&fx, "-d 10.96.10.20/32 " TO_CLUSTER_IP TO_ENDPOINT);
}

static void test_pod_cidr_loses_its_host_bits(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	one_prefix(&fx, &fx.c->cluster_cidrs, &fx.c->n_cluster_cidrs, "10.244.3.9/16");
	masquerade_rule(
	    &fx, "! -s 10.244.0.0/16 -d 10.96.10.20/32 " TO_CLUSTER_IP TO_ENDPOINT);
}

static void test_bridge_tells_pods_by_interface(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.c->detect_local = DETECT_BRIDGE;
	fx.c->bridge = "cbr0";
	masquerade_rule(&fx, "-d 10.96.10.20/32 ! -i cbr0 " TO_CLUSTER_IP TO_ENDPOINT);
}

static void test_interface_prefix_gets_a_plus(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.c->detect_local = DETECT_INTERFACE_PREFIX;
	fx.c->interface_prefix = "veth";
	masquerade_rule(&fx, "-d 10.96.10.20/32 ! -i veth+ " TO_CLUSTER_IP TO_ENDPOINT);
}

static void test_without_detector_nothing_is_masqueraded(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.c->n_cluster_cidrs = 0;
	masquerade_rule(&fx, TO_ENDPOINT);
}

/* ---- endpoints */

static void test_probabilities_go_through_kube_proxys_decimals(void **state)
{
	struct fixture fx;
	const struct fw_chain *c;

	(void)state;
	setup(&fx, "1.30.0");
	frontend(&fx, FE_CLUSTER, "10.96.10.20", 80);
	for (int i = 0; i < 44; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.244.1.%d", i + 1);
		endpoint(&fx, text, 8080, "node-a");
	}
	emit(&fx, MODE_IPTABLES);
	c = chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H);
	assert_int_equal(c->n_rules, 45);
	/* sorted as text, and ':' comes after the digits */
	assert_rule(&fx, FAMILY_4, FW_NAT,
	    "-A KUBE-SVC-" H
	    " -m comment --comment \"demo/web:http -> 10.244.1.10:8080\" "
	    "-m statistic --mode random --probability 0.02272727247 "
	    "-j KUBE-SEP-SI62D7XAGVO2CP3X");
	assert_int_equal(c->rules[1].matches[1].probability, 0x02e8ba2e);
	assert_int_equal(c->rules[44].n_matches, 1);
	teardown(&fx);
}

static void many_endpoints(struct fixture *fx, unsigned n)
{
	setup(fx, "1.30.0");
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	endpoint(fx, "10.244.1.5", 8080, "node-a");
	endpoint(fx, "10.244.2.7", 8080, "node-b");
	fx->svc.affinity = true;
	fx->svc.affinity_sec = 60;
	finish_service(fx, "idle", "demo/idle");
	frontend(fx, FE_CLUSTER, "10.96.10.21", 80);
	/* Ready or not, they count. */
	for (unsigned i = 0; i < n - 2; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.245.%u.%u", i / 200, i % 200 + 1);
		endpoint(fx, text, 8080, NULL)->ready = false;
	}
	emit(fx, MODE_IPTABLES);
}

#define RECENT "--name KUBE-SEP-NW5VICAF3Z2QABHQ --mask 255.255.255.255 --rsource "

static void test_a_thousand_endpoints_keep_comments(void **state)
{
	struct fixture fx;

	(void)state;
	many_endpoints(&fx, 1000);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-SEP-NW5VICAF3Z2QABHQ",
	    "-s 10.244.1.5/32 -m comment --comment \"demo/web:http\" -j KUBE-MARK-MASQ\n"
	    "-p tcp -m comment --comment \"demo/web:http\" -m recent --set " RECENT
	    "-m tcp "
	    "-j DNAT --to-destination 10.244.1.5:8080\n");
	teardown(&fx);
}

static void test_more_endpoints_drop_comments_where_they_cost_most(void **state)
{
	struct fixture fx;

	(void)state;
	many_endpoints(&fx, 1001);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-SEP-NW5VICAF3Z2QABHQ",
	    "-s 10.244.1.5/32 -j KUBE-MARK-MASQ\n"
	    "-p tcp -m recent --set " RECENT "-m tcp -j DNAT --to-destination "
	    "10.244.1.5:8080\n");
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H,
	    "! -s 10.244.0.0/16 -d 10.96.10.20/32 " TO_CLUSTER_IP
	    "-m recent --rcheck --seconds 60 --reap " RECENT
	    "-j KUBE-SEP-NW5VICAF3Z2QABHQ\n"
	    "-m recent --rcheck --seconds 60 --reap --name KUBE-SEP-JPICTQTYOLMYNIJ7 "
	    "--mask 255.255.255.255 --rsource -j KUBE-SEP-JPICTQTYOLMYNIJ7\n"
	    "-m statistic --mode random --probability 0.50000000000 "
	    "-j KUBE-SEP-NW5VICAF3Z2QABHQ\n"
	    "-j KUBE-SEP-JPICTQTYOLMYNIJ7\n");
	/* the other service: none ready */
	assert_rule(&fx, FAMILY_4, FW_FILTER,
	    "-A KUBE-SERVICES -d 10.96.10.21/32 -p tcp -m comment --comment \"demo/idle "
	    "has no "
	    "endpoints\" -m tcp --dport 80 -j REJECT --reject-with "
	    "icmp-port-unreachable");
	teardown(&fx);
}

static void test_ipv6_uses_brackets_and_a_full_mask(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.families = 0;
	fx.svc.affinity = true;
	fx.svc.affinity_sec = 10800;
	frontend(&fx, FE_CLUSTER, "fd00:10:96::20", 80);
	endpoint(&fx, "fd00:10:244:1::5", 8080, "node-a");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_6, FW_NAT, "KUBE-SEP-AG7FEPHA3Q5JLEBT",
	    "-s fd00:10:244:1::5/128 -m comment --comment \"demo/web:http\" -j "
	    "KUBE-MARK-MASQ\n"
	    "-p tcp -m comment --comment \"demo/web:http\" -m recent --set --name "
	    "KUBE-SEP-AG7FEPHA3Q5JLEBT --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "--rsource -m tcp -j DNAT --to-destination [fd00:10:244:1::5]:8080\n");
	assert_null(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H));
	teardown(&fx);
}

/* ---- ways in */

static void test_sctp_node_port_without_endpoints_rejects(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.proto = IPPROTO_SCTP;
	fx.svc.type = SVC_NODE_PORT;
	frontend(&fx, FE_CLUSTER, "10.96.10.20", 9999);
	frontend(&fx, FE_NODE_PORT, NULL, 30099);
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-EXTERNAL-SERVICES",
	    "-p sctp -m comment --comment \"demo/web:http has no endpoints\" -m addrtype "
	    "--dst-type LOCAL -m sctp --dport 30099 -j REJECT --reject-with "
	    "icmp-port-unreachable\n");
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-NODEPORTS", "");
	teardown(&fx);
}

static void local_load_balancer(struct fixture *fx, const char *version)
{
	setup(fx, version);
	fx->svc.type = SVC_LOAD_BALANCER;
	fx->svc.external_local = true;
	fx->svc.health_port = 31234;
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(fx, FE_EXTERNAL, "192.0.2.77", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.50", 80);
	frontend(fx, FE_NODE_PORT, NULL, 30080);
}

static void test_local_policy_with_remote_endpoints_drops_but_serves_the_node(
    void **state)
{
	struct fixture fx;

	(void)state;
	local_load_balancer(&fx, "1.30.0");
	endpoint(&fx, "10.244.2.7", 8080, "node-b");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-EXT-" H,
	    "-s 10.244.0.0/16 -m comment --comment \"pod traffic for demo/web:http "
	    "external "
	    "destinations\" -j KUBE-SVC-" H "\n"
	    "-m comment --comment \"masquerade LOCAL traffic for demo/web:http external "
	    "destinations\" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ\n"
	    "-m comment --comment \"route LOCAL traffic for demo/web:http external "
	    "destinations\" -m addrtype --src-type LOCAL -j KUBE-SVC-" H "\n");
	assert_null(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVL-" H));
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-EXTERNAL-SERVICES",
	    "-d 192.0.2.77/32 -p tcp -m comment --comment \"demo/web:http has no local "
	    "endpoints\" -m tcp --dport 80 -j DROP\n"
	    "-d 192.0.2.50/32 -p tcp -m comment --comment \"demo/web:http has no local "
	    "endpoints\" -m tcp --dport 80 -j DROP\n"
	    "-p tcp -m comment --comment \"demo/web:http has no local endpoints\" -m "
	    "addrtype "
	    "--dst-type LOCAL -m tcp --dport 30080 -j DROP\n");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-NODEPORTS",
	    "-p tcp -m comment --comment \"demo/web:http health check node port\" -m tcp "
	    "--dport 31234 -j ACCEPT\n");
	teardown(&fx);
}

static void test_mixed_policies_build_both_chains(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.type = SVC_NODE_PORT;
	fx.svc.internal_local = true;
	frontend(&fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	endpoint(&fx, "10.244.1.5", 8080, "node-a");
	endpoint(&fx, "10.244.2.7", 8080, "node-b");
	emit(&fx, MODE_IPTABLES);
	/* The masquerade rule is in the chain that the cluster IP leads to. */
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-SVL-" H,
	    "! -s 10.244.0.0/16 -d 10.96.10.20/32 " TO_CLUSTER_IP TO_ENDPOINT);
	assert_int_equal(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H)->n_rules, 2);
	assert_rule(&fx, FAMILY_4, FW_NAT, "-A KUBE-EXT-" H " -j KUBE-SVC-" H);
	teardown(&fx);
}

static void test_health_check_of_a_udp_service_is_tcp(void **state)
{
	struct fixture fx;

	(void)state;
	local_load_balancer(&fx, "1.30.0");
	fx.svc.proto = IPPROTO_UDP;
	emit(&fx, MODE_IPTABLES);
	assert_rule(&fx, FAMILY_4, FW_FILTER,
	    "-A KUBE-NODEPORTS -p tcp -m comment --comment \"demo/web:http health check "
	    "node "
	    "port\" -m tcp --dport 31234 -j ACCEPT");
	teardown(&fx);
}

static void ranged_load_balancer(struct fixture *fx, const char *version)
{
	setup(fx, version);
	fx->svc.type = SVC_LOAD_BALANCER;
	frontend(fx, FE_CLUSTER, "10.96.10.20", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.50", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.51", 80);
	endpoint(fx, "10.244.1.5", 8080, "node-a");
}

#define FW_JUMP                                                                          \
	"-m comment --comment \"demo/web:http loadbalancer IP\" -j KUBE-EXT-" H "\n"
#define FW_NOTE                                                                          \
	"-m comment --comment \"other traffic to demo/web:http will be dropped by "      \
	"KUBE-PROXY-FIREWALL\"\n"

static void test_source_ranges_keep_order_and_lose_host_bits(void **state)
{
	struct fixture fx;

	(void)state;
	ranged_load_balancer(&fx, "1.30.0");
	range(&fx, "203.0.113.9/24");
	range(&fx, "198.51.100.7/32");
	range(&fx, "2001:db8::/32");
	range(&fx, "192.168.1.1/16");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-FW-" H,
	    "-s 203.0.113.0/24 " FW_JUMP "-s 198.51.100.7/32 " FW_JUMP
	    "-s 192.168.0.0/16 " FW_JUMP FW_NOTE);
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-PROXY-FIREWALL",
	    "-d 192.0.2.50/32 -p tcp -m comment --comment \"demo/web:http traffic not "
	    "accepted "
	    "by KUBE-FW-" H "\" -m tcp --dport 80 -j DROP\n"
	    "-d 192.0.2.51/32 -p tcp -m comment --comment \"demo/web:http traffic not "
	    "accepted "
	    "by KUBE-FW-" H "\" -m tcp --dport 80 -j DROP\n");
	assert_rule(&fx, FAMILY_4, FW_NAT,
	    "-A KUBE-SERVICES -d 192.0.2.51/32 -p tcp -m comment --comment "
	    "\"demo/web:http "
	    "loadbalancer IP\" -m tcp --dport 80 -j KUBE-FW-" H);
	teardown(&fx);
}

static void test_range_of_the_node_lets_its_own_vips_in(void **state)
{
	struct fixture fx;

	(void)state;
	ranged_load_balancer(&fx, "1.29.0");
	range(&fx, "10.0.0.0/8");
	range(&fx, "0.0.0.0/0");
	emit(&fx, MODE_IPTABLES);
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-FW-" H,
	    "-s 10.0.0.0/8 " FW_JUMP FW_JUMP "-s 192.0.2.50/32 " FW_JUMP
	    "-s 192.0.2.51/32 " FW_JUMP FW_NOTE);
	teardown(&fx);
}

static void test_ranges_of_the_other_family_open_the_vip(void **state)
{
	struct fixture fx;

	(void)state;
	ranged_load_balancer(&fx, "1.30.0");
	range(&fx, "2001:db8::/32");
	emit(&fx, MODE_IPTABLES);
	assert_null(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-FW-" H));
	assert_rule(&fx, FAMILY_4, FW_NAT,
	    "-A KUBE-SERVICES -d 192.0.2.50/32 -p tcp -m comment --comment "
	    "\"demo/web:http "
	    "loadbalancer IP\" -m tcp --dport 80 -j KUBE-EXT-" H);
	assert_int_equal(notes_count(&fx.notes, NOTE_WARNING), 1);
	assert_string_equal(fx.notes.list.v[0].about, "demo/web:http");
	teardown(&fx);
}

static void test_ranges_without_endpoints_reject_and_build_no_firewall(void **state)
{
	struct fixture fx;

	(void)state;
	ranged_load_balancer(&fx, "1.30.0");
	vec_free(&fx.endpoints);
	range(&fx, "203.0.113.0/24");
	emit(&fx, MODE_IPTABLES);
	assert_null(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-FW-" H));
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-PROXY-FIREWALL", "");
	assert_int_equal(
	    chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-EXTERNAL-SERVICES")->n_rules, 2);
	teardown(&fx);
}

static void test_everything_of_a_service_names_it(void **state)
{
	struct fixture fx;

	(void)state;
	ranged_load_balancer(&fx, "1.30.0");
	range(&fx, "203.0.113.0/24");
	emit(&fx, MODE_IPTABLES);
	for (int t = 0; t < FW_TABLE_COUNT; t++) {
		const struct fw_table *tab = &fx.s->fw[FAMILY_4].tables[t];

		for (size_t i = 0; i < tab->n_chains; i++) {
			const struct fw_chain *c = &tab->chains[i];
			bool ours = strstr(c->name, "-" H) || strstr(c->name, "-SEP-");

			assert_int_equal(ours, c->why != NULL);
			for (size_t k = 0; k < c->n_rules; k++) {
				struct strbuf sb = {0};

				fw_print_rule(&sb, FAMILY_4, c->name, &c->rules[k]);
				assert_int_equal(ours || strstr(sb.s, "demo/web"),
				    c->rules[k].why != NULL);
				strbuf_free(&sb);
			}
		}
	}
	teardown(&fx);
}

static void test_only_the_tail_of_shared_chains_has_a_place(void **state)
{
	struct fixture fx;
	const struct fw_chain *c;

	(void)state;
	ranged_load_balancer(&fx, "1.30.0");
	emit(&fx, MODE_IPTABLES);
	c = chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SERVICES");
	assert_true(c->unordered);
	assert_int_equal(c->n_tail, 1);
	assert_string_equal(c->rules[c->n_rules - 1].target.chain, "KUBE-NODEPORTS");
	assert_true(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-NODEPORTS")->unordered);
	assert_true(chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-SERVICES")->unordered);
	assert_true(
	    chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-EXTERNAL-SERVICES")->unordered);
	assert_true(chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-PROXY-FIREWALL")->unordered);
	assert_true(chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-NODEPORTS")->unordered);
	assert_false(chain_of(&fx, FAMILY_4, FW_NAT, "KUBE-SVC-" H)->unordered);
	assert_false(chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-FORWARD")->unordered);
	teardown(&fx);
}

static void test_plain_load_balancing_is_noted_where_rules_cannot_do_it(void **state)
{
	struct fixture fx;
	struct endpoint *e;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.forwarding = FWD_DIRECT;
	frontend(&fx, FE_EXTERNAL, "192.0.2.9", 80);
	e = endpoint(&fx, "192.0.2.100", 80, NULL);
	e->weight_set = true;
	e->weight = 7;
	emit(&fx, MODE_IPTABLES);
	assert_int_equal(notes_count(&fx.notes, NOTE_WARNING), 2);
	assert_string_equal(fx.notes.list.v[0].about, "demo/web:http");
	teardown(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chain_names_hash_service_and_endpoint),
	    cmocka_unit_test(test_set_names_are_cut_to_31_characters),
	    cmocka_unit_test(test_rules_file_keeps_lines_by_flags_and_fills_holes),
	    cmocka_unit_test(test_rules_file_names_the_line_of_an_unknown_word),
	    cmocka_unit_test(test_mark_bit_moves_in_all_rules),
	    cmocka_unit_test(test_old_iptables_masquerades_without_random_fully),
	    cmocka_unit_test(test_one_family_leaves_the_other_alone),
	    cmocka_unit_test(test_localhost_node_ports_off_spares_loopback),
	    cmocka_unit_test(test_node_port_addresses_make_one_tail_rule_each),
	    cmocka_unit_test(test_loopback_in_node_port_addresses_gets_its_tail_rule),
	    cmocka_unit_test(test_node_port_addresses_without_match_are_noted),
	    cmocka_unit_test(test_loopback_alone_in_node_port_addresses_is_a_match),
	    cmocka_unit_test(test_masquerade_all_wins_over_the_detector),
	    cmocka_unit_test(test_pod_cidr_loses_its_host_bits),
	    cmocka_unit_test(test_bridge_tells_pods_by_interface),
	    cmocka_unit_test(test_interface_prefix_gets_a_plus),
	    cmocka_unit_test(test_without_detector_nothing_is_masqueraded),
	    cmocka_unit_test(test_probabilities_go_through_kube_proxys_decimals),
	    cmocka_unit_test(test_a_thousand_endpoints_keep_comments),
	    cmocka_unit_test(test_more_endpoints_drop_comments_where_they_cost_most),
	    cmocka_unit_test(test_ipv6_uses_brackets_and_a_full_mask),
	    cmocka_unit_test(test_sctp_node_port_without_endpoints_rejects),
	    cmocka_unit_test(
		test_local_policy_with_remote_endpoints_drops_but_serves_the_node),
	    cmocka_unit_test(test_mixed_policies_build_both_chains),
	    cmocka_unit_test(test_health_check_of_a_udp_service_is_tcp),
	    cmocka_unit_test(test_source_ranges_keep_order_and_lose_host_bits),
	    cmocka_unit_test(test_range_of_the_node_lets_its_own_vips_in),
	    cmocka_unit_test(test_ranges_of_the_other_family_open_the_vip),
	    cmocka_unit_test(test_ranges_without_endpoints_reject_and_build_no_firewall),
	    cmocka_unit_test(test_everything_of_a_service_names_it),
	    cmocka_unit_test(test_plain_load_balancing_is_noted_where_rules_cannot_do_it),
	    cmocka_unit_test(test_only_the_tail_of_shared_chains_has_a_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
