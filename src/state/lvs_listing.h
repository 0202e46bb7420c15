/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_LVS_LISTING_H
#define STATE_LVS_LISTING_H

#include "base/strbuf.h"
#include "state/lines.h"

/* The listing of ipvsadm -Ln, line by line made into what ipvsadm -Sn writes; thresholds
 * are not in it. */
struct lvs_listing {
	/* "-t 10.96.0.1:80": whose real servers come; empty: nobody's */
	struct strbuf key;
	struct strbuf text; /* of the line under way */
};

/* Whether this is a line of a listing. */
bool lvs_listing_has(const struct lines *l);
/* Makes the words of the line those of ipvsadm -Sn. 1; 0: a heading; -1: ERR_INPUT. */
int lvs_listing_line(struct lvs_listing *at, struct lines *l);
void lvs_listing_end(struct lvs_listing *at);

#endif
