/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fewest rule edits, and how a plan reads: text, unified diff, JSON. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <jansson.h>

#include "../lib/golden_states.h"

#define NAT(rules) "*nat\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n" rules "COMMIT\n"
#define PORTALS                                                                          \
	"-A OUTPUT -m comment --comment \"kubernetes service portals\" -j "              \
	"KUBE-SERVICES\n"

/* ---- the fewest edits */

static struct fw_chain big_chain(struct arena *a, size_t n, size_t from)
{
	struct fw_chain c = {.name = "KUBE-SERVICES", .n_rules = n};

	c.rules = arena_array(a, struct fw_rule, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t host = (uint32_t)(i + from);

		c.rules[i].dst.addr.len = 4;
		memcpy(c.rules[i].dst.addr.b, &host, 4);
		c.rules[i].dst.bits = 32;
		c.rules[i].target.kind = FWT_RETURN;
	}
	return c;
}

static size_t edits(
    const struct fw_chain *have, const struct fw_chain *want, struct arena *a)
{
	VEC(struct fw_rule) now = {0};
	struct fw_edit *e;
	size_t n = fw_edit_script(have, want, a, &e);

	for (size_t i = 0; i < have->n_rules; i++)
		vec_push(&now, have->rules[i]);
	for (size_t i = 0; i < n; i++) {
		size_t at = e[i].at;

		if (e[i].kind == FW_EDIT_DELETE) {
			assert_true(fw_rule_eq(&now.v[at], e[i].rule));
			now.n--;
			memmove(
			    &now.v[at], &now.v[at + 1], (now.n - at) * sizeof(*now.v));
			continue;
		}
		vec_push(&now, *e[i].rule);
		memmove(&now.v[at + 1], &now.v[at], (now.n - 1 - at) * sizeof(*now.v));
		now.v[at] = *e[i].rule;
	}
	assert_int_equal(now.n, want->n_rules);
	for (size_t i = 0; i < now.n; i++)
		assert_true(fw_rule_eq(&now.v[i], &want->rules[i]));
	vec_free(&now);
	return n;
}

static void test_long_chain_changes_by_few_rules_fast(void **state)
{
	struct arena *a = arena_new();
	struct fw_chain have = big_chain(a, 20000, 0), want = big_chain(a, 20000, 0);
	clock_t begin = clock();

	(void)state;
	want.rules[3].dst.bits = 24;
	want.rules[19990].dst.bits = 24;
	assert_int_equal(edits(&have, &want, a), 4);
	/* One rule moved from the front to the back. */
	want = big_chain(a, 20000, 1);
	want.rules[19999] = have.rules[0];
	assert_int_equal(edits(&have, &want, a), 2);
	assert_true((double)(clock() - begin) / CLOCKS_PER_SEC < 5);
	arena_free(a);
}

static void test_equal_rules_more_than_once(void **state)
{
	struct arena *a = arena_new();
	struct fw_chain have = big_chain(a, 6, 0), want = big_chain(a, 5, 0);

	(void)state;
	have.rules[4] = have.rules[1];
	want.rules[4] = want.rules[1];
	assert_int_equal(edits(&have, &want, a), 1);
	assert_int_equal(edits(&want, &have, a), 1);
	have.n_rules = 0;
	assert_int_equal(edits(&have, &want, a), 5);
	assert_int_equal(edits(&want, &have, a), 5);
	assert_int_equal(edits(&want, &want, a), 0);
	arena_free(a);
}

/* ---- text */

static struct plan *small_plan(struct state **have, struct state **want)
{
	*have = state_from(&(struct texts){
	    .tables = NAT("-A KUBE-SERVICES -d 10.0.0.1/32 -j RETURN\n"),
	    .lvs =
		"-A -t 10.96.0.1:80 -s rr\n-a -t 10.96.0.1:80 -r 10.244.0.1:80 -m -w 2\n",
	    .knobs = "net.ipv4.ip_forward = 0\n"});
	*want = state_from(&(struct texts){
	    .tables = NAT("-A KUBE-SERVICES -d 10.0.0.2/32 -j RETURN\n" PORTALS),
	    .sets =
		"create KUBE-IPVS-IPS hash:ip family inet hashsize 1024 maxelem 65536\n"
		"add KUBE-IPVS-IPS 10.96.0.1\n",
	    .lvs =
		"-A -t 10.96.0.1:80 -s wrr\n-a -t 10.96.0.1:80 -r 10.244.0.1:80 -m -w 1\n"
		"-a -t 10.96.0.1:80 -r 10.244.0.2:80 -m -w 1\n",
	    .knobs = "net.ipv4.ip_forward = 1\n"});
	(*want)->lvs.services[0].why = "demo/web:http";
	return make(*want, *have, &both_modes);
}

