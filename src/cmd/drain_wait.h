/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_DRAIN_WAIT_H
#define CMD_DRAIN_WAIT_H

#include "cmd/cutover.h"

/*
 * Lets the TCP connections of the virtual servers that a plan removes come to
 * their end, for as long as --drain says, counted from the first call. IPVS carries them
 * by itself, whatever the rules say by then, and deleting its servers would reset them.
 */
void drain_wait(struct cutover *c, const struct plan *p);

#endif
