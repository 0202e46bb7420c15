/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The IP sets of ipvs mode: their names, types and headers. Which entries they get is
 * decided in emit_ipvs.c; the rules that use them are in rules/ipvs.rules.
 */
#include "config.h"

#include "emit/ipvs_sets.h"

#include <string.h>

/* The parameters matter: kube-proxy's own "create -exist" fails on any others, and its
 * whole sync with it. */
#define HASH_SIZE 1024
#define MAX_ELEMENTS 65536
#define LAST_PORT 65535

#define WORD_PREFIX "set:"

static const struct {
	const char *word; /* the base of the name after WORD_PREFIX */
	enum kset_type type;
} defs[IPVS_SET_COUNT] = {
    [SET_LOOP_BACK] = {"set:LOOP-BACK", KSET_HASH_IP_PORT_IP},
    [SET_CLUSTER_IP] = {"set:CLUSTER-IP", KSET_HASH_IP_PORT},
    [SET_EXTERNAL_IP] = {"set:EXTERNAL-IP", KSET_HASH_IP_PORT},
    [SET_EXTERNAL_IP_LOCAL] = {"set:EXTERNAL-IP-LOCAL", KSET_HASH_IP_PORT},
    [SET_LOAD_BALANCER] = {"set:LOAD-BALANCER", KSET_HASH_IP_PORT},
    [SET_LOAD_BALANCER_LOCAL] = {"set:LOAD-BALANCER-LOCAL", KSET_HASH_IP_PORT},
    [SET_LOAD_BALANCER_FW] = {"set:LOAD-BALANCER-FW", KSET_HASH_IP_PORT},
    [SET_LOAD_BALANCER_SOURCE_IP] = {"set:LOAD-BALANCER-SOURCE-IP", KSET_HASH_IP_PORT_IP},
    [SET_LOAD_BALANCER_SOURCE_CIDR] = {"set:LOAD-BALANCER-SOURCE-CIDR",
	KSET_HASH_IP_PORT_NET},
    [SET_NODE_PORT_TCP] = {"set:NODE-PORT-TCP", KSET_BITMAP_PORT},
    [SET_NODE_PORT_LOCAL_TCP] = {"set:NODE-PORT-LOCAL-TCP", KSET_BITMAP_PORT},
    [SET_NODE_PORT_UDP] = {"set:NODE-PORT-UDP", KSET_BITMAP_PORT},
    [SET_NODE_PORT_LOCAL_UDP] = {"set:NODE-PORT-LOCAL-UDP", KSET_BITMAP_PORT},
    /* A bitmap knows no SCTP; the names say hash since 1.15, when the type changed. */
    [SET_NODE_PORT_SCTP] = {"set:NODE-PORT-SCTP-HASH", KSET_HASH_IP_PORT},
    [SET_NODE_PORT_LOCAL_SCTP] = {"set:NODE-PORT-LOCAL-SCTP-HASH", KSET_HASH_IP_PORT},
    [SET_HEALTH_CHECK_NODE_PORT] = {"set:HEALTH-CHECK-NODE-PORT", KSET_BITMAP_PORT},
    [SET_IPVS_IPS] = {"set:IPVS-IPS", KSET_HASH_IP},
};

void ipvs_sets_init(struct ipvs_sets *s, enum family f)
{
	*s = (struct ipvs_sets){.family = f};
	for (int i = 0; i < IPVS_SET_COUNT; i++)
		name_set(f, defs[i].word + strlen(WORD_PREFIX), s->set[i].name);
}

void ipvs_sets_free(struct ipvs_sets *s)
{
	for (int i = 0; i < IPVS_SET_COUNT; i++)
		vec_free(&s->set[i].entries);
}

void ipvs_sets_add(struct ipvs_sets *s, enum ipvs_set id, struct kset_entry e)
{
	s->set[id].used = true;
	vec_push(&s->set[id].entries, e);
}

bool ipvs_sets_add_range(
    struct ipvs_sets *s, struct kset_entry e, const struct prefix *range)
{
	struct prefix net = *range;

	s->set[SET_LOAD_BALANCER_SOURCE_CIDR].used = true;
	if (net.bits == 0)
		return false;
	prefix_normalize(&net);
	e.ip2 = net.addr;
	e.bits = net.bits;
	ipvs_sets_add(s, SET_LOAD_BALANCER_SOURCE_CIDR, e);
	return true;
}

void ipvs_sets_words(const struct ipvs_sets *s, struct skeleton_word *words)
{
	for (int i = 0; i < IPVS_SET_COUNT; i++)
		words[i] = (struct skeleton_word){
		    .name = defs[i].word, .value = s->set[i].name, .on = s->set[i].used};
}

void ipvs_sets_finish(struct ipvs_sets *s, struct arena *a, struct kset *ret)
{
	for (int i = 0; i < IPVS_SET_COUNT; i++) {
		struct kset *k = &ret[i];

		*k = (struct kset){
		    .name = arena_strdup(a, s->set[i].name), .type = defs[i].type};
		if (k->type == KSET_BITMAP_PORT) {
			k->port_to = LAST_PORT;
		} else {
			k->family = s->family;
			k->hashsize = HASH_SIZE;
			k->maxelem = MAX_ELEMENTS;
		}
		vec_take(&s->set[i].entries, a, k->entries, k->n_entries);
		kset_sort(k);
	}
}
