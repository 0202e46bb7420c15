/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The only place that knows libcurl: one connection to an API server, with the
 * certificates and credentials of a kubeconfig. What is asked and what the answers mean
 * is left to cluster.c.
 */
#include "config.h"

#include "cmd/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define CONNECT_SECONDS 10

enum pem { PEM_CA, PEM_CERT, PEM_KEY, PEM_COUNT };

struct http {
	const struct kubeconfig *k;
	CURL *curl;
	struct curl_slist *headers, *connect_to;
	const char *base; /* the URL that requests begin with */
	int pem[PEM_COUNT];
	char why[CURL_ERROR_SIZE];
};

DEFINE_AUTO(curl, char *, curl_free)

void answer_free(struct answer *a)
{
	strbuf_free(&a->url);
	strbuf_free(&a->body);
}

void http_close(struct http *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	curl_slist_free_all(h->headers);
	curl_slist_free_all(h->connect_to);
	for (int i = 0; i < PEM_COUNT; i++)
		if (h->pem[i] >= 0)
			close(h->pem[i]);
	free(h);
	curl_global_cleanup();
}

static size_t take_body(char *data, size_t size, size_t n, void *body)
{
	strbuf_addn(body, data, size * n);
	return size * n;
}

/* Every flavour of libcurl takes the path of a PEM file, some take nothing else; this one
 * is in memory alone. */
static int set_pem(
    struct http *h, enum pem i, CURLoption option, const char *text, struct error *err)
{
	size_t n = text ? strlen(text) : 0;
	char path[32];

	if (!text)
		return 0;
	h->pem[i] = memfd_create("pem", MFD_CLOEXEC);
	if (h->pem[i] < 0 || write(h->pem[i], text, n) != (ssize_t)n)
		return error_set(err, ERR_KERNEL, errno, "cannot keep a certificate");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", h->pem[i]);
	curl_easy_setopt(h->curl, option, path);
	return 0;
}

/*
 * tls-server-name is asked for and must be in the certificate, wherever the server is:
 * that is a URL of that name, and a connection to the server's own one.
 */
static int rename_server(struct http *h, struct error *err)
{
	AUTO(curl) char *host = NULL;
	AUTO(curl) char *port = NULL;
	AUTO(curl) char *renamed = NULL;
	struct arena *arena = h->k->arena;
	CURLU *u = curl_url();
	bool ok = u && !curl_url_set(u, CURLUPART_URL, h->k->server, 0) &&
		  !curl_url_get(u, CURLUPART_HOST, &host, 0) &&
		  !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) &&
		  !curl_url_set(u, CURLUPART_HOST, h->k->tls_server_name, 0) &&
		  !curl_url_get(u, CURLUPART_URL, &renamed, 0);

	curl_url_cleanup(u);
	if (!ok)
		return error_set(err, ERR_INPUT, 0,
		    "%s: server %s, tls-server-name %s: no such URL can be", h->k->origin,
		    h->k->server, h->k->tls_server_name);
	h->base = arena_strdup(arena, renamed);
	h->connect_to =
	    curl_slist_append(NULL, arena_printf(arena, "::%s:%s", host, port));
	h->headers =
	    curl_slist_append(h->headers, arena_printf(arena, "Host: %s:%s", host, port));
	curl_easy_setopt(h->curl, CURLOPT_CONNECT_TO, h->connect_to);
	return 0;
}

