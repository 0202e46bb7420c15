/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvs mode beyond what the golden cases hold. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../lib/emit_fixture.h"

/* The set holds exactly these entries, one "add" line each. */
static void assert_set(const struct fixture *fx, const char *name, const char *entries)
{
	const struct kset *s = kset_find(&fx->s->sets, name);
	struct strbuf sb = {0};

	if (!s)
		fail_msg("no set %s", name);
	for (size_t i = 0; i < s->n_entries; i++) {
		struct strbuf line = {0};

		kset_print_entry(&line, s, &s->entries[i]);
		strbuf_add(&sb, line.s + strlen("add  ") + strlen(name));
		strbuf_free(&line);
	}
	assert_string_equal(strbuf_str(&sb), entries);
	strbuf_free(&sb);
}

static void assert_servers(const struct fixture *fx, const char *text)
{
	struct strbuf sb = {0};

	lvs_print_table(&sb, &fx->s->lvs);
	assert_string_equal(strbuf_str(&sb), text);
	strbuf_free(&sb);
}

static void assert_addresses(const struct fixture *fx, const char *text)
{
	struct strbuf sb = {0};

	for (size_t i = 0; i < fx->s->vips.n_addrs; i++)
		vip_print_addr(&sb, &fx->s->vips.addrs[i]);
	assert_string_equal(strbuf_str(&sb), text);
	strbuf_free(&sb);
}

static bool has_knob(const struct fixture *fx, const char *name, const char *value)
{
	const struct knob *k = knob_find(&fx->s->knobs, name);

	return k && !strcmp(k->value, value);
}

static void test_all_sets_exist_without_services(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	emit(&fx, MODE_IPVS);
	assert_int_equal(fx.s->sets.n_sets, 34);
	for (size_t i = 0; i < fx.s->sets.n_sets; i++) {
		const struct kset *s = &fx.s->sets.sets[i];

		assert_int_equal(s->n_entries, 0);
		if (s->type == KSET_BITMAP_PORT) {
			assert_int_equal(s->port_to, 65535);
		} else {
			assert_int_equal(s->hashsize, 1024);
			assert_int_equal(s->maxelem, 65536);
			assert_int_equal(
			    s->family == FAMILY_6, strncmp(s->name, "KUBE-6-", 7) == 0);
		}
	}
	assert_true(fx.s->lvs.present);
	assert_int_equal(fx.s->vips.n_links, 1);
	assert_false(fx.s->vips.links[0].up);
	assert_false(fx.s->fw[FAMILY_4].tables[FW_MANGLE].present);
	teardown(&fx);
}

static void test_one_family_has_its_own_sets_only(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(&fx, FE_CLUSTER, "fd00:10:96::50", 80);
	emit_families(&fx, MODE_IPVS, FAMILY_BIT(FAMILY_6));
	assert_int_equal(fx.s->sets.n_sets, 17);
	assert_null(kset_find(&fx.s->sets, "KUBE-CLUSTER-IP"));
	assert_false(fx.s->fw[FAMILY_4].present);
	assert_servers(&fx, "-A -t [fd00:10:96::50]:80 -s rr\n");
	assert_addresses(&fx, "address add fd00:10:96::50/128 dev kube-ipvs0\n");
	teardown(&fx);
}

