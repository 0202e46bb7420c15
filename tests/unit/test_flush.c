/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What flush takes away and what it leaves: on everything that kube-proxy is known to
 * leave in a kernel, with the objects of others around it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "plan/flush.h"

#include "../lib/golden_states.h"

/* ---- helpers */

struct flushed {
	struct state *want, *after;
	struct plan *plan;
};

static struct flushed flush(const struct state *have, const struct scope *scope)
{
	struct error err = {0};
	struct flushed f = {0};

	if (flush_plan(have, scope, &f.want, &f.plan, &err))
		fail_msg("%s", err.msg);
	f.after = run(have, f.plan);
	return f;
}

static struct flushed flush_mode(const struct state *have, enum mode m)
{
	const struct scope scope = scope_of(m);

	return flush(have, &scope);
}

static void flushed_free(struct flushed *f)
{
	state_free(f->after);
	plan_free(f->plan);
	state_free(f->want);
}

static char *text_of(const struct state *s)
{
	struct strbuf sb = {0};

	for (enum part p = 0; p < PART_COUNT; p++)
		state_print_part(&sb, s, p);
	return sb.s;
}

/* Owners of everything that belongs to a mode and not to kubelet too. */
static unsigned owners_in(const struct state *s, enum family f, unsigned shared_as)
{
	unsigned all = 0;

	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++)
		for (size_t i = 0; i < s->fw[f].tables[t].n_chains; i++) {
			const struct fw_chain *c = &s->fw[f].tables[t].chains[i];
			unsigned o = own_chain(t, c->name);

			for (size_t k = 0; c->builtin && k < c->n_rules; k++) {
				unsigned j = own_jump(t, c->name, &c->rules[k]);

				if (!(j & OWN_KUBELET))
					all |= j == OWN_BOTH ? shared_as : j;
			}
			for (size_t k = 0; o == OWN_BOTH && k < c->n_rules; k++)
				if (own_rule(t, c->name, &c->rules[k]) != OWN_BOTH)
					all |= own_rule(t, c->name, &c->rules[k]);
			if (!(o & OWN_KUBELET))
				all |= o == OWN_BOTH ? shared_as : o;
		}
	for (size_t i = 0; i < s->sets.n_sets; i++)
		if ((s->sets.sets[i].name[5] == '6') == (f == FAMILY_6))
			all |= own_set(s->sets.sets[i].name);
	for (size_t i = 0; i < s->lvs.n_services; i++)
		if (s->lvs.services[i].key.family == f &&
		    own_virtual_server(s, &s->lvs.services[i]))
			all |= OWN_IPVS;
	return all | (state_has_vips(s, f) ? OWN_IPVS : 0);
}
#define SHARED 64u

/* Exactly the objects of one mode are gone. */
static void assert_flushed(
    const char *name, const struct state *have, const struct flushed *f, enum mode m)
{
	unsigned mine = MODE_BIT(m), others = OWN_BOTH & ~mine;
	const struct scope scope = scope_of(m);

	family_foreach (fam) {
		unsigned before = owners_in(have, fam, SHARED);
		unsigned after = owners_in(f->after, fam, SHARED);

		if (after & mine)
			fail_msg("%s: %s: something of %s mode is left", name,
			    family_info(fam)->name, mode_name(m));
		if ((before ^ after) & others)
			fail_msg("%s: %s: something of the other mode is gone", name,
			    family_info(fam)->name);
		if (own_modes_present(have, fam) & others)
			assert_int_equal(after & SHARED, before & SHARED);
		else
			assert_int_equal(after & SHARED, 0);
		assert_int_equal(own_modes_present(f->after, fam),
		    own_modes_present(have, fam) & others);
	}
	assert_verified(name, f->want, f->after, &scope);
	if (m == MODE_IPVS)
		assert_null(vip_find_link(&f->after->vips, VIP_LINK));
}

static void assert_kept(const struct state *have, const struct state *after,
    enum fw_table_id t, const char *chain)
{
	char *rules;

	if (!chain_in(have, t, chain))
		return;
	rules = rules_of(have, t, chain);
	assert_rules(after, t, chain, rules);
	free(rules);
}

/* kubelet's, and the chain that kube-proxy and kubelet both write. */
static void assert_kubelets(const struct state *have, const struct state *after)
{
	assert_kept(have, after, FW_FILTER, "KUBE-FIREWALL");
	assert_kept(have, after, FW_NAT, "KUBE-MARK-DROP");
	assert_kept(have, after, FW_NAT, "KUBE-KUBELET-CANARY");
	assert_kept(have, after, FW_MANGLE, "KUBE-IPTABLES-HINT");
}

