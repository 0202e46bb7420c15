/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual servers: ipvsadm text both ways, order, comparison. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_files.h"
#include "state/lvs.h"

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

static struct lvs_table parse(const char *text)
{
	struct lvs_table t = {0};
	struct error err = {0};

	if (lvs_parse(text, strlen(text), "t", arena, &t, &err))
		fail_msg("%s", err.msg);
	assert_true(t.present);
	return t;
}

static void assert_prints(const char *text, const char *expected)
{
	struct lvs_table t = parse(text);
	struct strbuf sb = {0};

	lvs_print_table(&sb, &t);
	assert_string_equal(strbuf_str(&sb), expected);
	strbuf_free(&sb);
}

static void check_golden(const char *path, const struct strbuf *text)
{
	struct lvs_table t = {0};
	struct strbuf out = {0};
	struct error err = {0};

	if (lvs_parse(text->s, text->len, path, arena, &t, &err))
		fail_msg("%s", err.msg);
	lvs_print_table(&out, &t);
	golden_same_lines(path, text->s, strbuf_str(&out));
	strbuf_free(&out);
}

static void test_the_servers_of_kube_proxy_are_printed_as_read(void **state)
{
	(void)state;
	golden_each("ipvsadm.txt", 30, check_golden);
}

static void test_real_servers_may_come_before_their_virtual_server(void **state)
{
	(void)state;
	assert_prints("-a -t 10.96.0.1:443 -r 10.0.0.12:6443 -m -w 1\n"
		      "-a -u 10.96.0.10:53 -r 10.0.0.9:53 -m -w 1\n"
		      "-A -u 10.96.0.10:53 -s rr\n"
		      "-A -t 10.96.0.1:443 -s rr\n"
		      "-a -t 10.96.0.1:443 -r 10.0.0.11:6443 -m -w 0\n",
	    "-A -t 10.96.0.1:443 -s rr\n"
	    "-a -t 10.96.0.1:443 -r 10.0.0.11:6443 -m -w 0\n"
	    "-a -t 10.96.0.1:443 -r 10.0.0.12:6443 -m -w 1\n"
	    "-A -u 10.96.0.10:53 -s rr\n"
	    "-a -u 10.96.0.10:53 -r 10.0.0.9:53 -m -w 1\n");
}

static void test_every_option_survives(void **state)
{
	(void)state;
	assert_prints("-A -t 10.0.0.1:80 -s sh -p 10800 -M 255.255.255.0 --pe sip -o -b "
		      "sh-fallback,sh-port\n"
		      "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 3 -x 20 -y 10\n"
		      "-a -t 10.0.0.1:80 -r 10.0.0.3:80 -i -w 1 --tun-type ipip\n"
		      "-A -t 10.0.0.2:80 -s mh -b mh-port\n"
		      "-A -t 10.0.0.3:80 -s rr -b flag-1,flag-2,flag-3\n"
		      "-A --sctp-service 10.0.0.4:80 -s rr\n"
		      "-A -t [fd00::1]:80 -s rr -p 60 -M 64\n"
		      "-a -t [fd00::1]:80 -r [fd00::2]:8080 -m -w 1\n"
		      "-A -f 7 -s rr\n-A -f 7 -6 -s rr\n"
		      "-a -f 7 -r 10.0.0.2:0 -m -w 1\n",
	    "-A -f 7 -s rr\n"
	    "-a -f 7 -r 10.0.0.2:0 -m -w 1\n"
	    "-A -f 7 -6 -s rr\n"
	    "-A -t 10.0.0.1:80 -s sh -p 10800 -M 255.255.255.0 --pe sip -o -b "
	    "sh-fallback,sh-port\n"
	    "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -g -w 3 -x 20 -y 10\n"
	    "-a -t 10.0.0.1:80 -r 10.0.0.3:80 -i -w 1\n"
	    "-A -t 10.0.0.2:80 -s mh -b mh-port\n"
	    "-A -t 10.0.0.3:80 -s rr -b flag-1,flag-2,flag-3\n"
	    "-A --sctp-service 10.0.0.4:80 -s rr\n"
	    "-A -t [fd00::1]:80 -s rr -p 60 -M 64\n"
	    "-a -t [fd00::1]:80 -r [fd00::2]:8080 -m -w 1\n");
}

