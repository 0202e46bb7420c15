/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For every case in testdata/golden: the model read back from what kube-proxy left in the
 * kernel is the one made from the cluster, apart from what that mode does not hold; and a
 * model that was read back comes through state and text as it was.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../lib/golden_cases.h"
#include "../lib/golden_files.h"
#include "../lib/golden_states.h"
#include "../lib/read_back.h"

/* ---- what a mode says of a model, way in by way in */

/* How the model was made. In the true one is more than the mode holds. */
struct teller {
	const struct conf *conf;
	enum mode mode;
	bool truth;
	struct strbuf out;
};

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void tell_ranges(struct teller *t, const struct service *s, enum family f)
{
	char *text[64];
	size_t n = 0, wide = 0;

	for (size_t i = 0; i < s->n_ranges; i++) {
		struct prefix p = s->ranges[i];
		struct strbuf sb = {0};

		if (addr_family(&p.addr) != f)
			continue;
		prefix_normalize(&p);
		prefix_print(&sb, &p);
		wide += !p.bits;
		text[n++] = sb.s;
	}
	if (n)
		qsort(text, n, sizeof(*text), compare_text);
	for (size_t i = 0; i < n; i++) {
		/* A set cannot hold /0: it shows only where there is nothing else. */
		if (t->mode == MODE_IPTABLES || wide == n || !strstr(text[i], "/0"))
			strbuf_addf(&t->out, " from %s", text[i]);
		free(text[i]);
	}
}

/* The local list and that of all overlap, and neither is within the other. */
static bool hinted(const struct traffic *tr)
{
	size_t both = 0;

	for (size_t i = 0; i < tr->n_local; i++)
		for (size_t k = 0; k < tr->n_cluster; k++)
			both += tr->local[i] == tr->cluster[k];
	return both && both < tr->n_local;
}

static void tell_endpoints(struct teller *t, const struct traffic *tr, bool local)
{
	const struct endpoint **v = local ? tr->local : tr->cluster;
	size_t n = local ? tr->n_local : tr->n_cluster;
	char buf[ADDRPORT_STRLEN];

	/* The rules have no hints: what they leave out of one list only is in both. */
	if (t->mode == MODE_IPTABLES && t->truth && !local && hinted(tr)) {
		v = tr->all;
		n = tr->n_all;
	}
	if (t->mode == MODE_IPVS && local && !n && tr->uses_cluster) {
		v = tr->cluster;
		n = tr->n_cluster;
	}
	strbuf_add(&t->out, " ->");
	for (size_t i = 0; i < n; i++)
		strbuf_addf(
		    &t->out, " %s", addrport_format(&v[i]->addr, v[i]->port, buf));
}

static void tell_way(struct teller *t, const struct service *s, const struct traffic *tr,
    enum family f, const struct frontend *fe)
{
	bool inside = fe->kind == FE_CLUSTER;
	/* Of what nobody answers, iptables mode has only the address. */
	bool bare = t->mode == MODE_IPTABLES && !tr->n_all;
	enum frontend_kind kind =
	    bare && fe->kind == FE_LOAD_BALANCER ? FE_EXTERNAL : fe->kind;
	bool known = t->mode == MODE_IPVS || !t->truth || tr->any;
	char buf[ADDRPORT_STRLEN];

	strbuf_addf(&t->out, "%s %s %s %s", proto_name(s->proto), family_info(f)->name,
	    t->mode == MODE_IPTABLES ? s->spn : "", frontend_kind_name(kind));
	if (fe->kind == FE_NODE_PORT)
		strbuf_addf(&t->out, " *:%u", fe->port);
	else
		strbuf_addf(&t->out, " %s", addrport_format(&fe->addr, fe->port, buf));
	tell_endpoints(t, tr, inside ? tr->internal_local : tr->external_local);
	if (s->affinity && !bare)
		strbuf_addf(&t->out, " affinity %u", s->affinity_sec);
	if (!inside && known && tr->external_local)
		strbuf_add(&t->out, " ext:Local");
	if (inside && known && t->mode == MODE_IPTABLES && s->internal_local)
		strbuf_add(&t->out, " int:Local");
	if (fe->kind == FE_LOAD_BALANCER && !bare)
		tell_ranges(t, s, f);
	if (t->mode == MODE_IPTABLES && s->health_port && tr->external_local &&
	    s->type == SVC_LOAD_BALANCER)
		strbuf_addf(&t->out, " health %u", s->health_port);
	strbuf_addch(&t->out, '\n');
}

