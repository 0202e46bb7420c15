/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_KUBE_JSON_H
#define MODEL_KUBE_JSON_H

/* Between the kube_*_json.c files: what is kept of Kubernetes objects until they are joined. */

#include "model/model_load.h"

#include "base/strtab.h"
#include "base/vec.h"

/* Of service ports, all together: their addresses, and their endpoints. Either is the product
 * of two lists, so a small file may ask for more than there is memory. */
#define KUBE_ITEMS_MAX 1000000

struct slice_port {
	const char *name;
	uint8_t proto;
	uint16_t port;
	uint32_t place; /* in its slice, which has them sorted */
};

/* Endpoints without a port, and the ports that each of them has: an EndpointSlice, or the
 * ready or unready half of an Endpoints subset. */
struct slice {
	struct slice *next;
	struct slice_port *ports; /* by name and protocol */
	size_t n_ports;
	const struct endpoint *endpoints;
	size_t n_endpoints;
};

struct slice_list {
	struct slice *first, **tail;
};

/* What is known of one "namespace/name", in whatever order it came. */
struct entry {
	const char *key;
	bool has_slice; /* some EndpointSlice names it: Endpoints do not count */
	bool unmirrored; /* its Endpoints are not to become EndpointSlices */
	bool truncated;	 /* its Endpoints do not have all */
	struct service *ports;
	size_t n_ports;
	struct slice_list slices, legacy;
};

struct kube {
	struct model_builder *builder;
	struct notes *notes;
	const char *about; /* the service whose endpoints are read, for notes */
	struct arena *scratch; /* slices and entries: until kube_finish() */
	VEC(struct entry *) entries;
	struct entry **slots; /* open addressing, at most half used */
	size_t n_slots;
	size_t n_frontends, n_endpoints; /* up to KUBE_ITEMS_MAX */
	size_t n_slices, n_legacy;	 /* EndpointSlice and Endpoints objects */
	struct strtab objects; /* by kind and name; value: place in versions + 1 */
	VEC(const char *) versions;
};

/* metadata of the object at hand. */
struct meta {
	const char *ns, *name;
	const char *version; /* resourceVersion, or NULL */
	struct field metadata, labels, annotations;
};

/* -1: no name, or fields of wrong types. */
int kube_read_meta(const struct field *root, struct meta *m, struct error *err);
/* kube-proxy lists Services and EndpointSlices with the selectors "!label" of two labels. */
bool kube_belongs_to_others(const struct meta *m);
/* *copy: this object was there before, to the word: backups and overlapping listings hold
 * some twice. -1: it was, and may have said something else. */
int kube_read_once(struct kube *k, const char *kind, const struct meta *m, bool *copy,
    struct error *err);
/* The entry of that name, made where there is none. */
struct entry *kube_entry(struct kube *k, const char *ns, const char *name);

/* By name, protocol and place; a place of 0 comes first. */
int kube_compare_ports(const void *a, const void *b);

/* One object each; errors name it. */
int kube_add_service(struct kube *k, const struct field *root, struct error *err);
int kube_add_slice(struct kube *k, const struct field *root, struct error *err);
int kube_add_endpoints(struct kube *k, const struct field *root, struct error *err);
int kube_add_node(struct kube *k, const struct field *root, struct error *err);

#endif
