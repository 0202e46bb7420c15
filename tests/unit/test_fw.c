/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables, chains and rules: iptables-save text both ways, equality, hashes, order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_files.h"
#include "state/fw.h"

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

static struct fw_rule rule_of(enum family f, const char *text)
{
	struct error err = {0};
	struct fw_rule r;

	if (fw_parse_rule(text, f, arena, &r, &err))
		fail_msg("%s: %s", text, err.msg);
	return r;
}

static struct fw_rule rule4(const char *text)
{
	return rule_of(FAMILY_4, text);
}

static void assert_prints(enum family f, const char *text, const char *expected)
{
	struct fw_rule r = rule_of(f, text);
	struct strbuf sb = {0};

	fw_print_rule(&sb, f, "C", &r);
	assert_string_equal(sb.s + strlen("-A C "), expected);
	strbuf_free(&sb);
}

static struct fw_ruleset parse(const char *text)
{
	struct fw_ruleset rs = {0};
	struct error err = {0};

	if (fw_parse(text, strlen(text), "t", FAMILY_4, arena, &rs, &err))
		fail_msg("%s", err.msg);
	return rs;
}

static void assert_refused(const char *text, const char *message)
{
	struct fw_ruleset rs = {0};
	struct error err = {0};

	assert_int_equal(
	    fw_parse(text, strlen(text), "dump.txt", FAMILY_4, arena, &rs, &err), -1);
	assert_int_equal(err.kind, ERR_INPUT);
	assert_string_equal(err.msg, message);
	assert_false(rs.present);
}

/* ---- golden files */

static void check_round_trip(const char *path, const struct strbuf *text)
{
	enum family f = strstr(path, "/ip6tables-") ? FAMILY_6 : FAMILY_4;
	struct fw_ruleset rs = {0};
	struct strbuf out = {0};
	struct error err = {0};

	if (fw_parse(text->s, text->len, path, f, arena, &rs, &err))
		fail_msg("%s", err.msg);
	fw_print_ruleset(&out, f, &rs);
	if (strcmp(strbuf_str(&out), text->s))
		fail_msg("%s: printed\n%s", path, strbuf_str(&out));
	for (unsigned t = 0; t < FW_TABLE_COUNT; t++)
		for (size_t i = 0; i < rs.tables[t].n_chains; i++)
			for (size_t j = 0; j < rs.tables[t].chains[i].n_rules; j++)
				if (rs.tables[t].chains[i].rules[j].opaque)
					fail_msg("%s: not understood: %s", path,
					    rs.tables[t].chains[i].rules[j].opaque);
	strbuf_free(&out);
}

static void test_what_kube_proxy_left_is_understood_and_printed_the_same(void **state)
{
	(void)state;
	golden_each("iptables-filter.txt", 70, check_round_trip);
	golden_each("iptables-nat.txt", 70, check_round_trip);
	golden_each("iptables-mangle.txt", 30, check_round_trip);
	golden_each("ip6tables-filter.txt", 70, check_round_trip);
	golden_each("ip6tables-nat.txt", 70, check_round_trip);
	golden_each("ip6tables-mangle.txt", 30, check_round_trip);
}

/* ---- rules */

