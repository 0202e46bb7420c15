/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_KSET_LISTING_H
#define STATE_KSET_LISTING_H

#include "base/strbuf.h"
#include "state/lines.h"

/* The listing of ipset list, line by line made into what ipset save writes. */
struct kset_listing {
	struct strbuf name, type; /* of the set under way; empty: none */
	struct strbuf text;	  /* of the line under way */
	bool created, members;	  /* what of it came already */
};

/* Whether this is a line of a listing, or one is under way. */
bool kset_listing_has(const struct kset_listing *at, const struct lines *l);
/* Makes the words of the line those of ipset save. 1; 0: they say nothing; -1: ERR_INPUT.
 */
int kset_listing_line(struct kset_listing *at, struct lines *l);
/* At the end of the text. -1: ERR_INPUT, the last set is not whole. */
int kset_listing_end(struct kset_listing *at, struct lines *l);
void kset_listing_free(struct kset_listing *at);

#endif
