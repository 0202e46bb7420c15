/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual and real servers as values: order, search, comparison. */
#include "config.h"

#include "state/lvs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int lvs_key_cmp(const struct lvs_key *a, const struct lvs_key *b)
{
	int c = addr_cmp(&a->addr, &b->addr);

	if (!c)
		c = (int)a->proto - (int)b->proto;
	if (!c)
		c = (int)a->port - (int)b->port;
	if (!c && a->fwmark != b->fwmark)
		c = a->fwmark < b->fwmark ? -1 : 1;
	/* The family is the address's; only a firewall mark needs it said. */
	if (!c && a->fwmark)
		c = (int)a->family - (int)b->family;
	return c;
}

int lvs_dest_cmp(const struct lvs_dest *a, const struct lvs_dest *b)
{
	int c = addr_cmp(&a->addr, &b->addr);

	return c ? c : (int)a->port - (int)b->port;
}

static int service_cmp(const void *a, const void *b)
{
	return lvs_key_cmp(
	    &((const struct lvs_service *)a)->key, &((const struct lvs_service *)b)->key);
}

static int dest_cmp(const void *a, const void *b)
{
	return lvs_dest_cmp(a, b);
}

void lvs_sort_dests(struct lvs_dest *dests, size_t n)
{
	if (n)
		qsort(dests, n, sizeof(*dests), dest_cmp);
}

void lvs_sort(struct lvs_table *t)
{
	if (t->n_services)
		qsort(t->services, t->n_services, sizeof(*t->services), service_cmp);
	for (size_t i = 0; i < t->n_services; i++)
		lvs_sort_dests(t->services[i].dests, t->services[i].n_dests);
}

static int key_cmp(const void *a, const void *b)
{
	return lvs_key_cmp(a, b);
}

bool lvs_key_in(const struct lvs_key *k, const struct lvs_key *keys, size_t n)
{
	return n && bsearch(k, keys, n, sizeof(*keys), key_cmp);
}

static int find_cmp(const void *key, const void *service)
{
	return lvs_key_cmp(key, &((const struct lvs_service *)service)->key);
}

struct lvs_service *lvs_find(const struct lvs_table *t, const struct lvs_key *k)
{
	if (!t->n_services)
		return NULL;
	return bsearch(k, t->services, t->n_services, sizeof(*t->services), find_cmp);
}

struct lvs_dest *lvs_find_dest(const struct lvs_service *s, const struct lvs_dest *like)
{
	if (!s->n_dests)
		return NULL;
	return bsearch(like, s->dests, s->n_dests, sizeof(*s->dests), dest_cmp);
}

static bool text_eq(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool lvs_same_settings(const struct lvs_service *a, const struct lvs_service *b)
{
	return !((a->flags ^ b->flags) & ~LVS_F_HASHED) && a->timeout == b->timeout &&
	       a->mask_bits == b->mask_bits && text_eq(a->sched, b->sched) &&
	       text_eq(a->pe, b->pe);
}

bool lvs_dest_same_settings(const struct lvs_dest *a, const struct lvs_dest *b)
{
	return a->fwd == b->fwd && a->weight == b->weight && a->u_thresh == b->u_thresh &&
	       a->l_thresh == b->l_thresh;
}

bool lvs_service_eq(const struct lvs_service *a, const struct lvs_service *b)
{
	if (lvs_key_cmp(&a->key, &b->key) || !lvs_same_settings(a, b) ||
	    a->n_dests != b->n_dests)
		return false;
	for (size_t i = 0; i < a->n_dests; i++)
		if (lvs_dest_cmp(&a->dests[i], &b->dests[i]) ||
		    !lvs_dest_same_settings(&a->dests[i], &b->dests[i]))
			return false;
	return true;
}

const char *lvs_key_format(const struct lvs_key *k, char buf[80])
{
	const char *proto = proto_name(k->proto);
	char ap[ADDRPORT_STRLEN];

	if (k->fwmark)
		snprintf(buf, 80, "fwmark %u", k->fwmark);
	else if (proto)
		snprintf(buf, 80, "%s %s", proto, addrport_format(&k->addr, k->port, ap));
	else
		snprintf(buf, 80, "protocol %u %s", k->proto,
		    addrport_format(&k->addr, k->port, ap));
	return buf;
}