static void test_text_lists_objects_under_their_service(void **state)
{
	AUTO(state) struct state *have = NULL;
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *p = small_plan(&have, &want);
	struct strbuf sb = {0};

	(void)state;
	plan_print_text(&sb, p, false);
	assert_string_equal(sb.s,
	    "(all services)\n"
	    "  ~ sysctl         net.ipv4.ip_forward 0 -> 1\n"
	    "  + set            KUBE-IPVS-IPS hash:ip\n"
	    "  + rule           iptables nat " PORTALS
	    "  - rule           iptables nat -A KUBE-SERVICES -d 10.0.0.1/32 -j RETURN\n"
	    "  + rule           iptables nat -A KUBE-SERVICES -d 10.0.0.2/32 -j RETURN\n"
	    "\n"
	    "demo/web\n"
	    "  + set entry      KUBE-IPVS-IPS 10.96.0.1\n"
	    "\n"
	    "demo/web:http\n"
	    "  ~ virtual server tcp 10.96.0.1:80 rr -> wrr\n"
	    "  ~ real server    tcp 10.96.0.1:80 -> 10.244.0.1:80 weight 2 -> weight 1\n"
	    "  + real server    tcp 10.96.0.1:80 -> 10.244.0.2:80 weight 1\n"
	    "\n"
	    "5 to add, 3 to change, 1 to delete\n");
	strbuf_free(&sb);
}

static void test_text_of_phases_has_their_headings(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(migration) struct migration *m = make_migration(MODE_IPVS, ipvs, ipt);
	struct strbuf sb = {0};
	const char *at;

	(void)state;
	plan_print_text(&sb, m->plan, true);
	at = sb.s;
	for (enum phase ph = 0; ph < PHASE_COUNT; ph++) {
		char heading[32];

		if (ph == PHASE_SETTLE) /* nothing to do with a detector */
			continue;
		snprintf(heading, sizeof(heading), "== %s\n", phase_name(ph));
		at = strstr(at, heading);
		assert_non_null(at);
	}
	strbuf_free(&sb);
}

static void test_counts_are_the_lines_of_the_text(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(plan) struct plan *p = make(ipvs, ipt, &both_modes);
	size_t add = 0, change = 0, remove = 0;
	struct strbuf sb = {0};
	struct plan_counts n;

	(void)state;
	plan_print_text(&sb, p, false);
	for (const char *s = sb.s; (s = strstr(s, "\n  ")); s++) {
		add += s[3] == '+';
		change += s[3] == '~';
		remove += s[3] == '-';
	}
	plan_count(p, &n);
	assert_int_equal(n.add, add);
	assert_int_equal(n.change, change);
	assert_int_equal(n.remove, remove);
	strbuf_free(&sb);
}

static void test_diff_is_unified_and_grouped(void **state)
{
	AUTO(state) struct state *have = NULL;
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *p = small_plan(&have, &want);
	struct strbuf sb = {0};

	(void)state;
	plan_print_diff(&sb, p, false);
	assert_string_equal(sb.s,
	    "--- have/iptables/nat/KUBE-SERVICES\n"
	    "+++ want/iptables/nat/KUBE-SERVICES\n"
	    "@@ -1,2 +1,2 @@\n"
	    " :KUBE-SERVICES -\n"
	    "--A KUBE-SERVICES -d 10.0.0.1/32 -j RETURN\n"
	    "+-A KUBE-SERVICES -d 10.0.0.2/32 -j RETURN\n"
	    "--- have/iptables/nat/OUTPUT\n"
	    "+++ want/iptables/nat/OUTPUT\n"
	    "@@ -1 +1,2 @@\n"
	    " :OUTPUT ACCEPT\n"
	    "+" PORTALS "--- /dev/null\n"
	    "+++ want/ipset/KUBE-IPVS-IPS\n"
	    "@@ -0,0 +1,2 @@\n"
	    "+create KUBE-IPVS-IPS hash:ip family inet hashsize 1024 maxelem 65536\n"
	    "+add KUBE-IPVS-IPS 10.96.0.1\n"
	    "--- have/ipvs\n"
	    "+++ want/ipvs\n"
	    "@@ -1,2 +1,3 @@\n"
	    "--A -t 10.96.0.1:80 -s rr\n"
	    "--a -t 10.96.0.1:80 -r 10.244.0.1:80 -m -w 2\n"
	    "+-A -t 10.96.0.1:80 -s wrr\n"
	    "+-a -t 10.96.0.1:80 -r 10.244.0.1:80 -m -w 1\n"
	    "+-a -t 10.96.0.1:80 -r 10.244.0.2:80 -m -w 1\n"
	    "--- have/sysctls\n"
	    "+++ want/sysctls\n"
	    "@@ -1 +1 @@\n"
	    "-net.ipv4.ip_forward = 0\n"
	    "+net.ipv4.ip_forward = 1\n");
	strbuf_free(&sb);
}

