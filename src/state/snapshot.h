/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_SNAPSHOT_H
#define STATE_SNAPSHOT_H

#include "state/state.h"

/*
 * A whole state in one text file. Parts as `render` prints them, so that the stock tools
 * load each one; what is not ours is in the same places, behind "# foreign: ", which they
 * all take for a comment. The closing line has a checksum.
 */
struct snapshot_info {
	unsigned families; /* FAMILY_BIT mask: what was read */
	/* For people; NULL is left out. */
	const char *version, *host, *date, *kernel, *iptables, *mode;
};

void snapshot_print(
    struct strbuf *sb, const struct state *s, const struct snapshot_info *info);
/*
 * The whole state, foreign objects included; strings of *info live as long as it does.
 * -1: ERR_INPUT with file and line: no snapshot, of a later format, cut off, changed.
 */
int snapshot_parse(const char *text, size_t len, const char *where, struct state **ret,
    struct snapshot_info *info, struct error *err);

#endif
