/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/error.h"
#include "base/strbuf.h"

/* Adds a whole file to text; "-" is stdin. -1: ERR_INPUT, names the file. */
int file_read(const char *path, struct strbuf *text, struct error *err);

#endif
