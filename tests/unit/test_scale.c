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

#include "../lib/read_back.h"
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

/* ---- nodes */

static struct state *state_of(const char *text, size_t len, enum mode mode)
{
	struct state *s = state_new();
	struct error err = {0};
	const char *sets = mode == MODE_IPVS ? strstr(text, "create ") : NULL;
	size_t head = sets ? (size_t)(sets - text) : len;

	if (mode == MODE_IPTABLES
		? fw_parse(text, len, "t", FAMILY_4, s->arena, &s->fw[FAMILY_4], &err)
		: lvs_parse(text, head, "t", s->arena, &s->lvs, &err) ||
		      kset_parse(sets, len - head, "t", s->arena, &s->sets, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void read_node(const char *text, size_t len, enum mode mode)
{
	AUTO(state) struct state *s = state_of(text, len, mode);
	AUTO(model) struct model *m = NULL;
	struct notes findings = {0};

	m = read_back(s, (int)mode, &findings);
	assert_int_not_equal(m->n_services, 0);
	notes_clear(&findings);
}

static void read_rules(const char *text, size_t len)
{
	read_node(text, len, MODE_IPTABLES);
}

static void read_servers(const char *text, size_t len)
{
	read_node(text, len, MODE_IPVS);
}

#define HASH "AAAAAAAAAAAAAAAA"

static void source_ranges(struct strbuf *sb, unsigned n)
{
	strbuf_add(sb, "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-FW-" HASH " - [0:0]\n"
		       ":KUBE-SVC-" HASH " - [0:0]\n"
		       "-A KUBE-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "
		       "\"a/b loadbalancer IP\" -m tcp --dport 80 -j KUBE-FW-" HASH "\n");
	/* Twice, as for two addresses. */
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(sb,
		    "-A KUBE-FW-" HASH " -s 20.%u.%u.0/24 -j KUBE-SVC-" HASH "\n",
		    i / 2 >> 8, i / 2 & 255);
	strbuf_add(sb, "COMMIT\n");
}

static const char *sep(unsigned i, char name[28])
{
	memcpy(name, "KUBE-SEP-" HASH, 26);
	for (unsigned k = 24; i; k--, i /= 26)
		name[k] = (char)('A' + i % 26);
	return name;
}

static void endpoints_with_affinity(struct strbuf *sb, unsigned n)
{
	char name[28];

	strbuf_add(sb, "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-SVC-" HASH " - [0:0]\n"
		       "-A KUBE-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "
		       "\"a/b cluster IP\" -m tcp --dport 80 -j KUBE-SVC-" HASH "\n");
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(sb,
		    ":%s - [0:0]\n-A %s -p tcp -m recent --set --name %s --rsource "
		    "-m tcp -j DNAT --to-destination 10.0.%u.%u:80\n",
		    sep(i, name), name, name, i >> 8, i & 255);
	for (unsigned i = n; i-- > 0;)
		strbuf_addf(sb,
		    "-A KUBE-SVC-" HASH " -m recent --rcheck --seconds 10800 --reap "
		    "--name %s --rsource -j %s\n",
		    sep(i, name), name);
	for (unsigned i = 0; i < n; i++)
		strbuf_addf(sb, "-A KUBE-SVC-" HASH " -j %s\n", sep(i, name));
	strbuf_add(sb, "COMMIT\n");
}

/* Each of n load balancers has two ranges. */
static void ranges_in_a_set(struct strbuf *sb, unsigned n)
{
	static const char *const sets[] = {"KUBE-LOAD-BALANCER", "KUBE-LOAD-BALANCER-FW"};

	for (unsigned i = 0; i < n; i++)
		strbuf_addf(sb, "-A -t 20.0.%u.%u:80 -s rr\n", i >> 8, i & 255);
	for (unsigned k = 0; k < 2; k++) {
		strbuf_addf(sb, "create %s hash:ip,port family inet\n", sets[k]);
		for (unsigned i = 0; i < n; i++)
			strbuf_addf(
			    sb, "add %s 20.0.%u.%u,tcp:80\n", sets[k], i >> 8, i & 255);
	}
	strbuf_add(sb, "create KUBE-LOAD-BALANCER-SOURCE-CIDR hash:ip,port,net "
		       "family inet\n");
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < 2; k++)
			strbuf_addf(sb,
			    "add KUBE-LOAD-BALANCER-SOURCE-CIDR "
			    "20.0.%u.%u,tcp:80,30.%u.0.0/16\n",
			    i >> 8, i & 255, k);
}

static void test_nodes(void **state)
{
	(void)state;
	check_scale(source_ranges, read_rules, 4000);
	check_scale(endpoints_with_affinity, read_rules, 2000);
	check_scale(ranges_in_a_set, read_servers, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_dumps),
	    cmocka_unit_test(test_services),
	    cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
