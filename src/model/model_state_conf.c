/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Settings that a node's objects show, for a run that was given none: what traffic is
 * masqueraded, by which mark, where node ports are, which scheduler.
 */
#include "config.h"

#include "model/model_state.h"

#include "base/vec.h"

#include <string.h>

static bool is_mark_masq(const struct fw_rule *r)
{
	return !r->opaque && r->target.kind == FWT_JUMP &&
	       !strcmp(r->target.chain, "KUBE-MARK-MASQ");
}

/* "! -s CIDR", "! -i INTERFACE" or neither, of a rule for cluster IPs. */
static void take_detector(struct conf *c, const struct fw_rule *r)
{
	size_t len;

	if (r->invert & FW_INV_SRC) {
		struct prefix *v =
		    arena_array(c->arena, struct prefix, c->n_cluster_cidrs + 1);

		for (size_t i = 0; i < c->n_cluster_cidrs; i++)
			v[i] = c->cluster_cidrs[i];
		v[c->n_cluster_cidrs++] = r->src;
		c->cluster_cidrs = v;
	} else if (r->invert & FW_INV_IN) {
		len = strlen(r->in);
		if (len && r->in[len - 1] == '+') {
			c->detect_local = DETECT_INTERFACE_PREFIX;
			c->interface_prefix = arena_strndup(c->arena, r->in, len - 1);
		} else {
			c->detect_local = DETECT_BRIDGE;
			c->bridge = arena_strdup(c->arena, r->in);
		}
	} else if (!addr_is_set(&r->src.addr) && !r->in) {
		c->masquerade_all = true;
	}
}

/* The rule that marks traffic to cluster IPs: at the head of a service port's chain, or
 * of old releases in KUBE-SERVICES. It has the cluster IP, so node ports are not taken
 * for it. */
static bool detector_in(struct conf *c, const struct fw_chain *chain)
{
	for (size_t i = 0; i < chain->n_rules; i++) {
		const struct fw_rule *r = &chain->rules[i];
		const char *comment = NULL;

		for (unsigned m = 0; m < r->n_matches; m++)
			if (r->matches[m].kind == FWM_COMMENT)
				comment = r->matches[m].comment;
		if (!is_mark_masq(r) || !addr_is_set(&r->dst.addr) || !comment ||
		    !strstr(comment, "cluster IP"))
			continue;
		take_detector(c, r);
		return true;
	}
	return false;
}

static void detector_of_iptables(struct conf *c, const struct fw_table *nat)
{
	for (size_t i = 0; i < nat->n_chains; i++) {
		const struct fw_chain *chain = &nat->chains[i];

		if ((!strncmp(chain->name, "KUBE-SV", 7) ||
			!strcmp(chain->name, "KUBE-SERVICES")) &&
		    detector_in(c, chain))
			return;
	}
}

static void detector_of_ipvs(struct conf *c, const struct fw_table *nat)
{
	const struct fw_chain *chain = fw_chain_find(nat, "KUBE-SERVICES");

	for (size_t i = 0; chain && i < chain->n_rules; i++) {
		const struct fw_rule *r = &chain->rules[i];

		for (unsigned m = 0; is_mark_masq(r) && m < r->n_matches; m++) {
			const struct fw_match *set = &r->matches[m];

			/* "src,dst": there is no detector. */
			if (set->kind == FWM_SET && strstr(set->set.name, "CLUSTER-IP") &&
			    !set->set.src) {
				take_detector(c, r);
				return;
			}
		}
	}
}

static void take_mark(struct conf *c, const struct fw_table *nat)
{
	const struct fw_chain *chain = fw_chain_find(nat, "KUBE-MARK-MASQ");

	for (size_t i = 0; chain && i < chain->n_rules; i++) {
		const struct fw_target *t = &chain->rules[i].target;

		if (chain->rules[i].opaque || t->kind != FWT_MARK || !t->mark.value ||
		    t->mark.value & (t->mark.value - 1))
			continue;
		c->masquerade_bit = (unsigned)__builtin_ctz(t->mark.value);
	}
}

/* The last rules of KUBE-SERVICES: which of the node's addresses have node ports. */
static void take_tail(struct conf *c, enum family f, const struct fw_table *nat)
{
	const struct fw_chain *chain = fw_chain_find(nat, "KUBE-SERVICES");
	VEC(struct prefix) list = {0};

	for (size_t i = 0; i < c->n_node_port_addrs; i++)
		vec_push(&list, c->node_port_addrs[i]);
	for (size_t i = 0; chain && i < chain->n_rules; i++) {
		const struct fw_rule *r = &chain->rules[i];

		if (r->opaque || r->target.kind != FWT_JUMP ||
		    strcmp(r->target.chain, "KUBE-NODEPORTS"))
			continue;
		if (r->invert & FW_INV_DST && f == FAMILY_4)
			c->localhost_node_ports = false;
		else if (addr_is_set(&r->dst.addr) && !(r->invert & FW_INV_DST))
			vec_push(&list, r->dst);
	}
	vec_take(&list, c->arena, c->node_port_addrs, c->n_node_port_addrs);
}

static void take_random_fully(struct conf *c, const struct fw_table *nat)
{
	const struct fw_chain *chain = fw_chain_find(nat, "KUBE-POSTROUTING");

	for (size_t i = 0; chain && i < chain->n_rules; i++) {
		const struct fw_rule *r = &chain->rules[i];

		/* The one for hairpin traffic of ipvs mode never has it. */
		if (!r->opaque && r->target.kind == FWT_MASQUERADE && r->n_matches &&
		    r->matches[r->n_matches - 1].kind != FWM_SET)
			c->random_fully = r->target.random_fully;
	}
}

static void take_scheduler(struct conf *c, enum family f, const struct state *s)
{
	for (size_t i = 0; i < s->lvs.n_services; i++)
		if (s->lvs.services[i].key.family == f &&
		    !s->lvs.services[i].key.fwmark) {
			c->scheduler = arena_strdup(c->arena, s->lvs.services[i].sched);
			return;
		}
}

void conf_take_state(struct conf *c, const struct state_view *v)
{
	const struct knob *k =
	    knob_find(&v->state->knobs, "net.ipv4.conf.all.arp_announce");

	family_foreach (f) {
		const struct fw_table *nat = &v->state->fw[f].tables[FW_NAT];

		if (!v->modes[f])
			continue;
		take_mark(c, nat);
		take_random_fully(c, nat);
		if (v->modes[f] == MODE_BIT(MODE_IPVS)) {
			detector_of_ipvs(c, nat);
			take_scheduler(c, f, v->state);
			c->strict_arp |= k && k->value && !strcmp(k->value, "2");
		} else {
			detector_of_iptables(c, nat);
			take_tail(c, f, nat);
		}
	}
}
