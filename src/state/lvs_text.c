/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipvsadm -Sn files read and printed. Lines may come in any order: a sorted dump has real
 * servers before their virtual server. Listings (ipvsadm -Ln) are read, too. */
#include "config.h"

#include "state/lvs.h"
#include "base/vec.h"
#include "state/lines.h"
#include "state/lvs_listing.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* ---- names */

/* Flags of the schedulers that name theirs; the others print flag-1 to flag-3. */
static const struct {
	const char *name;
	uint32_t flag;
	const char *sched;
} sched_flags[] = {
    {"sh-fallback", LVS_F_SCHED1, "sh"},
    {"sh-port", LVS_F_SCHED2, "sh"},
    {"mh-fallback", LVS_F_SCHED1, "mh"},
    {"mh-port", LVS_F_SCHED2, "mh"},
    {"flag-1", LVS_F_SCHED1, NULL},
    {"flag-2", LVS_F_SCHED2, NULL},
    {"flag-3", LVS_F_SCHED3, NULL},
};

#define N_SCHED_FLAGS (sizeof(sched_flags) / sizeof(sched_flags[0]))

static const struct {
	const char *option, *long_option;
	uint8_t proto;
} service_options[] = {
    {"-t", "--tcp-service", IPPROTO_TCP},
    {"-u", "--udp-service", IPPROTO_UDP},
    {"--sctp-service", "--sctp-service", IPPROTO_SCTP},
};

#define N_SERVICE_OPTIONS (sizeof(service_options) / sizeof(service_options[0]))

/* ---- printing */

static void print_key(struct strbuf *sb, const struct lvs_key *k)
{
	char ap[ADDRPORT_STRLEN];
	const char *option = "-t";

	if (k->fwmark) {
		strbuf_addf(sb, "-f %u%s", k->fwmark, k->family == FAMILY_6 ? " -6" : "");
		return;
	}
	for (size_t i = 0; i < N_SERVICE_OPTIONS; i++)
		if (service_options[i].proto == k->proto)
			option = service_options[i].option;
	strbuf_addf(sb, "%s %s", option, addrport_format(&k->addr, k->port, ap));
}

static uint8_t full_mask(const struct lvs_key *k)
{
	return (uint8_t)family_info((enum family)k->family)->addr_bits;
}

static void print_mask(struct strbuf *sb, const struct lvs_service *s)
{
	uint8_t ones[4] = {255, 255, 255, 255};
	struct prefix p = {.bits = s->mask_bits};

	if (!s->mask_bits || s->mask_bits == full_mask(&s->key))
		return;
	strbuf_add(sb, " -M ");
	if (s->key.family == FAMILY_6) {
		strbuf_addu(sb, s->mask_bits);
		return;
	}
	p.addr = addr_from(FAMILY_4, ones);
	prefix_normalize(&p);
	addr_print(sb, &p.addr);
}

static void print_sched_flags(struct strbuf *sb, const struct lvs_service *s)
{
	uint32_t left = s->flags & (LVS_F_SCHED1 | LVS_F_SCHED2 | LVS_F_SCHED3);
	const char *sep = " -b ";

	for (size_t i = 0; left && i < N_SCHED_FLAGS; i++) {
		if (!(left & sched_flags[i].flag) ||
		    (sched_flags[i].sched && strcmp(sched_flags[i].sched, s->sched)))
			continue;
		strbuf_add(sb, sep);
		strbuf_add(sb, sched_flags[i].name);
		sep = ",";
		left &= ~sched_flags[i].flag;
	}
}

void lvs_print_service(struct strbuf *sb, const struct lvs_service *s)
{
	strbuf_add(sb, "-A ");
	print_key(sb, &s->key);
	strbuf_addf(sb, " -s %s", s->sched);
	if (s->flags & LVS_F_PERSISTENT)
		strbuf_addf(sb, " -p %u", s->timeout);
	print_mask(sb, s);
	if (s->pe)
		strbuf_addf(sb, " --pe %s", s->pe);
	if (s->flags & LVS_F_ONEPACKET)
		strbuf_add(sb, " -o");
	print_sched_flags(sb, s);
	strbuf_addch(sb, '\n');
}

