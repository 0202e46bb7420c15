/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connections that IPVS knows, one by one. */
#include "config.h"

#include "state/lvs_conn.h"

#include <stdlib.h>
#include <string.h>

/* IPv4 in hexadecimal digits, IPv6 as eight groups. */
static bool parse_address(const char *s, struct addr *ret)
{
	unsigned long word;
	uint8_t bytes[4];

	if (strchr(s, ':'))
		return addr_parse(s, ret);
	word = strtoul(s, NULL, 16);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(word >> (24 - 8 * i));
	*ret = addr_from(FAMILY_4, bytes);
	return true;
}

/* A line of the list: whether it is a connection under way; UDP has other states. */
static bool under_way(const char *line, struct lvs_key *key, struct lvs_dest *dest)
{
	char proto[8], vip[40], real[40], state[16];
	unsigned port, real_port;

	if (sscanf(line, "%7s %*s %*x %39s %x %39s %x %15s", proto, vip, &port, real,
		&real_port, state) != 6 ||
	    (strcmp(state, "ESTABLISHED") && strcmp(state, "SYN_RECV")) ||
	    !proto_parse(proto, &key->proto) || !parse_address(vip, &key->addr) ||
	    !parse_address(real, &dest->addr))
		return false;
	key->family = (uint8_t)addr_family(&key->addr);
	key->port = (uint16_t)port;
	dest->port = (uint16_t)real_port;
	return true;
}

void lvs_conn_count(FILE *list, struct lvs_table *t)
{
	char line[512];

	for (size_t i = 0; i < t->n_services; i++)
		for (size_t k = 0; k < t->services[i].n_dests; k++)
			t->services[i].dests[k].active = 0;
	while (fgets(line, sizeof(line), list)) {
		struct lvs_key key = {0};
		struct lvs_service *s;
		struct lvs_dest dest = {0}, *d;

		if (!under_way(line, &key, &dest))
			continue;
		s = lvs_find(t, &key);
		d = s ? lvs_find_dest(s, &dest) : NULL;
		if (d)
			d->active++;
	}
}
