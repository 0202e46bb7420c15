/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_LVS_H
#define STATE_LVS_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

/* Kind "lvs": IPVS virtual servers and their real servers. */

#define LVS_F_PERSISTENT 0x1u
#define LVS_F_HASHED 0x2u /* set by the kernel on every one: masked when compared */
#define LVS_F_ONEPACKET 0x4u
#define LVS_F_SCHED1 0x8u
#define LVS_F_SCHED2 0x10u /* mh-port, sh-port */
#define LVS_F_SCHED3 0x20u

/* Forwarding methods, the kernel's numbers. */
enum lvs_fwd { LVS_MASQ = 0, LVS_LOCAL = 1, LVS_TUNNEL = 2, LVS_DROUTE = 3 };

struct lvs_key {
	struct addr addr; /* unset with a fwmark */
	uint16_t port;
	uint8_t proto;
	uint8_t family; /* enum family; says more than addr only for fwmark servers */
	uint32_t fwmark;
};

struct lvs_dest {
	struct addr addr;
	uint16_t port;
	uint8_t fwd; /* enum lvs_fwd */
	int32_t weight;
	uint32_t u_thresh, l_thresh;
	uint32_t active, inactive; /* connections; live only */
};

struct lvs_service {
	struct lvs_key key;
	const char *sched;
	const char *pe;	   /* persistence engine or NULL */
	uint32_t flags;	   /* without LVS_F_HASHED */
	uint32_t timeout;  /* seconds of persistence, else 0 */
	uint8_t mask_bits; /* persistence granularity: 32 / 128 */
	struct lvs_dest *dests; /* sorted by lvs_dest_cmp */
	size_t n_dests;
	const char *why;
};

/* All virtual servers, sorted by lvs_key_cmp. Timeouts in seconds, 0 = not known / leave. */
struct lvs_table {
	bool present; /* false: IPVS is not there, or was not read */
	bool listed;  /* from ipvsadm -Ln, which has no thresholds */
	struct lvs_service *services;
	size_t n_services;
	uint32_t tcp_timeout, tcpfin_timeout, udp_timeout;
};

int lvs_key_cmp(const struct lvs_key *a, const struct lvs_key *b);
/* Whether it is one of n keys in the order of lvs_key_cmp. */
bool lvs_key_in(const struct lvs_key *k, const struct lvs_key *keys, size_t n);
int lvs_dest_cmp(const struct lvs_dest *a, const struct lvs_dest *b); /* addr, port */
void lvs_sort_dests(struct lvs_dest *dests, size_t n);
void lvs_sort(struct lvs_table *t); /* and the real servers of each */
struct lvs_service *lvs_find(const struct lvs_table *t, const struct lvs_key *k);
struct lvs_dest *lvs_find_dest(const struct lvs_service *s, const struct lvs_dest *like);
/* Scheduler, flags, timeout, mask, engine: what SET_SERVICE can change. */
bool lvs_same_settings(const struct lvs_service *a, const struct lvs_service *b);
bool lvs_dest_same_settings(const struct lvs_dest *a, const struct lvs_dest *b);
bool lvs_service_eq(const struct lvs_service *a, const struct lvs_service *b);
/* "tcp 10.96.0.1:443" for messages. */
const char *lvs_key_format(const struct lvs_key *k, char buf[80]);

/* ipvsadm -Sn syntax, with newline. */
void lvs_print_service(struct strbuf *sb, const struct lvs_service *s); /* -A line */
void lvs_print_dest(struct strbuf *sb, const struct lvs_service *s, const struct lvs_dest *d);
void lvs_print_table(struct strbuf *sb, const struct lvs_table *t);
int lvs_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct lvs_table *ret, struct error *err);

#endif
