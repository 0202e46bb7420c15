/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ownership: whose chains, jumps, sets and virtual servers are whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_files.h"
#include "state/own.h"
#include "state/source.h"

#define I OWN_IPTABLES
#define V OWN_IPVS
#define K OWN_KUBELET

static void test_chains_belong_to_modes_by_table_and_exact_name(void **state)
{
	static const struct {
		enum fw_table_id table;
		const char *name;
		unsigned owner;
	} cases[] = {
	    {FW_FILTER, "KUBE-SERVICES", I},
	    {FW_NAT, "KUBE-SERVICES", I | V},
	    {FW_FILTER, "KUBE-EXTERNAL-SERVICES", I},
	    {FW_NAT, "KUBE-EXTERNAL-SERVICES", OWN_FOREIGN},
	    {FW_FILTER, "KUBE-NODEPORTS", I},
	    {FW_NAT, "KUBE-NODEPORTS", I},
	    {FW_FILTER, "KUBE-NODE-PORT", V},
	    {FW_NAT, "KUBE-NODE-PORT", V},
	    {FW_FILTER, "KUBE-FORWARD", I | V},
	    {FW_FILTER, "KUBE-PROXY-FIREWALL", I | V},
	    {FW_FILTER, "KUBE-SOURCE-RANGES-FIREWALL", V},
	    {FW_FILTER, "KUBE-IPVS-FILTER", V},
	    {FW_FILTER, "KUBE-IPVS-OUT-FILTER", V},
	    {FW_NAT, "KUBE-LOAD-BALANCER", V},
	    {FW_NAT, "KUBE-POSTROUTING", I | V},
	    {FW_NAT, "KUBE-MARK-MASQ", I | V},
	    {FW_FILTER, "KUBE-FIREWALL", I | K},
	    {FW_NAT, "KUBE-MARK-DROP", K},
	    {FW_MANGLE, "KUBE-IPTABLES-HINT", K},
	    {FW_NAT, "KUBE-IPTABLES-HINT", OWN_FOREIGN},
	    {FW_FILTER, "KUBE-KUBELET-CANARY", K},
	    {FW_MANGLE, "KUBE-KUBELET-CANARY", K},
	    {FW_MANGLE, "KUBE-PROXY-CANARY", I},
	    {FW_NAT, "KUBE-PROXY-CANARY", I},
	    {FW_FILTER, "KUBE-PROXY-CANARY", I},
	    {FW_RAW, "KUBE-PROXY-CANARY", OWN_FOREIGN},
	    {FW_NAT, "KUBE-SVC-NPX46M4PTMTKRN6Y", I},
	    {FW_NAT, "KUBE-SVL-NPX46M4PTMTKRN6Y", I},
	    {FW_NAT, "KUBE-SEP-NPX46M4PTMTKRN6Y", I},
	    {FW_NAT, "KUBE-EXT-NPX46M4PTMTKRN6Y", I},
	    {FW_NAT, "KUBE-FW-NPX46M4PTMTKRN6Y", I},
	    {FW_NAT, "KUBE-XLB-NPX46M4PTMTKRN6Y", I},
	    {FW_FILTER, "KUBE-SVC-NPX46M4PTMTKRN6Y", OWN_FOREIGN},
	    {FW_NAT, "KUBE-SVC-NPX46M4PTMTKRN6", OWN_FOREIGN},
	    {FW_NAT, "KUBE-SVC-NPX46M4PTMTKRN6YY", OWN_FOREIGN},
	    {FW_NAT, "KUBE-SVC-NPX46M4PTMTKRN61", OWN_FOREIGN},
	    {FW_NAT, "KUBE-SVC-npx46m4ptmtkrn6y", OWN_FOREIGN},
	    {FW_NAT, "KUBE-ROUTER-SERVICES", OWN_FOREIGN},
	    {FW_FILTER, "KUBE-NWPLCY-DEFAULT", OWN_FOREIGN},
	    {FW_NAT, "KUBE-SERVICES2", OWN_FOREIGN},
	    {FW_FILTER, "INPUT", OWN_FOREIGN},
	    {FW_NAT, "DOCKER", OWN_FOREIGN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (own_chain(cases[i].table, cases[i].name) != cases[i].owner)
			fail_msg("%s %s: %u", fw_table_name(cases[i].table),
			    cases[i].name, own_chain(cases[i].table, cases[i].name));
}

static unsigned jump(enum fw_table_id table, const char *chain, const char *text)
{
	struct arena *a = arena_new();
	struct error err = {0};
	struct fw_rule r;
	unsigned owner;

	if (fw_parse_rule(text, FAMILY_4, a, &r, &err))
		fail_msg("%s", err.msg);
	owner = own_jump(table, chain, &r);
	arena_free(a);
	return owner;
}

static void test_jumps_belong_to_modes_by_chain_and_whole_rule(void **state)
{
	static const struct {
		enum fw_table_id table;
		const char *chain, *rule;
		unsigned owner;
	} cases[] = {
	    {FW_FILTER, "INPUT",
		"-m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j "
		"KUBE-SERVICES",
		I}, /* before 1.20 */
	    {FW_NAT, "OUTPUT",
		"-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
		I | V},
	    {FW_NAT, "POSTROUTING",
		"-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
		OWN_FOREIGN},
	    {FW_FILTER, "OUTPUT",
		"-m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
		OWN_FOREIGN},
	    {FW_FILTER, "INPUT", "-j KUBE-FIREWALL", I | K},
	    {FW_FILTER, "FORWARD", "-j KUBE-FIREWALL", OWN_FOREIGN},
	    {FW_FILTER, "FORWARD",
		"-m comment --comment \"kube-proxy firewall rules\" -j KUBE-PROXY-FIREWALL",
		V},
	    {FW_FILTER, "FORWARD",
		"-m conntrack --ctstate NEW -m comment --comment \"kubernetes load balancer "
		"firewall\" -j KUBE-PROXY-FIREWALL",
		I},
	    {FW_FILTER, "FORWARD",
		"-m conntrack ! --ctstate NEW -m comment --comment \"kubernetes load balancer "
		"firewall\" -j KUBE-PROXY-FIREWALL",
		OWN_FOREIGN},
	    {FW_FILTER, "OUTPUT",
		"-m comment --comment \"kubernetes ipvs access filter\" -j KUBE-IPVS-OUT-FILTER",
		V},
	    {FW_FILTER, "OUTPUT",
		"-m comment --comment \"kubernetes ipvs access filter\" -j KUBE-IPVS-FILTER",
		OWN_FOREIGN},
	    {FW_NAT, "OUTPUT",
		"-m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ", V},
	    {FW_NAT, "OUTPUT",
		"-m set --match-set KUBE-6-CLUSTER-IP src,dst -j KUBE-MARK-MASQ", V},
	    {FW_NAT, "OUTPUT",
		"-m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
		OWN_FOREIGN},
	    {FW_NAT, "PREROUTING",
		"-m set --match-set KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ",
		OWN_FOREIGN},
	    /* somebody's own variations */
	    {FW_NAT, "OUTPUT", "-j KUBE-SERVICES", OWN_FOREIGN},
	    {FW_NAT, "OUTPUT",
		"-m comment --comment \"kubernetes service portals\" -g KUBE-SERVICES",
		OWN_FOREIGN},
	    {FW_NAT, "OUTPUT",
		"-o eth0 -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
		OWN_FOREIGN},
	    {FW_NAT, "OUTPUT",
		"-m comment --comment \"kubernetes service portals\" -m mark --mark 0x1 -j "
		"KUBE-SERVICES",
		OWN_FOREIGN},
	    {FW_FILTER, "INPUT", "-p icmp -j KUBE-FIREWALL", OWN_FOREIGN},
	    {FW_FILTER, "INPUT", "-j ACCEPT", OWN_FOREIGN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (jump(cases[i].table, cases[i].chain, cases[i].rule) != cases[i].owner)
			fail_msg("%s %s: %u", cases[i].chain, cases[i].rule,
			    jump(cases[i].table, cases[i].chain, cases[i].rule));
}

static struct state *read_golden(const char *path)
{
	AUTO(source) struct source *src = NULL;
	struct state *s = NULL;
	struct error err = {0};

	if (dump_open(path, &src, &err) ||
	    source_read(src, KIND_ALL, FAMILY_BOTH, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

/* Everything in the folder belongs to that mode. */
static void check_all_owned(const char *path, unsigned owner)
{
	AUTO(state) struct state *s = read_golden(path);

	family_foreach (f)
		for (unsigned t = 0; t < FW_TABLE_COUNT; t++)
			for (size_t i = 0; i < s->fw[f].tables[t].n_chains; i++) {
				const struct fw_chain *c = &s->fw[f].tables[t].chains[i];

				if (!c->builtin &&
				    !(own_chain((enum fw_table_id)t, c->name) & owner))
					fail_msg("%s: chain %s", path, c->name);
				for (size_t j = 0; c->builtin && j < c->n_rules; j++)
					if (!(own_jump((enum fw_table_id)t, c->name,
						  &c->rules[j]) &
						owner))
						fail_msg("%s: rule %zu of %s", path, j,
						    c->name);
			}
	for (size_t i = 0; i < s->sets.n_sets; i++)
		if (own_set(s->sets.sets[i].name) != OWN_IPVS)
			fail_msg("%s: set %s", path, s->sets.sets[i].name);
}

static void check_golden_folder(const char *file, const struct strbuf *text)
{
	char *folder = xstrdup(file);

	(void)text;
	*strrchr(folder, '/') = '\0';
	if (strstr(folder, "/iptables-1."))
		check_all_owned(folder, OWN_IPTABLES);
	else if (strstr(folder, "/ipvs-1."))
		check_all_owned(folder, OWN_IPVS);
	free(folder);
}

static void test_all_that_kube_proxy_left_is_recognised(void **state)
{
	(void)state;
	golden_each("iptables-nat.txt", 60, check_golden_folder);
}

static void test_sets_by_exact_name_of_both_families(void **state)
{
	(void)state;
	assert_int_equal(own_set("KUBE-CLUSTER-IP"), V);
	assert_int_equal(own_set("KUBE-6-CLUSTER-IP"), V);
	assert_int_equal(own_set("KUBE-6-LOAD-BALANCER-SOURCE-CID"), V); /* cut at 31 */
	assert_int_equal(own_set("KUBE-6-NODE-PORT-LOCAL-SCTP-HAS"), V);
	assert_int_equal(own_set("KUBE-LOAD-BALANCER-SOURCE-CIDR"), V);
	assert_int_equal(own_set("KUBE-LOAD-BALANCER-SOURCE-CID"), OWN_FOREIGN);
	assert_int_equal(own_set("KUBE-CLUSTER"), OWN_FOREIGN);
	assert_int_equal(own_set("KUBE-CLUSTER-IP2"), OWN_FOREIGN);
	assert_int_equal(own_set("cali40all-ipam-pools"), OWN_FOREIGN);
	assert_int_equal(own_link("kube-ipvs0"), V);
	assert_int_equal(own_link("kube-ipvs1"), OWN_FOREIGN);
}

static void test_virtual_servers_of_ipvs_mode(void **state)
{
	static const char sets[] =
	    "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535\n"
	    "add KUBE-NODE-PORT-TCP 30080\n"
	    "create KUBE-NODE-PORT-SCTP-HASH hash:ip,port family inet\n"
	    "add KUBE-NODE-PORT-SCTP-HASH 10.0.0.11,sctp:30090\n";
	static const char vips[] = "address add 10.96.0.1/32 dev kube-ipvs0\n"
				   "address add 10.0.0.11/24 dev eth0\n";
	static const struct {
		const char *line;
		bool ours;
	} cases[] = {
	    {"-A -t 10.96.0.1:443 -s rr\n", true},
	    {"-A -u 10.96.0.1:9 -s rr\n", true},
	    {"-A -t 10.0.0.11:30080 -s rr\n", true},
	    {"-A -u 10.0.0.11:30080 -s rr\n", false},
	    {"-A -t 10.0.0.11:30081 -s rr\n", false},
	    {"-A -t 10.0.0.12:30080 -s rr\n", false}, /* not an address of the node */
	    {"-A --sctp-service 10.0.0.11:30090 -s rr\n", true},
	    {"-A --sctp-service 10.0.0.11:30080 -s rr\n", false},
	    {"-A -t 192.0.2.9:443 -s rr\n", false},
	    {"-A -f 1 -s rr\n", false},
	};
	AUTO(state) struct state *s = state_new();
	struct error err = {0};

	(void)state;
	assert_int_equal(
	    kset_parse(sets, strlen(sets), "t", s->arena, &s->sets, &err), 0);
	assert_int_equal(vip_parse(vips, strlen(vips), "t", s->arena, &s->vips, &err), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lvs_table t = {0};

		assert_int_equal(lvs_parse(cases[i].line, strlen(cases[i].line), "t",
				     s->arena, &t, &err),
		    0);
		if (own_virtual_server(s, &t.services[0]) != cases[i].ours)
			fail_msg("%s", cases[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chains_belong_to_modes_by_table_and_exact_name),
	    cmocka_unit_test(test_jumps_belong_to_modes_by_chain_and_whole_rule),
	    cmocka_unit_test(test_all_that_kube_proxy_left_is_recognised),
	    cmocka_unit_test(test_sets_by_exact_name_of_both_families),
	    cmocka_unit_test(test_virtual_servers_of_ipvs_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
