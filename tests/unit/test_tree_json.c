/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scanner of JSON against jansson: what it takes means the same, and is JSON. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "model/tree_json.h"

static const char sample[] =
    "{\n        \"metadata\": {\"name\": \"web\", \"empty\": \"\", \"labels\": {},\r\n"
    "\t\"note\": \"{\\\"a\\\":\\\\ \\/\\b\\f\\n\\r\\t \\u003cb\\u003e\"},\n"
    "                        \"ports\": [80, -1, 0, 999999999999999999, []],\n"
    "    \"ready\": true, \"serving\" :false , \"hints\": null}";

static bool same(const struct json_value *a, const struct json_value *b)
{
	if (a->type != b->type || a->n != b->n)
		return false;
	if (a->type == JSON_STRING)
		return !strcmp(a->string, b->string);
	if (a->type == JSON_INTEGER)
		return a->integer == b->integer;
	for (unsigned i = 0; i < a->n; i++)
		if ((a->type == JSON_OBJECT &&
			strcmp(a->items[i].key, b->items[i].key)) ||
		    !same(&a->items[i], &b->items[i]))
			return false;
	return true;
}

/* Was the text taken? Then jansson must take as much of it, for the same value. */
static bool check(const char *text, size_t n)
{
	char *padded = xcalloc(1, n + 16);
	const char *p = memcpy(padded, text, n);
	struct arena *a = arena_new();
	struct json_value ours, theirs;
	unsigned long lines = 0, n_lines = 0;
	bool taken = !json_tree_scan(&p, a, &ours, &lines);
	json_error_t why;
	json_t *v = NULL;

	assert_in_range(p - padded, 0, n);
	if (taken) {
		v = json_loadb(padded, (size_t)(p - padded),
		    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
		if (!v && json_error_code(&why) != json_error_duplicate_key)
			fail_msg("'%s' taken: %s", padded, why.text);
		for (const char *c = padded; c < p; c++)
			n_lines += *c == '\n';
		assert_int_equal(lines, n_lines);
	}
	if (v) {
		json_tree_copy(v, a, &theirs);
		if (!same(&ours, &theirs))
			fail_msg("'%s' taken for something else", padded);
	}
	json_decref(v);
	arena_free(a);
	free(padded);
	return taken;
}

static void test_what_kubernetes_writes_is_taken(void **state)
{
	(void)state;
	assert_true(check(sample, strlen(sample)));
	assert_true(check("\"text\":", 7));
	assert_true(check("[ ]", 3));
	assert_true(check("{ }", 3));
}

static void test_a_value_that_is_cut_off_is_not_taken(void **state)
{
	(void)state;
	for (size_t n = 0; n < strlen(sample); n++)
		assert_false(check(sample, n));
	/* The next buffer may go on with "2". */
	assert_false(check("1", 1));
}

static void test_the_rest_is_left_to_jansson(void **state)
{
	static const char *const texts[] = {"1.5 ", "1e3 ", "1000000000000000000 ", "01 ",
	    "-", "+1 ", "nul ", "\"\xc3\xa9\"", "\"\\u00e9\"", "\"\\u0000\"", "\"\\x\"",
	    "\"\n\"", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "]"};
	char deep[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (check(texts[i], strlen(texts[i])))
			fail_msg("'%s' taken", texts[i]);
	memset(deep, '[', 500);
	memset(deep + 500, ']', 500);
	assert_false(check(deep, sizeof(deep)));
}

static void test_of_equal_keys_the_last_counts(void **state)
{
	const char *p = "{\"a\": 1, \"b\": 2, \"a\": 3}\0       ";
	struct arena *a = arena_new();
	struct json_value v;
	unsigned long lines = 0;

	(void)state;
	assert_int_equal(json_tree_scan(&p, a, &v, &lines), 0);
	assert_int_equal(json_value_get(&v, "a")->integer, 3);
	assert_null(json_value_get(&v, "c"));
	arena_free(a);
}

/* Few of these are JSON; the scanner must be as strict as jansson about each. */
static void test_damaged_text_is_not_taken_for_json(void **state)
{
	static const char bytes[] = "{}[],:\"\\ \n0-19.eEtrufalsn\x01\x7f\xc3";
	uint32_t seed = 1;
	size_t taken = 0;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		char text[sizeof(sample)];
		size_t n = strlen(sample);

		memcpy(text, sample, sizeof(sample));
		for (int k = 0; k < 1 + i % 3; k++) {
			seed = seed * 1664525u + 1013904223u;
			text[(seed >> 8) % n] = bytes[(seed >> 20) % (sizeof(bytes) - 1)];
		}
		taken += check(text, n);
	}
	assert_in_range(taken, 1000, 99000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_kubernetes_writes_is_taken),
	    cmocka_unit_test(test_a_value_that_is_cut_off_is_not_taken),
	    cmocka_unit_test(test_the_rest_is_left_to_jansson),
	    cmocka_unit_test(test_of_equal_keys_the_last_counts),
	    cmocka_unit_test(test_damaged_text_is_not_taken_for_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