/* One line per way in, sorted. Free with free(). */
static char *tell(struct teller *t, const struct model *m, unsigned families)
{
	struct traffic tr = {0};
	char *sorted;

	strbuf_reset(&t->out);
	strbuf_add(&t->out, "");
	for (size_t i = 0; i < m->n_services; i++)
		family_foreach (f) {
			const struct service *s = &m->services[i];

			if (!(families & FAMILY_BIT(f)))
				continue;
			traffic_select(s, t->conf, f, &tr);
			for (size_t k = 0; tr.has_family && k < s->n_frontends; k++) {
				const struct frontend *fe = &s->frontends[k];

				if (fe->kind == FE_NODE_PORT ||
				    (addr_family(&fe->addr) == f &&
					frontend_is_served(fe, t->conf)))
					tell_way(t, s, &tr, f, fe);
			}
		}
	traffic_free(&tr);
	sorted = golden_sorted(t->out.s);
	strbuf_free(&t->out);
	return sorted;
}

/* ---- the cases */

struct loaded_case {
	struct conf *conf;
	struct model *model; /* of the cluster */
	struct state *state; /* of the kernel */
	struct model *back;
	struct notes findings;
};

static void open_case(const struct golden *g, struct loaded_case *c)
{
	VEC(struct node_addr) addrs = {0};
	struct error err = {0};

	*c = (struct loaded_case){.conf = conf_new()};
	c->conf->node_name = "node-a";
	if (model_load(g->cluster, &c->model, NULL, &err) ||
	    conf_load(c->conf, g->config, NULL, &err) ||
	    dialect_parse(g->version, &c->conf->dialect, &err))
		fail_msg("%s", err.msg);
	c->state = golden_state(g->folder + strlen(TESTDATA "/golden/"));
	for (size_t i = 0; i < c->state->vips.n_addrs; i++)
		if (strcmp(c->state->vips.addrs[i].link, VIP_LINK))
			vec_push(&addrs, (struct node_addr){
					     .addr = c->state->vips.addrs[i].prefix.addr,
					     .ifname = c->state->vips.addrs[i].link});
	conf_set_addrs(c->conf, addrs.v, addrs.n);
	vec_free(&addrs);
	conf_take_node(c->conf, c->model);
	c->back = read_back(c->state, (int)g->mode, &c->findings);
}

static void close_case(struct loaded_case *c)
{
	notes_clear(&c->findings);
	model_free(c->back);
	state_free(c->state);
	model_free(c->model);
	conf_free(c->conf);
}

static void test_model_is_that_of_the_cluster(void **state)
{
	const struct golden *g = *state;
	struct loaded_case c;
	struct teller t = {.mode = g->mode};
	char *want, *have;

	open_case(g, &c);
	/* What is about to end looks like a list with a rule missing. */
	if (g->pure && !strstr(g->name, "terminating") && !strstr(g->name, "hints"))
		fail_on_findings(g->name, &c.findings);
	t.conf = c.conf;
	have = tell(&t, c.back, g->families);
	t.truth = true;
	want = tell(&t, c.model, g->families);
	if (strcmp(want, have))
		fail_msg("%s: the cluster has\n%sread back\n%s", g->name, want, have);
	for (size_t i = 0; i < c.back->n_services; i++)
		if (c.back->services[i].incomplete)
			fail_msg("%s: %s is incomplete: %s", g->name,
			    c.back->services[i].spn, c.back->services[i].incomplete);
	free(want);
	free(have);
	close_case(&c);
}

static void test_mode_is_told(void **state)
{
	const struct golden *g = *state;
	struct loaded_case c;
	struct era era;

	open_case(g, &c);
	family_foreach (f) {
		if (!(g->families & FAMILY_BIT(f)))
			continue;
		era = state_era(c.state, f, MODE_BIT(g->mode));
		assert_true(era.from <= 27 - (strstr(g->version, "1.26") != NULL));
		assert_true(!era.to || era.to >= 27);
		/* Without a virtual server nothing of ipvs mode carries anything. */
		if (c.model->n_services && g->pure)
			assert_int_equal(state_mode_of(c.state, f), MODE_BIT(g->mode));
	}
	close_case(&c);
}

