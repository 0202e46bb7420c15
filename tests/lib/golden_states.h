/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_GOLDEN_STATES_H
#define TESTS_GOLDEN_STATES_H

/* For tests of plan/ and verify/: states from testdata/golden and from texts, and what
 * must hold of any state on the way. Include cmocka.h first. */

#include "emit/emit.h"
#include "plan/migrate.h"
#include "plan/restore.h"
#include "plan/sink.h"
#include "state/source.h"
#include "verify/verify.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct scope both_modes = {
    .modes = MODE_BOTH,
    .families = FAMILY_BOTH,
    .kinds = KIND_ALL,
};

static inline struct scope scope_of(enum mode m)
{
	struct scope s = both_modes;

	s.modes = MODE_BIT(m);
	return s;
}

/* The interfaces, which no stock tool's text among the dumps has. */
static inline void golden_links(const char *folder, struct vip_table *t, struct arena *a)
{
	VEC(struct vip_link) links = {0};
	VEC(struct vip_addr) addrs = {0};
	json_t *list, *link, *addr;
	char path[2048];
	size_t i, k;

	snprintf(path, sizeof(path), "%s/links.json", folder);
	list = json_load_file(path, 0, NULL);
	assert_non_null(list);
	json_array_foreach(list, i, link)
	{
		const char *name = json_string_value(json_object_get(link, "ifname"));
		struct vip_link l = {.name = arena_strdup(a, name),
		    .kind = strcmp(name, VIP_LINK) ? "" : "dummy"};

		vec_push(&links, l);
		json_array_foreach(json_object_get(link, "addrs"), k, addr)
		{
			const char *text = json_string_value(addr);
			struct vip_addr v = {.link = l.name};
			char *bare = arena_strndup(a, text, strcspn(text, " "));

			assert_true(prefix_parse(bare, &v.prefix));
			vec_push(&addrs, v);
		}
	}
	json_decref(list);
	vec_take(&links, a, t->links, t->n_links);
	vec_take(&addrs, a, t->addrs, t->n_addrs);
	vip_sort(t);
	t->present = true;
}

/* The state in a folder below testdata/golden. */
/* What the steps of switching between the modes without a migration left. */
static const char *const native_switching[] = {
    "switch-modes/1-iptables",
    "switch-modes/2-ipvs-without-cleanup",
    "switch-modes/3-np-gets-endpoints-and-gone-is-deleted",
    "switch-modes/4-after-cleanup",
    "switch-modes/5-ipvs-after-cleanup",
    "switch-modes/6-back-to-iptables-without-cleanup",
};
#define N_SWITCHING (sizeof(native_switching) / sizeof(native_switching[0]))

static inline struct state *golden_state(const char *folder)
{
	AUTO(source) struct source *src = NULL;
	struct state *s = NULL;
	struct error err = {0};
	char path[1024];

	snprintf(path, sizeof(path), TESTDATA "/golden/%s", folder);
	if (dump_open(path, &src, &err) ||
	    source_read(src, KIND_ALL, FAMILY_BOTH, &s, &err))
		fail_msg("%s", err.msg);
	assert_true(s->fw[FAMILY_4].present);
	golden_links(path, &s->vips, s->arena);
	s->sets.present = s->lvs.present = true;
	return s;
}

/* A state from the texts of the stock tools; NULL: nothing of that kind. */
struct texts {
	const char *tables, *tables6, *sets, *lvs, *vips, *knobs;
};

static inline struct state *state_from(const struct texts *t)
{
	struct state *s = state_new();
	struct error err = {0};
	int r = 0;

	s->fw[FAMILY_4].present = s->fw[FAMILY_6].present = true;
	if (t->tables)
		r |= fw_parse(t->tables, strlen(t->tables), "tables", FAMILY_4, s->arena,
		    &s->fw[FAMILY_4], &err);
	if (t->tables6)
		r |= fw_parse(t->tables6, strlen(t->tables6), "tables6", FAMILY_6,
		    s->arena, &s->fw[FAMILY_6], &err);
	if (t->sets)
		r |= kset_parse(
		    t->sets, strlen(t->sets), "sets", s->arena, &s->sets, &err);
	if (t->lvs)
		r |= lvs_parse(t->lvs, strlen(t->lvs), "lvs", s->arena, &s->lvs, &err);
	if (t->vips)
		r |=
		    vip_parse(t->vips, strlen(t->vips), "vips", s->arena, &s->vips, &err);
	if (t->knobs)
		r |= knob_parse(
		    t->knobs, strlen(t->knobs), "knobs", s->arena, &s->knobs, &err);
	if (r)
		fail_msg("%s", err.msg);
	s->sets.present = s->lvs.present = s->vips.present = true;
	return s;
}

