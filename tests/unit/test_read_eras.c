/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Saved states of kube-proxies of all times, testdata/eras: each is read back to the
 * model beside it.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../lib/golden_files.h"
#include "../lib/golden_states.h"
#include "../lib/read_back.h"

struct dumped {
	struct state *state;
	struct model *model;
	struct notes findings;
};

static void open_dump(const char *name, struct dumped *d)
{
	AUTO(source) struct source *src = NULL;
	struct error err = {0};
	char path[512];

	*d = (struct dumped){0};
	snprintf(path, sizeof(path), TESTDATA "/eras/%s", name);
	if (dump_open_damaged(path, &d->findings, &src, &err) ||
	    source_read(src, KIND_ALL, FAMILY_BOTH, &d->state, &err))
		fail_msg("%s", err.msg);
	d->model = read_back(d->state, -1, &d->findings);
}

static void close_dump(struct dumped *d)
{
	notes_clear(&d->findings);
	model_free(d->model);
	state_free(d->state);
}

static void assert_reads_back(const char *name)
{
	struct strbuf want = {0};
	struct dumped d;
	char path[512], *have;

	open_dump(name, &d);
	snprintf(path, sizeof(path), TESTDATA "/eras/%s/model.json", name);
	golden_load(path, &want);
	have = model_text(d.model);
	assert_same_text(name, want.s, have);
	free(have);
	strbuf_free(&want);
	close_dump(&d);
}

static void assert_clean(const char *name)
{
	struct dumped d;

	open_dump(name, &d);
	fail_on_findings(name, &d.findings);
	for (size_t i = 0; i < d.model->n_services; i++)
		assert_null(d.model->services[i].incomplete);
	close_dump(&d);
}

static void test_marks_in_line_and_five_decimals(void **state)
{
	(void)state;
	assert_reads_back("1.1");
	assert_clean("1.1");
}

/* With its chains in nat, which are empty; XLB chains without affinity. */
static void test_services_that_nobody_answers(void **state)
{
	(void)state;
	assert_reads_back("1.8");
	assert_clean("1.8");
}

static void test_pairs_of_rules_per_address(void **state)
{
	(void)state;
	assert_reads_back("1.9");
	assert_clean("1.9");
}

static void test_local_chains_of_old(void **state)
{
	(void)state;
	assert_reads_back("1.22");
	assert_clean("1.22");
}

static void test_local_list_that_drops(void **state)
{
	(void)state;
	assert_reads_back("1.24");
	assert_clean("1.24");
}

static void test_large_cluster_with_counters(void **state)
{
	(void)state;
	assert_reads_back("1.31");
	assert_clean("1.31");
}

static void test_names_made_of_addresses(void **state)
{
	struct dumped d;
	bool said = false;

	(void)state;
	assert_reads_back("no-comments");
	open_dump("no-comments", &d);
	/* Of the address that is refused nothing tells whose it is. */
	for (size_t i = 0; i < d.findings.list.n; i++)
		said |= d.findings.list.v[i].about &&
			!strcmp(d.findings.list.v[i].about, "unnamed/35.8.8.77:514");
	assert_true(said);
	close_dump(&d);
}

static void test_virtual_servers_beside_those_of_others(void **state)
{
	(void)state;
	assert_reads_back("ipvs-1.30");
	assert_clean("ipvs-1.30");
}

static void test_eras_are_told(void **state)
{
	static const struct {
		const char *name;
		int from, to;
	} eras[] = {{"1.1", 1, 1}, {"1.8", 2, 22}, {"1.9", 2, 24}, {"1.22", 2, 22}, {"1.24", 24, 24},
	    {"1.31", 31, 0}, {"ipvs-1.30", 29, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(eras) / sizeof(eras[0]); i++) {
		struct dumped d;
		struct era e;

		open_dump(eras[i].name, &d);
		e = state_era(d.state, FAMILY_4, state_mode_of(d.state, FAMILY_4));
		assert_int_equal(e.from, eras[i].from);
		assert_int_equal(e.to, eras[i].to);
		close_dump(&d);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_marks_in_line_and_five_decimals),
	    cmocka_unit_test(test_services_that_nobody_answers),
	    cmocka_unit_test(test_pairs_of_rules_per_address),
	    cmocka_unit_test(test_local_chains_of_old),
	    cmocka_unit_test(test_local_list_that_drops),
	    cmocka_unit_test(test_large_cluster_with_counters),
	    cmocka_unit_test(test_names_made_of_addresses),
	    cmocka_unit_test(test_virtual_servers_beside_those_of_others),
	    cmocka_unit_test(test_eras_are_told),
	};

	return cmocka_run_group_tests_name("eras", tests, NULL, NULL);
}
