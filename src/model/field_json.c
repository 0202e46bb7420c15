/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Typed access to the fields of a JSON object, with errors that name the field's path. */
#include "config.h"

#include "model/model_load.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static size_t add_path(const struct field *at, char *buf, size_t size)
{
	size_t n = at->up ? add_path(at->up, buf, size) : 0;
	int more = 0;

	if (n >= size)
		return n;
	if (at->key)
		more = snprintf(buf + n, size - n, n ? ".%s" : "%s", at->key);
	else if (at->up)
		more = snprintf(buf + n, size - n, "[%zu]", at->index);
	return n + (size_t)(more > 0 ? more : 0);
}

const char *field_path(const struct field *at, const char *key, char *buf, size_t size)
{
	struct field member = {.up = at, .key = key};

	buf[0] = '\0';
	add_path(key ? &member : at, buf, size);
	return buf;
}

int field_error(
    const struct field *at, const char *key, struct error *err, const char *fmt, ...)
{
	char path[256], text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	field_path(at, key, path, sizeof(path));
	return error_set(err, ERR_INPUT, 0, "%s%s%s", path, path[0] ? ": " : "", text);
}

static const char *type_name(const struct json_value *v)
{
	switch (v->type) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

static int type_error(const struct field *at, const char *key, const char *want,
    const struct json_value *v, struct error *err)
{
	return field_error(at, key, err, "must be %s, not %s", want, type_name(v));
}

/* The member, or at itself without a key; NULL when absent or null. */
static const struct json_value *member(const struct field *at, const char *key)
{
	const struct json_value *v = key ? json_value_get(at->json, key) : at->json;

	return json_value_is(v, JSON_NULL) ? NULL : v;
}

int field_object(
    const struct field *at, const char *key, struct field *ret, struct error *err)
{
	const struct json_value *v = member(at, key);

	if (v && !json_value_is(v, JSON_OBJECT))
		return type_error(at, key, "an object", v, err);
	*ret = (struct field){.up = at, .key = key, .json = v};
	return 0;
}

int field_array(
    const struct field *at, const char *key, struct field *ret, struct error *err)
{
	const struct json_value *v = member(at, key);

	if (v && !json_value_is(v, JSON_ARRAY))
		return type_error(at, key, "an array", v, err);
	*ret = (struct field){.up = at, .key = key, .json = v};
	return 0;
}

int field_string(
    const struct field *at, const char *key, const char **ret, struct error *err)
{
	const struct json_value *v = member(at, key);

	if (!v)
		return 0;
	if (!json_value_is(v, JSON_STRING))
		return type_error(at, key, "a string", v, err);
	*ret = v->string;
	return 0;
}

int field_bool(const struct field *at, const char *key, bool *ret, struct error *err)
{
	const struct json_value *v = member(at, key);

	if (!v)
		return 0;
	if (!json_value_is(v, JSON_TRUE) && !json_value_is(v, JSON_FALSE))
		return type_error(at, key, "true or false", v, err);
	*ret = json_value_is(v, JSON_TRUE);
	return 0;
}

int field_number(const struct field *at, const char *key, json_int_t min, json_int_t max,
    json_int_t *ret, struct error *err)
{
	const struct json_value *v = member(at, key);
	json_int_t n;

	if (!v)
		return 0;
	if (!json_value_is(v, JSON_INTEGER))
		return type_error(at, key, "a whole number", v, err);
	n = v->integer;
	if (n < min || n > max)
		return field_error(at, key, err,
		    "%" JSON_INTEGER_FORMAT " is not between %" JSON_INTEGER_FORMAT
		    " and %" JSON_INTEGER_FORMAT,
		    n, min, max);
	*ret = n;
	return 0;
}

int field_port(const struct field *at, const char *key, uint16_t *ret, struct error *err)
{
	const struct json_value *v = member(at, key);
	json_int_t n;

	if (!v)
		return 0;
	if (!json_value_is(v, JSON_INTEGER))
		return type_error(at, key, "a whole number", v, err);
	n = v->integer;
	if (n < 1 || n > 65535)
		return field_error(
		    at, key, err, "%" JSON_INTEGER_FORMAT " is not a port", n);
	*ret = (uint16_t)n;
	return 0;
}

int field_addr(
    const struct field *at, const char *key, struct addr *ret, struct error *err)
{
	const char *s = NULL;

	if (field_string(at, key, &s, err))
		return -1;
	if (s && !addr_parse_kube(s, ret))
		return field_error(at, key, err, "'%s' is not an IP address", s);
	return 0;
}

int field_proto(const struct field *at, const char *key, uint8_t *ret, struct error *err)
{
	const char *s = NULL;

	if (field_string(at, key, &s, err))
		return -1;
	if (s && !proto_parse(s, ret))
		return field_error(
		    at, key, err, "'%s' is not a protocol: TCP, UDP or SCTP", s);
	return 0;
}

struct field field_item(const struct field *array, size_t i)
{
	return (struct field){.up = array,
	    .index = i,
	    .json = i < field_count(array) ? &array->json->items[i] : NULL};
}

int field_item_object(
    const struct field *array, size_t i, struct field *ret, struct error *err)
{
	struct field item = field_item(array, i);

	if (!json_value_is(item.json, JSON_OBJECT))
		return type_error(&item, NULL, "an object", item.json, err);
	*ret = item;
	return 0;
}

int field_item_string(
    const struct field *array, size_t i, const char **ret, struct error *err)
{
	struct field item = field_item(array, i);

	if (!json_value_is(item.json, JSON_STRING))
		return type_error(&item, NULL, "a string", item.json, err);
	*ret = item.json->string;
	return 0;
}
