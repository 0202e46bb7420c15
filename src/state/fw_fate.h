/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_FATE_H
#define STATE_FW_FATE_H

#include "state/fw.h"

/* What becomes of a packet that no particular condition holds for, so: of every packet.
 */
enum fw_fate { FW_GOES_ON, FW_ACCEPTED, FW_DROPPED, FW_RETURNS };

/* In a chain with its policy; jumps are followed. */
enum fw_fate fw_chain_fate(const struct fw_table *t, const char *chain);

/* How many rules of a chain packets can get to: those up to the first one that ends the
 * way of every packet. */
size_t fw_reachable(const struct fw_table *t, const struct fw_chain *c);

#endif
