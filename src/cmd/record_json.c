/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The change record for machines. */
#include "config.h"

#include "cmd/record.h"
#include "base/text_json.h"

/* Raised when a reader of an older record would misunderstand a newer one. */
#define RECORD_SCHEMA 1

static json_t *strings_json(const char *const *list)
{
	json_t *a = json_array();

	for (; *list; list++)
		json_array_append_new(a, text_json(*list));
	return a;
}

static json_t *phases_json(const struct record *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->n_phases; i++) {
		const struct record_phase *p = &r->phases[i];

		json_array_append_new(
		    a, json_pack("{s:s, s:f, s:f, s:I, s:b}", "name", p->name, "begin",
			   p->begin, "seconds", p->seconds, "operations",
			   (json_int_t)p->n_ops, "failed", p->failed));
	}
	return a;
}

static json_t *switches_json(const struct record *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->n_switches; i++)
		json_array_append_new(a,
		    json_pack("{s:s, s:f, s:f}", "family", r->switches[i].family, "begin",
			r->switches[i].begin, "seconds", r->switches[i].seconds));
	return a;
}

static json_t *probes_json(const struct record *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->n_probes; i++)
		json_array_append_new(
		    a, json_pack("{s:f, s:s, s:I, s:I}", "at", r->probes[i].at, "when",
			   r->probes[i].when, "tried", (json_int_t)r->probes[i].tried,
			   "failed", (json_int_t)r->probes[i].failed));
	return a;
}

static json_t *notes_json(const struct record_note *v, size_t n, bool differences)
{
	json_t *a = json_array();

	for (size_t i = 0; i < n; i++) {
		json_t *j = json_pack("{s:o?, s:o}", "about", text_json(v[i].about),
		    "text", text_json(v[i].text));

		if (v[i].name)
			json_object_set_new(j, "name", json_string(v[i].name));
		if (differences)
			json_object_set_new(j, "accepted", json_boolean(v[i].accepted));
		json_array_append_new(a, j);
	}
	return a;
}

static json_t *services_json(const struct record *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < r->n_services; i++) {
		const struct record_service *s = &r->services[i];
		json_t *ways = json_array();

		for (size_t k = 0; k < s->n_ways; k++)
			json_array_append_new(ways,
			    json_pack("{s:s, s:o, s:o}", "frontend", s->ways[k].frontend,
				"before", strings_json(s->ways[k].before), "after",
				strings_json(s->ways[k].after)));
		json_array_append_new(
		    a, json_pack("{s:o, s:s, s:s, s:o}", "name", text_json(s->name),
			   "type", s->type, "protocol", s->proto, "frontends", ways));
	}
	return a;
}

void record_print_json(struct strbuf *sb, const struct record *r)
{
	json_t *j = json_pack(
	    "{s:s, s:s, s:i, s:o, s:s?, s:s?, s:s?, s:s, s:s, s:I, s:f, s:i, s:o, s:{s:I, s:I, s:I}}",
	    "apiVersion", "vipshift/v1", "kind", "Migration", "schema", RECORD_SCHEMA, "node",
	    text_json(r->node), "kernel", r->kernel, "kubeProxy", r->kube_proxy,
	    "iptables", r->variant, "from", r->from, "to", r->to, "started",
	    (json_int_t)r->started, "seconds", r->seconds, "exitStatus", r->exit_status,
	    "result", text_json(r->result), "objects", "added", (json_int_t)r->added,
	    "changed", (json_int_t)r->changed, "deleted", (json_int_t)r->deleted);

	json_object_set_new(j, "phases", phases_json(r));
	json_object_set_new(j, "switches", switches_json(r));
	json_object_set_new(j, "probes", probes_json(r));
	json_object_set_new(
	    j, "differences", notes_json(r->differences, r->n_differences, true));
	json_object_set_new(j, "findings", notes_json(r->findings, r->n_findings, false));
	json_object_set_new(j, "services", services_json(r));
	json_print(sb, j, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
	strbuf_addch(sb, '\n');
}
