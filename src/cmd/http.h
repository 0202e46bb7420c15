/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_HTTP_H
#define CMD_HTTP_H

#include "base/strbuf.h"
#include "model/kubeconfig.h"

/* Questions to one API server, over one connection. */
struct http;

/* seconds: for each answer. Borrows k. */
int http_open(
    const struct kubeconfig *k, double seconds, struct http **ret, struct error *err);
void http_close(struct http *h);
DEFINE_AUTO(http, struct http *, http_close)

struct answer {
	struct strbuf url, body;
	long status;	  /* of HTTP */
	long retry_after; /* seconds after which to ask again; 0: not said */
};
void answer_free(struct answer *a);

/* Asks for path, with query=value unless value is NULL; value is escaped. The answer's old
 * content goes. -1: none came, ERR_INPUT says why with the URL. */
int http_get(struct http *h, const char *path, const char *query, const char *value,
    struct answer *ret, struct error *err);

#endif
