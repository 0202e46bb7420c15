/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Errors as values: set once where the cause is known, wrapped where more is known. */
#include "config.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, enum error_kind kind, int sys_errno, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (!err)
		return -1;
	err->kind = kind;
	err->sys_errno = sys_errno;
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (sys_errno && n >= 0 && (size_t)n < sizeof(err->msg))
		snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(sys_errno));
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	va_list ap;
	int n;

	if (!err)
		return -1;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(err->msg)) {
		size_t room = sizeof(err->msg) - n;

		/* Truncation of an over-long message is fine: its head names the object. */
		if (room > 2) {
			memcpy(err->msg + n, ": ", 3);
			strncat(err->msg + n, old, room - 3);
		}
	}
	return -1;
}

void error_clear(struct error *err)
{
	if (err)
		*err = (struct error){0};
}
