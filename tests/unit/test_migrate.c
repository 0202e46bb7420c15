/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The phased way from one mode to the other: every state on it works, and its end is what
 * was wanted, wherever it began. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_states.h"
#include "plan/keep.h"

#define HELPER "-A OUTPUT -m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ\n"
#define PORTALS                                                                          \
	"-A OUTPUT -m comment --comment \"kubernetes service portals\" -j "              \
	"KUBE-SERVICES\n"

/* ---- invariants */

static bool jumps(const struct fw_chain *c, const char *to)
{
	for (size_t i = 0; c && i < c->n_rules; i++)
		if (c->rules[i].target.kind == FWT_JUMP &&
		    !strcmp(c->rules[i].target.chain, to))
			return true;
	return false;
}

static bool is_served(const struct state *s, const struct addr *a)
{
	for (size_t i = 0; i < s->lvs.n_services; i++)
		if (addr_eq(&s->lvs.services[i].key.addr, a))
			return true;
	return false;
}

/* A virtual address is never without its guard. */
static void assert_guarded(const char *name, const struct state *s)
{
	family_foreach (f) {
		const struct fw_table *filter = &s->fw[f].tables[FW_FILTER];
		bool vips = false;

		for (size_t i = 0; i < s->vips.n_addrs; i++)
			vips |= !strcmp(s->vips.addrs[i].link, VIP_LINK) &&
				addr_family(&s->vips.addrs[i].prefix.addr) == f;
		if (vips && !jumps(fw_chain_find(filter, "INPUT"), "KUBE-IPVS-FILTER"))
			fail_msg("%s: addresses without KUBE-IPVS-FILTER", name);
	}
	assert_resolves(name, s);
}

/* On the way to ipvs it never comes before its virtual server either. */
static void assert_guarded_and_served(const char *name, const struct state *s)
{
	for (size_t i = 0; i < s->vips.n_addrs; i++)
		if (!strcmp(s->vips.addrs[i].link, VIP_LINK) &&
		    !is_served(s, &s->vips.addrs[i].prefix.addr))
			fail_msg("%s: an address without virtual server", name);
	assert_guarded(name, s);
}

static void assert_groups(const char *name, const struct plan *p)
{
	for (size_t i = 1; i < p->n_ops; i++) {
		assert_true(p->ops[i - 1].phase <= p->ops[i].phase);
		for (size_t k = i + 1; k < p->n_ops; k++)
			if (!same_commit(&p->ops[i - 1], &p->ops[i]) &&
			    same_commit(&p->ops[i - 1], &p->ops[k]))
				fail_msg("%s: two commits of one table in a phase", name);
	}
}

/* In SWITCH: one family wholly before the other, and within it `first` before the other
 * table, each in one commit. */
static void assert_switch_order(
    const char *name, const struct plan *p, enum fw_table_id first)
{
	size_t from, to;

	plan_phase_range(p, PHASE_SWITCH, &from, &to);
	for (size_t i = from; i < to; i++) {
		const struct op *op = &p->ops[i], *last = i > from ? op - 1 : op;

		assert_int_equal(op->kind, KIND_FW);
		if (last->family > op->family)
			fail_msg("%s: the families are mixed", name);
		if (last->family == op->family && last->table != op->table)
			assert_int_equal(op->table != first, true);
	}
}

static void assert_migrates(
    const char *name, enum mode to, const struct state *want, const struct state *have)
{
	AUTO(migration) struct migration *m = make_migration(to, want, have);
	AUTO(state) struct state *end = run(have, m->plan);

	assert_verified(name, want, end, &both_modes);
	assert_no_plan(name, want, end, &both_modes);
	assert_verified(name, want, m->after[PHASE_REMOVE], &both_modes);
	assert_groups(name, m->plan);
	assert_switch_order(name, m->plan, to == MODE_IPVS ? FW_FILTER : FW_NAT);
}

/* ---- all cases */

