/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EMIT_IPVS_SETS_H
#define EMIT_IPVS_SETS_H

#include "base/vec.h"
#include "emit/names.h"
#include "emit/skeleton.h"
#include "state/kset.h"

/* The sets of ipvs mode, all of which exist in each family, filled or not. */
enum ipvs_set {
	SET_LOOP_BACK,
	SET_CLUSTER_IP,
	SET_EXTERNAL_IP,
	SET_EXTERNAL_IP_LOCAL,
	SET_LOAD_BALANCER,
	SET_LOAD_BALANCER_LOCAL,
	SET_LOAD_BALANCER_FW,
	SET_LOAD_BALANCER_SOURCE_IP,
	SET_LOAD_BALANCER_SOURCE_CIDR,
	SET_NODE_PORT_TCP,
	SET_NODE_PORT_LOCAL_TCP,
	SET_NODE_PORT_UDP,
	SET_NODE_PORT_LOCAL_UDP,
	SET_NODE_PORT_SCTP,
	SET_NODE_PORT_LOCAL_SCTP,
	SET_HEALTH_CHECK_NODE_PORT,
	SET_IPVS_IPS,
};
#define IPVS_SET_COUNT 17

/* The sets of one family under construction. */
struct ipvs_sets {
	enum family family;
	struct {
		char name[NAME_SET_LEN];
		VEC(struct kset_entry) entries;
		/* kube-proxy has something for it, though perhaps the kernel cannot hold
		 * it: that is what decides whether its rules are written. */
		bool used;
	} set[IPVS_SET_COUNT];
};

void ipvs_sets_init(struct ipvs_sets *s, enum family f);
void ipvs_sets_free(struct ipvs_sets *s);

/* Adds an entry; fields that the set's type lacks stay zero. */
void ipvs_sets_add(struct ipvs_sets *s, enum ipvs_set id, struct kset_entry e);
/* A source range of a load-balancer address. false: a /0, which the kernel refuses. */
bool ipvs_sets_add_range(
    struct ipvs_sets *s, struct kset_entry e, const struct prefix *range);

/* "set:CLUSTER-IP" and so on: IPVS_SET_COUNT words, valid as long as *s is. */
void ipvs_sets_words(const struct ipvs_sets *s, struct skeleton_word *words);

/* Writes all sets, sorted, to ret[0 .. IPVS_SET_COUNT); their entries leave *s. */
void ipvs_sets_finish(struct ipvs_sets *s, struct arena *a, struct kset *ret);

#endif
