/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Going back to a saved state: our objects exactly, others not at all. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/flush.h"
#include "plan/restore.h"
#include "state/snapshot.h"

#include "../lib/golden_states.h"

/* A copy that borrows from nobody, by way of the text of a snapshot. */
static struct state *copy_of(const struct state *s)
{
	struct snapshot_info info = {.families = FAMILY_BOTH};
	struct strbuf sb = {0};
	struct error err = {0};
	struct state *copy;

	snapshot_print(&sb, s, &info);
	if (snapshot_parse(sb.s, sb.len, "copy", &copy, &info, &err))
		fail_msg("%s", err.msg);
	strbuf_free(&sb);
	return copy;
}

static struct state *restore_in(const char *name, const struct state *saved,
    const struct state *have, const struct scope *scope)
{
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *p = NULL;
	AUTO(state) struct state *after = NULL;
	struct error err = {0};

	if (restore_plan(saved, have, scope, &want, &p, &err))
		fail_msg("%s: %s", name, err.msg);
	each_commit(name, have, p, assert_resolves);
	after = run(have, p);
	assert_verified(name, want, after, scope);
	return copy_of(after);
}

static struct state *restore(
    const char *name, const struct state *saved, const struct state *have)
{
	return restore_in(name, saved, have, &both_modes);
}

static void assert_restored(
    const char *name, const struct state *saved, const struct state *have)
{
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *p = NULL;
	struct error err = {0};
	struct strbuf sb = {0};

	if (restore_plan(saved, have, &both_modes, &want, &p, &err))
		fail_msg("%s", err.msg);
	plan_print_text(&sb, p, false);
	if (p->n_ops)
		fail_msg("%s: still to do:\n%s", name, sb.s);
	strbuf_free(&sb);
}

static size_t n_to_do(const struct state *saved, const struct state *have)
{
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *p = NULL;
	struct error err = {0};

	if (restore_plan(saved, have, &both_modes, &want, &p, &err))
		fail_msg("%s", err.msg);
	return p->n_ops;
}

/* All parts but the sysctls, which restoring cannot take away. */
static char *text_of(const struct state *s)
{
	struct strbuf sb = {0};

	for (enum part p = 0; p < PART_SYSCTLS; p++)
		state_print_part(&sb, s, p);
	return sb.s;
}

static void assert_same(const char *name, const struct state *a, const struct state *b)
{
	char *ta = text_of(a), *tb = text_of(b);

	assert_same_text(name, ta, tb);
	free(ta);
	free(tb);
}

/* ---- recorded states */

static struct state *flushed(const struct state *s, enum mode m)
{
	const struct scope scope = scope_of(m);
	AUTO(state) struct state *want = NULL;
	AUTO(plan) struct plan *p = NULL;
	AUTO(state) struct state *after = NULL;
	struct error err = {0};

	if (flush_plan(s, &scope, &want, &p, &err))
		fail_msg("%s", err.msg);
	after = run(s, p);
	return copy_of(after);
}

static void check_pair(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	AUTO(state) struct state *a = flushed(ipt, MODE_IPTABLES);
	AUTO(state) struct state *b = flushed(ipvs, MODE_IPVS);
	AUTO(state) struct state *ra = restore(name, ipt, a);
	AUTO(state) struct state *rb = restore(name, ipvs, b);
	/* From one mode to the other and back. */
	AUTO(state) struct state *there = restore(name, ipvs, ipt);
	AUTO(state) struct state *back = restore(name, ipt, there);

	assert_restored(name, ipt, ipt);
	assert_restored(name, ipvs, ipvs);
	assert_restored(name, ipt, ra);
	assert_restored(name, ipvs, rb);
	assert_restored(name, ipvs, there);
	assert_restored(name, ipt, back);
}

static void test_restore_brings_back_what_flush_took(void **state)
{
	(void)state;
	each_pair(check_pair);
}

static void test_restore_after_flush_is_the_same_text(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(state) struct state *a = flushed(ipt, MODE_IPTABLES);
	AUTO(state) struct state *b = flushed(ipvs, MODE_IPVS);
	AUTO(state) struct state *ra = restore("iptables", ipt, a);
	AUTO(state) struct state *rb = restore("ipvs", ipvs, b);

	(void)state;
	assert_same("iptables", ipt, ra);
	assert_same("ipvs", ipvs, rb);
}

