/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver of links and addresses against the kernel. */
#include "config.h"

#include "nl_driver_test.h"

#include "kernel/vip_source.h"

static const char *link_kind;

static const struct vip_addr *find_addr(const struct state *s, const char *a)
{
	struct addr key = addr(a);

	return vip_find_addr(&s->vips, &key, NULL);
}

static struct vip_addr host_addr(const char *a)
{
	struct addr x = addr(a);

	return (struct vip_addr){.link = VIP_LINK, .prefix = prefix_host(&x)};
}

static void test_device_is_left_down_and_its_addresses_are_local(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr v[] = {host_addr("10.96.0.1"), host_addr("fd00:96::1")};
	struct op ops[] = {
	    {.kind = KIND_VIP, .sub = SUB_VIP_LINK, .want = &l},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &v[0]},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &v[1]},
	};
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};
	size_t done;

	(void)state;
	assert_done(vip_nl_open(&d, &err));
	assert_done(d->ops->write(d, ops, 3, &done, &err));
	assert_int_equal(done, 3);
	s = read_all(d);
	assert_non_null(vip_find_link(&s->vips, VIP_LINK));
	assert_false(vip_find_link(&s->vips, VIP_LINK)->up);
	assert_string_equal(vip_find_link(&s->vips, VIP_LINK)->kind, link_kind);
	for (size_t i = 0; i < 2; i++) {
		const struct vip_addr *have =
		    vip_find_addr(&s->vips, &v[i].prefix.addr, NULL);

		assert_non_null(have);
		assert_int_equal(vip_addr_cmp(have, &v[i]), 0);
	}
	/* Flags 80: permanent, neither tentative nor failed duplicate detection. */
	shell("grep -q '^fd0000960*1 .* 80 00 80 *" VIP_LINK "$' /proc/net/if_inet6");
	shell("ip route get fd00:96::1 | grep -q '^local fd00:96::1'");
	shell("ip route get 10.96.0.1 | grep -q '^local 10.96.0.1'");
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
}

#define LOCAL_ROUTES                                                                     \
	"(ip route show table local; ip -6 route show table local; "                     \
	"ip addr show " VIP_LINK ") | grep -e 10.96.0.1 -e fd00:96::1 | sort"
#define BEFORE "/tmp/routes-$PPID"

#define SOURCE_NODE                                                                      \
	"ip route get 10.96.0.1 | grep -q '^local .* src 10.0.0.11 ' && "                \
	"ip route get fd00:96::1 | grep -q '^local .* src fd00:10::11 '"
#define SOURCE_VIRTUAL                                                                   \
	"ip route get 10.96.0.1 | grep -q '^local .* src 10.96.0.1 ' && "                \
	"ip route get fd00:96::1 | grep -q '^local .* src fd00:96::1 '"
#define NO_ROUTES                                                                        \
	"! ip route show table local | grep -q 10.96.0.1 && "                            \
	"! ip -6 route show table local | grep -q fd00:96::1"

/* A node with addresses of its own, the interface, and two virtual addresses for it. */
struct own {
	struct vip_link l;
	struct vip_addr v[2];
	struct vip_table t;
	struct driver *d;
};

static void own_begin(struct own *o)
{
	struct error err = {0};

	*o = (struct own){
	    .l = {.name = VIP_LINK, .kind = link_kind},
	    .v = {host_addr("10.96.0.1"), host_addr("fd00:96::1")},
	    .t = {.addrs = o->v, .n_addrs = 2},
	};
	shell("ip link set lo up && "
	      "ip link add node0 type veth peer name node1 && ip link set node1 up && "
	      "ip addr add 10.0.0.11/24 dev node0 && "
	      "ip addr add fd00:10::11/64 dev node0 nodad && ip link set node0 up && "
	      "ip route add default via 10.0.0.1 && ip route add default via fd00:10::1");
	assert_done(vip_nl_open(&o->d, &err));
	assert_done(write_one(o->d, KIND_VIP, SUB_VIP_LINK, NULL, &o->l, &err));
}

static void own_addresses(struct own *o, bool there)
{
	struct error err = {0};

	for (size_t i = 0; i < 2; i++)
		assert_done(write_one(o->d, KIND_VIP, SUB_VIP_ADDR, there ? NULL : &o->v[i],
		    there ? &o->v[i] : NULL, &err));
}

static void own_end(struct own *o)
{
	driver_close(o->d);
	shell(NO_ROUTES);
	shell("ip link del node0");
}

