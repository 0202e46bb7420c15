/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways of a packet for machines. */
#include "config.h"

#include "verify/walk_json.h"
#include "base/text_json.h"
#include "verify/walk_text.h"

/* Raised when a reader of an older text would misunderstand a newer one. */
#define SCHEMA 1

static json_t *path_json(const struct walk_packet *p, const struct walk_path *path)
{
	json_t *steps = json_array(), *ret;
	char buf[ADDRPORT_STRLEN];

	for (size_t i = 0; i < path->n_steps; i++) {
		struct strbuf sb = {0};

		walk_print_step(&sb, p, &path->steps[i]);
		json_array_append_new(steps, text_json(strbuf_str(&sb)));
		strbuf_free(&sb);
	}
	ret = json_pack("{s:s, s:f, s:b, s:b, s:o}", "end", walk_end_name(path->end),
	    "share", path->share, "affinity", path->affinity, "unsure", path->unsure,
	    "steps", steps);
	if (path->end == WALK_ENDPOINT) {
		json_object_set_new(
		    ret, "endpoint", json_string(walk_end_format(path, buf)));
		json_object_set_new(
		    ret, "source", json_string(walk_source_name(path->source)));
	}
	return ret;
}

static json_t *result_json(const struct walk_packet *p, const struct walk_result *r)
{
	json_t *paths = json_array();

	for (size_t i = 0; i < r->walk->n_paths; i++)
		json_array_append_new(paths, path_json(p, &r->walk->paths[i]));
	return json_pack("{s:s, s:b, s:o}", "state", r->name, "complete", !r->walk->cut,
	    "paths", paths);
}

void walk_print_json(struct strbuf *sb, const struct walk_packet *p,
    const struct walk_result *results, size_t n)
{
	json_t *states = json_array(), *root;
	char dst[ADDRPORT_STRLEN], src[ADDR_STRLEN];

	for (size_t i = 0; i < n; i++)
		json_array_append_new(states, result_json(p, &results[i]));
	root = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s*, s:o}", "apiVersion",
	    "vipshift/v1", "kind", "Trace", "schema", SCHEMA, "to",
	    addrport_format(&p->dst, p->port, dst), "protocol", proto_name(p->proto),
	    "from", p->in ? addr_format(&p->src, src) : "node", "states", states);
	json_print(sb, root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	strbuf_addch(sb, '\n');
}