/* Calls check(case, iptables state, ipvs state) for each case that has both, pure. */
static inline void each_pair(
    void (*check)(const char *name, const struct state *ipt, const struct state *ipvs))
{
	DIR *dir = opendir(TESTDATA "/golden");
	const struct dirent *e;
	unsigned n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		char ipt[512], ipvs[512], probe[2048];
		struct state *a, *b;

		snprintf(ipt, sizeof(ipt), "%.200s/iptables-1.27", e->d_name);
		snprintf(ipvs, sizeof(ipvs), "%.200s/ipvs-1.27", e->d_name);
		snprintf(probe, sizeof(probe), TESTDATA "/golden/%s", ipt);
		if (*e->d_name == '.' || access(probe, R_OK))
			continue;
		a = golden_state(ipt);
		b = golden_state(ipvs);
		check(e->d_name, a, b);
		state_free(a);
		state_free(b);
		n++;
	}
	closedir(dir);
	assert_true(n >= 20);
}

/* What kube-proxy of that release wants for the cluster of a case, on a node that has the
 * addresses of `node`. Free with wanted_free(). */
struct wanted {
	struct conf *conf;
	struct model *model;
	struct state *state;
};

static inline void wanted_load(struct wanted *w, const char *cluster, const char *config,
    const char *version, enum mode mode, const struct state *node)
{
	VEC(struct node_addr) addrs = {0};
	struct error err = {0};
	char path[2048];

	w->conf = conf_new();
	w->conf->node_name = "node-a";
	snprintf(path, sizeof(path), TESTDATA "/golden/%s", config);
	if (dialect_parse(version, &w->conf->dialect, &err) ||
	    conf_load(w->conf, path, NULL, &err))
		fail_msg("%s", err.msg);
	snprintf(path, sizeof(path), TESTDATA "/golden/%s", cluster);
	if (model_load(path, &w->model, NULL, &err))
		fail_msg("%s", err.msg);
	for (size_t i = 0; i < node->vips.n_addrs; i++)
		if (strcmp(node->vips.addrs[i].link, VIP_LINK))
			vec_push(&addrs,
			    (struct node_addr){.addr = node->vips.addrs[i].prefix.addr,
				.ifname = node->vips.addrs[i].link});
	conf_set_addrs(w->conf, addrs.v, addrs.n);
	vec_free(&addrs);
	conf_take_node(w->conf, w->model);
	if (emit_state(mode, w->model, w->conf, FAMILY_BOTH, &w->state, NULL, &err))
		fail_msg("%s", err.msg);
}

static inline void wanted_free(struct wanted *w)
{
	state_free(w->state);
	model_free(w->model);
	conf_free(w->conf);
}

/* Names the first line that differs. */
static inline void assert_same_text(const char *name, const char *a, const char *b)
{
	while (*a && *b && strcspn(a, "\n") == strcspn(b, "\n") &&
	       !strncmp(a, b, strcspn(a, "\n"))) {
		a += strcspn(a, "\n") + 1;
		b += strcspn(b, "\n") + 1;
	}
	if (*a || *b)
		fail_msg("%s: %.*s became %.*s", name, (int)strcspn(a, "\n"), a,
		    (int)strcspn(b, "\n"), b);
}

/* ---- running */

static inline struct plan *make(
    const struct state *want, const struct state *have, const struct scope *scope)
{
	struct error err = {0};
	struct plan *p = NULL;

	if (plan_make(want, have, scope, &p, &err))
		fail_msg("%s", err.msg);
	return p;
}

static inline struct migration *make_migration(
    enum mode to, const struct state *want, const struct state *have)
{
	struct migration *m = NULL;
	struct error err = {0};

	if (migrate_plan(to, want, have, &both_modes, &m, &err))
		fail_msg("%s", err.msg);
	return m;
}

