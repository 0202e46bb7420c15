/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Goes back by itself. The process that waits is this program anew, as "vipshift rollback
 * --unconfirmed", so that it holds nothing of what migrate held: no lock, no terminal.
 */
#include "config.h"

#include "cmd/watch.h"
#include "cmd/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

int watch_start(struct context *ctx, struct error *err)
{
	char self[] = "/proc/self/exe", command[] = "rollback",
	     option[] = "--unconfirmed", dir[] = "--state-dir", log[] = "--log",
	     target[] = "syslog", verbose[] = "-v";
	AUTO(mem) char *path = realpath(self, NULL), *folder = NULL;
	char *argv[] = {NULL, command, option, dir, NULL, log, target, verbose, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid;
	int rc;

	folder = realpath(state_dir_path(ctx), NULL);
	if (!path || !folder)
		return error_set(err, ERR_PARTIAL, errno,
		    "cannot start what is to go back by itself: this program or the state "
		    "folder is not found");
	argv[0] = path;
	argv[4] = folder;
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, STDIN_FILENO, STDERR_FILENO);
	posix_spawn_file_actions_addchdir_np(&files, "/");
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	rc = posix_spawn(&pid, path, &files, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	if (rc)
		return error_set(err, ERR_PARTIAL, rc,
		    "cannot start what is to go back by itself, %s", path);
	return 0;
}
