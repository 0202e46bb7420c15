/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For every case in testdata/golden: what we want for a cluster is exactly what the real
 * kube-proxy left in a kernel for it. Compared twice, as typed values (order of rules
 * included) and as text, line by line, so that neither a parser nor a printer can hide a
 * difference.
 */
#include "config.h"

#include "emit/emit.h"

#include <dirent.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "../lib/emit_fixture.h"
#include "../lib/golden_cases.h"

/* ---- files */

/* The content, or an empty text when there is no such file. */
static void read_file(const char *dir, const char *file, struct strbuf *ret)
{
	AUTO(mem) char *path = path_of(dir, file);
	AUTO(file) FILE *f = fopen(path, "re");
	char buf[4096];
	size_t n;

	strbuf_reset(ret);
	while (f && (n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_addn(ret, buf, n);
}

/* ---- lines */

struct lines {
	VEC(const char *) list;
	struct arena *arena;
};

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The policies of built-in chains are not ours to say, nor are rules in other places. */
static bool is_builtin_line(const char *line)
{
	static const char *const names[] = {
	    "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (*line == ':' && !strncmp(line + 1, names[i], strlen(names[i])) &&
		    line[1 + strlen(names[i])] == ' ')
			return true;
	}
	return false;
}

static void split_lines(struct lines *l, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		const char *line = arena_strndup(l->arena, text, n);

		if (n && !is_builtin_line(line))
			vec_push(&l->list, line);
		text += n + (text[n] == '\n');
	}
	if (l->list.n)
		qsort(l->list.v, l->list.n, sizeof(l->list.v[0]), compare_lines);
}

/* Prints what is in one text only; false when anything is. */
static bool same_lines(const char *what, const char *want, const char *have)
{
	struct lines w = {.arena = arena_new()}, h = {.arena = w.arena};
	size_t i = 0, k = 0, n = 0;

	split_lines(&w, want);
	split_lines(&h, have);
	while (i < w.list.n || k < h.list.n) {
		int c = i == w.list.n	? 1
			: k == h.list.n ? -1
					: strcmp(w.list.v[i], h.list.v[k]);

		if (c == 0) {
			i++;
			k++;
			continue;
		}
		if (n++ == 0)
			print_message("%s: - emitted, + kube-proxy's\n", what);
		print_message(
		    "%c%s\n", c < 0 ? '-' : '+', c < 0 ? w.list.v[i++] : h.list.v[k++]);
	}
	vec_free(&w.list);
	vec_free(&h.list);
	arena_free(w.arena);
	return n == 0;
}

/* ---- tables */

static void print_chain(enum family f, const char *sign, const struct fw_chain *c)
{
	for (size_t i = 0; c && i < c->n_rules; i++) {
		struct strbuf sb = {0};

		fw_print_rule(&sb, f, c->name, &c->rules[i]);
		print_message("%s%s\n", sign, sb.s);
		strbuf_free(&sb);
	}
}

/* An absent built-in chain is as good as an empty one. */
static bool chain_ok(enum family f, const char *where, const struct fw_chain *want,
    const struct fw_chain *have)
{
	const struct fw_chain *c = want ? want : have;

	if (c->builtin && (!want || !have) && c->n_rules == 0)
		return true;
	if (want && have && fw_chain_eq(want, have))
		return true;
	print_message("%s: chain %s: - emitted, + kube-proxy's\n", where, c->name);
	print_chain(f, "-", want);
	print_chain(f, "+", have);
	return false;
}

/* Every chain of a as in b; with both, also nothing more in b. */
static bool table_ok(enum family f, const char *where, const struct fw_table *want,
    const struct fw_table *have, bool pure)
{
	bool ok = true;

	for (size_t i = 0; i < want->n_chains; i++) {
		const struct fw_chain *c = &want->chains[i];

		if (!pure && c->builtin)
			continue;
		ok &= chain_ok(f, where, c, fw_chain_find(have, c->name));
	}
	for (size_t i = 0; pure && i < have->n_chains; i++) {
		const struct fw_chain *c = &have->chains[i];

		if (!fw_chain_find(want, c->name))
			ok &= chain_ok(f, where, NULL, c);
	}
	return ok;
}

