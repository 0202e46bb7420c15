/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_LEDGER_H
#define STATE_LEDGER_H

#include "state/lvs.h"

/* A real server that is not wanted any more and may end its connections. */
struct ledger_leaving {
	struct lvs_key server;
	struct addr addr;
	uint16_t port;
	uint64_t deadline; /* seconds since boot */
};

/*
 * What must be known from run to run and cannot be read back: which virtual servers were
 * made by this program, and since when real servers leave. Both arrays sorted.
 */
struct ledger {
	struct lvs_key *servers;
	size_t n_servers;
	struct ledger_leaving *leaving;
	size_t n_leaving;
};

/* Its entry for that real server, or NULL. */
const struct ledger_leaving *ledger_find_leaving(
    const struct ledger *l, const struct lvs_key *server, const struct lvs_dest *d);
void ledger_sort(struct ledger *l);

/* kernel: which kernel this is about, one word: after a boot, or in another network
 * namespace, an old ledger says nothing. */
void ledger_print(struct strbuf *sb, const struct ledger *l, const char *kernel);
/* An empty ledger if the text is about another kernel. -1: ERR_INPUT; the text is not
 * whole, so nothing of it may be used. */
int ledger_parse(const char *text, size_t len, const char *where, const char *kernel,
    struct arena *a, struct ledger *ret, struct error *err);

#endif
