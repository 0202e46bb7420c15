/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * KubeProxyConfiguration v1alpha1 to conf: every field is known, those that have a
 * meaning for a mode are kept. The fields that say how kube-proxy itself runs are only
 * checked. Where in a file it is, is left to conf_load_yaml.c.
 */
#include "config.h"

#include "model/conf_fields.h"

#include "base/vec.h"

#include <stdio.h>
#include <string.h>

struct reader {
	struct conf *conf;
	struct notes *notes;
	const char *where; /* the file, and in a ConfigMap the key */
	const struct tree *tree;
};

/* How a field is written, and what it is good for. */
enum type {
	T_ANY, /* accepted as it is */
	T_STRING,
	T_BOOL,
	T_INT,
	T_DURATION, /* "15m0s"; kept in seconds */
	T_MAP,	    /* its own table of fields */
	T_SPECIAL,  /* read by take */
};

struct key {
	const char *name;
	enum type type;
	size_t offset; /* in struct conf; 0: checked, not kept (no field lies there) */
	const struct key *keys; /* T_MAP */
	/* T_SPECIAL: false if the value makes no sense. */
	bool (*take)(struct reader *r, const char *path, const yaml_node_t *value);
	const char *expect; /* T_SPECIAL: what would make sense */
};

static const char *expected(const struct key *k)
{
	switch (k->type) {
	case T_STRING:
		return "a text";
	case T_BOOL:
		return "true or false";
	case T_INT:
		return "a whole number";
	case T_DURATION:
		return "a duration like 15m0s";
	case T_MAP:
		return "a mapping";
	case T_ANY:
	case T_SPECIAL:
		break;
	}
	return k->expect;
}

/* value NULL: what is wrong is no scalar. */
static void warn(
    const struct reader *r, const char *path, const char *value, const char *text)
{
	char about[512];

	snprintf(about, sizeof(about), "%s: %s", r->where, path);
	if (value)
		notes_add(r->notes, NOTE_WARNING, about, "'%.60s' %s", value, text);
	else
		notes_add(r->notes, NOTE_WARNING, about, "%s", text);
}

static void warn_value(const struct reader *r, const struct key *k, const char *path,
    const yaml_node_t *value)
{
	char text[128];

	snprintf(text, sizeof(text), "is not %s, the default is kept", expected(k));
	warn(r, path, value->type == YAML_SCALAR_NODE ? tree_text(value) : NULL, text);
}

/* A list of texts as prefixes; what is none is warned of and left out. */
struct prefix_list {
	VEC(struct prefix) list;
};

static void add_prefix(
    struct reader *r, struct prefix_list *out, const char *path, const char *text)
{
	struct prefix p;

	if (cidr_parse_kube(text, &p))
		vec_push(&out->list, p);
	else
		warn(r, path, text, "is not a CIDR, ignored");
}

static void keep_prefixes(
    struct reader *r, struct prefix_list *in, const struct prefix **list, size_t *n)
{
	vec_take(&in->list, r->conf->arena, *list, *n);
}

/* primary: where the word of that name is allowed; NULL elsewhere. */
static bool take_prefixes(struct reader *r, const char *path, const yaml_node_t *value,
    bool *primary, const struct prefix **list, size_t *n)
{
	struct prefix_list out = {0};
	const yaml_node_t *item;

	if (value->type != YAML_SEQUENCE_NODE)
		return false;
	for (size_t i = 0; tree_item(r->tree, value, i, &item); i++) {
		if (item->type != YAML_SCALAR_NODE)
			warn(r, path, NULL, "an element is not a text, ignored");
		else if (primary && !strcmp(tree_text(item), "primary"))
			*primary = true;
		else
			add_prefix(r, &out, path, tree_text(item));
	}
	keep_prefixes(r, &out, list, n);
	return true;
}

static bool take_node_port_addresses(
    struct reader *r, const char *path, const yaml_node_t *value)
{
	struct conf *c = r->conf;
	bool primary = false;

	if (!take_prefixes(
		r, path, value, &primary, &c->node_port_addrs, &c->n_node_port_addrs))
		return false;
	if (primary && c->n_node_port_addrs) {
		warn(r, path, NULL, "'primary' must be the only element, ignored");
		primary = false;
	}
	c->node_port_primary = primary;
	return true;
}

static bool take_exclude_cidrs(
    struct reader *r, const char *path, const yaml_node_t *value)
{
	return take_prefixes(
	    r, path, value, NULL, &r->conf->exclude_cidrs, &r->conf->n_exclude_cidrs);
}

/* One text with commas. */
static bool take_cluster_cidr(
    struct reader *r, const char *path, const yaml_node_t *value)
{
	struct prefix_list out = {0};
	char *copy, *save = NULL;

	if (tree_type(value) != TREE_TEXT)
		return false;
	copy = xstrdup(tree_text(value));
	for (char *p = strtok_r(copy, ", ", &save); p; p = strtok_r(NULL, ", ", &save))
		add_prefix(r, &out, path, p);
	free(copy);
	keep_prefixes(r, &out, &r->conf->cluster_cidrs, &r->conf->n_cluster_cidrs);
	return true;
}

