/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLAN_CHANGE_H
#define PLAN_CHANGE_H

#include "plan/plan.h"

/* An operation taken apart into the single objects that it adds, changes or removes: what
 * people count and read. */
enum change_type {
	CHANGE_CHAIN,	 /* struct fw_chain */
	CHANGE_RULE,	 /* struct fw_rule; never "changed", always out and in */
	CHANGE_SET,	 /* struct kset; changed: destroyed and created */
	CHANGE_ENTRY,	 /* struct kset_entry */
	CHANGE_SERVER,	 /* struct lvs_service */
	CHANGE_DEST,	 /* struct lvs_dest */
	CHANGE_TIMEOUTS, /* struct lvs_table */
	CHANGE_LINK,	 /* struct vip_link */
	CHANGE_ADDR,	 /* struct vip_addr */
	CHANGE_KNOB,	 /* struct knob */
};
#define CHANGE_TYPE_COUNT 10
const char *change_type_name(enum change_type t); /* "rule", "virtual server", ... */

struct change {
	enum change_type type;
	const struct op *op;
	const void *have; /* NULL: added */
	const void *want; /* NULL: removed */
};

static inline const void *change_object(const struct change *c)
{
	return c->want ? c->want : c->have;
}

/* '+', '-' or '~'. */
char change_sign(const struct change *c);
/* The object in words, without its type: "iptables nat -A KUBE-SERVICES ..." */
void change_print_object(struct strbuf *sb, const struct change *c);

typedef void change_fn(void *ctx, const struct change *c);
void op_each_change(const struct op *op, change_fn *each, void *ctx);

/*
 * Which service an object of a plan belongs to: as the object itself says, else as the
 * rules and virtual servers of the same plan tell.
 */
struct service_index;
struct service_index *service_index_new(const struct plan *p);
void service_index_free(struct service_index *x);
/* "default/web:http", "default/web", or NULL: of no single service. Lives as long as the
 * index and the plan. */
const char *service_of_change(struct service_index *x, const struct change *c);
/* The same for a whole operation. */
const char *service_of_op(const struct service_index *x, const struct op *op);

#endif
