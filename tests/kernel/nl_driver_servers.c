/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver of virtual servers against the kernel. */
#include "config.h"

#include "nl_driver_test.h"

static struct lvs_service new_service(
    const char *vip, uint16_t port, struct lvs_dest *dests, size_t n)
{
	struct lvs_service s = {
	    .key = {.addr = addr(vip), .port = port, .proto = 6},
	    .sched = "rr",
	    .dests = dests,
	    .n_dests = n,
	};

	s.key.family = (uint8_t)addr_family(&s.key.addr);
	s.mask_bits = (uint8_t)family_info(s.key.family)->addr_bits;
	return s;
}

static void assert_kernel_has_service(struct driver *d, const struct lvs_service *want)
{
	AUTO(state) struct state *s = read_all(d);
	const struct lvs_service *have = lvs_find(&s->lvs, &want->key);

	assert_true(s->lvs.present);
	assert_non_null(have);
	assert_true(lvs_service_eq(have, want));
}

static void test_servers_of_all_sorts_are_read_back_as_written(void **state)
{
	struct lvs_dest d4[] = {{.addr = addr("10.244.0.1"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.2"), .port = 80, .weight = 0},
	    {.addr = addr("10.244.0.2"),
		.port = 81,
		.weight = 7,
		.u_thresh = 9,
		.l_thresh = 3}};
	struct lvs_dest d6[] = {{.addr = addr("fd00:244::1"), .port = 80, .weight = 1}};
	struct lvs_dest dr[] = {
	    {.addr = addr("10.0.0.2"), .port = 80, .weight = 1, .fwd = LVS_DROUTE},
	    {.addr = addr("10.0.0.3"), .port = 80, .weight = 1, .fwd = LVS_TUNNEL}};
	struct lvs_service s[] = {
	    new_service("10.96.0.1", 80, d4, 3),
	    new_service("10.96.0.1", 443, NULL, 0),
	    new_service("10.96.0.1", 53, d4, 1),
	    new_service("10.96.0.1", 99, NULL, 0),
	    new_service("fd00:96::1", 80, d6, 1),
	    new_service("10.96.0.2", 80, dr, 2),
	    {.key = {.fwmark = 7, .family = FAMILY_6}, .sched = "rr", .mask_bits = 128},
	};
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *left = NULL;
	struct error err = {0};

	(void)state;
	s[1].flags = LVS_F_PERSISTENT;
	s[1].timeout = 10800;
	s[2].key.proto = 17;
	s[2].sched = "wrr";
	s[3].key.proto = 132;
	s[3].sched = "mh";
	s[3].flags = LVS_F_SCHED2;
	s[4].flags = LVS_F_PERSISTENT;
	s[4].timeout = 100;
	s[5].sched = "lc";
	assert_done(lvs_nl_open(&d, &err));
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		assert_done(write_one(d, KIND_LVS, SUB_NONE, NULL, &s[i], &err));
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		assert_kernel_has_service(d, &s[i]);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		assert_done(write_one(d, KIND_LVS, SUB_NONE, &s[i], NULL, &err));
	left = read_all(d);
	assert_int_equal(left->lvs.n_services, 0);
}

static void test_changed_server_keeps_what_is_the_same(void **state)
{
	struct lvs_dest a[] = {{.addr = addr("10.244.0.1"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.2"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.3"), .port = 80, .weight = 1}};
	struct lvs_dest b[] = {{.addr = addr("10.244.0.2"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.3"), .port = 80, .weight = 5},
	    {.addr = addr("10.244.0.4"), .port = 80, .weight = 1}};
	struct lvs_service have = new_service("10.96.0.1", 80, a, 3);
	struct lvs_service want = new_service("10.96.0.1", 80, b, 3);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	want.sched = "wrr";
	want.flags = LVS_F_PERSISTENT;
	want.timeout = 60;
	assert_done(lvs_nl_open(&d, &err));
	assert_done(write_one(d, KIND_LVS, SUB_NONE, NULL, &have, &err));
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &have, &want, &err));
	assert_kernel_has_service(d, &want);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &want, &have, &err));
	assert_kernel_has_service(d, &have);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &have, NULL, &err));
}

static void test_server_that_changed_meanwhile_is_named(void **state)
{
	struct lvs_dest a[] = {{.addr = addr("10.244.0.1"), .port = 80, .weight = 1}};
	struct lvs_service full = new_service("10.96.0.1", 443, a, 1);
	struct lvs_service empty = new_service("10.96.0.1", 443, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(lvs_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, &full, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, NULL, &full, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, NULL, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, &empty, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_non_null(
	    strstr(err.msg, "virtual server tcp 10.96.0.1:443 (default/web:http): "
			    "real server 10.244.0.1:80: cannot add: "));
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &full, &empty, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, &full, &empty, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &empty, NULL, &err));
}

static void test_unknown_scheduler_is_a_missing_capability(void **state)
{
	struct lvs_service s = new_service("10.96.0.1", 80, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	s.sched = "nosuch";
	assert_done(lvs_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, NULL, &s, &err), -1);
	assert_int_equal(err.kind, ERR_BACKEND);
	assert_non_null(strstr(err.msg, "ip_vs_nosuch"));
}

/* Every request of many batches is refused: no answer may get lost. */
static void test_many_refusals_are_all_read(void **state)
{
	struct lvs_service s[200];
	struct op ops[ARRAY_SIZE(s)];
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};
	size_t done;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = new_service("10.96.0.1", (uint16_t)(i + 1), NULL, 0);
		ops[i] = (struct op){.kind = KIND_LVS, .want = &s[i]};
	}
	assert_done(lvs_nl_open(&d, &err));
	assert_done(d->ops->write(d, ops, ARRAY_SIZE(s), &done, &err));
	assert_int_equal(d->ops->write(d, ops, ARRAY_SIZE(s), &done, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(done, 0);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		ops[i] = (struct op){.kind = KIND_LVS, .have = &s[i]};
	assert_done(d->ops->write(d, ops, ARRAY_SIZE(s), &done, &err));
	/* The socket is in step still. */
	AUTO(state) struct state *left = read_all(d);
	assert_int_equal(left->lvs.n_services, 0);
}

static void test_timeouts_are_set_and_zero_leaves_them(void **state)
{
	struct lvs_table t = {.tcp_timeout = 1200, .udp_timeout = 250};
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	assert_done(lvs_nl_open(&d, &err));
	assert_done(write_one(d, KIND_LVS, SUB_LVS_TIMEOUTS, NULL, &t, &err));
	s = read_all(d);
	assert_int_equal(s->lvs.tcp_timeout, 1200);
	assert_int_equal(s->lvs.tcpfin_timeout, 120);
	assert_int_equal(s->lvs.udp_timeout, 250);
}

int run_server_tests(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_servers_of_all_sorts_are_read_back_as_written),
	    cmocka_unit_test(test_changed_server_keeps_what_is_the_same),
	    cmocka_unit_test(test_server_that_changed_meanwhile_is_named),
	    cmocka_unit_test(test_unknown_scheduler_is_a_missing_capability),
	    cmocka_unit_test(test_many_refusals_are_all_read),
	    cmocka_unit_test(test_timeouts_are_set_and_zero_leaves_them),
	};

	return cmocka_run_group_tests_name("virtual servers", tests, NULL, NULL);
}
