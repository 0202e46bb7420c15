/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other processes of this node: who programs services too, and holding them still. */
#include "config.h"

#include "kernel/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/vec.h"

#define STOP_TRIES 100
#define STOP_GAP 50 /* milliseconds */

static ssize_t read_text(int pid, const char *file, char *buf, size_t size)
{
	AUTO(fd) int fd = -1;
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, buf, size - 1);
	buf[n > 0 ? n : 0] = '\0';
	return n;
}

bool process_read(int pid, struct process *ret)
{
	struct process p = {.pid = pid};
	unsigned long long start;
	char text[1024];
	const char *name, *end;

	if (read_text(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	/* The name may hold blanks and parentheses. */
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end ||
	    sscanf(end + 1,
		" %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		"%*d %llu",
		&p.state, &p.parent, &start) != 3)
		return false;
	p.start = start;
	snprintf(p.name, sizeof(p.name), "%.*s", (int)(end - name - 1), name + 1);
	*ret = p;
	return true;
}

/* ---- who is there */

/* The next process of a listing of /proc, or 0. */
static int next_pid(DIR *proc)
{
	const struct dirent *e;

	while ((e = readdir(proc)))
		if (isdigit((unsigned char)*e->d_name))
			return (int)strtol(e->d_name, NULL, 10);
	return 0;
}

static bool same_network(int pid)
{
	char path[64], theirs[64], ours[64];
	ssize_t n, m;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	n = readlink(path, theirs, sizeof(theirs));
	m = readlink("/proc/self/ns/net", ours, sizeof(ours));
	/* Of one that cannot be looked at the worst is assumed. */
	return n < 0 || m < 0 || (n == m && !memcmp(theirs, ours, (size_t)n));
}

/* By what the kernel calls it, or by the word it was started with. */
static const char *writer_name(const struct process *p)
{
	static const char *const names[] = {"kube-proxy", "kube-router"};
	char words[256];
	const char *base;

	read_text(p->pid, "cmdline", words, sizeof(words));
	base = strrchr(words, '/');
	base = base ? base + 1 : words;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(p->name, names[i]) || !strcmp(base, names[i]))
			return names[i];
	return NULL;
}

/* A child that is about to run another program bears its parent's name till then. */
static bool is_child_of_writer(const struct process *p)
{
	struct process parent;

	return process_read(p->parent, &parent) && writer_name(&parent);
}

void process_find_writers(struct arena *a, const struct node_writer **ret, size_t *n)
{
	DIR *proc = opendir("/proc");
	VEC(struct node_writer) found = {0};
	struct process p;
	int pid;

	while (proc && (pid = next_pid(proc))) {
		const char *name;

		if (pid == getpid() || !process_read(pid, &p) || p.state == 'Z')
			continue;
		name = writer_name(&p);
		if (name && !is_child_of_writer(&p) && same_network(pid))
			vec_push(&found,
			    (struct node_writer){
				.pid = pid, .name = name, .stopped = p.state == 'T'});
	}
	if (proc)
		closedir(proc);
	vec_take(&found, a, *ret, *n);
}

/* ---- holding still */

static bool has_child(int parent)
{
	DIR *proc = opendir("/proc");
	struct process p;
	bool found = false;
	int pid;

	while (proc && !found && (pid = next_pid(proc)))
		found = process_read(pid, &p) && p.parent == parent && p.state != 'Z';
	if (proc)
		closedir(proc);
	return found;
}

static void pause_ms(unsigned ms)
{
	struct timespec ts = {.tv_nsec = (long)ms * 1000000};

	nanosleep(&ts, NULL);
}

static int send_signal(int pid, int signal, const char *what, struct error *err)
{
	if (kill(pid, signal) == 0)
		return 0;
	return error_set(err, errno == EPERM ? ERR_BACKEND : ERR_KERNEL, errno,
	    "cannot %s process %d", what, pid);
}

/* 1: it stands still with no child at work; 0: not now; -1: err. */
static int try_to_stop(int pid, struct error *err)
{
	struct process p;

	if (send_signal(pid, SIGSTOP, "stop", err))
		return -1;
	for (int i = 0; i < STOP_TRIES; i++) {
		if (!process_read(pid, &p) || p.state == 'Z')
			return error_set(err, ERR_KERNEL, ESRCH, "process %d", pid);
		if (p.state == 'T')
			return !has_child(pid);
		pause_ms(STOP_GAP / 10);
	}
	return 0;
}

int process_stop(int pid, struct error *err)
{
	for (int i = 0; i < STOP_TRIES; i++) {
		int r = try_to_stop(pid, err);

		if (r > 0)
			return 0;
		if (r < 0 || process_continue(pid, err))
			return -1;
		pause_ms(STOP_GAP);
	}
	return error_set(err, ERR_REFUSED, 0,
	    "process %d cannot be stopped: it always has another program at work", pid);
}

int process_continue(int pid, struct error *err)
{
	if (kill(pid, SIGCONT) == 0 || errno == ESRCH)
		return 0;
	return send_signal(pid, SIGCONT, "continue", err);
}
