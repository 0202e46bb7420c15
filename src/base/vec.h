/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include "base/arena.h"

#include <stdlib.h>

/*
 * A growing typed array on the heap: VEC(struct op) ops = {0}; vec_push(&ops, op);
 * vec_free(&ops). vec_take() moves the content into an arena and frees the vector.
 */
#define VEC(type)                                                                         \
	struct {                                                                          \
		type *v;                                                                  \
		size_t n, cap;                                                            \
	}

#define vec_reserve(vec, want)                                                            \
	do {                                                                              \
		if ((vec)->cap < (want)) {                                                \
			size_t vec_cap_ = (vec)->cap ? (vec)->cap * 2 : 8;                \
			if (vec_cap_ < (want))                                            \
				vec_cap_ = (want);                                        \
			(vec)->v = xrealloc((vec)->v, vec_cap_ * sizeof(*(vec)->v));      \
			(vec)->cap = vec_cap_;                                            \
		}                                                                         \
	} while (0)

#define vec_push(vec, ...)                                                                \
	do {                                                                              \
		vec_reserve((vec), (vec)->n + 1);                                         \
		(vec)->v[(vec)->n++] = (__VA_ARGS__);                                     \
	} while (0)

#define vec_free(vec)                                                                     \
	do {                                                                              \
		free((vec)->v);                                                           \
		(vec)->v = NULL;                                                          \
		(vec)->n = (vec)->cap = 0;                                                \
	} while (0)

/* The items, copied into the arena; the vector is empty afterwards. */
#define vec_take(vec, arena, out_v, out_n)                                                \
	do {                                                                              \
		(out_n) = (vec)->n;                                                       \
		(out_v) = arena_copy((arena), (vec)->v, (vec)->n * sizeof(*(vec)->v));    \
		vec_free(vec);                                                            \
	} while (0)

#endif
