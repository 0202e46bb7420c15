/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loads a model from JSON text, or YAML: walks its documents, tells Kubernetes objects
 * from the native model, and hands over one object at a time, so that memory follows what
 * the model holds and not what the objects carry. The objects are left to kube_*.c and
 * native_json.c.
 */
#include "config.h"

#include "model/model_load.h"
#include "model/read_json.h"

#include "base/strbuf.h"
#include "base/vec.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct model_loader {
	struct json_reader reader;
	struct model_builder *builder;
	struct kube *kube;
	struct notes *notes;
	size_t n_documents;
	size_t n_taken;	  /* objects and lists that matter */
	char *other_kind; /* the first one that does not */
	VEC(char *) unfinished; /* kinds of lists that are not here to their end */
	const char *page; /* the kind of list that must come, or NULL: any documents */
	char *more;	  /* where that list goes on, or NULL */
};

/* The document at hand: its fields other than the arrays that are walked. */
struct document {
	struct arena *arena;
	VEC(struct json_value) fields;
	bool kube_items, native_items, services;
	const char *guessed; /* kind of the items that did not say it */
};

static struct json_value document_object(const struct document *d)
{
	return (struct json_value){
	    .type = JSON_OBJECT, .n = (unsigned)d->fields.n, .items = d->fields.v};
}

static const char *document_text(const struct document *d, const char *key)
{
	const struct json_value all = document_object(d);

	return json_value_text(json_value_get(&all, key));
}

static bool is_list_kind(const char *kind)
{
	size_t n = strlen(kind);

	return n >= 4 && !strcmp(kind + n - 4, "List");
}

/* What kubectl and the API server put in the place of a list that they could not get. */
static int check_status(const struct json_value *object, struct error *err)
{
	const char *status = json_value_text(json_value_get(object, "status"));
	const char *message = json_value_text(json_value_get(object, "message"));

	if (!status || strcmp(status, "Failure") != 0)
		return 0;
	return error_set(err, ERR_INPUT, 0,
	    "an answer of the API server, that it refused: %s",
	    message ? message : "no reason given");
}

static int add_kube(struct model_loader *l, const char *kind,
    const struct json_value *object, struct error *err)
{
	bool taken;

	if (!strcmp(kind, "Status") && check_status(object, err))
		return -1;
	if (kube_add(l->kube, kind, object, &taken, err))
		return -1;
	if (taken)
		l->n_taken++;
	else if (!l->other_kind)
		l->other_kind = xstrdup(kind);
	return 0;
}

/* The kind of a list's item: its own; else ServiceList's items are Services; else, where
 * the list's kind follows its items, what it looks like. */
static const char *item_kind(
    struct document *d, const struct json_value *item, char *buf, size_t size)
{
	const char *kind = json_value_text(json_value_get(item, "kind"));
	const char *list = document_text(d, "kind");

	if (kind)
		return kind;
	if (list && is_list_kind(list) && strcmp(list, "List") != 0) {
		snprintf(buf, size, "%.*s", (int)strlen(list) - 4, list);
		return buf;
	}
	kind = kube_guess_kind(item);
	if (kind && !d->guessed)
		d->guessed = kind;
	return kind ? kind : "object without kind";
}

static int take_value(void *loader, const struct json_value *v, struct error *err);

static int take_kube_item(struct model_loader *l, struct document *d, size_t i,
    const struct json_value *item, struct error *err)
{
	const struct json_value *own = json_value_get(item, "kind");
	char buf[64];
	const char *kind;

	if (!json_value_is(item, JSON_OBJECT))
		return error_set(err, ERR_INPUT, 0, "%s: items[%zu]: must be an object",
		    l->reader.name, i);
	if (own && !json_value_is(own, JSON_STRING))
		return error_set(err, ERR_INPUT, 0,
		    "%s: items[%zu].kind: must be a string", l->reader.name, i);
	kind = item_kind(d, item, buf, sizeof(buf));
	if (is_list_kind(kind))
		return take_value(l, item, err);
	if (!add_kube(l, kind, item, err))
		return 0;
	/* Without a name only its place tells which one it is. */
	if (!json_value_text(json_value_get(json_value_get(item, "metadata"), "name")))
		error_wrap(err, "items[%zu]", i);
	return error_wrap(err, "%s", l->reader.name);
}

