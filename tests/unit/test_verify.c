/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whatever is missing, wrong or too much is found, and nothing else. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_states.h"

/* ---- the whole */

static void check_each_operation(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	AUTO(plan) struct plan *p = make(ipvs, ipt, &both_modes);
	struct op *ops = p->ops, *some = xcalloc(p->n_ops, sizeof(*some));

	for (size_t skip = 0; skip < p->n_ops; skip++) {
		AUTO(state) struct state *s = NULL;
		struct plan most = {.ops = some, .n_ops = p->n_ops - 1};
		struct notes findings = {0};
		struct error err = {0};

		memcpy(some, ops, skip * sizeof(*ops));
		memcpy(some + skip, ops + skip + 1, (most.n_ops - skip) * sizeof(*ops));
		s = run(ipt, &most);
		if (!verify_state(ipvs, s, &both_modes, &findings, &err))
			fail_msg("%s: operation %zu is not missed", name, skip);
		assert_int_equal(err.kind, ERR_VERIFY);
		assert_true(notes_count(&findings, NOTE_REFUSE) > 0);
		notes_clear(&findings);
	}
	free(some);
}

static void test_each_operation_left_out_is_found(void **state)
{
	(void)state;
	each_pair(check_each_operation);
}

static void check_equal(
    const char *name, const struct state *ipt, const struct state *ipvs)
{
	assert_verified(name, ipt, ipt, &both_modes);
	assert_verified(name, ipvs, ipvs, &both_modes);
}

static void test_equal_states_have_no_findings(void **state)
{
	(void)state;
	each_pair(check_equal);
}

/* ---- one by one */

/* Exactly one finding, and it names both. */
static void assert_finding(const struct state *want, const struct state *have,
    const char *about, const char *text)
{
	struct notes findings = {0};
	struct error err = {0};

	assert_int_equal(verify_state(want, have, &both_modes, &findings, &err), -1);
	assert_int_equal(err.kind, ERR_VERIFY);
	for (size_t i = 0; i < findings.list.n; i++)
		if (!strstr(findings.list.v[i].about, about) ||
		    !strstr(findings.list.v[i].text, text))
			fail_msg("unexpected: %s: %s", findings.list.v[i].about,
			    findings.list.v[i].text);
	assert_int_equal(findings.list.n, 1);
	assert_non_null(strstr(err.msg, about));
	notes_clear(&findings);
}

static void assert_text_finding(const struct texts *want, const struct texts *have,
    const char *about, const char *text)
{
	AUTO(state) struct state *w = state_from(want);
	AUTO(state) struct state *h = state_from(have);

	assert_finding(w, h, about, text);
}

#define NAT(rules) "*nat\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n" rules "COMMIT\n"
#define PORTALS                                                                          \
	"-A OUTPUT -m comment --comment \"kubernetes service portals\" -j "              \
	"KUBE-SERVICES\n"
#define WANT &(struct texts)

static void test_rules_missing_wrong_and_too_many(void **state)
{
	(void)state;
	assert_text_finding(WANT{.tables = NAT("-A KUBE-SERVICES -j RETURN\n")},
	    WANT{.tables = NAT("")}, "iptables nat KUBE-SERVICES",
	    "missing: -A KUBE-SERVICES -j RETURN");
	assert_text_finding(WANT{.tables = NAT("")},
	    WANT{.tables = NAT("-A KUBE-SERVICES -j RETURN\n")},
	    "iptables nat KUBE-SERVICES", "too many: -A KUBE-SERVICES -j RETURN");
	assert_text_finding(
	    WANT{.tables = NAT("-A KUBE-SERVICES -j RETURN\n-A KUBE-SERVICES -j DROP\n")},
	    WANT{.tables = NAT("-A KUBE-SERVICES -j DROP\n-A KUBE-SERVICES -j RETURN\n")},
	    "iptables nat KUBE-SERVICES", "another order");
}

