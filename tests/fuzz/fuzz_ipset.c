/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipset save. */
#include "config.h"

#include "fuzz.h"

static int parse(const char *text, size_t len, struct state *s, struct error *err)
{
	return kset_parse(text, len, "ipset", s->arena, &s->sets, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_part(PART_IPSET, parse, data, size);
	return 0;
}