static void test_timeouts_are_read_from_both_commands(void **state)
{
	struct lvs_table t = parse("Timeout (tcp tcpfin udp): 900 120 300\n");

	(void)state;
	assert_int_equal(t.tcp_timeout, 900);
	assert_int_equal(t.tcpfin_timeout, 120);
	assert_int_equal(t.udp_timeout, 300);
	assert_prints("--set 900 0 300\n", "--set 900 0 300\n");
}

static void test_settings_and_keys_compare_separately(void **state)
{
	struct lvs_table t =
	    parse("-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.1:81 -s rr -p 600\n"
		  "-A -t 10.0.0.2:80 -s wrr\n-A -u 10.0.0.1:80 -s rr\n");
	const struct lvs_service *s = t.services;
	struct lvs_service hashed = s[0];
	struct lvs_key key = s[2].key;

	(void)state;
	assert_ptr_equal(lvs_find(&t, &key), &t.services[2]);
	key.port++;
	assert_null(lvs_find(&t, &key));
	assert_false(lvs_same_settings(&s[0], &s[1]));
	hashed.flags |= LVS_F_HASHED; /* the kernel sets it on all */
	assert_true(lvs_service_eq(&s[0], &hashed));
	hashed.sched = "wrr";
	assert_false(lvs_service_eq(&s[0], &hashed));
}

static void test_weight_is_a_setting_and_address_the_identity(void **state)
{
	struct lvs_table t = parse("-A -t 10.0.0.1:80 -s rr\n"
				   "-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n"
				   "-a -t 10.0.0.1:80 -r 10.0.0.2:81 -m -w 1\n");
	struct lvs_dest d = t.services[0].dests[0];

	(void)state;
	d.active = 9; /* says nothing about what is wanted */
	assert_true(lvs_dest_same_settings(&d, &t.services[0].dests[0]));
	d.weight = 0;
	assert_int_equal(lvs_dest_cmp(&d, &t.services[0].dests[0]), 0);
	assert_false(lvs_dest_same_settings(&d, &t.services[0].dests[0]));
	assert_true(lvs_dest_cmp(&d, &t.services[0].dests[1]) < 0);
}

static void test_keys_are_named_for_messages(void **state)
{
	struct lvs_table t =
	    parse("-A -f 7 -s rr\n-A -t 10.0.0.1:80 -s rr\n-A -u [fd00::1]:53 -s rr\n");
	char buf[80];

	(void)state;
	assert_string_equal(lvs_key_format(&t.services[0].key, buf), "fwmark 7");
	assert_string_equal(lvs_key_format(&t.services[1].key, buf), "tcp 10.0.0.1:80");
	assert_string_equal(lvs_key_format(&t.services[2].key, buf), "udp [fd00::1]:53");
}

#define LISTING                                                                          \
	"IP Virtual Server version 1.2.1 (size=4096)\n"                                  \
	"Prot LocalAddress:Port Scheduler Flags\n"                                       \
	"  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"

/* What was typed before it, as it comes with a copy of a terminal. */
static void test_prompts_are_passed_over(void **state)
{
	static const char *const prompts[] = {
	    "$", "root@node-1:~#", "[root@node-1 ~]#", "user@node-1:~$", "[node-1]$"};

	(void)state;
	for (size_t i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++) {
		struct strbuf sb = {0};

		strbuf_addf(&sb,
		    "%s sudo ipvsadm -Ln\nIP Virtual Server version 1.2.1 (size=4096)\n"
		    "TCP  10.96.0.1:443 rr\n  -> 10.0.0.11:6443  Masq  1  0  0\n%s\n",
		    prompts[i], prompts[i]);
		assert_prints(sb.s, "-A -t 10.96.0.1:443 -s rr\n"
				    "-a -t 10.96.0.1:443 -r 10.0.0.11:6443 -m -w 1\n");
		strbuf_free(&sb);
	}
}

