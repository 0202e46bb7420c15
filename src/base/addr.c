/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses and prefixes of both families, parsed, printed and compared. */
#include "config.h"

#include "base/addr.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool addr_parse(const char *s, struct addr *ret)
{
	struct addr a = {0};

	if (inet_pton(AF_INET, s, a.b) == 1)
		a.len = 4;
	else if (inet_pton(AF_INET6, s, a.b) == 1)
		a.len = 16;
	else
		return false;
	*ret = a;
	return true;
}

/* "010.0.0.9" without the zeros; false when it is too long to be an address. */
static bool drop_leading_zeros(const char *s, char out[ADDR_STRLEN])
{
	size_t n = 0;
	bool start = true;

	for (; *s && n < ADDR_STRLEN - 1; s++) {
		if (start && *s == '0' && s[1] >= '0' && s[1] <= '9')
			continue;
		start = *s == '.';
		out[n++] = *s;
	}
	out[n] = '\0';
	return *s == '\0';
}

bool addr_parse_kube(const char *s, struct addr *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	char plain[ADDR_STRLEN];
	struct addr a;

	if (!strchr(s, ':')) {
		if (!drop_leading_zeros(s, plain))
			return false;
		s = plain;
	}
	if (!addr_parse(s, &a))
		return false;
	if (a.len == 16 && !memcmp(a.b, mapped, sizeof(mapped)))
		a = addr_from(FAMILY_4, a.b + 12);
	*ret = a;
	return true;
}

struct addr addr_from(enum family f, const void *bytes)
{
	struct addr a = {.len = (uint8_t)family_info(f)->addr_len};

	memcpy(a.b, bytes, a.len);
	return a;
}

static size_t format4(const uint8_t *b, char *out)
{
	char *p = out;

	for (int i = 0; i < 4; i++) {
		unsigned v = b[i];

		if (i)
			*p++ = '.';
		if (v >= 100)
			*p++ = (char)('0' + v / 100);
		if (v >= 10)
			*p++ = (char)('0' + v / 10 % 10);
		*p++ = (char)('0' + v % 10);
	}
	*p = '\0';
	return (size_t)(p - out);
}

const char *addr_format(const struct addr *a, char buf[ADDR_STRLEN])
{
	/* inet_ntop is slow enough for IPv4 to matter at 520,000 rules. */
	if (a->len == 4)
		format4(a->b, buf);
	else if (a->len == 16)
		inet_ntop(AF_INET6, a->b, buf, ADDR_STRLEN);
	else
		buf[0] = '\0';
	return buf;
}

const char *addrport_format(
    const struct addr *a, uint16_t port, char buf[ADDRPORT_STRLEN])
{
	char text[ADDR_STRLEN];

	snprintf(buf, ADDRPORT_STRLEN, a->len == 16 ? "[%s]:%u" : "%s:%u",
	    addr_format(a, text), port);
	return buf;
}

bool addrport_parse(const char *s, struct addr *ret, uint16_t *port)
{
	const char *colon, *end;
	char host[ADDR_STRLEN];
	unsigned long v = 0;
	size_t n;

	if (*s == '[') {
		end = strchr(++s, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		colon = end[1] ? end + 1 : NULL;
	} else {
		colon = strchr(s, ':');
		if (colon && strchr(colon + 1, ':'))
			colon = NULL; /* a bare IPv6 address */
		end = colon ? colon : s + strlen(s);
	}
	n = (size_t)(end - s);
	if (n >= sizeof(host))
		return false;
	memcpy(host, s, n);
	host[n] = '\0';
	if (colon) {
		if (!colon[1] || strlen(colon + 1) > 5)
			return false;
		for (const char *p = colon + 1; *p; p++) {
			if (*p < '0' || *p > '9')
				return false;
			v = v * 10 + (unsigned long)(*p - '0');
		}
		if (v > 65535)
			return false;
	}
	if (!addr_parse(host, ret))
		return false;
	*port = (uint16_t)v;
	return true;
}

void addr_print(struct strbuf *sb, const struct addr *a)
{
	char buf[ADDR_STRLEN];

	strbuf_add(sb, addr_format(a, buf));
}

int addr_cmp(const struct addr *a, const struct addr *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->b, b->b, a->len);
}

