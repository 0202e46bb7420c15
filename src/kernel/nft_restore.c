/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs iptables-nft-restore. Its input and its messages are files in memory, not pipes:
 * nobody waits for the other to read.
 */
#include "config.h"

#include "kernel/nft_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "kernel/program.h"

#define MESSAGES_MAX 4096

extern char **environ;

/* The command, NULL-terminated; NULL when it is not installed. */
static char **find_command(enum family f, struct arena *a)
{
	const char *iptables = family_info(f)->iptables;
	char **argv = arena_array(a, char *, 6);
	const char *file;
	size_t n = 0;

	file = program_find(arena_printf(a, "%s-nft-restore", iptables), a);
	if (file) {
		argv[n++] = arena_strdup(a, file);
	} else {
		/* Some packages have no links for all of its names. */
		file = program_find("xtables-nft-multi", a);
		argv[n++] = arena_strdup(a, file);
		argv[n++] = arena_printf(a, "%s-restore", iptables);
	}
	argv[n++] = arena_strdup(a, "--noflush");
	argv[n++] = arena_strdup(a, "--counters");
	return file ? argv : NULL;
}

/* ---- what it says */

/* The number in "line 12 failed", "line: 12". */
static unsigned line_number(const char *messages)
{
	const char *at = messages;

	while ((at = strstr(at, "line"))) {
		at += strlen("line");
		at += *at == ':';
		if (*at == ' ' && at[1] >= '0' && at[1] <= '9')
			return (unsigned)strtoul(at, NULL, 10);
	}
	return 0;
}

/* The first message, which the others mostly follow from. Its own name and the hints for
 * people at a shell are left out. */
static void add_message(struct strbuf *sb, const char *s, size_t n)
{
	static const char name_end[] = "(nf_tables): ";
	const char *named = memmem(s, n, name_end, strlen(name_end));

	if (named) {
		n -= (size_t)(named - s) + strlen(name_end);
		s = named + strlen(name_end);
	}
	while (n && *s == ' ')
		s++, n--;
	if (n && !sb->len && strncmp(s, "Try `", 5) && strncmp(s, "# ", 2) &&
	    strncmp(s, "Error occurred at", 17))
		strbuf_addn(sb, s, n);
}

static int set_refused(const char *command, const char *messages, int status,
    unsigned *line, struct error *err)
{
	struct strbuf said = {0};
	enum error_kind kind = ERR_KERNEL;

	*line = line_number(messages);
	for (const char *s = messages; *s;) {
		size_t n = strcspn(s, "\n");

		add_message(&said, s, n);
		s += n + (s[n] == '\n');
	}
	if (strstr(messages, "you must be root"))
		kind = ERR_BACKEND;
	if (WIFSIGNALED(status))
		error_set(err, kind, 0, "%s was killed by signal %d", command,
		    WTERMSIG(status));
	else
		error_set(err, kind, 0, "%s: %s", command,
		    said.len ? strbuf_str(&said) : "it failed without a message");
	strbuf_free(&said);
	return -1;
}

/* ---- running it */

static int memory_file(const char *name, const void *data, size_t n, struct error *err)
{
	AUTO(fd) int fd = memfd_create(name, MFD_CLOEXEC);
	const char *at = data;
	int ret = fd;

	while (fd >= 0 && n) {
		ssize_t done = write(fd, at, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return error_set(err, ERR_KERNEL, errno,
			    "no memory for the input of iptables-nft-restore");
		at += done;
		n -= (size_t)done;
	}
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return error_set(err, ERR_KERNEL, errno, "cannot make a file in memory");
	fd = -1;
	return ret;
}

static int run(char **argv, int in, int out, int *status, struct error *err)
{
	posix_spawn_file_actions_t files;
	pid_t pid;
	int r;

	/* xtables-nft-multi looks at its second word when it is called by its own name.
	 */
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
	r = posix_spawn(&pid, argv[0], &files, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	if (r)
		return error_set(err, ERR_BACKEND, r, "cannot run %s", argv[0]);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return error_set(
			    err, ERR_KERNEL, errno, "cannot wait for %s", argv[0]);
	return 0;
}

static int restore(
    char **argv, const char *text, size_t len, unsigned *line, struct error *err)
{
	AUTO(fd) int in = memory_file("rules", text, len, err);
	AUTO(fd) int out = in < 0 ? -1 : memory_file("messages", "", 0, err);
	const char *name = strrchr(argv[0], '/') + 1;
	char messages[MESSAGES_MAX];
	ssize_t n;
	int status;

	if (out < 0 || run(argv, in, out, &status, err))
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	n = pread(out, messages, sizeof(messages) - 1, 0);
	messages[n > 0 ? n : 0] = '\0';
	return set_refused(name, messages, status, line, err);
}

int nft_restore(
    enum family f, const char *text, size_t len, unsigned *line, struct error *err)
{
	struct arena *a = arena_new();
	char **argv = find_command(f, a);
	int r;

	*line = 0;
	if (argv)
		r = restore(argv, text, len, line, err);
	else
		r = error_set(err, ERR_BACKEND, 0,
		    "there is no %s-nft-restore, which writes the nft variant's rules: "
		    "install the package iptables (iptables-nft on Fedora and RHEL)",
		    family_info(f)->iptables);
	arena_free(a);
	return r;
}
