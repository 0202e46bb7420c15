/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TCP and UDP sockets of this network namespace. */
#include "config.h"

#include "kernel/sockets.h"

#include <stdio.h>
#include <string.h>

#include "base/auto.h"

/* The kernel's numbers. */
#define STATE_ESTABLISHED 1
#define STATE_LISTEN 10

/* Words of 32 bits in hexadecimal, each in the order of this machine. */
static struct addr parse_address(const char *hex)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	size_t words = strlen(hex) / 8;
	uint8_t bytes[16];

	for (size_t i = 0; i < words; i++) {
		unsigned word;

		sscanf(hex + i * 8, "%8x", &word);
		memcpy(bytes + i * 4, &word, 4);
	}
	if (words == 1)
		return addr_from(FAMILY_4, bytes);
	if (!memcmp(bytes, mapped, sizeof(mapped)))
		return addr_from(FAMILY_4, bytes + sizeof(mapped));
	return addr_from(FAMILY_6, bytes);
}

static void read_list(const char *path, size_t digits, ip_socket_fn fn, void *data)
{
	AUTO(file) FILE *f = fopen(path, "re");
	char line[512], local[33], remote[33];

	while (f && fgets(line, sizeof(line), f)) {
		struct ip_socket s = {0};
		unsigned from, to, state;

		if (sscanf(line, " %*d: %32[0-9A-F]:%x %32[0-9A-F]:%x %x", local, &from,
			remote, &to, &state) != 5 ||
		    strlen(local) != digits || strlen(remote) != digits)
			continue;
		s.local = parse_address(local);
		s.remote = parse_address(remote);
		s.local_port = (uint16_t)from;
		s.remote_port = (uint16_t)to;
		s.listens = state == STATE_LISTEN;
		s.established = state == STATE_ESTABLISHED;
		fn(data, &s);
	}
}

void tcp_sockets_each(ip_socket_fn fn, void *data)
{
	read_list("/proc/net/tcp", 8, fn, data);
	read_list("/proc/net/tcp6", 32, fn, data);
}

void udp_sockets_each(ip_socket_fn fn, void *data)
{
	read_list("/proc/net/udp", 8, fn, data);
	read_list("/proc/net/udp6", 32, fn, data);
}
