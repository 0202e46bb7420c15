/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/arena.h"

/* The text that s encodes, RFC 4648 with blanks allowed; NULL if it encodes none, or one
 * with a NUL in it. */
char *base64_text(struct arena *a, const char *s);

#endif