static void test_restore_goes_back_through_every_step_of_native_switching(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SWITCHING; i++)
		for (size_t k = 0; k < N_SWITCHING; k++) {
			AUTO(state)
			struct state *saved = golden_state(native_switching[i]);
			AUTO(state)
			struct state *have = golden_state(native_switching[k]);
			AUTO(state)
			struct state *after = restore(native_switching[i], saved, have);

			assert_restored("again", saved, after);
		}
}

/* ---- places of jumps */

#define J(chain, c, to) "-A " chain " -m comment --comment \"" c "\" -j " to "\n"
#define HEALTH J("INPUT", "kubernetes health check service ports", "KUBE-NODEPORTS")
#define EXT                                                                              \
	"-A INPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes "         \
	"externally-visible service portals\" -j KUBE-EXTERNAL-SERVICES\n"
#define SSH "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
#define ICMP "-A INPUT -p icmp -j ACCEPT\n"
#define LOG "-A INPUT -m limit --limit 3/min -j LOG\n"
#define INPUT(rules)                                                                     \
	"*filter\n:INPUT ACCEPT [0:0]\n:KUBE-NODEPORTS - [0:0]\n"                        \
	":KUBE-EXTERNAL-SERVICES - [0:0]\n" rules "COMMIT\n"

static void check_input(const char *saved_rules, const char *have_rules, const char *text)
{
	AUTO(state)
	struct state *saved = state_from(&(struct texts){.tables = saved_rules});
	AUTO(state)
	struct state *have = state_from(&(struct texts){.tables = have_rules});
	AUTO(state) struct state *after = restore("input", saved, have);

	assert_rules(after, FW_FILTER, "INPUT", text);
	assert_restored("again", saved, after);
}

static void test_jumps_go_back_to_their_places_among_rules_of_others(void **state)
{
	(void)state;
	check_input(
	    INPUT(SSH HEALTH ICMP EXT LOG), INPUT(SSH ICMP LOG), SSH HEALTH ICMP EXT LOG);
	/* Neighbours that are gone, and new ones. */
	check_input(INPUT(SSH HEALTH ICMP EXT LOG), INPUT(LOG ICMP), HEALTH LOG ICMP EXT);
	check_input(INPUT(HEALTH SSH EXT), INPUT(ICMP SSH LOG), HEALTH ICMP SSH EXT LOG);
}

static void test_jumps_in_another_order_are_put_right(void **state)
{
	(void)state;
	check_input(INPUT(SSH HEALTH EXT), INPUT(EXT SSH HEALTH), SSH HEALTH EXT);
	check_input(INPUT(HEALTH SSH), INPUT(HEALTH HEALTH SSH EXT), HEALTH SSH);
}

static void test_jumps_stay_when_only_rules_of_others_were_added(void **state)
{
	(void)state;
	check_input(INPUT(SSH HEALTH EXT), INPUT(LOG SSH ICMP HEALTH EXT),
	    LOG SSH ICMP HEALTH EXT);
	check_input(INPUT(HEALTH EXT), INPUT(SSH HEALTH EXT), SSH HEALTH EXT);
}

static void test_jumps_that_were_not_there_go(void **state)
{
	(void)state;
	check_input(INPUT(SSH), INPUT(SSH HEALTH EXT), SSH);
}

/* ---- others */

#define OTHERS                                                                           \
	"*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"      \
	":DOCKER - [0:0]\n" SSH "-A FORWARD -j DOCKER\n"                                 \
	"-A DOCKER -m limit --limit 3/min -j LOG\nCOMMIT\n"

static struct state *others(void)
{
	return state_from(&(struct texts){
	    .tables = OTHERS,
	    .sets = "create mine hash:ip family inet hashsize 1024 maxelem 65536\n"
		    "add mine 10.9.9.9\n"
		    "create nets hash:net family inet hashsize 1024 maxelem 65536\n",
	    .lvs = "-A -t 10.9.9.9:80 -s wlc\n-a -t 10.9.9.9:80 -r 10.9.9.10:80 -g -w 5\n"
		   "-A -f 7 -s rr\n",
	    .vips = "br0    inet 10.9.9.9/24 scope global br0\n",
	});
}