void lvs_print_dest(
    struct strbuf *sb, const struct lvs_service *s, const struct lvs_dest *d)
{
	/* The kernel itself finds out that a real server is local. */
	static const char *const methods[] = {[LVS_MASQ] = "-m",
	    [LVS_LOCAL] = "-g",
	    [LVS_TUNNEL] = "-i",
	    [LVS_DROUTE] = "-g"};
	char ap[ADDRPORT_STRLEN];

	strbuf_add(sb, "-a ");
	print_key(sb, &s->key);
	strbuf_addf(sb, " -r %s %s -w %d", addrport_format(&d->addr, d->port, ap),
	    methods[d->fwd & 3], d->weight);
	if (d->u_thresh)
		strbuf_addf(sb, " -x %u", d->u_thresh);
	if (d->l_thresh)
		strbuf_addf(sb, " -y %u", d->l_thresh);
	strbuf_addch(sb, '\n');
}

void lvs_print_table(struct strbuf *sb, const struct lvs_table *t)
{
	if (t->tcp_timeout || t->tcpfin_timeout || t->udp_timeout)
		strbuf_addf(sb, "--set %u %u %u\n", t->tcp_timeout, t->tcpfin_timeout,
		    t->udp_timeout);
	for (size_t i = 0; i < t->n_services; i++) {
		const struct lvs_service *s = &t->services[i];

		lvs_print_service(sb, s);
		for (size_t j = 0; j < s->n_dests; j++)
			lvs_print_dest(sb, s, &s->dests[j]);
	}
}

/* ---- reading */

/* A real server until all virtual servers are known. */
struct loose_dest {
	struct lvs_key key;
	struct lvs_dest dest;
	size_t line;
};

/* One line: what its options said. */
struct entry {
	struct lvs_service service;
	struct lvs_dest dest;
	bool has_key, has_dest;
};

struct reader {
	struct lines l;
	struct arena *arena;
	VEC(struct lvs_service) services;
	VEC(struct loose_dest) dests;
	struct lvs_listing listing;
	struct lvs_table *table;
};

static bool parse_mask(const char *s, uint8_t *ret)
{
	uint32_t bits, v;
	struct addr a;

	if (word_number(s, 128, &bits)) {
		*ret = (uint8_t)bits;
		return true;
	}
	if (!s || !addr_parse(s, &a) || a.len != 4)
		return false;
	v = (uint32_t)a.b[0] << 24 | (uint32_t)a.b[1] << 16 | (uint32_t)a.b[2] << 8 |
	    a.b[3];
	for (bits = 0; bits < 32 && v & 0x80000000u; bits++)
		v <<= 1;
	*ret = (uint8_t)bits;
	return !v;
}

