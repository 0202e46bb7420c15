/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kubeconfig files: the current context, its cluster and its user, and the certificates
 * that these name. Fields that would change who asks, and that are not spoken here, are
 * errors; others that nothing is known of are not, as in kubectl.
 */
#include "config.h"

#include "model/kubeconfig.h"
#include "model/tree_yaml.h"

#include "base/base64.h"
#include "base/file.h"

#include <stdio.h>
#include <string.h>

struct config_file {
	const char *path;
	struct strbuf text;
	struct tree *tree;
};

struct reader {
	struct kubeconfig *k;
	struct config_file *files;
	size_t n;
};

/* A mapping and how messages call it. */
struct place {
	const struct config_file *file;
	const yaml_node_t *map; /* NULL: an empty one */
	char name[320];
};

static int open_file(struct config_file *f, const char *path, struct error *err)
{
	struct tree_source *src;
	int ret;

	f->path = path;
	if (file_read(path, &f->text, err))
		return -1;
	if (tree_source_open(path, strbuf_str(&f->text), f->text.len, &src, err))
		return -1;
	ret = tree_source_next(src, &f->tree, err);
	tree_source_free(src);
	if (ret)
		return -1;
	if (!f->tree || tree_root(f->tree)->type != YAML_MAPPING_NODE)
		return error_set(err, ERR_INPUT, 0,
		    "%s: line 1: must be a mapping, with clusters, users and contexts",
		    path);
	return 0;
}

static const yaml_node_t *member(const struct place *p, const char *key)
{
	const yaml_node_t *v = p->map ? tree_member(p->file->tree, p->map, key) : NULL;

	return v && tree_type(v) != TREE_NULL ? v : NULL;
}

static int field_fail(
    const struct place *p, const char *key, const char *text, struct error *err)
{
	const yaml_node_t *v = member(p, key);

	if (!v)
		return error_set(
		    err, ERR_INPUT, 0, "%s: %s%s: %s", p->file->path, p->name, key, text);
	return error_set(err, ERR_INPUT, 0, "%s: line %zu: %s%s: %s", p->file->path,
	    tree_line(v), p->name, key, text);
}

/* *ret stays as it is where there is none, or an empty one. */
static int take_text(struct reader *r, const struct place *p, const char *key,
    const char **ret, struct error *err)
{
	const yaml_node_t *v = member(p, key);

	if (!v)
		return 0;
	if (tree_type(v) != TREE_TEXT)
		return field_fail(p, key, "must be a text", err);
	if (*tree_text(v))
		*ret = arena_strdup(r->k->arena, tree_text(v));
	return 0;
}

static int take_bool(const struct place *p, const char *key, bool *ret, struct error *err)
{
	const yaml_node_t *v = member(p, key);

	if (v && !tree_bool(v, ret))
		return field_fail(p, key, "must be true or false", err);
	return 0;
}

/* Paths are relative to the file that they stand in. */
static int take_path(struct reader *r, const struct place *p, const char *key,
    const char **ret, struct error *err)
{
	const char *path = NULL, *slash = strrchr(p->file->path, '/');

	if (take_text(r, p, key, &path, err))
		return -1;
	if (!path)
		return 0;
	*ret = *path == '/' || !slash
		   ? path
		   : arena_printf(r->k->arena, "%.*s/%s", (int)(slash - p->file->path),
			 p->file->path, path);
	return 0;
}

/* KEY-data before the file that KEY names. */
static int take_pem(struct reader *r, const struct place *p, const char *key,
    const char **ret, struct error *err)
{
	const char *data = NULL, *path = NULL;
	struct strbuf text = {0};
	char data_key[64];
	int rc;

	snprintf(data_key, sizeof(data_key), "%s-data", key);
	if (take_text(r, p, data_key, &data, err) || take_path(r, p, key, &path, err))
		return -1;
	if (data) {
		*ret = base64_text(r->k->arena, data);
		return *ret ? 0 : field_fail(p, data_key, "is not base64", err);
	}
	if (!path)
		return 0;
	rc = file_read(path, &text, err);
	if (rc)
		error_wrap(err, "%s: %s%s", p->file->path, p->name, key);
	else
		*ret = arena_strdup(r->k->arena, strbuf_str(&text));
	strbuf_free(&text);
	return rc;
}

/* client-go reads tokenFile again and again, and falls back to token where it cannot. */
static int take_token(struct reader *r, const struct place *p, struct error *err)
{
	struct kubeconfig *k = r->k;
	const char *path = NULL, *token;

	if (take_text(r, p, "token", &k->token, err) ||
	    take_path(r, p, "tokenFile", &path, err))
		return -1;
	if (!path)
		return 0;
	token = kubeconfig_read_token(k, path, k->token ? NULL : err);
	if (token)
		k->token = token;
	return k->token ? 0 : error_wrap(err, "%s: %stokenFile", p->file->path, p->name);
}

/* The entry called name of the list LISTs; its mapping is under the key LIST. */
static int find_entry(const struct reader *r, const char *list, const char *name,
    struct place *ret, struct error *err)
{
	char key[16];

