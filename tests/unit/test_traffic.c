/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which endpoints serve: readiness, termination, policies, topology, releases; and the
 * node addresses that node ports listen on. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <netinet/in.h>

#include "base/vec.h"
#include "model/traffic.h"

#define MAX 8

/* One service under construction on node "here" in zone "z1". */
struct fixture {
	struct conf *conf;
	struct service svc;
	struct endpoint eps[MAX];
	struct frontend fes[MAX];
	const char *lists[MAX][2];
	struct traffic t;
};

static void put(char *out, const struct endpoint **list, size_t n)
{
	char buf[ADDR_STRLEN];

	for (size_t i = 0; i < n; i++) {
		const char *text = addr_format(&list[i]->addr, buf);
		const char *dot = strrchr(text, '.');

		strcat(out, i ? "," : "");
		strcat(out, dot ? dot + 1 : text);
	}
}

/* "C=1,2 L=1 A=1,2 any" by the last byte of the addresses. */
static void expect_family(struct fixture *f, enum family family, const char *want)
{
	char got[512] = "C=";

	traffic_select(&f->svc, f->conf, family, &f->t);
	put(got, f->t.cluster, f->t.n_cluster);
	strcat(got, " L=");
	put(got, f->t.local, f->t.n_local);
	strcat(got, " A=");
	put(got, f->t.all, f->t.n_all);
	strcat(got, f->t.any ? " any" : " none");
	assert_string_equal(got, want);
}

static void expect(struct fixture *f, const char *want)
{
	expect_family(f, FAMILY_4, want);
}

static struct addr addr(const char *text)
{
	struct addr a = {0};

	assert_true(addr_parse(text, &a));
	return a;
}

static void add_frontend(struct fixture *f, enum frontend_kind kind, const char *address)
{
	struct frontend *fe = &f->fes[f->svc.n_frontends++];

	*fe = (struct frontend){.kind = kind, .port = kind == FE_NODE_PORT ? 30080 : 80};
	if (address)
		fe->addr = addr(address);
}

/* flags: r ready, s serving, t terminating, l on this node. */
static struct endpoint *add(struct fixture *f, const char *address, const char *flags)
{
	struct endpoint *e = &f->eps[f->svc.n_endpoints++];

	*e = (struct endpoint){.addr = addr(address),
	    .port = 8080,
	    .ready = strchr(flags, 'r'),
	    .serving = strchr(flags, 's'),
	    .terminating = strchr(flags, 't'),
	    .weight = 1,
	    .node = strchr(flags, 'l') ? "here" : "there"};
	return e;
}

static void hint(struct fixture *f, struct endpoint *e, const char *zone)
{
	const char **list = f->lists[e - f->eps];

	list[0] = zone;
	e->hint_zones = list;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->conf = conf_new();
	f->conf->node_name = "here";
	f->conf->zone = "z1";
	f->svc = (struct service){.ns = "default",
	    .name = "web",
	    .spn = "default/web",
	    .port_name = "",
	    .proto = IPPROTO_TCP,
	    .families = FAMILY_BIT(FAMILY_4),
	    .frontends = f->fes,
	    .endpoints = f->eps};
	add_frontend(f, FE_CLUSTER, "10.96.0.1");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	traffic_free(&f->t);
	conf_free(f->conf);
	free(f);
	return 0;
}

static void release(struct fixture *f, const char *version)
{
	assert_int_equal(dialect_parse(version, &f->conf->dialect, NULL), 0);
}

static void test_ready_endpoints_serve(void **state)
{
	struct fixture *f = *state;

	add(f, "10.0.0.1", "rsl");
	add(f, "10.0.0.2", "");
	add(f, "10.0.0.3", "rs");
	add(f, "10.0.0.4", "s");
	expect(f, "C=1,3 L= A=1,3 any");
}

static void test_published_not_ready_but_terminating_endpoint_serves(void **state)
{
	struct fixture *f = *state;

	add(f, "10.0.0.1", "rst");
	add(f, "10.0.0.2", "st");
	expect(f, "C=1 L= A=1 any");
}