static bool parse_sched_flags(char *s, uint32_t *flags)
{
	char *save = NULL;

	for (char *w = strtok_r(s, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		size_t i = 0;

		while (i < N_SCHED_FLAGS && strcmp(sched_flags[i].name, w))
			i++;
		if (i == N_SCHED_FLAGS)
			return false;
		*flags |= sched_flags[i].flag;
	}
	return true;
}

/* "-t", "-u", "--sctp-service", "-f" and their value. 1: taken; 0: another option. */
static int key_option(
    struct reader *r, const char *opt, const char *value, struct entry *e)
{
	struct lvs_key *k = &e->service.key;
	bool mark = !strcmp(opt, "-f") || !strcmp(opt, "--fwmark-service");
	size_t i = 0;

	while (!mark && i < N_SERVICE_OPTIONS && strcmp(service_options[i].option, opt) &&
	       strcmp(service_options[i].long_option, opt))
		i++;
	if (i == N_SERVICE_OPTIONS)
		return 0;
	if (e->has_key)
		return lines_fail(&r->l, "a second virtual server: %s", opt);
	e->has_key = true;
	if (mark) {
		if (!word_number(value, UINT32_MAX, &k->fwmark) || !k->fwmark)
			return lines_fail(&r->l, "%s needs a firewall mark", opt);
		return 1;
	}
	if (!value || !addrport_parse(value, &k->addr, &k->port))
		return lines_fail(&r->l,
		    "%s %s is not an address and port (ipvsadm needs -n)", opt,
		    value ? value : "");
	k->proto = service_options[i].proto;
	k->family = (uint8_t)addr_family(&k->addr);
	return 1;
}

static int service_option(struct reader *r, const char *opt, char *value, struct entry *e)
{
	struct lvs_service *s = &e->service;
	bool ok = true;

	if (!strcmp(opt, "-s") || !strcmp(opt, "--scheduler")) {
		ok = value != NULL;
		s->sched = value;
	} else if (!strcmp(opt, "-p") || !strcmp(opt, "--persistent")) {
		s->flags |= LVS_F_PERSISTENT;
		ok = word_number(value, UINT32_MAX, &s->timeout);
	} else if (!strcmp(opt, "-M") || !strcmp(opt, "--netmask")) {
		ok = parse_mask(value, &s->mask_bits);
	} else if (!strcmp(opt, "--pe") || !strcmp(opt, "pe")) {
		ok = value != NULL;
		s->pe = value;
	} else if (!strcmp(opt, "-b") || !strcmp(opt, "--sched-flags")) {
		ok = value && parse_sched_flags(value, &s->flags);
	} else {
		return 0;
	}
	return ok ? 1 : lines_fail(&r->l, "bad value of %s", opt);
}

static int dest_option(
    struct reader *r, const char *opt, const char *value, struct entry *e)
{
	struct lvs_dest *d = &e->dest;
	bool ok = true;
	uint32_t v;

	if (!strcmp(opt, "-r") || !strcmp(opt, "--real-server")) {
		ok = value && addrport_parse(value, &d->addr, &d->port);
		e->has_dest = true;
	} else if (!strcmp(opt, "-w") || !strcmp(opt, "--weight")) {
		ok = word_number(value, INT32_MAX, &v);
		if (ok)
			d->weight = (int32_t)v;
	} else if (!strcmp(opt, "-x") || !strcmp(opt, "--u-threshold")) {
		ok = word_number(value, UINT32_MAX, &d->u_thresh);
	} else if (!strcmp(opt, "-y") || !strcmp(opt, "--l-threshold")) {
		ok = word_number(value, UINT32_MAX, &d->l_thresh);
	} else {
		/* How a tunnel wraps packets is not held: its value is passed over. */
		return !strcmp(opt, "--tun-type") || !strcmp(opt, "--tun-port");
	}
	return ok ? 1
		  : lines_fail(
			&r->l, "bad value of %s: %s", opt, value ? value : "nothing");
}

static bool flag_option(const char *opt, struct entry *e)
{
	static const struct {
		const char *name, *long_name;
		enum lvs_fwd fwd;
	} methods[] = {
	    {"-m", "--masquerading", LVS_MASQ},
	    {"-i", "--ipip", LVS_TUNNEL},
	    {"-g", "--gatewaying", LVS_DROUTE},
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i].name, opt) || !strcmp(methods[i].long_name, opt)) {
			e->dest.fwd = (uint8_t)methods[i].fwd;
			return true;
		}
	if (!strcmp(opt, "-6") || !strcmp(opt, "--ipv6"))
		e->service.key.family = FAMILY_6;
	else if (!strcmp(opt, "-o") || !strcmp(opt, "--ops"))
		e->service.flags |= LVS_F_ONEPACKET;
	else if (strncmp(opt, "--tun-", 6))
		return false;
	return true;
}

static int read_options(struct reader *r, struct entry *e)
{
	const struct lvs_key *k = &e->service.key;

	for (char **w = r->l.words + 1; *w; w++) {
		int c = key_option(r, w[0], w[1], e);

		if (!c)
			c = service_option(r, w[0], w[1], e);
		if (!c)
			c = dest_option(r, w[0], w[1], e);
		if (c < 0)
			return -1;
		if (c)
			w++;
		else if (!flag_option(w[0], e))
			return lines_fail(
			    &r->l, "no such option of ipvsadm -S: %s", w[0]);
	}
	if (!e->has_key)
		return lines_fail(
		    &r->l, "no virtual server: -t, -u, --sctp-service or -f");
	if (!k->fwmark && k->family != addr_family(&k->addr))
		return lines_fail(&r->l, "-6 with an IPv4 address");
	return 0;
}

static int service_line(struct reader *r)
{
	struct entry e = {0};
	struct lvs_service *s = &e.service;

	if (read_options(r, &e))
		return -1;
	s->sched = arena_strdup(r->arena, s->sched ? s->sched : "wlc"); /* ipvsadm's */
	s->pe = arena_strdup(r->arena, s->pe);
	if (s->mask_bits > full_mask(&s->key))
		return lines_fail(&r->l, "bad value of -M");
	if (!s->mask_bits)
		s->mask_bits = full_mask(&s->key);
	vec_push(&r->services, *s);
	return 0;
}

