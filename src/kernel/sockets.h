/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_SOCKETS_H
#define KERNEL_SOCKETS_H

#include "base/addr.h"

/* A TCP socket of this network namespace; IPv4 addresses in IPv6 form are given as IPv4.
 */
struct tcp_socket {
	struct addr local, remote;
	uint16_t local_port, remote_port;
	bool listens, established;
};
typedef void (*tcp_socket_fn)(void *data, const struct tcp_socket *s);
/* Read from /proc/net, since asking the kernel by netlink would load a module. */
void tcp_sockets_each(tcp_socket_fn fn, void *data);

#endif
