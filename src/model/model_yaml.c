/* SPDX-License-Identifier: GPL-2.0-or-later */
/* YAML documents as JSON values, so that what kubectl prints with -o yaml is read by what
 * reads its JSON. */
#include "config.h"

#include "model/model_load.h"
#include "model/tree_yaml.h"

#include <stdint.h>
#include <stdlib.h>

struct reading {
	const char *where;
	const struct tree *tree;
	struct arena *arena;
	bool *taken; /* of each node */
	struct error *err;
};

static int fail(const struct reading *r, const yaml_node_t *at, const char *text)
{
	return error_set(
	    r->err, ERR_INPUT, 0, "%s: line %zu: %s", r->where, tree_line(at), text);
}

static int convert(struct reading *r, const yaml_node_t *from, struct json_value *ret);

static int convert_mapping(
    struct reading *r, const yaml_node_t *from, struct json_value *ret)
{
	size_t n = (size_t)(from->data.mapping.pairs.top - from->data.mapping.pairs.start);
	struct json_value *items = arena_array(r->arena, struct json_value, n);
	const yaml_node_t *key, *value;

	*ret = (struct json_value){.type = JSON_OBJECT, .items = items};
	for (; tree_pair(r->tree, from, ret->n, &key, &value); ret->n++) {
		if (key->type != YAML_SCALAR_NODE)
			return fail(r, key, "a field name must be a word");
		if (convert(r, value, &items[ret->n]))
			return -1;
		items[ret->n].key = arena_strdup(r->arena, tree_text(key));
	}
	return 0;
}

static int convert_sequence(
    struct reading *r, const yaml_node_t *from, struct json_value *ret)
{
	size_t n =
	    (size_t)(from->data.sequence.items.top - from->data.sequence.items.start);
	struct json_value *items = arena_array(r->arena, struct json_value, n);
	const yaml_node_t *item;

	*ret = (struct json_value){.type = JSON_ARRAY, .items = items};
	for (; tree_item(r->tree, from, ret->n, &item); ret->n++)
		if (convert(r, item, &items[ret->n]))
			return -1;
	return 0;
}

static void convert_number(const yaml_node_t *from, struct json_value *ret)
{
	long long v;

	*ret = (struct json_value){.type = JSON_REAL};
	if (tree_int(from, &v))
		*ret = (struct json_value){.type = JSON_INTEGER, .integer = v};
}

/* An alias leads to a node for a second time: to itself, or to ever more of them. */
static int convert(struct reading *r, const yaml_node_t *from, struct json_value *ret)
{
	bool *taken = &r->taken[from - r->tree->doc.nodes.start], yes = false;

	if (*taken)
		return fail(r, from, "YAML with aliases is not read here");
	*taken = true;
	switch (tree_type(from)) {
	case TREE_NODE:
		return from->type == YAML_MAPPING_NODE ? convert_mapping(r, from, ret)
						       : convert_sequence(r, from, ret);
	case TREE_NUMBER:
		convert_number(from, ret);
		return 0;
	case TREE_BOOL:
		tree_bool(from, &yes);
		*ret = (struct json_value){.type = yes ? JSON_TRUE : JSON_FALSE};
		return 0;
	case TREE_NULL:
		*ret = (struct json_value){.type = JSON_NULL};
		return 0;
	case TREE_TEXT:
		break;
	}
	*ret = (struct json_value){
	    .type = JSON_STRING, .string = arena_strdup(r->arena, tree_text(from))};
	return 0;
}

static int take_document(const char *where, const struct tree *t, yaml_value_fn take,
    void *data, struct error *err)
{
	const yaml_node_t *root = tree_root(t);
	struct reading r = {.where = where, .tree = t, .err = err};
	struct json_value v;
	int ret;

	if (tree_type(root) == TREE_NULL) /* nothing between two "---" */
		return 0;
	if (root->type != YAML_MAPPING_NODE)
		return fail(&r, root, "an object expected, as JSON or YAML");
	r.arena = arena_new();
	r.taken = xcalloc((size_t)(t->doc.nodes.top - t->doc.nodes.start), sizeof(bool));
	ret = convert(&r, root, &v);
	if (!ret)
		ret = take(data, &v, err);
	free(r.taken);
	arena_free(r.arena);
	return ret;
}

int yaml_values_read(const char *where, const char *text, size_t size, yaml_value_fn take,
    void *data, struct error *err)
{
	struct tree_source *s;
	int ret = 0;

	if (tree_source_open(where, text, size, &s, err))
		return -1;
	for (bool more = true; more && !ret;) {
		struct tree *t;

		ret = tree_source_next(s, &t, err);
		more = t != NULL;
		if (more)
			ret = take_document(where, t, take, data, err);
		tree_free(t);
	}
	tree_source_free(s);
	return ret;
}