static inline struct state *run(const struct state *start, const struct plan *p)
{
	struct state *s = NULL;
	struct error err = {0};

	if (replay_run(start, p, p->n_ops, &s, &err))
		fail_msg("%s", err.msg);
	return s;
}

/* The way back to a saved state; *want lives as long as the plan. */
static inline struct plan *way_back(
    const struct state *saved, const struct state *have, struct state **want)
{
	struct plan *p = NULL;
	struct error err = {0};

	if (restore_plan(saved, have, &both_modes, want, &p, &err))
		fail_msg("%s", err.msg);
	return p;
}

static inline void assert_verified(const char *name, const struct state *want,
    const struct state *have, const struct scope *scope)
{
	struct notes findings = {0};
	struct error err = {0};

	if (verify_state(want, have, scope, &findings, &err))
		fail_msg("%s: %s", name, err.msg);
	notes_clear(&findings);
}

static inline void assert_no_plan(const char *name, const struct state *want,
    const struct state *have, const struct scope *scope)
{
	struct plan *p = make(want, have, scope);
	struct strbuf sb = {0};

	if (p->n_ops) {
		plan_print_text(&sb, p, false);
		fail_msg("%s: still to do:\n%s", name, sb.s);
	}
	plan_free(p);
}

/* ---- what must hold of any state */

static inline void assert_rule_resolves(const char *name, const struct state *s,
    const struct fw_table *t, const struct fw_chain *c, const struct fw_rule *r)
{
	if (r->target.kind == FWT_JUMP && !fw_chain_find(t, r->target.chain))
		fail_msg("%s: %s jumps to %s, which is not there", name, c->name,
		    r->target.chain);
	for (size_t m = 0; m < r->n_matches; m++)
		if (r->matches[m].kind == FWM_SET &&
		    !kset_find(&s->sets, r->matches[m].set.name))
			fail_msg("%s: %s uses set %s, which is not there", name, c->name,
			    r->matches[m].set.name);
}

/* The kernel would refuse anything else. */
static inline void assert_resolves(const char *name, const struct state *s)
{
	family_foreach (f)
		for (int t = 0; t < FW_TABLE_COUNT; t++) {
			const struct fw_table *tab = &s->fw[f].tables[t];

			for (size_t i = 0; i < tab->n_chains; i++)
				for (size_t k = 0; k < tab->chains[i].n_rules; k++)
					assert_rule_resolves(name, s, tab,
					    &tab->chains[i], &tab->chains[i].rules[k]);
		}
}

static inline bool same_commit(const struct op *a, const struct op *b)
{
	return a->kind == b->kind && a->sub == b->sub && a->phase == b->phase &&
	       (a->kind != KIND_FW || (a->family == b->family && a->table == b->table));
}

/* Calls check with the state after each commit or batch of a plan. */
static inline void each_commit(const char *name, const struct state *start,
    const struct plan *p, void (*check)(const char *name, const struct state *s))
{
	struct error err = {0};

	for (size_t i = 1; i <= p->n_ops; i++) {
		struct state *s = NULL;

		if (i < p->n_ops && same_commit(&p->ops[i - 1], &p->ops[i]))
			continue;
		if (replay_run(start, p, i, &s, &err))
			fail_msg("%s", err.msg);
		check(name, s);
		state_free(s);
	}
}

static inline const struct fw_chain *chain_in(
    const struct state *s, enum fw_table_id t, const char *name)
{
	return fw_chain_find(&s->fw[FAMILY_4].tables[t], name);
}

/* The rules of an IPv4 chain as text, one per line. Free with free(). */
static inline char *rules_of(const struct state *s, enum fw_table_id t, const char *name)
{
	const struct fw_chain *c = chain_in(s, t, name);
	struct strbuf sb = {0};

	assert_non_null(c);
	strbuf_add(&sb, "");
	for (size_t i = 0; i < c->n_rules; i++) {
		fw_print_rule(&sb, FAMILY_4, name, &c->rules[i]);
		strbuf_addch(&sb, '\n');
	}
	return sb.s;
}

static inline void assert_rules(
    const struct state *s, enum fw_table_id t, const char *name, const char *text)
{
	char *rules = rules_of(s, t, name);

	assert_string_equal(rules, text);
	free(rules);
}

#endif
