/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JSON values without jansson's cost. The scanner takes what Kubernetes writes nearly
 * always and is as strict as jansson there; whatever else it meets it gives back, and
 * jansson reads that and says what is wrong with it.
 */
#include "config.h"

#include "model/tree_json.h"

#include "base/vec.h"

#include <stdint.h>

#define MAX_DEPTH 128
#define MAX_DIGITS 18 /* so many always fit */

struct scan {
	const char *p;
	struct arena *arena;
	VEC(struct json_value) stack; /* members of what is open */
	unsigned long lines;
	unsigned depth;
};

/* ---- blanks and scalars */

/* The next character that is no blank, not taken. */
static char next_char(struct scan *s)
{
	const char *p = s->p;

	for (;; p++) {
		if (*p == '\n') {
			s->lines++;
			/* Most of a file is indentation. */
			while (!memcmp(p + 1, "        ", 8))
				p += 8;
		} else if (*p != ' ' && *p != '\t' && *p != '\r') {
			break;
		}
	}
	s->p = p;
	return *p;
}

/* Those that stand for themselves in a string. */
static bool is_plain(char c)
{
	return c >= ' ' && c < 127 && c != '"' && c != '\\';
}

/* The character that the escape at p means, 0 if it is not known; *p is behind it. */
static char unescape(const char **p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	static const char hex[] = "0123456789abcdef";
	const char *found = **p ? strchr(from, *(*p)++) : NULL;
	const char *low;

	if (found)
		return to[found - from];
	/* What Go escapes for HTML's sake: \u003c and the like. */
	if (strncmp(*p - 1, "u00", 3) || (*p)[2] < '2' || (*p)[2] > '6' || !(*p)[3])
		return 0;
	low = strchr(hex, (*p)[3]);
	if (!low)
		return 0;
	*p += 4;
	return (char)(((*p)[-2] - '0') << 4 | (int)(low - hex));
}

/* The rest of a string from its first backslash on; NULL if it is not plain. */
static const char *take_escaped(struct scan *s, const char *start)
{
	const char *p = s->p;
	char *out, *ret;
	size_t n;

	while (is_plain(*p) || *p == '\\')
		p += *p == '\\' && p[1] ? 2 : 1;
	n = (size_t)(p - start);
	if (*p != '"') {
		s->p = p;
		return NULL;
	}
	ret = out = arena_alloc(s->arena, n + 1);
	for (p = start; *p != '"';) {
		if (*p != '\\') {
			*out++ = *p++;
			continue;
		}
		p++;
		if (!(*out++ = unescape(&p)))
			return NULL;
	}
	s->p = p + 1;
	return ret;
}

static const char *take_string(struct scan *s)
{
	const char *start = s->p + 1, *p = start;

	while (is_plain(*p))
		p++;
	s->p = p;
	if (*p == '\\')
		return take_escaped(s, start);
	if (*p != '"')
		return NULL;
	s->p++;
	return arena_strndup(s->arena, start, (size_t)(p - start));
}

static bool ends_number(char c)
{
	return c == ',' || c == '}' || c == ']' || c == '\n' || c == ' ' || c == '\r' ||
	       c == '\t';
}

static bool take_number(struct scan *s, struct json_value *v)
{
	bool negative = *s->p == '-';
	const char *start = s->p + negative;
	json_int_t number = 0;

	for (s->p = start; *s->p >= '0' && *s->p <= '9'; s->p++) {
		if (s->p - start == MAX_DIGITS)
			return false;
		number = number * 10 + (*s->p - '0');
	}
	if (s->p == start || !ends_number(*s->p) || (*start == '0' && s->p > start + 1))
		return false;
	v->type = JSON_INTEGER;
	v->integer = negative ? -number : number;
	return true;
}

static bool take_word(
    struct scan *s, const char *word, json_type type, struct json_value *v)
{
	size_t n = strlen(word);

	if (strncmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	v->type = type;
	return true;
}

/* ---- objects and arrays */

static bool take_value(struct scan *s, struct json_value *v);

static bool take_item(struct scan *s, bool object)
{
	struct json_value item = {0};

	if (object) {
		if (next_char(s) != '"')
			return false;
		item.key = take_string(s);
		if (!item.key || next_char(s) != ':')
			return false;
		s->p++;
	}
	next_char(s);
	if (!take_value(s, &item))
		return false;
	vec_push(&s->stack, item);
	return true;
}

static bool take_items(struct scan *s, struct json_value *v, char close)
{
	size_t base = s->stack.n;

	if (s->depth++ == MAX_DEPTH)
		return false;
	s->p++;
	if (next_char(s) != close)
		for (;; s->p++) {
			if (!take_item(s, close == '}'))
				return false;
			if (next_char(s) == close)
				break;
			if (*s->p != ',')
				return false;
		}
	s->p++;
	s->depth--;
	v->type = close == '}' ? JSON_OBJECT : JSON_ARRAY;
	v->n = (unsigned)(s->stack.n - base);
	v->items =
	    v->n ? arena_copy(s->arena, s->stack.v + base, v->n * sizeof(*v)) : NULL;
	s->stack.n = base;
	return true;
}

static bool take_value(struct scan *s, struct json_value *v)
{
	switch (*s->p) {
	case '{':
		return take_items(s, v, '}');
	case '[':
		return take_items(s, v, ']');
	case '"':
		v->type = JSON_STRING;
		v->string = take_string(s);
		return v->string;
	case 't':
		return take_word(s, "true", JSON_TRUE, v);
	case 'f':
		return take_word(s, "false", JSON_FALSE, v);
	case 'n':
		return take_word(s, "null", JSON_NULL, v);
	default:
		return take_number(s, v);
	}
}

int json_tree_scan(
    const char **text, struct arena *a, struct json_value *ret, unsigned long *lines)
{
	struct scan s = {.p = *text, .arena = a};
	struct json_value v = {0};
	bool ok = take_value(&s, &v);

	vec_free(&s.stack);
	*text = s.p;
	if (!ok)
		return -1;
	*lines += s.lines;
	*ret = v;
	return 0;
}

/* ---- jansson's */

static void copy_array(const json_t *from, struct arena *a, struct json_value *ret)
{
	struct json_value *items =
	    arena_array(a, struct json_value, json_array_size(from));
	const json_t *v;
	size_t i;

	ret->items = items;
	ret->n = (unsigned)json_array_size(from);
	json_array_foreach(from, i, v) json_tree_copy(v, a, &items[i]);
}

static void copy_object(const json_t *from, struct arena *a, struct json_value *ret)
{
	struct json_value *items =
	    arena_array(a, struct json_value, json_object_size(from));
	const char *key;
	const json_t *v;

	ret->items = items;
	json_object_foreach((json_t *)(uintptr_t)from, key, v)
	{
		json_tree_copy(v, a, &items[ret->n]);
		items[ret->n++].key = arena_strdup(a, key);
	}
}

void json_tree_copy(const json_t *from, struct arena *a, struct json_value *ret)
{
	*ret = (struct json_value){.type = json_typeof(from)};
	switch (ret->type) {
	case JSON_OBJECT:
		copy_object(from, a, ret);
		return;
	case JSON_ARRAY:
		copy_array(from, a, ret);
		return;
	case JSON_STRING:
		ret->string = arena_strdup(a, json_string_value(from));
		return;
	case JSON_INTEGER:
		ret->integer = json_integer_value(from);
		return;
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		return;
	}
}
