/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_IPSET_ID_H
#define KERNEL_IPSET_ID_H

#include "base/error.h"
#include "base/strtab.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The kernel's numbers of IP sets: rules hold them in place of names. Asked once per set
 * and kept, so it must not outlive the operation. Start with {.fd = -1}.
 */
struct ipset_ids {
	int fd;
	unsigned version;
	struct strtab numbers; /* value: number + 1 */
	const char **names;    /* by number; NULL until the first is asked for */
};

/* -1: ERR_KERNEL when there is no such set. */
int ipset_id_of(struct ipset_ids *ids, struct arena *a, const char *name, uint16_t *ret,
    struct error *err);
/* The set's name, kept in the arena; NULL when there is none. */
const char *ipset_id_name(struct ipset_ids *ids, struct arena *a, uint16_t number);
void ipset_ids_free(struct ipset_ids *ids);

#endif
