/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VERIFY_WALK_TEXT_H
#define VERIFY_WALK_TEXT_H

#include "base/strbuf.h"
#include "verify/walk.h"

/* One line per rule or entry that decided, and one per end; what a way has in common with
 * the one before is said once. */
void walk_print(struct strbuf *sb, const struct walk_packet *p, const struct walk *w);
/* One step without an indent: "nat KUBE-SERVICES: -d 10.96.0.1/32 ... -j KUBE-SVC-...".
 */
void walk_print_step(
    struct strbuf *sb, const struct walk_packet *p, const struct walk_step *s);
/* "10.244.1.5:8080", or where it ends otherwise; ADDRPORT_STRLEN is enough. */
const char *walk_end_format(const struct walk_path *p, char buf[ADDRPORT_STRLEN]);

#endif
