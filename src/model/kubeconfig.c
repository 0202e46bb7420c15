/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds the API server as client-go's loading rules do. What a kubeconfig says is left to
 * kubeconfig_yaml.c, asking the server to cmd/.
 */
#include "config.h"

#include "model/kubeconfig.h"

#include "base/file.h"
#include "base/vec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"
#define BLANKS " \t\r\n"

struct paths {
	VEC(const char *) list;
};

void kubeconfig_free(struct kubeconfig *k)
{
	if (k)
		arena_free(k->arena);
}

const char *kubeconfig_read_token(
    struct kubeconfig *k, const char *path, struct error *err)
{
	struct strbuf text = {0};
	const char *begin, *ret = NULL;
	size_t n;

	if (!file_read(path, &text, err)) {
		begin = strbuf_str(&text);
		begin += strspn(begin, BLANKS);
		n = strcspn(begin, BLANKS);
		if (n && !begin[n + strspn(begin + n, BLANKS)])
			ret = arena_strndup(k->arena, begin, n);
		else
			error_set(
			    err, ERR_INPUT, 0, "%s: must be one word, the token", path);
	}
	strbuf_free(&text);
	return ret;
}

/* kubectl passes over those that are not there. */
static void add_if_there(struct paths *p, const char *path)
{
	if (*path && !access(path, F_OK))
		vec_push(&p->list, path);
}

static void find_files(struct kubeconfig *k, struct paths *p)
{
	const char *several = getenv("KUBECONFIG"), *home = getenv("HOME");
	char *save = NULL, *copy;

	if (several && *several) {
		copy = arena_strdup(k->arena, several);
		for (char *s = strtok_r(copy, ":", &save); s;
		     s = strtok_r(NULL, ":", &save))
			add_if_there(p, s);
	} else if (home && *home) {
		add_if_there(p, arena_printf(k->arena, "%s/.kube/config", home));
	}
}

static int read_service_account(struct kubeconfig *k, struct error *err)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	struct strbuf ca = {0};
	int ret;

	if (!host || !*host || !port || !*port || access(ACCOUNT "token", F_OK))
		return error_set(err, ERR_INPUT, 0,
		    "no API server: there is neither $KUBECONFIG nor ~/.kube/config, and this "
		    "is no pod with a service account; name a file with --kubeconfig");
	k->origin = "the pod's service account";
	k->server = arena_printf(k->arena,
	    strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
	k->token = kubeconfig_read_token(k, ACCOUNT "token", err);
	if (!k->token)
		return -1;
	ret = file_read(ACCOUNT "ca.crt", &ca, err);
	k->ca = arena_strdup(k->arena, strbuf_str(&ca));
	strbuf_free(&ca);
	return ret;
}

int kubeconfig_load(const char *path, struct kubeconfig **ret, struct error *err)
{
	struct arena *arena = arena_new();
	struct kubeconfig *k = arena_new_of(arena, struct kubeconfig);
	struct paths p = {0};
	int rc;

	k->arena = arena;
	if (path)
		vec_push(&p.list, path);
	else
		find_files(k, &p);
	rc = p.list.n ? kubeconfig_read(k, p.list.v, p.list.n, err)
		      : read_service_account(k, err);
	vec_free(&p.list);
	if (rc)
		kubeconfig_free(k);
	else
		*ret = k;
	return rc;
}