static bool take_detect_mode(struct reader *r, const char *path, const yaml_node_t *value)
{
	(void)path;
	if (tree_type(value) != TREE_TEXT)
		return false;
	if (!tree_text(value)[0])
		return true;
	for (enum detect_local d = 0; d < DETECT_COUNT; d++)
		if (!strcmp(tree_text(value), conf_detect_name(d))) {
			r->conf->detect_local = d;
			return true;
		}
	return false;
}

static bool take_bind_address(
    struct reader *r, const char *path, const yaml_node_t *value)
{
	(void)path;
	if (tree_type(value) != TREE_TEXT)
		return false;
	return !tree_text(value)[0] ||
	       addr_parse_kube(tree_text(value), &r->conf->bind_address);
}

static bool take_masquerade_bit(
    struct reader *r, const char *path, const yaml_node_t *value)
{
	long long bit;

	(void)path;
	if (!tree_int(value, &bit) || bit < 0 || bit > 31)
		return false;
	r->conf->masquerade_bit = (unsigned)bit;
	return true;
}

static bool take_scheduler(struct reader *r, const char *path, const yaml_node_t *value)
{
	(void)path;
	/* IP_VS_SCHEDNAME_MAXLEN is 16 with the NUL. */
	if (tree_type(value) != TREE_TEXT || strlen(tree_text(value)) > 15)
		return false;
	if (tree_text(value)[0])
		r->conf->scheduler = arena_strdup(r->conf->arena, tree_text(value));
	return true;
}

/* The gates that the program does not know are nothing to it. */
static bool take_feature_gates(
    struct reader *r, const char *path, const yaml_node_t *value)
{
	const yaml_node_t *name, *on;
	bool flag;

	if (value->type != YAML_MAPPING_NODE)
		return false;
	for (size_t i = 0; tree_pair(r->tree, value, i, &name, &on); i++)
		for (enum gate g = 0; g < GATE_COUNT; g++) {
			if (strcmp(gate_name(g), tree_text(name)) != 0)
				continue;
			if (tree_bool(on, &flag))
				r->conf->gates[g] = flag ? GATE_ON : GATE_OFF;
			else
				warn(r, path, tree_text(name), "is not true or false");
		}
	return true;
}

static bool take_hostname(struct reader *r, const char *path, const yaml_node_t *value)
{
	(void)path;
	if (tree_type(value) != TREE_TEXT)
		return false;
	if (tree_text(value)[0])
		r->conf->hostname_override =
		    arena_strdup(r->conf->arena, tree_text(value));
	return true;
}

#define IN(member) .offset = offsetof(struct conf, member)
#define SPECIAL(function, text) .type = T_SPECIAL, .take = (function), .expect = (text)
#define MAP(table) .type = T_MAP, .keys = (table)

static const struct key client_keys[] = {
    {"acceptContentTypes", .type = T_STRING},
    {"burst", .type = T_INT},
    {"contentType", .type = T_STRING},
    {"kubeconfig", .type = T_STRING},
    {"qps", .type = T_ANY}, /* a float */
    {0},
};

static const struct key conntrack_keys[] = {
    {"max", .type = T_INT},
    {"maxPerCore", .type = T_INT},
    {"min", .type = T_INT},
    {"tcpBeLiberal", .type = T_BOOL, IN(tcp_be_liberal)},
    {"tcpCloseWaitTimeout", .type = T_DURATION},
    {"tcpEstablishedTimeout", .type = T_DURATION},
    {"udpStreamTimeout", .type = T_DURATION},
    {"udpTimeout", .type = T_DURATION},
    {0},
};

static const struct key detect_keys[] = {
    {"bridgeInterface", .type = T_STRING, IN(bridge)},
    {"interfaceNamePrefix", .type = T_STRING, IN(interface_prefix)},
    {0},
};

static const struct key iptables_keys[] = {
    {"localhostNodePorts", .type = T_BOOL, IN(localhost_node_ports)},
    {"masqueradeAll", .type = T_BOOL, IN(masquerade_all)},
    {"masqueradeBit", SPECIAL(take_masquerade_bit, "a bit number from 0 to 31")},
    {"minSyncPeriod", .type = T_DURATION},
    {"syncPeriod", .type = T_DURATION},
    {0},
};

static const struct key ipvs_keys[] = {
    {"excludeCIDRs", SPECIAL(take_exclude_cidrs, "a list of CIDRs")},
    {"minSyncPeriod", .type = T_DURATION},
    {"scheduler", SPECIAL(take_scheduler, "the name of a scheduler")},
    {"strictARP", .type = T_BOOL, IN(strict_arp)},
    {"syncPeriod", .type = T_DURATION},
    {"tcpFinTimeout", .type = T_DURATION, IN(tcpfin_timeout)},
    {"tcpTimeout", .type = T_DURATION, IN(tcp_timeout)},
    {"udpTimeout", .type = T_DURATION, IN(udp_timeout)},
    {0},
};