/* The worked example of a load balancer with one local and one remote endpoint. */
static void load_balancer(struct fixture *fx, const char *version)
{
	setup(fx, version);
	node_address(fx, "10.244.1.1");
	node_address(fx, "127.0.0.1");
	node_address(fx, "169.254.3.4");
	node_address(fx, "fe80::1");
	fx->svc.type = SVC_LOAD_BALANCER;
	frontend(fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(fx, FE_LOAD_BALANCER, "192.0.2.50", 80);
	frontend(fx, FE_NODE_PORT, NULL, 30080);
	endpoint(fx, "10.244.2.5", 8080, "node-b");
	endpoint(fx, "10.244.1.5", 8080, "node-a");
}

#define BOTH(vip)                                                                        \
	"-A -t " vip " -s rr\n-a -t " vip " -r 10.244.1.5:8080 -m -w 1\n"                \
	"-a -t " vip " -r 10.244.2.5:8080 -m -w 1\n"
#define LOCAL(vip) "-A -t " vip " -s rr\n-a -t " vip " -r 10.244.1.5:8080 -m -w 1\n"

static void test_load_balancer_serves_every_node_address(void **state)
{
	struct fixture fx;

	(void)state;
	load_balancer(&fx, "1.30.0");
	emit(&fx, MODE_IPVS);
	assert_servers(&fx,
	    BOTH("10.0.0.11:30080") BOTH("10.96.0.50:80") BOTH("10.244.1.1:30080")
		BOTH("169.254.3.4:30080") BOTH("192.0.2.50:80"));
	assert_set(&fx, "KUBE-LOOP-BACK", "10.244.1.5,tcp:8080,10.244.1.5\n");
	assert_set(&fx, "KUBE-CLUSTER-IP", "10.96.0.50,tcp:80\n");
	assert_set(&fx, "KUBE-LOAD-BALANCER", "192.0.2.50,tcp:80\n");
	assert_set(&fx, "KUBE-LOAD-BALANCER-LOCAL", "");
	assert_set(&fx, "KUBE-NODE-PORT-TCP", "30080\n");
	assert_set(&fx, "KUBE-IPVS-IPS", "10.96.0.50\n192.0.2.50\n");
	assert_addresses(&fx, "address add 10.96.0.50/32 dev kube-ipvs0\n"
			      "address add 192.0.2.50/32 dev kube-ipvs0\n");
	for (size_t i = 0; i < fx.s->lvs.n_services; i++) {
		assert_string_equal(fx.s->lvs.services[i].why, "demo/web:http");
		assert_int_equal(fx.s->lvs.services[i].mask_bits, 32);
	}
	teardown(&fx);
}

static void test_local_policy_restricts_external_servers(void **state)
{
	struct fixture fx;

	(void)state;
	load_balancer(&fx, "1.30.0");
	fx.svc.external_local = true;
	fx.svc.health_port = 31234;
	frontend(&fx, FE_EXTERNAL, "192.0.2.77", 80);
	emit(&fx, MODE_IPVS);
	assert_servers(&fx,
	    LOCAL("10.0.0.11:30080") BOTH("10.96.0.50:80") LOCAL("10.244.1.1:30080")
		LOCAL("169.254.3.4:30080") LOCAL("192.0.2.50:80") LOCAL("192.0.2.77:80"));
	assert_set(&fx, "KUBE-EXTERNAL-IP", "");
	assert_set(&fx, "KUBE-EXTERNAL-IP-LOCAL", "192.0.2.77,tcp:80\n");
	assert_set(&fx, "KUBE-LOAD-BALANCER", "192.0.2.50,tcp:80\n");
	assert_set(&fx, "KUBE-LOAD-BALANCER-LOCAL", "192.0.2.50,tcp:80\n");
	assert_set(&fx, "KUBE-NODE-PORT-TCP", "30080\n");
	assert_set(&fx, "KUBE-NODE-PORT-LOCAL-TCP", "30080\n");
	assert_set(&fx, "KUBE-HEALTH-CHECK-NODE-PORT", "31234\n");
	assert_chain(&fx, FAMILY_4, FW_NAT, "KUBE-LOAD-BALANCER",
	    "-m comment --comment \"Kubernetes service load balancer ip + port with "
	    "externalTrafficPolicy=local\" -m set --match-set KUBE-LOAD-BALANCER-LOCAL "
	    "dst,dst -j RETURN\n-j KUBE-MARK-MASQ\n");
	teardown(&fx);
}

static void test_local_policy_without_local_endpoint_uses_all(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.type = SVC_NODE_PORT;
	fx.svc.internal_local = true;
	fx.svc.external_local = true;
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	endpoint(&fx, "10.244.2.5", 8080, "node-b");
	emit(&fx, MODE_IPVS);
	assert_servers(&fx, "-A -t 10.0.0.11:30080 -s rr\n"
			    "-a -t 10.0.0.11:30080 -r 10.244.2.5:8080 -m -w 1\n"
			    "-A -t 10.96.0.50:80 -s rr\n"
			    "-a -t 10.96.0.50:80 -r 10.244.2.5:8080 -m -w 1\n");
	teardown(&fx);
}

static void test_internal_local_policy_alone_leaves_no_real_server(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.internal_local = true;
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	endpoint(&fx, "10.244.2.5", 8080, "node-b");
	emit(&fx, MODE_IPVS);
	assert_servers(&fx, "-A -t 10.96.0.50:80 -s rr\n");
	teardown(&fx);
}

static void test_loop_back_holds_local_endpoints_in_any_condition(void **state)
{
	struct fixture fx;
	struct endpoint *e;

	(void)state;
	setup(&fx, "1.30.0");
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	e = endpoint(&fx, "10.244.1.5", 8080, "node-a");
	e->ready = e->serving = false;
	emit(&fx, MODE_IPVS);
	assert_servers(&fx, "-A -t 10.96.0.50:80 -s rr\n");
	assert_set(&fx, "KUBE-LOOP-BACK", "10.244.1.5,tcp:8080,10.244.1.5\n");
	teardown(&fx);
}

static void test_sctp_node_ports_are_held_per_node_address(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	node_address(&fx, "10.9.0.1");
	fx.svc.proto = IPPROTO_SCTP;
	fx.svc.type = SVC_NODE_PORT;
	fx.svc.external_local = true;
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 9999);
	frontend(&fx, FE_CLUSTER, "fd00:10:96::50", 9999);
	frontend(&fx, FE_NODE_PORT, NULL, 30099);
	emit(&fx, MODE_IPVS);
	assert_set(&fx, "KUBE-NODE-PORT-SCTP-HASH",
	    "10.0.0.11,sctp:30099\n10.9.0.1,sctp:30099\n");
	assert_set(&fx, "KUBE-NODE-PORT-LOCAL-SCTP-HASH",
	    "10.0.0.11,sctp:30099\n10.9.0.1,sctp:30099\n");
	assert_set(&fx, "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS", "fd00:10::11,sctp:30099\n");
	assert_chain(&fx, FAMILY_6, FW_NAT, "KUBE-NODE-PORT",
	    "-p sctp -m comment --comment \"Kubernetes nodeport SCTP port with "
	    "externalTrafficPolicy=local with type \\'hash ip:port\\'\" -m set --match-set "
	    "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS dst,dst -j RETURN\n"
	    "-p sctp -m comment --comment \"Kubernetes nodeport SCTP port for masquerade "
	    "purpose with type \\'hash ip:port\\'\" -m set --match-set "
	    "KUBE-6-NODE-PORT-SCTP-HASH dst,dst -j KUBE-MARK-MASQ\n");
	assert_servers(&fx, "-A --sctp-service 10.0.0.11:30099 -s rr\n"
			    "-A --sctp-service 10.9.0.1:30099 -s rr\n"
			    "-A --sctp-service 10.96.0.50:9999 -s rr\n"
			    "-A --sctp-service [fd00:10::11]:30099 -s rr\n"
			    "-A --sctp-service [fd00:10:96::50]:9999 -s rr\n");
	teardown(&fx);
}

