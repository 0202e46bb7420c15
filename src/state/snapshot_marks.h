/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_SNAPSHOT_MARKS_H
#define STATE_SNAPSHOT_MARKS_H

/* Between snapshot.c and snapshot_parse.c: comments that mean something. */

#define SNAPSHOT_FORMAT 1
#define SNAPSHOT_MAGIC "# vipshift snapshot "
#define SNAPSHOT_PART "# part: "
#define SNAPSHOT_FOREIGN "# foreign: "
#define SNAPSHOT_END "# end of snapshot: "

#endif
