/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A plan applied to a state in memory: as strict as a kernel, and there and back again.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_states.h"

static void assert_way(const char *name, const struct state *from, const struct state *to)
{
	AUTO(plan) struct plan *p = make(to, from, &both_modes);
	AUTO(state) struct state *there = run(from, p), *want = NULL;
	AUTO(plan) struct plan *undo = way_back(from, there, &want);
	AUTO(state) struct state *back = run(there, undo);

	assert_verified(name, to, there, &both_modes);
	assert_no_plan(name, to, there, &both_modes);
	assert_verified(name, from, back, &both_modes);
	assert_no_plan(name, from, back, &both_modes);
	each_commit(name, from, p, assert_resolves);
}

static void check_both_ways(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	assert_way(name, ipt, ipvs);
	assert_way(name, ipvs, ipt);
}

static void test_each_mode_becomes_the_other_and_back(void **state)
{
	(void)state;
	each_pair(check_both_ways);
}

static void test_states_of_native_switching_become_each_other(void **state)
{
	static const char *const steps[] = {
	    "1-iptables",
	    "2-ipvs-without-cleanup",
	    "3-np-gets-endpoints-and-gone-is-deleted",
	    "4-after-cleanup",
	    "5-ipvs-after-cleanup",
	    "6-back-to-iptables-without-cleanup",
	};
	size_t n = sizeof(steps) / sizeof(steps[0]);
	struct state *s[6];

	(void)state;
	for (size_t i = 0; i < n; i++) {
		char folder[128];

		snprintf(folder, sizeof(folder), "switch-modes/%s", steps[i]);
		s[i] = golden_state(folder);
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			assert_way(steps[i], s[i], s[k]);
	for (size_t i = 0; i < n; i++)
		state_free(s[i]);
}

static void test_undo_of_a_part_gives_the_start(void **state)
{
	AUTO(state) struct state *ipt = golden_state("loadbalancer/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("loadbalancer/ipvs-1.27");
	AUTO(plan) struct plan *p = make(ipvs, ipt, &both_modes);

	(void)state;
	for (size_t n = 0; n <= p->n_ops; n += 7) {
		AUTO(state) struct state *there = NULL, *want = NULL;
		AUTO(state) struct state *back = NULL;
		AUTO(plan) struct plan *undo = NULL;
		struct error err;

		if (replay_run(ipt, p, n, &there, &err))
			fail_msg("%s", err.msg);
		undo = way_back(ipt, there, &want);
		back = run(there, undo);
		assert_no_plan("part", ipt, back, &both_modes);
	}
}

static void test_refuses_when_the_state_has_moved(void **state)
{
	AUTO(state) struct state *ipt = golden_state("loadbalancer/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("loadbalancer/ipvs-1.27");
	AUTO(plan) struct plan *p = make(ipvs, ipt, &both_modes);
	AUTO(state) struct state *there = run(ipt, p);
	struct state *twice = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(replay_run(there, p, p->n_ops, &twice, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_null(twice);
}

static void test_refuses_when_one_rule_of_a_chain_has_moved(void **state)
{
	AUTO(state)
	struct state *have =
	    state_from(&(struct texts){.tables = "*nat\n:KUBE-SERVICES - [0:0]\n"
						 "-A KUBE-SERVICES -j RETURN\nCOMMIT\n"});
	AUTO(state)
	struct state *moved =
	    state_from(&(struct texts){.tables = "*nat\n:KUBE-SERVICES - [0:0]\n"
						 "-A KUBE-SERVICES -j ACCEPT\nCOMMIT\n"});
	AUTO(state)
	struct state *want = state_from(
	    &(struct texts){.tables = "*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n"});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	struct state *s = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(p->n_ops, 1);
	assert_int_equal(replay_run(moved, p, 1, &s, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_non_null(strstr(err.msg, "KUBE-SERVICES"));
}

static void test_a_new_table_comes_with_its_builtin_chains(void **state)
{
	AUTO(state) struct state *have = state_from(&(struct texts){0});
	AUTO(state)
	struct state *want = state_from(
	    &(struct texts){.tables = "*nat\n:KUBE-SERVICES - [0:0]\nCOMMIT\n"});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	AUTO(state) struct state *after = run(have, p);

	(void)state;
	assert_true(after->fw[FAMILY_4].tables[FW_NAT].present);
	assert_int_equal(chain_in(after, FW_NAT, "OUTPUT")->policy, FW_POLICY_ACCEPT);
	assert_non_null(chain_in(after, FW_NAT, "KUBE-SERVICES"));
	assert_false(after->fw[FAMILY_4].tables[FW_FILTER].present);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_mode_becomes_the_other_and_back),
	    cmocka_unit_test(test_states_of_native_switching_become_each_other),
	    cmocka_unit_test(test_undo_of_a_part_gives_the_start),
	    cmocka_unit_test(test_refuses_when_the_state_has_moved),
	    cmocka_unit_test(test_refuses_when_one_rule_of_a_chain_has_moved),
	    cmocka_unit_test(test_a_new_table_comes_with_its_builtin_chains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
