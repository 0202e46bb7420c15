/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_XT_H
#define KERNEL_FW_XT_H

#include "kernel/fw_entry.h"

/* An entry as libiptc tells it. */
struct fw_raw {
	const void *entry;
	const char
	    *target; /* chain or verdict; used if the entry has the standard target */
};

/*
 * Makes the process that fw_xt_print() has its texts from. To be called before the first
 * thread starts, if rules are to be read in one; otherwise done when it is needed.
 */
void fw_xt_prepare(void);

/*
 * The save form ("-p tcp -m multiport --dports 1,2 -j LOG", without "-A CHAIN ") of rules
 * that have no typed form, as iptables-save prints them. texts[n] go into the arena. What
 * the extensions of this machine cannot print is given as "-m NAME --raw-data REV:HEX",
 * which nothing loads but which still tells equal rules from different ones.
 */
void fw_xt_print(enum family f, const struct fw_raw *raws, size_t n, struct arena *a,
    const char **texts);

#endif
