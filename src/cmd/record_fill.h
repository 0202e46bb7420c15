/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_RECORD_FILL_H
#define CMD_RECORD_FILL_H

#include "cmd/cutover.h"

/* Writes the file that --report asks for, if it does: a migration that began at
 * report_clock() `begin` and ended with this exit status. That the file cannot be written
 * is said, and is no failure of the migration. */
void record_fill(struct cutover *c, double begin, int status, const char *result);

#endif
