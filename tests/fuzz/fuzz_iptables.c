/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables-save and ip6tables-save. */
#include "config.h"

#include "fuzz.h"

static int parse4(const char *text, size_t len, struct state *s, struct error *err)
{
	s->fw[FAMILY_4].present = true;
	return fw_parse(
	    text, len, "iptables", FAMILY_4, s->arena, &s->fw[FAMILY_4], err);
}

static int parse6(const char *text, size_t len, struct state *s, struct error *err)
{
	s->fw[FAMILY_6].present = true;
	return fw_parse(
	    text, len, "ip6tables", FAMILY_6, s->arena, &s->fw[FAMILY_6], err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_part(PART_IPTABLES, parse4, data, size);
	fuzz_part(PART_IP6TABLES, parse6, data, size);
	return 0;
}
