/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

/* What kind of failure it was; cmd/exit.c maps kinds to exit codes. */
enum error_kind {
	ERR_NONE,
	ERR_USAGE,   /* the command line */
	ERR_INPUT,   /* a file, an object, a field */
	ERR_REFUSED, /* preflight, or an object that is not ours */
	ERR_LOCKED,  /* somebody holds the lock */
	ERR_BACKEND, /* the kernel interface is not there, or no permission */
	ERR_KERNEL,  /* a kernel call failed */
	ERR_MOVED,   /* the kernel's state changed since it was read: read and plan again */
	ERR_VERIFY,  /* the state read back is not the wanted one */
	ERR_ROLLED_BACK, /* failed, and the state is as before */
	ERR_PARTIAL, /* failed half-way; the message says what remains */
};

struct error {
	enum error_kind kind;
	int sys_errno; /* 0 when no system call was the cause */
	char msg[1024];
};

/* Fills err; with sys_errno != 0 appends ": " and its text. err may be NULL. Always -1. */
int error_set(struct error *err, enum error_kind kind, int sys_errno, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts "CONTEXT: " before the message that err already holds. Always -1. */
int error_wrap(struct error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void error_clear(struct error *err);

#endif
