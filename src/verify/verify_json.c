/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The findings of verify for machines. */
#include "config.h"

#include "verify/verify.h"
#include "base/text_json.h"

/* Raised when a reader of an older text would misunderstand a newer one. */
#define SCHEMA 1

static json_t *finding_json(const struct note *n)
{
	return json_pack("{s:s*, s:o*, s:o}", "name", n->name, "about",
	    text_json(n->about), "text", text_json(n->text));
}

void verify_print_json(
    struct strbuf *sb, const struct notes *findings, enum mode mode, size_t n_services)
{
	json_t *list = json_array(), *root;

	for (size_t i = 0; i < findings->list.n; i++)
		json_array_append_new(list, finding_json(&findings->list.v[i]));
	root =
	    json_pack("{s:s, s:s, s:i, s:s, s:b, s:I, s:o}", "apiVersion", "vipshift/v1",
		"kind", "Verification", "schema", SCHEMA, "mode", mode_name(mode), "ok",
		!findings->list.n, "services", (json_int_t)n_services, "findings", list);
	json_print(sb, root, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
	strbuf_addch(sb, '\n');
}
