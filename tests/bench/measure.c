/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command and appends the seconds that it took and its peak memory in KB to a
 * file. A program of its own, because a shell's clock starts before the fork.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_seconds(const struct rusage *r)
{
	return (double)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) +
	       (double)(r->ru_utime.tv_usec + r->ru_stime.tv_usec) * 1e-6;
}

int main(int argc, char **argv)
{
	struct rusage used;
	double begin;
	int status;
	pid_t pid;
	FILE *out;

	if (argc < 3) {
		fputs("usage: measure FILE COMMAND [ARGS...]\n", stderr);
		return 64;
	}
	out = fopen(argv[1], "ae");
	if (!out) {
		fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	begin = now();
	pid = fork();
	if (!pid) {
		execvp(argv[2], argv + 2);
		fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(errno));
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		perror("measure");
		return 1;
	}
	fprintf(out, "%.6f ", now() - begin);
	getrusage(RUSAGE_CHILDREN, &used);
	fprintf(out, "%.6f %ld\n", cpu_seconds(&used), used.ru_maxrss);
	if (fclose(out)) {
		perror("measure");
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