static struct state *thirty_rules(int changed, int changed_too)
{
	struct strbuf sb = {0};
	struct state *s;

	strbuf_add(&sb, "*nat\n:KUBE-SERVICES - [0:0]\n");
	for (int i = 1; i <= 30; i++)
		strbuf_addf(&sb, "-A KUBE-SERVICES -d 10.0.%d.%d/32 -j RETURN\n",
		    i == changed || i == changed_too, i);
	strbuf_add(&sb, "COMMIT\n");
	s = state_from(&(struct texts){.tables = sb.s});
	strbuf_free(&sb);
	return s;
}

static void test_diff_of_a_long_chain_shows_the_surroundings(void **state)
{
	AUTO(state) struct state *have = thirty_rules(0, 0);
	AUTO(state) struct state *want = thirty_rules(5, 25);
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	struct strbuf sb = {0};

	(void)state;
	plan_print_diff(&sb, p, false);
	/* The chain line is the first, so rule 5 is line 6. */
	assert_non_null(strstr(sb.s, "@@ -3,7 +3,7 @@\n"));
	assert_non_null(strstr(sb.s, "@@ -23,7 +23,7 @@\n"));
	assert_null(strstr(sb.s, "10.0.0.15/32"));
	strbuf_free(&sb);
}

static void test_json_is_valid_and_complete(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(migration) struct migration *m = make_migration(MODE_IPVS, ipvs, ipt);
	struct strbuf sb = {0};
	json_error_t why;
	json_t *j, *ops, *op;
	size_t i;

	(void)state;
	plan_print_json(&sb, m->plan, true);
	j = json_loadb(sb.s, sb.len, 0, &why);
	if (!j)
		fail_msg("line %d: %s", why.line, why.text);
	assert_string_equal(
	    json_string_value(json_object_get(j, "apiVersion")), "vipshift/v1");
	assert_string_equal(json_string_value(json_object_get(j, "kind")), "Plan");
	ops = json_object_get(j, "operations");
	assert_int_equal(json_array_size(ops), m->plan->n_ops);
	json_array_foreach(ops, i, op)
	{
		assert_non_null(json_object_get(op, "name"));
		assert_string_equal(json_string_value(json_object_get(op, "phase")),
		    phase_name(m->plan->ops[i].phase));
	}
	json_decref(j);
	strbuf_free(&sb);
}

static void test_empty_plan_says_so(void **state)
{
	AUTO(state) struct state *s = golden_state("empty/ipvs-1.27");
	AUTO(plan) struct plan *p = make(s, s, &both_modes);
	struct strbuf sb = {0};
	json_t *j;

	(void)state;
	plan_print_text(&sb, p, true);
	assert_string_equal(sb.s, "0 to add, 0 to change, 0 to delete\n");
	strbuf_reset(&sb);
	plan_print_diff(&sb, p, true);
	assert_int_equal(sb.len, 0);
	plan_print_json(&sb, p, false);
	j = json_loadb(sb.s, sb.len, 0, NULL);
	assert_non_null(j);
	json_decref(j);
	strbuf_free(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_long_chain_changes_by_few_rules_fast),
	    cmocka_unit_test(test_equal_rules_more_than_once),
	    cmocka_unit_test(test_text_lists_objects_under_their_service),
	    cmocka_unit_test(test_text_of_phases_has_their_headings),
	    cmocka_unit_test(test_counts_are_the_lines_of_the_text),
	    cmocka_unit_test(test_diff_is_unified_and_grouped),
	    cmocka_unit_test(test_diff_of_a_long_chain_shows_the_surroundings),
	    cmocka_unit_test(test_json_is_valid_and_complete),
	    cmocka_unit_test(test_empty_plan_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