static void test_settings_are_told(void **state)
{
	const struct golden *g = *state;
	struct loaded_case c;
	AUTO(conf) struct conf *told = conf_new();
	struct state_view v = {0};

	open_case(g, &c);
	v.state = c.state;
	family_foreach (f)
		if (g->families & FAMILY_BIT(f))
			v.modes[f] = MODE_BIT(g->mode);
	conf_take_state(told, &v);
	assert_int_equal(told->masquerade_bit, c.conf->masquerade_bit);
	for (size_t i = 0; i < c.back->n_services && g->pure; i++)
		family_foreach (f) {
			const struct service *s = &c.back->services[i];
			struct prefix a = {0}, b = {0};
			bool detects = conf_detector(c.conf, f, &a);

			if (!(s->families & g->families & FAMILY_BIT(f)) ||
			    !s->n_endpoints || addr_family(&s->endpoints[0].addr) != f)
				continue;
			assert_int_equal(told->masquerade_all, c.conf->masquerade_all);
			if (c.conf->masquerade_all)
				continue;
			assert_int_equal(detects, conf_detector(told, f, &b));
			assert_int_equal(prefix_cmp(&a, &b), 0);
			assert_string_equal(told->bridge, c.conf->bridge);
		}
	if (g->mode == MODE_IPVS && c.state->lvs.n_services)
		assert_string_equal(told->scheduler, c.conf->scheduler);
	close_case(&c);
}

/* Where nobody is, rules cannot say the policy again: they would need an endpoint
 * elsewhere. */
static char *text_of_policies(const struct model *m)
{
	struct model copy = *m;
	struct service *v = xcalloc(m->n_services + 1, sizeof(*v));
	char *text;

	for (size_t i = 0; i < m->n_services; i++) {
		v[i] = m->services[i];
		v[i].internal_local = v[i].internal_local && v[i].n_endpoints;
	}
	copy.services = v;
	text = model_text(&copy);
	free(v);
	return text;
}

/* Through state and text: nothing is lost that was read back once. */
static void test_model_comes_back_as_it_was(void **state)
{
	const struct golden *g = *state;
	AUTO(state) struct state *made = NULL, *parsed = NULL;
	AUTO(model) struct model *again = NULL;
	struct notes findings = {0};
	struct error err = {0};
	struct loaded_case c;
	char *before, *after;

	open_case(g, &c);
	if (emit_state(g->mode, c.back, c.conf, g->families, &made, NULL, &err))
		fail_msg("%s", err.msg);
	parsed = through_text(made);
	again = read_back(parsed, (int)g->mode, &findings);
	if (!strstr(g->name, "terminating") && !strstr(g->name, "hints"))
		fail_on_findings(g->name, &findings);
	before = text_of_policies(c.back);
	after = text_of_policies(again);
	assert_same_text(g->name, before, after);
	free(before);
	free(after);
	notes_clear(&findings);
	close_case(&c);
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction run;
	} tests[] = {
	    {"read back", test_model_is_that_of_the_cluster},
	    {"mode and era", test_mode_is_told},
	    {"settings", test_settings_are_told},
	    {"round trip", test_model_comes_back_as_it_was},
	};
	struct golden_list l = {0};
	struct CMUnitTest *list;
	size_t n = 0;
	int rc;

	find_cases(&l);
	if (l.cases.n < 50) {
		fprintf(stderr, "too few cases in " TESTDATA "/golden\n");
		return 1;
	}
	list = xcalloc(l.cases.n * 4, sizeof(*list));
	for (size_t t = 0; t < 4; t++)
		for (size_t i = 0; i < l.cases.n; i++) {
			struct strbuf name = {0};

			strbuf_addf(&name, "%s: %s", l.cases.v[i]->name, tests[t].name);
			list[n++] = (struct CMUnitTest){.name = name.s,
			    .test_func = tests[t].run,
			    .initial_state = l.cases.v[i]};
		}
	rc = _cmocka_run_group_tests("read back", list, n, NULL, NULL);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)list[i].name);
	free(list);
	golden_cases_free(&l);
	return rc;
}
