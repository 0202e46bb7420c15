/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP sets: ipset save text both ways, order, comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_files.h"
#include "state/kset.h"

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

static struct kset_list parse(const char *text)
{
	struct kset_list l = {0};
	struct error err = {0};

	if (kset_parse(text, strlen(text), "t", arena, &l, &err))
		fail_msg("%s", err.msg);
	assert_true(l.present);
	return l;
}

static void assert_prints(const char *text, const char *expected)
{
	struct kset_list l = parse(text);
	struct strbuf sb = {0};

	kset_print_list(&sb, &l);
	assert_string_equal(strbuf_str(&sb), expected);
	strbuf_free(&sb);
}

static void check_golden(const char *path, const struct strbuf *text)
{
	struct kset_list l = {0};
	struct strbuf out = {0};
	struct error err = {0};

	if (kset_parse(text->s, text->len, path, arena, &l, &err))
		fail_msg("%s", err.msg);
	kset_print_list(&out, &l);
	golden_same_lines(path, text->s, strbuf_str(&out));
	strbuf_free(&out);
}

static void test_the_sets_of_kube_proxy_are_printed_as_read(void **state)
{
	(void)state;
	golden_each("ipset.txt", 30, check_golden);
}

static void test_entries_of_each_type(void **state)
{
	(void)state;
	assert_prints(
	    "create B hash:ip,port,net family inet hashsize 1024 maxelem 65536\n"
	    "add B 192.0.2.1,tcp:80,203.0.113.7/24\n"
	    "add B 192.0.2.1,80,203.0.113.9/32\n"
	    "create A hash:ip family inet6 hashsize 64 maxelem 128 bucketsize 12 initval "
	    "0x1a2b -exist\n"
	    "add A fd00::2\nadd A fd00::1\nadd A fd00::2\n"
	    "create C bitmap:port range 30000-32767\nadd C 30080\n"
	    "create D hash:ip,port,ip family inet\nadd D 10.0.0.1,sctp:9,10.0.0.2\n"
	    "create E hash:ip,port family inet\nadd E 10.0.0.1,47:0\n",
	    "create A hash:ip family inet6 hashsize 64 maxelem 128\n"
	    "add A fd00::1\nadd A fd00::2\n"
	    "create B hash:ip,port,net family inet hashsize 1024 maxelem 65536\n"
	    "add B 192.0.2.1,tcp:80,203.0.113.0/24\n"
	    "add B 192.0.2.1,tcp:80,203.0.113.9\n"
	    "create C bitmap:port range 30000-32767\nadd C 30080\n"
	    "create D hash:ip,port,ip family inet hashsize 1024 maxelem 65536\n"
	    "add D 10.0.0.1,sctp:9,10.0.0.2\n"
	    "create E hash:ip,port family inet hashsize 1024 maxelem 65536\n"
	    "add E 10.0.0.1,47:0\n");
}

static void test_foreign_sets_are_held_by_name(void **state)
{
	struct kset_list l =
	    parse("create cali40 hash:net family inet hashsize 1024 maxelem "
		  "1048576 bucketsize 12 initval 0x1\n"
		  "add cali40 10.0.0.0/8\nadd cali40 10.1.0.0/16 nomatch\n"
		  "create mine hash:ip,port family inet timeout 300\n"
		  "add mine 10.0.0.1,icmp:echo-request timeout 12\n"
		  "add mine 10.0.0.1,tcp:80 timeout 13\n");
	const struct kset *s = kset_find(&l, "cali40");
	struct strbuf sb = {0};

	(void)state;
	assert_int_equal(s->type, KSET_OTHER);
	assert_string_equal(s->other_type, "hash:net");
	assert_int_equal(s->n_entries, 0);
	kset_print_create(&sb, s);
	assert_string_equal(
	    sb.s, "create cali40 hash:net family inet hashsize 1024 maxelem 1048576\n");
	strbuf_free(&sb);
	s = kset_find(&l, "mine");
	assert_string_equal(s->extensions, "timeout 300");
	assert_int_equal(s->n_entries, 1);
	assert_null(kset_find(&l, "other"));
}

