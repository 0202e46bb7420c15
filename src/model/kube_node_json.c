/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What kube-proxy wants to know of a Node. */
#include "config.h"

#include "model/kube_json.h"

#include <string.h>

#define LABEL_ZONE "topology.kubernetes.io/zone"

/* Appends the addresses of one type, of these families. What is no address kube-proxy
 * skips: the API server takes any text, and nodes of no machine have an empty one. */
static int read_addr_type(struct kube *k, const struct field *list, const char *type,
    unsigned families, struct model_node *node, struct addr *out, struct error *err)
{
	struct field item;

	for (size_t i = 0; i < field_count(list); i++) {
		const char *is = NULL, *text = NULL;
		struct addr a;

		if (field_item_object(list, i, &item, err) ||
		    field_string(&item, "type", &is, err))
			return -1;
		if (!is || strcmp(is, type) != 0)
			continue;
		if (field_string(&item, "address", &text, err))
			return -1;
		if (!text || !*text)
			continue;
		if (!addr_parse_kube(text, &a))
			notes_add(k->notes, NOTE_WARNING, node->name,
			    "its %s '%s' is no IP address, ignored", type, text);
		else if (families & FAMILY_BIT(addr_family(&a)))
			out[node->n_addrs++] = a;
	}
	return 0;
}

/* As kube-proxy: an external address only where there is no internal one of its family.
 */
static int read_node_addrs(struct kube *k, const struct field *status,
    struct model_node *node, struct error *err)
{
	unsigned missing = FAMILY_BOTH;
	struct field list;
	struct addr *out;

	if (field_array(status, "addresses", &list, err))
		return -1;
	out =
	    arena_array(model_builder_arena(k->builder), struct addr, field_count(&list));
	node->addrs = out;
	if (read_addr_type(k, &list, "InternalIP", FAMILY_BOTH, node, out, err))
		return -1;
	for (size_t i = 0; i < node->n_addrs; i++)
		missing &= ~FAMILY_BIT(addr_family(&out[i]));
	return missing ? read_addr_type(k, &list, "ExternalIP", missing, node, out, err)
		       : 0;
}

static int read_pod_cidrs(
    struct kube *k, const struct field *spec, struct model_node *node, struct error *err)
{
	struct field list;
	struct prefix *out;
	const char *s = NULL;
	size_t n;

	if (field_array(spec, "podCIDRs", &list, err) ||
	    field_string(spec, "podCIDR", &s, err))
		return -1;
	n = field_count(&list);
	out = arena_array(model_builder_arena(k->builder), struct prefix, n + 1);
	node->pod_cidrs = out;
	for (size_t i = 0; i < n; i++) {
		struct field item = field_item(&list, i);

		if (field_item_string(&list, i, &s, err))
			return -1;
		if (!cidr_parse_kube(s, &out[node->n_pod_cidrs++]))
			return field_error(&item, NULL, err, "'%s' is not a CIDR", s);
	}
	if (!n && s && s[0] && !cidr_parse_kube(s, &out[node->n_pod_cidrs++]))
		return field_error(spec, "podCIDR", err, "'%s' is not a CIDR", s);
	return 0;
}

static int read_node(
    struct kube *k, const struct field *root, const struct meta *meta, struct error *err)
{
	struct model_node node = {.name = model_builder_intern(k->builder, meta->name)};
	struct field spec, status, info;
	const char *zone = NULL, *version = NULL;

	if (field_object(root, "spec", &spec, err) ||
	    field_object(root, "status", &status, err) ||
	    field_object(&status, "nodeInfo", &info, err) ||
	    field_string(&info, "kubeletVersion", &version, err) ||
	    field_string(&meta->labels, LABEL_ZONE, &zone, err) ||
	    read_pod_cidrs(k, &spec, &node, err) ||
	    read_node_addrs(k, &status, &node, err))
		return -1;
	node.zone = model_builder_intern(k->builder, zone);
	node.kubelet_version =
	    version && version[0] ? model_builder_intern(k->builder, version) : NULL;
	model_builder_add_node(k->builder, &node);
	return 0;
}

int kube_add_node(struct kube *k, const struct field *root, struct error *err)
{
	struct meta meta;
	bool copy;

	if (kube_read_meta(root, &meta, err))
		return error_wrap(err, "Node");
	if (kube_read_once(k, "Node", &meta, &copy, err))
		return error_wrap(err, "Node %s", meta.name);
	if (copy)
		return 0;
	if (read_node(k, root, &meta, err))
		return error_wrap(err, "Node %s", meta.name);
	return 0;
}
