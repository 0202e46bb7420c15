/* SPDX-License-Identifier: GPL-2.0-or-later */
/* YAML text to trees by libyaml, and the types of scalars. What fields there are is left
 * to conf_yaml.c. */
#include "config.h"

#include "model/tree_yaml.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct tree_source {
	const char *where;
	yaml_parser_t parser;
	bool ended;
};

static void start(yaml_parser_t *p, const char *text, size_t size)
{
	if (!yaml_parser_initialize(p))
		abort(); /* out of memory is its only failure */
	yaml_parser_set_input_string(p, (const unsigned char *)text, size);
}

/* libyaml takes time with the square of these; settings have a few of them. */
#define DEPTH_MAX 100
#define NAMES_MAX 100 /* anchors, and directives for tags */

struct amount {
	int depth, names;
};

static const char *count_token(struct amount *a, const yaml_token_t *t)
{
	switch (t->type) {
	case YAML_BLOCK_SEQUENCE_START_TOKEN:
	case YAML_BLOCK_MAPPING_START_TOKEN:
	case YAML_FLOW_SEQUENCE_START_TOKEN:
	case YAML_FLOW_MAPPING_START_TOKEN:
		a->depth++;
		break;
	case YAML_BLOCK_END_TOKEN:
	case YAML_FLOW_SEQUENCE_END_TOKEN:
	case YAML_FLOW_MAPPING_END_TOKEN:
		a->depth--;
		break;
	case YAML_ANCHOR_TOKEN:
	case YAML_TAG_DIRECTIVE_TOKEN:
		a->names++;
		break;
	default:
		break;
	}
	if (a->depth > DEPTH_MAX)
		return "nested too deeply";
	return a->names > NAMES_MAX ? "too many anchors and directives" : NULL;
}

/* What is no YAML at all is found again, with its message, when it is loaded. */
static int check_amount(
    const char *where, const char *text, size_t size, struct error *err)
{
	struct amount a = {0};
	yaml_parser_t p;
	yaml_token_t t;
	bool more = true;
	int ret = 0;

	start(&p, text, size);
	while (more && !ret && yaml_parser_scan(&p, &t)) {
		const char *wrong = count_token(&a, &t);

		if (wrong)
			ret = error_set(err, ERR_INPUT, 0, "%s: line %zu: %s", where,
			    t.start_mark.line + 1, wrong);
		more = t.type != YAML_STREAM_END_TOKEN;
		yaml_token_delete(&t);
	}
	yaml_parser_delete(&p);
	return ret;
}

int tree_source_open(const char *where, const char *text, size_t size,
    struct tree_source **ret, struct error *err)
{
	struct tree_source *s;

	if (check_amount(where, text, size, err))
		return -1;
	s = xcalloc(1, sizeof(*s));
	s->where = where;
	start(&s->parser, text, size);
	*ret = s;
	return 0;
}

void tree_source_free(struct tree_source *s)
{
	if (!s)
		return;
	yaml_parser_delete(&s->parser);
	free(s);
}

int tree_source_next(struct tree_source *s, struct tree **ret, struct error *err)
{
	struct tree *t;

	*ret = NULL;
	if (s->ended)
		return 0;
	t = xcalloc(1, sizeof(*t));
	if (!yaml_parser_load(&s->parser, &t->doc)) {
		free(t);
		s->ended = true;
		return error_set(err, ERR_INPUT, 0, "%s: line %zu: not YAML: %s",
		    s->where, s->parser.problem_mark.line + 1,
		    s->parser.problem ? s->parser.problem : "cannot be read");
	}
	if (!yaml_document_get_root_node(&t->doc)) {
		tree_free(t);
		s->ended = true;
		return 0;
	}
	*ret = t;
	return 0;
}

void tree_free(struct tree *t)
{
	if (!t)
		return;
	yaml_document_delete(&t->doc);
	free(t);
}

/* libyaml has no const interface to what it does not change. */
static const yaml_node_t *node_of(const struct tree *t, int index)
{
	return yaml_document_get_node((yaml_document_t *)&t->doc, index);
}

const yaml_node_t *tree_root(const struct tree *t)
{
	return yaml_document_get_root_node((yaml_document_t *)&t->doc);
}

