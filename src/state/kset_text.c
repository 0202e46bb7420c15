/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipset save files read and printed; what ipset list prints is read as well. */
#include "config.h"

#include "state/kset.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "state/kset_listing.h"
#include "state/lines.h"
#include "state/own.h"

#include <string.h>

/* What an entry of each type consists of. */
enum { PART_IP = 1, PART_PORT = 2, PART_IP2 = 4, PART_NET = 8 };

static const unsigned parts[] = {
    [KSET_HASH_IP] = PART_IP,
    [KSET_HASH_IP_PORT] = PART_IP | PART_PORT,
    [KSET_HASH_IP_PORT_IP] = PART_IP | PART_PORT | PART_IP2,
    [KSET_HASH_IP_PORT_NET] = PART_IP | PART_PORT | PART_NET,
    [KSET_BITMAP_PORT] = PART_PORT,
    [KSET_OTHER] = 0,
};

/* ---- printing */

void kset_print_create(struct strbuf *sb, const struct kset *s)
{
	const char *type =
	    s->type == KSET_OTHER ? s->other_type : kset_type_name(s->type);

	strbuf_addf(sb, "create %s %s", s->name, type);
	if (s->type == KSET_BITMAP_PORT)
		strbuf_addf(sb, " range %u-%u", s->port_from, s->port_to);
	else if (s->type != KSET_OTHER)
		strbuf_addf(sb, " family %s hashsize %u maxelem %u",
		    family_info(s->family)->set_family, s->hashsize, s->maxelem);
	if (s->extensions)
		strbuf_addf(sb, " %s", s->extensions);
	strbuf_addch(sb, '\n');
}

static void print_port(struct strbuf *sb, const struct kset_entry *e)
{
	const char *proto = proto_name(e->proto);

	if (proto)
		strbuf_add(sb, proto);
	else
		strbuf_addu(sb, e->proto);
	strbuf_addch(sb, ':');
	strbuf_addu(sb, e->port);
}

void kset_print_entry(struct strbuf *sb, const struct kset *s, const struct kset_entry *e)
{
	strbuf_add(sb, "add ");
	strbuf_add(sb, s->name);
	strbuf_addch(sb, ' ');
	if (s->type == KSET_BITMAP_PORT) {
		strbuf_addu(sb, e->port);
		strbuf_addch(sb, '\n');
		return;
	}
	addr_print(sb, &e->ip);
	if (parts[s->type] & PART_PORT) {
		strbuf_addch(sb, ',');
		print_port(sb, e);
	}
	if (parts[s->type] & (PART_IP2 | PART_NET)) {
		strbuf_addch(sb, ',');
		addr_print(sb, &e->ip2);
	}
	/* The kernel gives a single address back without its length. */
	if (parts[s->type] & PART_NET && e->bits < e->ip2.len * 8) {
		strbuf_addch(sb, '/');
		strbuf_addu(sb, e->bits);
	}
	strbuf_addch(sb, '\n');
}

void kset_print_list(struct strbuf *sb, const struct kset_list *l)
{
	for (size_t i = 0; i < l->n_sets; i++) {
		const struct kset *s = &l->sets[i];

		kset_print_create(sb, s);
		for (size_t j = 0; j < s->n_entries; j++)
			kset_print_entry(sb, s, &s->entries[j]);
	}
}

/* ---- entries */

static bool parse_port(const char *s, struct kset_entry *e)
{
	const char *colon = strchr(s, ':');
	char proto[8];
	uint32_t v;

	/* Without a protocol ipset means TCP. */
	if (!colon)
		return proto_parse("tcp", &e->proto) && word_number(s, UINT16_MAX, &v) &&
		       (e->port = (uint16_t)v, true);
	if ((size_t)(colon - s) >= sizeof(proto))
		return false;
	memcpy(proto, s, (size_t)(colon - s));
	proto[colon - s] = '\0';
	if (!proto_parse(proto, &e->proto)) {
		if (!word_number(proto, UINT8_MAX, &v))
			return false;
		e->proto = (uint8_t)v;
	}
	if (!word_number(colon + 1, UINT16_MAX, &v))
		return false;
	e->port = (uint16_t)v;
	return true;
}

static bool parse_host(const char *s, enum family f, struct addr *ret)
{
	return addr_parse(s, ret) && addr_family(ret) == f;
}

static bool parse_net(const char *s, enum family f, struct kset_entry *e)
{
	struct prefix p;

	if (!prefix_parse(s, &p) || addr_family(&p.addr) != f)
		return false;
	prefix_normalize(&p);
	e->ip2 = p.addr;
	e->bits = p.bits;
	return true;
}

