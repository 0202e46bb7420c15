/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_FAMILY_H
#define BASE_FAMILY_H

#include <stdbool.h>

/* The two IP families, and in one table everything that differs between them. */
enum family { FAMILY_4, FAMILY_6 };
#define FAMILY_COUNT 2

#define FAMILY_BIT(f) (1u << (f))
#define FAMILY_BOTH (FAMILY_BIT(FAMILY_4) | FAMILY_BIT(FAMILY_6))

struct family_info {
	int af;			  /* AF_INET, AF_INET6 */
	const char *name;	  /* "IPv4", as Kubernetes spells it */
	unsigned addr_len;	  /* bytes */
	unsigned addr_bits;	  /* 32, 128 */
	const char *iptables;	  /* "iptables", "ip6tables": parts, commands */
	const char *set_family;	  /* "inet", "inet6" in ipset syntax */
	const char *set_prefix;	  /* "KUBE-", "KUBE-6-" */
	const char *loopback_net; /* "127.0.0.0/8", "::1/128" */
	const char *host_mask;	  /* all-ones mask as the recent match prints it */
	const char *reject;	  /* REJECT's default: "icmp-port-unreachable", ... */
	const char *proc_tables;  /* list of registered legacy tables */
};

const struct family_info *family_info(enum family f);

#define family_foreach(f) for (enum family f = FAMILY_4; f < FAMILY_COUNT; f++)

#endif
