/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_CAPS_H
#define STATE_CAPS_H

#include <stdbool.h>

/* What the kernel showed when it was tried; filled by kernel/caps.c. */
struct kernel_caps {
	bool ipvs, dummy, ipset, legacy_tables, legacy_tables6;
	bool nft_tables;	 /* what the nft variant of iptables writes to */
	bool no_ipv6;		 /* not the IP family at all */
	bool fixed_sysctls;	 /* /proc/sys is read-only, as in most containers */
	bool scheduler;		 /* the wanted one can be used */
	bool net_admin;		 /* privileges */
	unsigned long conntrack_count, conntrack_max; /* 0 = not known */
	const char *missing;	 /* text of the first thing that is not there, or NULL */
};

#endif