typedef int (*native_add_fn)(struct model_builder *b, const struct json_value *object,
    size_t index, struct error *err);

static native_add_fn native_array(const char *key)
{
	if (!strcmp(key, "services"))
		return native_add_service;
	return strcmp(key, "nodes") ? NULL : native_add_node;
}

static int take_item(struct model_loader *l, struct document *d, const char *key,
    size_t i, const struct json_value *item, struct error *err)
{
	native_add_fn add = native_array(key);

	if (!add)
		return take_kube_item(l, d, i, item, err);
	if (add(l->builder, item, i, err))
		return error_wrap(err, "%s", l->reader.name);
	return 0;
}

/* An array whose elements are handed over one by one. */
static int walk_array(
    struct model_loader *l, struct document *d, const char *key, struct error *err)
{
	struct json_reader *r = &l->reader;
	bool more;

	if (json_reader_expect(r, '[', "'['", err))
		return -1;
	for (size_t i = 0;; i++) {
		struct json_value item;
		struct arena *a;
		int ret;

		if (json_reader_next(r, ']', i == 0, &more, err))
			return -1;
		if (!more)
			return 0;
		a = arena_new();
		ret = json_reader_value(r, a, &item, err);
		if (!ret)
			ret = take_item(l, d, key, i, &item, err);
		arena_free(a);
		if (ret)
			return -1;
	}
}

/* Is this array one to walk, as far as the kind is known by now? */
static bool is_walked(struct document *d, const char *key)
{
	const char *kind = document_text(d, "kind");

	if (!strcmp(key, "items") && (!kind || is_list_kind(kind)))
		return d->kube_items = true;
	if (native_array(key) && (!kind || !strcmp(kind, NATIVE_KIND))) {
		d->services |= !strcmp(key, "services");
		return d->native_items = true;
	}
	return false;
}

static int read_member(
    struct model_loader *l, struct document *d, const char *key, struct error *err)
{
	struct json_value v;

	if (json_reader_expect(&l->reader, ':', "':' after a field name", err))
		return -1;
	if (json_reader_peek(&l->reader) == '[' && is_walked(d, key))
		return walk_array(l, d, key, err);
	if (json_reader_value(&l->reader, d->arena, &v, err))
		return -1;
	v.key = key;
	vec_push(&d->fields, v);
	return 0;
}

static int walk_members(struct model_loader *l, struct document *d, struct error *err)
{
	struct json_reader *r = &l->reader;
	bool more, first = true;

	if (json_reader_expect(r, '{', "an object", err))
		return -1;
	for (;; first = false) {
		struct json_value key;

		if (json_reader_next(r, '}', first, &more, err))
			return -1;
		if (!more)
			return 0;
		if (json_reader_peek(r) != '"')
			return json_reader_expect(r, '"', "a field name", err);
		if (json_reader_value(r, d->arena, &key, err) ||
		    read_member(l, d, key.string, err))
			return -1;
	}
}

static int finish_native(
    struct model_loader *l, const struct document *d, struct error *err)
{
	const char *version = document_text(d, "apiVersion");

	if (!version || strcmp(version, NATIVE_API_VERSION) != 0)
		return error_set(err, ERR_INPUT, 0,
		    "%s: apiVersion: '%s' is not " NATIVE_API_VERSION, l->reader.name,
		    version ? version : "");
	if (d->kube_items)
		return error_set(err, ERR_INPUT, 0,
		    "%s: items: a " NATIVE_KIND " has no such field", l->reader.name);
	for (size_t i = 0; i < d->fields.n; i++) {
		const struct json_value *v = &d->fields.v[i];
		const char *key = v->key;

		if (native_array(key) && v->type != JSON_NULL)
			return error_set(err, ERR_INPUT, 0, "%s: %s: must be an array",
			    l->reader.name, key);
		if (!native_array(key) && strcmp(key, "apiVersion") != 0 &&
		    strcmp(key, "kind") != 0)
			return error_set(err, ERR_INPUT, 0,
			    "%s: %s: a " NATIVE_KIND " has no such field", l->reader.name,
			    key);
	}
	if (!d->services)
		return error_set(
		    err, ERR_INPUT, 0, "%s: services: is missing", l->reader.name);
	l->n_taken++;
	return 0;
}