static void check_flush(const char *name, const struct state *have, enum mode m)
{
	struct flushed f = flush_mode(have, m), again = flush_mode(f.after, m);

	assert_flushed(name, have, &f, m);
	assert_kubelets(have, f.after);
	each_commit(name, have, f.plan, assert_resolves);
	if (again.plan->n_ops)
		fail_msg("%s: a second flush has something to do", name);
	flushed_free(&again);
	flushed_free(&f);
}

/* ---- what kube-proxy left */

static void check_pair(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	const struct state *states[] = {ipt, ipvs};

	for (size_t i = 0; i < 2; i++)
		for (enum mode m = MODE_IPTABLES; m <= MODE_IPVS; m++)
			check_flush(name, states[i], m);
}

static void test_flush_takes_all_of_a_mode_and_nothing_else(void **state)
{
	(void)state;
	each_pair(check_pair);
}

static void test_flush_copes_with_every_step_of_native_switching(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SWITCHING; i++) {
		AUTO(state) struct state *have = golden_state(native_switching[i]);

		check_flush(native_switching[i], have, MODE_IPTABLES);
		check_flush(native_switching[i], have, MODE_IPVS);
	}
}

static void check_both(const struct state *have, enum mode first)
{
	struct flushed f = flush_mode(have, first);
	struct flushed g =
	    flush_mode(f.after, first == MODE_IPVS ? MODE_IPTABLES : MODE_IPVS);

	family_foreach (fam)
		assert_int_equal(owners_in(g.after, fam, SHARED), 0);
	flushed_free(&g);
	flushed_free(&f);
}

static void test_one_flush_after_the_other_leaves_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_SWITCHING; i++) {
		AUTO(state) struct state *have = golden_state(native_switching[i]);

		check_both(have, MODE_IPTABLES);
		check_both(have, MODE_IPVS);
	}
}

/* kube-proxy --cleanup leaves these. */
static void test_ipv6_sets_go_too(void **state)
{
	AUTO(state) struct state *have = golden_state(native_switching[3]);
	struct flushed f = flush_mode(have, MODE_IPVS);
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < have->sets.n_sets; i++)
		n += !strncmp(have->sets.sets[i].name, "KUBE-6-", 7);
	assert_int_equal(n, 17);
	assert_int_equal(f.after->sets.n_sets, 0);
	flushed_free(&f);
}

/* ---- two modes at once */

static void test_leftovers_of_iptables_mode_go_beside_ipvs_mode(void **state)
{
	AUTO(state) struct state *have = golden_state(native_switching[1]);
	AUTO(state) struct state *clean = golden_state(native_switching[1]);
	struct flushed f = flush_mode(have, MODE_IPTABLES);

	(void)state;
	/* What carries the traffic is as it was. */
	assert_kept(have, f.after, FW_NAT, "KUBE-SERVICES");
	assert_kept(have, f.after, FW_NAT, "KUBE-POSTROUTING");
	assert_kept(have, f.after, FW_NAT, "PREROUTING");
	assert_kept(have, f.after, FW_FILTER, "KUBE-FORWARD");
	assert_int_equal(f.after->lvs.n_services, have->lvs.n_services);
	assert_null(chain_in(f.after, FW_FILTER, "KUBE-SERVICES"));
	assert_null(chain_in(f.after, FW_NAT, "KUBE-NODEPORTS"));
	assert_rules(f.after, FW_FILTER, "FORWARD",
	    "-A FORWARD -m comment --comment \"kube-proxy firewall rules\" -j "
	    "KUBE-PROXY-FIREWALL\n"
	    "-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j "
	    "KUBE-FORWARD\n");
	flushed_free(&f);
}

static void test_the_carrying_mode_goes_out_of_shared_chains(void **state)
{
	AUTO(state) struct state *have = golden_state(native_switching[5]);
	struct flushed f = flush_mode(have, MODE_IPTABLES);

	(void)state;
	assert_rules(f.after, FW_NAT, "KUBE-SERVICES", "");
	assert_rules(f.after, FW_FILTER, "KUBE-FORWARD",
	    "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark "
	    "--mark 0x4000/0x4000 -j ACCEPT\n"
	    "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding conntrack rule\" "
	    "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n");
	assert_kept(have, f.after, FW_NAT, "KUBE-POSTROUTING");
	assert_kept(have, f.after, FW_FILTER, "KUBE-IPVS-FILTER");
	flushed_free(&f);
}