static int dest_line(struct reader *r)
{
	struct entry e = {.dest = {.weight = 1, .fwd = LVS_DROUTE}}; /* ipvsadm's */

	if (read_options(r, &e))
		return -1;
	if (!e.has_dest)
		return lines_fail(&r->l, "no real server: -r");
	vec_push(&r->dests, (struct loose_dest){e.service.key, e.dest, r->l.line});
	return 0;
}

/* "--set 900 120 300", and how ipvsadm -l --timeout prints them. */
static int timeouts_line(struct reader *r)
{
	char *const *w = r->l.words + r->l.n - 3;

	if (r->l.n < 4 || !word_number(w[0], UINT32_MAX, &r->table->tcp_timeout) ||
	    !word_number(w[1], UINT32_MAX, &r->table->tcpfin_timeout) ||
	    !word_number(w[2], UINT32_MAX, &r->table->udp_timeout))
		return lines_fail(
		    &r->l, "three timeouts are needed: TCP, TCP after FIN, UDP");
	return 0;
}

static int verb_line(struct reader *r)
{
	const char *verb = r->l.words[0];

	if (!strcmp(verb, "-A") || !strcmp(verb, "--add-service"))
		return service_line(r);
	if (!strcmp(verb, "-a") || !strcmp(verb, "--add-server"))
		return dest_line(r);
	if (!strcmp(verb, "--set") || !strcmp(verb, "Timeout"))
		return timeouts_line(r);
	return lines_fail(&r->l, "this is not an ipvsadm -Sn file: \"%.40s\"", verb);
}

static int read_lines(struct reader *r)
{
	int c;

	while ((c = lines_next(&r->l)) > 0) {
		r->table->listed |= lvs_listing_has(&r->l);
		if (r->table->listed)
			c = lvs_listing_line(&r->listing, &r->l);
		if (c > 0)
			c = verb_line(r);
		if (c < 0)
			break;
	}
	return c;
}

static int loose_cmp(const void *va, const void *vb)
{
	const struct loose_dest *a = va, *b = vb;
	int c = lvs_key_cmp(&a->key, &b->key);

	return c ? c : lvs_dest_cmp(&a->dest, &b->dest);
}

static int no_duplicates(struct reader *r, const struct lvs_table *t)
{
	char text[80];

	for (size_t i = 1; i < t->n_services; i++)
		if (!lvs_key_cmp(&t->services[i - 1].key, &t->services[i].key))
			return error_set(r->l.err, ERR_INPUT, 0,
			    "%s: virtual server %s is there twice", r->l.where,
			    lvs_key_format(&t->services[i].key, text));
	return 0;
}

/* Hands the real servers, sorted by virtual server, to the sorted virtual servers. */
static int attach_dests(struct reader *r, struct lvs_table *t)
{
	struct lvs_dest *all = arena_array(r->arena, struct lvs_dest, r->dests.n);
	struct lvs_service *s = NULL;
	char text[80];

	if (r->dests.n)
		qsort(r->dests.v, r->dests.n, sizeof(*r->dests.v), loose_cmp);
	for (size_t i = 0; i < r->dests.n; i++) {
		const struct loose_dest *d = &r->dests.v[i];

		if (!s || lvs_key_cmp(&s->key, &d->key)) {
			s = lvs_find(t, &d->key);
			if (!s)
				return error_set(r->l.err, ERR_INPUT, 0,
				    "%s:%zu: no -A line for virtual server %s",
				    r->l.where, d->line, lvs_key_format(&d->key, text));
			s->dests = &all[i];
		}
		all[i] = d->dest;
		s->n_dests++;
	}
	return 0;
}

int lvs_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct lvs_table *ret, struct error *err)
{
	struct lvs_table t = {.present = true};
	struct reader r = {.arena = a, .table = &t};
	int c;

	lines_begin(&r.l, text, len, where, err);
	c = read_lines(&r);
	if (!c) {
		vec_take(&r.services, a, t.services, t.n_services);
		lvs_sort(&t);
		c = no_duplicates(&r, &t);
	}
	if (!c)
		c = attach_dests(&r, &t);
	if (!c)
		*ret = t;
	vec_free(&r.services);
	vec_free(&r.dests);
	lvs_listing_end(&r.listing);
	lines_end(&r.l);
	return c;
}
