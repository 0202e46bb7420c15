/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a plan changes, what it leaves alone, and in which order. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_states.h"

#define NAT(rules) "*nat\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n" rules "COMMIT\n"
#define PROXY_FW                                                                         \
	"-A INPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes load "    \
	"balancer firewall\" -j KUBE-PROXY-FIREWALL\n"
#define HEALTH                                                                           \
	"-A INPUT -m comment --comment \"kubernetes health check service ports\" -j "    \
	"KUBE-NODEPORTS\n"
#define EXTERNAL                                                                         \
	"-A INPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes "         \
	"externally-visible service portals\" -j KUBE-EXTERNAL-SERVICES\n"
#define FILTER(rules)                                                                    \
	"*filter\n:INPUT ACCEPT [0:0]\n:KUBE-EXTERNAL-SERVICES - [0:0]\n"                \
	":KUBE-NODEPORTS - [0:0]\n:KUBE-PROXY-FIREWALL - [0:0]\n" rules "COMMIT\n"

/* ---- equal states */

static void check_equal(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	assert_no_plan(name, ipt, ipt, &both_modes);
	assert_no_plan(name, ipvs, ipvs, &both_modes);
}

static void test_equal_states_need_nothing(void **state)
{
	(void)state;
	each_pair(check_equal);
}

static void check_emitted(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	char cluster[256], config[256];

	/* Its dump is of a later change of the cluster. */
	if (!strcmp(name, "update-endpoints"))
		return;
	snprintf(cluster, sizeof(cluster), "%.200s/cluster.json", name);
	snprintf(config, sizeof(config), "%.200s/config.yaml", name);
	for (enum mode m = MODE_IPTABLES; m <= MODE_IPVS; m++) {
		const struct state *have = m == MODE_IPVS ? ipvs : ipt;
		struct scope scope = scope_of(m);
		struct wanted w;

		/* The dumps say what changed of the sysctls, not what was right. */
		scope.kinds &= ~KIND_BIT(KIND_KNOB);
		scope.families = 0;
		family_foreach (f)
			scope.families |= have->fw[f].present ? FAMILY_BIT(f) : 0;
		wanted_load(&w, cluster, config, "1.27", m, have);
		assert_no_plan(name, w.state, have, &scope);
		assert_verified(name, w.state, have, &scope);
		wanted_free(&w);
	}
}

static void test_what_kube_proxy_left_needs_nothing(void **state)
{
	(void)state;
	each_pair(check_emitted);
}

/* ---- chains in random order */

static void test_random_order_is_kept(void **state)
{
	AUTO(state)
	struct state *have = state_from(
	    &(struct texts){.tables = NAT("-A KUBE-SERVICES -d 10.0.0.3/32 -j RETURN\n"
					  "-A KUBE-SERVICES -d 10.0.0.9/32 -j RETURN\n"
					  "-A KUBE-SERVICES -d 10.0.0.1/32 -j RETURN\n"
					  "-A KUBE-SERVICES -j ACCEPT\n")});
	AUTO(state)
	struct state *want = state_from(
	    &(struct texts){.tables = NAT("-A KUBE-SERVICES -d 10.0.0.1/32 -j RETURN\n"
					  "-A KUBE-SERVICES -d 10.0.0.2/32 -j RETURN\n"
					  "-A KUBE-SERVICES -d 10.0.0.3/32 -j RETURN\n"
					  "-A KUBE-SERVICES -j ACCEPT\n")});
	struct fw_chain *c =
	    fw_chain_find(&want->fw[FAMILY_4].tables[FW_NAT], "KUBE-SERVICES");
	AUTO(plan) struct plan *p = NULL;
	AUTO(state) struct state *after = NULL;

	(void)state;
	c->unordered = true;
	c->n_tail = 1;
	p = make(want, have, &both_modes);
	after = run(have, p);
	assert_rules(after, FW_NAT, "KUBE-SERVICES",
	    "-A KUBE-SERVICES -d 10.0.0.3/32 -j RETURN\n"
	    "-A KUBE-SERVICES -d 10.0.0.1/32 -j RETURN\n"
	    "-A KUBE-SERVICES -d 10.0.0.2/32 -j RETURN\n"
	    "-A KUBE-SERVICES -j ACCEPT\n");
}