static void check_pair(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	AUTO(migration) struct migration *there = make_migration(MODE_IPVS, ipvs, ipt);
	AUTO(migration)
	struct migration *back = make_migration(MODE_IPTABLES, ipt, ipvs);

	assert_migrates(name, MODE_IPVS, ipvs, ipt);
	assert_migrates(name, MODE_IPTABLES, ipt, ipvs);
	each_commit(name, ipt, there->plan, assert_guarded_and_served);
	each_commit(name, ipvs, back->plan, assert_guarded);
}

static void test_every_case_migrates_and_comes_back(void **state)
{
	(void)state;
	each_pair(check_pair);
}

static void check_nat_untouched_before_switch(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	AUTO(migration) struct migration *m = make_migration(MODE_IPVS, ipvs, ipt);

	family_foreach (f) {
		static const char *const live[] = {"KUBE-SERVICES", "KUBE-POSTROUTING"};
		const struct fw_table *before = &ipt->fw[f].tables[FW_NAT];
		const struct fw_table *built =
		    &m->after[PHASE_BUILD]->fw[f].tables[FW_NAT];
		const struct fw_table *end = &ipvs->fw[f].tables[FW_NAT];
		const struct fw_table *sw = &m->after[PHASE_SWITCH]->fw[f].tables[FW_NAT];

		for (int i = 0; i < 2 && before->present; i++) {
			if (!fw_chain_eq(fw_chain_find(before, live[i]),
				fw_chain_find(built, live[i])))
				fail_msg("%s: %s changed in build", name, live[i]);
			if (!fw_chain_eq(
				fw_chain_find(end, live[i]), fw_chain_find(sw, live[i])))
				fail_msg("%s: %s not switched", name, live[i]);
		}
	}
	/* All that carries traffic in ipvs mode is there before the switch. */
	assert_int_equal(m->after[PHASE_BUILD]->lvs.n_services, ipvs->lvs.n_services);
}

static void test_old_nat_rules_decide_until_the_switch(void **state)
{
	(void)state;
	each_pair(check_nat_untouched_before_switch);
}

static void check_done(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	AUTO(migration) struct migration *a = make_migration(MODE_IPVS, ipvs, ipvs);
	AUTO(migration) struct migration *b = make_migration(MODE_IPTABLES, ipt, ipt);

	if (a->plan->n_ops || b->plan->n_ops)
		fail_msg("%s: a migrated node has nothing to do", name);
}

static void test_migrated_node_has_an_empty_plan(void **state)
{
	(void)state;
	each_pair(check_done);
}

/* ---- starting states */

static void test_leftovers_of_native_switching_migrate(void **state)
{
	(void)state;
	for (size_t step = 0; step < N_SWITCHING; step++) {
		const char *folder = native_switching[step];
		AUTO(state) struct state *have = golden_state(folder);

		for (enum mode to = MODE_IPTABLES; to <= MODE_IPVS; to++) {
			struct wanted w;

			wanted_load(&w, "switch-modes/cluster.1.json",
			    "switch-modes/config.yaml", "1.27", to, have);
			assert_migrates(folder, to, w.state, have);
			wanted_free(&w);
		}
	}
}

static void test_nothing_at_all_migrates(void **state)
{
	AUTO(state)
	struct state *have = state_from(
	    &(struct texts){.vips = "eth0    inet 10.0.0.11/24 scope global eth0\n"});

	(void)state;
	for (enum mode to = MODE_IPTABLES; to <= MODE_IPVS; to++) {
		struct wanted w;

		wanted_load(&w, "seed-like/cluster.json", "seed-like/config.yaml", "1.30",
		    to, have);
		assert_migrates("nothing", to, w.state, have);
		wanted_free(&w);
	}
}

static void test_broken_off_migration_goes_on(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(migration) struct migration *m = make_migration(MODE_IPVS, ipvs, ipt);
	struct error err = {0};

	(void)state;
	for (size_t n = 1; n < m->plan->n_ops; n += 1 + m->plan->n_ops / 40) {
		AUTO(state) struct state *half = NULL;

		if (replay_run(ipt, m->plan, n, &half, &err))
			fail_msg("%s", err.msg);
		assert_migrates("forward", MODE_IPVS, ipvs, half);
		assert_migrates("back", MODE_IPTABLES, ipt, half);
	}
}