static const struct key nftables_keys[] = {
    {"masqueradeAll", .type = T_BOOL},
    {"masqueradeBit", .type = T_INT},
    {"minSyncPeriod", .type = T_DURATION},
    {"syncPeriod", .type = T_DURATION},
    {0},
};

static const struct key winkernel_keys[] = {
    {"enableDSR", .type = T_BOOL},
    {"forwardHealthCheckVip", .type = T_BOOL},
    {"networkName", .type = T_STRING},
    {"rootHnsEndpointName", .type = T_STRING},
    {"sourceVip", .type = T_STRING},
    {0},
};

static const struct key root_keys[] = {
    {"apiVersion", .type = T_STRING},
    {"bindAddress", SPECIAL(take_bind_address, "an IP address")},
    {"bindAddressHardFail", .type = T_BOOL},
    {"clientConnection", MAP(client_keys)},
    {"clusterCIDR", SPECIAL(take_cluster_cidr, "a text with CIDRs")},
    {"configSyncPeriod", .type = T_DURATION},
    {"conntrack", MAP(conntrack_keys)},
    {"detectLocal", MAP(detect_keys)},
    {"detectLocalMode",
	SPECIAL(take_detect_mode,
	    "ClusterCIDR, NodeCIDR, BridgeInterface or InterfaceNamePrefix")},
    {"enableProfiling", .type = T_BOOL},
    {"featureGates", SPECIAL(take_feature_gates, "a mapping of true and false")},
    {"healthzBindAddress", .type = T_STRING},
    {"healthzPort", .type = T_INT},
    {"hostnameOverride", SPECIAL(take_hostname, "a text")},
    {"iptables", MAP(iptables_keys)},
    {"ipvs", MAP(ipvs_keys)},
    {"kind", .type = T_STRING},
    {"linux", .type = T_ANY}, /* of later versions, as windows */
    {"logging", .type = T_ANY},
    {"metricsBindAddress", .type = T_STRING},
    {"metricsPort", .type = T_INT},
    {"mode", .type = T_STRING, IN(mode)},
    {"nftables", MAP(nftables_keys)},
    {"nodePortAddresses", SPECIAL(take_node_port_addresses, "a list of CIDRs")},
    {"oomScoreAdj", .type = T_INT},
    {"portRange", .type = T_STRING},
    {"resourceContainer",
	.type = T_STRING}, /* removed in 1.2x, still in old ConfigMaps */
    {"showHiddenMetricsForVersion", .type = T_STRING},
    {"udpIdleTimeout", .type = T_DURATION}, /* as resourceContainer */
    {"windows", .type = T_ANY},
    {"windowsRunAsService", .type = T_BOOL},
    {"winkernel", MAP(winkernel_keys)},
    {0},
};

static void *slot(const struct reader *r, const struct key *k)
{
	return (char *)r->conf + k->offset;
}

static void read_map(
    struct reader *r, const char *prefix, const yaml_node_t *map, const struct key *keys);

/* false: the value has the wrong type or makes no sense. */
static bool read_value(
    struct reader *r, const struct key *k, const char *path, const yaml_node_t *v)
{
	long long number;
	uint32_t seconds;
	bool flag;

	switch (k->type) {
	case T_ANY:
		return true;
	case T_STRING:
		if (tree_type(v) != TREE_TEXT)
			return false;
		if (k->offset)
			*(const char **)slot(r, k) =
			    arena_strdup(r->conf->arena, tree_text(v));
		return true;
	case T_BOOL:
		if (!tree_bool(v, &flag))
			return false;
		if (k->offset)
			*(bool *)slot(r, k) = flag;
		return true;
	case T_INT:
		return tree_int(v, &number);
	case T_DURATION:
		if (!tree_duration(v, &seconds))
			return false;
		if (k->offset)
			*(uint32_t *)slot(r, k) = seconds;
		return true;
	case T_MAP:
		if (v->type != YAML_MAPPING_NODE)
			return false;
		read_map(r, path, v, k->keys);
		return true;
	case T_SPECIAL:
		return k->take(r, path, v);
	}
	return false;
}

static void read_map(
    struct reader *r, const char *prefix, const yaml_node_t *map, const struct key *keys)
{
	const yaml_node_t *name, *value;
	char path[256];

	for (size_t i = 0; tree_pair(r->tree, map, i, &name, &value); i++) {
		const struct key *k = keys;

		snprintf(path, sizeof(path), prefix[0] ? "%s.%s" : "%s%s", prefix,
		    tree_text(name));
		while (k->name && strcmp(k->name, tree_text(name)) != 0)
			k++;
		if (!k->name)
			warn(r, path, NULL, "there is no such field, ignored");
		else if (tree_type(value) != TREE_NULL && !read_value(r, k, path, value))
			warn_value(r, k, path, value);
	}
}

void conf_take_fields(struct conf *c, const char *where, const struct tree *t,
    const yaml_node_t *map, struct notes *notes)
{
	struct reader r = {.conf = c, .notes = notes, .where = where, .tree = t};

	read_map(&r, "", map, root_keys);
}