struct addr addr_loopback(enum family f)
{
	static const uint8_t v4[4] = {127, 0, 0, 1}, v6[16] = {[15] = 1};

	return addr_from(f, f == FAMILY_4 ? v4 : v6);
}

bool addr_is_loopback(const struct addr *a)
{
	struct addr v6 = addr_loopback(FAMILY_6);

	return a->len == 4 ? a->b[0] == 127 : addr_eq(a, &v6);
}

bool addr_is_link_local(const struct addr *a)
{
	return a->len == 4 ? a->b[0] == 169 && a->b[1] == 254
			   : a->len == 16 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

bool addr_is_unspecified(const struct addr *a)
{
	static const uint8_t zero[16];

	return a->len && !memcmp(a->b, zero, a->len);
}

bool cidr_parse_kube(const char *s, struct prefix *ret)
{
	char plain[ADDR_STRLEN];

	if (!strchr(s, '/'))
		return false;
	if (strchr(s, ':'))
		return prefix_parse(s, ret);
	return drop_leading_zeros(s, plain) && prefix_parse(plain, ret);
}

bool prefix_parse(const char *s, struct prefix *ret)
{
	const char *slash = strchr(s, '/');
	char host[ADDR_STRLEN];
	struct prefix p = {0};
	unsigned bits = 0;

	if (!slash) {
		if (!addr_parse(s, &p.addr))
			return false;
		*ret = prefix_host(&p.addr);
		return true;
	}
	if ((size_t)(slash - s) >= sizeof(host))
		return false;
	memcpy(host, s, (size_t)(slash - s));
	host[slash - s] = '\0';
	if (!addr_parse(host, &p.addr) || !slash[1] || strlen(slash + 1) > 3)
		return false;
	for (const char *c = slash + 1; *c; c++) {
		if (*c < '0' || *c > '9')
			return false;
		bits = bits * 10 + (unsigned)(*c - '0');
	}
	if (bits > p.addr.len * 8u)
		return false;
	p.bits = (uint8_t)bits;
	*ret = p;
	return true;
}

struct prefix prefix_host(const struct addr *a)
{
	return (struct prefix){.addr = *a, .bits = (uint8_t)(a->len * 8)};
}

void prefix_normalize(struct prefix *p)
{
	for (unsigned i = 0; i < p->addr.len; i++) {
		unsigned keep = p->bits > i * 8 ? p->bits - i * 8 : 0;

		if (keep < 8)
			p->addr.b[i] &= (uint8_t)(0xff00u >> keep);
	}
}

bool prefix_contains(const struct prefix *p, const struct addr *a)
{
	struct prefix mine = *p, other = {.addr = *a, .bits = p->bits};

	if (p->addr.len != a->len)
		return false;
	prefix_normalize(&mine);
	prefix_normalize(&other);
	return addr_eq(&mine.addr, &other.addr);
}

void prefix_print(struct strbuf *sb, const struct prefix *p)
{
	addr_print(sb, &p->addr);
	strbuf_addch(sb, '/');
	strbuf_addu(sb, p->bits);
}

int prefix_cmp(const struct prefix *a, const struct prefix *b)
{
	int c = addr_cmp(&a->addr, &b->addr);

	return c ? c : (int)a->bits - (int)b->bits;
}

static const struct {
	uint8_t number;
	const char *name;
} protocols[] = {{IPPROTO_TCP, "tcp"}, {IPPROTO_UDP, "udp"}, {IPPROTO_SCTP, "sctp"}};

const char *proto_name(uint8_t proto)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (protocols[i].number == proto)
			return protocols[i].name;
	return NULL;
}

bool proto_parse(const char *s, uint8_t *ret)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (!strcasecmp(protocols[i].name, s)) {
			*ret = protocols[i].number;
			return true;
		}
	return false;
}
