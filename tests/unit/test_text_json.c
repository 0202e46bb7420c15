/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs read is JSON, and nothing is missing, whatever bytes the rules of others
 * hold. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text_json.h"
#include "plan/plan.h"
#include "verify/check.h"
#include "verify/verify.h"

static void assert_text(const char *bytes, const char *expected)
{
	json_t *j = text_json(bytes);

	assert_string_equal(json_string_value(j), expected);
	json_decref(j);
}

static void test_bytes_that_are_no_utf8_are_written_out(void **state)
{
	(void)state;
	assert_text("caf\xc3\xa9", "caf\xc3\xa9");
	assert_text("caf\xe9 \xc3\xa9\n", "caf\\xe9 \\xc3\\xa9\n");
	assert_text("\xff", "\\xff");
	assert_text("", "");
	assert_null(text_json(NULL));
}

/* The only element of that list in the printed text is about "r\e8gle": it says so. */
static void assert_listed(struct strbuf *sb, const char *list)
{
	json_error_t why;
	json_t *j = json_loadb(sb->s, sb->len, 0, &why), *all;

	if (!j)
		fail_msg("%s: %s", why.text, sb->s);
	all = json_object_get(j, list);
	assert_int_equal(json_array_size(all), 1);
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(all, 0), "about")),
	    "r\\xe8gle");
	assert_string_equal(
	    json_string_value(json_object_get(json_array_get(all, 0), "text")),
	    "\"\\xe9t\\xe9\" drops");
	json_decref(j);
	strbuf_free(sb);
}

static void test_findings_about_such_rules_are_listed(void **state)
{
	static const char about[] = "r\xe8gle", text[] = "\"\xe9t\xe9\" drops";
	struct notes n = {0};
	struct plan plan = {0};
	struct strbuf sb = {0};

	(void)state;
	notes_add_named(&n, NOTE_REFUSE, "input-policy", about, "%s", text);
	check_print_json(&sb, &n, MODE_IPVS, false);
	assert_listed(&sb, "findings");
	verify_print_json(&sb, &n, MODE_IPVS, 1);
	assert_listed(&sb, "findings");
	plan.notes = n;
	plan_print_json(&sb, &plan, false);
	assert_listed(&sb, "notes");
	notes_clear(&n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bytes_that_are_no_utf8_are_written_out),
	    cmocka_unit_test(test_findings_about_such_rules_are_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
