/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers of what others wrote: four times the input takes about four times as long, not
 * sixteen times, whatever it is that there is much of. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "../lib/text_file.h"
#include "model/model.h"
#include "state/state.h"

/* Sorting makes it a little more than 4; what is quadratic comes close to 16. */
#define RATIO_MAX 9
#define TRIES 5

typedef void write_fn(struct strbuf *sb, unsigned n);
typedef void read_fn(const char *text, size_t len);

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double measure(write_fn *write, read_fn *read, unsigned n)
{
	struct strbuf sb = {0};
	double begin;

	write(&sb, n);
	begin = cpu_seconds();
	read(strbuf_str(&sb), sb.len);
	begin = cpu_seconds() - begin;
	strbuf_free(&sb);
	return begin;
}

/* Other work on the machine makes some runs slower: one good comparison will do. */
static void check_scale(write_fn *write, read_fn *read, unsigned n)
{
	double small = 0, large = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		small = measure(write, read, n);
		large = measure(write, read, 4 * n);
		if (large < small * RATIO_MAX)
			return;
	}
	fail_msg("%u items: %.4f s, %u: %.4f s", n, small, 4 * n, large);
}

/* ---- dumps */

static void read_part(int (*parse)(const char *, size_t, struct state *, struct error *),
    const char *text, size_t len)
{
	AUTO(state) struct state *s = state_new();
	struct error err = {0};

	if (parse(text, len, s, &err))
		fail_msg("%s", err.msg);
}

static int parse_sets(const char *text, size_t len, struct state *s, struct error *err)
{
	return kset_parse(text, len, "t", s->arena, &s->sets, err);
}

static void read_sets(const char *text, size_t len)
{
	read_part(parse_sets, text, len);
}

static int parse_links(const char *text, size_t len, struct state *s, struct error *err)
{
	return vip_parse(text, len, "t", s->arena, &s->vips, err);
}

static void read_links(const char *text, size_t len)
{
	read_part(parse_links, text, len);
}

static int parse_tables(const char *text, size_t len, struct state *s, struct error *err)
{
	return fw_parse(text, len, "t", FAMILY_4, s->arena, &s->fw[FAMILY_4], err);
}

static void read_tables(const char *text, size_t len)
{
	read_part(parse_tables, text, len);
}

static void many_sets(struct strbuf *sb, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(sb, "create S%u hash:ip\n", i);
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(sb, "add S%u 10.0.0.1\n", i);
}

static void many_links(struct strbuf *sb, unsigned n)
{
	for (unsigned k = 0; k < 2; k++)
		for (unsigned i = 0; i < n; i++)
			strbuf_addf(sb, "address add 10.0.%u.1/32 dev e%u\n", k, i);
}

static void one_table_in_many_pieces(struct strbuf *sb, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		strbuf_add(sb, "*nat\n:A - [0:0]\n-A A\nCOMMIT\n");
}

static void test_dumps(void **state)
{
	(void)state;
	check_scale(many_sets, read_sets, 4000);
	check_scale(many_links, read_links, 4000);
	check_scale(one_table_in_many_pieces, read_tables, 2000);
}

/* ---- services */

static void read_model(const char *text, size_t len)
{
	AUTO(model) struct model *m = NULL;
	struct notes notes = {0};
	struct error err = {0};
	char path[32];
	int fd = text_file(text, path);

	(void)len;
	if (model_load(path, &m, &notes, &err))
		fail_msg("%s", err.msg);
	notes_clear(&notes);
	close(fd);
}

static void add_address(struct strbuf *sb, unsigned i)
{
	strbuf_addf(sb, "\"10.%u.%u.%u\"", i >> 16, i >> 8 & 255, i & 255);
}

static void begin_service(struct strbuf *sb)
{
	strbuf_add(sb, "{\"kind\":\"Service\",\"metadata\":{\"name\":\"a\"},\"spec\":"
		       "{\"clusterIP\":\"10.0.0.1\"");
}

static void begin_slice(struct strbuf *sb)
{
	strbuf_add(sb, "{\"kind\":\"EndpointSlice\",\"metadata\":{\"name\":\"a\","
		       "\"labels\":{\"kubernetes.io/service-name\":\"a\"}},"
		       "\"addressType\":\"IPv4\"");
}

static void external_addresses(struct strbuf *sb, unsigned n)
{
	begin_service(sb);
	strbuf_add(sb, ",\"ports\":[{\"port\":80}],\"externalIPs\":[");
	for (unsigned i = 0; i < n; i++) {
		strbuf_add(sb, i ? "," : "");
		add_address(sb, i);
	}
	strbuf_add(sb, "]}}");
}

/* They differ in where they are only. */
static void endpoints_of_one_address(struct strbuf *sb, unsigned n)
{
	begin_service(sb);
	strbuf_add(sb, ",\"ports\":[{\"port\":80}]}}");
	begin_slice(sb);
	strbuf_add(sb, ",\"ports\":[{\"name\":\"\",\"port\":80}],\"endpoints\":[");
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(sb, "%s{\"addresses\":[\"10.0.0.1\"],\"nodeName\":\"n%u\"}",
		    i ? "," : "", i);
	strbuf_add(sb, "]}");
}

static void add_ports(struct strbuf *sb, unsigned n)
{
	strbuf_add(sb, ",\"ports\":[");
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(
		    sb, "%s{\"name\":\"p%u\",\"port\":%u}", i ? "," : "", i, i + 1);
	strbuf_addch(sb, ']');
}

static void ports(struct strbuf *sb, unsigned n)
{
	begin_service(sb);
	add_ports(sb, n);
	strbuf_add(sb, "}}");
	begin_slice(sb);
	add_ports(sb, n);
	strbuf_add(sb, ",\"endpoints\":[{\"addresses\":[\"10.0.0.1\"]}]}");
}

static void test_services(void **state)
{
	(void)state;
	check_scale(external_addresses, read_model, 4000);
	check_scale(endpoints_of_one_address, read_model, 4000);
	check_scale(ports, read_model, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dumps),
	    cmocka_unit_test(test_services),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