bool tree_pair(const struct tree *t, const yaml_node_t *map, size_t i,
    const yaml_node_t **key, const yaml_node_t **value)
{
	const yaml_node_pair_t *start, *top;

	if (map->type != YAML_MAPPING_NODE)
		return false;
	start = map->data.mapping.pairs.start;
	top = map->data.mapping.pairs.top;
	if (i >= (size_t)(top - start))
		return false;
	*key = node_of(t, start[i].key);
	*value = node_of(t, start[i].value);
	return true;
}

bool tree_item(
    const struct tree *t, const yaml_node_t *sequence, size_t i, const yaml_node_t **item)
{
	const yaml_node_item_t *start, *top;

	if (sequence->type != YAML_SEQUENCE_NODE)
		return false;
	start = sequence->data.sequence.items.start;
	top = sequence->data.sequence.items.top;
	if (i >= (size_t)(top - start))
		return false;
	*item = node_of(t, start[i]);
	return true;
}

const yaml_node_t *tree_member(
    const struct tree *t, const yaml_node_t *map, const char *key)
{
	const yaml_node_t *name, *value;

	for (size_t i = 0; tree_pair(t, map, i, &name, &value); i++)
		if (!strcmp(tree_text(name), key))
			return value;
	return NULL;
}

const char *tree_text(const yaml_node_t *n)
{
	return n->type == YAML_SCALAR_NODE ? (const char *)n->data.scalar.value : "";
}

size_t tree_line(const yaml_node_t *n)
{
	return n->start_mark.line + 1;
}

static bool is_one_of(const char *s, const char *const *words)
{
	while (*words && strcmp(s, *words) != 0)
		words++;
	return *words;
}

static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
static const char *const trues[] = {
    "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", NULL};
static const char *const falses[] = {
    "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", NULL};

static bool is_number(const char *s)
{
	char *end;

	/* strtod() takes words like "inf" as well. */
	if (!*s || !strchr("+-.0123456789", *s) || !strpbrk(s, "0123456789"))
		return false;
	strtod(s, &end);
	return *end == '\0';
}

enum tree_type tree_type(const yaml_node_t *n)
{
	const char *s = tree_text(n);

	if (n->type != YAML_SCALAR_NODE)
		return TREE_NODE;
	if (n->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return TREE_TEXT;
	if (is_one_of(s, nulls))
		return TREE_NULL;
	if (is_one_of(s, trues) || is_one_of(s, falses))
		return TREE_BOOL;
	return is_number(s) ? TREE_NUMBER : TREE_TEXT;
}

bool tree_bool(const yaml_node_t *n, bool *ret)
{
	if (tree_type(n) != TREE_BOOL)
		return false;
	*ret = is_one_of(tree_text(n), trues);
	return true;
}

bool tree_int(const yaml_node_t *n, long long *ret)
{
	char *end;
	long long v;

	if (tree_type(n) != TREE_NUMBER)
		return false;
	errno = 0;
	v = strtoll(tree_text(n), &end, 10);
	if (*end || errno)
		return false;
	*ret = v;
	return true;
}

/* The unit at *p in seconds, or 0. */
static double take_unit(const char **p)
{
	/* "ms" before "m". */
	static const struct {
		const char *name;
		double seconds;
	} units[] = {
	    {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"h", 3600}, {"m", 60}, {"s", 1}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (!strncmp(*p, units[i].name, n)) {
			*p += n;
			return units[i].seconds;
		}
	}
	return 0;
}

bool tree_duration(const yaml_node_t *n, uint32_t *seconds)
{
	const char *p = tree_text(n);
	double sum = 0;

	if (tree_type(n) != TREE_TEXT || !*p)
		return false;
	if (!strcmp(p, "0")) {
		*seconds = 0;
		return true;
	}
	while (*p) {
		double v, unit;
		char *end;

		if (!strchr(".0123456789", *p))
			return false;
		v = strtod(p, &end);
		if (end == p)
			return false;
		p = end;
		unit = take_unit(&p);
		if (unit == 0)
			return false;
		sum += v * unit;
	}
	if (!(sum < 4294967295.0))
		return false;
	*seconds = (uint32_t)sum;
	return true;
}