static void test_affinity_makes_servers_persistent(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.affinity = true;
	fx.svc.affinity_sec = 10800;
	fx.c->scheduler = "mh";
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(&fx, FE_CLUSTER, "fd00:10:96::50", 80);
	emit(&fx, MODE_IPVS);
	assert_int_equal(fx.s->lvs.services[0].flags, LVS_F_PERSISTENT | LVS_F_SCHED2);
	assert_int_equal(fx.s->lvs.services[0].timeout, 10800);
	assert_int_equal(fx.s->lvs.services[1].mask_bits, 128);
	teardown(&fx);
}

static void test_only_mh_gets_the_port_flag(void **state)
{
	static const struct {
		const char *version, *sched;
		uint32_t flags;
	} t[] = {
	    {"1.27.1", "mh", LVS_F_SCHED2}, {"1.27.1", "sh", 0}, {"1.26.0", "mh", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct fixture fx;

		setup(&fx, t[i].version);
		fx.c->scheduler = t[i].sched;
		frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
		emit(&fx, MODE_IPVS);
		assert_int_equal(fx.s->lvs.services[0].flags, t[i].flags);
		teardown(&fx);
	}
}

static void test_external_ip_that_is_also_a_vip_is_one_server(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.type = SVC_LOAD_BALANCER;
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(&fx, FE_EXTERNAL, "192.0.2.50", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.50", 80);
	emit(&fx, MODE_IPVS);
	assert_servers(&fx, "-A -t 10.96.0.50:80 -s rr\n-A -t 192.0.2.50:80 -s rr\n");
	assert_set(&fx, "KUBE-EXTERNAL-IP", "192.0.2.50,tcp:80\n");
	assert_set(&fx, "KUBE-LOAD-BALANCER", "192.0.2.50,tcp:80\n");
	assert_addresses(&fx, "address add 10.96.0.50/32 dev kube-ipvs0\n"
			      "address add 192.0.2.50/32 dev kube-ipvs0\n");
	teardown(&fx);
}

/* Nothing keeps an API server from giving a node port twice. */
static void test_of_two_services_the_one_with_endpoints_has_the_server(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	node_address(&fx, "10.0.0.11");
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	finish_service(&fx, "second", "demo/second");
	frontend(&fx, FE_CLUSTER, "10.96.0.51", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	emit(&fx, MODE_IPVS);
	assert_servers(&fx, "-A -t 10.0.0.11:30080 -s rr\n"
			    "-a -t 10.0.0.11:30080 -r 10.244.1.5:8080 -m -w 1\n"
			    "-A -t 10.96.0.50:80 -s rr\n"
			    "-A -t 10.96.0.51:80 -s rr\n"
			    "-a -t 10.96.0.51:80 -r 10.244.1.5:8080 -m -w 1\n");
	assert_set(&fx, "KUBE-NODE-PORT-TCP", "30080\n");
	teardown(&fx);
}

/* ---- source ranges */

#define RANGES_JUMP                                                                            \
	"-m comment --comment \"Kubernetes service load balancer ip + port for load balancer " \
	"with sourceRange\" -m set --match-set KUBE-LOAD-BALANCER-FW dst,dst -j "              \
	"KUBE-SOURCE-RANGES-FIREWALL\n"
#define CIDR_RETURN                                                                            \
	"-m comment --comment \"Kubernetes service load balancer ip + port + source cidr for " \
	"packet filter purpose\" -m set --match-set KUBE-LOAD-BALANCER-SOURCE-CIDR "           \
	"dst,dst,src -j RETURN\n"
#define IP_RETURN                                                                            \
	"-m comment --comment \"Kubernetes service load balancer ip + port + source IP for " \
	"packet filter purpose\" -m set --match-set KUBE-LOAD-BALANCER-SOURCE-IP "           \
	"dst,dst,src -j RETURN\n"

static void test_source_ranges_of_several_vips(void **state)
{
	struct fixture fx;

	(void)state;
	load_balancer(&fx, "1.30.0");
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.51", 80);
	range(&fx, "203.0.113.9/24");
	range(&fx, "198.51.100.7/32");
	emit(&fx, MODE_IPVS);
	assert_set(
	    &fx, "KUBE-LOAD-BALANCER-FW", "192.0.2.50,tcp:80\n192.0.2.51,tcp:80\n");
	/* The kernel prints a single address bare. */
	assert_set(&fx, "KUBE-LOAD-BALANCER-SOURCE-CIDR",
	    "192.0.2.50,tcp:80,198.51.100.7\n192.0.2.50,tcp:80,203.0.113.0/24\n"
	    "192.0.2.51,tcp:80,198.51.100.7\n192.0.2.51,tcp:80,203.0.113.0/24\n");
	assert_set(&fx, "KUBE-LOAD-BALANCER-SOURCE-IP", "");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-PROXY-FIREWALL", RANGES_JUMP);
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-SOURCE-RANGES-FIREWALL",
	    CIDR_RETURN "-j DROP\n");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-IPVS-OUT-FILTER",
	    "-s 192.0.2.50/32 -m ipvs --vproto 6 --vaddr 192.0.2.50 --vport 80 -j DROP\n"
	    "-s 192.0.2.51/32 -m ipvs --vproto 6 --vaddr 192.0.2.51 --vport 80 -j DROP\n");
	assert_true(
	    chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-IPVS-OUT-FILTER")->unordered);
	assert_string_equal(
	    chain_of(&fx, FAMILY_4, FW_FILTER, "KUBE-IPVS-OUT-FILTER")->rules[0].why,
	    "demo/web:http");
	teardown(&fx);
}

static void test_range_of_the_node_lets_the_vip_in(void **state)
{
	struct fixture fx;

	(void)state;
	load_balancer(&fx, "1.29.0");
	range(&fx, "10.0.0.0/8");
	emit(&fx, MODE_IPVS);
	assert_set(&fx, "KUBE-LOAD-BALANCER-SOURCE-IP", "192.0.2.50,tcp:80,192.0.2.50\n");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-SOURCE-RANGES-FIREWALL",
	    CIDR_RETURN IP_RETURN "-j DROP\n");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-IPVS-OUT-FILTER", "");
	teardown(&fx);
}

static void test_range_of_everybody_cannot_be_stored_but_has_its_rule(void **state)
{
	struct fixture fx;

	(void)state;
	load_balancer(&fx, "1.27.1");
	range(&fx, "0.0.0.0/0");
	emit(&fx, MODE_IPVS);
	assert_set(&fx, "KUBE-LOAD-BALANCER-FW", "192.0.2.50,tcp:80\n");
	assert_set(&fx, "KUBE-LOAD-BALANCER-SOURCE-CIDR", "");
	/* 1.27 compares with 0.0.0.0, which lies in this range only. */
	assert_set(&fx, "KUBE-LOAD-BALANCER-SOURCE-IP", "192.0.2.50,tcp:80,192.0.2.50\n");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-SOURCE-RANGES-FIREWALL",
	    CIDR_RETURN IP_RETURN "-j DROP\n");
	assert_int_equal(notes_count(&fx.notes, NOTE_WARNING), 1);
	teardown(&fx);
}

