/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl. */
#include "config.h"

#include "fuzz.h"

static int parse(const char *text, size_t len, struct state *s, struct error *err)
{
	return knob_parse(text, len, "sysctls", s->arena, &s->knobs, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_part(PART_SYSCTLS, parse, data, size);
	return 0;
}
