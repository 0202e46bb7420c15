/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_SIGNALS_H
#define CMD_SIGNALS_H

#include <stdbool.h>

/*
 * Who writes is not to be stopped half-way through a step: signals are remembered, and
 * looked at between two.
 */

/* From here on these do not end the process: SIGINT, SIGTERM and SIGHUP. */
void signals_catch(void);
/* The same; SIGHUP does nothing at all, for a terminal that goes away is no reason to stop
 * half-way. */
void signals_catch_while_writing(void);
/* Whether one has come: somebody wants it to stop. */
bool signals_caught(void);
/* Forgets it, so that another one can be told. */
void signals_forget(void);

#endif
