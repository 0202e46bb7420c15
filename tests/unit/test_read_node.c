/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is read back besides services and their endpoints: policies that only a comparison
 * of virtual servers shows, and what a Node object would say. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/emit_fixture.h"
#include "../lib/read_back.h"

/* A load balancer with these ranges on a node with three addresses, of which the Node
 * object has the last one. */
static void balanced(struct fixture *fx, const char *version, const char *ranges)
{
	setup(fx, version);
	fx->addrs.n = 0;
	node_address(fx, "10.244.0.1");
	node_address(fx, "172.17.0.1");
	node_address(fx, "10.0.0.11");
	frontend(fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	fx->svc.type = SVC_LOAD_BALANCER;
	range(fx, ranges);
	range(fx, "203.0.113.0/24");
	endpoint(fx, "10.244.1.5", 8080, "node-b");
}

/* The node IP of IPv4 that is told by the state of that service, without a Node object.
 */
static struct addr node_ip_of(struct fixture *fx, enum mode mode)
{
	struct state_view v = {
	    .node = "node-a", .modes = {MODE_BIT(mode), MODE_BIT(mode)}};

	emit(fx, mode);
	v.state = fx->s;
	fx->c->n_node_ips = 0;
	conf_take_node_of_state(fx->c, &v);
	return conf_node_ip(fx->c, FAMILY_4);
}

static void assert_node_ip(const char *ranges, const char *expected)
{
	static const char *const versions[] = {"1.29", "1.36"};
	struct addr want = addr_of(expected);

	for (size_t i = 0; i < 2; i++)
		for (enum mode m = MODE_IPTABLES; m <= MODE_IPVS; m++) {
			struct fixture fx;
			struct addr have;

			balanced(&fx, versions[i], ranges);
			have = node_ip_of(&fx, m);
			assert_true(addr_eq(&have, &want));
			teardown(&fx);
		}
}

static void test_node_ip_is_the_one_that_source_ranges_were_compared_with(void **state)
{
	(void)state;
	assert_node_ip("10.0.0.0/24", "10.0.0.11");
	/* Where nothing tells, the first one that is no pods'. */
	assert_node_ip("198.51.100.0/24", "172.17.0.1");
}

static void test_pod_cidr_of_the_node_is_the_one_of_the_rules(void **state)
{
	(void)state;
	for (enum mode m = MODE_IPTABLES; m <= MODE_IPVS; m++) {
		struct prefix want = prefix_of("10.244.7.0/24"), have;
		struct fixture fx;

		balanced(&fx, "1.30", "10.0.0.0/24");
		fx.c->detect_local = DETECT_NODE_CIDR;
		one_prefix(
		    &fx, &fx.c->node_pod_cidrs, &fx.c->n_node_pod_cidrs, "10.244.7.0/24");
		emit(&fx, m);
		fx.c->n_node_pod_cidrs = 0;
		conf_take_node_of_state(
		    fx.c, &(struct state_view){.state = fx.s, .modes = {MODE_BIT(m), 0}});
		assert_true(conf_detector(fx.c, FAMILY_4, &have));
		assert_int_equal(prefix_cmp(&have, &want), 0);
		teardown(&fx);
	}
}

/* The cluster IP has the local ones of the endpoints that the node port has. */
static void test_internal_policy_shows_beside_a_way_in_to_all(void **state)
{
	struct notes findings = {0};
	struct fixture fx;
	struct model *back;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	fx.svc.type = SVC_NODE_PORT;
	fx.svc.internal_local = true;
	endpoint(&fx, "10.244.0.5", 8080, "node-a");
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	emit(&fx, MODE_IPVS);
	back = read_back(fx.s, MODE_IPVS, &findings);
	assert_int_equal(back->n_services, 1);
	assert_int_equal(back->services[0].n_endpoints, 2);
	assert_true(back->services[0].internal_local);
	model_free(back);
	notes_clear(&findings);
	teardown(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_node_ip_is_the_one_that_source_ranges_were_compared_with),
	    cmocka_unit_test(test_pod_cidr_of_the_node_is_the_one_of_the_rules),
	    cmocka_unit_test(test_internal_policy_shows_beside_a_way_in_to_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