/* ---- the helper rule */

static void test_helper_rule_only_without_detector(void **state)
{
	AUTO(state) struct state *ipt = golden_state("cfg-no-cluster-cidr/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("cfg-no-cluster-cidr/ipvs-1.27");
	AUTO(state) struct state *ipt2 = golden_state("clusterip-basic/iptables-1.27");
	AUTO(state) struct state *ipvs2 = golden_state("clusterip-basic/ipvs-1.27");
	AUTO(migration) struct migration *m = make_migration(MODE_IPVS, ipvs, ipt);
	AUTO(migration) struct migration *with = make_migration(MODE_IPVS, ipvs2, ipt2);

	(void)state;
	assert_rules(m->after[PHASE_PREPARE], FW_NAT, "OUTPUT", PORTALS);
	assert_rules(m->after[PHASE_BUILD], FW_NAT, "OUTPUT", HELPER PORTALS);
	assert_rules(m->after[PHASE_SWITCH], FW_NAT, "OUTPUT", PORTALS);
	for (enum phase ph = 0; ph < PHASE_COUNT; ph++)
		assert_rules(with->after[ph], FW_NAT, "OUTPUT", PORTALS);
}

static void test_helper_rule_stays_until_addresses_are_gone(void **state)
{
	AUTO(state) struct state *ipt = golden_state("cfg-no-cluster-cidr/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("cfg-no-cluster-cidr/ipvs-1.27");
	AUTO(migration) struct migration *m = make_migration(MODE_IPTABLES, ipt, ipvs);

	(void)state;
	assert_rules(m->after[PHASE_BUILD], FW_NAT, "OUTPUT", HELPER PORTALS);
	assert_rules(m->after[PHASE_SETTLE], FW_NAT, "OUTPUT", HELPER PORTALS);
	assert_rules(m->after[PHASE_REMOVE], FW_NAT, "OUTPUT", PORTALS);
}

/* ---- what stays */

static void test_jumps_that_would_bite_go_at_the_switch(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(migration) struct migration *m = make_migration(MODE_IPVS, ipvs, ipt);
	const struct state *built = m->after[PHASE_BUILD], *sw = m->after[PHASE_SWITCH];

	(void)state;
	assert_true(jumps(chain_in(built, FW_FILTER, "INPUT"), "KUBE-EXTERNAL-SERVICES"));
	assert_false(jumps(chain_in(sw, FW_FILTER, "INPUT"), "KUBE-EXTERNAL-SERVICES"));
	/* In FORWARD it meets nothing of ipvs mode. */
	assert_true(jumps(chain_in(sw, FW_FILTER, "FORWARD"), "KUBE-EXTERNAL-SERVICES"));
	assert_false(jumps(chain_in(sw, FW_FILTER, "OUTPUT"), "KUBE-PROXY-FIREWALL"));
}

static void test_kubelets_chains_stay(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(migration) struct migration *m = make_migration(MODE_IPVS, ipvs, ipt);
	const struct state *end = m->after[PHASE_REMOVE];

	(void)state;
	assert_non_null(chain_in(end, FW_FILTER, "KUBE-FIREWALL"));
	assert_true(jumps(chain_in(end, FW_FILTER, "INPUT"), "KUBE-FIREWALL"));
	assert_null(chain_in(end, FW_NAT, "KUBE-NODEPORTS"));
	assert_null(chain_in(end, FW_MANGLE, "KUBE-PROXY-CANARY"));
}

/* ---- what the new mode has become meanwhile */

/* Taking the old mode away leaves the new one as it has become. */
static void assert_confirms(
    const char *name, const struct keep *k, const struct state *expected)
{
	AUTO(state) struct state *kept = keep_mode(k);
	AUTO(migration) struct migration *m = make_migration(k->mode, kept, k->have);
	AUTO(state) struct state *end = run(k->have, m->plan);

	assert_verified(name, expected, end, &both_modes);
	assert_no_plan(name, expected, end, &both_modes);
}

static void check_confirms(
    const char *name, enum mode to, const struct state *before, const struct state *want)
{
	AUTO(migration) struct migration *m = make_migration(to, want, before);
	struct keep k = {to, before, want, m->after[PHASE_SETTLE], &both_modes};

	assert_confirms(name, &k, want);
}

static void check_confirms_both(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	check_confirms(name, MODE_IPVS, ipt, ipvs);
	check_confirms(name, MODE_IPTABLES, ipvs, ipt);
}

static void test_confirming_ends_where_migrating_does(void **state)
{
	(void)state;
	each_pair(check_confirms_both);
}

static void test_confirming_takes_leftovers_away(void **state)
{
	(void)state;
	for (size_t step = 0; step < N_SWITCHING; step++) {
		AUTO(state) struct state *have = golden_state(native_switching[step]);

		for (enum mode to = MODE_IPTABLES; to <= MODE_IPVS; to++) {
			struct wanted w;

			wanted_load(&w, "switch-modes/cluster.1.json",
			    "switch-modes/config.yaml", "1.27", to, have);
			check_confirms("leftovers", to, have, w.state);
			wanted_free(&w);
		}
	}
}

/* The kube-proxy of the new mode goes on to `later`, and that is what stays. */
static void check_later(const char *name, enum mode to, const struct state *before,
    const struct state *want, const struct state *later)
{
	struct scope scope = {
	    .modes = MODE_BIT(to), .families = FAMILY_BOTH, .kinds = KIND_ALL};
	AUTO(migration) struct migration *m = make_migration(to, want, before);
	const struct state *made = m->after[PHASE_SETTLE];
	AUTO(plan) struct plan *sync = make(later, made, &scope);
	AUTO(state) struct state *have = run(made, sync);
	struct keep k = {to, before, want, have, &both_modes};

	assert_true(sync->n_ops > 0);
	assert_confirms(name, &k, later);
}

static void test_confirming_keeps_what_kube_proxy_has_done_since(void **state)
{
	static const char *const clusters[] = {"cluster.1.json", "cluster.json"};
	AUTO(state) struct state *ipt = golden_state(native_switching[0]);
	AUTO(state) struct state *ipvs = golden_state(native_switching[4]);

	(void)state;
	for (enum mode to = MODE_IPTABLES; to <= MODE_IPVS; to++)
		for (int first = 0; first < 2; first++) {
			const struct state *before = to == MODE_IPVS ? ipt : ipvs;
			struct wanted w[2];

			for (int i = 0; i < 2; i++) {
				char path[64];

				snprintf(
				    path, sizeof(path), "switch-modes/%s", clusters[i]);
				wanted_load(&w[i], path, "switch-modes/config.yaml",
				    "1.27", to, before);
			}
			check_later(
			    mode_name(to), to, before, w[first].state, w[!first].state);
			wanted_free(&w[0]);
			wanted_free(&w[1]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_case_migrates_and_comes_back),
	    cmocka_unit_test(test_old_nat_rules_decide_until_the_switch),
	    cmocka_unit_test(test_migrated_node_has_an_empty_plan),
	    cmocka_unit_test(test_leftovers_of_native_switching_migrate),
	    cmocka_unit_test(test_nothing_at_all_migrates),
	    cmocka_unit_test(test_broken_off_migration_goes_on),
	    cmocka_unit_test(test_helper_rule_only_without_detector),
	    cmocka_unit_test(test_helper_rule_stays_until_addresses_are_gone),
	    cmocka_unit_test(test_jumps_that_would_bite_go_at_the_switch),
	    cmocka_unit_test(test_kubelets_chains_stay),
	    cmocka_unit_test(test_confirming_ends_where_migrating_does),
	    cmocka_unit_test(test_confirming_takes_leftovers_away),
	    cmocka_unit_test(test_confirming_keeps_what_kube_proxy_has_done_since),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
