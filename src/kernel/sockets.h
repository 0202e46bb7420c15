/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_SOCKETS_H
#define KERNEL_SOCKETS_H

#include "base/addr.h"

/* A socket of this network namespace; IPv4 addresses in IPv6 form are given as IPv4. */
struct ip_socket {
	struct addr local, remote;
	uint16_t local_port, remote_port;
	bool listens, established; /* UDP: connect() was called */
};
typedef void (*ip_socket_fn)(void *data, const struct ip_socket *s);
/* Read from /proc/net, since asking the kernel by netlink would load a module. */
void tcp_sockets_each(ip_socket_fn fn, void *data);
void udp_sockets_each(ip_socket_fn fn, void *data);

#endif
