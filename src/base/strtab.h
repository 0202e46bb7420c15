/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_STRTAB_H
#define BASE_STRTAB_H

#include "base/arena.h"

#include <stdint.h>

/* Strings by content, each with a number. Start with {0}; end with strtab_free(). */
struct strtab_item {
	const char *s; /* NULL: free place */
	uint32_t hash;
	uint32_t value;
};
struct strtab {
	struct strtab_item *items;
	size_t n, size;
};

struct strtab_item *strtab_find(const struct strtab *t, const char *s);
/* The item of s, which keeps the pointer if it is new (value 0). Valid until the next
 * strtab_add(). */
struct strtab_item *strtab_add(struct strtab *t, const char *s);
/* The one copy of s in the arena. */
const char *strtab_intern(struct strtab *t, struct arena *a, const char *s);
void strtab_free(struct strtab *t);

#endif
