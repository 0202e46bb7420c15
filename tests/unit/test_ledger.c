/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger as text: there and back, and never half of one. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/ledger.h"

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

#define HEAD "# what it is\nledger 1 boot:7\n"
#define WHOLE                                                                            \
	HEAD "server udp [fd00::1]:53\nserver tcp 10.96.0.1:443\n"                       \
	     "leaving tcp 10.96.0.1:443 10.244.1.5:6443 1234\nend 3\n"

static int parse(const char *text, size_t len, struct ledger *ret, struct error *err)
{
	return ledger_parse(text, len, "ledger", "boot:7", arena, ret, err);
}

static struct ledger parsed(const char *text)
{
	struct ledger l;
	struct error err = {0};

	if (parse(text, strlen(text), &l, &err))
		fail_msg("%s", err.msg);
	return l;
}

static void test_prints_what_it_reads(void **state)
{
	struct ledger l = parsed(WHOLE), again;
	struct strbuf sb = {0};

	(void)state;
	assert_int_equal(l.n_servers, 2);
	assert_int_equal(l.n_leaving, 1);
	assert_int_equal(l.servers[0].port, 443); /* sorted: IPv4 first */
	assert_int_equal(l.servers[1].family, FAMILY_6);
	ledger_print(&sb, &l, "boot:7");
	again = parsed(sb.s);
	assert_int_equal(again.n_servers, 2);
	assert_false(lvs_key_cmp(&again.servers[1], &l.servers[1]));
	assert_int_equal(again.leaving[0].deadline, 1234);
	strbuf_free(&sb);
}

static void test_finds_the_deadline_of_a_real_server(void **state)
{
	struct ledger l = parsed(WHOLE);
	struct lvs_dest d = {.port = 6443};

	(void)state;
	addr_parse("10.244.1.5", &d.addr);
	assert_non_null(ledger_find_leaving(&l, &l.servers[0], &d));
	assert_null(ledger_find_leaving(&l, &l.servers[1], &d));
	d.port = 6444;
	assert_null(ledger_find_leaving(&l, &l.servers[0], &d));
}

static void test_another_kernel_says_nothing(void **state)
{
	struct ledger l;
	struct error err = {0};

	(void)state;
	assert_int_equal(
	    ledger_parse(WHOLE, strlen(WHOLE), "f", "boot:8", arena, &l, &err), 0);
	assert_int_equal(l.n_servers + l.n_leaving, 0);
}

static void test_every_shorter_text_is_refused(void **state)
{
	struct ledger l;
	struct error err;

	(void)state;
	/* Only the last line break may be missing. */
	for (size_t n = 0; n + 1 < strlen(WHOLE); n++) {
		char *text = arena_strndup(arena, WHOLE, n);

		memset(&err, 0, sizeof(err));
		if (!parse(text, n, &l, &err))
			fail_msg("%zu bytes were taken for a ledger", n);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

static void test_what_is_no_line_of_a_ledger_is_refused(void **state)
{
	static const char *const bad[] = {
	    "",
	    "ledger 2 boot:7\nend 0\n",
	    HEAD "server tcp 10.96.0.1\nend 1\n",
	    HEAD "server icmp 10.96.0.1:1\nend 1\n",
	    HEAD "server tcp 10.96.0.1:443 more\nend 1\n",
	    HEAD "leaving tcp 10.96.0.1:443 10.244.1.5:1 soon\nend 1\n",
	    HEAD "leaving tcp 10.96.0.1:443 10.244.1.5:1 -4\nend 1\n",
	    HEAD "end 1\n",
	    HEAD "end 0\nserver tcp 10.96.0.1:443\n",
	    "server tcp 10.96.0.1:443\n" HEAD "end 1\n",
	};
	struct ledger l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct error err = {0};

		if (!parse(bad[i], strlen(bad[i]), &l, &err))
			fail_msg("taken for a ledger: %s", bad[i]);
		assert_int_equal(err.kind, ERR_INPUT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_prints_what_it_reads),
	    cmocka_unit_test(test_finds_the_deadline_of_a_real_server),
	    cmocka_unit_test(test_another_kernel_says_nothing),
	    cmocka_unit_test(test_every_shorter_text_is_refused),
	    cmocka_unit_test(test_what_is_no_line_of_a_ledger_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
