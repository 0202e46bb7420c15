/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sysctls as values, and which ones kube-proxy writes. */
#include "config.h"

#include "state/knob.h"
#include "state/vip.h"

#include <stdlib.h>
#include <string.h>

/* The conntrack limits and timeouts are kube-proxy's own in every mode and not here. */
const char *const knob_names[] = {
    "net.ipv4.conf.all.arp_announce",	/* ipvs, strictARP */
    "net.ipv4.conf.all.arp_ignore",	/* ipvs, strictARP */
    "net.ipv4.conf.all.route_localnet", /* iptables, node ports on localhost */
    "net.ipv4.ip_forward",
    "net.ipv4.vs.conn_reuse_mode", /* ipvs, kernels before 5.9 */
    "net.ipv4.vs.conntrack",
    "net.ipv4.vs.expire_nodest_conn",
    "net.ipv4.vs.expire_quiescent_template",
    NULL,
};

const char *const knob_fact_names[] = {
    "kernel.osrelease",
    "net.ipv6.conf.default.disable_ipv6",
    "net.ipv6.conf." VIP_LINK ".disable_ipv6",
    "net.netfilter.nf_conntrack_tcp_be_liberal",
    NULL,
};

static int name_cmp(const void *key, const void *knob)
{
	return strcmp(key, ((const struct knob *)knob)->name);
}

struct knob *knob_find(const struct knob_table *t, const char *name)
{
	if (!t->n_knobs)
		return NULL;
	return bsearch(name, t->knobs, t->n_knobs, sizeof(*t->knobs), name_cmp);
}

const char *knob_fact(const struct knob_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_facts; i++)
		if (!strcmp(t->facts[i].name, name))
			return t->facts[i].value;
	return NULL;
}

static int knob_order(const void *a, const void *b)
{
	return strcmp(((const struct knob *)a)->name, ((const struct knob *)b)->name);
}

void knob_sort(struct knob_table *t)
{
	if (t->n_knobs)
		qsort(t->knobs, t->n_knobs, sizeof(*t->knobs), knob_order);
}