static int set_server(struct http *h, struct error *err)
{
	const struct kubeconfig *k = h->k;

	h->base = k->server;
	if (strncmp(k->server, "https://", 8) != 0 &&
	    strncmp(k->server, "http://", 7) != 0)
		return error_set(err, ERR_INPUT, 0,
		    "%s: server %s: is no URL of http or https", k->origin, k->server);
	if (k->proxy)
		curl_easy_setopt(h->curl, CURLOPT_PROXY, k->proxy);
	if (k->insecure) {
		curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (set_pem(h, PEM_CA, CURLOPT_CAINFO, k->ca, err) ||
	    set_pem(h, PEM_CERT, CURLOPT_SSLCERT, k->cert, err) ||
	    set_pem(h, PEM_KEY, CURLOPT_SSLKEY, k->key, err))
		return -1;
	/* Else the system's authorities would count beside the named one. */
	if (k->ca)
		curl_easy_setopt(h->curl, CURLOPT_CAPATH, NULL);
	return k->tls_server_name ? rename_server(h, err) : 0;
}

static int set_credentials(struct http *h, struct error *err)
{
	const struct kubeconfig *k = h->k;
	AUTO(mem) char *line = NULL;

	if (k->token) {
		for (const char *p = k->token; *p; p++)
			if (*p <= ' ' || *p > '~')
				return error_set(err, ERR_INPUT, 0,
				    "%s: the token has a character that no token has",
				    k->origin);
		if (asprintf(&line, "Authorization: Bearer %s", k->token) < 0)
			return error_set(err, ERR_KERNEL, errno, "no memory");
		h->headers = curl_slist_append(h->headers, line);
	} else if (k->username) {
		curl_easy_setopt(h->curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(h->curl, CURLOPT_USERNAME, k->username);
		curl_easy_setopt(
		    h->curl, CURLOPT_PASSWORD, k->password ? k->password : "");
	}
	return 0;
}

int http_open(
    const struct kubeconfig *k, double seconds, struct http **ret, struct error *err)
{
	struct http *h;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return error_set(err, ERR_KERNEL, 0, "libcurl cannot be set up");
	h = xcalloc(1, sizeof(*h));
	*h = (struct http){.k = k, .pem = {-1, -1, -1}, .curl = curl_easy_init()};
	if (!h->curl) {
		http_close(h);
		return error_set(err, ERR_KERNEL, 0, "libcurl cannot be set up");
	}
	h->headers = curl_slist_append(NULL, "Accept: application/json");
	if (set_server(h, err) || set_credentials(h, err)) {
		http_close(h);
		return -1;
	}
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, h->headers);
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	curl_easy_setopt(h->curl, CURLOPT_ACCEPT_ENCODING, "");
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->why);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, (long)(seconds * 1000));
	*ret = h;
	return 0;
}

static void make_url(struct http *h, const char *path, const char *query,
    const char *value, struct strbuf *url)
{
	char *escaped = value ? curl_easy_escape(h->curl, value, 0) : NULL;

	strbuf_reset(url);
	strbuf_addf(url, "%s%s", h->base, path);
	if (escaped)
		strbuf_addf(
		    url, "%c%s=%s", strchr(path, '?') ? '&' : '?', query, escaped);
	curl_free(escaped);
}

static int no_answer(
    const struct http *h, const char *url, CURLcode code, struct error *err)
{
	const char *why = h->why[0] ? h->why : curl_easy_strerror(code);

	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return error_set(err, ERR_INPUT, 0, "%s: %s", url, why);
	return error_set(err, ERR_INPUT, 0, "%s: %s; trusted are %s of %s", url, why,
	    h->k->ca ? "the certificate authorities"
		     : "the authorities of this system, for lack",
	    h->k->origin);
}

int http_get(struct http *h, const char *path, const char *query, const char *value,
    struct answer *ret, struct error *err)
{
	curl_off_t after = 0;
	CURLcode code;

	make_url(h, path, query, value, &ret->url);
	strbuf_reset(&ret->body);
	h->why[0] = '\0';
	curl_easy_setopt(h->curl, CURLOPT_URL, ret->url.s);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, &ret->body);
	code = curl_easy_perform(h->curl);
	if (code)
		return no_answer(h, ret->url.s, code, err);
	curl_easy_getinfo(h->curl, CURLINFO_RESPONSE_CODE, &ret->status);
	curl_easy_getinfo(h->curl, CURLINFO_RETRY_AFTER, &after);
	ret->retry_after = (long)after;
	return 0;
}
