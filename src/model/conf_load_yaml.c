/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the KubeProxyConfiguration in a file: by itself, in a ConfigMap or in a list of
 * ConfigMaps, as YAML or JSON, alone or among other documents. Its fields are
 * conf_yaml.c.
 */
#include "config.h"

#include "model/conf_fields.h"

#include "base/file.h"

#include <stdio.h>
#include <string.h>

#define WANTED_KIND "KubeProxyConfiguration"

/* What is read, and into what. */
struct search {
	struct conf *conf;
	struct notes *notes;
	bool nested; /* inside a ConfigMap */
	bool found;
};

static const char *scalar_of(
    const struct tree *t, const yaml_node_t *map, const char *key)
{
	const yaml_node_t *v = tree_member(t, map, key);

	return v && v->type == YAML_SCALAR_NODE ? tree_text(v) : "";
}

static int read_text(struct search *s, const char *where, const char *text, size_t size,
    struct error *err);

/* The text that holds it, and its key; NULL if there is none. kubeadm's key is
 * config.conf; others call it config.yaml, config or kube-proxy.conf. */
static const yaml_node_t *text_of(
    const struct tree *t, const yaml_node_t *map, const char **key)
{
	const yaml_node_t *data = tree_member(t, map, "data");
	const yaml_node_t *text = data ? tree_member(t, data, "config.conf") : NULL;
	const yaml_node_t *name, *value;

	*key = "config.conf";
	for (size_t i = 0; data && !text && tree_pair(t, data, i, &name, &value); i++)
		if (strstr(tree_text(value), WANTED_KIND)) {
			*key = tree_text(name);
			text = value;
		}
	return text && text->type == YAML_SCALAR_NODE ? text : NULL;
}

static int read_config_map(struct search *s, const char *where, const struct tree *t,
    const yaml_node_t *map, struct error *err)
{
	struct search inner = {.conf = s->conf, .notes = s->notes, .nested = true};
	const char *key;
	const yaml_node_t *text = text_of(t, map, &key);
	char name[512];

	if (!text)
		return error_set(err, ERR_INPUT, 0,
		    "%s: a ConfigMap without a " WANTED_KIND " in its data", where);
	s->found = true;
	snprintf(name, sizeof(name), "%s: data.%s", where, key);
	return read_text(&inner, name, tree_text(text), text->data.scalar.length, err);
}

/* The first ConfigMap that has one: others of the same namespace may come with it. */
static int read_list(struct search *s, const char *where, const struct tree *t,
    const yaml_node_t *list, struct error *err)
{
	const yaml_node_t *items = tree_member(t, list, "items"), *item;
	const char *key;

	for (size_t i = 0; items && tree_item(t, items, i, &item); i++)
		if (text_of(t, item, &key))
			return read_config_map(s, where, t, item, err);
	return error_set(err, ERR_INPUT, 0,
	    "%s: none of the items is a ConfigMap with a " WANTED_KIND " in its data",
	    where);
}

static int read_document(
    struct search *s, const char *where, const struct tree *t, struct error *err)
{
	const yaml_node_t *root = tree_root(t);
	const char *kind;

	if (!root || root->type != YAML_MAPPING_NODE)
		return error_set(err, ERR_INPUT, 0,
		    "%s: line %zu: must be a mapping with kind: " WANTED_KIND, where,
		    root ? tree_line(root) : 1);
	kind = scalar_of(t, root, "kind");
	if (!strcmp(kind, WANTED_KIND)) {
		s->found = true;
		conf_take_fields(s->conf, where, t, root, s->notes);
	} else if (!s->nested && !strcmp(kind, "ConfigMap")) {
		return read_config_map(s, where, t, root, err);
	} else if (!s->nested &&
		   (!strcmp(kind, "List") || !strcmp(kind, "ConfigMapList"))) {
		return read_list(s, where, t, root, err);
	}
	return 0;
}

/* Several documents may follow each other, as kubeadm's own configuration does. */
static int read_text(
    struct search *s, const char *where, const char *text, size_t size, struct error *err)
{
	struct tree_source *src;
	struct tree *t = NULL;
	char kind[64] = "";
	int ret;

	if (tree_source_open(where, text, size, &src, err))
		return -1;
	while (!(ret = tree_source_next(src, &t, err)) && t && !s->found) {
		ret = read_document(s, where, t, err);
		if (!ret && !s->found)
			snprintf(
			    kind, sizeof(kind), "%s", scalar_of(t, tree_root(t), "kind"));
		tree_free(t);
		t = NULL;
		if (ret)
			break;
	}
	tree_free(t);
	tree_source_free(src);
	if (ret || s->found)
		return ret;
	if (kind[0])
		return error_set(err, ERR_INPUT, 0,
		    "%s: line 1: kind is '%s', not " WANTED_KIND " or ConfigMap", where,
		    kind);
	return error_set(err, ERR_INPUT, 0,
	    "%s: line 1: no kind: not a " WANTED_KIND " or ConfigMap", where);
}

int conf_load(struct conf *c, const char *path, struct notes *notes, struct error *err)
{
	struct search s = {.conf = c, .notes = notes};
	struct strbuf text = {0};
	int ret = file_read(path, &text, err);

	if (!ret && strspn(strbuf_str(&text), " \t\r\n") == text.len)
		ret = error_set(err, ERR_INPUT, 0, "%s: line 1: is empty", path);
	else if (!ret)
		ret = read_text(&s, path, strbuf_str(&text), text.len, err);
	strbuf_free(&text);
	return ret;
}
