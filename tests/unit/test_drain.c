/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Real servers that leave: who may stay, until when, and what is remembered. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "state/lvs_conn.h"
#include "plan/drain.h"

static struct arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = arena_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(arena);
	return 0;
}

#define VS(proto) "-A " proto " 10.0.0.1:80 -s rr\n"
#define RS(proto, real) "-a " proto " 10.0.0.1:80 -r " real ":8080 -m -w 1\n"
#define TWO(proto) VS(proto) RS(proto, "10.1.0.1") RS(proto, "10.1.0.2")
#define ONE(proto) VS(proto) RS(proto, "10.1.0.2")

static struct lvs_table parse(const char *text)
{
	struct lvs_table t = {0};
	struct error err = {0};

	if (lvs_parse(text, strlen(text), "t", arena, &t, &err))
		fail_msg("%s", err.msg);
	return t;
}

/* All real servers have that many connections. */
static struct lvs_table used(const char *text, uint32_t active, uint32_t inactive)
{
	struct lvs_table t = parse(text);

	for (size_t i = 0; i < t.n_services; i++)
		for (size_t k = 0; k < t.services[i].n_dests; k++) {
			t.services[i].dests[k].active = active;
			t.services[i].dests[k].inactive = inactive;
		}
	return t;
}

static const struct ledger nothing;

static struct lvs_table drained(
    const struct lvs_table *want, const struct lvs_table *have, const struct ledger *l)
{
	struct lvs_table t;

	drain_servers(want, have, l, 1000, arena, &t);
	return t;
}

static void test_used_tcp_server_stays_with_weight_0(void **state)
{
	struct lvs_table want = parse(ONE("-t")), have = used(TWO("-t"), 1, 0);
	struct lvs_table t = drained(&want, &have, &nothing);

	(void)state;
	assert_int_equal(t.services[0].n_dests, 2);
	assert_int_equal(t.services[0].dests[0].weight, 0);
	assert_int_equal(t.services[0].dests[1].weight, 1);
	assert_int_equal(drain_count(&want, &t), 1);
	/* What was given is as it was. */
	assert_int_equal(want.services[0].n_dests, 1);
	assert_int_equal(have.services[0].dests[0].weight, 1);
}

static void test_inactive_connections_count(void **state)
{
	struct lvs_table want = parse(ONE("-t")), have = used(TWO("-t"), 0, 3);
	struct lvs_table t = drained(&want, &have, &nothing);

	(void)state;
	assert_int_equal(t.services[0].n_dests, 2);
}

static void test_idle_server_goes_at_once(void **state)
{
	struct lvs_table want = parse(ONE("-t")), have = used(TWO("-t"), 0, 0);
	struct lvs_table t = drained(&want, &have, &nothing);

	(void)state;
	assert_int_equal(t.services[0].n_dests, 1);
	assert_int_equal(drain_count(&want, &t), 0);
}

static void test_udp_and_sctp_go_at_once(void **state)
{
	static const char *const protocols[][2] = {
	    {ONE("-u"), TWO("-u")}, {ONE("--sctp-service"), TWO("--sctp-service")}};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct lvs_table want = parse(protocols[i][0]);
		struct lvs_table have = used(protocols[i][1], 5, 5);
		struct lvs_table t = drained(&want, &have, &nothing);

		assert_int_equal(t.services[0].n_dests, 1);
	}
}

static void test_virtual_server_goes_with_its_connections(void **state)
{
	struct lvs_table want = {0}, have = used(TWO("-t"), 5, 5);
	struct lvs_table t = drained(&want, &have, &nothing);

	(void)state;
	assert_int_equal(t.n_services, 0);
}

static void test_wanted_servers_are_as_wanted(void **state)
{
	struct lvs_table want = parse(TWO("-t")), have = used(TWO("-t"), 5, 5);
	struct lvs_table t;

	(void)state;
	have.services[0].dests[0].weight = 0;
	t = drained(&want, &have, &nothing);
	assert_true(lvs_service_eq(&t.services[0], &want.services[0]));
}

