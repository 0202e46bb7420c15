/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The processes that print rules with libxtables. The library is made for short programs:
 * it serves one family per process (NAT targets of the other one are never found again)
 * and may exit. So a child prints, and gives back one text per rule; the rule at which a
 * child dies gets the raw form, and the next child goes on behind it.
 *
 * A process with several threads must not make children that do more than exec: a lock
 * that another thread holds at that moment stays locked in the child for ever. So the
 * children are made by a server, which is itself made before the first thread. It takes
 * the rules and the pipe for the texts from a socket, and ends with it.
 */
#include "config.h"

#include "kernel/fw_xt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "kernel/fw_xt_rule.h"

/* Children that may die before the rest is given the raw form. */
#define DEATHS_MAX 16

/* One request: this, with the pipe; then the length and the bytes of each rule. */
struct request {
	uint32_t family, n, size; /* size: of all that follows */
};
struct item { /* 8 bytes, so that the rule behind it is aligned */
	uint32_t entry_len, target_len; /* the target with its NUL */
};

/* ---- bytes */

/* Into a socket or a pipe. That the server has ended must not end us. */
static bool put_all(int fd, bool socket, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t done =
		    socket ? send(fd, p, n, MSG_NOSIGNAL) : write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool read_all(int fd, void *data, size_t n)
{
	char *p = data;

	while (n) {
		ssize_t got = read(fd, p, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}

/* Room for one file descriptor beside a message. */
union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static bool send_request(int sock, const struct request *r, int out)
{
	union control control = {0};
	struct iovec iov = {.iov_base = (void *)r, .iov_len = sizeof(*r)};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &out, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == sizeof(*r);
}

static bool receive_request(int sock, struct request *r, int *out)
{
	union control control;
	struct iovec iov = {.iov_base = r, .iov_len = sizeof(*r)};
	struct msghdr msg = {
	    .msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = control.buf,
	    .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c;

	if (recvmsg(sock, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC) != sizeof(*r))
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return false;
	memcpy(out, CMSG_DATA(c), sizeof(int));
	return true;
}

/* ---- the server and its children */

static _Noreturn void child(
    int out, const struct fw_layout *l, const struct fw_raw *raws, size_t n)
{
	struct strbuf sb = {0};

	if (!fw_xt_start_library(l->family))
		_exit(1);
	for (size_t i = 0; i < n; i++) {
		const char *text = fw_xt_rule(&sb, l, &raws[i], true);
		uint32_t len = (uint32_t)strlen(text);

		if (!put_all(out, false, &len, sizeof(len)) ||
		    !put_all(out, false, text, len))
			_exit(1);
	}
	_exit(0);
}

static void serve_one(const struct request *r, int out, const char *body)
{
	struct fw_raw *raws = xcalloc(r->n ? r->n : 1, sizeof(*raws));
	pid_t pid;

	for (uint32_t i = 0; i < r->n; i++) {
		struct item item;

		memcpy(&item, body, sizeof(item));
		body += sizeof(item);
		raws[i] = (struct fw_raw){.entry = body, .target = body + item.entry_len};
		body += item.entry_len + item.target_len;
	}
	pid = fork();
	if (!pid)
		child(out, fw_layout((enum family)r->family), raws, r->n);
	close(out);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	free(raws);
}

/* What was open is not the server's: locks, and the pipes that others wait for the end
 * of. The library's words are not for our stdout and stderr. */
static bool leave_all_but(int sock)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return false;
	if (dup2(sock, STDERR_FILENO + 1) < 0)
		return false;
	closefrom(STDERR_FILENO + 2);
	return true;
}

static _Noreturn void serve(int sock)
{
	struct request r;
	int out;

	/* Ctrl-C is for whoever is served, and the way back needs the server, too. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (!leave_all_but(sock))
		_exit(1);
	sock = STDERR_FILENO + 1;
	while (receive_request(sock, &r, &out)) {
		/* Rules begin where malloc() aligns, and are read as structures. */
		char *body = xmalloc(r.size ? r.size : 1);

		if (!read_all(sock, body, r.size))
			break;
		serve_one(&r, out, body);
		free(body);
	}
	_exit(0);
}

/* ---- our side */

/* One server for the process, as the library is one for the process: everything that
 * reads rules shares it. A child of ours that goes on by itself makes its own. */
static struct {
	int sock;
	pid_t owner; /* 0: there is none */
} server;

void fw_xt_prepare(void)
{
	int socks[2];
	pid_t pid;

	if (server.owner == getpid())
		return;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
		return;
	/* What is buffered must not be written twice. */
	fflush(NULL);
	pid = fork();
	if (!pid)
		serve(socks[1]);
	close(socks[1]);
	if (pid < 0) {
		close(socks[0]);
		return;
	}
	server.sock = socks[0];
	server.owner = getpid();
}

static uint32_t entry_size(const struct fw_layout *l, const struct fw_raw *r)
{
	return fw_entry_u16(r->entry, l->next_offset);
}

/* Rules begin at multiples of 8, as in the kernel's block. */
static void add_item(struct strbuf *sb, const struct fw_layout *l, const struct fw_raw *r)
{
	struct item item = {.entry_len = entry_size(l, r)};
	size_t len = strlen(r->target) + 1;

	item.target_len = (uint32_t)((len + 7) & ~(size_t)7);
	strbuf_addn(sb, (const char *)&item, sizeof(item));
	strbuf_addn(sb, r->entry, item.entry_len);
	strbuf_addn(sb, r->target, len);
	for (; len < item.target_len; len++)
		strbuf_addch(sb, '\0');
}

/* Texts until the end of the stream; returns their number. */
static size_t collect(FILE *in, size_t n, struct arena *a, const char **texts)
{
	size_t i = 0;
	uint32_t len;

	for (; i < n && fread(&len, sizeof(len), 1, in) == 1; i++) {
		char *text = arena_alloc(a, len + 1u);

		if (fread(text, 1, len, in) != len)
			break;
		texts[i] = text;
	}
	return i;
}

static bool ask(const struct fw_layout *l, const struct fw_raw *raws, size_t n, int out)
{
	struct strbuf body = {0};
	struct request r = {.family = l->family, .n = (uint32_t)n};
	bool ok;

	for (size_t i = 0; i < n; i++)
		add_item(&body, l, &raws[i]);
	r.size = (uint32_t)body.len;
	ok =
	    send_request(server.sock, &r, out) && put_all(server.sock, true, body.s, body.len);
	strbuf_free(&body);
	return ok;
}

/* Lets a child print; returns how many it did. */
static size_t print_in_child(const struct fw_layout *l, const struct fw_raw *raws,
    size_t n, struct arena *a, const char **texts)
{
	AUTO(file) FILE *in = NULL;
	size_t done = 0;
	int fds[2];
	bool asked;

	if (server.owner != getpid() || pipe2(fds, O_CLOEXEC))
		return 0;
	in = fdopen(fds[0], "r");
	asked = in && ask(l, raws, n, fds[1]);
	close(fds[1]);
	if (!in)
		close(fds[0]);
	if (asked)
		done = collect(in, n, a, texts);
	return done;
}

static const char *raw_text(
    const struct fw_layout *l, const struct fw_raw *r, struct arena *a)
{
	struct strbuf sb = {0};
	const char *ret = arena_strdup(a, fw_xt_rule(&sb, l, r, false));

	strbuf_free(&sb);
	return ret;
}

void fw_xt_print(enum family f, const struct fw_raw *raws, size_t n, struct arena *a,
    const char **texts)
{
	const struct fw_layout *l = fw_layout(f);
	size_t done = 0;

	fw_xt_prepare();
	for (unsigned deaths = 0; done < n; deaths++) {
		if (deaths < DEATHS_MAX)
			done += print_in_child(l, raws + done, n - done, a, texts + done);
		if (done < n) {
			texts[done] = raw_text(l, &raws[done], a);
			done++;
		}
	}
}