static void test_a_listing_is_what_a_save_is(void **state)
{
	(void)state;
	assert_prints(LISTING
	    "TCP  10.96.0.1:443 rr persistent 10800\n"
	    "  -> 172.18.0.2:6443              Masq    1      3          0         \n"
	    "UDP  [fd00:10:96::a]:53 rr\n"
	    "  -> [fd00:10:244::2]:53          Masq    0      0          17        \n"
	    "SCTP 10.96.0.9:9999 sh (sh-port)\n"
	    "FWM  7 wlc persistent 600 mask 255.255.255.0\n"
	    "FWM  7 IPv6 wrr pe sip ops\n"
	    "  -> [fd00::9]:0                  Tunnel  5      0          0         \n",
	    "-A -f 7 -s wlc -p 600 -M 255.255.255.0\n"
	    "-A -f 7 -6 -s wrr --pe sip -o\n"
	    "-a -f 7 -6 -r [fd00::9]:0 -i -w 5\n"
	    "-A -t 10.96.0.1:443 -s rr -p 10800\n"
	    "-a -t 10.96.0.1:443 -r 172.18.0.2:6443 -m -w 1\n"
	    "-A --sctp-service 10.96.0.9:9999 -s sh -b sh-port\n"
	    "-A -u [fd00:10:96::a]:53 -s rr\n"
	    "-a -u [fd00:10:96::a]:53 -r [fd00:10:244::2]:53 -m -w 0\n");
}

static void test_errors_name_the_line(void **state)
{
	static const char *const cases[][2] = {
	    {"-A -t 10.96.0.1:https -s rr\n",
		"t:1: -t 10.96.0.1:https is not an address and port (ipvsadm needs -n)"},
	    {"-A -s rr\n", "t:1: no virtual server: -t, -u, --sctp-service or -f"},
	    {"-A -t 10.0.0.1:80 -s rr -z\n", "t:1: no such option of ipvsadm -S: -z"},
	    {"-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -m\n",
		"t:2: no real server: -r"},
	    {"-A -t 10.0.0.1:80 -s rr -p x\n", "t:1: bad value of -p"},
	    {"-A -t 10.0.0.1:80 -s rr -M 33\n", "t:1: bad value of -M"},
	    {"-A -t 10.0.0.1:80 -6 -s rr\n", "t:1: -6 with an IPv4 address"},
	    {"\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m -w 1\n",
		"t:2: no -A line for virtual server tcp 10.0.0.1:80"},
	    {"-A -t 10.0.0.1:80 -s rr\n-A -t 10.0.0.1:80 -s wrr\n",
		"t: virtual server tcp 10.0.0.1:80 is there twice"},
	    {"-A -t 10.0.0.1:80 -f 1\n", "t:1: a second virtual server: -f"},
	    {"TCP  10.0.0.1:http rr\n",
		"t:1: -t 10.0.0.1:http is not an address and port (ipvsadm needs -n)"},
	    {"TCP  10.0.0.1:80\n",
		"t:1: a virtual server needs an address and a scheduler"},
	    {"TCP  10.0.0.1:80 rr sticky\n", "t:1: a flag that is not known: \"sticky\""},
	    {LISTING "  -> 10.0.0.2:80 Masq 1 0 0\n",
		"t:4: a real server of no virtual server"},
	    /* ipvsadm -L --stats */
	    {"TCP  10.0.0.1:80 2 0 0 0 0\n", "t:1: a flag that is not known: \"0\""},
	    {"TCP  10.0.0.1:80 rr\n  -> 10.0.0.2:80 0 0 0 0 0\n",
		"t:2: no way of forwarding and weight: give the output of ipvsadm -Sn or "
		"ipvsadm -Ln"},
	    {LISTING "hello\n", "t:4: this is no line of ipvsadm -Ln: \"hello\""},
	    {"hello\n", "t:1: this is not an ipvsadm -Sn file: \"hello\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lvs_table t = {0};
		struct error err = {0};

		assert_int_equal(
		    lvs_parse(cases[i][0], strlen(cases[i][0]), "t", arena, &t, &err),
		    -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_string_equal(err.msg, cases[i][1]);
		assert_false(t.present);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_the_servers_of_kube_proxy_are_printed_as_read),
	    T(test_real_servers_may_come_before_their_virtual_server),
	    T(test_every_option_survives),
	    T(test_timeouts_are_read_from_both_commands),
	    T(test_settings_and_keys_compare_separately),
	    T(test_weight_is_a_setting_and_address_the_identity),
	    T(test_keys_are_named_for_messages),
	    T(test_a_listing_is_what_a_save_is),
	    T(test_prompts_are_passed_over),
	    T(test_errors_name_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