static void test_another_order_is_no_difference(void **state)
{
	AUTO(state)
	struct state *have =
	    state_from(&(struct texts){.tables = NAT("-A KUBE-SERVICES -j DROP\n"
						     "-A KUBE-SERVICES -j RETURN\n")});
	AUTO(state)
	struct state *want =
	    state_from(&(struct texts){.tables = NAT("-A KUBE-SERVICES -j RETURN\n"
						     "-A KUBE-SERVICES -j DROP\n")});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);

	(void)state;
	assert_int_equal(p->n_ops, 1);
	fw_chain_find(&want->fw[FAMILY_4].tables[FW_NAT], "KUBE-SERVICES")->unordered =
	    true;
	assert_no_plan("order", want, have, &both_modes);
}

/* ---- built-in chains */

static void assert_input(const char *have_rules, const char *want_rules, const char *text)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){.tables = have_rules});
	AUTO(state)
	struct state *want = state_from(&(struct texts){.tables = want_rules});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	AUTO(state) struct state *after = run(have, p);

	assert_rules(after, FW_FILTER, "INPUT", text);
	assert_verified("input", want, after, &both_modes);
}

static void test_missing_jumps_come_to_the_top_in_order(void **state)
{
	(void)state;
	assert_input(FILTER("-A INPUT -p tcp -j ACCEPT\n"),
	    FILTER(PROXY_FW HEALTH EXTERNAL),
	    PROXY_FW HEALTH EXTERNAL "-A INPUT -p tcp -j ACCEPT\n");
}

static void test_missing_jump_goes_below_its_predecessor(void **state)
{
	(void)state;
	assert_input(FILTER(PROXY_FW EXTERNAL "-A INPUT -p tcp -j ACCEPT\n"),
	    FILTER(PROXY_FW HEALTH EXTERNAL),
	    PROXY_FW HEALTH EXTERNAL "-A INPUT -p tcp -j ACCEPT\n");
}

static void test_missing_jump_goes_to_the_top_when_others_stand_above(void **state)
{
	(void)state;
	assert_input(FILTER("-A INPUT -p tcp -j ACCEPT\n" PROXY_FW),
	    FILTER(PROXY_FW HEALTH), HEALTH "-A INPUT -p tcp -j ACCEPT\n" PROXY_FW);
}

static void test_present_jumps_stay_wherever_they_are(void **state)
{
	(void)state;
	assert_input(FILTER(EXTERNAL "-A INPUT -p tcp -j ACCEPT\n" HEALTH PROXY_FW),
	    FILTER(PROXY_FW HEALTH EXTERNAL),
	    EXTERNAL "-A INPUT -p tcp -j ACCEPT\n" HEALTH PROXY_FW);
}

static void test_unwanted_jumps_go_and_foreign_ones_stay(void **state)
{
	(void)state;
	assert_input(FILTER(PROXY_FW "-A INPUT -j KUBE-FIREWALL-X\n" EXTERNAL
				     "-A INPUT -s 10.0.0.0/8 -j KUBE-NODEPORTS\n"),
	    FILTER(PROXY_FW),
	    PROXY_FW "-A INPUT -j KUBE-FIREWALL-X\n"
		     "-A INPUT -s 10.0.0.0/8 -j KUBE-NODEPORTS\n");
}

