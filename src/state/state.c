/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sum of all kinds: life time, names of modes and parts, printing by part. */
#include "config.h"

#include "state/state.h"

#include <string.h>

struct state *state_new(void)
{
	struct arena *a = arena_new();
	struct state *s = arena_new_of(a, struct state);

	s->arena = a;
	return s;
}

void state_free(struct state *s)
{
	while (s) {
		struct state *base = s->base;

		arena_free(s->arena); /* the state itself lives in it */
		s = base;
	}
}

bool state_has_vips(const struct state *s, enum family f)
{
	for (size_t i = 0; i < s->vips.n_addrs; i++)
		if (vip_is_service_addr(&s->vips.addrs[i]) &&
		    addr_family(&s->vips.addrs[i].prefix.addr) == f)
			return true;
	return false;
}

static const char *const mode_names[] = {
    [MODE_IPTABLES] = "iptables",
    [MODE_IPVS] = "ipvs",
};

static const char *const part_names[PART_COUNT] = {
    [PART_IPTABLES] = "iptables",
    [PART_IP6TABLES] = "ip6tables",
    [PART_IPSET] = "ipset",
    [PART_IPVS] = "ipvs",
    [PART_ADDRESSES] = "addresses",
    [PART_SYSCTLS] = "sysctls",
};

/* The index of a name, or n. */
static size_t find_name(const char *const *names, size_t n, const char *s)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], s))
		i++;
	return i;
}

const char *mode_name(enum mode m)
{
	return mode_names[m];
}

bool mode_parse(const char *s, enum mode *ret)
{
	size_t n = sizeof(mode_names) / sizeof(mode_names[0]);
	size_t i = find_name(mode_names, n, s);

	if (i < n)
		*ret = (enum mode)i;
	return i < n;
}

const char *part_name(enum part p)
{
	return part_names[p];
}

bool part_parse(const char *s, enum part *ret)
{
	size_t i = find_name(part_names, PART_COUNT, s);

	if (i < PART_COUNT)
		*ret = (enum part)i;
	return i < PART_COUNT;
}

void state_print_part(struct strbuf *sb, const struct state *s, enum part p)
{
	switch (p) {
	case PART_IPTABLES:
		fw_print_ruleset(sb, FAMILY_4, &s->fw[FAMILY_4]);
		break;
	case PART_IP6TABLES:
		fw_print_ruleset(sb, FAMILY_6, &s->fw[FAMILY_6]);
		break;
	case PART_IPSET:
		kset_print_list(sb, &s->sets);
		break;
	case PART_IPVS:
		lvs_print_table(sb, &s->lvs);
		break;
	case PART_ADDRESSES:
		vip_print_table(sb, &s->vips);
		break;
	case PART_SYSCTLS:
		knob_print_table(sb, &s->knobs);
		break;
	}
}
