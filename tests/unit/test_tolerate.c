/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What other releases write otherwise is no drift; what changes a packet's way is. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../lib/golden_states.h"
#include "plan/tolerate.h"

#define HASH "ABCDEFGHIJKLMNOP"
#define SVC "KUBE-SVC-" HASH
#define SEP "KUBE-SEP-" HASH
#define FW "KUBE-FW-" HASH
#define EXT "KUBE-EXT-" HASH

#define NAT(rules)                                                                       \
	"*nat\n"                                                                         \
	":" SVC " - [0:0]\n"                                                             \
	":" SEP " - [0:0]\n"                                                             \
	":" FW " - [0:0]\n"                                                              \
	":" EXT " - [0:0]\n"                                                             \
	":KUBE-NODEPORTS - [0:0]\n"                                                      \
	":KUBE-POSTROUTING - [0:0]\n"                                                    \
	":KUBE-SERVICES - [0:0]\n" rules "COMMIT\n"
#define FORWARD(rules) "*filter\n:KUBE-FORWARD - [0:0]\n" rules "COMMIT\n"

/* Whether nothing is left to do once what may differ is tolerated; then exactly one note
 * is there, and says text. */
static bool is_tolerated(
    const char *want, const char *have, bool be_liberal, const char *text)
{
	struct scope scope = scope_of(MODE_IPTABLES);
	AUTO(state) struct state *w = state_from(&(struct texts){.tables = want});
	AUTO(state) struct state *h = state_from(&(struct texts){.tables = have});
	AUTO(plan) struct plan *p = make(w, h, &scope), *rest = NULL;
	struct notes notes = {0};
	struct error err = {0};
	size_t n = 0;
	bool ret;

	assert_true(p->n_ops > 0);
	for (enum fw_table_id t = 0; t < FW_TABLE_COUNT; t++) {
		struct fw_table *table = &w->fw[FAMILY_4].tables[t];

		n += tolerate_chains(p, FAMILY_4, t, table, &h->fw[FAMILY_4].tables[t],
		    be_liberal, w->arena, table, &notes);
	}
	rest = make(w, h, &scope);
	ret = rest->n_ops == 0;
	assert_int_equal(ret, verify_state(w, h, &scope, NULL, &err) == 0);
	assert_int_equal(ret, n > 0);
	assert_int_equal(notes.list.n, n > 0);
	if (n)
		assert_non_null(strstr(notes.list.v[0].text, text));
	notes_clear(&notes);
	return ret;
}

static void assert_cosmetic(const char *want, const char *have, const char *text)
{
	assert_true(is_tolerated(want, have, false, text));
	/* A node that was brought to the other side is fine, too. */
	assert_true(is_tolerated(have, want, false, text));
}

static void assert_drift(const char *want, const char *have)
{
	assert_false(is_tolerated(want, have, false, ""));
	assert_false(is_tolerated(have, want, false, ""));
}

static void test_comments_of_a_large_cluster(void **state)
{
	(void)state;
	assert_cosmetic(NAT("-A " SVC " -m comment --comment \"d/w:h -> 10.0.0.1:80\" "
			    "-m statistic --mode random --probability 0.5 -j " SEP "\n"),
	    NAT("-A " SVC " -m statistic --mode random --probability 0.5 -j " SEP "\n"),
	    "comments");
	assert_cosmetic(
	    NAT("-A " SEP " -s 10.0.0.1 -m comment --comment d/w:h -j RETURN\n"),
	    NAT("-A " SEP " -s 10.0.0.1 -j RETURN\n"), "comments");
	/* Not by another size of the cluster. */
	assert_drift(NAT("-A " SVC " -m comment --comment one -j " SEP "\n"),
	    NAT("-A " SVC " -m comment --comment other -j " SEP "\n"));
	assert_drift(
	    NAT("-A KUBE-SERVICES -d 10.0.0.1 -m comment --comment x -j " SVC "\n"),
	    NAT("-A KUBE-SERVICES -d 10.0.0.1 -j " SVC "\n"));
	/* Together with something that counts. */
	assert_drift(NAT("-A " SEP " -s 10.0.0.1 -m comment --comment d/w:h -j RETURN\n"),
	    NAT("-A " SEP " -s 10.0.0.2 -j RETURN\n"));
}

static void test_rules_without_a_target(void **state)
{
	(void)state;
	assert_cosmetic(NAT("-A " FW " -s 10.0.0.0/8 -j " EXT "\n"
			    "-A " FW " -m comment --comment \"other traffic\"\n"),
	    NAT("-A " FW " -s 10.0.0.0/8 -j " EXT "\n"), "without a target");
	/* It remembers who was there. */
	assert_drift(NAT("-A " SEP " -m recent --set --name " SEP
			 " --mask 255.255.255.255 --rsource\n"),
	    NAT(""));
}