static void test_foreign_rules_keep_their_counters(void **state)
{
	AUTO(state)
	struct state *have = state_from(
	    &(struct texts){.tables = FILTER("[7:420] -A INPUT -p tcp -j ACCEPT\n")});
	AUTO(state)
	struct state *want = state_from(&(struct texts){.tables = FILTER(PROXY_FW)});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	const struct fw_chain *c = p->ops[0].want;

	(void)state;
	assert_string_equal(c->name, "INPUT");
	assert_int_equal(c->n_rules, 2);
	assert_int_equal(c->rules[1].packets, 7);
	assert_int_equal(c->rules[1].bytes, 420);
}

/* ---- whose things they are */

static const char foreign_tables[] =
    "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n"
    ":DOCKER - [0:0]\n"
    ":KUBE-SVC-SHORT - [0:0]\n"
    "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A FORWARD -o docker0 -j DOCKER\n"
    "-A DOCKER -m limit --limit 3/min -j LOG\nCOMMIT\n"
    "*raw\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -d 10.96.0.10/32 -j CT --notrack\n"
    "COMMIT\n";

/* What an operator must not lose. */
static struct state *foreign_state(void)
{
	return state_from(&(struct texts){
	    .tables = foreign_tables,
	    .sets = "create mine hash:ip family inet hashsize 1024 maxelem 65536\n"
		    "add mine 10.9.9.9\n"
		    "create nets hash:net family inet hashsize 1024 maxelem 65536\n",
	    .lvs = "-A -t 10.9.9.9:80 -s wlc\n-a -t 10.9.9.9:80 -r 10.9.9.10:80 -g -w 5\n"
		   "-A -f 7 -s rr\n",
	    .vips = "br0    inet 10.9.9.9/24 scope global br0\n",
	});
}

static void assert_foreign(const char *name, const struct state *s)
{
	const struct fw_chain *docker = chain_in(s, FW_FILTER, "DOCKER");
	const struct lvs_key mark = {.fwmark = 7, .family = FAMILY_4};
	const struct kset *mine = kset_find(&s->sets, "mine");
	char *input = rules_of(s, FW_FILTER, "INPUT");

	if (!strstr(input, "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n"))
		fail_msg("%s: a foreign rule is lost", name);
	free(input);
	assert_int_equal(docker->n_rules, 1);
	assert_non_null(chain_in(s, FW_FILTER, "KUBE-SVC-SHORT"));
	assert_rules(
	    s, FW_RAW, "PREROUTING", "-A PREROUTING -d 10.96.0.10/32 -j CT --notrack\n");
	assert_int_equal(mine->n_entries, 1);
	assert_non_null(kset_find(&s->sets, "nets"));
	assert_non_null(lvs_find(&s->lvs, &mark));
	assert_non_null(vip_find_link(&s->vips, "br0"));
}

static void check_foreign(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	AUTO(state) struct state *start = foreign_state();
	AUTO(plan) struct plan *first = make(ipt, start, &both_modes);
	AUTO(state) struct state *a = run(start, first);
	AUTO(migration) struct migration *there = make_migration(MODE_IPVS, ipvs, a);
	AUTO(state) struct state *b = run(a, there->plan);
	AUTO(plan) struct plan *back = make(ipt, b, &both_modes);
	AUTO(state) struct state *c = run(b, back);

	assert_foreign(name, a);
	assert_foreign(name, b);
	assert_verified(name, ipvs, b, &both_modes);
	assert_non_null(vip_find_link(&b->vips, VIP_LINK));
	assert_foreign(name, c);
	assert_verified(name, ipt, c, &both_modes);
	assert_null(vip_find_link(&c->vips, VIP_LINK));
}

static void test_foreign_objects_stay(void **state)
{
	(void)state;
	each_pair(check_foreign);
}

static void test_scope_of_one_mode_leaves_the_other_alone(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	const struct scope scope = scope_of(MODE_IPVS);
	AUTO(plan) struct plan *p = make(ipvs, ipt, &scope);
	AUTO(state) struct state *after = run(ipt, p);

	(void)state;
	assert_non_null(chain_in(after, FW_NAT, "KUBE-NODEPORTS"));
	assert_non_null(chain_in(after, FW_FILTER, "KUBE-EXTERNAL-SERVICES"));
	assert_verified("ipvs", ipvs, after, &scope);
	for (size_t i = 0; i < p->n_ops; i++)
		assert_int_not_equal(p->ops[i].phase, PHASE_REMOVE);
}

