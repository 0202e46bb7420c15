/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm -Sn. */
#include "config.h"

#include "fuzz.h"

static int parse(const char *text, size_t len, struct state *s, struct error *err)
{
	return lvs_parse(text, len, "ipvsadm", s->arena, &s->lvs, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_part(PART_IPVS, parse, data, size);
	return 0;
}