static void test_counters_of_nfacct(void **state)
{
	(void)state;
	assert_cosmetic(
	    FORWARD("-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n"),
	    FORWARD("-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct "
		    "--nfacct-name  ct_state_invalid_dropped_pkts -j DROP\n"),
	    "nfacct");
	assert_cosmetic(NAT("-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j " EXT "\n"),
	    NAT("-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30080 -m nfacct "
		"--nfacct-name  localhost_nps_accepted_pkts -j " EXT "\n"
		"-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j " EXT "\n"),
	    "nfacct");
	/* Then localhost alone would be served. */
	assert_drift(NAT("-A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j " EXT "\n"),
	    NAT("-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m tcp --dport 30080 -m nfacct "
		"--nfacct-name  localhost_nps_accepted_pkts -j " EXT "\n"));
}

#define BALANCE(p)                                                                       \
	NAT("-A " SVC " -m statistic --mode random --probability " p " -j " SEP "\n")

static void test_probabilities_of_older_tools(void **state)
{
	(void)state;
	assert_cosmetic(BALANCE("0.33333333349"), BALANCE("0.33333"), "rounded");
	assert_drift(BALANCE("0.33333333349"), BALANCE("0.25"));
	assert_drift(BALANCE("0.33333333349"), BALANCE("0.333"));
}

static void test_invalid_packets_of_a_liberal_node(void **state)
{
	const char *with =
	    FORWARD("-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n"
		    "-A KUBE-FORWARD -j ACCEPT\n");
	const char *without = FORWARD("-A KUBE-FORWARD -j ACCEPT\n");

	(void)state;
	assert_drift(with, without);
	assert_true(is_tolerated(with, without, true, "be_liberal"));
	assert_true(is_tolerated(without, with, true, "be_liberal"));
}

static void test_masquerading_must_be_as_wanted(void **state)
{
	(void)state;
	assert_drift(NAT("-A KUBE-POSTROUTING -j MASQUERADE --random-fully\n"),
	    NAT("-A KUBE-POSTROUTING -j MASQUERADE\n"));
}

static void test_order_counts_behind_what_is_tolerated(void **state)
{
	(void)state;
	assert_drift(NAT("-A " FW " -s 10.0.0.1 -j " EXT "\n"
			 "-A " FW " -s 10.0.0.2 -j " SVC "\n"
			 "-A " FW " -m comment --comment \"other traffic\"\n"),
	    NAT("-A " FW " -s 10.0.0.2 -j " SVC "\n"
		"-A " FW " -s 10.0.0.1 -j " EXT "\n"));
}

/* ---- chains that nothing jumps to */

#define STALE "KUBE-SVC-AAAAAAAAAAAAAAAA"
#define STALE_SEP "KUBE-SEP-AAAAAAAAAAAAAAAA"

static bool is_stale(const char *have)
{
	return is_tolerated(NAT(""), have, false, "nothing jumps to it");
}

#define BASE                                                                             \
	":" SVC " - [0:0]\n:" SEP " - [0:0]\n:" FW " - [0:0]\n:" EXT " - [0:0]\n"        \
	":KUBE-NODEPORTS - [0:0]\n:KUBE-POSTROUTING - [0:0]\n:KUBE-SERVICES - [0:0]\n"

static void test_stale_chains_wait_for_kube_proxy(void **state)
{
	(void)state;
	assert_true(is_stale("*nat\n" BASE ":" STALE " - [0:0]\n:" STALE_SEP " - [0:0]\n"
			     "-A " STALE " -j " STALE_SEP "\n"
			     "-A " STALE_SEP " -j RETURN\nCOMMIT\n"));
	/* To a wanted one it may go on jumping. */
	assert_true(is_stale("*nat\n" BASE ":" STALE " - [0:0]\n"
			     "-A " STALE " -j " SEP "\nCOMMIT\n"));
	/* In use. */
	assert_false(is_stale("*nat\n" BASE ":" STALE " - [0:0]\n"
			      "-A KUBE-SERVICES -d 10.0.0.1 -j " STALE "\nCOMMIT\n"));
	/* Not a name that kube-proxy makes and removes for services. */
	assert_false(
	    is_stale("*nat\n" BASE ":KUBE-LOAD-BALANCER - [0:0]\n"
		     ":KUBE-NODE-PORT - [0:0]\n-A KUBE-SERVICES -j RETURN\nCOMMIT\n"));
}

static void test_chains_that_go_take_stale_ones_with_them(void **state)
{
	/* The one in use goes, so the one that jumps to it cannot stay. */
	(void)state;
	assert_false(is_stale("*nat\n" BASE ":" STALE " - [0:0]\n:" STALE_SEP " - [0:0]\n"
			      "-A " STALE " -j " STALE_SEP "\n"
			      "-A KUBE-SERVICES -d 10.0.0.1 -j " STALE_SEP "\nCOMMIT\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_comments_of_a_large_cluster),
	    cmocka_unit_test(test_rules_without_a_target),
	    cmocka_unit_test(test_counters_of_nfacct),
	    cmocka_unit_test(test_probabilities_of_older_tools),
	    cmocka_unit_test(test_invalid_packets_of_a_liberal_node),
	    cmocka_unit_test(test_masquerading_must_be_as_wanted),
	    cmocka_unit_test(test_order_counts_behind_what_is_tolerated),
	    cmocka_unit_test(test_stale_chains_wait_for_kube_proxy),
	    cmocka_unit_test(test_chains_that_go_take_stale_ones_with_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