static void test_one_family_leaves_the_other_alone(void **state)
{
	AUTO(state) struct state *ipt = golden_state("dual-stack/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("dual-stack/ipvs-1.27");
	struct scope scope = both_modes;
	AUTO(plan) struct plan *p = NULL;
	AUTO(state) struct state *after = NULL;

	(void)state;
	scope.families = FAMILY_BIT(FAMILY_6);
	p = make(ipt, ipvs, &scope);
	after = run(ipvs, p);
	assert_non_null(kset_find(&after->sets, "KUBE-CLUSTER-IP"));
	assert_null(kset_find(&after->sets, "KUBE-6-CLUSTER-IP"));
	assert_non_null(vip_find_link(&after->vips, VIP_LINK));
	assert_non_null(chain_in(after, FW_FILTER, "KUBE-IPVS-FILTER"));
	for (size_t i = 0; i < after->lvs.n_services; i++)
		assert_int_equal(after->lvs.services[i].key.family, FAMILY_4);
	scope.families = FAMILY_BIT(FAMILY_4);
	assert_no_plan("4", ipvs, after, &scope);
}

static void test_chain_that_others_jump_to_is_not_removed(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .tables = "*nat\n:MINE - [0:0]\n:KUBE-LOAD-BALANCER - [0:0]\n"
		      ":KUBE-NODE-PORT - [0:0]\n:KUBE-MARK-MASQ - [0:0]\n"
		      "-A MINE -j KUBE-LOAD-BALANCER\n"
		      "-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ\nCOMMIT\n"});
	AUTO(state) struct state *want = state_from(&(struct texts){0});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	AUTO(state) struct state *after = run(have, p);

	(void)state;
	assert_non_null(chain_in(after, FW_NAT, "KUBE-LOAD-BALANCER"));
	assert_non_null(chain_in(after, FW_NAT, "KUBE-MARK-MASQ"));
	assert_null(chain_in(after, FW_NAT, "KUBE-NODE-PORT"));
	assert_int_equal(notes_count(&p->notes, NOTE_WARNING), 2);
	assert_resolves("in use", after);
	assert_verified("in use", want, after, &both_modes);
}

static void test_kubelets_rules_in_its_firewall_chain_stay(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .tables = "*filter\n:KUBE-FIREWALL - [0:0]\n"
		      "-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP\nCOMMIT\n"});
	AUTO(state)
	struct state *want = state_from(&(struct texts){
	    .tables = "*filter\n:KUBE-FIREWALL - [0:0]\n"
		      "-A KUBE-FIREWALL -d 127.0.0.0/8 -j DROP\nCOMMIT\n"});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);
	AUTO(state) struct state *after = run(have, p);

	(void)state;
	assert_rules(after, FW_FILTER, "KUBE-FIREWALL",
	    "-A KUBE-FIREWALL -d 127.0.0.0/8 -j DROP\n"
	    "-A KUBE-FIREWALL -m mark --mark 0x8000/0x8000 -j DROP\n");
	assert_verified("kubelet", want, after, &both_modes);
}

/* ---- sets and virtual servers */

#define CLUSTER_IP "KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem "

static void test_set_of_another_size_is_created_anew(void **state)
{
	AUTO(state)
	struct state *have =
	    state_from(&(struct texts){.sets = "create " CLUSTER_IP "1000\n"});
	AUTO(state)
	struct state *want =
	    state_from(&(struct texts){.sets = "create " CLUSTER_IP "65536\n"});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);

	(void)state;
	assert_int_equal(p->n_ops, 1);
	assert_non_null(p->ops[0].have);
	assert_non_null(strstr(p->ops[0].why, "destroyed and created"));
}

