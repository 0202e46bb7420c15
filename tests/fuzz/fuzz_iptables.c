/* SPDX-License-Identifier: GPL-2.0-or-later */
/* iptables-save and ip6tables-save; and whatever else people attach to tickets for it. */
#include "config.h"

#include "fuzz.h"
#include "state/dump_file.h"

static int parse4(const char *text, size_t len, struct state *s, struct error *err)
{
	s->fw[FAMILY_4].present = true;
	return fw_parse(text, len, "iptables", FAMILY_4, s->arena, &s->fw[FAMILY_4], err);
}

static int parse6(const char *text, size_t len, struct state *s, struct error *err)
{
	s->fw[FAMILY_6].present = true;
	return fw_parse(
	    text, len, "ip6tables", FAMILY_6, s->arena, &s->fw[FAMILY_6], err);
}

/* Of several tables, of both families, damaged, listed, cut out with grep. */
static void read_attached(const uint8_t *data, size_t size)
{
	AUTO(state) struct state *s = state_new();
	struct notes findings = {0};
	struct error err = {0};

	dump_tables((const char *)data, size, "attached", FAMILY_4, FAMILY_BOTH, s,
	    &findings, &err);
	notes_clear(&findings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_part(PART_IPTABLES, parse4, data, size);
	fuzz_part(PART_IP6TABLES, parse6, data, size);
	read_attached(data, size);
	return 0;
}