static bool parse_elements(char *text, const struct kset *s, struct kset_entry *e)
{
	unsigned want = parts[s->type];
	char *save = NULL;
	char *word = strtok_r(text, ",", &save);
	uint32_t port;

	if (s->type == KSET_BITMAP_PORT) {
		if (!word || !word_number(word, s->port_to, &port) || port < s->port_from)
			return false;
		e->port = (uint16_t)port;
		return !strtok_r(NULL, ",", &save);
	}
	if (!word || !parse_host(word, s->family, &e->ip))
		return false;
	if (want & PART_PORT) {
		word = strtok_r(NULL, ",", &save);
		if (!word || !parse_port(word, e))
			return false;
	}
	if (want & (PART_IP2 | PART_NET)) {
		word = strtok_r(NULL, ",", &save);
		if (!word || !(want & PART_NET ? parse_net(word, s->family, e)
					       : parse_host(word, s->family, &e->ip2)))
			return false;
	}
	return !strtok_r(NULL, ",", &save);
}

int kset_parse_entry(
    const char *text, const struct kset *s, struct kset_entry *ret, struct error *err)
{
	struct kset_entry e = {0};
	char copy[160];

	if (s->type != KSET_OTHER && strlen(text) < sizeof(copy) &&
	    parse_elements(strcpy(copy, text), s, &e)) {
		*ret = e;
		return 0;
	}
	return error_set(err, ERR_INPUT, 0, "set %s: %s is not an entry of a %s set%s%s",
	    s->name, text,
	    s->type == KSET_OTHER ? s->other_type : kset_type_name(s->type),
	    s->type == KSET_BITMAP_PORT ? "" : " of family ",
	    s->type == KSET_BITMAP_PORT ? "" : family_info(s->family)->set_family);
}

/* ---- files */

/* Words of a create line that its type does not have; with all that it has it still is no
 * longer than a line may be. */
#define EXTENSIONS_MAX 32

typedef VEC(struct kset_entry) kset_entry_vec;

struct reader {
	struct lines l;
	struct arena *arena;
	VEC(struct kset) sets;
	VEC(kset_entry_vec) entries; /* of the set with the same index */
	struct strtab names;	     /* value: the index + 1 */
	size_t last;		     /* set of the line before */
	struct kset_listing listing;
};

static bool parse_family(const char *s, enum family *ret)
{
	if (s)
		family_foreach (f)
			if (!strcmp(family_info(f)->set_family, s)) {
				*ret = f;
				return true;
			}
	return false;
}

static bool parse_range(const char *s, struct kset *set)
{
	const char *dash = s ? strchr(s, '-') : NULL;
	char from[8];
	uint32_t a, b;

	if (!dash || (size_t)(dash - s) >= sizeof(from))
		return false;
	memcpy(from, s, (size_t)(dash - s));
	from[dash - s] = '\0';
	if (!word_number(from, UINT16_MAX, &a) ||
	    !word_number(dash + 1, UINT16_MAX, &b) || a > b)
		return false;
	set->port_from = (uint16_t)a;
	set->port_to = (uint16_t)b;
	return true;
}

/* 1: an option of the type, with its value; 0: another one; -1: a bad value. */
static int create_option(struct kset *s, const char *opt, const char *value)
{
	bool ok;

	if (!strcmp(opt, "bucketsize") || !strcmp(opt, "initval"))
		ok = value != NULL; /* how the kernel laid it out: says nothing */
	else if (s->type == KSET_OTHER)
		return 0;
	else if (s->type == KSET_BITMAP_PORT && !strcmp(opt, "range"))
		ok = parse_range(value, s);
	else if (s->type != KSET_BITMAP_PORT && !strcmp(opt, "family"))
		ok = parse_family(value, &s->family);
	else if (s->type != KSET_BITMAP_PORT && !strcmp(opt, "hashsize"))
		ok = word_number(value, UINT32_MAX, &s->hashsize);
	else if (s->type != KSET_BITMAP_PORT && !strcmp(opt, "maxelem"))
		ok = word_number(value, UINT32_MAX, &s->maxelem);
	else
		return 0;
	return ok ? 1 : -1;
}

static bool is_exist_flag(const char *s)
{
	return !strcmp(s, "-exist") || !strcmp(s, "-!");
}