static void test_headers_differ_in_what_create_exist_refuses(void **state)
{
	static const char *const headers[] = {
	    "create A hash:ip,port family inet hashsize 1024 maxelem 65536\n",
	    "create A hash:ip,port family inet hashsize 1024 maxelem 1000\n",
	    "create A hash:ip,port family inet6 hashsize 1024 maxelem 65536\n",
	    "create A hash:ip,port family inet hashsize 1024 maxelem 65536 comment\n",
	    "create A hash:ip family inet hashsize 1024 maxelem 65536\n",
	    "create A bitmap:port range 0-65535\n",
	    "create A bitmap:port range 0-1023\n",
	    "create A hash:net family inet hashsize 1024 maxelem 65536\n",
	    "create A hash:mac hashsize 1024 maxelem 65536\n",
	};
	size_t n = sizeof(headers) / sizeof(headers[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			assert_int_equal(kset_same_header(parse(headers[i]).sets,
					     parse(headers[j]).sets),
			    i == j);
	/* a set that grew is still the same */
	assert_true(kset_same_header(parse(headers[0]).sets,
	    parse("create A hash:ip,port family inet hashsize 4096 maxelem 65536\n")
		.sets));
}

static void test_sets_are_equal_when_their_entries_are(void **state)
{
	struct kset_list a =
	    parse("create A bitmap:port range 0-65535\nadd A 1\nadd A 2\n");
	struct kset_list b =
	    parse("create A bitmap:port range 0-65535\nadd A 2\nadd A 1\n");
	struct kset_list c =
	    parse("create A bitmap:port range 0-65535\nadd A 2\nadd A 3\n");

	(void)state;
	assert_true(kset_eq(a.sets, b.sets));
	assert_false(kset_eq(a.sets, c.sets));
}

static void test_the_listing_of_ipset_is_read(void **state)
{
	(void)state;
	assert_prints(
	    "Name: KUBE-CLUSTER-IP\nType: hash:ip,port\nRevision: 5\n"
	    "Header: family inet hashsize 1024 maxelem 65536 bucketsize 12 initval "
	    "0x1f\nSize in memory: 512\nReferences: 2\nNumber of entries: 2\n"
	    "Members:\n10.96.0.10,udp:53\n10.96.0.1,6:443\n\n"
	    "Name: KUBE-NODE-PORT-TCP\nType: bitmap:port\nRevision: 3\n"
	    "Header: range 0-65535\nReferences: 1\nMembers:\n30080\n\n"
	    "Name: KUBE-LOOP-BACK\nType: hash:ip,port,ip\n"
	    "Header: family inet hashsize 1024 maxelem 65536\nMembers:\n",
	    "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536\n"
	    "add KUBE-CLUSTER-IP 10.96.0.1,tcp:443\n"
	    "add KUBE-CLUSTER-IP 10.96.0.10,udp:53\n"
	    "create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536\n"
	    "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535\n"
	    "add KUBE-NODE-PORT-TCP 30080\n");
}

#define TEN "a b c d e f g h i j "

static void test_errors_name_the_line(void **state)
{
	static const char *const cases[][2] = {
	    {"add A 1\n", "sets.txt:1: set A is not created above"},
	    {"create A\n", "sets.txt:1: create needs a name and a type"},
	    {"create A hash:ip family ipv4\n",
		"sets.txt:1: set A: bad value of family: ipv4"},
	    {"create A hash:ip maxelem\n",
		"sets.txt:1: set A: bad value of maxelem: nothing"},
	    {"create A hash:ip\n\ncreate A hash:ip\n",
		"sets.txt:3: set A is created twice"},
	    {"create A hash:ip " TEN TEN TEN TEN "\n",
		"sets.txt:1: set A: too many options"},
	    {"create KUBE-IPVS-IPS hash:ip family inet\nadd KUBE-IPVS-IPS fd00::1\n",
		"sets.txt:2: set KUBE-IPVS-IPS: fd00::1 is not an entry of a hash:ip set of "
		"family inet"},
	    {"create KUBE-NODE-PORT-TCP bitmap:port range 0-100\nadd KUBE-NODE-PORT-TCP 101\n",
		"sets.txt:2: set KUBE-NODE-PORT-TCP: 101 is not an entry of a bitmap:port set"},
	    {"Name: A\n",
		"sets.txt:1: set A: its type and header are not in the listing: give the "
		"output of ipset save"},
	    {"Name: A\nType: hash:ip\nHeader: family inet\nNumber of entries: 2\nName: B\n",
		"sets.txt:5: set A: its members are not in the listing: give the output of "
		"ipset save"},
	    {"Name: A\nHeader: family inet\n",
		"sets.txt:2: set A: a header without a type"},
	    {"Name:\n", "sets.txt:1: a set without a name"},
	    {"Name: A\nType: hash:ip\nhello\n",
		"sets.txt:3: this is no line of ipset list: \"hello\""},
	    {"Name: KUBE-IPVS-IPS\nType: hash:ip\nHeader: family inet\nMembers:\n10.0.0.300\n",
		"sets.txt:5: set KUBE-IPVS-IPS: 10.0.0.300 is not an entry of a hash:ip set of "
		"family inet"},
	    {"hello\n", "sets.txt:1: this is not an ipset save file: \"hello\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kset_list l = {0};
		struct error err = {0};

		assert_int_equal(kset_parse(cases[i][0], strlen(cases[i][0]), "sets.txt",
				     arena, &l, &err),
		    -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.msg, cases[i][1]);
		assert_false(l.present);
	}
}

static void test_type_names(void **state)
{
	enum kset_type t;

	(void)state;
	assert_true(kset_type_parse("hash:ip,port,net", &t));
	assert_int_equal(t, KSET_HASH_IP_PORT_NET);
	assert_string_equal(kset_type_name(t), "hash:ip,port,net");
	assert_false(kset_type_parse("hash:net", &t));
	assert_null(kset_type_name(KSET_OTHER));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_the_sets_of_kube_proxy_are_printed_as_read),
	    T(test_entries_of_each_type),
	    T(test_foreign_sets_are_held_by_name),
	    T(test_headers_differ_in_what_create_exist_refuses),
	    T(test_sets_are_equal_when_their_entries_are),
	    T(test_the_listing_of_ipset_is_read),
	    T(test_errors_name_the_line),
	    T(test_type_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
