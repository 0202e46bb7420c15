/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, prefixes, kube-proxy's chain hash, flushing text. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/strbuf.h"

static void check_suffix(const char *text, const char *want)
{
	const char *parts[] = {text, NULL};
	char got[17];

	hash_chain_suffix(parts, got);
	assert_string_equal(got, want);
}

static void test_chain_hash_is_kube_proxys(void **state)
{
	(void)state;
	check_suffix("default/kubernetes:httpstcp", "NPX46M4PTMTKRN6Y");
	check_suffix("kube-system/kube-dns:dnsudp", "TCOU7JCQXEZGVUNU");
	check_suffix("demo/threetcp", "NRIPR4V3EL4HGZSH");
	check_suffix("demo/sctp:ssctp", "RCKBXORCKRZMLA5Y");
	check_suffix("demo/web:httptcp10.244.1.5:8080", "NW5VICAF3Z2QABHQ");
	check_suffix("demo/web:httptcp[fd00:10:244:1::5]:8080", "AG7FEPHA3Q5JLEBT");
}

static void test_chain_hash_of_parts_is_that_of_the_whole(void **state)
{
	const char *parts[] = {"demo/web:http", "tcp", "10.244.1.5:8080", NULL};
	char got[17];

	(void)state;
	hash_chain_suffix(parts, got);
	assert_string_equal(got, "NW5VICAF3Z2QABHQ");
}

static void check_round_trip(const char *text, const char *want)
{
	char buf[ADDR_STRLEN];
	struct addr a;

	assert_true(addr_parse(text, &a));
	assert_string_equal(addr_format(&a, buf), want);
}

static void test_addresses_print_canonically(void **state)
{
	(void)state;
	check_round_trip("0.0.0.0", "0.0.0.0");
	check_round_trip("255.100.9.10", "255.100.9.10");
	check_round_trip("FD00:0:0::A", "fd00::a");
	check_round_trip("::ffff:10.0.0.1", "::ffff:10.0.0.1");
}

static void test_bad_addresses_are_refused(void **state)
{
	static const char *const bad[] = {"", "1.2.3", "1.2.3.256", "01.2.3.4",
	    " 1.2.3.4", "[::1]", "fe80::1%eth0", "1.2.3.4/32", "::g"};
	struct addr a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(addr_parse(bad[i], &a));
}

static void check_kube(const char *text, const char *want)
{
	char buf[ADDR_STRLEN];
	struct addr a;

	assert_true(addr_parse_kube(text, &a));
	assert_string_equal(addr_format(&a, buf), want);
}

static void test_kubernetes_reads_leading_zeros_as_decimal(void **state)
{
	struct strbuf sb = {0};
	struct prefix p;
	struct addr a;

	(void)state;
	check_kube("010.000.00.09", "10.0.0.9");
	check_kube("0.0.0.0", "0.0.0.0");
	check_kube("::ffff:10.0.0.1", "10.0.0.1");
	check_kube("FD00:0::A", "fd00::a");
	assert_false(addr_parse_kube("0256.0.0.1", &a));
	assert_false(addr_parse_kube("10.0.0.", &a));
	assert_false(
	    addr_parse_kube("00000000000000000000000000000000000000000000000000", &a));
	assert_true(cidr_parse_kube("010.08.0.0/016", &p));
	prefix_print(&sb, &p);
	strbuf_addch(&sb, ' ');
	assert_true(cidr_parse_kube("fd00:0::/8", &p));
	prefix_print(&sb, &p);
	assert_string_equal(sb.s, "10.8.0.0/16 fd00::/8");
	strbuf_free(&sb);
	assert_false(cidr_parse_kube("10.0.0.1", &p));
	assert_false(cidr_parse_kube("10.0.0.0/33", &p));
}

static void test_endpoint_text_has_brackets_for_ipv6_only(void **state)
{
	char buf[ADDRPORT_STRLEN];
	uint16_t port = 0;
	struct addr a;

	(void)state;
	assert_true(addrport_parse("10.0.0.1:80", &a, &port));
	assert_int_equal(port, 80);
	assert_string_equal(addrport_format(&a, port, buf), "10.0.0.1:80");
	assert_true(addrport_parse("[fd00::1]:65535", &a, &port));
	assert_string_equal(addrport_format(&a, port, buf), "[fd00::1]:65535");
	assert_true(addrport_parse("fd00::1", &a, &port));
	assert_int_equal(port, 0);
	assert_false(addrport_parse("10.0.0.1:65536", &a, &port));
	assert_false(addrport_parse("[fd00::1:80", &a, &port));
	assert_false(addrport_parse("10.0.0.1:", &a, &port));
}