static void test_the_carrying_mode_is_known(void **state)
{
	static const unsigned carrying[N_SWITCHING] = {
	    OWN_IPTABLES, OWN_IPVS, OWN_IPVS, 0, OWN_IPVS, OWN_IPTABLES};

	(void)state;
	for (size_t i = 0; i < N_SWITCHING; i++) {
		AUTO(state) struct state *have = golden_state(native_switching[i]);

		if (own_modes_carrying(have, FAMILY_4) != carrying[i])
			fail_msg("%s: mask %u", native_switching[i],
			    own_modes_carrying(have, FAMILY_4));
	}
}

/* ---- order */

static void test_servers_go_before_addresses_before_guards_before_sets(void **state)
{
	AUTO(state) struct state *have = golden_state("loadbalancer/ipvs-1.27");
	struct flushed f = flush_mode(have, MODE_IPVS);
	int rank = 0;

	(void)state;
	for (size_t i = 0; i < f.plan->n_ops; i++) {
		const struct op *op = &f.plan->ops[i];
		int r = op->kind == KIND_FW && op->table == FW_NAT	  ? 1
			: op->kind == KIND_LVS				  ? 2
			: op->kind == KIND_VIP && op->sub == SUB_VIP_ADDR ? 3
			: op->kind == KIND_VIP				  ? 4
			: op->kind == KIND_FW				  ? 5
									  : 6;

		/* IPv6 has no virtual addresses here that a guard would have to outlive.
		 */
		if (op->kind == KIND_FW && op->family == FAMILY_6)
			continue;
		if (r < rank)
			fail_msg("operation %zu is out of order", i);
		rank = r;
		assert_true(op->kind != KIND_KNOB);
	}
	assert_int_equal(rank, 6);
	flushed_free(&f);
}

/* ---- others */

static void test_one_family_leaves_the_other_alone(void **state)
{
	AUTO(state) struct state *have = golden_state("dual-stack/ipvs-1.27");
	struct scope scope = scope_of(MODE_IPVS);
	struct flushed f;

	(void)state;
	scope.families = FAMILY_BIT(FAMILY_4);
	f = flush(have, &scope);
	assert_int_equal(owners_in(f.after, FAMILY_4, SHARED), 0);
	assert_int_equal(owners_in(f.after, FAMILY_6, SHARED), OWN_IPVS | SHARED);
	assert_non_null(vip_find_link(&f.after->vips, VIP_LINK));
	flushed_free(&f);
}

#define JUMP_SERVICES                                                                    \
	"-A PREROUTING -m comment --comment \"kubernetes service portals\" -j "          \
	"KUBE-SERVICES\n"

static void test_what_others_jump_to_stays_with_all_it_needs(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .tables = "*nat\n:PREROUTING ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n"
		      ":KUBE-MARK-MASQ - [0:0]\n:KUBE-NODEPORTS - [0:0]\n"
		      ":KUBE-POSTROUTING - [0:0]\n:CNI - [0:0]\n" JUMP_SERVICES
		      "-A PREROUTING -p tcp -j CNI\n"
		      "-A CNI -j KUBE-NODEPORTS\n"
		      "-A KUBE-NODEPORTS -j KUBE-MARK-MASQ\nCOMMIT\n"});
	struct flushed f = flush_mode(have, MODE_IPTABLES);
	const struct scope scope = scope_of(MODE_IPTABLES);

	(void)state;
	assert_null(chain_in(f.after, FW_NAT, "KUBE-SERVICES"));
	assert_null(chain_in(f.after, FW_NAT, "KUBE-POSTROUTING"));
	assert_rules(
	    f.after, FW_NAT, "KUBE-NODEPORTS", "-A KUBE-NODEPORTS -j KUBE-MARK-MASQ\n");
	assert_rules(f.after, FW_NAT, "CNI", "-A CNI -j KUBE-NODEPORTS\n");
	assert_non_null(chain_in(f.after, FW_NAT, "KUBE-MARK-MASQ"));
	/* One warning for the one rule, not for what follows from it. */
	assert_int_equal(f.plan->notes.list.n, 1);
	assert_string_equal(f.plan->notes.list.v[0].about, "KUBE-NODEPORTS");
	assert_verified("held", f.want, f.after, &scope);
	flushed_free(&f);
}