static void test_ranges_of_the_other_family_do_not_filter(void **state)
{
	struct fixture fx;

	(void)state;
	load_balancer(&fx, "1.30.0");
	range(&fx, "2001:db8::/32");
	emit(&fx, MODE_IPVS);
	assert_set(&fx, "KUBE-LOAD-BALANCER-FW", "");
	assert_chain(&fx, FAMILY_4, FW_FILTER, "KUBE-PROXY-FIREWALL", "");
	teardown(&fx);
}

/* ---- node addresses */

static void test_node_port_cidr_takes_cluster_ips_too(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.type = SVC_NODE_PORT;
	one_prefix(&fx, &fx.c->node_port_addrs, &fx.c->n_node_port_addrs, "10.0.0.0/8");
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	emit(&fx, MODE_IPVS);
	assert_servers(&fx, "-A -t 10.0.0.11:30080 -s rr\n-A -t 10.96.0.50:80 -s rr\n"
			    "-A -t 10.96.0.50:30080 -s rr\n");
	teardown(&fx);
}

static void test_loopback_set_has_the_endpoint_that_counts(void **state)
{
	struct fixture fx;

	(void)state;
	for (int local = 0; local < 2; local++) {
		setup(&fx, local ? "1.32.0" : "1.33.0");
		frontend(&fx, FE_CLUSTER, "10.96.10.20", 80);
		endpoint(&fx, "10.244.1.5", 8080, "node-a")->terminating = true;
		endpoint(&fx, "10.244.1.5", 8080, "node-b");
		emit(&fx, MODE_IPVS);
		assert_set(&fx, "KUBE-LOOP-BACK",
		    local ? "10.244.1.5,tcp:8080,10.244.1.5\n" : "");
		teardown(&fx);
	}
}