/* r->sets.n: there is none. */
static size_t find_set(const struct reader *r, const char *name)
{
	const struct strtab_item *i;

	if (r->last < r->sets.n && !strcmp(r->sets.v[r->last].name, name))
		return r->last;
	i = strtab_find(&r->names, name);
	return i ? i->value - 1 : r->sets.n;
}

static int create_line(struct reader *r)
{
	struct kset s = {.type = KSET_OTHER, .hashsize = 1024, .maxelem = 65536};
	struct strbuf rest = {0};
	char *const *w = r->l.words;
	unsigned n_rest = 0;
	int c = 0;

	if (r->l.n < 3)
		return lines_fail(&r->l, "create needs a name and a type");
	if (find_set(r, w[1]) < r->sets.n)
		return lines_fail(&r->l, "set %s is created twice", w[1]);
	s.name = arena_strdup(r->arena, w[1]);
	if (!kset_type_parse(w[2], &s.type))
		s.other_type = arena_strdup(r->arena, w[2]);
	for (w += 3; *w; w += c ? 2 : 1) {
		c = create_option(&s, w[0], w[1]);
		if (c < 0)
			break;
		if (!c && !is_exist_flag(*w)) {
			strbuf_add(&rest, rest.len ? " " : "");
			strbuf_add(&rest, *w);
			n_rest++;
		}
	}
	if (rest.len)
		s.extensions = arena_strdup(r->arena, rest.s);
	strbuf_free(&rest);
	if (r->l.cut || n_rest > EXTENSIONS_MAX)
		return lines_fail(&r->l, "set %s: too many options", s.name);
	if (c < 0)
		return lines_fail(&r->l, "set %s: bad value of %s: %s", s.name, w[0],
		    w[1] ? w[1] : "nothing");
	vec_push(&r->sets, s);
	vec_push(&r->entries, (kset_entry_vec){0});
	r->last = r->sets.n - 1;
	strtab_add(&r->names, s.name)->value = (uint32_t)r->sets.n;
	return 0;
}

static int add_line(struct reader *r)
{
	char *const *w = r->l.words;
	struct kset_entry e;
	struct kset *s;

	if (r->l.n < 3)
		return lines_fail(&r->l, "add needs a set and an entry");
	r->last = find_set(r, w[1]);
	if (r->last == r->sets.n)
		return lines_fail(&r->l, "set %s is not created above", w[1]);
	s = &r->sets.v[r->last];
	if (s->type == KSET_OTHER)
		return 0;
	if (!kset_parse_entry(w[2], s, &e, r->l.err)) {
		vec_push(&r->entries.v[r->last], e);
		return 0;
	}
	/* Somebody else's set may hold what kube-proxy never writes, such as icmp types.
	 */
	if (own_set(s->name) == OWN_FOREIGN)
		return 0;
	return error_wrap(r->l.err, "%s:%zu", r->l.where, r->l.line);
}

static int read_lines(struct reader *r)
{
	int c;

	while ((c = lines_next(&r->l)) > 0) {
		const char *verb;

		if (kset_listing_has(&r->listing, &r->l)) {
			c = kset_listing_line(&r->listing, &r->l);
			if (c < 0)
				break;
			if (!c)
				continue;
		}
		verb = r->l.words[0];
		if (!strcmp(verb, "create") || !strcmp(verb, "-N"))
			c = create_line(r);
		else if (!strcmp(verb, "add") || !strcmp(verb, "-A"))
			c = add_line(r);
		else if (strcmp(verb, "COMMIT"))
			c = lines_fail(
			    &r->l, "this is not an ipset save file: \"%.40s\"", verb);
		if (c < 0)
			break;
	}
	return c ? c : kset_listing_end(&r->listing, &r->l);
}

int kset_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct kset_list *ret, struct error *err)
{
	struct reader r = {.arena = a};
	int c;

	lines_begin(&r.l, text, len, where, err);
	c = read_lines(&r);
	for (size_t i = 0; i < r.sets.n; i++) {
		vec_take(&r.entries.v[i], a, r.sets.v[i].entries, r.sets.v[i].n_entries);
		kset_sort(&r.sets.v[i]);
	}
	if (!c) {
		error_clear(err); /* of entries that were passed over */
		vec_take(&r.sets, a, ret->sets, ret->n_sets);
		kset_list_sort(ret);
		ret->present = true;
	}
	vec_free(&r.sets);
	vec_free(&r.entries);
	strtab_free(&r.names);
	kset_listing_free(&r.listing);
	lines_end(&r.l);
	return c;
}
