/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for programs; runs none. */
#include "config.h"

#include "kernel/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The path of cron jobs and users often lacks these. */
#define ROOTS_PATH "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"

static const char *find_in(const char *path, const char *name, struct arena *a)
{
	while (*path) {
		size_t n = strcspn(path, ":");
		const char *file = arena_printf(a, "%.*s/%s", (int)n, path, name);

		/* Not from where the caller happens to be. */
		if (*path == '/' && access(file, X_OK) == 0)
			return file;
		path += n + (path[n] == ':');
	}
	return NULL;
}

const char *program_find(const char *name, struct arena *a)
{
	const char *path = getenv("PATH");
	const char *found = path ? find_in(path, name, a) : NULL;

	return found ? found : find_in(ROOTS_PATH, name, a);
}
