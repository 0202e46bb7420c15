/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which rules of a chain packets get to; and jumps that none gets to are moved, at the
 * cost of nobody else. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_states.h"
#include "state/fw_fate.h"

#define CHAINS                                                                           \
	"*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n:ends - [0:0]\n"             \
	":goes-on - [0:0]\n:returns - [0:0]\n:nested - [0:0]\n"                          \
	"-A ends -s 10.0.0.0/8 -j RETURN\n-A ends -j ACCEPT\n"                           \
	"-A goes-on -p tcp -j ACCEPT\n-A returns -j RETURN\n-A returns -j DROP\n"        \
	"-A nested -j goes-on\n-A nested -j returns\n-A nested -j ends\n"

static size_t reachable(const char *rules)
{
	struct strbuf text = {0};
	struct state *s;
	size_t n;

	strbuf_addf(&text, CHAINS "%sCOMMIT\n", rules);
	s = state_from(&(struct texts){.tables = text.s});
	n = fw_reachable(
	    &s->fw[FAMILY_4].tables[FW_FILTER], chain_in(s, FW_FILTER, "INPUT"));
	state_free(s);
	strbuf_free(&text);
	return n;
}

#define LAST "-A INPUT -i lo -j DROP\n"

static void test_rules_with_a_condition_end_nothing(void **state)
{
	(void)state;
	assert_int_equal(reachable("-A INPUT -i lo -j ACCEPT\n" LAST), 2);
	assert_int_equal(reachable("-A INPUT ! -s 10.0.0.0/8 -j DROP\n" LAST), 2);
	assert_int_equal(reachable("-A INPUT -p udp -j DROP\n" LAST), 2);
	assert_int_equal(
	    reachable(
		"-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n" LAST),
	    2);
	assert_int_equal(
	    reachable("-A INPUT -m limit --limit 1/sec -j ACCEPT\n" LAST), 2);
	assert_int_equal(reachable("-A INPUT -j LOG\n" LAST), 2);
	assert_int_equal(reachable("-A INPUT -j MARK --set-xmark 0x1/0x1\n" LAST), 2);
}

static void test_rules_for_everything_end_the_way(void **state)
{
	(void)state;
	assert_int_equal(reachable("-A INPUT -j ACCEPT\n" LAST), 1);
	assert_int_equal(reachable("-A INPUT -j RETURN\n" LAST), 1);
	assert_int_equal(
	    reachable("-A INPUT -m comment --comment \"let me in\" -j ACCEPT\n" LAST), 1);
	assert_int_equal(
	    reachable("-A INPUT -j REJECT --reject-with icmp-host-prohibited\n" LAST), 1);
	assert_int_equal(
	    reachable("-A INPUT -m comment --comment \"a b\" -j REJECT --reject-with "
		      "tcp-reset\n" LAST),
	    1);
	assert_int_equal(reachable("-A INPUT -j SNAT --to-source 10.0.0.1\n" LAST), 1);
}

static void test_jumps_are_followed(void **state)
{
	(void)state;
	assert_int_equal(reachable("-A INPUT -j ends\n" LAST), 1);
	assert_int_equal(reachable("-A INPUT -j nested\n" LAST), 1);
	assert_int_equal(reachable("-A INPUT -j goes-on\n" LAST), 2);
	assert_int_equal(reachable("-A INPUT -j returns\n" LAST), 2);
	assert_int_equal(reachable("-A INPUT -i lo -j ends\n" LAST), 2);
	/* Nobody comes back from a goto. */
	assert_int_equal(reachable("-A INPUT -g goes-on\n" LAST), 1);
}

/* ---- jumps */

#define JUMP                                                                             \
	"-A INPUT -m comment --comment \"kubernetes health check service ports\" -j "    \
	"KUBE-NODEPORTS\n"
#define TABLE(rules)                                                                     \
	"*filter\n:INPUT ACCEPT [0:0]\n:KUBE-NODEPORTS - [0:0]\n" rules "COMMIT\n"

static struct state *wanted(void)
{
	struct state *s = state_from(&(struct texts){.tables = TABLE(JUMP)});

	fw_chain_find(&s->fw[FAMILY_4].tables[FW_FILTER], "INPUT")->policy =
	    FW_POLICY_NONE;
	return s;
}

static void test_jump_behind_a_rule_for_everything_is_moved_alone(void **state)
{
	AUTO(state) struct state *want = wanted();
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .tables = TABLE("-A INPUT -i lo -j ACCEPT\n-A INPUT -j DROP\n" JUMP)});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	AUTO(state) struct state *after = run(have, p);
	struct arena *a = arena_new();
	struct notes findings = {0};
	struct error err = {0};
	struct fw_edit *edits;
	size_t n;

	(void)state;
	assert_int_equal(verify_state(want, have, &both_modes, &findings, &err), -1);
	assert_non_null(strstr(err.msg, "no packet gets to it"));
	notes_clear(&findings);
	assert_rules(after, FW_FILTER, "INPUT",
	    JUMP "-A INPUT -i lo -j ACCEPT\n-A INPUT -j DROP\n");
	assert_no_plan("moved", want, after, &both_modes);
	assert_verified("moved", want, after, &both_modes);
	assert_int_equal(p->n_ops, 1);
	n = fw_edit_script(p->ops[0].have, p->ops[0].want, a, &edits);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(edits[i].rule->target.kind, FWT_JUMP);
	arena_free(a);
}

static void test_moved_jump_goes_back(void **state)
{
	AUTO(state) struct state *want = wanted();
	AUTO(state)
	struct state *have =
	    state_from(&(struct texts){.tables = TABLE("-A INPUT -j DROP\n" JUMP)});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	AUTO(state) struct state *after = run(have, p), *aim = NULL;
	AUTO(plan) struct plan *undo = way_back(have, after, &aim);
	AUTO(state) struct state *back = run(after, undo);

	(void)state;
	assert_rules(back, FW_FILTER, "INPUT", "-A INPUT -j DROP\n" JUMP);
}

static void test_any_other_place_is_fine(void **state)
{
	static const char *const places[] = {
	    TABLE("-A INPUT -i lo -j ACCEPT\n" JUMP "-A INPUT -j DROP\n"),
	    TABLE("-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -p udp -j ACCEPT\n" JUMP),
	    TABLE(JUMP "-A INPUT -j DROP\n" JUMP),
	};
	AUTO(state) struct state *want = wanted();

	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct state *have = state_from(&(struct texts){.tables = places[i]});

		assert_no_plan("place", want, have, &both_modes);
		assert_verified("place", want, have, &both_modes);
		state_free(have);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rules_with_a_condition_end_nothing),
	    cmocka_unit_test(test_rules_for_everything_end_the_way),
	    cmocka_unit_test(test_jumps_are_followed),
	    cmocka_unit_test(test_jump_behind_a_rule_for_everything_is_moved_alone),
	    cmocka_unit_test(test_moved_jump_goes_back),
	    cmocka_unit_test(test_any_other_place_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
