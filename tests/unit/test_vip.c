/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces and addresses: text of ip read and printed, search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_files.h"
#include "state/vip.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

static struct vip_table parse(const char *text)
{
	struct vip_table t = {0};
	struct error err = {0};

	if (vip_parse(text, strlen(text), "t", arena, &t, &err))
		fail_msg("%s", err.msg);
	assert_true(t.present);
	return t;
}

static void assert_prints(const char *text, const char *expected)
{
	struct vip_table t = parse(text);
	struct strbuf sb = {0};

	vip_print_table(&sb, &t);
	assert_string_equal(strbuf_str(&sb), expected);
	strbuf_free(&sb);
}

static void check_golden(const char *path, const struct strbuf *text)
{
	struct vip_table t = {0};
	struct strbuf as_listed = {0}, batch = {0};
	struct error err = {0};

	if (vip_parse(text->s, text->len, path, arena, &t, &err))
		fail_msg("%s", err.msg);
	strbuf_add(&as_listed, "");
	for (size_t i = 0; i < t.n_addrs; i++) {
		struct strbuf a = {0};

		prefix_print(&a, &t.addrs[i].prefix);
		if (t.addrs[i].prefix.addr.len == 4)
			strbuf_addf(&as_listed, "%s    inet %s scope global %s\n",
			    t.addrs[i].link, a.s, t.addrs[i].link);
		else
			strbuf_addf(&as_listed, "%s    inet6 %s scope global\n",
			    t.addrs[i].link, a.s);
		strbuf_free(&a);
	}
	golden_same_lines(path, text->s, as_listed.s);
	/* what is printed for ip -batch is the same table */
	vip_print_table(&batch, &t);
	if (batch.len)
		assert_prints(batch.s, batch.s);
	strbuf_free(&as_listed);
	strbuf_free(&batch);
}

static void test_the_addresses_of_kube_proxy_are_read(void **state)
{
	(void)state;
	golden_each("ip-addr-kube-ipvs0.txt", 30, check_golden);
}

static void test_batch_lines_are_printed_and_read(void **state)
{
	(void)state;
	assert_prints("link add name kube-ipvs0 type dummy\n"
		      "addr add fd00::1/128 dev kube-ipvs0\n"
		      "address add 10.96.0.10/32 dev kube-ipvs0\n"
		      "address add 10.96.0.9/32 dev kube-ipvs0\n"
		      "address add 10.96.0.9/32 dev kube-ipvs0\n",
	    "link add kube-ipvs0 type dummy\n"
	    "address add 10.96.0.9/32 dev kube-ipvs0\n"
	    "address add 10.96.0.10/32 dev kube-ipvs0\n"
	    "address add fd00::1/128 dev kube-ipvs0\n");
}

static void test_listings_of_ip_are_read(void **state)
{
	struct vip_table t = parse(
	    "1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever\n"
	    "2: eth0    inet 10.0.0.11/24 brd 10.0.0.255 scope global eth0\\       valid_lft "
	    "forever preferred_lft forever\n"
	    "2: eth0    inet6 fe80::1/64 scope link \\       valid_lft forever\n"
	    "7: kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0\\   valid_lft forever\n"
	    "7: kube-ipvs0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN mode DEFAULT\n"
	    "9: veth1@if2: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue\n");

	(void)state;
	assert_int_equal(t.n_links, 4);
	assert_int_equal(t.n_addrs, 4);
	assert_string_equal(vip_find_link(&t, VIP_LINK)->kind, "dummy");
	assert_false(vip_find_link(&t, VIP_LINK)->up);
	assert_int_equal(vip_find_link(&t, VIP_LINK)->index, 7);
	assert_true(vip_find_link(&t, "veth1")->up);
	assert_string_equal(vip_find_link(&t, "eth0")->kind, "");
	assert_null(vip_find_link(&t, "eth1"));
}

