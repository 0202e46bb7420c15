/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_EMIT_FIXTURE_H
#define TESTS_EMIT_FIXTURE_H

/* For tests of emit/: one service port put together by hand, and what is wanted for it
 * compared as the text that the stock tools print. Include cmocka.h first. */

#include <netinet/in.h>
#include <string.h>

#include "emit/emit.h"

struct fixture {
	struct conf *c;
	struct service svc;
	struct model_builder *b;
	VEC(struct frontend) frontends;
	VEC(struct endpoint) endpoints;
	VEC(struct prefix) ranges;
	VEC(struct node_addr) addrs;
	struct notes notes;
	struct model *m;
	struct state *s;
};

static inline struct addr addr_of(const char *text)
{
	struct addr a;

	assert_true(addr_parse(text, &a));
	return a;
}

static inline struct prefix prefix_of(const char *text)
{
	struct prefix p;

	assert_true(prefix_parse(text, &p));
	return p;
}

/* A list of one prefix for a setting. */
static inline void one_prefix(
    struct fixture *fx, const struct prefix **list, size_t *n, const char *text)
{
	struct prefix p = prefix_of(text);

	*list = arena_copy(fx->c->arena, &p, sizeof(p));
	*n = 1;
}

/* node-a with 10.0.0.11 and fd00:10::11, pods 10.244.0.0/16 and fd00:10:244::/48, as the
 * kube-proxy of that release sees it; a service port demo/web:http without anything. */
static inline void setup(struct fixture *fx, const char *version)
{
	struct error err;
	struct addr *ips;
	struct prefix *pods;

	memset(fx, 0, sizeof(*fx));
	fx->c = conf_new();
	if (dialect_parse(version, &fx->c->dialect, &err))
		fail_msg("%s", err.msg);
	fx->c->node_name = "node-a";
	ips = arena_array(fx->c->arena, struct addr, 2);
	ips[0] = addr_of("10.0.0.11");
	ips[1] = addr_of("fd00:10::11");
	fx->c->node_ips = ips;
	fx->c->n_node_ips = 2;
	pods = arena_array(fx->c->arena, struct prefix, 2);
	pods[0] = prefix_of("10.244.0.0/16");
	pods[1] = prefix_of("fd00:10:244::/48");
	fx->c->cluster_cidrs = pods;
	fx->c->n_cluster_cidrs = 2;
	for (int i = 0; i < 2; i++)
		vec_push(
		    &fx->addrs, (struct node_addr){.addr = ips[i], .ifname = "eth0"});
	fx->b = model_builder_new();
	fx->svc = (struct service){.ns = "demo",
	    .name = "web",
	    .port_name = "http",
	    .spn = "demo/web:http",
	    .proto = IPPROTO_TCP,
	    .families = FAMILY_BIT(FAMILY_4)};
}

static inline void node_address(struct fixture *fx, const char *addr)
{
	vec_push(&fx->addrs, (struct node_addr){.addr = addr_of(addr), .ifname = "eth1"});
}

static inline void frontend(
    struct fixture *fx, enum frontend_kind kind, const char *addr, uint16_t port)
{
	struct frontend fe = {.kind = kind, .port = port};

	if (addr)
		fe.addr = addr_of(addr);
	if (kind == FE_CLUSTER)
		fx->svc.families |= FAMILY_BIT(addr_family(&fe.addr));
	vec_push(&fx->frontends, fe);
}

static inline struct endpoint *endpoint(
    struct fixture *fx, const char *addr, uint16_t port, const char *node)
{
	vec_push(&fx->endpoints, (struct endpoint){.addr = addr_of(addr),
				     .port = port,
				     .ready = true,
				     .serving = true,
				     .weight = 1,
				     .node = node});
	return &fx->endpoints.v[fx->endpoints.n - 1];
}

static inline void range(struct fixture *fx, const char *text)
{
	vec_push(&fx->ranges, prefix_of(text));
}

/* The service port as it stands joins the model; the next one starts from it, with its
 * own name and no endpoints, ways in or ranges. */