static void test_input_forms_of_kube_proxy_become_save_form(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"-m comment --comment \"demo/web:http cluster IP\" -m tcp -p tcp -d 10.96.0.1/32 "
	     "--dport 80 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ",
		"! -s 10.244.0.0/16 -d 10.96.0.1/32 -p tcp -m comment --comment \"demo/web:http "
		"cluster IP\" -m tcp --dport 80 -j KUBE-MARK-MASQ"},
	    {"-m mark ! --mark 0x00004000/0x00004000 -j RETURN",
		"-m mark ! --mark 0x4000/0x4000 -j RETURN"},
	    {"-m mark --mark 7 -j ACCEPT", "-m mark --mark 0x7 -j ACCEPT"},
	    {"-j MARK --xor-mark 0x00004000", "-j MARK --set-xmark 0x4000/0x0"},
	    {"-j MARK --or-mark 0x00004000", "-j MARK --set-xmark 0x4000/0x4000"},
	    {"-j MARK --and-mark 0xff", "-j MARK --set-xmark 0x0/0xffffff00"},
	    {"-j MARK --set-mark 0x1/0x2", "-j MARK --set-xmark 0x1/0x3"},
	    {"-j MARK --set-xmark 5", "-j MARK --set-xmark 0x5/0xffffffff"},
	    {"--jump ACCEPT --source 1.2.3.4 --dst 10.1.2.3/16 --protocol udp --match udp "
	     "--destination-port 53",
		"-s 1.2.3.4/32 -d 10.1.0.0/16 -p udp -m udp --dport 53 -j ACCEPT"},
	    {"-p tcp --dport 22 -j ACCEPT", "-p tcp -m tcp --dport 22 -j ACCEPT"},
	    {"-p 132 -m sctp --dport 9 -j ACCEPT", "-p sctp -m sctp --dport 9 -j ACCEPT"},
	    {"-m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
		"-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"},
	    {"-m recent --name KUBE-SEP-A --rcheck --seconds 600 --reap -j KUBE-SEP-A",
		"-m recent --rcheck --seconds 600 --reap --name KUBE-SEP-A --mask "
		"255.255.255.255 --rsource -j KUBE-SEP-A"},
	    {"-m recent --name KUBE-SEP-A --set -m tcp -p tcp -j DNAT --to-destination "
	     "10.0.0.1:80",
		"-p tcp -m recent --set --name KUBE-SEP-A --mask 255.255.255.255 --rsource -m "
		"tcp -j DNAT --to-destination 10.0.0.1:80"},
	    {"-m statistic --mode random --probability 0.3333333333 -j C",
		"-m statistic --mode random --probability 0.33333333349 -j C"},
	    {"-m ipvs --vaddr 10.0.0.1 --vproto tcp --vport 80 -j DROP",
		"-m ipvs --vproto 6 --vaddr 10.0.0.1 --vport 80 -j DROP"},
	    {"-m nfacct --nfacct-name pkts -j DROP",
		"-m nfacct --nfacct-name  pkts -j DROP"},
	    {"-m set ! --match-set A src,dst -j RETURN",
		"-m set ! --match-set A src,dst -j RETURN"},
	    {"-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT",
		"-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT"},
	    {"-j REJECT", "-j REJECT --reject-with icmp-port-unreachable"},
	    {"-g KUBE-X", "-g KUBE-X"},
	    {"-s 0.0.0.0/0 -i + -j ACCEPT", "-j ACCEPT"},
	    {"! -s 0.0.0.0/0 ! -o veth+ -j ACCEPT",
		"! -s 0.0.0.0/0 ! -o veth+ -j ACCEPT"},
	    {"-m comment --comment \"no target\"", "-m comment --comment \"no target\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_prints(FAMILY_4, cases[i].in, cases[i].out);
		assert_null(rule4(cases[i].in).opaque);
		/* what was printed is the same rule */
		struct fw_rule a = rule4(cases[i].in), b = rule4(cases[i].out);

		assert_true(fw_rule_eq(&a, &b));
		assert_true(fw_rule_hash(&a) == fw_rule_hash(&b));
	}
}

static void test_ipv6_has_its_own_defaults(void **state)
{
	(void)state;
	assert_prints(FAMILY_6, "-d fd00::1 -j REJECT",
	    "-d fd00::1/128 -j REJECT --reject-with icmp6-port-unreachable");
	assert_prints(FAMILY_6, "-m recent --set --name A",
	    "-m recent --set --name A --mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
	    "--rsource");
	assert_prints(FAMILY_6, "-p tcp -m tcp -j DNAT --to-destination [fd00::1]:80",
	    "-p tcp -m tcp -j DNAT --to-destination [fd00::1]:80");
}

static void test_comments_are_quoted_as_iptables_save_does(void **state)
{
	(void)state;
	assert_prints(
	    FAMILY_4, "-m comment --comment plain-1_2", "-m comment --comment plain-1_2");
	assert_prints(
	    FAMILY_4, "-m comment --comment a/b", "-m comment --comment \"a/b\"");
	assert_prints(FAMILY_4, "-m comment --comment \"\"", "-m comment --comment \"\"");
	assert_prints(FAMILY_4, "-m comment --comment \"x \\\"q\\\" \\\\ 'y'\"",
	    "-m comment --comment \"x \\\"q\\\" \\\\ \\'y\\'\"");
	assert_string_equal(
	    rule4("-m comment --comment \"a \\'b\\'\"").matches[0].comment, "a 'b'");
}

