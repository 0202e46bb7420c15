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
#include "verify/check.h"
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

/* What else the node does; each test starts with nothing. */
static struct node_facts facts;

static int reset_facts(void **state)
{
	(void)state;
	facts = (struct node_facts){0};
	return 0;
}

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
	preflight_check(&(struct preflight){.to = to,
			    .model = fx->m,
			    .conf = fx->c,
			    .want = fx->s,
			    .have = h,
			    .caps = caps,
			    .facts = &facts},
	    &fx->notes);
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
	return notes_count(&fx->notes, NOTE_REFUSE) +
	       notes_count(&fx->notes, NOTE_ACCEPT);
}

/* A check of web() to ipvs on a node with those tables refuses for one reason or none. */
static size_t refusals_with(
    const char *tables, enum note_level level, const char *about, const char *text)
{
	struct fixture fx;
	size_t n;

	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.tables = tables, .vips = ETH0}, &able);
	n = refusals(&fx);
	if (n)
		assert_note(&fx, level, about, text);
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

static void test_sysctls_that_cannot_be_set_are_named(void **state)
{
	struct kernel_caps caps = able;
	struct fixture fx;

	(void)state;
	caps.fixed_sysctls = true;
	web(&fx);
	check(&fx, MODE_IPTABLES, &(struct texts){.vips = ETH0}, &caps);
	assert_int_equal(refusals(&fx), 1);
	assert_note(&fx, NOTE_REFUSE, "net.ipv4.conf.all.route_localnet",
	    "sysctl -w net.ipv4.conf.all.route_localnet=1");
	teardown(&fx);
	web(&fx);
	check(&fx, MODE_IPTABLES,
	    &(struct texts){
		.vips = ETH0, .knobs = "net.ipv4.conf.all.route_localnet = 1\n"},
	    &caps);
	assert_int_equal(refusals(&fx), 0);
	teardown(&fx);
}

/* A service with an IPv6 address for a node that has those sysctls, or no IPv6 at all. */
static bool lacks_ipv6(
    enum mode to, const char *vips, const char *preset, const char *link, bool no_ipv6)
{
	struct knob knobs[] = {{"net.ipv6.conf.default.disable_ipv6", preset},
	    {"net.ipv6.conf.kube-ipvs0.disable_ipv6", link}};
	struct kernel_caps caps = {.no_ipv6 = no_ipv6};
	struct fixture fx;
	bool ret;

	web(&fx);
	frontend(&fx, FE_CLUSTER, "fd00:10:96::1", 80);
	emit(&fx, to);
	{
		AUTO(state)
		struct state *have = state_from(&(struct texts){.vips = vips});

		have->knobs.facts = knobs;
		have->knobs.n_facts = 2;
		ret = preflight_no_ipv6(fx.s, have, &caps);
	}
	teardown(&fx);
	return ret;
}

static void test_addresses_need_ipv6(void **state)
{
	(void)state;
	assert_false(lacks_ipv6(MODE_IPVS, ETH0, "0", NULL, false));
	assert_false(lacks_ipv6(MODE_IPVS, ETH0, "1", "0", false));
	assert_true(lacks_ipv6(MODE_IPVS, ETH0, "1", NULL, false));
	assert_true(lacks_ipv6(MODE_IPVS, ETH0, "0", "1", false));
	assert_true(lacks_ipv6(MODE_IPVS, ETH0, NULL, NULL, true));
	/* Not loaded yet. */
	assert_false(lacks_ipv6(MODE_IPVS, ETH0, NULL, NULL, false));
	assert_false(lacks_ipv6(MODE_IPTABLES, ETH0, NULL, NULL, true));
	assert_false(lacks_ipv6(MODE_IPVS,
	    ETH0 "kube-ipvs0    inet6 fd00:10:96::1/128 scope global\n", "1", "0",
	    false));
}

static void test_without_ipv6_the_switch_is_refused(void **state)
{
	struct kernel_caps caps = able;
	struct fixture fx;

	(void)state;
	caps.no_ipv6 = true;
	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &caps);
	assert_int_equal(refusals(&fx), 0);
	teardown(&fx);
	web(&fx);
	frontend(&fx, FE_CLUSTER, "fd00:10:96::1", 80);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &caps);
	assert_int_equal(refusals(&fx), 1);
	assert_note(&fx, NOTE_REFUSE, "kernel", "this kernel has no IPv6");
	teardown(&fx);
}

