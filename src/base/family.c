/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of what differs between IPv4 and IPv6. */
#include "config.h"

#include "base/family.h"

#include <assert.h>
#include <sys/socket.h>

static const struct family_info families[FAMILY_COUNT] = {
    [FAMILY_4] =
	{
	    .af = AF_INET,
	    .name = "IPv4",
	    .addr_len = 4,
	    .addr_bits = 32,
	    .iptables = "iptables",
	    .set_family = "inet",
	    .set_prefix = "KUBE-",
	    .loopback_net = "127.0.0.0/8",
	    .host_mask = "255.255.255.255",
	    .reject = "icmp-port-unreachable",
	    .proc_tables = "/proc/net/ip_tables_names",
	},
    [FAMILY_6] =
	{
	    .af = AF_INET6,
	    .name = "IPv6",
	    .addr_len = 16,
	    .addr_bits = 128,
	    .iptables = "ip6tables",
	    .set_family = "inet6",
	    .set_prefix = "KUBE-6-",
	    .loopback_net = "::1/128",
	    .host_mask = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	    .reject = "icmp6-port-unreachable",
	    .proc_tables = "/proc/net/ip6_tables_names",
	},
};

const struct family_info *family_info(enum family f)
{
	assert(f < FAMILY_COUNT);
	return &families[f];
}