static bool tables_ok(const struct golden *g, const struct state *want, struct arena *a)
{
	bool ok = true;

	family_foreach (f) {
		struct fw_ruleset have = {0};

		for (int t = 0; t < FW_TABLE_COUNT; t++) {
			const struct fw_table *w = &want->fw[f].tables[t];
			struct strbuf file = {0}, dump = {0}, text = {0};
			struct error err;

			strbuf_addf(&file, "%s-%s.txt", family_info(f)->iptables,
			    fw_table_name((enum fw_table_id)t));
			read_file(g->folder, file.s, &dump);
			if (fw_parse(
				strbuf_str(&dump), dump.len, file.s, f, a, &have, &err))
				fail_msg("%s", err.msg);
			fw_table_sort((enum fw_table_id)t, &have.tables[t]);
			ok &= table_ok(f, file.s, w, &have.tables[t], g->pure);
			if (w->present)
				fw_print_table(&text, f, (enum fw_table_id)t, w);
			if (g->pure)
				ok &= same_lines(
				    file.s, strbuf_str(&text), strbuf_str(&dump));
			strbuf_free(&text);
			strbuf_free(&dump);
			strbuf_free(&file);
		}
	}
	return ok;
}

/* ---- sets, servers, addresses, sysctls */

static bool sets_ok(const struct golden *g, const struct state *want, struct arena *a)
{
	struct strbuf dump = {0}, text = {0};
	struct kset_list have = {0};
	struct error err;
	bool ok;

	read_file(g->folder, "ipset.txt", &dump);
	if (kset_parse(strbuf_str(&dump), dump.len, "ipset.txt", a, &have, &err))
		fail_msg("%s", err.msg);
	kset_print_list(&text, &want->sets);
	ok = same_lines("ipset.txt", strbuf_str(&text), strbuf_str(&dump));
	if (want->sets.n_sets != have.n_sets)
		ok = false;
	for (size_t i = 0; ok && i < have.n_sets; i++) {
		if (kset_eq(&want->sets.sets[i], &have.sets[i]))
			continue;
		print_message("ipset.txt: %s differs as a value\n", have.sets[i].name);
		ok = false;
	}
	strbuf_free(&dump);
	strbuf_free(&text);
	return ok;
}