/* What differs for a family that does not switch is not said. */
static void test_differences_are_of_the_families_that_switch(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	fx.svc.affinity = true;
	fx.svc.affinity_sec = 10800;
	emit(&fx, MODE_IPVS);
	notes_clear(&fx.notes);
	modes_differences(
	    MODE_IPVS, fx.m, fx.c, FAMILY_BIT(FAMILY_6), &facts, NOTE_INFO, &fx.notes);
	assert_int_equal(check_level(&fx.notes, "affinity-memory"), -1);
	modes_differences(
	    MODE_IPVS, fx.m, fx.c, FAMILY_BIT(FAMILY_4), &facts, NOTE_INFO, &fx.notes);
	assert_int_equal(check_level(&fx.notes, "affinity-memory"), NOTE_INFO);
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
	    /* The node's own and what belongs to connections, as everywhere. */
	    INPUT("DROP", "-A INPUT -i lo -j ACCEPT\n-A INPUT -m conntrack --ctstate "
			  "RELATED,ESTABLISHED -j ACCEPT\n"),
	    /* One way in is enough: the cluster IP, the node port, the load balancer. */
	    INPUT("ACCEPT", "-A INPUT -d 10.96.0.0/12 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -p tcp -m tcp --dport 30080 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -p tcp -m multiport --dports 22,79:81 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -m addrtype --dst-type LOCAL -m tcp -p tcp --dport "
			    "30000:32767 -j DROP\n"),
	    INPUT("DROP", "-A INPUT -d 10.96.0.0/12 -j ACCEPT\n-A INPUT -p tcp -m tcp "
			  "--dport 30080 -j ACCEPT\n"),
	    /* Who may come in through the balancer is not told by the pods' network. */
	    INPUT("DROP", "-A INPUT -s 10.244.0.0/16 -j ACCEPT\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(drop) / sizeof(drop[0]); i++)
		assert_int_equal(
		    refusals_with(drop[i], NOTE_ACCEPT, "iptables", "filter INPUT"), 1);
}

static void test_host_firewall_that_lets_the_rest_in_is_not(void **state)
{
	static const char *const accept[] = {
	    INPUT("ACCEPT", "-A INPUT -s 10.1.0.0/16 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -p tcp -m tcp --dport 23 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -m conntrack --ctstate INVALID -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -j FW\n-A FW -j RETURN\n-A FW -j DROP\n"),
	    INPUT("DROP", "-A INPUT -j ACCEPT\n-A INPUT -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -p udp -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT -d 10.0.0.11/32 -p tcp -m multiport --dports "
			    "22,10250 -j DROP\n"),
	    INPUT("ACCEPT", "-A INPUT ! -d 10.0.0.0/8 -p udp -j DROP\n"),
	    /* What our advice says. */
	    INPUT("DROP", "-A INPUT -d 10.96.0.0/12 -j ACCEPT\n"
			  "-A INPUT -d 192.0.2.0/24 -j ACCEPT\n"
			  "-A INPUT -p tcp -m tcp --dport 30000:32767 -j ACCEPT\n"),
	    INPUT("DROP", "-A INPUT -m set --match-set KUBE-IPVS-IPS dst -j ACCEPT\n"
			  "-A INPUT -p tcp -m multiport --dports 30000:32767 -j "
			  "ACCEPT\n"),
	    INPUT("DROP",
		"-A INPUT -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT\n"
		"-A INPUT -m set --match-set KUBE-LOAD-BALANCER dst,dst -j "
		"ACCEPT\n-A INPUT -m addrtype --dst-type LOCAL -p tcp -m tcp "
		"--dport 30080 -j ACCEPT\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(accept) / sizeof(accept[0]); i++)
		assert_int_equal(refusals_with(accept[i], NOTE_ACCEPT, "", ""), 0);
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

static void test_firewall_of_nft_is_told_by_its_policy(void **state)
{
	struct fixture fx;

	(void)state;
	facts.nft_input = "inet firewalld filter_INPUT";
	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
	assert_note(&fx, NOTE_WARNING, "nft", "inet firewalld filter_INPUT");
	assert_int_equal(refusals(&fx), 0);
	teardown(&fx);
	facts.nft_drops = "inet filter input";
	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
	assert_note(&fx, NOTE_ACCEPT, "nft", "inet filter input");
	teardown(&fx);
	web(&fx);
	check(&fx, MODE_IPTABLES, &(struct texts){.vips = ETH0}, &able);
	assert_int_equal(refusals(&fx), 0);
	teardown(&fx);
}

#define LOCAL_DNAT "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
#define PORTALS                                                                          \
	"-A PREROUTING -m comment --comment \"kubernetes service portals\" -j "          \
	"KUBE-SERVICES\n"
#define NAT(rules)                                                                        \
	"*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n:KUBE-SERVICES - [0:0]\n" rules \
	"COMMIT\n"
#define PUBLISHED(port)                                                                  \
	"-A DOCKER ! -i docker0 -p tcp -m tcp --dport " port                             \
	" -j DNAT --to-destination 172.17.0.2:80\n"

static void test_dnat_for_local_destinations_is_told_by_place_and_port(void **state)
{
	static const struct {
		const char *tables;
		size_t n;
	} cases[] = {
	    {NAT(LOCAL_DNAT PORTALS PUBLISHED("80")), 1},
	    {NAT(LOCAL_DNAT PORTALS PUBLISHED("30080")), 1},
	    /* Our rules come first. */
	    {NAT(PORTALS LOCAL_DNAT PUBLISHED("80")), 0},
	    /* No service has that port. */
	    {NAT(LOCAL_DNAT PORTALS PUBLISHED("8080")), 0},
	    {NAT(LOCAL_DNAT PORTALS), 0},
	    /* The same before and after the switch. */
	    {NAT("-A PREROUTING -j DOCKER\n" PORTALS PUBLISHED("80")), 0},
	    /* The hostPort plugin. */
	    {NAT(LOCAL_DNAT PORTALS
		 "-A DOCKER -p tcp -m comment --comment \"dnat name: "
		 "\\\"cbr0\\\" -j X\" -m multiport --dports 443,80 -j DNAT "
		 "--to-destination 10.244.0.9:80\n"),
		1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = refusals_with(
		    cases[i].tables, NOTE_ACCEPT, "demo/web:http", "-j DOCKER");

		if (n != cases[i].n)
			fail_msg("%s: %zu findings", cases[i].tables, n);
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
	assert_int_equal(
	    refusals_with(raw, NOTE_REFUSE, "demo/web:http", "NodeLocal"), 1);
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

/* ---- addresses that are somebody's */

/* The worst level of a named finding, NONE if there is none. Frees the fixture. */
#define NONE (-1)
static int level_of(struct fixture *fx, const char *check_name)
{
	int level = check_level(&fx->notes, check_name);

	teardown(fx);
	return level;
}

/* The same for a service with an external address to ipvs. */
static int level_at(const char *address, const char *vips, const char *check_name)
{
	struct fixture fx;

	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_EXTERNAL, address, 80);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	check(&fx, MODE_IPVS, &(struct texts){.vips = vips}, &able);
	return level_of(&fx, check_name);
}

static void test_own_address_is_told_from_one_that_wanders(void **state)
{
	(void)state;
	assert_int_equal(level_at("10.0.0.11", ETH0, "own-address"), NOTE_ACCEPT);
	assert_int_equal(level_at("10.0.0.12", ETH0, "own-address"), NONE);
	/* kube-vip puts it on a link of the node that leads. */
	assert_int_equal(
	    level_at("192.0.2.9", ETH0 "eth0    inet 192.0.2.9/32 scope global eth0\n",
		"own-address"),
	    NONE);
	assert_int_equal(
	    level_at("192.0.2.9", ETH0 "eth0    inet 192.0.2.9/32 scope global eth0\n",
		"other-link"),
	    NOTE_WARNING);
}

static void test_own_address_cannot_be_accepted_before_1_28(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.27");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_EXTERNAL, "10.0.0.11", 80);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
	assert_int_equal(level_of(&fx, "own-address"), NOTE_REFUSE);
}

static void test_address_of_another_node_is_refused(void **state)
{
	static const struct {
		const char *address;
		int level;
	} cases[] = {
	    {"10.0.0.12", NOTE_REFUSE}, {"10.0.0.13", NONE},
	    {"10.0.0.11", NONE}, /* this node's own Node object */
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct addr own = addr_of("10.0.0.11"), other = addr_of("10.0.0.12");
		struct fixture fx;

		setup(&fx, "1.30");
		model_builder_add_node(fx.b,
		    &(struct model_node){.name = "node-a", .addrs = &own, .n_addrs = 1});
		model_builder_add_node(
		    fx.b, &(struct model_node){
			      .name = "node-b", .addrs = &other, .n_addrs = 1});
		frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
		frontend(&fx, FE_EXTERNAL, cases[i].address, 80);
		check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
		assert_int_equal(level_of(&fx, "node-address"), cases[i].level);
	}
}

static void test_addresses_of_peers_are_refused(void **state)
{
	static const struct {
		enum role role;
		const char *check;
		uint16_t port;
		int level;
	} cases[] = {
	    {ROLE_GATEWAY, "gateway", 0, NOTE_REFUSE},
	    {ROLE_RESOLVER, "resolver", 53, NOTE_REFUSE},
	    {ROLE_API_SERVER, "api-server", 6443, NOTE_REFUSE},
	    {ROLE_SSH_PEER, "ssh-peer", 0, NOTE_REFUSE},
	    /* The service itself is what is asked there. */
	    {ROLE_API_SERVER, "api-server", 80, NONE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct node_peer peer = {.role = cases[i].role,
		    .addr = addr_of("203.0.113.5"),
		    .port = cases[i].port,
		    .where = "a test"};

		facts.peers = &peer;
		facts.n_peers = 1;
		assert_int_equal(
		    level_at("203.0.113.5", ETH0, cases[i].check), cases[i].level);
		assert_int_equal(level_at("203.0.113.6", ETH0, cases[i].check), NONE);
	}
}

static void test_endpoints_of_the_api_server_are_its_addresses(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	fx.svc.ns = "default";
	fx.svc.name = "kubernetes";
	fx.svc.spn = "default/kubernetes:https";
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 443);
	endpoint(&fx, "10.0.0.10", 6443, NULL);
	finish_service(&fx, "web", "demo/web:http");
	fx.svc.ns = "demo";
	frontend(&fx, FE_CLUSTER, "10.96.0.2", 80);
	frontend(&fx, FE_EXTERNAL, "10.0.0.10", 80);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
	assert_note(&fx, NOTE_REFUSE, "demo/web:http", "the API server");
	assert_int_equal(level_of(&fx, "api-server"), NOTE_REFUSE);
}

static void test_addresses_of_others_do_not_matter_towards_iptables(void **state)
{
	struct node_peer peer = {
	    .role = ROLE_GATEWAY, .addr = addr_of("192.0.2.1"), .where = "a test"};
	struct fixture fx;

	(void)state;
	facts.peers = &peer;
	facts.n_peers = 1;
	web(&fx);
	check(&fx, MODE_IPTABLES, &(struct texts){.vips = ETH0}, &able);
	assert_int_equal(level_of(&fx, "gateway"), NONE);
}

static void test_strict_arp_is_wanted_in_networks_of_the_node(void **state)
{
	struct fixture fx;

	(void)state;
	assert_int_equal(level_at("10.0.0.99", ETH0, "strict-arp"), NOTE_ACCEPT);
	assert_int_equal(level_at("198.51.100.7", ETH0, "strict-arp"), NONE);
	for (int i = 0; i < 2; i++) {
		setup(&fx, "1.30");
		fx.c->strict_arp = i == 0;
		frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
		frontend(&fx, FE_LOAD_BALANCER, "10.0.0.99", 80);
		fx.svc.type = SVC_LOAD_BALANCER;
		check(&fx, MODE_IPVS,
		    &(struct texts){.vips = ETH0,
			.knobs = i ? "net.ipv4.conf.all.arp_ignore = 1\n" : NULL},
		    &able);
		assert_int_equal(level_of(&fx, "strict-arp"), NONE);
	}
}

/* ---- other programs */

static void test_second_writer_is_refused_unless_it_is_stopped(void **state)
{
	static const struct {
		bool stopped, frozen;
		int level;
	} cases[] = {{false, false, NOTE_REFUSE}, {true, false, NOTE_INFO},
	    {false, true, NOTE_INFO}};

	(void)state;
	for (size_t i = 0; i < 3; i++)
		for (enum mode to = MODE_IPTABLES; to <= MODE_IPVS; to++) {
			struct node_writer w = {
			    .pid = 99, .name = "kube-proxy", .stopped = cases[i].stopped};
			struct fixture fx;

			facts.writers = &w;
			facts.n_writers = 1;
			w.frozen = cases[i].frozen;
			facts.health_port = true;
			web(&fx);
			check(&fx, to, &(struct texts){.vips = ETH0}, &able);
			assert_int_equal(
			    check_level(&fx.notes, "second-writer"), cases[i].level);
			teardown(&fx);
		}
}

static int writer_level(const char *name, enum mode to, const struct state *have)
{
	struct node_writer w = {.pid = 99, .name = "kube-proxy"};
	struct notes notes = {0};
	struct wanted wanted;
	char cluster[256], config[256];
	int level;

	snprintf(cluster, sizeof(cluster), "%.200s/cluster.json", name);
	snprintf(config, sizeof(config), "%.200s/config.yaml", name);
	facts.writers = &w;
	facts.n_writers = 1;
	wanted_load(&wanted, cluster, config, "1.27", to, have);
	preflight_check(&(struct preflight){.to = to,
			    .model = wanted.model,
			    .conf = wanted.conf,
			    .want = wanted.state,
			    .have = have,
			    .caps = &able,
			    .facts = &facts},
	    &notes);
	level = check_level(&notes, "second-writer");
	notes_clear(&notes);
	wanted_free(&wanted);
	return level;
}

static void check_writer(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	if (strcmp(name, "dual-stack"))
		return;
	assert_int_equal(writer_level(name, MODE_IPVS, ipt), NOTE_REFUSE);
	assert_int_equal(writer_level(name, MODE_IPTABLES, ipvs), NOTE_REFUSE);
	assert_int_equal(writer_level(name, MODE_IPVS, ipvs), NOTE_WARNING);
	assert_int_equal(writer_level(name, MODE_IPTABLES, ipt), NOTE_WARNING);
}

static void test_writer_of_the_mode_that_is_there_is_no_adversary(void **state)
{
	(void)state;
	each_pair(check_writer);
}

static void test_health_port_alone_betrays_a_second_writer(void **state)
{
	struct fixture fx;

	(void)state;
	facts.health_port = true;
	web(&fx);
	check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
	assert_note(&fx, NOTE_REFUSE, "", "health port 10256");
	teardown(&fx);
}

static void test_rules_in_the_other_variant(void **state)
{
	struct fixture fx;

	(void)state;
	facts.other_variant = "nft: iptables nat (7 rules)";
	for (int i = 0; i < 2; i++) {
		facts.other_services = i;
		web(&fx);
		check(&fx, MODE_IPVS, &(struct texts){.vips = ETH0}, &able);
		assert_note(&fx, i ? NOTE_REFUSE : NOTE_WARNING, "iptables", "(7 rules)");
		teardown(&fx);
	}
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
		preflight_check(&(struct preflight){.to = to,
				    .model = w.model,
				    .conf = w.conf,
				    .want = w.state,
				    .have = have,
				    .caps = &able,
				    .facts = &facts},
		    &notes);
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
	modes_differences(to, fx->m, fx->c, FAMILY_BOTH, &facts, NOTE_INFO, &fx->notes);
}

/* The level of a difference for the service as it stands, to ipvs and back. */
static void assert_levels(struct fixture *fx, const char *name, int to_ipvs, int back)
{
	differences(fx, MODE_IPVS);
	assert_int_equal(check_level(&fx->notes, name), to_ipvs);
	notes_clear(&fx->notes);
	modes_differences(
	    MODE_IPTABLES, fx->m, fx->c, FAMILY_BOTH, &facts, NOTE_INFO, &fx->notes);
	assert_int_equal(check_level(&fx->notes, name), back);
	teardown(fx);
}

static void test_every_finding_bears_the_name_of_a_check(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	fx.svc.affinity = true;
	fx.svc.affinity_sec = 10800;
	differences(&fx, MODE_IPVS);
	assert_true(fx.notes.list.n >= 3);
	for (size_t i = 0; i < fx.notes.list.n; i++) {
		assert_non_null(fx.notes.list.v[i].name);
		assert_true(check_find(fx.notes.list.v[i].name)->difference);
	}
	teardown(&fx);
}

static void test_plain_cluster_ip_behaves_the_same(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	differences(&fx, MODE_IPVS);
	assert_int_equal(fx.notes.list.n, 1);
	assert_note(&fx, NOTE_INFO, "all TCP services", "900 s");
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
	assert_note(&fx, NOTE_ACCEPT, "demo/web:http", "to the node itself");
	notes_clear(&fx.notes);
	modes_differences(
	    MODE_IPTABLES, fx.m, fx.c, FAMILY_BOTH, &facts, NOTE_INFO, &fx.notes);
	assert_note(&fx, NOTE_ACCEPT, "demo/web:http", "is dropped instead");
	assert_int_equal(level_of(&fx, "local-policy"), NOTE_ACCEPT);
}

/* Answers to an address of the node come back; and who was dropped loses nothing. */
static void test_local_policy_hurts_the_node_at_virtual_addresses_only(void **state)
{
	struct fixture fx;

	(void)state;
	for (int ranges = 0; ranges < 2; ranges++) {
		setup(&fx, "1.30");
		frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
		frontend(&fx, FE_NODE_PORT, NULL, 30080);
		if (ranges)
			frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
		fx.svc.type = SVC_LOAD_BALANCER;
		fx.svc.external_local = true;
		range(&fx, "203.0.113.0/24");
		endpoint(&fx, "10.244.1.5", 8080, "node-b");
		assert_levels(&fx, "local-policy", NOTE_WARNING, NOTE_ACCEPT);
	}
}

static void test_addresses_that_nothing_is_made_for_differ_in_nothing(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	fx.frontends.v[1].ip_mode = IP_MODE_PROXY;
	fx.svc.type = SVC_LOAD_BALANCER;
	range(&fx, "0.0.0.0/0");
	assert_levels(&fx, "source-ranges", NONE, NONE);
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	fx.frontends.v[1].ip_mode = IP_MODE_PROXY;
	fx.svc.type = SVC_LOAD_BALANCER;
	assert_levels(&fx, "no-endpoints", NONE, NONE);
}

static void test_ranges_are_told_of_services_without_endpoints(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	fx.svc.type = SVC_LOAD_BALANCER;
	range(&fx, "203.0.113.0/24");
	differences(&fx, MODE_IPVS);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "are dropped, not refused");
	notes_clear(&fx.notes);
	modes_differences(
	    MODE_IPTABLES, fx.m, fx.c, FAMILY_BOTH, &facts, NOTE_INFO, &fx.notes);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "are refused, not dropped");
	teardown(&fx);
}

/* Where neither mode carries the services. */
static void test_what_hurts_can_be_asked_for_alone(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	fx.svc.affinity = true;
	fx.svc.affinity_sec = 10800;
	fx.endpoints.v[0].weight = 0;
	fx.endpoints.v[0].weight_set = true;
	emit(&fx, MODE_IPTABLES);
	notes_clear(&fx.notes);
	modes_differences(
	    MODE_IPTABLES, fx.m, fx.c, FAMILY_BOTH, &facts, NOTE_ACCEPT, &fx.notes);
	assert_int_equal(fx.notes.list.n, 1);
	assert_int_equal(check_level(&fx.notes, "weights"), NOTE_ACCEPT);
	notes_clear(&fx.notes);
	modes_differences(
	    MODE_IPVS, fx.m, fx.c, FAMILY_BOTH, &facts, NOTE_ACCEPT, &fx.notes);
	assert_int_equal(fx.notes.list.n, 0);
	teardown(&fx);
}

static void test_local_policy_with_local_endpoint_hurts_nobody(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	fx.svc.external_local = true;
	assert_levels(&fx, "local-policy", NONE, NONE);
	web(&fx);
	fx.svc.external_local = true;
	assert_levels(&fx, "local-endpoints", NOTE_INFO, NOTE_INFO);
}

/* Then only the source of the node's own connections is another one. */
static void test_local_policy_with_all_endpoints_here_differs_in_the_source(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	fx.svc.external_local = true;
	fx.endpoints.v[1].node = "node-a";
	differences(&fx, MODE_IPVS);
	assert_note(&fx, NOTE_INFO, "demo/web:http", "come from the virtual address");
	teardown(&fx);
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	fx.svc.type = SVC_NODE_PORT;
	fx.svc.external_local = true;
	endpoint(&fx, "10.244.0.5", 8080, "node-a");
	assert_levels(&fx, "local-endpoints", NONE, NONE);
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
	assert_note(&fx, NOTE_INFO, "demo/web:http", "refuses connections");
	assert_int_equal(level_of(&fx, "internal-policy"), NOTE_INFO);
}

static void test_internal_local_with_ways_in_from_outside_hurts_on_the_way_back(
    void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	fx.svc.internal_local = true;
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	assert_levels(&fx, "internal-policy", NOTE_WARNING, NOTE_ACCEPT);
}

static void test_local_node_port_hurts_whoever_uses_it(void **state)
{
	static const uint16_t ports[] = {30080}, others[] = {30081, 80};
	struct fixture fx;

	(void)state;
	web(&fx);
	assert_levels(&fx, "localhost-node-port", NOTE_WARNING, NOTE_INFO);
	facts.localhost_ports = others;
	facts.n_localhost_ports = 2;
	web(&fx);
	assert_levels(&fx, "localhost-node-port", NOTE_WARNING, NOTE_INFO);
	facts.localhost_ports = ports;
	facts.n_localhost_ports = 1;
	web(&fx);
	assert_levels(&fx, "localhost-node-port", NOTE_ACCEPT, NOTE_INFO);
	web(&fx);
	fx.c->localhost_node_ports = false;
	assert_levels(&fx, "localhost-node-port", NONE, NONE);
}

static void test_range_of_all_clients_drops_them(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	range(&fx, "0.0.0.0/0");
	assert_levels(&fx, "source-ranges", NOTE_ACCEPT, NOTE_INFO);
	web(&fx);
	range(&fx, "203.0.113.0/24");
	assert_levels(&fx, "source-ranges", NONE, NONE);
	web(&fx);
	range(&fx, "203.0.113.0/24");
	assert_levels(&fx, "source-ranges-node", NONE, NONE);
	setup(&fx, "1.28");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	fx.svc.type = SVC_LOAD_BALANCER;
	range(&fx, "203.0.113.0/24");
	assert_levels(&fx, "source-ranges-node", NOTE_WARNING, NOTE_WARNING);
	/* One that allows the node. */
	setup(&fx, "1.28");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_LOAD_BALANCER, "192.0.2.1", 80);
	fx.svc.type = SVC_LOAD_BALANCER;
	range(&fx, "10.0.0.0/24");
	assert_levels(&fx, "source-ranges-node", NONE, NONE);
}

static void hairpin(struct fixture *fx, const char *address, const char *node)
{
	setup(fx, "1.30");
	one_prefix(fx, &fx->c->node_pod_cidrs, &fx->c->n_node_pod_cidrs, "10.244.0.0/24");
	frontend(fx, FE_CLUSTER, "10.96.0.1", 80);
	endpoint(fx, address, 8080, node);
}

static void test_hairpin_needs_the_name_of_the_node(void **state)
{
	struct fixture fx;

	(void)state;
	hairpin(&fx, "10.244.0.5", NULL);
	assert_levels(&fx, "hairpin", NOTE_ACCEPT, NONE);
	hairpin(&fx, "10.244.0.5", "node-a");
	assert_levels(&fx, "hairpin", NONE, NONE);
	hairpin(&fx, "10.244.9.5", NULL); /* a pod of another node */
	assert_levels(&fx, "hairpin", NONE, NONE);
}

static void test_hairpin_works_where_all_is_masqueraded(void **state)
{
	struct fixture fx;

	(void)state;
	hairpin(&fx, "10.244.0.5", NULL);
	fx.c->masquerade_all = true;
	assert_levels(&fx, "hairpin", NONE, NONE);
	hairpin(&fx, "10.244.0.5", NULL);
	one_prefix(&fx, &fx.c->cluster_cidrs, &fx.c->n_cluster_cidrs, "10.9.0.0/16");
	assert_levels(&fx, "hairpin", NONE, NONE);
	/* Who is not known to be local is in no local list. */
	hairpin(&fx, "10.244.0.5", NULL);
	fx.svc.internal_local = true;
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	assert_levels(&fx, "hairpin", NONE, NONE);
}

static void test_affinity_weights_and_udp_differ(void **state)
{
	struct fixture fx;

	(void)state;
	web(&fx);
	fx.svc.affinity = true;
	fx.svc.affinity_sec = 10800;
	assert_levels(&fx, "affinity-memory", NOTE_INFO, NOTE_INFO);
	for (uint32_t weight = 0; weight <= 5; weight += 5) {
		web(&fx);
		fx.endpoints.v[0].weight = weight;
		fx.endpoints.v[0].weight_set = true;
		assert_levels(
		    &fx, "weights", NOTE_INFO, weight ? NOTE_WARNING : NOTE_ACCEPT);
	}
	web(&fx);
	fx.svc.forwarding = FWD_DIRECT;
	assert_levels(&fx, "scheduling", NONE, NOTE_ACCEPT);
	web(&fx);
	fx.svc.proto = IPPROTO_UDP;
	assert_levels(&fx, "udp-timeout", NOTE_INFO, NOTE_INFO);
	web(&fx);
	fx.svc.proto = IPPROTO_UDP;
	assert_levels(&fx, "idle-timeout", NONE, NONE);
}

static void test_udp_sockets_that_lose_their_address_are_said(void **state)
{
	struct node_flow flows[2] = {{.port = 53}, {.port = 54}};
	struct fixture fx;

	(void)state;
	flows[0].addr = flows[1].addr = addr_of("10.96.0.1");
	facts.own_udp = flows;
	for (size_t n = 0; n <= 2; n++) {
		setup(&fx, "1.30");
		frontend(&fx, FE_CLUSTER, "10.96.0.1", 54);
		endpoint(&fx, "10.244.1.5", 8080, "node-b");
		fx.svc.proto = IPPROTO_UDP;
		facts.n_own_udp = n;
		assert_levels(&fx, "node-udp", NONE, n == 2 ? NOTE_WARNING : NONE);
	}
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 54);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	assert_levels(&fx, "node-udp", NONE, NONE);
}

/* How another service with the endpoint 10.244.1.5:8080, but for this port or protocol,
 * is told of beside it. */
static int level_beside(uint16_t port, uint8_t proto)
{
	struct fixture fx;
	struct service both[2];
	struct endpoint e;

	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	differences(&fx, MODE_IPVS);
	notes_clear(&fx.notes);
	both[0] = both[1] = fx.m->services[0];
	e = both[0].endpoints[0];
	e.port = port;
	both[1].endpoints = &e;
	both[1].proto = proto;
	modes_differences(MODE_IPVS, &(struct model){.services = both, .n_services = 2},
	    fx.c, FAMILY_BOTH, &facts, NOTE_INFO, &fx.notes);
	return level_of(&fx, "shared-endpoints");
}

static void test_endpoints_with_several_addresses_are_said(void **state)
{
	struct fixture fx;

	(void)state;
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_CLUSTER, "fd00:10:96::1", 80);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	assert_levels(&fx, "shared-endpoints", NONE, NONE);
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	assert_levels(&fx, "shared-endpoints", NONE, NONE);
	setup(&fx, "1.30");
	frontend(&fx, FE_CLUSTER, "10.96.0.1", 80);
	frontend(&fx, FE_NODE_PORT, NULL, 30080);
	endpoint(&fx, "10.244.1.5", 8080, "node-b");
	assert_levels(&fx, "shared-endpoints", NOTE_INFO, NONE);
	assert_int_equal(level_beside(8080, IPPROTO_TCP), NOTE_INFO);
	assert_int_equal(level_beside(8081, IPPROTO_TCP), NONE);
	assert_int_equal(level_beside(8080, IPPROTO_UDP), NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		test_udp_sockets_that_lose_their_address_are_said, reset_facts),
	    cmocka_unit_test_setup(
		test_endpoints_with_several_addresses_are_said, reset_facts),
	    cmocka_unit_test_setup(test_fit_node_is_not_refused, reset_facts),
	    cmocka_unit_test_setup(
		test_missing_parts_of_the_kernel_are_named, reset_facts),
	    cmocka_unit_test_setup(test_missing_scheduler_is_named, reset_facts),
	    cmocka_unit_test_setup(
		test_sysctls_that_cannot_be_set_are_named, reset_facts),
	    cmocka_unit_test_setup(test_going_back_needs_no_ipvs, reset_facts),
	    cmocka_unit_test_setup(test_addresses_need_ipv6, reset_facts),
	    cmocka_unit_test_setup(test_without_ipv6_the_switch_is_refused, reset_facts),
	    cmocka_unit_test_setup(
		test_differences_are_of_the_families_that_switch, reset_facts),
	    cmocka_unit_test_setup(test_full_conntrack_table, reset_facts),
	    cmocka_unit_test_setup(
		test_host_firewall_that_drops_the_rest_is_refused, reset_facts),
	    cmocka_unit_test_setup(
		test_host_firewall_that_lets_the_rest_in_is_not, reset_facts),
	    cmocka_unit_test_setup(
		test_forward_that_drops_is_said_on_the_way_back, reset_facts),
	    cmocka_unit_test_setup(
		test_firewall_of_nft_is_told_by_its_policy, reset_facts),
	    cmocka_unit_test_setup(
		test_dnat_for_local_destinations_is_told_by_place_and_port, reset_facts),
	    cmocka_unit_test_setup(test_untracked_cluster_ip_is_refused, reset_facts),
	    cmocka_unit_test_setup(
		test_cluster_ip_on_another_interface_is_refused, reset_facts),
	    cmocka_unit_test_setup(
		test_load_balancer_address_on_another_interface_is_said, reset_facts),
	    cmocka_unit_test_setup(
		test_own_address_is_told_from_one_that_wanders, reset_facts),
	    cmocka_unit_test_setup(
		test_own_address_cannot_be_accepted_before_1_28, reset_facts),
	    cmocka_unit_test_setup(test_address_of_another_node_is_refused, reset_facts),
	    cmocka_unit_test_setup(test_addresses_of_peers_are_refused, reset_facts),
	    cmocka_unit_test_setup(
		test_endpoints_of_the_api_server_are_its_addresses, reset_facts),
	    cmocka_unit_test_setup(
		test_addresses_of_others_do_not_matter_towards_iptables, reset_facts),
	    cmocka_unit_test_setup(
		test_strict_arp_is_wanted_in_networks_of_the_node, reset_facts),
	    cmocka_unit_test_setup(
		test_writer_of_the_mode_that_is_there_is_no_adversary, reset_facts),
	    cmocka_unit_test_setup(
		test_second_writer_is_refused_unless_it_is_stopped, reset_facts),
	    cmocka_unit_test_setup(
		test_health_port_alone_betrays_a_second_writer, reset_facts),
	    cmocka_unit_test_setup(test_rules_in_the_other_variant, reset_facts),
	    cmocka_unit_test_setup(test_foreign_virtual_server_is_refused, reset_facts),
	    cmocka_unit_test_setup(
		test_virtual_server_of_a_broken_off_run_is_not, reset_facts),
	    cmocka_unit_test_setup(test_set_of_another_type_is_refused, reset_facts),
	    cmocka_unit_test_setup(test_no_case_is_refused, reset_facts),
	    cmocka_unit_test_setup(test_plain_cluster_ip_behaves_the_same, reset_facts),
	    cmocka_unit_test_setup(
		test_local_policy_hurts_the_node_at_virtual_addresses_only, reset_facts),
	    cmocka_unit_test_setup(
		test_addresses_that_nothing_is_made_for_differ_in_nothing, reset_facts),
	    cmocka_unit_test_setup(
		test_ranges_are_told_of_services_without_endpoints, reset_facts),
	    cmocka_unit_test_setup(
		test_hairpin_works_where_all_is_masqueraded, reset_facts),
	    cmocka_unit_test_setup(
		test_local_policy_without_local_endpoint_differs, reset_facts),
	    cmocka_unit_test_setup(
		test_local_policy_with_all_endpoints_here_differs_in_the_source,
		reset_facts),
	    cmocka_unit_test_setup(
		test_internal_local_without_endpoint_refuses, reset_facts),
	    cmocka_unit_test_setup(
		test_every_finding_bears_the_name_of_a_check, reset_facts),
	    cmocka_unit_test_setup(
		test_local_policy_with_local_endpoint_hurts_nobody, reset_facts),
	    cmocka_unit_test_setup(
		test_internal_local_with_ways_in_from_outside_hurts_on_the_way_back,
		reset_facts),
	    cmocka_unit_test_setup(
		test_local_node_port_hurts_whoever_uses_it, reset_facts),
	    cmocka_unit_test_setup(test_range_of_all_clients_drops_them, reset_facts),
	    cmocka_unit_test_setup(test_hairpin_needs_the_name_of_the_node, reset_facts),
	    cmocka_unit_test_setup(test_affinity_weights_and_udp_differ, reset_facts),
	    cmocka_unit_test_setup(test_what_hurts_can_be_asked_for_alone, reset_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