static bool contains(const char *prefix, const char *addr)
{
	struct prefix p;
	struct addr a;

	assert_true(prefix_parse(prefix, &p));
	assert_true(addr_parse(addr, &a));
	return prefix_contains(&p, &a);
}

static void test_prefix_holds_its_addresses_and_no_others(void **state)
{
	(void)state;
	assert_true(contains("10.244.0.0/16", "10.244.255.255"));
	assert_false(contains("10.244.0.0/16", "10.245.0.0"));
	assert_true(contains("10.1.2.3/9", "10.127.0.1"));
	assert_false(contains("10.1.2.3/9", "10.128.0.1"));
	assert_true(contains("0.0.0.0/0", "255.1.2.3"));
	assert_false(contains("0.0.0.0/0", "::1"));
	assert_true(contains("fd00::/127", "fd00::1"));
	assert_false(contains("fd00::/127", "fd00::2"));
}

static void test_normalizing_clears_host_bits_alone(void **state)
{
	struct strbuf sb = {0};
	struct prefix p;

	(void)state;
	assert_true(prefix_parse("10.1.255.3/17", &p));
	prefix_print(&sb, &p);
	prefix_normalize(&p);
	strbuf_addch(&sb, ' ');
	prefix_print(&sb, &p);
	assert_string_equal(sb.s, "10.1.255.3/17 10.1.128.0/17");
	strbuf_free(&sb);
	assert_false(prefix_parse("10.0.0.0/33", &p));
	assert_false(prefix_parse("10.0.0.0/", &p));
	assert_false(prefix_parse("10.0.0.0/8x", &p));
}

static void test_flushed_text_is_complete(void **state)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	struct strbuf sb = {.out = out};

	(void)state;
	for (int i = 0; i < 50000; i++)
		strbuf_addf(&sb, "%05d\n", i);
	assert_int_equal(strbuf_flush(&sb), 0);
	strbuf_free(&sb);
	fclose(out);
	assert_int_equal(n, 300000);
	for (int i = 0; i < 50000; i++)
		assert_int_equal(strtol(text + i * 6, NULL, 10), i);
	free(text);
}

static void test_arena_gives_zeroed_separate_memory(void **state)
{
	static const size_t sizes[] = {1, 7, 4096, 3, 5000, 2 << 20, 64, 1 << 20, 9};
	struct arena *a = arena_new();
	char *p[sizeof(sizes) / sizeof(sizes[0])];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p[i] = arena_alloc(a, sizes[i]);
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(p[i][k], 0);
		memset(p[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t k = 0; k < sizes[i]; k++)
			assert_int_equal(p[i][k], (int)i + 1);
	arena_free(a);
}

static void test_wrapped_error_reads_from_the_outside_in(void **state)
{
	struct error err = {0};

	(void)state;
	assert_int_equal(error_set(&err, ERR_INPUT, 0, "spec.ports[%d]: bad", 0), -1);
	assert_int_equal(error_wrap(&err, "%s/%s", "default", "web"), -1);
	assert_int_equal(error_wrap(&err, "cluster.json"), -1);
	assert_string_equal(err.msg, "cluster.json: default/web: spec.ports[0]: bad");
	assert_int_equal(err.kind, ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chain_hash_is_kube_proxys),
	    cmocka_unit_test(test_chain_hash_of_parts_is_that_of_the_whole),
	    cmocka_unit_test(test_addresses_print_canonically),
	    cmocka_unit_test(test_bad_addresses_are_refused),
	    cmocka_unit_test(test_kubernetes_reads_leading_zeros_as_decimal),
	    cmocka_unit_test(test_endpoint_text_has_brackets_for_ipv6_only),
	    cmocka_unit_test(test_prefix_holds_its_addresses_and_no_others),
	    cmocka_unit_test(test_normalizing_clears_host_bits_alone),
	    cmocka_unit_test(test_flushed_text_is_complete),
	    cmocka_unit_test(test_arena_gives_zeroed_separate_memory),
	    cmocka_unit_test(test_wrapped_error_reads_from_the_outside_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