static void test_grown_hash_is_no_difference(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .sets = "create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 4096 "
		    "maxelem 65536 bucketsize 12 initval 0x1234\n"});
	AUTO(state)
	struct state *want =
	    state_from(&(struct texts){.sets = "create " CLUSTER_IP "65536\n"});

	(void)state;
	assert_no_plan("hashsize", want, have, &both_modes);
}

static void test_foreign_set_under_our_name_is_refused(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .sets =
		"create KUBE-CLUSTER-IP hash:net family inet hashsize 1024 maxelem 1\n"});
	AUTO(state)
	struct state *want =
	    state_from(&(struct texts){.sets = "create " CLUSTER_IP "65536\n"});
	struct plan *p = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(plan_make(want, have, &both_modes, &p, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_non_null(strstr(err.msg, "KUBE-CLUSTER-IP"));
	assert_null(p);
}

#define SERVER "-A -t 10.9.9.9:80 -s rr\n"

static void test_virtual_servers_that_may_go(void **state)
{
	AUTO(state) struct state *foreign = state_from(&(struct texts){.lvs = SERVER});
	AUTO(state)
	struct state *own = state_from(&(struct texts){.lvs = SERVER,
	    .vips = "kube-ipvs0    inet 10.9.9.9/32 scope global kube-ipvs0\n"});
	AUTO(state) struct state *want = state_from(&(struct texts){0});
	struct scope scope = both_modes;
	struct lvs_key key = foreign->lvs.services[0].key;
	struct prefix keep;
	struct plan *p;

	(void)state;
	scope.kinds = KIND_BIT(KIND_LVS);
	assert_no_plan("foreign", want, foreign, &scope);
	p = make(want, own, &scope);
	assert_int_equal(p->n_ops, 1);
	plan_free(p);
	scope.ledger = &key;
	scope.n_ledger = 1;
	p = make(want, foreign, &scope);
	assert_int_equal(p->n_ops, 1);
	plan_free(p);
	assert_true(prefix_parse("10.9.0.0/16", &keep));
	scope.exclude_cidrs = &keep;
	scope.n_exclude_cidrs = 1;
	assert_no_plan("excluded", want, own, &scope);
	assert_no_plan("excluded", want, foreign, &scope);
}

static void test_address_with_another_prefix_is_bound(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .vips = "kube-ipvs0    inet 10.9.9.9/24 scope global kube-ipvs0\n"});
	AUTO(state)
	struct state *want = state_from(&(struct texts){
	    .vips = "kube-ipvs0    inet 10.9.9.9/32 scope global kube-ipvs0\n"});

	(void)state;
	assert_no_plan("prefix", want, have, &both_modes);
	assert_verified("prefix", want, have, &both_modes);
}

/* IPv6 addresses stay tentative on one that is down, and is no dummy. */
static void test_link_of_another_type_is_said(void **state)
{
	AUTO(state)
	struct state *have =
	    state_from(&(struct texts){.vips = "link add kube-ipvs0 type bridge\n"});
	AUTO(state)
	struct state *want =
	    state_from(&(struct texts){.vips = "link add kube-ipvs0 type dummy\n"});
	struct plan *p = make(want, have, &both_modes);

	(void)state;
	assert_int_equal(p->n_ops, 0);
	assert_int_equal(p->notes.list.n, 1);
	assert_non_null(strstr(p->notes.list.v[0].text, "bridge"));
	plan_free(p);
	p = make(want, want, &both_modes);
	assert_int_equal(p->notes.list.n, 0);
	plan_free(p);
}

