/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal of a migration as text: what another run makes of it after any cut. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "state/journal.h"

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

static struct strbuf head(void)
{
	static const char *const addresses[] = {"10.0.0.11", "fd00:10::11", NULL};
	const struct journal j = {
	    .to = MODE_IPVS,
	    .families = FAMILY_BOTH,
	    .kernel = "boot:7",
	    .started = "2026-01-02T03:04:05Z",
	    .node = "node-a",
	    .kube_proxy = "1.27.1",
	    .config = true,
	    .plain_masquerade = true,
	    .addresses = addresses,
	};
	struct strbuf sb = {0};

	journal_print_head(&sb, &j);
	return sb;
}

static struct journal parsed(const struct strbuf *sb, size_t len)
{
	struct journal j;
	struct error err = {0};

	if (journal_parse(sb->s, len, "migration", arena, &j, &err))
		fail_msg("%s", err.msg);
	return j;
}

static void test_head_is_read_as_it_was_written(void **state)
{
	struct strbuf sb = head();
	struct journal j = parsed(&sb, sb.len);

	(void)state;
	assert_int_equal(j.to, MODE_IPVS);
	assert_int_equal(j.families, FAMILY_BOTH);
	assert_string_equal(j.kernel, "boot:7");
	assert_string_equal(j.started, "2026-01-02T03:04:05Z");
	assert_string_equal(j.node, "node-a");
	assert_string_equal(j.kube_proxy, "1.27.1");
	assert_null(j.variant);
	assert_true(j.config);
	assert_true(j.plain_masquerade);
	assert_string_equal(j.addresses[1], "fd00:10::11");
	assert_null(j.addresses[2]);
	assert_int_equal(j.status, JOURNAL_OPEN);
	assert_true(journal_is_unfinished(&j));
	strbuf_free(&sb);
}

static void test_line_without_its_end_does_not_count(void **state)
{
	struct strbuf sb = head();
	size_t before;
	struct journal j;

	(void)state;
	journal_print_step(&sb, false, 1, "build: addresses, 3 operations");
	before = sb.len;
	journal_print_step(&sb, false, 2, "switch: iptables table nat, 1 operations");
	for (size_t len = before; len < sb.len; len++) {
		j = parsed(&sb, len);
		assert_int_equal(j.depth, 1);
		assert_string_equal(j.last, "build: addresses, 3 operations");
	}
	j = parsed(&sb, sb.len);
	assert_int_equal(j.depth, 2);
	strbuf_free(&sb);
}

static void test_planning_anew_does_not_forget_how_far_it_was(void **state)
{
	struct strbuf sb = head();
	struct journal j;

	(void)state;
	journal_print_step(&sb, false, 2, "switch: iptables table nat, 1 operations");
	journal_print_step(&sb, false, 0, "prepare: sysctls, 1 operations");
	j = parsed(&sb, sb.len);
	assert_int_equal(j.depth, 2);
	/* Going back comes nearer to the start. */
	journal_print_step(&sb, true, 2, "switch: iptables table nat, 1 operations");
	journal_print_step(&sb, true, 1, "remove: addresses, 3 operations");
	j = parsed(&sb, sb.len);
	assert_int_equal(j.depth, 1);
	assert_int_equal(j.status, JOURNAL_BACK);
	assert_true(journal_is_unfinished(&j));
	strbuf_free(&sb);
}

static void test_ends_are_told_apart(void **state)
{
	static const struct {
		enum journal_status status;
		bool unfinished;
	} ends[] = {
	    {JOURNAL_WAITING, true},
	    {JOURNAL_FINISHED, false},
	    {JOURNAL_ROLLED_BACK, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct strbuf sb = head();
		struct journal j;

		journal_print_status(&sb, ends[i].status, 12345);
		j = parsed(&sb, sb.len);
		assert_int_equal(j.status, ends[i].status);
		assert_int_equal(journal_is_unfinished(&j), ends[i].unfinished);
		if (j.status == JOURNAL_WAITING)
			assert_int_equal(j.until, 12345);
		strbuf_free(&sb);
	}
}

static void test_deadline_holds_until_another_and_ends_nothing(void **state)
{
	struct strbuf sb = head();
	struct journal j = parsed(&sb, sb.len);

	(void)state;
	assert_int_equal(j.until, 0);
	journal_print_deadline(&sb, 777);
	journal_print_step(&sb, false, 2, "switch: iptables table nat, 1 operations");
	j = parsed(&sb, sb.len);
	assert_int_equal(j.status, JOURNAL_OPEN);
	assert_int_equal(j.until, 777);
	journal_print_status(&sb, JOURNAL_WAITING, 999);
	j = parsed(&sb, sb.len);
	assert_int_equal(j.status, JOURNAL_WAITING);
	assert_int_equal(j.until, 999);
	strbuf_free(&sb);
}

static void test_what_is_no_journal_is_refused(void **state)
{
	static const char *const texts[] = {
	    "",
	    "something else\n",
	    "vipshift migration 2\nto ipvs\n",
	    "vipshift migration 1\nto ipvs\nfamilies 3\nkernel b:1\n", /* no end of the
									  head */
	    "vipshift migration 1\nto ipvs\nfamilies 3\nbegun\n",      /* which kernel? */
	    "vipshift migration 1\nto nowhere\nfamilies 3\nkernel b:1\nbegun\n",
	    "vipshift migration 1\nto ipvs\nfamilies 9\nkernel b:1\nbegun\n",
	    "vipshift migration 1\nto ipvs\nfamilies 3\nkernel b:1\nbegun\nstep\n",
	    "vipshift migration 1\nto ipvs\nfamilies 3\nkernel b:1\nbegun\nwaiting x\n",
	    "vipshift migration 1\nto ipvs\nfamilies 3\nkernel b:1\nbegun\ndeadline\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = {0};
		struct journal j;

		assert_int_equal(journal_parse(texts[i], strlen(texts[i]), "migration",
				     arena, &j, &err),
		    -1);
		assert_int_equal(err.kind, ERR_INPUT);
		assert_non_null(strstr(err.msg, "migration"));
	}
}

static void test_confirmation_that_was_cut_off_is_told_from_a_migration(void **state)
{
	struct strbuf sb = head();
	size_t begun;

	(void)state;
	journal_print_step(&sb, false, 2, "switch: iptables table nat, 1 operations");
	assert_false(parsed(&sb, sb.len).waited);
	journal_print_status(&sb, JOURNAL_WAITING, 100);
	assert_true(parsed(&sb, sb.len).waited);
	journal_print_step(&sb, false, 4, "remove: iptables table nat, 1 operations");
	assert_true(parsed(&sb, sb.len).waited);
	assert_int_equal(parsed(&sb, sb.len).status, JOURNAL_OPEN);
	begun = sb.len;
	journal_print_step(&sb, true, 4, "remove: iptables table nat, 1 operations");
	assert_false(parsed(&sb, sb.len).waited);
	journal_print_step(&sb, false, 2, "switch: iptables table nat, 1 operations");
	assert_false(parsed(&sb, sb.len).waited);
	assert_true(parsed(&sb, begun).waited);
	strbuf_free(&sb);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_head_is_read_as_it_was_written),
	    cmocka_unit_test(test_line_without_its_end_does_not_count),
	    cmocka_unit_test(test_planning_anew_does_not_forget_how_far_it_was),
	    cmocka_unit_test(test_ends_are_told_apart),
	    cmocka_unit_test(test_deadline_holds_until_another_and_ends_nothing),
	    cmocka_unit_test(test_confirmation_that_was_cut_off_is_told_from_a_migration),
	    cmocka_unit_test(test_what_is_no_journal_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