	snprintf(key, sizeof(key), "%ss", list);
	for (size_t i = 0; i < r->n; i++) {
		const struct tree *t = r->files[i].tree;
		const yaml_node_t *all = tree_member(t, tree_root(t), key), *item;

		for (size_t j = 0; all && tree_item(t, all, j, &item); j++) {
			const yaml_node_t *n = tree_member(t, item, "name");

			if (!n || strcmp(tree_text(n), name) != 0)
				continue;
			*ret = (struct place){
			    .file = &r->files[i], .map = tree_member(t, item, list)};
			snprintf(
			    ret->name, sizeof(ret->name), "%s[%s].%s.", key, name, list);
			return 0;
		}
	}
	return error_set(err, ERR_INPUT, 0, "%s: %s: there is none of the name '%s'",
	    r->files[0].path, key, name);
}

static int find_context(struct reader *r, struct place *ret, struct error *err)
{
	const char *name = NULL;

	for (size_t i = 0; i < r->n && !name; i++) {
		struct place root = {
		    .file = &r->files[i], .map = tree_root(r->files[i].tree)};

		if (take_text(r, &root, "current-context", &name, err))
			return -1;
	}
	if (!name)
		return error_set(err, ERR_INPUT, 0, "%s: current-context: is not set",
		    r->files[0].path);
	if (find_entry(r, "context", name, ret, err))
		return -1;
	r->k->origin = arena_printf(r->k->arena, "%s, context %s", ret->file->path, name);
	return 0;
}

/* What follows the scheme, if there is one. */
static const char *host_of(const char *server)
{
	const char *scheme = strstr(server, "://");

	return scheme ? scheme + strlen("://") : server;
}

/* As client-go: without a scheme it is https as soon as something speaks for TLS. */
static void tidy_server(struct kubeconfig *k)
{
	size_t n = strlen(k->server);

	while (n && k->server[n - 1] == '/')
		n--;
	k->server = arena_printf(k->arena, "%s%.*s",
	    host_of(k->server) != k->server   ? ""
	    : k->ca || k->cert || k->insecure ? "https://"
					      : "http://",
	    (int)n, k->server);
}

static int read_cluster(struct reader *r, const struct place *p, struct error *err)
{
	struct kubeconfig *k = r->k;

	if (take_text(r, p, "server", &k->server, err) ||
	    take_text(r, p, "tls-server-name", &k->tls_server_name, err) ||
	    take_text(r, p, "proxy-url", &k->proxy, err) ||
	    take_bool(p, "insecure-skip-tls-verify", &k->insecure, err) ||
	    take_pem(r, p, "certificate-authority", &k->ca, err))
		return -1;
	if (!k->server)
		return field_fail(p, "server", "is not set", err);
	if (!host_of(k->server)[strspn(host_of(k->server), "/")])
		return field_fail(p, "server", "names no host", err);
	return 0;
}

static int read_user(struct reader *r, const struct place *p, struct error *err)
{
	static const struct {
		const char *key, *text;
	} refused[] = {
	    {"exec",
		"credentials that a program makes are not supported: take a token or "
		"a client certificate"},
	    {"auth-provider", "is not supported: take a token or a client certificate"},
	    {"as", "impersonation is not supported"},
	    {"as-uid", "impersonation is not supported"},
	    {"as-groups", "impersonation is not supported"},
	    {"as-user-extra", "impersonation is not supported"},
	};
	struct kubeconfig *k = r->k;

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (member(p, refused[i].key))
			return field_fail(p, refused[i].key, refused[i].text, err);
	if (take_pem(r, p, "client-certificate", &k->cert, err) ||
	    take_pem(r, p, "client-key", &k->key, err) || take_token(r, p, err) ||
	    take_text(r, p, "username", &k->username, err) ||
	    take_text(r, p, "password", &k->password, err))
		return -1;
	if (!k->cert != !k->key)
		return field_fail(p, k->cert ? "client-key" : "client-certificate",
		    "is not set: certificate and key belong together", err);
	return 0;
}

static int read_context(struct reader *r, struct error *err)
{
	struct place context, cluster, user;
	const char *cluster_name = NULL, *user_name = NULL;

	if (find_context(r, &context, err) ||
	    take_text(r, &context, "cluster", &cluster_name, err) ||
	    take_text(r, &context, "user", &user_name, err))
		return -1;
	if (!cluster_name)
		return field_fail(&context, "cluster", "is not set", err);
	if (find_entry(r, "cluster", cluster_name, &cluster, err) ||
	    read_cluster(r, &cluster, err))
		return -1;
	if (user_name &&
	    (find_entry(r, "user", user_name, &user, err) || read_user(r, &user, err)))
		return -1;
	tidy_server(r->k);
	return 0;
}

int kubeconfig_read(
    struct kubeconfig *k, const char *const *paths, size_t n, struct error *err)
{
	struct reader r = {.k = k, .n = n};
	int ret = 0;

	r.files = xcalloc(n, sizeof(*r.files));
	for (size_t i = 0; i < n && !ret; i++)
		ret = open_file(&r.files[i], paths[i], err);
	if (!ret)
		ret = read_context(&r, err);
	for (size_t i = 0; i < n; i++) {
		tree_free(r.files[i].tree);
		strbuf_free(&r.files[i].text);
	}
	free(r.files);
	return ret;
}
