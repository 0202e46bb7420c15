/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sysctls: sysctl.conf text both ways, search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "state/knob.h"

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

static struct knob_table parse(const char *text)
{
	struct knob_table t = {0};
	struct error err = {0};

	if (knob_parse(text, strlen(text), "t", arena, &t, &err))
		fail_msg("%s", err.msg);
	assert_true(t.present);
	return t;
}

static void test_sysctl_files_are_read_and_printed(void **state)
{
	struct knob_table t = parse("# comment\n; another\n\n"
				    "net.ipv4.vs.conntrack=1\n"
				    "-net/ipv4/conf/eth0.1/arp_ignore = 1\n"
				    "net.ipv4.ip_local_port_range = 32768\t60999\n"
				    "  net.ipv4.ip_forward  =  1  \n");
	struct strbuf sb = {0};

	(void)state;
	knob_print_table(&sb, &t);
	assert_string_equal(sb.s, "net.ipv4.conf.eth0/1.arp_ignore = 1\n"
				  "net.ipv4.ip_forward = 1\n"
				  "net.ipv4.ip_local_port_range = 32768 60999\n"
				  "net.ipv4.vs.conntrack = 1\n");
	strbuf_free(&sb);
	assert_string_equal(knob_find(&t, "net.ipv4.vs.conntrack")->value, "1");
	assert_null(knob_find(&t, "net.ipv4.vs.conn_reuse_mode"));
}

static void test_a_knob_that_the_kernel_lacks_is_not_printed(void **state)
{
	struct knob k = {.name = "net.ipv4.vs.conn_reuse_mode"};
	struct strbuf sb = {0};

	(void)state;
	knob_print(&sb, &k);
	assert_int_equal(sb.len, 0);
	strbuf_free(&sb);
}

static void test_the_names_are_sorted_for_searching(void **state)
{
	(void)state;
	for (size_t i = 0; knob_names[i] && knob_names[i + 1]; i++)
		assert_true(strcmp(knob_names[i], knob_names[i + 1]) < 0);
}

static void test_errors_name_the_line(void **state)
{
	static const char *const cases[][2] = {
	    {"net.ipv4.ip_forward 1\n", "t:1: a line reads \"NAME = VALUE\""},
	    {"\nnet.ipv4.ip_forward =\n", "t:2: net.ipv4.ip_forward has no value"},
	    {"net ipv4 = 1\n", "t:1: \"net ipv4\" is not the name of a sysctl"},
	    {"a = 1\na = 2\n", "t: a is there twice"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct knob_table t = {0};
		struct error err = {0};

		assert_int_equal(
		    knob_parse(cases[i][0], strlen(cases[i][0]), "t", arena, &t, &err),
		    -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.msg, cases[i][1]);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_sysctl_files_are_read_and_printed),
	    T(test_a_knob_that_the_kernel_lacks_is_not_printed),
	    T(test_the_names_are_sorted_for_searching),
	    T(test_errors_name_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