static void test_terminating_endpoints_serve_only_when_none_is_ready(void **state)
{
	struct fixture *f = *state;

	add(f, "10.0.0.1", "st");
	add(f, "10.0.0.2", "t");
	add(f, "10.0.0.3", "stl");
	expect(f, "C=1,3 L= A=1,3 any");
	f->conf->dialect.terminating_fallback = false; /* the gate is off */
	expect(f, "C= L= A= none");
	f->eps[1].ready = true;
	expect(f, "C=2 L= A=2 any");
}

static void test_no_usable_endpoint_is_none(void **state)
{
	struct fixture *f = *state;

	expect(f, "C= L= A= none");
	add(f, "10.0.0.1", "sl");
	add(f, "10.0.0.2", "tl");
	expect(f, "C= L= A= none");
}

static void test_internal_local_uses_this_node_alone(void **state)
{
	struct fixture *f = *state;

	f->svc.internal_local = true;
	add(f, "10.0.0.1", "rs");
	add(f, "10.0.0.2", "rsl");
	expect(f, "C= L=2 A=2 any");
	assert_true(f->t.internal_local && f->t.uses_local && !f->t.uses_cluster);
}

static void test_internal_local_without_local_endpoint_still_has_endpoints(void **state)
{
	struct fixture *f = *state;

	f->svc.internal_local = true;
	add(f, "10.0.0.1", "rs");
	expect(f, "C= L= A= any");
	f->eps[0].ready = false;
	expect(f, "C= L= A= none");
	f->eps[0].terminating = true;
	expect(f, "C= L= A= any");
}

static void test_internal_local_with_a_node_port_uses_both_lists(void **state)
{
	struct fixture *f = *state;

	f->svc.internal_local = true;
	f->svc.type = SVC_NODE_PORT;
	add_frontend(f, FE_NODE_PORT, NULL);
	add(f, "10.0.0.1", "rs");
	add(f, "10.0.0.2", "rsl");
	expect(f, "C=1,2 L=2 A=1,2 any");
	assert_true(f->t.ext_access && !f->t.external_local);
}

static void test_local_terminating_fallback_is_decided_on_this_node(void **state)
{
	struct fixture *f = *state;

	f->svc.type = SVC_LOAD_BALANCER;
	f->svc.external_local = true;
	add_frontend(f, FE_LOAD_BALANCER, "192.0.2.1");
	add(f, "10.0.0.1", "rs");
	add(f, "10.0.0.2", "stl");
	/* The union is sorted although its parts are disjoint. */
	expect(f, "C=1 L=2 A=1,2 any");
	add(f, "10.0.0.3", "rsl");
	expect(f, "C=1,3 L=3 A=1,3 any");
}

static void test_external_local_needs_a_way_in(void **state)
{
	struct fixture *f = *state;

	f->svc.type = SVC_LOAD_BALANCER;
	f->svc.external_local = true;
	add(f, "10.0.0.1", "rsl");
	expect(f, "C=1 L= A=1 any");
	assert_true(f->t.external_local && !f->t.uses_local && !f->t.ext_access);
}

static void test_external_local_on_cluster_ip_type_counts_since_1_29(void **state)
{
	struct fixture *f = *state;

	f->svc.external_local = true;
	add_frontend(f, FE_EXTERNAL, "192.0.2.1");
	add(f, "10.0.0.1", "rs");
	release(f, "1.28");
	expect(f, "C=1 L= A=1 any");
	assert_false(f->t.external_local);
	release(f, "1.29");
	expect(f, "C=1 L= A=1 any");
	assert_true(f->t.external_local && f->t.uses_local);
}

