/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which UDP flows a change may have left behind: those towards services of the model, and
 * towards what the plan removed. Looking costs a dump of all of conntrack, so it is done
 * only if there was such a change.
 */
#include "config.h"

#include "cmd/flows.h"
#include "emit/answers.h"
#include "kernel/ct_nl.h"
#include "plan/change.h"

#include <netinet/in.h>

struct udp_changes {
	bool any;
	VEC(struct lvs_key) gone; /* frontends that were removed */
};

static void see_rule(struct udp_changes *u, const struct change *c)
{
	const struct fw_rule *r = change_object(c);

	if (r->opaque || r->proto != IPPROTO_UDP)
		return;
	u->any = true;
	for (size_t i = 0; !c->want && i < r->n_matches; i++) {
		const struct fw_match *m = &r->matches[i];
		struct lvs_key k = {.addr = r->dst.addr, .proto = IPPROTO_UDP};

		if (m->kind != FWM_L4 || !m->l4.has_port || !addr_is_set(&k.addr) ||
		    r->target.kind != FWT_JUMP)
			continue;
		k.port = m->l4.port;
		k.family = (uint8_t)addr_family(&k.addr);
		vec_push(&u->gone, k);
	}
}

static void see(void *ctx, const struct change *c)
{
	struct udp_changes *u = ctx;
	const struct lvs_service *s = c->op->want ? c->op->want : c->op->have;

	if (c->type == CHANGE_RULE)
		see_rule(u, c);
	if ((c->type != CHANGE_SERVER && c->type != CHANGE_DEST) ||
	    s->key.proto != IPPROTO_UDP)
		return;
	u->any = true;
	if (c->type == CHANGE_SERVER && !c->want)
		vec_push(&u->gone, s->key);
}

/* The services of the model, and those that are gone as ones without an endpoint. */
static void make_table(struct context *ctx, const struct udp_changes *u, struct arena *a,
    struct lvs_table *ret)
{
	struct lvs_table model, all = {.present = true};

	emit_answers(ctx->model, ctx->conf, IPPROTO_UDP, ctx->opts.families, a, &model);
	all.services = arena_array(a, struct lvs_service, model.n_services + u->gone.n);
	for (size_t i = 0; i < model.n_services; i++)
		all.services[all.n_services++] = model.services[i];
	for (size_t i = 0; i < u->gone.n; i++)
		if (!lvs_find(&model, &u->gone.v[i]))
			all.services[all.n_services++] =
			    (struct lvs_service){.key = u->gone.v[i]};
	lvs_sort(&all);
	*ret = all;
}

/* The UDP virtual servers that a plan removed, in their order. */
static int settle_removed(const struct plan *p, size_t *deleted, struct error *err)
{
	VEC(struct lvs_service) gone = {0};
	struct lvs_table t = {.present = true};
	int ret = 0;

	for (size_t i = 0; i < p->n_ops; i++) {
		const struct lvs_service *s = p->ops[i].have;

		if (p->ops[i].kind == KIND_LVS && p->ops[i].sub == SUB_NONE &&
		    !p->ops[i].want && s->key.proto == IPPROTO_UDP)
			vec_push(&gone, *s);
	}
	t.services = gone.v;
	t.n_services = gone.n;
	lvs_sort(&t);
	if (gone.n)
		ret = ct_delete_untranslated_udp(&t, deleted, err);
	vec_free(&gone);
	return ret;
}

int flows_settle(
    struct context *ctx, const struct plan *p, size_t *deleted, struct error *err)
{
	struct udp_changes u = {0};
	struct arena *a = arena_new();
	struct lvs_table t;
	int ret = 0;

	*deleted = 0;
	if (!ctx->model) {
		arena_free(a);
		return settle_removed(p, deleted, err);
	}
	for (size_t i = 0; i < p->n_ops; i++)
		if (p->ops[i].kind == KIND_FW || p->ops[i].kind == KIND_LVS)
			op_each_change(&p->ops[i], see, &u);
	if (u.any) {
		make_table(ctx, &u, a, &t);
		ret = ct_delete_stale_udp(&t, deleted, err);
	}
	vec_free(&u.gone);
	arena_free(a);
	return ret;
}
