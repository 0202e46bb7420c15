/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CLUSTER_H
#define CMD_CLUSTER_H

#include "model/model.h"

/* The model from the API server that kubeconfig says, or that is found without it
 * (kubeconfig_load()). seconds: the longest wait for an answer. -1: ERR_INPUT, names the
 * URL and what the server said. */
int cluster_load(const char *kubeconfig, double seconds, struct model **ret,
    struct notes *notes, struct error *err);

#endif