static void test_ip_mode_proxy_is_no_way_in_since_1_30(void **state)
{
	struct fixture *f = *state;

	f->svc.type = SVC_LOAD_BALANCER;
	add_frontend(f, FE_LOAD_BALANCER, "192.0.2.1");
	f->fes[1].ip_mode = IP_MODE_PROXY;
	release(f, "1.29");
	expect(f, "C= L= A= none");
	assert_true(f->t.ext_access && frontend_is_served(&f->fes[1], f->conf));
	release(f, "1.30");
	expect(f, "C= L= A= none");
	assert_false(f->t.ext_access || frontend_is_served(&f->fes[1], f->conf));
}

static void test_way_in_of_the_other_family_does_not_count(void **state)
{
	struct fixture *f = *state;

	add_frontend(f, FE_EXTERNAL, "2001:db8::1");
	add(f, "10.0.0.1", "rs");
	expect(f, "C=1 L= A=1 any");
	assert_false(f->t.ext_access);
}

static void test_family_without_cluster_ip_has_nothing(void **state)
{
	struct fixture *f = *state;

	add(f, "10.0.0.1", "rs");
	add(f, "fd00::1", "rs");
	expect_family(f, FAMILY_6, "C= L= A= none");
	assert_false(f->t.has_family);
	f->svc.families = FAMILY_BOTH;
	expect_family(f, FAMILY_6, "C=fd00::1 L= A=fd00::1 any");
	expect_family(f, FAMILY_4, "C=1 L= A=1 any");
}

static void test_zone_hints_keep_traffic_in_the_zone(void **state)
{
	struct fixture *f = *state;

	hint(f, add(f, "10.0.0.1", "rs"), "z1");
	hint(f, add(f, "10.0.0.2", "rs"), "z2");
	expect(f, "C=1 L= A=1 any");
	f->conf->zone = NULL;
	expect(f, "C=1,2 L= A=1,2 any");
	f->conf->zone = "z3"; /* nobody is hinted for it */
	expect(f, "C=1,2 L= A=1,2 any");
}

static void test_one_ready_endpoint_without_hint_turns_the_filter_off(void **state)
{
	struct fixture *f = *state;

	hint(f, add(f, "10.0.0.1", "rs"), "z1");
	hint(f, add(f, "10.0.0.2", "rs"), "z2");
	add(f, "10.0.0.3", "s");
	expect(f, "C=1 L= A=1 any");
	f->eps[2].ready = true;
	expect(f, "C=1,2,3 L= A=1,2,3 any");
}

static void test_terminating_fallback_and_local_list_ignore_hints(void **state)
{
	struct fixture *f = *state;

	f->svc.type = SVC_NODE_PORT;
	f->svc.external_local = true;
	add_frontend(f, FE_NODE_PORT, NULL);
	hint(f, add(f, "10.0.0.1", "rs"), "z1");
	hint(f, add(f, "10.0.0.2", "rsl"), "z2");
	expect(f, "C=1 L=2 A=1,2 any");
	f->eps[0].ready = f->eps[1].ready = false;
	f->eps[0].terminating = f->eps[1].terminating = true;
	expect(f, "C=1,2 L=2 A=1,2 any");
}

/* Does the zone filter apply with these annotations in that release? */
static bool filtered(
    struct fixture *f, const char *version, const char *hints, const char *mode)
{
	release(f, version);
	f->svc.hints_annotation = hints;
	f->svc.mode_annotation = mode;
	traffic_select(&f->svc, f->conf, FAMILY_4, &f->t);
	return f->t.n_cluster == 1;
}

static void test_annotations_enable_hints_by_release(void **state)
{
	struct fixture *f = *state;

	hint(f, add(f, "10.0.0.1", "rs"), "z1");
	hint(f, add(f, "10.0.0.2", "rs"), "z2");
	assert_true(filtered(f, "1.26", "Auto", NULL));
	assert_true(filtered(f, "1.26", "auto", NULL));
	assert_false(filtered(f, "1.26", NULL, "Auto"));
	assert_false(filtered(f, "1.26", "PreferZone", NULL));
	assert_false(filtered(f, "1.26", NULL, NULL));
	assert_true(filtered(f, "1.27", NULL, "Auto"));
	assert_true(filtered(f, "1.27", NULL, "PreferZone"));
	assert_false(filtered(f, "1.27", NULL, "Disabled"));
	assert_false(filtered(f, "1.27", "disabled", "Auto")); /* the former wins */
	assert_false(filtered(f, "1.30", "", "Auto"));
	assert_false(filtered(f, "1.30", NULL, NULL));
	assert_true(filtered(f, "1.31", "disabled", NULL));
}