/* The ledger after a run at second 1000 with 60 seconds to go. */
static struct ledger remembered(
    const struct lvs_table *want, const struct lvs_table *t, const struct ledger *old)
{
	struct ledger l;

	drain_ledger(want, t, FAMILY_BOTH, old, 1060, arena, &l);
	return l;
}

static void test_past_its_deadline_it_goes(void **state)
{
	struct lvs_table want = parse(ONE("-t")), have = used(TWO("-t"), 1, 0);
	struct lvs_table t = drained(&want, &have, &nothing);
	struct ledger l = remembered(&want, &t, &nothing);

	(void)state;
	assert_int_equal(l.n_leaving, 1);
	assert_int_equal(l.leaving[0].deadline, 1060);
	drain_servers(&want, &have, &l, 1059, arena, &t);
	assert_int_equal(drain_count(&want, &t), 1);
	drain_servers(&want, &have, &l, 1060, arena, &t);
	assert_int_equal(drain_count(&want, &t), 0);
}

static void test_later_runs_keep_the_first_deadline(void **state)
{
	struct lvs_table want = parse(ONE("-t")), have = used(TWO("-t"), 1, 0);
	struct lvs_table t = drained(&want, &have, &nothing);
	struct ledger l = remembered(&want, &t, &nothing), later;

	(void)state;
	drain_ledger(&want, &t, FAMILY_BOTH, &l, 5000, arena, &later);
	assert_int_equal(later.leaving[0].deadline, 1060);
	/* Back, and leaving once more: from the beginning. */
	t = want;
	later = remembered(&want, &t, &l);
	assert_int_equal(later.n_leaving, 0);
}

static void test_ledger_has_what_is_wanted_and_the_other_family(void **state)
{
	struct lvs_table four = parse(ONE("-t") "-A -f 7 -s rr\n");
	struct lvs_table six = parse("-A -t [fd00::1]:80 -s rr\n");
	struct ledger l, both;

	(void)state;
	drain_ledger(&six, &six, FAMILY_BIT(FAMILY_6), &nothing, 0, arena, &l);
	assert_int_equal(l.n_servers, 1);
	drain_ledger(&four, &four, FAMILY_BIT(FAMILY_4), &l, 0, arena, &both);
	assert_int_equal(both.n_servers, 2);
	assert_int_equal(both.servers[0].family, FAMILY_4);
	assert_int_equal(both.servers[1].family, FAMILY_6);
	/* With both looked at, what is not wanted is forgotten. */
	drain_ledger(&four, &four, FAMILY_BOTH, &both, 0, arena, &l);
	assert_int_equal(l.n_servers, 1);
}

/* From these servers, of which now has the connections, to those wanted. */
static size_t ending(const char *have, const char *want, const char *now)
{
	AUTO(state) struct state *a = state_new();
	AUTO(state) struct state *b = state_new();
	AUTO(plan) struct plan *p = NULL;
	struct scope scope = {
	    .modes = MODE_BIT(MODE_IPVS),
	    .families = FAMILY_BOTH,
	    .kinds = KIND_BIT(KIND_LVS),
	};
	struct lvs_key ours[] = {
	    {.family = FAMILY_4, .proto = IPPROTO_TCP, .port = 80},
	    {.family = FAMILY_4, .proto = IPPROTO_UDP, .port = 80},
	    {.family = FAMILY_4, .proto = IPPROTO_SCTP, .port = 80},
	};
	struct lvs_table t = used(now, 3, 2);
	struct error err = {0};

	for (size_t i = 0; i < 3; i++)
		addr_parse("10.0.0.1", &ours[i].addr);
	scope.ledger = ours;
	scope.n_ledger = 3;
	a->lvs = parse(have);
	b->lvs = parse(want);
	if (plan_make(b, a, &scope, &p, &err))
		fail_msg("%s", err.msg);
	return drain_carried(p, &t);
}

