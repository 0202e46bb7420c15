/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_CUT_H
#define STATE_FW_CUT_H

#include "base/strbuf.h"
#include "state/fw.h"

#include <stdbool.h>
#include <stddef.h>

/* Lines that were cut out of a save or of iptables -S, as by "iptables-save | grep KUBE",
 * and no longer say which table they are of. */

/* Whether kube-proxy's rules are in it, and no policy of a built-in chain, which grep would
 * have left out. For texts that name no table. */
bool fw_cut_has(const char *text, size_t len);
/* The lines of one table, nat or filter, with its "*NAME" as line 0; the others' places are
 * empty lines, so that each keeps its number. */
void fw_cut_table(
    const char *text, size_t len, enum fw_table_id id, struct strbuf *table);

#endif