static void test_link_of_another_type_is_not_deleted(void **state)
{
	AUTO(state)
	struct state *have = state_from(&(struct texts){
	    .vips =
		"link add kube-ipvs0 type bridge\naddress add 10.9.9.9/32 dev kube-ipvs0\n"});
	AUTO(state) struct state *want = state_from(&(struct texts){.vips = ""});
	struct plan *p = make(want, have, &both_modes);

	(void)state;
	assert_int_equal(p->n_ops, 1);
	assert_int_equal(p->ops[0].sub, SUB_VIP_ADDR);
	assert_int_equal(p->notes.list.n, 1);
	assert_non_null(strstr(p->notes.list.v[0].text, "a bridge"));
	AUTO(state) struct state *after = run(have, p);

	assert_verified("a bridge that stays", want, after, &both_modes);
	plan_free(p);
}

static void test_sysctls_are_set_and_never_set_back(void **state)
{
	AUTO(state)
	struct state *have =
	    state_from(&(struct texts){.knobs = "net.ipv4.ip_forward = 0\n"
						"net.ipv4.vs.conntrack = 1\n"});
	AUTO(state)
	struct state *want =
	    state_from(&(struct texts){.knobs = "net.ipv4.ip_forward = 1\n"});
	AUTO(plan) struct plan *p = make(want, have, &both_modes);

	(void)state;
	assert_int_equal(p->n_ops, 1);
	assert_int_equal(p->ops[0].phase, PHASE_PREPARE);
}

/* ---- order */

static void check_order(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	AUTO(plan) struct plan *p = make(ipvs, ipt, &both_modes);
	size_t filter = 0, server = 0, addr = 0, nat = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct op *op = &p->ops[i];

		for (size_t k = i + 2; k < p->n_ops; k++)
			if (!same_commit(op, op + 1) && same_commit(op, &p->ops[k]))
				fail_msg("%s: two commits of one table", name);
		if (op->kind == KIND_FW && op->table == FW_FILTER && !op->family)
			filter = i;
		if (op->kind == KIND_LVS)
			server = i;
		if (op->sub == SUB_VIP_ADDR)
			addr = i;
		if (op->kind == KIND_FW && op->table == FW_NAT && !nat)
			nat = i;
	}
	/* Guard, servers, addresses, and only then the rules that send traffic there. */
	if (addr)
		assert_true(filter < server && server < addr && addr < nat);
}

static void test_guard_servers_addresses_then_nat(void **state)
{
	(void)state;
	each_pair(check_order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_equal_states_need_nothing),
	    cmocka_unit_test(test_what_kube_proxy_left_needs_nothing),
	    cmocka_unit_test(test_random_order_is_kept),
	    cmocka_unit_test(test_another_order_is_no_difference),
	    cmocka_unit_test(test_missing_jumps_come_to_the_top_in_order),
	    cmocka_unit_test(test_missing_jump_goes_below_its_predecessor),
	    cmocka_unit_test(test_missing_jump_goes_to_the_top_when_others_stand_above),
	    cmocka_unit_test(test_present_jumps_stay_wherever_they_are),
	    cmocka_unit_test(test_unwanted_jumps_go_and_foreign_ones_stay),
	    cmocka_unit_test(test_foreign_rules_keep_their_counters),
	    cmocka_unit_test(test_foreign_objects_stay),
	    cmocka_unit_test(test_scope_of_one_mode_leaves_the_other_alone),
	    cmocka_unit_test(test_one_family_leaves_the_other_alone),
	    cmocka_unit_test(test_chain_that_others_jump_to_is_not_removed),
	    cmocka_unit_test(test_kubelets_rules_in_its_firewall_chain_stay),
	    cmocka_unit_test(test_set_of_another_size_is_created_anew),
	    cmocka_unit_test(test_grown_hash_is_no_difference),
	    cmocka_unit_test(test_foreign_set_under_our_name_is_refused),
	    cmocka_unit_test(test_virtual_servers_that_may_go),
	    cmocka_unit_test(test_address_with_another_prefix_is_bound),
	    cmocka_unit_test(test_link_of_another_type_is_said),
	    cmocka_unit_test(test_link_of_another_type_is_not_deleted),
	    cmocka_unit_test(test_sysctls_are_set_and_never_set_back),
	    cmocka_unit_test(test_guard_servers_addresses_then_nat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
