/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_MODEL_LOAD_H
#define MODEL_MODEL_LOAD_H

/* Between the files that load a model; nobody else includes this. */

#include "model/model.h"
#include "model/tree_json.h"

/*
 * A place in a JSON value. The chain of places up to the object is what messages name:
 * "spec.ports[0].port". json is NULL when the input has no such field, or null there;
 * what is asked of such a place is absent too.
 */
struct field {
	const struct field *up;
	const char *key; /* NULL: an element, or the object itself when up is NULL too */
	size_t index;
	const struct json_value *json;
};

/* "PATH[.KEY]: MESSAGE" as ERR_INPUT; key may be NULL. Always -1. */
int field_error(const struct field *at, const char *key, struct error *err,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* "PATH[.KEY]" for notes, into buf. */
const char *field_path(const struct field *at, const char *key, char *buf, size_t size);

/* A member of an object, -1 if it has another type. Absent or null: *ret is left as it is,
 * and for objects and arrays ret->json is NULL. ret->up keeps pointing to at. */
int field_object(const struct field *at, const char *key, struct field *ret,
    struct error *err);
int field_array(const struct field *at, const char *key, struct field *ret,
    struct error *err);
int field_string(const struct field *at, const char *key, const char **ret,
    struct error *err);
int field_bool(const struct field *at, const char *key, bool *ret, struct error *err);
int field_number(const struct field *at, const char *key, json_int_t min, json_int_t max,
    json_int_t *ret, struct error *err);
/* 1..65535. */
int field_port(const struct field *at, const char *key, uint16_t *ret, struct error *err);
/* A string that holds an address; at may be an array element with key NULL. */
int field_addr(const struct field *at, const char *key, struct addr *ret,
    struct error *err);
int field_proto(const struct field *at, const char *key, uint8_t *ret, struct error *err);

static inline size_t field_count(const struct field *array)
{
	return array->json ? array->json->n : 0;
}

/* The i-th element; field_item_object and _string also ask for the type. */
struct field field_item(const struct field *array, size_t i);
int field_item_object(const struct field *array, size_t i, struct field *ret,
    struct error *err);
int field_item_string(const struct field *array, size_t i, const char **ret,
    struct error *err);

/* Each document of a YAML text as a JSON value, which is valid during the call only.
 * Stops at -1, which `take` may return as well; where is for messages. */
typedef int (*yaml_value_fn)(void *data, const struct json_value *v, struct error *err);
int yaml_values_read(const char *where, const char *text, size_t size, yaml_value_fn take,
    void *data, struct error *err);

/* Kubernetes objects: they come in any order and are joined at the end. */
struct kube;
struct kube *kube_new(struct model_builder *b, struct notes *notes);
void kube_free(struct kube *k);
/* The kind of an object, for items of a typed list that do not say it: NULL if it looks
 * like none that matters. */
const char *kube_guess_kind(const struct json_value *object);
/* *taken tells whether the kind is one that matters. Copies. */
int kube_add(struct kube *k, const char *kind, const struct json_value *object,
    bool *taken, struct error *err);
/* Joins services and endpoints and gives them to the builder. -1: too many. */
int kube_finish(struct kube *k, const char *where, struct error *err);

/* Elements of a ServiceModel's arrays; index is for messages. */
#define NATIVE_API_VERSION "vipshift/v1"
#define NATIVE_KIND "ServiceModel"
int native_add_service(struct model_builder *b, const struct json_value *object,
    size_t index, struct error *err);
int native_add_node(struct model_builder *b, const struct json_value *object,
    size_t index, struct error *err);

/* Warns of addresses and node ports that two services share though only one of them can
 * have all of the traffic. */
void model_note_shared(const struct model *m, struct notes *notes);

#endif
