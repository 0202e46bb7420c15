/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings of verify for machines. */
#include "config.h"

#include "verify/verify.h"

#include <jansson.h>
#include <stdlib.h>

/* Raised when a reader of an older text would misunderstand a newer one. */
#define SCHEMA 1

/* Foreign rules may hold bytes that are not UTF-8. */
static json_t *text_json(const char *s)
{
	json_t *j = json_string(s);

	return j ? j : json_string("(not UTF-8)");
}

static json_t *finding_json(const struct note *n)
{
	return json_pack("{s:s*, s:o, s:o}", "name", n->name, "about",
	    text_json(n->about), "text", text_json(n->text));
}

void verify_print_json(
    struct strbuf *sb, const struct notes *findings, enum mode mode, size_t n_services)
{
	json_t *list = json_array(), *root;
	char *text;

	for (size_t i = 0; i < findings->list.n; i++)
		json_array_append_new(list, finding_json(&findings->list.v[i]));
	root =
	    json_pack("{s:s, s:s, s:i, s:s, s:b, s:I, s:o}", "apiVersion", "vipshift/v1",
		"kind", "Verification", "schema", SCHEMA, "mode", mode_name(mode), "ok",
		!findings->list.n, "services", (json_int_t)n_services, "findings", list);
	text = json_dumps(root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	strbuf_addf(sb, "%s\n", text ? text : "");
	free(text);
	json_decref(root);
}
