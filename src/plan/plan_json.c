/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan for machines. Each operation is one line, so that a plan of any size is written
 * piece by piece; a chain that is there on both sides lists its edits, all else its lines
 * before and after in the stock tool's format.
 */
#include "config.h"

#include "plan/change.h"
#include "base/text_json.h"
#include "plan/plan_lines.h"

#include <string.h>

/* Raised when a reader of an older plan would misunderstand a newer one. */
#define PLAN_SCHEMA 1

static const char *const kind_names[KIND_COUNT] = {
    [KIND_FW] = "chain",
    [KIND_KSET] = "set",
    [KIND_LVS] = "virtualServer",
    [KIND_VIP] = "address",
    [KIND_KNOB] = "sysctl",
};

static const char *kind_of(const struct op *op)
{
	if (op->sub == SUB_LVS_TIMEOUTS)
		return "timeouts";
	return op->sub == SUB_VIP_LINK ? "link" : kind_names[op->kind];
}

static const char *action_of(const struct op *op)
{
	return !op->have ? "add" : !op->want ? "delete" : "change";
}

static json_t *side_json(const struct op *op, const void *side)
{
	json_t *lines = json_array();
	struct strbuf sb = {0};
	const char *s, *end;

	op_side_print(&sb, op, side);
	for (s = strbuf_str(&sb); (end = strchr(s, '\n')); s = end + 1)
		json_array_append_new(lines, textn_json(s, (size_t)(end - s)));
	strbuf_free(&sb);
	return lines;
}

static json_t *edits_json(const struct op *op)
{
	const struct fw_chain *chain = op->want;
	struct arena *a = arena_new();
	json_t *edits = json_array();
	struct strbuf sb = {0};
	struct fw_edit *e;
	size_t n = fw_edit_script(op->have, op->want, a, &e);

	for (size_t i = 0; i < n; i++) {
		strbuf_reset(&sb);
		fw_print_rule(&sb, op->family, chain->name, e[i].rule);
		json_array_append_new(
		    edits, json_pack("{s:s, s:I, s:o}", "edit",
			       e[i].kind == FW_EDIT_DELETE ? "delete" : "insert", "at",
			       (json_int_t)e[i].at, "rule", textn_json(sb.s, sb.len)));
	}
	strbuf_free(&sb);
	arena_free(a);
	return edits;
}

static json_t *op_json(
    const struct service_index *services, const struct op *op, bool phases)
{
	const char *service = service_of_op(services, op);
	json_t *o = json_object();
	struct strbuf name = {0};

	op_name_print(&name, op);
	json_object_set_new(o, "action", json_string(action_of(op)));
	json_object_set_new(o, "kind", json_string(kind_of(op)));
	if (phases)
		json_object_set_new(o, "phase", json_string(phase_name(op->phase)));
	if (op->kind == KIND_FW) {
		json_object_set_new(
		    o, "family", json_string(family_info(op->family)->name));
		json_object_set_new(o, "table", json_string(fw_table_name(op->table)));
	}
	json_object_set_new(o, "name", textn_json(name.s, name.len));
	if (service)
		json_object_set_new(o, "service", text_json(service));
	if (op->kind == KIND_FW && op->have && op->want) {
		json_object_set_new(o, "edits", edits_json(op));
	} else {
		json_object_set_new(o, "have", side_json(op, op->have));
		json_object_set_new(o, "want", side_json(op, op->want));
	}
	strbuf_free(&name);
	return o;
}

static json_t *note_json(const struct note *n)
{
	static const char *const levels[] = {
	    [NOTE_INFO] = "info",
	    [NOTE_WARNING] = "warning",
	    [NOTE_ACCEPT] = "accept",
	    [NOTE_REFUSE] = "refuse",
	};

	return json_pack("{s:s*, s:s, s:o*, s:o}", "name", n->name, "level",
	    levels[n->level], "about", text_json(n->about), "text", text_json(n->text));
}

static void print_notes(struct strbuf *sb, const struct notes *notes)
{
	strbuf_add(sb, " \"notes\": [");
	for (size_t i = 0; i < notes->list.n; i++) {
		strbuf_add(sb, i ? ",\n  " : "\n  ");
		json_print(sb, note_json(&notes->list.v[i]), 0);
	}
	strbuf_add(sb, notes->list.n ? "\n ],\n" : "],\n");
}

void plan_print_json(struct strbuf *sb, const struct plan *p, bool phases)
{
	struct service_index *services = service_index_new(p);
	struct plan_counts n;

	plan_count(p, &n);
	strbuf_addf(sb,
	    "{\"apiVersion\": \"vipshift/v1\", \"kind\": \"Plan\", \"schema\": %d,\n"
	    " \"add\": %zu, \"change\": %zu, \"delete\": %zu,\n",
	    PLAN_SCHEMA, n.add, n.change, n.remove);
	print_notes(sb, &p->notes);
	strbuf_add(sb, " \"operations\": [");
	for (size_t i = 0; i < p->n_ops; i++) {
		strbuf_add(sb, i ? ",\n  " : "\n  ");
		json_print(sb, op_json(services, &p->ops[i], phases), 0);
	}
	strbuf_add(sb, p->n_ops ? "\n ]}\n" : "]}\n");
	service_index_free(services);
}
