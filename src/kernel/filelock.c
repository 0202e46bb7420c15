/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Waiting for a lock file. iptables waits in a blocking flock() under alarm(); here the
 * lock is tried until the deadline, which needs no signal. */
#include "config.h"

#include "kernel/filelock.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/auto.h"

#define RETRY_MS 20

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The process that holds the flock of this file, or 0. A holder in another pid namespace
 * is shown as 0, too; waiting processes have "->" in their line. */
static int holder_pid(int fd)
{
	AUTO(file) FILE *f = fopen("/proc/locks", "re");
	char line[256];
	struct stat st;

	if (!f || fstat(fd, &st))
		return 0;
	while (fgets(line, sizeof(line), f)) {
		unsigned major, minor;
		uint64_t inode;
		int pid;

		if (sscanf(line, "%*u: FLOCK %*s WRITE %d %x:%x:%" SCNu64, &pid, &major,
			&minor, &inode) == 4 &&
		    inode == st.st_ino && makedev(major, minor) == st.st_dev)
			return pid > 0 ? pid : 0;
	}
	return 0;
}

static bool process_name(int pid, char *name, size_t size)
{
	char path[64];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fgets(name, (int)size, f);
	fclose(f);
	if (ok)
		name[strcspn(name, "\n")] = '\0';
	return ok;
}

static int set_locked(const char *path, int fd, const struct limit *wait, bool stopped,
    struct error *err)
{
	int pid = holder_pid(fd);
	char name[64], who[128];

	if (!pid)
		snprintf(who, sizeof(who), "another process");
	else if (process_name(pid, name, sizeof(name)))
		snprintf(who, sizeof(who), "%s (pid %d)", name, pid);
	else
		snprintf(who, sizeof(who), "pid %d", pid);
	if (stopped)
		return error_set(err, ERR_LOCKED, 0,
		    "interrupted by a signal while %s is held by %s", path, who);
	if (wait->seconds > 0)
		return error_set(err, ERR_LOCKED, 0,
		    "%s: still held by %s after %g seconds", path, who, wait->seconds);
	return error_set(err, ERR_LOCKED, 0, "%s: held by %s", path, who);
}

int filelock_take(
    const char *path, const struct limit *wait, int *ret, struct error *err)
{
	static const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
	double deadline = now() + wait->seconds;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return error_set(err,
		    errno == EACCES || errno == EPERM ? ERR_BACKEND : ERR_KERNEL, errno,
		    "cannot open %s", path);
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		bool stopped;

		if (errno == EINTR)
			continue;
		if (errno != EWOULDBLOCK) {
			error_set(err, ERR_KERNEL, errno, "cannot lock %s", path);
			close(fd);
			return -1;
		}
		stopped = wait->stop && wait->stop();
		if (stopped || now() >= deadline) {
			set_locked(path, fd, wait, stopped, err);
			close(fd);
			return -1;
		}
		nanosleep(&pause, NULL);
	}
	*ret = fd;
	return 0;
}
