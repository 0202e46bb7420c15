/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_TEXT_FILE_H
#define TESTS_LIB_TEXT_FILE_H

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A nameless file with that text, for functions that want a path. Close the result. */
static inline int text_file(const char *text, char path[32])
{
	size_t n = strlen(text);
	int fd = memfd_create("text", MFD_CLOEXEC);

	assert(fd >= 0);
	if (write(fd, text, n) != (ssize_t)n)
		assert(!"short write");
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

#endif
