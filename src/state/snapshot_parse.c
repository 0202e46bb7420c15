/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads snapshots: checks that the file is whole, then hands each part to the parser of
 * its kind. */
#include "config.h"

#include "state/snapshot.h"
#include "base/hash.h"
#include "state/snapshot_marks.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	const char *where;
	const char *text, *end; /* end: of the closing line's predecessor */
	struct state *s;
	struct snapshot_info *info;
	struct error *err;
	unsigned seen; /* parts, as bits */
};

/* A line, without its newline. */
struct line {
	const char *s;
	size_t len, number;
};

static bool begins(const struct line *l, const char *with)
{
	size_t n = strlen(with);

	return l->len >= n && !memcmp(l->s, with, n);
}

/* The line after *l, or the first one; false at the end of the text. */
static bool next(const struct reader *r, struct line *l)
{
	const char *s = l->s ? l->s + l->len + 1 : r->text, *nl;

	if (s >= r->end)
		return false;
	nl = memchr(s, '\n', (size_t)(r->end - s));
	l->s = s;
	l->len = (size_t)((nl ? nl : r->end) - s);
	l->number++;
	return true;
}

/* ---- is it whole? */

static int check_first(const struct reader *r, const struct line *l)
{
	long format;

	if (!begins(l, SNAPSHOT_MAGIC))
		return error_set(r->err, ERR_INPUT, 0,
		    "%s:1: this is not a snapshot of vipshift: its first line is not "
		    "\"" SNAPSHOT_MAGIC "%d\"",
		    r->where, SNAPSHOT_FORMAT);
	format = strtol(l->s + strlen(SNAPSHOT_MAGIC), NULL, 10);
	if (format != SNAPSHOT_FORMAT)
		return error_set(r->err, ERR_INPUT, 0,
		    "%s:1: a snapshot of format %ld: this release reads format %d",
		    r->where, format, SNAPSHOT_FORMAT);
	return 0;
}

static int check_digest(const struct reader *r, const struct line *last)
{
	size_t counted = 0, before = last->number - 1;
	char said[65] = "", digest[65], copy[160];

	snprintf(copy, sizeof(copy), "%.*s", (int)last->len, last->s);
	if (sscanf(copy, SNAPSHOT_END "%zu lines, sha256 %64s", &counted, said) != 2)
		return error_set(r->err, ERR_INPUT, 0,
		    "%s:%zu: the closing line is damaged: the file is cut off", r->where,
		    last->number);
	if (counted != before)
		return error_set(r->err, ERR_INPUT, 0,
		    "%s:%zu: %zu lines were saved, here are %zu: some were lost or added",
		    r->where, last->number, counted, before);
	hash_sha256_hex(r->text, (size_t)(last->s - r->text), digest);
	if (strcmp(said, digest))
		return error_set(r->err, ERR_INPUT, 0,
		    "%s:%zu: the checksum is not that of the lines above: the file was "
		    "changed or damaged",
		    r->where, last->number);
	return 0;
}

static int check_whole(struct reader *r)
{
	struct line l = {0}, last = {0};

	if (memchr(r->text, '\0', (size_t)(r->end - r->text)) || !next(r, &l))
		return error_set(r->err, ERR_INPUT, 0,
		    "%s:1: this is not a snapshot of vipshift: it is %s", r->where,
		    l.s || r->text < r->end ? "not text" : "empty");
	if (check_first(r, &l))
		return -1;
	do
		last = l;
	while (next(r, &l));
	if (!begins(&last, SNAPSHOT_END) || r->end[-1] != '\n')
		return error_set(r->err, ERR_INPUT, 0,
		    "%s:%zu: the snapshot ends without its closing line: it is cut off",
		    r->where, last.number);
	if (check_digest(r, &last))
		return -1;
	r->end = last.s;
	return 0;
}

/* ---- head */

static void take_families(struct reader *r, const char *names)
{
	family_foreach (f)
		if (strstr(names, family_info(f)->name))
			r->info->families |= FAMILY_BIT(f);
}

