/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver of IP sets against the kernel; list:set and the ipset command stand for
 * others. */
#include "config.h"

#include "nl_driver_test.h"

static struct kset new_set(const char *name, enum kset_type type, enum family f,
    struct kset_entry *entries, size_t n)
{
	struct kset s = {
	    .name = name, .type = type, .family = f, .entries = entries, .n_entries = n};

	if (type == KSET_BITMAP_PORT) {
		s.port_to = 65535;
	} else {
		s.hashsize = 1024;
		s.maxelem = 65536;
	}
	kset_sort(&s);
	return s;
}

static void assert_kernel_has_set(struct driver *d, const struct kset *want)
{
	AUTO(state) struct state *s = read_all(d);
	const struct kset *have = kset_find(&s->sets, want->name);

	assert_true(s->sets.present);
	assert_non_null(have);
	assert_true(kset_eq(have, want));
}

static void test_sets_of_all_types_are_read_back_as_written(void **state)
{
	struct kset_entry ip4[] = {{.ip = addr("10.0.0.9")}, {.ip = addr("10.0.0.10")}};
	struct kset_entry port4[] = {{.ip = addr("10.0.0.1"), .proto = 6, .port = 80},
	    {.ip = addr("10.0.0.1"), .proto = 17, .port = 80},
	    {.ip = addr("10.0.0.1"), .proto = 132, .port = 9999}};
	struct kset_entry portip4[] = {
	    {.ip = addr("10.0.0.1"), .proto = 6, .port = 80, .ip2 = addr("10.0.0.1")}};
	struct kset_entry portnet4[] = {{.ip = addr("10.0.0.1"),
					    .proto = 6,
					    .port = 80,
					    .ip2 = addr("10.1.0.0"),
					    .bits = 16},
	    {.ip = addr("10.0.0.1"),
		.proto = 6,
		.port = 80,
		.ip2 = addr("10.9.9.9"),
		.bits = 32}};
	struct kset_entry ports[] = {{.port = 30080}, {.port = 65535}};
	struct kset_entry port6[] = {{.ip = addr("fd00::1"), .proto = 17, .port = 53}};
	struct kset_entry portnet6[] = {{.ip = addr("fd00::1"),
	    .proto = 6,
	    .port = 80,
	    .ip2 = addr("fd01::"),
	    .bits = 64}};
	struct kset sets[] = {
	    new_set("T-IP", KSET_HASH_IP, FAMILY_4, ip4, 2),
	    new_set("T-PORT", KSET_HASH_IP_PORT, FAMILY_4, port4, 3),
	    new_set("T-PORT-IP", KSET_HASH_IP_PORT_IP, FAMILY_4, portip4, 1),
	    new_set("T-PORT-NET", KSET_HASH_IP_PORT_NET, FAMILY_4, portnet4, 2),
	    new_set("T-BITMAP", KSET_BITMAP_PORT, FAMILY_4, ports, 2),
	    new_set("T-6-PORT", KSET_HASH_IP_PORT, FAMILY_6, port6, 1),
	    new_set("T-6-PORT-NET", KSET_HASH_IP_PORT_NET, FAMILY_6, portnet6, 1),
	    new_set("T-6-EMPTY-WITH-31-CHARACTERS-XX", KSET_HASH_IP_PORT_IP, FAMILY_6,
		NULL, 0),
	};
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(kset_nl_open(&d, &err));
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &sets[i], &err));
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_kernel_has_set(d, &sets[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_done(write_one(d, KIND_KSET, SUB_NONE, &sets[i], NULL, &err));
	AUTO(state) struct state *s = read_all(d);
	assert_int_equal(s->sets.n_sets, 0);
}

static void test_set_with_extensions_can_be_put_back(void **state)
{
	struct kset_entry e[] = {{.ip = addr("10.0.0.9")}};
	struct kset s = new_set("T", KSET_HASH_IP, FAMILY_4, e, 1);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	s.extensions = "timeout 3000 counters comment";
	assert_done(kset_nl_open(&d, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &s, &err));
	assert_kernel_has_set(d, &s);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &s, NULL, &err));
	s.extensions = "markmask 7";
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, NULL, &s, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
}

static void test_changed_entries_leave_the_others_in_place(void **state)
{
	struct kset_entry a[] = {{.ip = addr("10.0.0.1")}, {.ip = addr("10.0.0.2")}};
	struct kset_entry b[] = {{.ip = addr("10.0.0.2")}, {.ip = addr("10.0.0.3")}};
	struct kset have = new_set("T", KSET_HASH_IP, FAMILY_4, a, 2);
	struct kset want = new_set("T", KSET_HASH_IP, FAMILY_4, b, 2);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(kset_nl_open(&d, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &have, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &have, &want, &err));
	assert_kernel_has_set(d, &want);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &want, NULL, &err));
}

