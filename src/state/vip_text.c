/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces and addresses as text: ip -batch lines printed and read; those of ip addr
 * and ip link read, with -o and without. */
#include "config.h"

#include "state/vip.h"
#include "base/strtab.h"
#include "base/vec.h"
#include "state/lines.h"

#include <string.h>

/* ---- printing */

void vip_print_link(struct strbuf *sb, const struct vip_link *l)
{
	strbuf_addf(sb, "link add %s type %s\n", l->name, l->kind);
}

void vip_print_addr(struct strbuf *sb, const struct vip_addr *a)
{
	strbuf_add(sb, "address add ");
	prefix_print(sb, &a->prefix);
	strbuf_add(sb, " dev ");
	strbuf_add(sb, a->link);
	strbuf_addch(sb, '\n');
}

void vip_print_table(struct strbuf *sb, const struct vip_table *t)
{
	/* An interface without a kind is hardware, or of a dump that does not say. */
	for (size_t i = 0; i < t->n_links; i++)
		if (*t->links[i].kind)
			vip_print_link(sb, &t->links[i]);
	for (size_t i = 0; i < t->n_addrs; i++)
		vip_print_addr(sb, &t->addrs[i]);
}

/* ---- reading */

struct reader {
	struct lines l;
	struct arena *arena;
	VEC(struct vip_link) links;
	struct strtab names; /* value: place in links + 1 */
	VEC(struct vip_addr) addrs;
	const char *under; /* ip without -o: the link whose lines come */
};

/* The link, made when it is new. The pointer holds until the next new one. */
static struct vip_link *get_link(struct reader *r, const char *name)
{
	struct vip_link l = {.kind = strcmp(name, VIP_LINK) ? "" : "dummy"};
	const struct strtab_item *known = strtab_find(&r->names, name);

	if (known)
		return &r->links.v[known->value - 1];
	l.name = arena_strdup(r->arena, name);
	vec_push(&r->links, l);
	strtab_add(&r->names, l.name)->value = (uint32_t)r->links.n;
	return &r->links.v[r->links.n - 1];
}

static int add_addr(struct reader *r, const char *text, const char *link)
{
	struct vip_addr a = {0};

	if (!prefix_parse(text, &a.prefix))
		return lines_fail(&r->l, "%s: %s is not an address", link, text);
	a.link = get_link(r, link)->name;
	vec_push(&r->addrs, a);
	return 0;
}

/* The word after `name`, or NULL. */
static const char *value_of(char *const *words, const char *name)
{
	for (; *words; words++)
		if (!strcmp(*words, name))
			return words[1];
	return NULL;
}

static bool is_verb(const char *s)
{
	return !strcmp(s, "add") || !strcmp(s, "replace") || !strcmp(s, "change");
}

/* "link add [name] NAME type KIND", "link set [dev] NAME up" */
static int batch_link(struct reader *r)
{
	char *const *w = r->l.words + 1;
	bool add = w[0] && is_verb(w[0]);
	const char *name, *kind;

	if (!w[0] || !w[1] || (!add && strcmp(w[0], "set")))
		return lines_fail(
		    &r->l, "a link line reads \"link add NAME type dummy\"");
	w++;
	if (w[1] && (!strcmp(w[0], "name") || !strcmp(w[0], "dev")))
		w++;
	name = *w++;
	kind = value_of(w, "type");
	if (add && kind)
		get_link(r, name)->kind = arena_strdup(r->arena, kind);
	for (; *w; w++)
		if (!strcmp(*w, "up"))
			get_link(r, name)->up = true;
	return 0;
}

/* "address add A/32 dev NAME" */
static int batch_addr(struct reader *r)
{
	char *const *w = r->l.words + 1;
	const char *dev = value_of(w, "dev");

	if (!w[0] || !is_verb(w[0]) || !w[1] || !dev)
		return lines_fail(&r->l,
		    "an address line reads \"address add ADDRESS/LENGTH dev NAME\"");
	return add_addr(r, w[1], dev);
}

/* "3: kube-ipvs0: <BROADCAST,NOARP> mtu 1500 ..."; name without its colon. */
static int listed_link(struct reader *r, char *name, const char *flags)
{
	struct vip_link *l;
	char *p;

	name[strcspn(name, "@")] = '\0';
	l = get_link(r, name);
	r->under = l->name;
	for (p = strstr(flags, "UP"); p; p = strstr(p + 1, "UP"))
		if ((p[-1] == '<' || p[-1] == ',') && (p[2] == '>' || p[2] == ','))
			l->up = true;
	return 0;
}

/* A line of ip -o, from the interface name on. */
static int listed_line(struct reader *r, char **w, uint32_t index)
{
	size_t n = strlen(w[0]);
	int c;

	if (n > 1 && w[0][n - 1] == ':' && w[1] && w[1][0] == '<') {
		w[0][n - 1] = '\0';
		c = listed_link(r, w[0], w[1]);
	} else if (w[1] && w[2] && (!strcmp(w[1], "inet") || !strcmp(w[1], "inet6"))) {
		c = add_addr(r, w[2], w[0]);
	} else {
		return lines_fail(&r->l,
		    "this is neither an ip -batch nor an ip -o addr line: "
		    "\"%.40s\"",
		    w[0]);
	}
	if (!c && index)
		get_link(r, w[0])->index = index;
	return c;
}

/* "link/ether", "valid_lft", ...: what ip says of a link or an address besides. */
static bool says_nothing(const char *s)
{
	static const char *const words[] = {"valid_lft", "altname", "alias", "vf"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(s, words[i]))
			return true;
	return !strncmp(s, "link/", strlen("link/"));
}

static int parse_line(struct reader *r)
{
	char **w = r->l.words;
	uint32_t index = 0;
	size_t n = strlen(w[0]);

	if (r->under && w[1] && (!strcmp(w[0], "inet") || !strcmp(w[0], "inet6")))
		return add_addr(r, w[1], r->under);
	if (r->under && says_nothing(w[0]))
		return 0;
	if (!strcmp(w[0], "link"))
		return batch_link(r);
	if (!strcmp(w[0], "address") || !strcmp(w[0], "addr"))
		return batch_addr(r);
	if (w[1] && w[0][n - 1] == ':') {
		w[0][n - 1] = '\0';
		if (word_number(w[0], INT32_MAX, &index))
			return listed_line(r, w + 1, index);
		w[0][n - 1] = ':';
	}
	return listed_line(r, w, 0);
}

int vip_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct vip_table *ret, struct error *err)
{
	struct vip_table t = {.present = true};
	struct reader r = {.arena = a};
	int c;

	lines_begin(&r.l, text, len, where, err);
	while ((c = lines_next(&r.l)) > 0)
		if (parse_line(&r)) {
			c = -1;
			break;
		}
	if (!c) {
		vec_take(&r.links, a, t.links, t.n_links);
		vec_take(&r.addrs, a, t.addrs, t.n_addrs);
		vip_sort(&t);
		*ret = t;
	}
	vec_free(&r.links);
	vec_free(&r.addrs);
	strtab_free(&r.names);
	lines_end(&r.l);
	return c;
}