static void test_what_others_had_then_does_not_come_back(void **state)
{
	AUTO(state) struct state *saved = others();
	AUTO(state)
	struct state *now = state_from(&(struct texts){.tables = INPUT(HEALTH LOG)});
	AUTO(state) struct state *after = restore("others", saved, now);

	(void)state;
	assert_rules(after, FW_FILTER, "INPUT", LOG);
	assert_null(chain_in(after, FW_FILTER, "DOCKER"));
	assert_null(chain_in(after, FW_FILTER, "KUBE-NODEPORTS"));
	assert_int_equal(after->sets.n_sets, 0);
	assert_int_equal(after->lvs.n_services, 0);
	assert_int_equal(after->vips.n_addrs, 0);
}

static void test_what_others_have_now_stays(void **state)
{
	AUTO(state) struct state *now = others();
	AUTO(state) struct state *before = others();
	AUTO(state) struct state *ipvs = golden_state("clusterip-basic/ipvs-1.27");
	AUTO(state) struct state *empty = state_from(&(struct texts){0});
	AUTO(state) struct state *there = restore("there", ipvs, now);
	AUTO(state) struct state *back = restore("back", empty, there);

	(void)state;
	assert_non_null(vip_find_link(&there->vips, VIP_LINK));
	assert_int_equal(there->lvs.n_services, ipvs->lvs.n_services + 2);
	assert_rules(back, FW_FILTER, "INPUT", SSH);
	assert_rules(
	    back, FW_FILTER, "DOCKER", "-A DOCKER -m limit --limit 3/min -j LOG\n");
	assert_int_equal(back->lvs.n_services, before->lvs.n_services);
	assert_int_equal(back->sets.n_sets, before->sets.n_sets);
	assert_int_equal(back->vips.n_addrs, before->vips.n_addrs);
}

static void test_sysctls_of_ipvs_alone_do_not_load_it(void **state)
{
	AUTO(state)
	struct state *saved = state_from(&(struct texts){.lvs = "--set 900 120 300\n",
	    .knobs = "net.ipv4.ip_forward = 1\nnet.ipv4.vs.conntrack = 1\n"});
	AUTO(state) struct state *now = state_from(&(struct texts){0});
	AUTO(state) struct state *after = restore("knobs", saved, now);

	(void)state;
	assert_int_equal(n_to_do(saved, now), 1);
	assert_non_null(knob_find(&after->knobs, "net.ipv4.ip_forward"));
}

static void test_one_family_leaves_the_other_alone(void **state)
{
	AUTO(state) struct state *ipvs = golden_state("dual-stack/ipvs-1.27");
	AUTO(state) struct state *empty = state_from(&(struct texts){0});
	struct scope scope = both_modes;
	AUTO(state) struct state *after = NULL;

	(void)state;
	scope.families = FAMILY_BIT(FAMILY_6);
	after = restore_in("IPv6", empty, ipvs, &scope);
	assert_true(state_has_vips(after, FAMILY_4));
	assert_false(state_has_vips(after, FAMILY_6));
	assert_non_null(kset_find(&after->sets, "KUBE-CLUSTER-IP"));
	assert_null(kset_find(&after->sets, "KUBE-6-CLUSTER-IP"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_restore_brings_back_what_flush_took),
	    cmocka_unit_test(test_restore_after_flush_is_the_same_text),
	    cmocka_unit_test(
		test_restore_goes_back_through_every_step_of_native_switching),
	    cmocka_unit_test(test_jumps_go_back_to_their_places_among_rules_of_others),
	    cmocka_unit_test(test_jumps_in_another_order_are_put_right),
	    cmocka_unit_test(test_jumps_stay_when_only_rules_of_others_were_added),
	    cmocka_unit_test(test_jumps_that_were_not_there_go),
	    cmocka_unit_test(test_what_others_had_then_does_not_come_back),
	    cmocka_unit_test(test_what_others_have_now_stays),
	    cmocka_unit_test(test_sysctls_of_ipvs_alone_do_not_load_it),
	    cmocka_unit_test(test_one_family_leaves_the_other_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