static inline void finish_service(struct fixture *fx, const char *next, const char *spn)
{
	struct arena *a = model_builder_arena(fx->b);
	struct service s = fx->svc;

	vec_take(&fx->frontends, a, s.frontends, s.n_frontends);
	vec_take(&fx->endpoints, a, s.endpoints, s.n_endpoints);
	vec_take(&fx->ranges, a, s.ranges, s.n_ranges);
	model_builder_add_service(fx->b, &s);
	fx->svc.name = next;
	fx->svc.spn = spn;
}

/* What stays text cannot be written to a kernel. */
static inline void assert_typed(const struct state *s)
{
	family_foreach (f) {
		for (int t = 0; t < FW_TABLE_COUNT; t++) {
			const struct fw_table *tab = &s->fw[f].tables[t];

			for (size_t i = 0; i < tab->n_chains; i++) {
				for (size_t k = 0; k < tab->chains[i].n_rules; k++)
					assert_null(tab->chains[i].rules[k].opaque);
			}
		}
	}
}

static inline void emit_families(struct fixture *fx, enum mode mode, unsigned families)
{
	struct error err;

	if (fx->frontends.n)
		finish_service(fx, NULL, NULL);
	conf_set_addrs(fx->c, fx->addrs.v, fx->addrs.n);
	if (model_builder_freeze(fx->b, "test", &fx->m, &err) ||
	    emit_state(mode, fx->m, fx->c, families, &fx->s, &fx->notes, &err))
		fail_msg("%s", err.msg);
	assert_typed(fx->s);
}

static inline void emit(struct fixture *fx, enum mode mode)
{
	emit_families(fx, mode, FAMILY_BOTH);
}

static inline void teardown(struct fixture *fx)
{
	state_free(fx->s);
	model_free(fx->m);
	model_builder_free(fx->b);
	conf_free(fx->c);
	notes_clear(&fx->notes);
	vec_free(&fx->addrs);
	vec_free(&fx->frontends);
	vec_free(&fx->endpoints);
	vec_free(&fx->ranges);
}

static inline struct fw_chain *chain_of(
    const struct fixture *fx, enum family f, enum fw_table_id t, const char *name)
{
	return fw_chain_find(&fx->s->fw[f].tables[t], name);
}

/* The chain holds exactly these rules, each without "-A CHAIN " and ending in a newline.
 */
static inline void assert_chain(const struct fixture *fx, enum family f,
    enum fw_table_id t, const char *name, const char *rules)
{
	const struct fw_chain *c = chain_of(fx, f, t, name);
	struct strbuf sb = {0};

	if (!c)
		fail_msg("no chain %s in %s", name, fw_table_name(t));
	for (size_t i = 0; i < c->n_rules; i++) {
		struct strbuf line = {0};

		fw_print_rule(&line, f, name, &c->rules[i]);
		strbuf_add(&sb, line.s + strlen("-A  ") + strlen(name));
		strbuf_addch(&sb, '\n');
		strbuf_free(&line);
	}
	assert_string_equal(strbuf_str(&sb), rules);
	strbuf_free(&sb);
}

/* How many rules of a table print as this line. */
static inline size_t count_rule(
    const struct fixture *fx, enum family f, enum fw_table_id t, const char *text)
{
	const struct fw_table *tab = &fx->s->fw[f].tables[t];
	size_t n = 0;

	for (size_t i = 0; i < tab->n_chains; i++) {
		for (size_t k = 0; k < tab->chains[i].n_rules; k++) {
			struct strbuf sb = {0};

			fw_print_rule(
			    &sb, f, tab->chains[i].name, &tab->chains[i].rules[k]);
			n += strcmp(sb.s, text) == 0;
			strbuf_free(&sb);
		}
	}
	return n;
}

static inline void assert_rule(
    const struct fixture *fx, enum family f, enum fw_table_id t, const char *text)
{
	if (count_rule(fx, f, t, text) != 1)
		fail_msg("not exactly once: %s", text);
}

static inline void assert_no_rule(
    const struct fixture *fx, enum family f, enum fw_table_id t, const char *text)
{
	if (count_rule(fx, f, t, text) != 0)
		fail_msg("unexpected: %s", text);
}

#endif
