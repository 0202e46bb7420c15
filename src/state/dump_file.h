/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_DUMP_FILE_H
#define STATE_DUMP_FILE_H

#include "state/state.h"

/*
 * Reads the tables of one file that may be damaged, see fw_parse_damaged(). family: of
 * tables that do not tell it themselves. Adds to s the families asked for (FAMILY_BIT
 * mask). -1: ERR_INPUT, it is no such file at all.
 */
int dump_tables(const char *text, size_t len, const char *path, enum family family,
    unsigned families, struct state *s, struct notes *findings, struct error *err);

#endif