static void take_field(struct reader *r, const struct line *l)
{
	const struct {
		const char *name;
		const char **to;
	} fields[] = {
	    {"# version: ", &r->info->version},
	    {"# host: ", &r->info->host},
	    {"# date: ", &r->info->date},
	    {"# kernel: ", &r->info->kernel},
	    {"# iptables: ", &r->info->iptables},
	    {"# mode: ", &r->info->mode},
	};
	const char *text = arena_strndup(r->s->arena, l->s, l->len);

	if (begins(l, "# families:"))
		take_families(r, text);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (begins(l, fields[i].name))
			*fields[i].to = text + strlen(fields[i].name);
}

/* ---- parts */

static int parse_part(const struct reader *r, enum part p, const char *text, size_t len)
{
	struct state *s = r->s;

	switch (p) {
	case PART_IPTABLES:
		return fw_parse(
		    text, len, r->where, FAMILY_4, s->arena, &s->fw[FAMILY_4], r->err);
	case PART_IP6TABLES:
		return fw_parse(
		    text, len, r->where, FAMILY_6, s->arena, &s->fw[FAMILY_6], r->err);
	case PART_IPSET:
		return kset_parse(text, len, r->where, s->arena, &s->sets, r->err);
	case PART_IPVS:
		return lvs_parse(text, len, r->where, s->arena, &s->lvs, r->err);
	case PART_ADDRESSES:
		return vip_parse(text, len, r->where, s->arena, &s->vips, r->err);
	case PART_SYSCTLS:
		break;
	}
	return knob_parse(text, len, r->where, s->arena, &s->knobs, r->err);
}

/* Reads the part whose heading *l is; *l is the next heading then. 1; 0: that was the
 * last; -1. */
static int read_part(struct reader *r, struct line *l)
{
	struct strbuf text = {0};
	enum part p;
	char *name = arena_strndup(
	    r->s->arena, l->s + strlen(SNAPSHOT_PART), l->len - strlen(SNAPSHOT_PART));
	bool more;
	int ret;

	if (!part_parse(name, &p))
		return error_set(r->err, ERR_INPUT, 0, "%s:%zu: no such part: %s",
		    r->where, l->number, name);
	if (r->seen & 1u << p)
		return error_set(r->err, ERR_INPUT, 0, "%s:%zu: part %s comes twice",
		    r->where, l->number, name);
	r->seen |= 1u << p;
	/* As many lines as in the file, so that messages name the right one. */
	for (size_t i = 0; i < l->number; i++)
		strbuf_addch(&text, '\n');
	while ((more = next(r, l)) && !begins(l, SNAPSHOT_PART)) {
		size_t skip = begins(l, SNAPSHOT_FOREIGN) ? strlen(SNAPSHOT_FOREIGN) : 0;

		strbuf_addn(&text, l->s + skip, l->len - skip);
		strbuf_addch(&text, '\n');
	}
	ret = parse_part(r, p, text.s, text.len);
	strbuf_free(&text);
	return ret ? -1 : more;
}

static int read_all(struct reader *r)
{
	struct line l = {0};
	int more = 0;

	while (!more && next(r, &l)) {
		take_field(r, &l);
		more = begins(&l, SNAPSHOT_PART);
	}
	while (more > 0)
		more = read_part(r, &l);
	return more;
}

int snapshot_parse(const char *text, size_t len, const char *where, struct state **ret,
    struct snapshot_info *info, struct error *err)
{
	AUTO(state) struct state *s = state_new();
	struct snapshot_info read = {0};
	struct reader r = {
	    .where = where,
	    .text = text,
	    .end = text + len,
	    .s = s,
	    .info = &read,
	    .err = err,
	};

	if (check_whole(&r) || read_all(&r))
		return -1;
	family_foreach (f)
		s->fw[f].present = read.families & FAMILY_BIT(f);
	*ret = s;
	*info = read;
	s = NULL;
	return 0;
}
