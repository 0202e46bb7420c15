/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of snapshots: nothing is lost on the way through it, a damaged one is refused,
 * and the stock tools would load our objects only. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "state/snapshot.h"

#include "../lib/golden_states.h"

static const struct snapshot_info about = {
    .families = FAMILY_BOTH,
    .version = "vipshift 0.1",
    .host = "node-a",
    .date = "2026-11-21T01:02:03Z",
    .kernel = "Linux 6.1.0",
    .iptables = "legacy",
    .mode = "ipvs",
};

static char *print(const struct state *s)
{
	struct strbuf sb = {0};

	snapshot_print(&sb, s, &about);
	return sb.s;
}

static struct state *parse(const char *text, struct snapshot_info *info)
{
	struct state *s = NULL;
	struct error err = {0};

	if (snapshot_parse(text, strlen(text), "saved", &s, info, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void assert_refused(const char *text, const char *message)
{
	struct snapshot_info info;
	struct state *s = NULL;
	struct error err = {0};

	assert_int_equal(
	    snapshot_parse(text, strlen(text), "saved", &s, &info, &err), -1);
	assert_null(s);
	assert_int_equal(err.kind, ERR_INPUT);
	if (!strstr(err.msg, message))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, message);
}

/* A text with the closing line that fits it. Free with free(). */
static char *closed(const char *text)
{
	struct strbuf sb = {0};
	char digest[65];
	size_t n = 0;

	for (const char *p = text; *p; p++)
		n += *p == '\n';
	hash_sha256_hex(text, strlen(text), digest);
	strbuf_addf(&sb, "%s# end of snapshot: %zu lines, sha256 %s\n", text, n, digest);
	return sb.s;
}

/* ---- there and back */

static void check_round_trip(const char *name, const struct state *s)
{
	struct snapshot_info info = {0};
	char *text = print(s), *again;
	AUTO(state) struct state *back = parse(text, &info);

	again = print(back);
	assert_same_text(name, text, again);
	/* Nothing differs for us, in either direction. */
	assert_no_plan(name, back, s, &both_modes);
	assert_no_plan(name, s, back, &both_modes);
	free(text);
	free(again);
}

static void check_pair(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	check_round_trip(name, ipt);
	check_round_trip(name, ipvs);
}

static void test_every_recorded_state_survives(void **state)
{
	(void)state;
	each_pair(check_pair);
}

#define FOREIGN                                                                          \
	"*filter\n:INPUT DROP [7:8]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"      \
	":DOCKER - [0:0]\n:KUBE-FORWARD - [0:0]\n:KUBE-KUBELET-CANARY - [0:0]\n"         \
	"-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"                                  \
	"-A FORWARD -j DOCKER\n"                                                         \
	"-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j "            \
	"KUBE-FORWARD\n"                                                                 \
	"-A DOCKER -m limit --limit 3/min -j LOG\n"                                      \
	"-A KUBE-FORWARD -m comment --comment \"# part: ipset\" -j ACCEPT\nCOMMIT\n"     \
	"*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"                         \
	"-A PREROUTING -d 10.96.0.10/32 -j CT --notrack\nCOMMIT\n"

static struct state *mixed(void)
{
	return state_from(&(struct texts){
	    .tables = FOREIGN,
	    .sets = "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 "
		    "maxelem 65536\nadd KUBE-CLUSTER-IP 10.96.0.1,tcp:80\n"
		    "create nets hash:net family inet hashsize 1024 maxelem 65536\n",
	    .lvs = "--set 900 120 300\n-A -t 10.9.9.9:80 -s wlc\n"
		   "-a -t 10.9.9.9:80 -r 10.9.9.10:80 -g -w 5\n"
		   "-A -t 10.96.0.1:80 -s rr\n"
		   "-a -t 10.96.0.1:80 -r 10.244.0.2:80 -m -w 1\n-A -f 7 -s rr\n",
	    .vips = "link add kube-ipvs0 type dummy\n"
		    "address add 10.96.0.1/32 dev kube-ipvs0\n"
		    "br0    inet 10.9.9.9/24 scope global br0\n",
	    .knobs = "net.ipv4.vs.conntrack = 1\n",
	});
}

static void test_objects_of_others_survive_too(void **state)
{
	AUTO(state) struct state *s = mixed();
	struct snapshot_info info = {0};
	char *text = print(s);
	AUTO(state) struct state *back = parse(text, &info);
	const struct lvs_key mark = {.fwmark = 7, .family = FAMILY_4};

	(void)state;
	check_round_trip("mixed", s);
	assert_rules(back, FW_FILTER, "FORWARD",
	    "-A FORWARD -j DOCKER\n-A FORWARD -m comment --comment \"kubernetes forwarding "
	    "rules\" -j KUBE-FORWARD\n");
	assert_rules(
	    back, FW_FILTER, "DOCKER", "-A DOCKER -m limit --limit 3/min -j LOG\n");
	assert_int_equal(chain_in(back, FW_FILTER, "INPUT")->policy, FW_POLICY_DROP);
	assert_non_null(lvs_find(&back->lvs, &mark));
	assert_non_null(kset_find(&back->sets, "nets"));
	free(text);
}

static void test_the_head_says_where_it_is_from(void **state)
{
	AUTO(state) struct state *s = mixed();
	struct snapshot_info info = {0};
	char *text = print(s);
	AUTO(state) struct state *back = parse(text, &info);

	(void)state;
	assert_int_equal(info.families, FAMILY_BOTH);
	assert_string_equal(info.version, about.version);
	assert_string_equal(info.host, about.host);
	assert_string_equal(info.date, about.date);
	assert_string_equal(info.kernel, about.kernel);
	assert_string_equal(info.iptables, about.iptables);
	assert_string_equal(info.mode, about.mode);
	free(text);
}

static void test_one_family_is_said_to_be_one(void **state)
{
	AUTO(state) struct state *s = mixed();
	struct snapshot_info one = about, info = {0};
	struct strbuf sb = {0};
	AUTO(state) struct state *back = NULL;

	(void)state;
	one.families = FAMILY_BIT(FAMILY_4);
	snapshot_print(&sb, s, &one);
	back = parse(sb.s, &info);
	assert_int_equal(info.families, FAMILY_BIT(FAMILY_4));
	assert_false(back->fw[FAMILY_6].present);
	strbuf_free(&sb);
}

/* ---- what the stock tools would load */

/* The lines of one part that are no comments. Free with free(). */
static char *loadable(const char *text, const char *part)
{
	struct strbuf heading = {0}, sb = {0};
	const char *p;

	strbuf_addf(&heading, "\n# part: %s\n", part);
	p = strstr(text, heading.s);
	assert_non_null(p);
	p += heading.len;
	strbuf_free(&heading);
	strbuf_add(&sb, "");
	for (; *p && strncmp(p, "# part: ", 8); p += strcspn(p, "\n") + 1)
		if (*p != '#')
			strbuf_addn(&sb, p, strcspn(p, "\n") + 1);
	return sb.s;
}

static void assert_loads(const char *text, const char *part, const char *want)
{
	char *lines = loadable(text, part);

	assert_string_equal(lines, want);
	free(lines);
}

static void test_stock_tools_would_load_our_objects_only(void **state)
{
	AUTO(state) struct state *s = mixed();
	char *text = print(s);

	(void)state;
	/* No policy, no table that has nothing of ours. */
	assert_loads(text, "iptables",
	    "*filter\n:KUBE-FORWARD - [0:0]\n"
	    "-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j "
	    "KUBE-FORWARD\n"
	    "-A KUBE-FORWARD -m comment --comment \"# part: ipset\" -j ACCEPT\nCOMMIT\n");
	assert_loads(text, "ip6tables", "");
	assert_loads(text, "ipset",
	    "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536\n"
	    "add KUBE-CLUSTER-IP 10.96.0.1,tcp:80\n");
	assert_loads(text, "ipvs",
	    "--set 900 120 300\n-A -t 10.96.0.1:80 -s rr\n"
	    "-a -t 10.96.0.1:80 -r 10.244.0.2:80 -m -w 1\n");
	assert_loads(text, "addresses",
	    "link add kube-ipvs0 type dummy\naddress add 10.96.0.1/32 dev kube-ipvs0\n");
	assert_loads(text, "sysctls", "net.ipv4.vs.conntrack = 1\n");
	free(text);
}

/* ---- what is refused */

static void test_what_is_no_snapshot_is_refused(void **state)
{
	(void)state;
	assert_refused("", "saved:1: ");
	assert_refused("*nat\nCOMMIT\n", "saved:1: this is not a snapshot");
	assert_refused("# vipshift snapshot 2\n", "saved:1: a snapshot of format 2");
}

static void test_a_cut_off_snapshot_is_refused_wherever_it_ends(void **state)
{
	AUTO(state) struct state *s = mixed();
	char *text = print(s);
	size_t len = strlen(text);

	(void)state;
	for (size_t n = 1; n < len; n++) {
		struct snapshot_info info;
		struct state *back = NULL;
		struct error err = {0};

		if (!snapshot_parse(text, len - n, "saved", &back, &info, &err))
			fail_msg("taken without its last %zu bytes", n);
		assert_true(!strncmp(err.msg, "saved:", 6));
	}
	free(text);
}

static void test_a_changed_snapshot_is_refused(void **state)
{
	AUTO(state) struct state *s = mixed();
	char *text = print(s), *at;

	(void)state;
	at = strstr(text, "10.244.0.2");
	at[9] = '3';
	assert_refused(text, "checksum");
	at[9] = '2';
	/* A line taken out: the count tells. */
	at = strstr(text, "add KUBE-CLUSTER-IP");
	memmove(at, strchr(at, '\n') + 1, strlen(strchr(at, '\n') + 1) + 1);
	assert_refused(text, "lines were saved");
	free(text);
}

static void test_bad_content_is_named_by_its_line(void **state)
{
	char *text = closed("# vipshift snapshot 1\n# families: IPv4\n# part: ipset\n"
			    "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1 "
			    "maxelem 1\n# part: iptables\n# foreign: *nat\nhello\n");

	(void)state;
	assert_refused(text, "saved:7: ");
	free(text);
	text = closed("# vipshift snapshot 1\n# part: kernel\n");
	assert_refused(text, "saved:2: no such part: kernel");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_recorded_state_survives),
	    cmocka_unit_test(test_objects_of_others_survive_too),
	    cmocka_unit_test(test_the_head_says_where_it_is_from),
	    cmocka_unit_test(test_one_family_is_said_to_be_one),
	    cmocka_unit_test(test_stock_tools_would_load_our_objects_only),
	    cmocka_unit_test(test_what_is_no_snapshot_is_refused),
	    cmocka_unit_test(test_a_cut_off_snapshot_is_refused_wherever_it_ends),
	    cmocka_unit_test(test_a_changed_snapshot_is_refused),
	    cmocka_unit_test(test_bad_content_is_named_by_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
