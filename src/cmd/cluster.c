/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -f cluster: the lists of the API server, page by page, each handed to the loader as it
 * comes, so that no more than a page is in memory beside the model.
 */
#include "config.h"

#include "cmd/cluster.h"

#include "cmd/http.h"
#include "model/kube_status.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define PAGE "500"
/* How often a list may get too old while it is read, and how often the server may say
 * that it is busy. */
#define MAX_STARTS 5
#define MAX_BUSY 5
#define MAX_RETRY_SECONDS 10

enum http_status {
	HTTP_OK = 200,
	HTTP_UNAUTHORIZED = 401,
	HTTP_FORBIDDEN = 403,
	HTTP_NOT_FOUND = 404,
	HTTP_GONE = 410,
	HTTP_TOO_MANY = 429,
	HTTP_UNAVAILABLE = 503,
};

static const struct list {
	const char *path, *kind;
} lists[] = {
    {"/api/v1/services?limit=" PAGE, "ServiceList"},
    {"/apis/discovery.k8s.io/v1/endpointslices?limit=" PAGE, "EndpointSliceList"},
    {"/api/v1/nodes?limit=" PAGE, "NodeList"},
};

struct client {
	struct kubeconfig *config;
	struct http *http;
	struct answer answer;
	bool gone; /* the list was too old to go on */
};

static int refused(const struct client *c, struct error *err)
{
	const struct answer *a = &c->answer;
	char said[400], advice[400] = "";

	kube_status_text(strbuf_str(&a->body), a->body.len, said, sizeof(said));
	if (a->status == HTTP_UNAUTHORIZED)
		snprintf(advice, sizeof(advice), "; the credentials are those of %s",
		    c->config->origin);
	else if (a->status == HTTP_FORBIDDEN)
		snprintf(advice, sizeof(advice),
		    "; needed is a ClusterRole with the verb list on services, nodes and "
		    "endpointslices.discovery.k8s.io, for the user of %s",
		    c->config->origin);
	else if (a->status == HTTP_NOT_FOUND)
		snprintf(advice, sizeof(advice),
		    "; is %s, server of %s, an API server of Kubernetes 1.21 or later?",
		    c->config->server, c->config->origin);
	return error_set(err, ERR_INPUT, 0, "%s: HTTP status %ld%s%s%s",
	    strbuf_str(&a->url), a->status, *said ? ": " : "", said, advice);
}

/* Busy, and it says for how long. */
static bool wait_until_ready(const struct answer *a)
{
	struct timespec ts = {.tv_sec = a->retry_after};

	if ((a->status != HTTP_TOO_MANY && a->status != HTTP_UNAVAILABLE) ||
	    a->retry_after <= 0)
		return false;
	if (ts.tv_sec > MAX_RETRY_SECONDS)
		ts.tv_sec = MAX_RETRY_SECONDS;
	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
	return true;
}

static int fetch(struct client *c, const char *path, const char *from, struct error *err)
{
	for (int busy = 0;; busy++) {
		if (http_get(c->http, path, "continue", from, &c->answer, err))
			return -1;
		if (busy == MAX_BUSY || !wait_until_ready(&c->answer))
			break;
	}
	if (c->answer.status == HTTP_OK)
		return 0;
	c->gone = from && c->answer.status == HTTP_GONE;
	return refused(c, err);
}

static int add_page(struct client *c, struct model_loader *l, const char *kind,
    char **more, struct error *err)
{
	struct strbuf *body = &c->answer.body;
	FILE *f;

	if (!body->len)
		return error_set(err, ERR_INPUT, 0, "%s: the answer is empty",
		    strbuf_str(&c->answer.url));
	f = fmemopen(body->s, body->len, "r");
	if (!f)
		return error_set(err, ERR_KERNEL, errno, "cannot read an answer");
	return model_loader_add_page(l, f, strbuf_str(&c->answer.url), kind, more, err);
}

static int read_list(
    struct client *c, struct model_loader *l, const struct list *list, struct error *err)
{
	char *from = NULL, *more;
	int ret;

	do {
		more = NULL;
		ret = fetch(c, list->path, from, err);
		if (!ret)
			ret = add_page(c, l, list->kind, &more, err);
		free(from);
		from = more;
	} while (!ret && from);
	free(from);
	return ret;
}

static int read_lists(
    struct client *c, struct model **ret, struct notes *notes, struct error *err)
{
	AUTO(model_loader) struct model_loader *l = model_loader_new(notes);

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (read_list(c, l, &lists[i], err))
			return -1;
	return model_loader_finish(l, c->config->server, ret, err);
}

/* What the loader has taken cannot be taken back: when a list got too old while it was
 * read, which takes minutes, all of it is read anew. */
static int read_until_whole(
    struct client *c, struct model **ret, struct notes *notes, struct error *err)
{
	size_t n_notes = notes->list.n;

	for (int start = 1;; start++) {
		c->gone = false;
		if (!read_lists(c, ret, notes, err))
			return 0;
		if (!c->gone || start == MAX_STARTS)
			return -1;
		notes_trim(notes, n_notes);
		error_clear(err);
	}
}

int cluster_load(const char *kubeconfig, double seconds, struct model **ret,
    struct notes *notes, struct error *err)
{
	AUTO(kubeconfig) struct kubeconfig *config = NULL;
	AUTO(http) struct http *http = NULL;
	struct client c = {0};
	int rc;

	if (kubeconfig_load(kubeconfig, &config, err) ||
	    http_open(config, seconds, &http, err))
		return -1;
	c.config = config;
	c.http = http;
	rc = read_until_whole(&c, ret, notes, err);
	answer_free(&c.answer);
	return rc;
}
