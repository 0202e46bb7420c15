/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_KUBECONFIG_H
#define MODEL_KUBECONFIG_H

#include "base/arena.h"
#include "base/auto.h"
#include "base/error.h"

#include <stdbool.h>

/* Where an API server is and who asks it. What is not set is NULL. */
struct kubeconfig {
	struct arena *arena;
	const char *origin; /* where this is from, for messages */
	const char *server; /* a URL that does not end with a slash */
	const char *tls_server_name, *proxy;
	bool insecure;		     /* take any certificate */
	const char *ca, *cert, *key; /* PEM */
	const char *token, *username, *password;
};

/*
 * Finds them as kubectl does: path; without one the files of $KUBECONFIG, else
 * ~/.kube/config; where there is none of these, the service account of the pod. Takes the
 * current context and reads the files that it names. -1: ERR_INPUT, names file and field.
 */
int kubeconfig_load(const char *path, struct kubeconfig **ret, struct error *err);
void kubeconfig_free(struct kubeconfig *k);
DEFINE_AUTO(kubeconfig, struct kubeconfig *, kubeconfig_free)

/* Between kubeconfig.c and kubeconfig_yaml.c: the current context of n files, where the
 * first one that says something wins. */
int kubeconfig_read(
    struct kubeconfig *k, const char *const *paths, size_t n, struct error *err);
/* A file's text without blanks around it; NULL with err. */
const char *kubeconfig_read_token(
    struct kubeconfig *k, const char *path, struct error *err);

#endif
