/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for kernel modules in /sys, /proc/modules and the module tree; loads none. */
#include "config.h"

#include "kernel/module.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* Whether a line of the file contains text, or starts with it. */
static bool file_has(const char *path, const char *text, bool at_start)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	bool found = false;

	if (!f)
		return false;
	while (!found && getline(&line, &size, f) > 0) {
		line[strcspn(line, ":")] = '\0'; /* modules.dep: what it needs follows */
		found = at_start ? strncmp(line, text, strlen(text)) == 0
				 : strstr(line, text) != NULL;
	}
	free(line);
	fclose(f);
	return found;
}

static bool tree_has(const char *list, const char *name)
{
	char path[256], file[128];
	struct utsname u;

	if (uname(&u) < 0)
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/%s", u.release, list);
	snprintf(file, sizeof(file), "/%s.ko", name); /* .ko, .ko.xz, .ko.zst */
	return file_has(path, file, false);
}

enum module_presence module_look(const char *name)
{
	char path[128], line[128];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	snprintf(line, sizeof(line), "%s ", name);
	if (access(path, F_OK) == 0 || file_has("/proc/modules", line, true) ||
	    tree_has("modules.builtin", name))
		return MODULE_LOADED;
	/* A kernel without /proc/modules loads none, whatever files lie around. */
	if (access("/proc/modules", F_OK) == 0 && tree_has("modules.dep", name))
		return MODULE_LOADABLE;
	return MODULE_ABSENT;
}