/* As people attach it to tickets, without -o. */
static void test_listings_of_several_lines_are_read(void **state)
{
	struct vip_table t = parse(
	    "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq state UP group default\n"
	    "    link/ether 52:54:00:12:34:56 brd ff:ff:ff:ff:ff:ff\n"
	    "    altname enp0s3\n"
	    "    inet 10.0.0.11/24 brd 10.0.0.255 scope global eth0\n"
	    "       valid_lft forever preferred_lft forever\n"
	    "7: kube-ipvs0: <BROADCAST,NOARP> mtu 1500 qdisc noop state DOWN group default\n"
	    "    link/ether 8e:dd:9b:00:00:01 brd ff:ff:ff:ff:ff:ff\n"
	    "    inet 10.96.0.10/32 scope global kube-ipvs0\n"
	    "       valid_lft forever preferred_lft forever\n"
	    "    inet6 fd00::1/128 scope global\n"
	    "       valid_lft forever preferred_lft forever\n");

	(void)state;
	assert_int_equal(t.n_links, 2);
	assert_int_equal(t.n_addrs, 3);
	assert_int_equal(vip_find_link(&t, VIP_LINK)->index, 7);
	assert_string_equal(t.addrs[0].link, "eth0");
	assert_string_equal(t.addrs[1].link, VIP_LINK);
	assert_string_equal(t.addrs[2].link, VIP_LINK);
}

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static void test_an_address_is_found_on_the_other_interface(void **state)
{
	struct vip_table t = parse("address add 10.0.0.1/24 dev a\n"
				   "address add 10.0.0.1/32 dev kube-ipvs0\n"
				   "address add 10.0.0.2/32 dev kube-ipvs0\n"
				   "address add 10.0.0.3/16 dev z\n");
	struct addr one = addr_of("10.0.0.1"), two = addr_of("10.0.0.2");
	struct addr three = addr_of("10.0.0.3"), four = addr_of("10.0.0.4");

	(void)state;
	assert_string_equal(vip_find_addr(&t, &one, VIP_LINK)->link, "a");
	assert_null(vip_find_addr(&t, &two, VIP_LINK));
	assert_string_equal(vip_find_addr(&t, &two, NULL)->link, VIP_LINK);
	assert_string_equal(vip_find_addr(&t, &three, VIP_LINK)->link, "z");
	assert_int_equal(vip_find_addr(&t, &three, NULL)->prefix.bits, 16);
	assert_null(vip_find_addr(&t, &four, NULL));
	assert_non_null(vip_find_addr_on(&t, VIP_LINK, &one));
	assert_null(vip_find_addr_on(&t, "z", &one));
}

static void test_errors_name_the_line(void **state)
{
	static const char *const cases[][2] = {
	    {"address add 10.0.0.300/32 dev kube-ipvs0\n",
		"t:1: kube-ipvs0: 10.0.0.300/32 is not an address"},
	    {"\naddress del 10.0.0.3/32 dev kube-ipvs0\n",
		"t:2: an address line reads \"address add ADDRESS/LENGTH dev NAME\""},
	    {"link show\n", "t:1: a link line reads \"link add NAME type dummy\""},
	    {"    inet 10.96.0.10/32 scope global kube-ipvs0\n",
		"t:1: this is neither an ip -batch nor an ip -o addr line: \"inet\""},
	    {"7: kube-ipvs0: <NOARP> mtu 1500\n    inet 10.96.0.300/32\n",
		"t:2: kube-ipvs0: 10.96.0.300/32 is not an address"},
	    {"hello world\n",
		"t:1: this is neither an ip -batch nor an ip -o addr line: \"hello\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vip_table t = {0};
		struct error err = {0};

		assert_int_equal(
		    vip_parse(cases[i][0], strlen(cases[i][0]), "t", arena, &t, &err),
		    -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.msg, cases[i][1]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_the_addresses_of_kube_proxy_are_read),
	    T(test_batch_lines_are_printed_and_read),
	    T(test_listings_of_ip_are_read),
	    T(test_listings_of_several_lines_are_read),
	    T(test_an_address_is_found_on_the_other_interface),
	    T(test_errors_name_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