static void test_sets_that_rules_of_others_match_stay(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .tables =
		"*filter\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
		"-A INPUT -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT\n"
		"-A OUTPUT -m limit --limit 3/min -m set --match-set KUBE-LOOP-BACK "
		"dst,dst,src -j LOG\nCOMMIT\n",
	    .sets = "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 "
		    "maxelem 65536\n"
		    "create KUBE-EXTERNAL-IP hash:ip,port family inet hashsize 1024 "
		    "maxelem 65536\n"
		    "create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 "
		    "maxelem 65536\n"});
	struct flushed f = flush_mode(have, MODE_IPVS);

	(void)state;
	assert_int_equal(f.after->sets.n_sets, 2);
	assert_non_null(kset_find(&f.after->sets, "KUBE-CLUSTER-IP"));
	assert_non_null(kset_find(&f.after->sets, "KUBE-LOOP-BACK"));
	assert_int_equal(f.plan->notes.list.n, 2);
	flushed_free(&f);
}

static void test_objects_of_others_stay_as_they_are(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .tables = "*filter\n:INPUT DROP [0:0]\n:DOCKER - [0:0]\n:cali-x - [0:0]\n"
		      ":KUBE-SVC-SHORT - [0:0]\n"
		      "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"
		      "-A INPUT -j KUBE-ROUTER-INPUT\n:KUBE-ROUTER-INPUT - [0:0]\n"
		      "-A DOCKER -m limit --limit 3/min -j LOG\nCOMMIT\n",
	    .sets = "create mine hash:ip family inet hashsize 1024 maxelem 65536\n"
		    "create KUBE-SRC-ABC hash:net family inet hashsize 1024 maxelem 9\n",
	    .lvs = "-A -t 10.9.9.9:80 -s wlc\n-a -t 10.9.9.9:80 -r 10.9.9.10:80 -g -w 5\n"
		   "-A -f 7 -s rr\n",
	    .vips = "br0    inet 10.9.9.9/24 scope global br0\n",
	    .knobs = "net.ipv4.vs.conntrack = 1\n",
	});
	char *before = text_of(have);

	(void)state;
	for (enum mode m = MODE_IPTABLES; m <= MODE_IPVS; m++) {
		struct flushed f = flush_mode(have, m);
		char *after = text_of(f.after);

		assert_int_equal(f.plan->n_ops, 0);
		assert_string_equal(before, after);
		free(after);
		flushed_free(&f);
	}
	free(before);
}

static void test_each_rule_of_a_shared_chain_has_its_mode(void **state)
{
	static const char *const chains[] = {
	    "KUBE-SERVICES", "KUBE-POSTROUTING", "KUBE-MARK-MASQ"};
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	const struct state *states[] = {ipt, ipvs};

	(void)state;
	for (enum mode m = MODE_IPTABLES; m <= MODE_IPVS; m++)
		for (size_t i = 0; i < 3; i++) {
			const struct fw_chain *c = chain_in(states[m], FW_NAT, chains[i]);

			for (size_t k = 0; k < c->n_rules; k++) {
				unsigned o = own_rule(FW_NAT, c->name, &c->rules[k]);

				assert_true(o & MODE_BIT(m));
				if (i == 0)
					assert_int_equal(o, MODE_BIT(m));
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_flush_takes_all_of_a_mode_and_nothing_else),
	    cmocka_unit_test(test_flush_copes_with_every_step_of_native_switching),
	    cmocka_unit_test(test_one_flush_after_the_other_leaves_nothing),
	    cmocka_unit_test(test_ipv6_sets_go_too),
	    cmocka_unit_test(test_leftovers_of_iptables_mode_go_beside_ipvs_mode),
	    cmocka_unit_test(test_the_carrying_mode_goes_out_of_shared_chains),
	    cmocka_unit_test(test_the_carrying_mode_is_known),
	    cmocka_unit_test(test_servers_go_before_addresses_before_guards_before_sets),
	    cmocka_unit_test(test_one_family_leaves_the_other_alone),
	    cmocka_unit_test(test_what_others_jump_to_stays_with_all_it_needs),
	    cmocka_unit_test(test_sets_that_rules_of_others_match_stay),
	    cmocka_unit_test(test_objects_of_others_stay_as_they_are),
	    cmocka_unit_test(test_each_rule_of_a_shared_chain_has_its_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
