/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs iptables-nft-restore. Its input and its messages are files in memory, not pipes:
 * nobody waits for the other to read. Nor is it waited for without end, for we hold a lock.
 */
#include "config.h"

#include "kernel/nft_restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "kernel/program.h"

#define MESSAGES_MAX 4096

/* Seconds. */
#define PAUSE_MIN 0.0005
#define PAUSE_MAX 0.02
#define KILL_WAIT 5
#define STOP_WAIT 10.0
/* Of long texts: what it must manage at least. */
#define BYTES_PER_SECOND 100000

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

/* Signals that stop us between two commits do not stop it in one. */
static void set_signals(posix_spawnattr_t *attr)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGTERM);
	posix_spawnattr_init(attr);
	posix_spawnattr_setsigmask(attr, &mask);
	posix_spawnattr_setpgroup(attr, 0); /* Ctrl-C */
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
}

static int start(char **argv, int in, int out, pid_t *pid, struct error *err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int r;

	/* xtables-nft-multi looks at its second word when it is called by its own name.
	 */
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, STDERR_FILENO);
	set_signals(&attr);
	r = posix_spawn(pid, argv[0], &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return r ? error_set(err, ERR_BACKEND, r, "cannot run %s", argv[0]) : 0;
}

/* Waits for its end in pauses that grow with the time that it takes; only they count, not
 * how long both were stopped. 1: it has ended; 0: it has not. */
static int wait_for(
    pid_t pid, const struct limit *limit, int *status, struct error *err)
{
	double waited = 0, pause = PAUSE_MIN, seconds = limit->seconds;

	for (;;) {
		pid_t ended = waitpid(pid, status, WNOHANG);
		struct timespec ts = {.tv_nsec = (long)(pause * 1e9)};

		if (ended == pid)
			return 1;
		if (ended < 0 && errno != EINTR)
			return error_set(err, ERR_KERNEL, errno,
			    "cannot wait for iptables-nft-restore");
		if (limit->stop && limit->stop() && waited + STOP_WAIT < seconds)
			seconds = waited + STOP_WAIT;
		if (waited >= seconds)
			return 0;
		nanosleep(&ts, NULL);
		waited += pause;
		if (waited / 20 > pause)
			pause = waited / 20 < PAUSE_MAX ? waited / 20 : PAUSE_MAX;
	}
}

/* The kernel takes its commit as a whole or not at all, also if it is killed. */
static int give_up(pid_t pid, const struct limit *limit, struct error *err)
{
	const struct limit dying = {.seconds = KILL_WAIT};
	bool stopped = limit->stop && limit->stop();
	int status, ended;

	kill(pid, SIGKILL);
	ended = wait_for(pid, &dying, &status, err);
	if (ended < 0)
		return -1;
	return error_set(err, ERR_KERNEL, 0,
	    "iptables-nft-restore (pid %d) did not end within %g seconds%s and %s; whether it "
	    "has written anything, diff and verify tell",
	    (int)pid, stopped ? STOP_WAIT : limit->seconds,
	    stopped ? " after a signal" : "", ended ? "was killed" : "cannot be killed");
}

static int run(char **argv, int in, int out, const struct limit *limit, int *status,
    struct error *err)
{
	pid_t pid;
	int ended;

	if (start(argv, in, out, &pid, err))
		return -1;
	ended = wait_for(pid, limit, status, err);
	if (ended < 0)
		return -1;
	return ended ? 0 : give_up(pid, limit, err);
}

static int restore(
    char **argv, const struct nft_restore *r, unsigned *line, struct error *err)
{
	const struct limit limit = {
	    .seconds = r->wait->seconds + (double)(r->len / BYTES_PER_SECOND),
	    .stop = r->wait->stop,
	};
	AUTO(fd) int in = memory_file("rules", r->text, r->len, err);
	AUTO(fd) int out = in < 0 ? -1 : memory_file("messages", "", 0, err);
	const char *name = strrchr(argv[0], '/') + 1;
	char messages[MESSAGES_MAX];
	ssize_t n;
	int status;

	if (out < 0 || run(argv, in, out, &limit, &status, err))
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	n = pread(out, messages, sizeof(messages) - 1, 0);
	messages[n > 0 ? n : 0] = '\0';
	return set_refused(name, messages, status, line, err);
}

int nft_restore(const struct nft_restore *r, unsigned *line, struct error *err)
{
	struct arena *a = arena_new();
	char **argv = find_command(r->family, a);
	int ret;

	*line = 0;
	if (argv)
		ret = restore(argv, r, line, err);
	else
		ret = error_set(err, ERR_BACKEND, 0,
		    "there is no %s-nft-restore, which writes the nft variant's rules: "
		    "install the package iptables (iptables-nft on Fedora and RHEL)",
		    family_info(r->family)->iptables);
	arena_free(a);
	return ret;
}