static void test_node_port_cidr_leaves_loopback_out(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	node_address(&fx, "127.0.0.1");
	fx.svc.type = SVC_LOAD_BALANCER;
	fx.svc.external_local = true;
	fx.svc.health_port = 31234;
	one_prefix(&fx, &fx.c->node_port_addrs, &fx.c->n_node_port_addrs, "127.0.0.0/8");
	frontend(&fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	emit(&fx, MODE_IPVS);
	assert_servers(&fx, "-A -t 10.96.0.50:80 -s rr\n");
	/* kube-proxy gives up on the service port before its health check port, too. */
	assert_set(&fx, "KUBE-NODE-PORT-TCP", "");
	assert_set(&fx, "KUBE-HEALTH-CHECK-NODE-PORT", "");
	teardown(&fx);
}

static void vip_on_eth0(struct fixture *fx, const char *version)
{
	setup(fx, version);
	fx->svc.type = SVC_LOAD_BALANCER;
	frontend(fx, FE_CLUSTER, "10.96.0.50", 80);
	frontend(fx, FE_LOAD_BALANCER, "10.0.0.11", 80);
	frontend(fx, FE_NODE_PORT, NULL, 30080);
	emit(fx, MODE_IPVS);
}

static void test_vip_of_another_interface_is_bound_twice_up_to_1_27(void **state)
{
	struct fixture fx;

	(void)state;
	vip_on_eth0(&fx, "1.27.1");
	assert_addresses(&fx, "address add 10.0.0.11/32 dev kube-ipvs0\n"
			      "address add 10.96.0.50/32 dev kube-ipvs0\n");
	/* ... and lost for node ports. */
	assert_servers(&fx, "-A -t 10.0.0.11:80 -s rr\n-A -t 10.96.0.50:80 -s rr\n");
	teardown(&fx);
}

static void test_vip_of_another_interface_stays_there_from_1_28(void **state)
{
	struct fixture fx;

	(void)state;
	vip_on_eth0(&fx, "1.28.0");
	assert_addresses(&fx, "address add 10.96.0.50/32 dev kube-ipvs0\n");
	assert_set(&fx, "KUBE-IPVS-IPS", "10.96.0.50\n");
	assert_servers(&fx, "-A -t 10.0.0.11:80 -s rr\n-A -t 10.0.0.11:30080 -s rr\n"
			    "-A -t 10.96.0.50:80 -s rr\n");
	teardown(&fx);
}

/* ---- settings */

static void cluster_ip_rule(struct fixture *fx, const char *rule)
{
	frontend(fx, FE_CLUSTER, "10.96.0.50", 80);
	emit(fx, MODE_IPVS);
	assert_rule(fx, FAMILY_4, FW_NAT, rule);
	assert_int_equal(chain_of(fx, FAMILY_4, FW_NAT, "KUBE-SERVICES")->n_rules, 4);
	teardown(fx);
}

#define CLUSTER_IP                                                                              \
	"-m comment --comment \"Kubernetes service cluster ip + port for masquerade purpose\" " \
	"-m set --match-set KUBE-CLUSTER-IP "

static void test_each_detector_has_its_masquerade_rule(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	cluster_ip_rule(&fx, "-A KUBE-SERVICES ! -s 10.244.0.0/16 " CLUSTER_IP
			     "dst,dst -j KUBE-MARK-MASQ");
	setup(&fx, "1.30.0");
	fx.c->masquerade_all = true;
	cluster_ip_rule(&fx, "-A KUBE-SERVICES " CLUSTER_IP "dst,dst -j KUBE-MARK-MASQ");
	setup(&fx, "1.30.0");
	fx.c->detect_local = DETECT_BRIDGE;
	fx.c->bridge = "cbr0";
	cluster_ip_rule(
	    &fx, "-A KUBE-SERVICES ! -i cbr0 " CLUSTER_IP "dst,dst -j KUBE-MARK-MASQ");
	setup(&fx, "1.30.0");
	fx.c->detect_local = DETECT_INTERFACE_PREFIX;
	fx.c->interface_prefix = "veth";
	cluster_ip_rule(
	    &fx, "-A KUBE-SERVICES ! -i veth+ " CLUSTER_IP "dst,dst -j KUBE-MARK-MASQ");
	setup(&fx, "1.30.0");
	fx.c->n_cluster_cidrs = 0;
	cluster_ip_rule(&fx, "-A KUBE-SERVICES " CLUSTER_IP "src,dst -j KUBE-MARK-MASQ");
}

static void test_sysctls_and_timeouts_follow_the_settings(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30.0");
	emit(&fx, MODE_IPVS);
	assert_true(has_knob(&fx, "net.ipv4.vs.conntrack", "1"));
	assert_true(has_knob(&fx, "net.ipv4.vs.expire_nodest_conn", "1"));
	assert_true(has_knob(&fx, "net.ipv4.vs.expire_quiescent_template", "1"));
	assert_true(has_knob(&fx, "net.ipv4.ip_forward", "1"));
	assert_int_equal(fx.s->knobs.n_knobs, 4);
	assert_int_equal(fx.s->lvs.tcp_timeout, 0);
	teardown(&fx);

	setup(&fx, "1.30.0");
	fx.c->strict_arp = true;
	fx.c->udp_timeout = 40;
	emit(&fx, MODE_IPVS);
	assert_true(has_knob(&fx, "net.ipv4.conf.all.arp_ignore", "1"));
	assert_true(has_knob(&fx, "net.ipv4.conf.all.arp_announce", "2"));
	assert_int_equal(fx.s->lvs.udp_timeout, 40);
	teardown(&fx);
}

static void test_connections_are_not_reused_on_kernels_from_4_1_to_5_8(void **state)
{
	static const struct {
		const char *release;
		bool written;
	} cases[] = {
	    {"4.0.9", false},
	    {"4.1.0", true},
	    {"5.4.0-42-generic", true},
	    {"5.8.18", true},
	    {"5.9.0-rc1", false},
	    {"6.1.0-18-amd64", false},
	    {"10.0", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture fx;

		setup(&fx, "1.30.0");
		conf_take_kernel(fx.c, cases[i].release);
		emit(&fx, MODE_IPVS);
		assert_int_equal(
		    has_knob(&fx, "net.ipv4.vs.conn_reuse_mode", "0"), cases[i].written);
		assert_int_equal(fx.s->knobs.n_knobs, cases[i].written ? 5 : 4);
		teardown(&fx);
	}
}

static void test_plain_service_keeps_scheduler_weight_and_forwarding(void **state)
{
	struct fixture fx;
	struct endpoint *e;

	(void)state;
	setup(&fx, "1.30.0");
	fx.svc.scheduler = "wlc";
	fx.svc.forwarding = FWD_DIRECT;
	frontend(&fx, FE_EXTERNAL, "192.0.2.9", 53);
	fx.svc.proto = IPPROTO_UDP;
	e = endpoint(&fx, "192.0.2.100", 53, NULL);
	e->weight_set = true;
	e->weight = 0;
	e = endpoint(&fx, "192.0.2.101", 53, NULL);
	e->weight_set = true;
	e->weight = 7;
	emit(&fx, MODE_IPVS);
	assert_servers(&fx,
	    "-A -u 192.0.2.9:53 -s wlc\n-a -u 192.0.2.9:53 -r 192.0.2.100:53 -g -w 0\n"
	    "-a -u 192.0.2.9:53 -r 192.0.2.101:53 -g -w 7\n");
	teardown(&fx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_all_sets_exist_without_services),
	    cmocka_unit_test(test_one_family_has_its_own_sets_only),
	    cmocka_unit_test(test_load_balancer_serves_every_node_address),
	    cmocka_unit_test(test_local_policy_restricts_external_servers),
	    cmocka_unit_test(test_local_policy_without_local_endpoint_uses_all),
	    cmocka_unit_test(test_internal_local_policy_alone_leaves_no_real_server),
	    cmocka_unit_test(test_loop_back_holds_local_endpoints_in_any_condition),
	    cmocka_unit_test(test_sctp_node_ports_are_held_per_node_address),
	    cmocka_unit_test(test_affinity_makes_servers_persistent),
	    cmocka_unit_test(test_only_mh_gets_the_port_flag),
	    cmocka_unit_test(test_external_ip_that_is_also_a_vip_is_one_server),
	    cmocka_unit_test(test_of_two_services_the_one_with_endpoints_has_the_server),
	    cmocka_unit_test(test_source_ranges_of_several_vips),
	    cmocka_unit_test(test_range_of_the_node_lets_the_vip_in),
	    cmocka_unit_test(test_range_of_everybody_cannot_be_stored_but_has_its_rule),
	    cmocka_unit_test(test_ranges_of_the_other_family_do_not_filter),
	    cmocka_unit_test(test_node_port_cidr_takes_cluster_ips_too),
	    cmocka_unit_test(test_loopback_set_has_the_endpoint_that_counts),
	    cmocka_unit_test(test_node_port_cidr_leaves_loopback_out),
	    cmocka_unit_test(test_vip_of_another_interface_is_bound_twice_up_to_1_27),
	    cmocka_unit_test(test_vip_of_another_interface_stays_there_from_1_28),
	    cmocka_unit_test(test_each_detector_has_its_masquerade_rule),
	    cmocka_unit_test(test_sysctls_and_timeouts_follow_the_settings),
	    cmocka_unit_test(test_connections_are_not_reused_on_kernels_from_4_1_to_5_8),
	    cmocka_unit_test(test_plain_service_keeps_scheduler_weight_and_forwarding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
