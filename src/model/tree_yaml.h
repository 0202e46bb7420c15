/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_TREE_YAML_H
#define MODEL_TREE_YAML_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

/* YAML documents (JSON is YAML too) as trees, with the types that Kubernetes gives to plain
 * scalars. Only *_yaml.c includes this. */

struct tree {
	yaml_document_t doc;
};

/* The documents of a text, one after another. where is for messages; text is borrowed. -1:
 * deeper, or with more anchors and tags, than any settings are; libyaml would take very long. */
struct tree_source;
int tree_source_open(const char *where, const char *text, size_t size,
    struct tree_source **ret, struct error *err);
void tree_source_free(struct tree_source *s);
/* *ret: the next document, or NULL after the last. -1: not YAML, with the line. */
int tree_source_next(struct tree_source *s, struct tree **ret, struct error *err);
void tree_free(struct tree *t);

const yaml_node_t *tree_root(const struct tree *t); /* NULL: an empty document */
/* The i-th pair of a mapping, element of a sequence; false past the end. */
bool tree_pair(const struct tree *t, const yaml_node_t *map, size_t i,
    const yaml_node_t **key, const yaml_node_t **value);
bool tree_item(const struct tree *t, const yaml_node_t *sequence, size_t i,
    const yaml_node_t **item);
/* NULL where there is none, or map is no mapping. */
const yaml_node_t *tree_member(const struct tree *t, const yaml_node_t *map,
    const char *key);

enum tree_type {
	TREE_NULL,
	TREE_BOOL,
	TREE_NUMBER,
	TREE_TEXT,
	TREE_NODE, /* a mapping or sequence */
};
enum tree_type tree_type(const yaml_node_t *n);
const char *tree_text(const yaml_node_t *n); /* "" for what is no scalar */
size_t tree_line(const yaml_node_t *n);	     /* from 1 */

/* false: not a value of that type. */
bool tree_bool(const yaml_node_t *n, bool *ret);
bool tree_int(const yaml_node_t *n, long long *ret);
/* As Go writes durations, "15m0s", "1.5h", "0s"; in whole seconds, none negative. */
bool tree_duration(const yaml_node_t *n, uint32_t *seconds);

#endif