static void test_unknown_rules_stay_as_they_are(void **state)
{
	static const char *const rules[] = {
	    "-p tcp -m multiport --dports 22,80 -j ACCEPT",
	    "-p icmp -j ACCEPT",
	    "-i lo -j LOG --log-prefix \"hi there: \"",
	    "-s 10.0.0.0/8 -j SNAT --to-source 1.2.3.4",
	    "-p tcp -m tcp --dport 1:5 -j ACCEPT",
	    "-p tcp -j REJECT --reject-with tcp-reset",
	    "-j DNAT --to-destination 10.0.0.1",
	    "-j DNAT --to-destination 10.0.0.1:1-10.0.0.9:9",
	    "-m statistic --mode nth --every 3 --packet 0 -j ACCEPT",
	    "-m recent --update --seconds 3 --name A --mask 255.255.255.255 --rsource",
	    "-m set --match-set A src,src,src,src -j DROP",
	    "-m set --match-set A dst --return-nomatch -j DROP",
	    "-p tcp ! -m tcp --dport 5 -j ACCEPT",
	    "-j MASQUERADE --to-ports 1024-31000",
	    "-j MARK",
	    "-m addrtype ! --src-type LOCAL --dst-type LOCAL -j DROP",
	    "-j NOTRACK",
	    /* No counters: iptables takes them once. */
	    "-p icmp -c 5 7 -j LOG -c 6 8",
	    "-p icmp -c 5 7 -j LOG -c x 8",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct fw_rule r = rule4(rules[i]);

		assert_prints(FAMILY_4, rules[i], rules[i]);
		assert_string_equal(r.opaque, rules[i]);
		assert_int_equal(r.target.kind, FWT_NONE);
	}
	assert_prints(FAMILY_4, "  -p icmp -j ACCEPT \t", "-p icmp -j ACCEPT");
}

static void test_unknown_jumps_show_where_they_go(void **state)
{
	struct fw_rule r = rule4("-p icmp -m icmp --icmp-type 8 -j cali-INPUT");

	(void)state;
	assert_non_null(r.opaque);
	assert_int_equal(r.target.kind, FWT_JUMP);
	assert_string_equal(r.target.chain, "cali-INPUT");
	assert_false(r.target.go);
	r = rule4("-p icmp -g DOCKER");
	assert_true(r.target.go);
	assert_string_equal(r.target.chain, "DOCKER");
}

