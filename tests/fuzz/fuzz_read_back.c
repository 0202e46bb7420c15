/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Saved tables, sets, virtual servers and addresses to the model: whatever they are, there is
 * one, and it survives its own JSON. The parts follow lines "# part: NAME", as in render. */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "model/model_state.h"

#define HEADING "# part: "

static int parse_part(enum part p, const char *text, size_t n, struct state *s,
    struct notes *findings, struct error *err)
{
	enum family f = p == PART_IPTABLES ? FAMILY_4 : FAMILY_6;

	switch (p) {
	case PART_IPTABLES:
	case PART_IP6TABLES:
		return fw_parse_damaged(
		    text, n, "t", 1, f, s->arena, &s->fw[f], findings, err);
	case PART_IPSET:
		return kset_parse(text, n, "t", s->arena, &s->sets, err);
	case PART_IPVS:
		return lvs_parse(text, n, "t", s->arena, &s->lvs, err);
	case PART_ADDRESSES:
		return vip_parse(text, n, "t", s->arena, &s->vips, err);
	case PART_SYSCTLS:
		return knob_parse(text, n, "t", s->arena, &s->knobs, err);
	}
	return 0;
}

/* A part of that name begins behind the heading at s. */
static bool is_heading(const char *s, const char *end, enum part *ret)
{
	size_t n = strlen(HEADING);
	char name[16];

	if ((size_t)(end - s) < n || memcmp(s, HEADING, n))
		return false;
	s += n;
	n = 0;
	while (s + n < end && s[n] != '\n' && n < sizeof(name) - 1) {
		name[n] = s[n];
		n++;
	}
	name[n] = '\0';
	return part_parse(name, ret);
}

static void read_parts(
    const char *text, size_t size, struct state *s, struct notes *findings)
{
	const char *end = text + size, *begin = text;
	enum part part = PART_IPTABLES;

	for (const char *at = text; begin < end;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		enum part next = part;
		struct error err = {0};

		at = nl ? nl + 1 : end;
		if (at < end && !is_heading(at, end, &next))
			continue;
		if (parse_part(part, begin, (size_t)(at - begin), s, findings, &err) &&
		    !err.msg[0])
			fuzz_fail("%s refused without a message\n", part_name(part));
		begin = at;
		part = next;
	}
}

static void read_back(const struct state *s, const unsigned modes[FAMILY_COUNT])
{
	AUTO(conf) struct conf *c = conf_new();
	AUTO(model) struct model *m = NULL;
	struct state_view v = {.state = s, .node = "node-a"};
	struct notes findings = {0};
	struct error err = {0};
	char *text = NULL;
	size_t size;
	FILE *f;

	family_foreach (family) {
		v.modes[family] = modes[family];
		if (modes[family])
			state_era(s, family, modes[family]);
	}
	conf_take_state(c, &v);
	if (model_from_state(&v, &m, &findings, &err)) {
		if (!err.msg[0])
			fuzz_fail("refused without a message\n");
		notes_clear(&findings);
		return;
	}
	notes_clear(&findings);
	f = open_memstream(&text, &size);
	if (!f || model_write_json(m, f, &err) || fclose(f))
		fuzz_fail("cannot write the model: %s\n", err.msg);
	fuzz_model((const uint8_t *)text, size);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(state) struct state *s = state_new();
	struct notes findings = {0};
	unsigned modes[FAMILY_COUNT];

	read_parts((const char *)data, size, s, &findings);
	notes_clear(&findings);
	family_foreach (f)
		modes[f] = state_mode_of(s, f);
	read_back(s, modes);
	family_foreach (f)
		modes[f] = MODE_BIT(MODE_IPTABLES);
	read_back(s, modes);
	family_foreach (f)
		modes[f] = MODE_BIT(MODE_IPVS);
	read_back(s, modes);
	return 0;
}