static bool servers_ok(const struct golden *g, const struct state *want, struct arena *a)
{
	struct strbuf dump = {0}, text = {0};
	struct lvs_table have = {0};
	struct error err;
	bool ok;

	read_file(g->folder, "ipvsadm.txt", &dump);
	if (lvs_parse(strbuf_str(&dump), dump.len, "ipvsadm.txt", a, &have, &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < want->lvs.n_services; i++) {
		const struct lvs_service *s = &want->lvs.services[i];

		lvs_print_service(&text, s);
		for (size_t k = 0; k < s->n_dests; k++)
			lvs_print_dest(&text, s, &s->dests[k]);
	}
	ok = same_lines("ipvsadm.txt", strbuf_str(&text), strbuf_str(&dump));
	if (want->lvs.n_services != have.n_services)
		ok = false;
	for (size_t i = 0; ok && i < have.n_services; i++) {
		char key[80];

		if (lvs_service_eq(&want->lvs.services[i], &have.services[i]))
			continue;
		lvs_key_format(&have.services[i].key, key);
		print_message("ipvsadm.txt: %s differs as a value\n", key);
		ok = false;
	}
	strbuf_free(&dump);
	strbuf_free(&text);
	return ok;
}

static bool timeouts_ok(const struct golden *g, const struct state *want)
{
	struct strbuf dump = {0};
	unsigned tcp, fin, udp;
	int n;

	read_file(g->folder, "ipvs-timeouts.txt", &dump);
	n = sscanf(
	    strbuf_str(&dump), "Timeout (tcp tcpfin udp): %u %u %u", &tcp, &fin, &udp);
	strbuf_free(&dump);
	assert_int_equal(n, 3);
	/* The kernel's defaults where nothing is configured. */
	return (want->lvs.tcp_timeout ? want->lvs.tcp_timeout : 900) == tcp &&
	       (want->lvs.tcpfin_timeout ? want->lvs.tcpfin_timeout : 120) == fin &&
	       (want->lvs.udp_timeout ? want->lvs.udp_timeout : 300) == udp;
}

static bool addresses_ok(
    const struct golden *g, const struct state *want, struct arena *a)
{
	struct strbuf dump = {0}, w = {0}, h = {0};
	struct vip_table have = {0};
	struct error err;
	bool ok;

	read_file(g->folder, "ip-addr-kube-ipvs0.txt", &dump);
	if (vip_parse(
		strbuf_str(&dump), dump.len, "ip-addr-kube-ipvs0.txt", a, &have, &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < want->vips.n_addrs; i++)
		vip_print_addr(&w, &want->vips.addrs[i]);
	for (size_t i = 0; i < have.n_addrs; i++)
		vip_print_addr(&h, &have.addrs[i]);
	ok = same_lines("ip-addr-kube-ipvs0.txt", strbuf_str(&w), strbuf_str(&h));
	strbuf_free(&dump);
	strbuf_free(&w);
	strbuf_free(&h);
	return ok;
}

/* sysctl-changed.txt tells changes, so what was right before is not in it; kube-proxy's
 * conntrack settings belong to no mode, and loading a module makes new ones appear. */
static bool sysctls_ok(const struct golden *g, const struct state *want, struct arena *a)
{
	struct strbuf dump = {0}, w = {0}, h = {0};
	struct lines l = {.arena = a};
	bool ok;

	read_file(g->folder, "sysctl-changed.txt", &dump);
	split_lines(&l, strbuf_str(&dump));
	for (size_t i = 0; i < l.list.n; i++) {
		char name[128], old[64], new[64];

		assert_int_equal(
		    sscanf(l.list.v[i], "%127[^:]: %63s -> %63s", name, old, new), 3);
		if (strcmp(old, "(absent)") != 0 && !strstr(name, "nf_conntrack"))
			strbuf_addf(&h, "%s = %s\n", name, new);
	}
	for (size_t i = 0; i < want->knobs.n_knobs; i++) {
		const struct knob *k = &want->knobs.knobs[i];

		/* The test node forwards already. */
		if (strcmp(k->name, "net.ipv4.ip_forward") != 0)
			strbuf_addf(&w, "%s = %s\n", k->name, k->value);
	}
	ok = same_lines("sysctl-changed.txt", strbuf_str(&w), strbuf_str(&h));
	vec_free(&l.list);
	strbuf_free(&dump);
	strbuf_free(&w);
	strbuf_free(&h);
	return ok;
}

/* ---- the test */

/* The interface addresses: all but loopback's and kube-ipvs0's. */
static void take_links(struct conf *c, const char *folder)
{
	AUTO(mem) char *path = path_of(folder, "links.json");
	json_t *links = json_load_file(path, 0, NULL), *link, *text;
	VEC(struct node_addr) addrs = {0};
	size_t i, k;

	assert_non_null(links);
	json_array_foreach(links, i, link)
	{
		const char *name = json_string_value(json_object_get(link, "ifname"));

		if (!strcmp(name, "lo") || !strcmp(name, VIP_LINK))
			continue;
		json_array_foreach(json_object_get(link, "addrs"), k, text)
		{
			char buf[64];
			struct prefix p;

			assert_int_equal(sscanf(json_string_value(text), "%63s", buf), 1);
			assert_true(prefix_parse(buf, &p));
			vec_push(&addrs, (struct node_addr){.addr = p.addr,
					     .ifname = arena_strdup(c->arena, name)});
		}
	}
	json_decref(links);
	conf_set_addrs(c, addrs.v, addrs.n);
	vec_free(&addrs);
}

static void test_emits_what_kube_proxy_leaves(void **state)
{
	const struct golden *g = *state;
	AUTO(model) struct model *m = NULL;
	AUTO(conf) struct conf *c = conf_new();
	AUTO(state) struct state *want = NULL;
	struct arena *a = arena_new();
	struct error err;
	bool ok = true;

	if (model_load(g->cluster, &m, NULL, &err) ||
	    conf_load(c, g->config, NULL, &err) ||
	    dialect_parse(g->version, &c->dialect, &err))
		fail_msg("%s", err.msg);
	c->node_name = "node-a";
	take_links(c, g->folder);
	conf_take_node(c, m);
	if (emit_state(g->mode, m, c, g->families, &want, NULL, &err))
		fail_msg("%s", err.msg);

	assert_typed(want);
	ok &= tables_ok(g, want, a);
	if (g->mode == MODE_IPVS) {
		ok &= sets_ok(g, want, a);
		ok &= servers_ok(g, want, a);
		ok &= timeouts_ok(g, want);
		ok &= addresses_ok(g, want, a);
	} else {
		assert_int_equal(want->sets.n_sets, 0);
		assert_int_equal(want->lvs.n_services, 0);
		assert_int_equal(want->vips.n_addrs + want->vips.n_links, 0);
	}
	if (g->pure)
		ok &= sysctls_ok(g, want, a);
	arena_free(a);
	assert_true(ok);
}

int main(void)
{
	struct golden_list l = {0};
	struct CMUnitTest *tests;
	int rc;

	find_cases(&l);
	if (l.cases.n == 0) {
		fprintf(stderr, "no cases in " TESTDATA "/golden\n");
		return 1;
	}
	tests = xcalloc(l.cases.n, sizeof(*tests));
	for (size_t i = 0; i < l.cases.n; i++)
		tests[i] = (struct CMUnitTest){.name = l.cases.v[i]->name,
		    .test_func = test_emits_what_kube_proxy_leaves,
		    .initial_state = l.cases.v[i]};
	rc = _cmocka_run_group_tests("golden", tests, l.cases.n, NULL, NULL);
	golden_cases_free(&l);
	free(tests);
	return rc;
}
