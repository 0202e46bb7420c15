/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MODEL_READ_JSON_H
#define MODEL_READ_JSON_H

#include "model/tree_json.h"

#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stdio.h>

/*
 * A JSON text of any size, value by value: whoever walks it decides at each value whether
 * to go into it or to take it whole. Only the value at hand is in memory. Errors name the
 * file and the line.
 */
struct json_reader {
	const char *name; /* for messages */
	FILE *f;
	char *buf;
	size_t pos, len;
	unsigned long line;
	bool begun;
	int read_errno; /* why reading stopped, or 0 */
	struct strbuf text; /* of the value at hand */
};

/* path "-" is stdin. -1: cannot be opened. */
int json_reader_open(struct json_reader *r, const char *path, struct error *err);
/* Reads from f, which becomes the reader's; name is borrowed. */
void json_reader_begin(struct json_reader *r, FILE *f, const char *name);
void json_reader_close(struct json_reader *r);

/* The next character that is no blank, not taken; EOF (-1) at the end of the input. */
int json_reader_peek(struct json_reader *r);
/* -1 with errno's text if the file could not be read. */
int json_reader_status(const struct json_reader *r, struct error *err);
/* "FILE: line N: MESSAGE" as ERR_INPUT. */
int json_reader_error(const struct json_reader *r, struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Takes that one character, after blanks; what: "':' after a field name". */
int json_reader_expect(struct json_reader *r, char c, const char *what, struct error *err);
/* In an object or array after its opening: takes "," or the closing character. *more: another
 * member follows. first: none has been read yet. */
int json_reader_next(struct json_reader *r, char close, bool first, bool *more,
    struct error *err);
/* The next value as a whole, in the arena. */
int json_reader_value(struct json_reader *r, struct arena *a, struct json_value *ret,
    struct error *err);

/* All that is left, appended, from the beginning of its first line that is not blank. */
int json_reader_rest(struct json_reader *r, struct strbuf *ret, struct error *err);

#endif
