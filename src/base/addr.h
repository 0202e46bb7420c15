/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include "base/family.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strbuf;

/* An address of either family in network order; len 0 = none. Plain data: = copies it,
 * {0} is "none", unused bytes are zero, so memcmp equality is equality. */
struct addr {
	uint8_t len; /* 0, 4, 16 */
	uint8_t b[16];
};

/* An address with a prefix length. bits counts from the left; host bits are kept as given
 * until prefix_normalize(). */
struct prefix {
	struct addr addr;
	uint8_t bits;
};

#define ADDR_STRLEN 46	  /* longest textual address with NUL */
#define ADDRPORT_STRLEN 56 /* "[addr]:port" with NUL */

static inline bool addr_is_set(const struct addr *a)
{
	return a->len != 0;
}

static inline enum family addr_family(const struct addr *a)
{
	return a->len == 16 ? FAMILY_6 : FAMILY_4;
}

/* Strict: no leading zeros in IPv4, no zone, no brackets, no blanks. */
bool addr_parse(const char *s, struct addr *ret);
/* As Kubernetes reads what its API server took: leading zeros in IPv4 are decimal, and
 * ::ffff:1.2.3.4 is an IPv4 address. */
bool addr_parse_kube(const char *s, struct addr *ret);
/* From len bytes in network order, 4 or 16. */
struct addr addr_from(enum family f, const void *bytes);
const char *addr_format(const struct addr *a, char buf[ADDR_STRLEN]);
/* "1.2.3.4:80" or "[fd00::1]:80", the way kube-proxy writes an endpoint. */
const char *addrport_format(const struct addr *a, uint16_t port, char buf[ADDRPORT_STRLEN]);
/* The reverse of addrport_format; *port is 0 when the text has none. */
bool addrport_parse(const char *s, struct addr *ret, uint16_t *port);
void addr_print(struct strbuf *sb, const struct addr *a);

int addr_cmp(const struct addr *a, const struct addr *b); /* IPv4 first, then bytes */
static inline bool addr_eq(const struct addr *a, const struct addr *b)
{
	return addr_cmp(a, b) == 0;
}
struct addr addr_loopback(enum family f); /* 127.0.0.1, ::1 */
bool addr_is_loopback(const struct addr *a);
bool addr_is_link_local(const struct addr *a); /* fe80::/10 and 169.254/16 */
bool addr_is_unspecified(const struct addr *a);

/* "addr/len"; without a slash the prefix is the single address. */
bool prefix_parse(const char *s, struct prefix *ret);
/* "addr/len" as Kubernetes reads it. */
bool cidr_parse_kube(const char *s, struct prefix *ret);
struct prefix prefix_host(const struct addr *a); /* /32 or /128 */
void prefix_normalize(struct prefix *p);	 /* clears the host bits */
bool prefix_contains(const struct prefix *p, const struct addr *a);
void prefix_print(struct strbuf *sb, const struct prefix *p); /* always with /len */
int prefix_cmp(const struct prefix *a, const struct prefix *b);

/* IP protocols that a service can have. */
const char *proto_name(uint8_t proto);		  /* "tcp", "udp", "sctp", else NULL */
bool proto_parse(const char *s, uint8_t *ret);	  /* either case */

#endif