static int finish_list(
    struct model_loader *l, const struct document *d, const char *kind, struct error *err)
{
	const struct json_value all = document_object(d);
	const struct json_value *items = json_value_get(&all, "items");

	if (items && !json_value_is(items, JSON_NULL))
		return error_set(err, ERR_INPUT, 0, "%s: %s: items: must be an array",
		    l->reader.name, kind);
	if (d->guessed && strcmp(kind, "List") != 0 &&
	    (strncmp(kind, d->guessed, strlen(d->guessed)) != 0 ||
		strlen(kind) != strlen(d->guessed) + 4))
		return error_set(err, ERR_INPUT, 0,
		    "%s: %s: items without a kind that look like a %s", l->reader.name,
		    kind, d->guessed);
	return 0;
}

/* An API server says in a list's metadata where the next page begins. NULL at the end. */
static const char *next_page(const struct document *d)
{
	const struct json_value all = document_object(d);
	const struct json_value *metadata = json_value_get(&all, "metadata");
	const char *more = json_value_text(json_value_get(metadata, "continue"));

	return more && *more ? more : NULL;
}

static int finish_page(
    struct model_loader *l, const struct document *d, const char *kind, struct error *err)
{
	const char *more = next_page(d);

	if (strcmp(kind, l->page) != 0)
		return error_set(err, ERR_INPUT, 0, "%s: kind: '%s', not %s",
		    l->reader.name, kind, l->page);
	free(l->more);
	l->more = more ? xstrdup(more) : NULL;
	return finish_list(l, d, kind, err);
}

/* Pages may be there one after another, of several lists. */
static void remember_rest(
    struct model_loader *l, const struct document *d, const char *kind)
{
	bool more = next_page(d) != NULL;
	size_t i = 0;

	while (i < l->unfinished.n && strcmp(l->unfinished.v[i], kind) != 0)
		i++;
	if (i == l->unfinished.n && more) {
		vec_push(&l->unfinished, xstrdup(kind));
	} else if (i < l->unfinished.n && !more) {
		free(l->unfinished.v[i]);
		l->unfinished.v[i] = l->unfinished.v[--l->unfinished.n];
	}
}

/* What the document was is certain only here: "kind" may be its last field. */
static int finish_document(
    struct model_loader *l, const struct document *d, struct error *err)
{
	const struct json_value all = document_object(d);
	const char *kind = document_text(d, "kind");

	l->n_documents++;
	if (!kind && json_value_get(&all, "kind"))
		return error_set(
		    err, ERR_INPUT, 0, "%s: kind: must be a string", l->reader.name);
	if (!kind)
		return error_set(err, ERR_INPUT, 0,
		    "%s: kind: missing: neither Kubernetes JSON nor a " NATIVE_KIND,
		    l->reader.name);
	if (l->page)
		return finish_page(l, d, kind, err);
	if (!strcmp(kind, NATIVE_KIND))
		return finish_native(l, d, err);
	if (d->native_items)
		return error_set(err, ERR_INPUT, 0,
		    "%s: kind: '%s' where the fields are those of a " NATIVE_KIND,
		    l->reader.name, kind);
	if (is_list_kind(kind)) {
		remember_rest(l, d, kind);
		return finish_list(l, d, kind, err);
	}
	return add_kube(l, kind, &all, err) ? error_wrap(err, "%s", l->reader.name) : 0;
}

/* The same for a document that is there as a whole, where the kind may come last. */
static int take_members(struct model_loader *l, struct document *d,
    const struct json_value *v, struct error *err)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->items[i].type != JSON_ARRAY)
			vec_push(&d->fields, v->items[i]);
	for (unsigned i = 0; i < v->n; i++) {
		const struct json_value *array = &v->items[i];

		if (array->type != JSON_ARRAY)
			continue;
		if (!is_walked(d, array->key)) {
			vec_push(&d->fields, *array);
			continue;
		}
		for (unsigned k = 0; k < array->n; k++)
			if (take_item(l, d, array->key, k, &array->items[k], err))
				return -1;
	}
	return finish_document(l, d, err);
}