static void test_jumps_missing_and_too_many(void **state)
{
	(void)state;
	assert_text_finding(WANT{.tables = NAT(PORTALS)}, WANT{.tables = NAT("")},
	    "iptables nat OUTPUT", "missing: ");
	assert_text_finding(WANT{.tables = NAT("")}, WANT{.tables = NAT(PORTALS)},
	    "iptables nat OUTPUT", "too much: ");
}

static void test_chains_missing_and_too_many(void **state)
{
	(void)state;
	assert_text_finding(
	    WANT{.tables6 = NAT("")}, WANT{0}, "ip6tables nat KUBE-SERVICES", "missing");
	assert_text_finding(
	    WANT{0}, WANT{.tables6 = NAT("")}, "ip6tables nat KUBE-SERVICES", "too much");
}

static void test_finding_names_the_service(void **state)
{
	AUTO(state) struct state *want = state_from(WANT{.tables = NAT("")});
	AUTO(state) struct state *have = state_from(WANT{0});

	(void)state;
	fw_chain_find(&want->fw[FAMILY_4].tables[FW_NAT], "KUBE-SERVICES")->why =
	    "demo/web:http";
	assert_finding(want, have, "KUBE-SERVICES (demo/web:http)", "missing");
}

#define SET "create KUBE-IPVS-IPS hash:ip family inet hashsize 1024 maxelem 65536\n"

static void test_sets_and_entries(void **state)
{
	(void)state;
	assert_text_finding(WANT{.sets = SET}, WANT{0}, "ipset KUBE-IPVS-IPS", "missing");
	assert_text_finding(
	    WANT{0}, WANT{.sets = SET}, "ipset KUBE-IPVS-IPS", "too much");
	assert_text_finding(WANT{.sets = SET "add KUBE-IPVS-IPS 10.0.0.1\n"},
	    WANT{.sets = SET}, "ipset KUBE-IPVS-IPS",
	    "1 entries missing, the first: KUBE-IPVS-IPS 10.0.0.1");
	assert_text_finding(WANT{.sets = SET},
	    WANT{.sets = SET "add KUBE-IPVS-IPS 10.0.0.1\n"
			     "add KUBE-IPVS-IPS 10.0.0.2\n"},
	    "ipset KUBE-IPVS-IPS", "2 entries too many");
	assert_text_finding(WANT{.sets = SET},
	    WANT{.sets = "create KUBE-IPVS-IPS hash:ip family inet hashsize 1024 maxelem "
			 "1000\n"},
	    "ipset KUBE-IPVS-IPS", "another type");
}

#define SERVER "-A -t 10.96.0.1:80 -s rr\n"
#define DEST(w) "-a -t 10.96.0.1:80 -r 10.244.0.1:80 -m -w " w "\n"
#define VIP "kube-ipvs0    inet 10.96.0.1/32 scope global kube-ipvs0\n"

static void test_virtual_and_real_servers(void **state)
{
	(void)state;
	assert_text_finding(WANT{.lvs = SERVER, .vips = VIP}, WANT{.vips = VIP},
	    "virtual server tcp 10.96.0.1:80", "missing");
	assert_text_finding(WANT{.vips = VIP}, WANT{.lvs = SERVER, .vips = VIP},
	    "virtual server tcp 10.96.0.1:80", "too much");
	assert_text_finding(WANT{.lvs = SERVER, .vips = VIP},
	    WANT{.lvs = "-A -t 10.96.0.1:80 -s wlc\n", .vips = VIP},
	    "virtual server tcp 10.96.0.1:80", "has scheduler wlc");
	assert_text_finding(WANT{.lvs = SERVER DEST("1"), .vips = VIP},
	    WANT{.lvs = SERVER, .vips = VIP}, "virtual server tcp 10.96.0.1:80",
	    "real server 10.244.0.1:80 is missing");
	assert_text_finding(WANT{.lvs = SERVER, .vips = VIP},
	    WANT{.lvs = SERVER DEST("1"), .vips = VIP}, "virtual server tcp 10.96.0.1:80",
	    "real server 10.244.0.1:80 is too much");
	assert_text_finding(WANT{.lvs = SERVER DEST("1"), .vips = VIP},
	    WANT{.lvs = SERVER DEST("0"), .vips = VIP}, "virtual server tcp 10.96.0.1:80",
	    "has weight 0");
}

