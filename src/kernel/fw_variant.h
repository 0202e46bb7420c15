/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_VARIANT_H
#define KERNEL_FW_VARIANT_H

#include "base/strbuf.h"
#include "kernel/live.h"

/* What Kubernetes has left in the tables of one variant. */
struct fw_traces {
	bool hint;     /* a chain by which kubelet tells which variant the node uses */
	bool services; /* KUBE-SERVICES */
	struct strbuf names; /* of these chains, for people */
};
struct fw_evidence {
	struct fw_traces legacy, nft;
	enum fw_variant
	    command;	    /* what the command iptables is; FW_AUTO: cannot be told */
	bool nft_usable;    /* the kernel has nf_tables */
	bool nft_installed; /* and there is a program to write them */
};

const char *fw_variant_name(enum fw_variant v); /* not of FW_AUTO */

/*
 * Which variant the rules of this node belong into, the way kube-proxy's image finds it:
 *   1. where kubelet's hint chains are (mangle KUBE-IPTABLES-HINT, KUBE-KUBELET-CANARY),
 *      nft before legacy;
 *   2. where KUBE-SERVICES is;
 *   3. what the command iptables is;
 *   4. nft if it can be written, else legacy.
 * ERR_REFUSED when the other variant has KUBE-SERVICES: then there would be two sets of
 * service rules, and both would count.
 */
int fw_variant_choose(
    const struct fw_evidence *e, enum fw_variant *ret, struct error *err);

/* The option, or for FW_AUTO what this node's traces say. Leaves none itself. */
int fw_variant_detect(enum fw_variant option, enum fw_variant *ret, struct error *err);
/* The same without a refusal: what this node looks like, whatever the other variant has.
 */
int fw_variant_likely(enum fw_variant option, enum fw_variant *ret, struct error *err);

/*
 * What stands in the tables of the variant that is not used (option as above): for
 * people, or NULL for no rule. *services: KUBE-SERVICES is there.
 */
int fw_variant_other(enum fw_variant option, struct arena *a, const char **ret,
    bool *services, struct error *err);

#endif