static int take_value(void *loader, const struct json_value *v, struct error *err)
{
	struct document d = {0};
	int ret = take_members(loader, &d, v, err);

	vec_free(&d.fields);
	return ret;
}

/* Items alone, as jq prints them. */
static int read_bare_array(struct model_loader *l, struct error *err)
{
	struct document d = {.kube_items = true};
	int ret;

	vec_push(&d.fields,
	    (struct json_value){.key = "kind", .type = JSON_STRING, .string = "List"});
	ret = walk_array(l, &d, "items", err);
	if (!ret)
		ret = finish_document(l, &d, err);
	vec_free(&d.fields);
	return ret;
}

static int read_document(struct model_loader *l, struct error *err)
{
	struct document d = {0};
	int ret;

	if (json_reader_peek(&l->reader) == '[')
		return read_bare_array(l, err);
	d.arena = arena_new();
	ret = walk_members(l, &d, err);
	if (!ret)
		ret = finish_document(l, &d, err);
	vec_free(&d.fields);
	arena_free(d.arena);
	return ret;
}

/* "---", a comment or a field name begins it; a JSON text, none of these. */
static bool looks_like_yaml(int c)
{
	return c == '-' || c == '#' || c == '%' || (c < 128 && isalpha(c));
}

static int read_yaml(struct model_loader *l, struct error *err)
{
	struct strbuf text = {0};
	int ret = json_reader_rest(&l->reader, &text, err);

	if (!ret)
		ret = yaml_values_read(
		    l->reader.name, strbuf_str(&text), text.len, take_value, l, err);
	strbuf_free(&text);
	return ret;
}

static int read_documents(struct model_loader *l, struct error *err)
{
	struct json_reader *r = &l->reader;
	size_t before = l->n_documents;

	if (!l->page && looks_like_yaml(json_reader_peek(r)) && read_yaml(l, err))
		return -1;
	while (json_reader_peek(r) != EOF)
		if (read_document(l, err))
			return -1;
	if (json_reader_status(r, err))
		return -1;
	if (l->n_documents == before)
		return error_set(err, ERR_INPUT, 0, "%s: is empty", r->name);
	if (l->unfinished.n)
		return error_set(err, ERR_INPUT, 0,
		    "%s: %s: metadata.continue: the list goes on and is not here as a "
		    "whole; get it without a limit",
		    r->name, l->unfinished.v[0]);
	/* Taken for an empty cluster, a list of pods would remove every service. */
	if (!l->n_taken && l->other_kind)
		return error_set(err, ERR_INPUT, 0,
		    "%s: holds no Service, EndpointSlice or Node, only things like %s",
		    r->name, l->other_kind);
	return 0;
}

struct model_loader *model_loader_new(struct notes *notes)
{
	struct model_loader *l = xcalloc(1, sizeof(*l));

	l->notes = notes;
	l->builder = model_builder_new();
	l->kube = kube_new(l->builder, notes);
	return l;
}

void model_loader_free(struct model_loader *l)
{
	if (!l)
		return;
	json_reader_close(&l->reader);
	kube_free(l->kube);
	model_builder_free(l->builder);
	free(l->other_kind);
	for (size_t i = 0; i < l->unfinished.n; i++)
		free(l->unfinished.v[i]);
	vec_free(&l->unfinished);
	free(l->more);
	free(l);
}

int model_loader_add_page(struct model_loader *l, FILE *f, const char *name,
    const char *kind, char **more, struct error *err)
{
	int ret;

	json_reader_begin(&l->reader, f, name);
	l->page = kind;
	ret = read_documents(l, err);
	json_reader_close(&l->reader);
	if (ret)
		return -1;
	*more = l->more;
	l->more = NULL;
	return 0;
}

int model_loader_finish(
    struct model_loader *l, const char *name, struct model **ret, struct error *err)
{
	if (kube_finish(l->kube, name, err) ||
	    model_builder_freeze(l->builder, name, ret, err))
		return -1;
	model_note_shared(*ret, l->notes);
	return 0;
}

int model_load(
    const char *path, struct model **ret, struct notes *notes, struct error *err)
{
	AUTO(model_loader) struct model_loader *l = model_loader_new(notes);

	if (json_reader_open(&l->reader, path, err) || read_documents(l, err))
		return -1;
	return model_loader_finish(l, l->reader.name, ret, err);
}
