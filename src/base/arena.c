/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bump allocation in growing blocks; x* wrappers end the program when memory is out. */
#include "config.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALIGN 8u
#define BLOCK_MIN (4u << 10)
#define BLOCK_MAX (1u << 20)

struct block {
	struct block *next;
	size_t used, size;
	_Alignas(16) unsigned char data[];
};

struct arena {
	struct block *head;
	size_t next_size;
};

static void out_of_memory(size_t size)
{
	fprintf(stderr, "vipshift: out of memory (%zu bytes wanted)\n", size);
	abort();
}

void *xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		out_of_memory(size);
	return p;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		out_of_memory(size);
	return p;
}

void *xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		out_of_memory(size);
	return p;
}

char *xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(xmalloc(n), s, n);
}

struct arena *arena_new(void)
{
	struct arena *a = xcalloc(1, sizeof(*a));

	a->next_size = BLOCK_MIN;
	return a;
}

void arena_free(struct arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->head, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	free(a);
}

static void add_block(struct arena *a, size_t need)
{
	size_t size = a->next_size > need ? a->next_size : need;
	struct block *b = xcalloc(1, sizeof(*b) + size);

	b->size = size;
	/* A large single object must not hide the room left in the current block. */
	if (a->head && need > a->next_size) {
		b->next = a->head->next;
		a->head->next = b;
	} else {
		b->next = a->head;
		a->head = b;
	}
	if (a->next_size < BLOCK_MAX)
		a->next_size *= 2;
}

void *arena_alloc(struct arena *a, size_t size)
{
	struct block *b;

	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (size >= BLOCK_MAX) {
		add_block(a, size);
		b = a->head->size - a->head->used >= size ? a->head : a->head->next;
	} else {
		if (!a->head || a->head->size - a->head->used < size)
			add_block(a, size);
		b = a->head->size - a->head->used >= size ? a->head : a->head->next;
	}
	b->used += size;
	return b->data + b->used - size;
}

void *arena_copy(struct arena *a, const void *data, size_t size)
{
	void *p = arena_alloc(a, size);

	if (size)
		memcpy(p, data, size);
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	memcpy(p, s, n);
	return p;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = arena_alloc(a, (size_t)n + 1);
	vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