static void test_addresses_and_sysctls(void **state)
{
	(void)state;
	assert_text_finding(WANT{.vips = VIP "kube-ipvs0    inet 10.96.0.2/32 scope "
					     "global kube-ipvs0\n"},
	    WANT{.vips = VIP}, "address 10.96.0.2", "missing on kube-ipvs0");
	assert_text_finding(WANT{.vips = VIP},
	    WANT{.vips = VIP "kube-ipvs0    inet 10.96.0.2/32 scope global kube-ipvs0\n"},
	    "address 10.96.0.2", "too much on kube-ipvs0");
	assert_text_finding(WANT{.knobs = "net.ipv4.ip_forward = 1\n"},
	    WANT{.knobs = "net.ipv4.ip_forward = 0\n"}, "net.ipv4.ip_forward",
	    "is 0; wanted: 1");
	assert_text_finding(WANT{.knobs = "net.ipv4.vs.conntrack = 1\n"}, WANT{0},
	    "net.ipv4.vs.conntrack", "no such sysctl");
}

static void test_rules_that_were_not_read_are_a_finding(void **state)
{
	AUTO(state) struct state *want = state_from(WANT{0});
	AUTO(state) struct state *have = state_from(WANT{0});

	(void)state;
	have->fw[FAMILY_6].present = false;
	assert_finding(want, have, "ip6tables", "could not be read");
}

/* ---- what is no finding */

static void test_things_of_others_are_no_findings(void **state)
{
	AUTO(state) struct state *want = state_from(WANT{.tables = NAT(PORTALS)});
	AUTO(state)
	struct state *have = state_from(
	    WANT{.tables = "*nat\n:OUTPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n:MINE - "
			   "[0:0]\n-A OUTPUT -j MINE\n" PORTALS "COMMIT\n",
		.sets = "create mine hash:ip family inet hashsize 1024 maxelem 65536\n",
		.lvs = SERVER DEST("7"),
		.vips = "eth0    inet 10.0.0.1/24 scope global eth0\n",
		.knobs = "net.ipv4.ip_forward = 1\n"});

	(void)state;
	assert_verified("foreign", want, have, &both_modes);
}

static void test_the_other_mode_is_out_of_scope(void **state)
{
	AUTO(state) struct state *ipt = golden_state("seed-like/iptables-1.27");
	AUTO(state) struct state *ipvs = golden_state("seed-like/ipvs-1.27");
	AUTO(plan) struct plan *p = NULL;
	AUTO(state) struct state *mixed = NULL;
	const struct scope scope = scope_of(MODE_IPVS);
	struct notes findings = {0};
	struct error err = {0};

	(void)state;
	p = make(ipvs, ipt, &scope);
	mixed = run(ipt, p);
	assert_verified("mixed", ipvs, mixed, &scope);
	assert_int_equal(verify_state(ipvs, mixed, &both_modes, &findings, &err), -1);
	notes_clear(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_each_operation_left_out_is_found),
	    cmocka_unit_test(test_equal_states_have_no_findings),
	    cmocka_unit_test(test_rules_missing_wrong_and_too_many),
	    cmocka_unit_test(test_jumps_missing_and_too_many),
	    cmocka_unit_test(test_chains_missing_and_too_many),
	    cmocka_unit_test(test_finding_names_the_service),
	    cmocka_unit_test(test_sets_and_entries),
	    cmocka_unit_test(test_virtual_and_real_servers),
	    cmocka_unit_test(test_addresses_and_sysctls),
	    cmocka_unit_test(test_rules_that_were_not_read_are_a_finding),
	    cmocka_unit_test(test_things_of_others_are_no_findings),
	    cmocka_unit_test(test_the_other_mode_is_out_of_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