static void test_rules_no_iptables_takes_are_errors(void **state)
{
	static const char *const cases[][2] = {
	    {"-d", "-d needs a value"},
	    {"-m set --match-set A", "--match-set needs a value"},
	    {"-m comment --comment \"abc", "a quote is not closed"},
	    {"-j ACCEPT !", "nothing follows \"!\""},
	    {"-d fd00::1/128 -j ACCEPT", "-d fd00::1/128 is not an IPv4 address"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error err = {0};
		struct fw_rule r;

		assert_int_equal(
		    fw_parse_rule(cases[i][0], FAMILY_4, arena, &r, &err), -1);
		assert_string_equal(err.msg, cases[i][1]);
	}
}

/* ---- files */

static void test_counters_are_read_in_both_forms(void **state)
{
	struct fw_ruleset rs = parse("# comment\r\n*filter\r\n:INPUT DROP [3:4]\r\n"
				     "[5:6] -A INPUT -p icmp -j ACCEPT\r\n"
				     "  -A INPUT -i lo -c 7 8 -j ACCEPT\r\n"
				     "-A INPUT -p icmp -c 9 10 -j DROP\r\n"
				     "COMMIT\r\n");
	const struct fw_chain *c = fw_chain_find(&rs.tables[FW_FILTER], "INPUT");

	(void)state;
	assert_int_equal(c->policy, FW_POLICY_DROP);
	assert_int_equal(c->packets, 3);
	assert_int_equal(c->bytes, 4);
	assert_int_equal(c->n_rules, 3);
	assert_int_equal(c->rules[0].packets, 5);
	assert_int_equal(c->rules[0].bytes, 6);
	assert_int_equal(c->rules[1].packets, 7);
	assert_null(c->rules[1].opaque);
	assert_int_equal(c->rules[2].bytes, 10);
	assert_string_equal(c->rules[2].opaque, "-p icmp -j DROP");
}

static void test_chains_are_sorted_and_rules_keep_their_order(void **state)
{
	struct fw_ruleset rs =
	    parse("*nat\n:Z - [0:0]\n:A - [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		  ":PREROUTING ACCEPT [0:0]\n"
		  "-A Z -j RETURN\n-A A -j RETURN\n-A Z -j ACCEPT\n"
		  "-A POSTROUTING -j A\n-A Z -j A\nCOMMIT\n");
	const struct fw_table *t = &rs.tables[FW_NAT];
	static const char *const order[] = {
	    "PREROUTING", "OUTPUT", "POSTROUTING", "A", "Z"};
	const struct fw_chain *z = fw_chain_find(t, "Z");

	(void)state;
	assert_int_equal(t->n_chains, 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(t->chains[i].name, order[i]);
	assert_int_equal(z->n_rules, 3);
	assert_int_equal(z->rules[0].target.kind, FWT_RETURN);
	assert_int_equal(z->rules[1].target.kind, FWT_ACCEPT);
	assert_int_equal(z->rules[2].target.kind, FWT_JUMP);
	assert_null(fw_chain_find(t, "INPUT"));
	assert_null(fw_chain_find(t, "B"));
	assert_false(rs.tables[FW_FILTER].present);
}

static void test_a_table_read_in_two_parts_is_one(void **state)
{
	static const char more[] = "*nat\n:A - [0:0]\n-A A -j ACCEPT\nCOMMIT\n";
	struct fw_ruleset rs =
	    parse("*nat\n:A - [0:0]\n-A A -j RETURN\nCOMMIT\n*filter\nCOMMIT\n");
	const struct fw_chain *c;

	(void)state;
	assert_int_equal(
	    fw_parse(more, strlen(more), "t", FAMILY_4, arena, &rs, NULL), 0);
	c = fw_chain_find(&rs.tables[FW_NAT], "A");
	assert_int_equal(c->n_rules, 2);
	assert_int_equal(c->rules[1].target.kind, FWT_ACCEPT);
	assert_true(rs.tables[FW_FILTER].present);
}

static void test_builtin_chains_without_policy_print_a_dash(void **state)
{
	struct fw_ruleset rs = parse("*filter\n-A INPUT -j ACCEPT\nCOMMIT\n");
	struct strbuf sb = {0};

	(void)state;
	fw_print_table(&sb, FAMILY_4, FW_FILTER, &rs.tables[FW_FILTER]);
	assert_string_equal(sb.s, "*filter\n:INPUT - [0:0]\n:FORWARD - [0:0]\n"
				  ":OUTPUT - [0:0]\n-A INPUT -j ACCEPT\nCOMMIT\n");
	strbuf_free(&sb);
}

static void test_what_is_no_saved_table_is_refused_with_its_line(void **state)
{
	static const char *const cases[][2] = {
	    {"Chain INPUT (policy ACCEPT)\n",
		"dump.txt:1: this is a listing (iptables -L): give the output of iptables-save"},
	    {"-P INPUT ACCEPT\n",
		"dump.txt:1: this is the output of iptables -S: give that of iptables-save"},
	    {"hello\n", "dump.txt:1: this is not an iptables-save file: \"hello\""},
	    {"#\n:INPUT ACCEPT\n",
		"dump.txt:2: a line outside any table: \"*filter\" or another must come first"},
	    {"*filters\n", "dump.txt:1: no such table: filters"},
	    {"*filter\n*nat\n",
		"dump.txt:2: a table begins before the COMMIT of the one above"},
	    {"*filter\n:A - [0:0]\n-X A\nCOMMIT\n",
		"dump.txt:3: this is not an iptables-save file: it has commands other than -A"},
	    {"*filter\n-I INPUT -j ACCEPT\nCOMMIT\n",
		"dump.txt:2: this is not an iptables-save file: it has commands other than -A"},
	    {"*filter\n-A FOO -j ACCEPT\nCOMMIT\n",
		"dump.txt:2: -A FOO: table filter has no such chain"},
	    {"*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j ACCEPT\n",
		"dump.txt:3: table filter has no COMMIT: the file is cut off"},
	    {"*filter\n-A INPUT -d\nCOMMIT\n", "dump.txt:2: -A INPUT: -d needs a value"},
	    {"*filter\n:A ACCEPT [0:0]\nCOMMIT\n",
		"dump.txt:2: chain A: no such policy: ACCEPT"},
	    {"*filter\n:A - [0-0]\nCOMMIT\n", "dump.txt:2: chain A: no counters: [0-0]"},
	    {"*filter\n:ABCDEFGHIJKLMNOPQRSTUVWXYZ012 - [0:0]\nCOMMIT\n",
		"dump.txt:2: chain ABCDEFGHIJKLMNOPQRSTUVWXYZ012: the name is longer than 28 "
		"characters"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(cases[i][0], cases[i][1]);
}

/* ---- equality */

static void test_each_field_tells_rules_apart(void **state)
{
	static const char *const rules[] = {
	    "-j ACCEPT",
	    "-j DROP",
	    "-s 10.0.0.1/32 -j ACCEPT",
	    "-d 10.0.0.1/32 -j ACCEPT",
	    "! -d 10.0.0.1/32 -j ACCEPT",
	    "-d 10.0.0.1/31 -j ACCEPT",
	    "-i eth0 -j ACCEPT",
	    "-o eth0 -j ACCEPT",
	    "-p tcp -j ACCEPT",
	    "-p tcp -m tcp -j ACCEPT",
	    "-p tcp -m tcp --dport 0 -j ACCEPT",
	    "-p udp -m udp --dport 80 -j ACCEPT",
	    "-p tcp -m tcp --dport 80 -j ACCEPT",
	    "-m comment --comment a -j ACCEPT",
	    "-m comment --comment b -j ACCEPT",
	    "-m conntrack --ctstate NEW -j ACCEPT",
	    "-m conntrack ! --ctstate NEW -j ACCEPT",
	    "-m mark --mark 0x1 -j ACCEPT",
	    "-m mark --mark 0x1/0x1 -j ACCEPT",
	    "-m set --match-set A dst,dst -j ACCEPT",
	    "-m set --match-set A src,dst -j ACCEPT",
	    "-m set --match-set A dst -j ACCEPT",
	    "-m statistic --mode random --probability 0.5 -j ACCEPT",
	    "-m recent --set --name A -j ACCEPT",
	    "-m recent --rcheck --seconds 1 --reap --name A -j ACCEPT",
	    "-m ipvs --vproto 6 --vaddr 10.0.0.1 --vport 80 -j ACCEPT",
	    "-m addrtype --dst-type LOCAL -j ACCEPT",
	    "-m addrtype --src-type LOCAL -j ACCEPT",
	    "-m nfacct --nfacct-name a -j ACCEPT",
	    "-m physdev --physdev-is-in -j ACCEPT",
	    "-j A",
	    "-g A",
	    "-j MASQUERADE",
	    "-j MASQUERADE --random-fully",
	    "-j MARK --set-xmark 0x1/0x1",
	    "-j MARK --set-xmark 0x1/0x0",
	    "-j DNAT --to-destination 10.0.0.1:80",
	    "-j DNAT --to-destination 10.0.0.1:81",
	    "-p icmp -j ACCEPT",
	};
	size_t n = sizeof(rules) / sizeof(rules[0]);

	(void)state;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			struct fw_rule a = rule4(rules[i]), b = rule4(rules[j]);

			a.packets = 1; /* does not count */
			b.why = "x";
			if (fw_rule_eq(&a, &b) != (i == j))
				fail_msg("\"%s\" and \"%s\"", rules[i], rules[j]);
			assert_int_equal(fw_rule_hash(&a) == fw_rule_hash(&b), i == j);
		}
}

static struct fw_chain chain_of(const char *const *rules, size_t n)
{
	struct fw_chain c = {.name = "C", .n_rules = n};

	c.rules = arena_array(arena, struct fw_rule, n);
	for (size_t i = 0; i < n; i++)
		c.rules[i] = rule4(rules[i]);
	return c;
}

static void test_unordered_chains_compare_as_sets_before_their_tail(void **state)
{
	struct fw_chain a =
	    chain_of((const char *const[]){"-j A", "-j A", "-j B", "-j Z"}, 4);
	struct fw_chain b =
	    chain_of((const char *const[]){"-j B", "-j A", "-j A", "-j Z"}, 4);
	struct fw_chain c =
	    chain_of((const char *const[]){"-j B", "-j B", "-j A", "-j Z"}, 4);
	struct fw_chain d =
	    chain_of((const char *const[]){"-j Z", "-j A", "-j A", "-j B"}, 4);
	struct fw_chain e = chain_of((const char *const[]){"-j A", "-j A", "-j B"}, 3);

	(void)state;
	assert_true(fw_chain_eq(&a, &a));
	assert_false(fw_chain_eq(&a, &b));
	a.unordered = true;
	a.n_tail = 1;
	assert_true(fw_chain_eq(&a, &b));
	assert_true(fw_chain_eq(&b, &a));
	assert_false(fw_chain_eq(&a, &c));
	assert_false(fw_chain_eq(&a, &d)); /* the tail moved */
	assert_false(fw_chain_eq(&a, &e));
	a.n_tail = 0;
	assert_true(fw_chain_eq(&a, &d));
}

static void test_probabilities_are_those_of_iptables(void **state)
{
	static const struct {
		unsigned n;
		uint32_t value;
		const char *text;
	} cases[] = {
	    {1, 0x80000000, "1.00000000000"},
	    {2, 0x40000000, "0.50000000000"},
	    {3, 0x2aaaaaab, "0.33333333349"},
	    {5, 0x1999999a, "0.20000000019"},
	    {6, 0x15555555, "0.16666666651"},
	    {7, 0x12492492, "0.14285714272"},
	    {9, 0x0e38e38e, "0.11111111101"},
	    {10, 0x0ccccccd, "0.10000000009"},
	    {44, 0x02e8ba2e, "0.02272727247"},
	    {100, 0x0147ae14, "0.00999999978"},
	    {1000, 0x0020c49c, "0.00100000016"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[80];

		assert_int_equal(fw_probability(cases[i].n), cases[i].value);
		snprintf(text, sizeof(text),
		    "-m statistic --mode random --probability %s", cases[i].text);
		assert_int_equal(rule4(text).matches[0].probability, cases[i].value);
		assert_prints(FAMILY_4, text, text);
	}
	/* every value that kube-proxy can ask for survives its text, as printf writes it
	 */
	for (unsigned n = 1; n < 5000; n++) {
		char text[80];
		uint32_t v = fw_probability(n);

		snprintf(text, sizeof(text),
		    "-m statistic --mode random --probability %.11f", v / 2147483648.0);
		assert_int_equal(rule4(text).matches[0].probability, v);
		assert_prints(FAMILY_4, text, text);
	}
}

static void test_tables_know_their_builtin_chains(void **state)
{
	enum fw_table_id t;

	(void)state;
	assert_true(fw_table_parse("mangle", &t));
	assert_int_equal(t, FW_MANGLE);
	assert_false(fw_table_parse("Filter", &t));
	assert_string_equal(fw_builtin_chains(FW_NAT)[0], "PREROUTING");
	assert_string_equal(fw_builtin_chains(FW_NAT)[3], "POSTROUTING");
	assert_null(fw_builtin_chains(FW_NAT)[4]);
	assert_true(fw_is_builtin(FW_FILTER, "FORWARD"));
	assert_false(fw_is_builtin(FW_NAT, "FORWARD"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_what_kube_proxy_left_is_understood_and_printed_the_same),
	    T(test_input_forms_of_kube_proxy_become_save_form),
	    T(test_ipv6_has_its_own_defaults),
	    T(test_comments_are_quoted_as_iptables_save_does),
	    T(test_unknown_rules_stay_as_they_are),
	    T(test_unknown_jumps_show_where_they_go),
	    T(test_rules_no_iptables_takes_are_errors),
	    T(test_counters_are_read_in_both_forms),
	    T(test_chains_are_sorted_and_rules_keep_their_order),
	    T(test_a_table_read_in_two_parts_is_one),
	    T(test_builtin_chains_without_policy_print_a_dash),
	    T(test_what_is_no_saved_table_is_refused_with_its_line),
	    T(test_each_field_tells_rules_apart),
	    T(test_unordered_chains_compare_as_sets_before_their_tail),
	    T(test_probabilities_are_those_of_iptables),
	    T(test_tables_know_their_builtin_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
