/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_MODEL_STATE_H
#define MODEL_MODEL_STATE_H

#include "model/conf.h"
#include "state/own.h"

/*
 * The model read back from what a node holds, live or saved, whichever kube-proxy
 * from 1.1 on wrote it. Only what is there is told: what a mode cannot express is listed
 * in vipshift.json(5), and what is not understood becomes a finding that names file, line
 * and chain, and makes the service incomplete.
 */

struct state_view {
	const struct state *state;
	unsigned modes[FAMILY_COUNT]; /* the one to read in each family; 0: none */
	const char *node; /* this node: what is known to be on it gets this name */
	/* What the node reaches without a router: endpoints in there of which nothing
	 * else tells where they are count as its own. */
	const struct prefix *near;
	size_t n_near;
};

/* Free with model_free(); needs the state no longer. Findings are warnings. -1:
 * ERR_INPUT. */
int model_from_state(const struct state_view *v, struct model **ret,
    struct notes *findings, struct error *err);

/* The mode (MODE_BIT) whose objects the services of a family are in: the one that carries
 * them, or else the one of which there is something; 0: neither. */
unsigned state_mode_of(const struct state *s, enum family f);

/* Settings that the objects of the view's modes show: pod CIDR, mark, scheduler,
 * node-port addresses, ... */
void conf_take_state(struct conf *c, const struct state_view *v);

/* What a Node object would say, where there is none (conf->node_ips is empty): the node IP,
 * one of conf->addrs, and with detectLocalMode NodeCIDR the pod CIDRs. */
void conf_take_node_of_state(struct conf *c, const struct state_view *v);

/* Which kube-proxy releases write what is there: minor versions, 1.FROM to 1.TO. */
struct era {
	int from, to; /* to 0: no upper limit */
};
struct era state_era(const struct state *s, enum family f, unsigned mode);

#endif
