/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ip -batch and ip -o addr. */
#include "config.h"

#include "fuzz.h"

static int parse(const char *text, size_t len, struct state *s, struct error *err)
{
	return vip_parse(text, len, "addresses", s->arena, &s->vips, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_part(PART_ADDRESSES, parse, data, size);
	return 0;
}
