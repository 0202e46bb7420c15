/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The change record: what a reader of either form finds in it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cmd/record.h"

static const char *const two[] = {"10.244.1.5:8080", "10.244.2.5:8080", NULL};
static const char *const one[] = {"10.244.1.5:8080", NULL};
static const char *const none[] = {NULL};

static struct record sample(void)
{
	static const struct record_phase phases[] = {
	    {.name = "build", .begin = 0.1, .seconds = 0.4, .n_ops = 12},
	    {.name = "switch", .begin = 0.5, .seconds = 0.1, .n_ops = 2},
	};
	static const struct record_switch switches[] = {
	    {.family = "IPv4", .begin = 0.5, .seconds = 0.021},
	    {.family = "IPv6", .begin = 0.55, .seconds = 0.014},
	};
	static const struct record_probe probes[] = {
	    {.at = 0.05, .when = "before", .tried = 9},
	    {.at = 0.55, .when = "switch", .tried = 9, .failed = 2},
	};
	static const struct record_note differences[] = {{
	    .about = "shop/web:http",
	    .name = "affinity-memory",
	    .text = "clients may change <once> & \"only\" once",
	    .accepted = true,
	}};
	static const struct record_way ways[] = {
	    {.frontend = "cluster 10.96.0.50:80", .before = two, .after = two},
	    {.frontend = "nodePort 30080", .before = two, .after = one},
	    {.frontend = "external 192.0.2.7:80", .before = none, .after = none},
	};
	static const struct record_service services[] = {{
	    .name = "shop/web:http",
	    .type = "NodePort",
	    .proto = "tcp",
	    .ways = ways,
	    .n_ways = 3,
	}};

	return (struct record){
	    .node = "node-<a>",
	    .kernel = "6.1.0",
	    .kube_proxy = "1.30",
	    .variant = "legacy",
	    .from = "iptables",
	    .to = "ipvs",
	    .started = 1700000000,
	    .seconds = 1,
	    .phases = phases,
	    .n_phases = 2,
	    .switches = switches,
	    .n_switches = 2,
	    .probes = probes,
	    .n_probes = 2,
	    .differences = differences,
	    .n_differences = 1,
	    .services = services,
	    .n_services = 1,
	    .added = 40,
	    .deleted = 2,
	    .result = "the node is in ipvs mode",
	};
}

static char *print(const struct record *r, const char *path)
{
	struct strbuf sb = {0};

	record_print(&sb, r, path);
	return sb.s;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)); text += strlen(what))
		n++;
	return n;
}

static void test_page_needs_nothing_besides_itself(void **state)
{
	struct record r = sample();
	char *page = print(&r, "x.html");

	(void)state;
	assert_null(strstr(page, "<script"));
	assert_null(strstr(page, "http:"));
	assert_null(strstr(page, "https:"));
	assert_null(strstr(page, " src="));
	assert_null(strstr(page, "<link"));
	free(page);
}

static void test_page_escapes_names_of_others(void **state)
{
	struct record r = sample();
	char *page = print(&r, "x.html");

	(void)state;
	assert_non_null(strstr(page, "node-&lt;a&gt;"));
	assert_null(strstr(page, "node-<a>"));
	assert_non_null(strstr(page, "change &lt;once&gt; &amp; &quot;only&quot; once"));
	free(page);
}

static void test_page_marks_ways_that_lead_elsewhere(void **state)
{
	struct record r = sample();
	char *page = print(&r, "x.html");

	(void)state;
	assert_int_equal(count(page, "<tr class=\"changed\">"), 1);
	assert_int_equal(count(page, ">the same<"), 2);
	free(page);
}

static void test_page_has_phases_and_test_connections_on_one_line_of_time(void **state)
{
	struct record r = sample();
	char *page = print(&r, "x.html");

	(void)state;
	assert_int_equal(count(page, "<rect "), 2);
	assert_int_equal(count(page, "<circle "), 2);
	/* Half of the time is in the middle of the line. */
	assert_non_null(strstr(page, "<rect x=\"540.0\""));
	assert_non_null(strstr(page, "18 test connections, 2 failed"));
	assert_non_null(strstr(page, "switch: 2 of 9 failed at 0.550 s"));
	free(page);
}

static void test_page_tells_a_failure_at_a_glance(void **state)
{
	struct record r = sample();
	char *page;

	(void)state;
	page = print(&r, "x.html");
	assert_null(strstr(page, "verdict bad"));
	free(page);
	r.exit_status = 6;
	page = print(&r, "x.html");
	assert_non_null(strstr(page, "verdict bad"));
	free(page);
}

static void test_json_says_the_same_with_a_schema_version(void **state)
{
	struct record r = sample();
	char *text = print(&r, "x.json");
	json_t *j = json_loads(text, 0, NULL), *way;

	(void)state;
	assert_non_null(j);
	assert_int_equal(json_integer_value(json_object_get(j, "schema")), 1);
	assert_string_equal(json_string_value(json_object_get(j, "node")), "node-<a>");
	assert_int_equal(json_array_size(json_object_get(j, "phases")), 2);
	assert_int_equal(json_integer_value(json_object_get(
			     json_array_get(json_object_get(j, "probes"), 1), "failed")),
	    2);
	assert_true(json_is_true(json_object_get(
	    json_array_get(json_object_get(j, "differences"), 0), "accepted")));
	way = json_array_get(
	    json_object_get(
		json_array_get(json_object_get(j, "services"), 0), "frontends"),
	    1);
	assert_int_equal(json_array_size(json_object_get(way, "before")), 2);
	assert_int_equal(json_array_size(json_object_get(way, "after")), 1);
	json_decref(j);
	free(text);
}

static void test_both_say_how_long_the_switch_of_a_family_took(void **state)
{
	struct record r = sample();
	char *page = print(&r, "x.html"), *text = print(&r, "x.json");
	json_t *j = json_loads(text, 0, NULL), *second;

	(void)state;
	assert_non_null(strstr(page, "Switch of IPv4</td><td>0.021 s"));
	assert_non_null(strstr(page, "Switch of IPv6</td><td>0.014 s"));
	second = json_array_get(json_object_get(j, "switches"), 1);
	assert_string_equal(json_string_value(json_object_get(second, "family")), "IPv6");
	assert_true(json_real_value(json_object_get(second, "seconds")) == 0.014);
	json_decref(j);
	free(text);
	free(page);
}

static void test_only_the_two_forms_are_taken(void **state)
{
	(void)state;
	assert_true(record_path_ok("/tmp/report.html"));
	assert_true(record_path_ok("r.json"));
	assert_false(record_path_ok("report.pdf"));
	assert_false(record_path_ok(".html"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_page_needs_nothing_besides_itself),
	    cmocka_unit_test(test_page_escapes_names_of_others),
	    cmocka_unit_test(test_page_marks_ways_that_lead_elsewhere),
	    cmocka_unit_test(
		test_page_has_phases_and_test_connections_on_one_line_of_time),
	    cmocka_unit_test(test_page_tells_a_failure_at_a_glance),
	    cmocka_unit_test(test_json_says_the_same_with_a_schema_version),
	    cmocka_unit_test(test_both_say_how_long_the_switch_of_a_family_took),
	    cmocka_unit_test(test_only_the_two_forms_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