static void test_node_hints_go_before_zone_hints_since_1_34(void **state)
{
	struct fixture *f = *state;
	static const char *const here[] = {"here", NULL}, *const there[] = {
							      "there", NULL};

	hint(f, add(f, "10.0.0.1", "rs"), "z1");
	hint(f, add(f, "10.0.0.2", "rs"), "z2");
	f->eps[0].hint_nodes = there;
	f->eps[1].hint_nodes = here;
	release(f, "1.33");
	expect(f, "C=1 L= A=1 any");
	release(f, "1.34");
	expect(f, "C=2 L= A=2 any");
	f->eps[0].hint_nodes = NULL; /* not all have one: back to zones */
	expect(f, "C=1 L= A=1 any");
}

static void test_duplicate_endpoint_is_chosen_by_release(void **state)
{
	struct fixture *f = *state;

	add(f, "10.0.0.1", "stl");
	add(f, "10.0.0.1", "rs");
	release(f, "1.32"); /* the local one stays: not ready, so the fallback serves */
	expect(f, "C=1 L= A=1 any");
	assert_ptr_equal(f->t.cluster[0], &f->eps[0]);
	release(f, "1.33");
	expect(f, "C=1 L= A=1 any");
	assert_ptr_equal(f->t.cluster[0], &f->eps[1]);
}

static void test_endpoint_without_node_is_not_local(void **state)
{
	struct fixture *f = *state;
	struct endpoint *e = add(f, "10.0.0.1", "rsl");

	assert_true(endpoint_is_local(e, f->conf));
	e->node = NULL;
	assert_false(endpoint_is_local(e, f->conf));
	f->conf->node_name = NULL;
	assert_false(endpoint_is_local(e, f->conf));
}

static void set_node(struct fixture *f)
{
	static const char *const texts[] = {"127.0.0.1", "::1", "10.0.0.11", "10.0.0.9",
	    "169.254.1.1", "fe80::1", "fd00::11", "10.0.0.11"};
	struct node_addr list[sizeof(texts) / sizeof(texts[0])] = {0};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		list[i].addr = addr(texts[i]);
	conf_set_addrs(f->conf, list, sizeof(texts) / sizeof(texts[0]));
}

/* "all localhost none: addresses" of what is set. */
static void expect_ports(
    struct fixture *f, enum family family, const char *cidr, const char *want)
{
	struct prefix p = {0};
	struct node_ports np;
	char got[512] = "", buf[ADDR_STRLEN];

	if (cidr)
		assert_true(prefix_parse(cidr, &p));
	f->conf->node_port_addrs = &p;
	f->conf->n_node_port_addrs = cidr ? 1 : 0;
	node_ports_select(f->conf, family, f->conf->arena, &np);
	strcat(got, np.all ? "all " : "");
	strcat(got, np.localhost ? "localhost " : "");
	strcat(got, np.none ? "none " : "");
	for (size_t i = 0; i < np.n_addrs; i++) {
		strcat(got, i ? "," : "");
		strcat(got, addr_format(&np.addrs[i], buf));
	}
	assert_string_equal(got, want);
}

