/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Release numbers and what they switch. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "model/dialect.h"

static struct dialect parse(const char *version)
{
	struct dialect d = {0};

	assert_int_equal(dialect_parse(version, &d, NULL), 0);
	return d;
}

static void test_versions_are_read_as_clusters_report_them(void **state)
{
	static const struct {
		const char *text;
		int minor, patch;
	} good[] = {{"1.26", 26, -1}, {"v1.27.3", 27, 3}, {"1.30.0-gke.1", 30, 0},
	    {"v1.28.5+k3s1", 28, 5}, {"v1.29.0-eks-5e0fdde", 29, 0}, {"1.36", 36, -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct dialect d = parse(good[i].text);

		assert_int_equal(d.major, 1);
		assert_int_equal(d.minor, good[i].minor);
		assert_int_equal(d.patch, good[i].patch);
	}
}

static void test_newer_than_known_is_the_newest(void **state)
{
	struct dialect newest = parse(NULL), later = parse("1.99.1"), next = parse("2.0");

	(void)state;
	assert_memory_equal(&later, &newest, sizeof(newest));
	assert_memory_equal(&next, &newest, sizeof(newest));
	assert_int_equal(newest.minor, 36);
}

static void test_odd_and_old_versions_are_refused(void **state)
{
	static const char *const bad[] = {"", "1", "1.", "1.25", "v1.25.9", "0.30",
	    "latest", "1.27.", "1.27.x", "1.27x", "99999.1", "1.-27", " 1.27"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dialect d = {.minor = 42};
		struct error err = {0};

		assert_int_equal(dialect_parse(bad[i], &d, &err), -1);
		assert_int_equal(err.kind, ERR_USAGE);
		assert_non_null(strstr(err.msg, "1.26"));
		assert_int_equal(d.minor, 42);
	}
}

static void test_switches_come_with_their_release(void **state)
{
	struct dialect d26 = parse("1.26.0"), d27 = parse("1.27.1"), d28 = parse("1.28"),
		       d29 = parse("1.29"), d30 = parse("1.30"), d31 = parse("1.31"),
		       d33 = parse("1.33"), d34 = parse("1.34");

	(void)state;
	assert_false(d26.own_kube_firewall);
	assert_true(
	    d27.own_kube_firewall && d27.fw_chain_ends_in_note && d27.mh_port_flag);
	assert_true(d26.no_match_skips_node_ports && !d27.no_match_skips_node_ports);
	/* 1.27.1 and 1.26.0 were seen without the back-ported rules. */
	assert_false(d27.ipvs_filter_health_return || d26.ipvs_filter_health_return);
	assert_true(d28.ipvs_filter_health_return && d28.vip_elsewhere_not_bound);
	assert_false(d28.ipvs_out_filter || d28.external_local_on_cluster_ip);
	assert_true(d29.ipvs_out_filter && d29.external_local_on_cluster_ip);
	assert_false(d29.lb_ip_mode || d29.ipvs_filter_ext_local_return);
	assert_true(d30.lb_ip_mode && d30.ipvs_filter_ext_local_return);
	assert_true(!d30.primary_node_port_address && d31.primary_node_port_address);
	assert_true(d33.prefer_non_terminating_duplicate);
	assert_int_equal(d27.node_ip, NODE_IP_BIND);
	assert_int_equal(d28.node_ip, NODE_IP_PRIMARY);
	assert_int_equal(d29.node_ip, NODE_IP_BOTH);
	assert_int_equal(d26.topology, TOPOLOGY_HINTS_AUTO);
	assert_int_equal(d30.topology, TOPOLOGY_ANNOTATION);
	assert_int_equal(d31.topology, TOPOLOGY_HINTS_ALONE);
	assert_int_equal(d34.topology, TOPOLOGY_NODE_HINTS);
}

/* The switches of a release with one gate set. */
static struct dialect gated(const char *version, enum gate g, enum gate_value v)
{
	enum gate_value gates[GATE_COUNT] = {GATE_DEFAULT};
	struct dialect d = parse(version);

	gates[g] = v;
	dialect_set_gates(&d, gates);
	return d;
}

static void test_gates_count_in_the_releases_that_have_them(void **state)
{
	(void)state;
	assert_false(gated("1.28", GATE_LB_IP_MODE, GATE_ON).lb_ip_mode);
	assert_true(gated("1.29", GATE_LB_IP_MODE, GATE_ON).lb_ip_mode);
	assert_false(gated("1.31", GATE_LB_IP_MODE, GATE_OFF).lb_ip_mode);
	assert_true(gated("1.32", GATE_LB_IP_MODE, GATE_OFF).lb_ip_mode);
	assert_false(
	    gated("1.27", GATE_TERMINATING_ENDPOINTS, GATE_OFF).terminating_fallback);
	assert_true(
	    gated("1.28", GATE_TERMINATING_ENDPOINTS, GATE_OFF).terminating_fallback);
}

static void test_gates_choose_the_topology_hints(void **state)
{
	enum gate_value both[GATE_COUNT] = {
	    [GATE_TOPOLOGY_HINTS] = GATE_OFF, [GATE_TRAFFIC_DISTRIBUTION] = GATE_ON};
	struct dialect d30 = parse("1.30");

	(void)state;
	assert_int_equal(
	    gated("1.26", GATE_TOPOLOGY_HINTS, GATE_OFF).topology, TOPOLOGY_NONE);
	assert_int_equal(
	    gated("1.32", GATE_TOPOLOGY_HINTS, GATE_OFF).topology, TOPOLOGY_HINTS_ALONE);
	assert_int_equal(gated("1.30", GATE_TRAFFIC_DISTRIBUTION, GATE_ON).topology,
	    TOPOLOGY_HINTS_ALONE);
	assert_int_equal(gated("1.31", GATE_TRAFFIC_DISTRIBUTION, GATE_OFF).topology,
	    TOPOLOGY_ANNOTATION);
	assert_int_equal(gated("1.33", GATE_SAME_TRAFFIC_DISTRIBUTION, GATE_ON).topology,
	    TOPOLOGY_NODE_HINTS);
	assert_int_equal(gated("1.34", GATE_SAME_TRAFFIC_DISTRIBUTION, GATE_OFF).topology,
	    TOPOLOGY_HINTS_ALONE);
	dialect_set_gates(&d30, both);
	assert_int_equal(d30.topology, TOPOLOGY_HINTS_ALONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_versions_are_read_as_clusters_report_them),
	    cmocka_unit_test(test_newer_than_known_is_the_newest),
	    cmocka_unit_test(test_odd_and_old_versions_are_refused),
	    cmocka_unit_test(test_switches_come_with_their_release),
	    cmocka_unit_test(test_gates_count_in_the_releases_that_have_them),
	    cmocka_unit_test(test_gates_choose_the_topology_hints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
