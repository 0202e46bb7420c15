/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_LOG_H
#define CMD_LOG_H

#include "base/vec.h"

#include <syslog.h>

/* Where what the program says goes. */
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG, LOG_TO_JOURNAL };

/* A line of key=value for machines, and a field of the journal for each. */
struct log_field {
	char *key, *value;
};
struct log_record {
	VEC(struct log_field) fields;
};
/* key: lower case letters and _. */
void log_add(struct log_record *r, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_record_clear(struct log_record *r);

/*
 * Says one line: text, or the fields of a record. priority as for syslog(3); command may
 * be NULL. A target that is not there is replaced by standard error: nothing is lost.
 */
void log_text(enum log_target t, int priority, const char *command, const char *text);
void log_record(
    enum log_target t, int priority, const char *command, const struct log_record *r);

#endif
