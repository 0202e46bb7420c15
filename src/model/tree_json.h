/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_TREE_JSON_H
#define MODEL_TREE_JSON_H

#include "base/arena.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/*
 * A JSON value in an arena. jansson's own need an allocation and a hash for every member,
 * which for a large cluster costs more than everything else that the program does.
 */
struct json_value {
	const char *key; /* as member of an object */
	json_type type;
	unsigned n; /* of items */
	union {
		const char *string;
		json_int_t integer;
		const struct json_value *items; /* of an object or array */
	};
};

/* All of these take NULL for a value that is not there. */

static inline bool json_value_is(const struct json_value *v, json_type type)
{
	return v && v->type == type;
}

/* The member of an object, of several the last one; else NULL. */
static inline const struct json_value *json_value_get(
    const struct json_value *v, const char *key)
{
	for (unsigned i = json_value_is(v, JSON_OBJECT) ? v->n : 0; i-- > 0;)
		if (!strcmp(v->items[i].key, key))
			return &v->items[i];
	return NULL;
}

/* NULL for what is no string. */
static inline const char *json_value_text(const struct json_value *v)
{
	return json_value_is(v, JSON_STRING) ? v->string : NULL;
}

/*
 * Reads the value at *text, which ends with a NUL and 8 bytes more that may be read. On
 * success *text is behind the value and *lines grows by its line ends. -1: nothing is
 * said about the value: it is broken, not complete, or of a kind that is left to jansson
 * (fractions, large numbers, other than ASCII); *text is where that was seen.
 */
int json_tree_scan(const char **text, struct arena *a, struct json_value *ret,
    unsigned long *lines);
/* The same as a value of jansson's. */
void json_tree_copy(const json_t *from, struct arena *a, struct json_value *ret);

#endif
