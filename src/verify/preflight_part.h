/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_PREFLIGHT_PART_H
#define VERIFY_PREFLIGHT_PART_H

/* Between preflight.c and the files that look at one part each. */

#include "verify/preflight.h"
#include "state/own.h"

struct subject {
	struct preflight p;
	struct notes *notes;
};

/* Addresses of services that are somebody's already (preflight_addr.c). */
void preflight_addresses(const struct subject *s);
/* Rules of others that would meet traffic on its new way (preflight_fw.c). */
void preflight_tables(const struct subject *s);
/* Who else programs services (preflight_node.c). */
void preflight_node(const struct subject *s);

#endif
