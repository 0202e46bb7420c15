/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP sets as values: types, order, search, comparison. */
#include "config.h"

#include "state/kset.h"

#include <stdlib.h>
#include <string.h>

static const char *const type_names[] = {
    [KSET_HASH_IP] = "hash:ip",
    [KSET_HASH_IP_PORT] = "hash:ip,port",
    [KSET_HASH_IP_PORT_IP] = "hash:ip,port,ip",
    [KSET_HASH_IP_PORT_NET] = "hash:ip,port,net",
    [KSET_BITMAP_PORT] = "bitmap:port",
};

const char *kset_type_name(enum kset_type t)
{
	return t < KSET_OTHER ? type_names[t] : NULL;
}

bool kset_type_parse(const char *s, enum kset_type *ret)
{
	for (unsigned i = 0; i < KSET_OTHER; i++)
		if (!strcmp(type_names[i], s)) {
			*ret = (enum kset_type)i;
			return true;
		}
	return false;
}

static int name_cmp(const void *key, const void *set)
{
	return strcmp(key, ((const struct kset *)set)->name);
}

struct kset *kset_find(const struct kset_list *l, const char *name)
{
	if (!l->n_sets)
		return NULL;
	return bsearch(name, l->sets, l->n_sets, sizeof(*l->sets), name_cmp);
}

int kset_entry_cmp(const struct kset_entry *a, const struct kset_entry *b)
{
	int c = addr_cmp(&a->ip, &b->ip);

	if (!c)
		c = (int)a->proto - (int)b->proto;
	if (!c)
		c = (int)a->port - (int)b->port;
	if (!c)
		c = addr_cmp(&a->ip2, &b->ip2);
	return c ? c : (int)a->bits - (int)b->bits;
}

static int entry_cmp(const void *a, const void *b)
{
	return kset_entry_cmp(a, b);
}

bool kset_has(const struct kset *s, const struct kset_entry *e)
{
	return s && s->n_entries &&
	       bsearch(e, s->entries, s->n_entries, sizeof(*e), entry_cmp);
}

void kset_sort(struct kset *s)
{
	size_t n = 0;

	if (!s->n_entries)
		return;
	qsort(s->entries, s->n_entries, sizeof(*s->entries), entry_cmp);
	for (size_t i = 0; i < s->n_entries; i++)
		if (!n || kset_entry_cmp(&s->entries[n - 1], &s->entries[i]))
			s->entries[n++] = s->entries[i];
	s->n_entries = n;
}

static int set_cmp(const void *a, const void *b)
{
	return strcmp(((const struct kset *)a)->name, ((const struct kset *)b)->name);
}

void kset_list_sort(struct kset_list *l)
{
	if (l->n_sets)
		qsort(l->sets, l->n_sets, sizeof(*l->sets), set_cmp);
}

static bool text_eq(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

bool kset_same_header(const struct kset *a, const struct kset *b)
{
	if (a->type != b->type || !text_eq(a->extensions, b->extensions))
		return false;
	if (a->type == KSET_OTHER)
		return text_eq(a->other_type, b->other_type);
	if (a->type == KSET_BITMAP_PORT)
		return a->port_from == b->port_from && a->port_to == b->port_to;
	/* The hash size grows with the entries and is never a difference. */
	return a->family == b->family && a->maxelem == b->maxelem;
}

bool kset_eq(const struct kset *a, const struct kset *b)
{
	if (!kset_same_header(a, b) || a->n_entries != b->n_entries)
		return false;
	for (size_t i = 0; i < a->n_entries; i++)
		if (kset_entry_cmp(&a->entries[i], &b->entries[i]))
			return false;
	return true;
}
