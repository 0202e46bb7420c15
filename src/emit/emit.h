/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EMIT_EMIT_H
#define EMIT_EMIT_H

#include "model/conf.h"
#include "state/state.h"

/*
 * The desired state of one mode, for the families asked for (FAMILY_BIT mask): a pure
 * function of model and settings. What kube-proxy of conf->dialect leaves in a kernel
 * after its sync, both parts that change and parts that do not. notes gets what an
 * operator should know (an empty source range list, CIDRs that match nothing); may be
 * NULL. The state borrows strings from model and conf: they must outlive it.
 */
int emit_state(enum mode mode, const struct model *m, const struct conf *c,
    unsigned families, struct state **ret, struct notes *notes, struct error *err);

/* For emit_state only: one backend each. They add to *s. */
int emit_iptables(const struct model *m, const struct conf *c, enum family f,
    struct state *s, struct notes *notes, struct error *err);
int emit_ipvs(const struct model *m, const struct conf *c, unsigned families,
    struct state *s, struct notes *notes, struct error *err);

#endif
