/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include "base/arena.h"
#include "base/error.h"
#include "state/node.h"

#include <stdint.h>

/* One process, as /proc/PID/stat shows it. The time of its start tells it from a later
 * one with the same number. */
struct process {
	int pid, parent;
	char state; /* R, S, D, T stopped, Z zombie ... */
	uint64_t start;
	char name[64];
};
/* False: there is no such process. */
bool process_read(int pid, struct process *ret);

/* The processes of this network namespace that program services: kube-proxy and
 * kube-router, by their names; not their children. */
void process_find_writers(struct arena *a, const struct node_writer **ret, size_t *n);

/*
 * Stops a process (SIGSTOP) at a moment when no child of it is at work: a child, such as
 * iptables-restore, waits for its parent, perhaps with the xtables lock in its hand. -1:
 * it cannot be stopped, or always has one; then it is running as before.
 */
int process_stop(int pid, struct error *err);
/* Continues it. -1: it cannot be; that it is gone is none. */
int process_continue(int pid, struct error *err);

#endif
