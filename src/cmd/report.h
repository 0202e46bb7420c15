/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_REPORT_H
#define CMD_REPORT_H

#include "cmd/context.h"

/* Speech: everything here goes where --log says, by default to stderr, prefixed "vipshift:
 * COMMAND: ". */

/* Suppressed by -q. */
void report_info(const struct context *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A problem; not suppressed. */
void report_problem(const struct context *ctx, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void report_error(const struct context *ctx, const struct error *err);
void report_note(const struct context *ctx, const struct note *n);
/* Notes of at least min level, one line each; warnings are not suppressed by -q. */
void report_notes(const struct context *ctx, const struct notes *n, enum note_level min);

/* Whether a plan is to be seen: before it is carried out, -v shows one that is not empty, and
 * -o shows each in its form. */
bool report_wants_plan(const struct context *ctx, const struct plan *p);
/* Prints a plan on stdout in the form that -o asks for. -1: stdout cannot be written. */
int report_plan(
    const struct context *ctx, const struct plan *p, bool phases, struct error *err);

/* Asks a question that ends in "?"; with --yes it does not. 0: the answer was yes. -1:
 * ERR_REFUSED, also by a signal that is caught; without a terminal there is nobody to ask,
 * ERR_USAGE says so. */
int report_confirm(const struct context *ctx, const char *question, struct error *err);

/* Whether stream gets colour: --color, NO_COLOR, terminal. */
bool report_colour(const struct context *ctx, FILE *stream);

/* Closes the data stream's loop: flushes sb to stdout, -1 when that failed. */
int report_flush(struct strbuf *sb, struct error *err);

/* Seconds since some fixed point, for measuring. */
double report_clock(void);

#endif
