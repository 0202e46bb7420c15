/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ledger as a value and as text. Where it is kept is for others to say. */
#include "config.h"

#include "state/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/vec.h"
#include "state/lines.h"

#define FORMAT "1"

static int cmp_key(const void *a, const void *b)
{
	return lvs_key_cmp(a, b);
}

static int cmp_leaving(const void *va, const void *vb)
{
	const struct ledger_leaving *a = va, *b = vb;
	int c = lvs_key_cmp(&a->server, &b->server);

	if (!c)
		c = addr_cmp(&a->addr, &b->addr);
	return c ? c : (int)a->port - (int)b->port;
}

void ledger_sort(struct ledger *l)
{
	if (l->n_servers)
		qsort(l->servers, l->n_servers, sizeof(*l->servers), cmp_key);
	if (l->n_leaving)
		qsort(l->leaving, l->n_leaving, sizeof(*l->leaving), cmp_leaving);
}

const struct ledger_leaving *ledger_find_leaving(
    const struct ledger *l, const struct lvs_key *server, const struct lvs_dest *d)
{
	const struct ledger_leaving key = {
	    .server = *server, .addr = d->addr, .port = d->port};

	if (!l->n_leaving)
		return NULL;
	return bsearch(&key, l->leaving, l->n_leaving, sizeof(key), cmp_leaving);
}

/* ---- text */

void ledger_print(struct strbuf *sb, const struct ledger *l, const char *kernel)
{
	char key[80], real[ADDRPORT_STRLEN];

	strbuf_add(sb,
	    "# What vipshift made in this kernel's IPVS, and which real servers "
	    "may\n# end their connections until which second since boot.\n");
	strbuf_addf(sb, "ledger " FORMAT " %s\n", kernel);
	for (size_t i = 0; i < l->n_servers; i++)
		strbuf_addf(sb, "server %s\n", lvs_key_format(&l->servers[i], key));
	for (size_t i = 0; i < l->n_leaving; i++) {
		const struct ledger_leaving *e = &l->leaving[i];

		strbuf_addf(sb, "leaving %s %s %llu\n", lvs_key_format(&e->server, key),
		    addrport_format(&e->addr, e->port, real),
		    (unsigned long long)e->deadline);
	}
	strbuf_addf(sb, "end %zu\n", l->n_servers + l->n_leaving);
}

static bool parse_key(const char *proto, const char *at, struct lvs_key *ret)
{
	struct lvs_key k = {0};

	if (!proto_parse(proto, &k.proto) || !addrport_parse(at, &k.addr, &k.port) ||
	    !k.port)
		return false;
	k.family = (uint8_t)addr_family(&k.addr);
	*ret = k;
	return true;
}

static bool parse_seconds(const char *s, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end && !errno;
}

struct reader {
	const char *kernel;
	bool begun, ended, other;
	size_t announced;
	VEC(struct lvs_key) servers;
	VEC(struct ledger_leaving) leaving;
};

static bool take_line(struct reader *r, char *const *w, size_t n)
{
	struct ledger_leaving e = {0};
	uint32_t count;

	if (r->ended)
		return false;
	if (!r->begun) {
		r->begun = n == 3 && !strcmp(w[0], "ledger") && !strcmp(w[1], FORMAT);
		r->other = r->begun && strcmp(w[2], r->kernel);
		return r->begun;
	}
	if (n == 3 && !strcmp(w[0], "server") && parse_key(w[1], w[2], &e.server)) {
		vec_push(&r->servers, e.server);
		return true;
	}
	if (n == 5 && !strcmp(w[0], "leaving") && parse_key(w[1], w[2], &e.server) &&
	    addrport_parse(w[3], &e.addr, &e.port) && e.port &&
	    parse_seconds(w[4], &e.deadline)) {
		vec_push(&r->leaving, e);
		return true;
	}
	if (n == 2 && !strcmp(w[0], "end") && word_number(w[1], UINT32_MAX, &count)) {
		r->announced = count;
		r->ended = true;
		return true;
	}
	return false;
}

int ledger_parse(const char *text, size_t len, const char *where, const char *kernel,
    struct arena *a, struct ledger *ret, struct error *err)
{
	struct reader r = {.kernel = kernel};
	struct ledger l = {0};
	struct lines lines;
	int more;

	lines_begin(&lines, text, len, where, err);
	while ((more = lines_next(&lines)) > 0)
		if (!take_line(&r, lines.words, lines.n)) {
			more = lines_fail(&lines, "not a line of a ledger");
			break;
		}
	lines_end(&lines);
	vec_take(&r.servers, a, l.servers, l.n_servers);
	vec_take(&r.leaving, a, l.leaving, l.n_leaving);
	if (!more && (!r.ended || r.announced != l.n_servers + l.n_leaving))
		more = error_set(err, ERR_INPUT, 0, "%s: it is not whole", where);
	if (more)
		return -1;
	if (r.other)
		l = (struct ledger){0};
	ledger_sort(&l);
	*ret = l;
	return 0;
}