static void test_own_connections_come_from_the_node_before_addresses_go(void **state)
{
	struct error err = {0};
	struct own o;

	(void)state;
	own_begin(&o);
	own_addresses(&o, true);
	shell(LOCAL_ROUTES " >" BEFORE);
	for (int twice = 0; twice < 2; twice++) {
		assert_done(vip_source_node(&o.t, FAMILY_BOTH, &err));
		shell(SOURCE_NODE);
	}
	for (int twice = 0; twice < 2; twice++) {
		assert_done(vip_source_virtual(&o.t, FAMILY_BOTH, &err));
		shell(SOURCE_VIRTUAL);
		shell(LOCAL_ROUTES " | diff " BEFORE " -");
	}
	shell("rm " BEFORE);
	assert_done(vip_source_node(&o.t, FAMILY_BOTH, &err));
	assert_done(write_one(o.d, KIND_VIP, SUB_VIP_LINK, &o.l, NULL, &err));
	assert_done(vip_source_forget(&o.t, FAMILY_BOTH, &err));
	own_end(&o);
}

/* An address of IPv4 is never the source of what goes to it. */
static void test_own_connections_come_from_the_node_when_addresses_come(void **state)
{
	struct error err = {0};
	struct own o;

	(void)state;
	own_begin(&o);
	assert_done(vip_source_node(&o.t, FAMILY_BOTH, &err));
	own_addresses(&o, true);
	shell("ip route get 10.96.0.1 | grep -q '^local .* src 10.0.0.11 '");
	assert_done(vip_source_node(&o.t, FAMILY_BOTH, &err));
	shell(SOURCE_NODE);
	assert_done(vip_source_virtual(&o.t, FAMILY_BOTH, &err));
	shell(SOURCE_VIRTUAL);
	own_addresses(&o, false);
	shell(NO_ROUTES);
	assert_done(write_one(o.d, KIND_VIP, SUB_VIP_LINK, &o.l, NULL, &err));
	own_end(&o);
}

static void test_address_that_is_there_or_gone_already_is_fine(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr v = host_addr("10.96.0.1");
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	assert_done(vip_nl_open(&d, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &l, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, NULL, &v, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, NULL, &v, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, &v, NULL, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, &v, NULL, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, &v, NULL, &err));
	s = read_all(d);
	assert_null(vip_find_link(&s->vips, VIP_LINK));
	assert_null(find_addr(s, "10.96.0.1"));
}

static void test_missing_or_foreign_link_is_told(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind}, veth = l, odd = l;
	struct vip_addr v = host_addr("10.96.0.1");
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	veth.kind = "veth";
	odd.kind = "nosuchkind";
	assert_done(vip_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_ADDR, NULL, &v, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &odd, &err), -1);
	assert_int_equal(err.kind, ERR_BACKEND);
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &l, &err));
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &l, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_LINK, &veth, &l, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
}

static void test_failed_operation_in_a_batch_is_the_one_counted_to(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr good = host_addr("10.96.0.1"), bad = good;
	struct op ops[] = {
	    {.kind = KIND_VIP, .sub = SUB_VIP_LINK, .want = &l},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &good},
	    {.kind = KIND_VIP,
		.sub = SUB_VIP_ADDR,
		.want = &bad,
		.why = "default/web:http"},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &good},
	};
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};
	size_t done;

	(void)state;
	bad.prefix.bits = 77; /* no IPv4 prefix */
	assert_done(vip_nl_open(&d, &err));
	assert_int_equal(d->ops->write(d, ops, 4, &done, &err), -1);
	assert_int_equal(done, 2);
	assert_non_null(strstr(err.msg,
	    "address 10.96.0.1 on kube-ipvs0 (default/web:http): cannot add it"));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
}

static void test_disabled_ipv6_is_named(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr v = host_addr("fd00:96::1");
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(vip_nl_open(&d, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &l, &err));
	shell("sysctl -qw net.ipv6.conf." VIP_LINK ".disable_ipv6=1");
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_ADDR, NULL, &v, &err), -1);
	assert_int_equal(err.kind, ERR_BACKEND);
	assert_non_null(strstr(err.msg, "IPv6 is disabled on " VIP_LINK));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
}

int run_link_tests(const char *kind)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_device_is_left_down_and_its_addresses_are_local),
	    cmocka_unit_test(test_own_connections_come_from_the_node_before_addresses_go),
	    cmocka_unit_test(test_own_connections_come_from_the_node_when_addresses_come),
	    cmocka_unit_test(test_address_that_is_there_or_gone_already_is_fine),
	    cmocka_unit_test(test_missing_or_foreign_link_is_told),
	    cmocka_unit_test(test_failed_operation_in_a_batch_is_the_one_counted_to),
	    cmocka_unit_test(test_disabled_ipv6_is_named),
	};

	link_kind = kind;
	return cmocka_run_group_tests_name("links", tests, NULL, NULL);
}
