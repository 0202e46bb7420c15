/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_WALK_JSON_H
#define VERIFY_WALK_JSON_H

#include "base/strbuf.h"
#include "verify/walk.h"

/* The ways of one packet through a state of that name. */
struct walk_result {
	const char *name; /* "iptables", "ipvs", "node" */
	const struct walk *walk;
};

/* What trace -o json prints, with a schema version. */
void walk_print_json(struct strbuf *sb, const struct walk_packet *p,
    const struct walk_result *results, size_t n);

#endif
