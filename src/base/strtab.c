/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A hash table of strings: chain names, comments, set names. Does not own them. */
#include "config.h"

#include "base/strtab.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

static struct strtab_item *slot(
    struct strtab_item *items, size_t size, const char *s, uint32_t hash)
{
	size_t i = hash & (size - 1);

	while (items[i].s && (items[i].hash != hash || strcmp(items[i].s, s)))
		i = (i + 1) & (size - 1);
	return &items[i];
}

static uint32_t hash_of(const char *s)
{
	return (uint32_t)hash_bytes(s, strlen(s), 0);
}

static void grow(struct strtab *t)
{
	size_t size = t->size ? t->size * 2 : 64;
	struct strtab_item *items = xcalloc(size, sizeof(*items));

	for (size_t i = 0; i < t->size; i++)
		if (t->items[i].s)
			*slot(items, size, t->items[i].s, t->items[i].hash) = t->items[i];
	free(t->items);
	t->items = items;
	t->size = size;
}

struct strtab_item *strtab_find(const struct strtab *t, const char *s)
{
	struct strtab_item *i;

	if (!t->size)
		return NULL;
	i = slot(t->items, t->size, s, hash_of(s));
	return i->s ? i : NULL;
}

struct strtab_item *strtab_add(struct strtab *t, const char *s)
{
	uint32_t hash = hash_of(s);
	struct strtab_item *i;

	if ((t->n + 1) * 2 > t->size)
		grow(t);
	i = slot(t->items, t->size, s, hash);
	if (!i->s) {
		*i = (struct strtab_item){.s = s, .hash = hash};
		t->n++;
	}
	return i;
}

const char *strtab_intern(struct strtab *t, struct arena *a, const char *s)
{
	struct strtab_item *i = strtab_add(t, s);

	/* Only a new item still points to the caller's string. */
	if (i->s == s)
		i->s = arena_strdup(a, s);
	return i->s;
}

void strtab_free(struct strtab *t)
{
	free(t->items);
	*t = (struct strtab){0};
}