static void test_set_that_changed_meanwhile_is_not_overwritten(void **state)
{
	struct kset_entry a[] = {{.ip = addr("10.0.0.1")}, {.ip = addr("10.0.0.2")}};
	struct kset full = new_set("T", KSET_HASH_IP, FAMILY_4, a, 2);
	struct kset empty = new_set("T", KSET_HASH_IP, FAMILY_4, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(kset_nl_open(&d, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &full, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, NULL, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &empty, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_non_null(strstr(err.msg, "IP set T (default/web:http): entry 10.0.0.1: "));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &full, &empty, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &full, &empty, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &empty, NULL, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &empty, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
}

/* A list:set refers to a set just as a rule does. */
static void test_set_in_use_is_swapped_but_never_destroyed(void **state)
{
	struct kset_entry a[] = {{.ip = addr("10.0.0.1")}};
	struct kset have = new_set("T", KSET_HASH_IP, FAMILY_4, a, 1);
	struct kset want = have,
		    other = new_set("T", KSET_BITMAP_PORT, FAMILY_4, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	want.maxelem = 1000;
	assert_done(kset_nl_open(&d, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &have, &err));
	shell("ipset create USER list:set && ipset add USER T");
	s = read_all(d);
	assert_int_equal(kset_find(&s->sets, "T")->references, 1);
	assert_int_equal(kset_find(&s->sets, "USER")->type, KSET_OTHER);

	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &have, NULL, &err), -1);
	assert_int_equal(err.sys_errno, EBUSY);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &have, &want, &err));
	assert_kernel_has_set(d, &want);
	shell("test \"$(ipset list -n | sort | xargs)\" = 'T USER'");
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &want, &other, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);

	shell("ipset destroy USER");
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &want, &other, &err));
	assert_kernel_has_set(d, &other);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &other, NULL, &err));
}

static void test_sets_are_read_as_ipset_save_tells_them(void **state)
{
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL, *said = state_new();
	struct error err = {0};
	static char text[65536];
	FILE *f;
	size_t n;

	(void)state;
	shell(
	    "ipset restore <<-END\n"
	    "create A hash:ip,port,net family inet6 hashsize 64 maxelem 99 timeout 3000 comment\n"
	    "add A fd00::1,udp:53,fd00:1::/32 comment hello\n"
	    "create B hash:ip family inet netmask 24 counters skbinfo\n"
	    "add B 10.0.1.0\n"
	    "create C bitmap:port range 100-200\n"
	    "add C 150\n"
	    "create D hash:net,iface\n"
	    "add D 10.0.0.0/8,eth0\n"
	    "create E hash:ip,port\n"
	    "add E 10.0.0.1,sctp:9999\n"
	    "END\n");
	assert_done(kset_nl_open(&d, &err));
	s = read_all(d);
	f = popen("ipset save", "r");
	n = fread(text, 1, sizeof(text), f);
	assert_int_equal(pclose(f), 0);
	assert_done(kset_parse(text, n, "ipset save", said->arena, &said->sets, &err));
	assert_int_equal(s->sets.n_sets, 5);
	assert_int_equal(said->sets.n_sets, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(s->sets.sets[i].name, said->sets.sets[i].name);
		if (said->sets.sets[i].type == KSET_OTHER)
			assert_string_equal(
			    s->sets.sets[i].other_type, said->sets.sets[i].other_type);
		else if (!kset_eq(&s->sets.sets[i], &said->sets.sets[i]))
			fail_msg("set %s differs", said->sets.sets[i].name);
	}
	assert_int_equal(s->sets.sets[0].hashsize, 64);
	shell("ipset destroy");
}

static void test_last_of_many_aggregated_entries_is_named_when_refused(void **state)
{
	size_t n = 3000;
	struct kset_entry *e = xcalloc(n, sizeof(*e));
	struct kset s;
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < n; i++) {
		e[i].ip = addr("10.0.0.0");
		e[i].ip.b[2] = (uint8_t)(i >> 8);
		e[i].ip.b[3] = (uint8_t)i;
		e[i].ip2 = e[i].ip;
		e[i].proto = 6;
		e[i].port = 80;
		e[i].bits = 32;
	}
	/* The kernel takes no prefix of length 0. */
	e[n - 1].ip2 = addr("0.0.0.0");
	e[n - 1].bits = 0;
	s = new_set("T", KSET_HASH_IP_PORT_NET, FAMILY_4, e, n);
	assert_done(kset_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, NULL, &s, &err), -1);
	assert_non_null(strstr(err.msg, "entry 10.0.11.183,tcp:80,0.0.0.0/0"));
	shell("ipset destroy T");
	free(e);
}

int run_set_tests(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sets_of_all_types_are_read_back_as_written),
	    cmocka_unit_test(test_set_with_extensions_can_be_put_back),
	    cmocka_unit_test(test_changed_entries_leave_the_others_in_place),
	    cmocka_unit_test(test_set_that_changed_meanwhile_is_not_overwritten),
	    cmocka_unit_test(test_set_in_use_is_swapped_but_never_destroyed),
	    cmocka_unit_test(test_sets_are_read_as_ipset_save_tells_them),
	    cmocka_unit_test(test_last_of_many_aggregated_entries_is_named_when_refused),
	};

	return cmocka_run_group_tests_name("sets", tests, NULL, NULL);
}
