/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_PREFLIGHT_H
#define VERIFY_PREFLIGHT_H

#include "model/conf.h"
#include "plan/plan.h"
#include "state/caps.h"
#include "state/node.h"

/* A switch to be looked at beforehand. */
struct preflight {
	enum mode to;
	const struct model *model;
	const struct conf *conf;
	const struct state *want, *have;
	const struct kernel_caps *caps;
	const struct node_facts *facts;
};

/*
 * What stands against a switch (NOTE_REFUSE), must be accepted by name (NOTE_ACCEPT) or
 * should be known before (NOTE_WARNING). Each note bears the name of a check (check.h).
 * Pure: looks at what it is given only.
 */
void preflight_check(const struct preflight *p, struct notes *ret);

/* Why IPv6 addresses that are wanted, and not there, cannot be added; NULL if they can, or
 * there are none. A static text: "IPv6 is disabled (sysctl ...); enable it, or ..." */
const char *preflight_no_ipv6(const struct state *want, const struct state *have,
    const struct kernel_caps *caps);

#endif
