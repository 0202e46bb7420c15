/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_AUTO_H
#define BASE_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * Release at end of scope: AUTO(fd) int fd = -1; AUTO(state) struct state *s = NULL;
 * A module makes its type usable with DEFINE_AUTO(state, struct state *, state_free).
 */
#define AUTO(name) __attribute__((cleanup(auto_release_##name)))
#define DEFINE_AUTO(name, type, release)                                                  \
	static inline void auto_release_##name(type *p)                                   \
	{                                                                                 \
		release(*p);                                                              \
	}

static inline void auto_release_fd(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void auto_release_mem(void *p)
{
	free(*(void **)p);
}

static inline void auto_release_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

#endif
