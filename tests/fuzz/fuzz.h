/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "model/model.h"
#include "state/state.h"

#include <stdint.h>

/* What each fuzz_NAME.c has: given to libFuzzer by `make fuzz`, and by replay.c to the
 * files of testdata/fuzz/NAME. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program: a property does not hold. */
void fuzz_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The input was read, not refused: of its own files each fuzzer reads one at least. */
void fuzz_accepted(void);
bool fuzz_has_accepted(void);

/* Reads the text of one part into *s. */
typedef int (*fuzz_parse_fn)(
    const char *text, size_t len, struct state *s, struct error *err);
/* What was read, printed and read again, prints the same. */
void fuzz_part(enum part p, fuzz_parse_fn parse, const uint8_t *data, size_t size);

/* The bytes under a path, for readers of files; close the descriptor. */
int fuzz_file(const uint8_t *data, size_t size, char path[32]);
/* Loads a model from them. What was loaded, written and loaded again, writes the same. */
void fuzz_model(const uint8_t *data, size_t size);

#endif
