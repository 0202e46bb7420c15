/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The native model JSON. */
#include "config.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_model(data, size);
	return 0;
}
