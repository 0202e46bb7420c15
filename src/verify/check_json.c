/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The results of the checks for machines. */
#include "config.h"

#include "verify/check.h"
#include "base/text_json.h"

/* Raised when a reader of an older text would misunderstand a newer one. */
#define SCHEMA 1

static json_t *note_json(const struct note *n)
{
	static const char *const levels[] = {
	    [NOTE_INFO] = "info",
	    [NOTE_WARNING] = "warning",
	    [NOTE_ACCEPT] = "accept",
	    [NOTE_REFUSE] = "refuse",
	};
	const struct check *c = n->name ? check_find(n->name) : NULL;

	return json_pack("{s:s*, s:s, s:b, s:o*, s:o}", "name", n->name, "level",
	    levels[n->level], "difference", c && c->difference, "about",
	    text_json(n->about), "text", text_json(n->text));
}

void check_print_json(struct strbuf *sb, const struct notes *n, enum mode to, bool fit)
{
	json_t *list = json_array(), *names = json_array(), *root;

	for (const struct check *c = checks; c->name; c++)
		if (c->modes & MODE_BIT(to))
			json_array_append_new(names, json_string(c->name));
	for (size_t i = 0; i < n->list.n; i++)
		json_array_append_new(list, note_json(&n->list.v[i]));
	root = json_pack("{s:s, s:s, s:i, s:s, s:b, s:o, s:o}", "apiVersion",
	    "vipshift/v1", "kind", "Doctor", "schema", SCHEMA, "to", mode_name(to), "fit",
	    fit, "checks", names, "findings", list);
	json_print(sb, root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	strbuf_addch(sb, '\n');
}