static void test_node_ports_listen_on_what_the_cidrs_hold(void **state)
{
	struct fixture *f = *state;

	set_node(f);
	expect_ports(f, FAMILY_4, NULL, "all localhost 10.0.0.9,10.0.0.11,169.254.1.1");
	expect_ports(f, FAMILY_6, NULL, "all fd00::11");
	expect_ports(
	    f, FAMILY_4, "0.0.0.0/0", "all localhost 10.0.0.9,10.0.0.11,169.254.1.1");
	expect_ports(f, FAMILY_4, "10.0.0.10/31", "10.0.0.11");
	expect_ports(f, FAMILY_4, "192.168.0.0/16", "none ");
	/* No entry of the family: all of it. */
	expect_ports(f, FAMILY_6, "10.0.0.10/31", "all fd00::11");
	expect_ports(
	    f, FAMILY_4, "fd00::/8", "all localhost 10.0.0.9,10.0.0.11,169.254.1.1");
	expect_ports(f, FAMILY_6, "fe80::/10", "fe80::1");
	expect_ports(f, FAMILY_6, "::2/127", "none ");
}

static void test_localhost_node_ports_need_a_cidr_with_loopback(void **state)
{
	struct fixture *f = *state;

	set_node(f);
	expect_ports(f, FAMILY_4, "127.0.0.0/8", "localhost 127.0.0.1");
	expect_ports(f, FAMILY_4, "96.0.0.0/3", "localhost 127.0.0.1");
	/* lo is there, also where the addresses that were given do not name it. */
	conf_set_addrs(f->conf, NULL, 0);
	expect_ports(f, FAMILY_4, "127.0.0.0/8", "localhost 127.0.0.1");
	expect_ports(f, FAMILY_4, "127.0.0.8/29", "localhost none ");
	/* It matches, though nothing is served on it: not "none". */
	expect_ports(f, FAMILY_6, "::/127", "");
	set_node(f);
	f->conf->localhost_node_ports = false;
	expect_ports(f, FAMILY_4, "127.0.0.0/8", "");
	expect_ports(f, FAMILY_4, NULL, "all 10.0.0.9,10.0.0.11,169.254.1.1");
}

static void test_primary_is_the_node_address_since_1_31(void **state)
{
	struct fixture *f = *state;
	struct addr ips[] = {addr("10.0.0.11"), addr("fd00::11")};

	set_node(f);
	f->conf->node_ips = ips;
	f->conf->n_node_ips = 2;
	f->conf->node_port_primary = true;
	release(f, "1.31");
	expect_ports(f, FAMILY_4, NULL, "10.0.0.11");
	expect_ports(f, FAMILY_6, NULL, "fd00::11");
	release(f, "1.30");
	expect_ports(f, FAMILY_6, NULL, "all fd00::11");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_ready_endpoints_serve),
	    TEST(test_published_not_ready_but_terminating_endpoint_serves),
	    TEST(test_terminating_endpoints_serve_only_when_none_is_ready),
	    TEST(test_no_usable_endpoint_is_none),
	    TEST(test_internal_local_uses_this_node_alone),
	    TEST(test_internal_local_without_local_endpoint_still_has_endpoints),
	    TEST(test_internal_local_with_a_node_port_uses_both_lists),
	    TEST(test_local_terminating_fallback_is_decided_on_this_node),
	    TEST(test_external_local_needs_a_way_in),
	    TEST(test_external_local_on_cluster_ip_type_counts_since_1_29),
	    TEST(test_ip_mode_proxy_is_no_way_in_since_1_30),
	    TEST(test_way_in_of_the_other_family_does_not_count),
	    TEST(test_family_without_cluster_ip_has_nothing),
	    TEST(test_zone_hints_keep_traffic_in_the_zone),
	    TEST(test_one_ready_endpoint_without_hint_turns_the_filter_off),
	    TEST(test_terminating_fallback_and_local_list_ignore_hints),
	    TEST(test_annotations_enable_hints_by_release),
	    TEST(test_node_hints_go_before_zone_hints_since_1_34),
	    TEST(test_duplicate_endpoint_is_chosen_by_release),
	    TEST(test_endpoint_without_node_is_not_local),
	    TEST(test_node_ports_listen_on_what_the_cidrs_hold),
	    TEST(test_localhost_node_ports_need_a_cidr_with_loopback),
	    TEST(test_primary_is_the_node_address_since_1_31),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