static void test_connections_that_a_removal_ends_are_counted(void **state)
{
	(void)state;
	assert_int_equal(ending(TWO("-t"), "", TWO("-t")), 6);
	/* Those that stay do not count, nor those of a server that is gone already. */
	assert_int_equal(ending(TWO("-t"), ONE("-t"), TWO("-t")), 3);
	assert_int_equal(ending(TWO("-t"), TWO("-t"), TWO("-t")), 0);
	assert_int_equal(ending(TWO("-t"), "", ONE("-t")), 3);
	assert_int_equal(ending(TWO("-t"), "", ""), 0);
}

/* As Linux 6.1 prints it. */
#define LIST \
	"Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n" \
	"TCP CB00710A 8D2C 0A000001 0050 0A010001 1F90 ESTABLISHED     899\n" \
	"TCP CB00710A 8D2D 0A000001 0050 0A010001 1F90 SYN_RECV         59\n" \
	"TCP CB00710A 8D2E 0A000001 0050 0A010002 1F90 SYN_SENT        119\n" \
	"TCP CB00710A 8D2F 0A000001 0050 0A010002 1F90 TIME_WAIT       119\n" \
	"TCP CB00710A 0000 0A000001 0050 0A010002 1F90 ASSURED       10799\n" \
	"TCP CB00710A 8D30 0A000001 0051 0A010002 1F90 ESTABLISHED     899\n" \
	"UDP CB00710A 8D30 0A000001 0050 0A010002 1F90 UDP             299\n" \
	"SCTP CB00710A 8D30 0A000001 0050 0A010002 1F90 ESTABLISHED     899\n" \
	"TCP 2001:0db8:0113:0000:0000:0000:0000:0010 8D2C " \
	"fd00:0010:0000:0000:0000:0000:0000:0001 0050 " \
	"fd00:0010:0244:0000:0000:0000:0000:0002 1F90 ESTABLISHED     899\n"

static void test_answers_alone_are_no_connections(void **state)
{
	static const char six[] = "-A -t [fd00:10::1]:80 -s rr\n"
				  "-a -t [fd00:10::1]:80 -r [fd00:10:244::2]:8080 -m -w 1\n";
	FILE *list = fmemopen((char[]){LIST}, sizeof(LIST) - 1, "r");
	struct lvs_table tcp = used(TWO("-t"), 9, 9), sctp = used(ONE("--sctp-service"), 9, 9);
	struct lvs_table v6 = used(six, 9, 9);

	(void)state;
	assert_non_null(list);
	lvs_conn_count(list, &tcp);
	rewind(list);
	lvs_conn_count(list, &sctp);
	rewind(list);
	lvs_conn_count(list, &v6);
	fclose(list);
	assert_int_equal(tcp.services[0].dests[0].active, 2);
	assert_int_equal(tcp.services[0].dests[1].active, 0);
	assert_int_equal(sctp.services[0].dests[0].active, 1);
	assert_int_equal(v6.services[0].dests[0].active, 1);
}

static void test_sctp_is_waited_for_and_udp_is_not(void **state)
{
	(void)state;
	assert_int_equal(ending(ONE("--sctp-service"), "", ONE("--sctp-service")), 3);
	assert_int_equal(ending(ONE("-u"), "", ONE("-u")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_used_tcp_server_stays_with_weight_0),
	    cmocka_unit_test(test_inactive_connections_count),
	    cmocka_unit_test(test_idle_server_goes_at_once),
	    cmocka_unit_test(test_udp_and_sctp_go_at_once),
	    cmocka_unit_test(test_virtual_server_goes_with_its_connections),
	    cmocka_unit_test(test_wanted_servers_are_as_wanted),
	    cmocka_unit_test(test_past_its_deadline_it_goes),
	    cmocka_unit_test(test_later_runs_keep_the_first_deadline),
	    cmocka_unit_test(test_ledger_has_what_is_wanted_and_the_other_family),
	    cmocka_unit_test(test_connections_that_a_removal_ends_are_counted),
	    cmocka_unit_test(test_sctp_is_waited_for_and_udp_is_not),
	    cmocka_unit_test(test_answers_alone_are_no_connections),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
