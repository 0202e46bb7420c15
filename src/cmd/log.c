/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Lines to standard error, to syslog or to the journal; the latter in its native
 * protocol: one datagram of FIELD=value lines. What is said is for others to decide.
 */
#include "config.h"

#include "cmd/log.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/strbuf.h"

#define JOURNAL "/run/systemd/journal/socket"
#define SYSLOG "/dev/log"
#define NAME "vipshift"

void log_add(struct log_record *r, const char *key, const char *fmt, ...)
{
	struct log_field f = {.key = xstrdup(key)};
	char value[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	f.value = xstrdup(value);
	vec_push(&r->fields, f);
}

void log_record_clear(struct log_record *r)
{
	for (size_t i = 0; i < r->fields.n; i++) {
		free(r->fields.v[i].key);
		free(r->fields.v[i].value);
	}
	vec_free(&r->fields);
}

/* Quoted if a reader that cuts at blanks could not read it otherwise. */
static void add_value(struct strbuf *sb, const char *s)
{
	if (*s && !strpbrk(s, " \"\\=\n")) {
		strbuf_add(sb, s);
		return;
	}
	strbuf_addch(sb, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			strbuf_addch(sb, '\\');
		strbuf_addch(sb, *s == '\n' ? ' ' : *s);
	}
	strbuf_addch(sb, '"');
}

/* ---- who keeps the log */

#define MAX_WAIT_MS 1000

/* A socket to him, or -1. One who does not read what he is sent must not stop this run,
 * which may hold locks that others wait for. */
static int open_log(const char *path)
{
	static bool waited;
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct pollfd p = {.events = POLLOUT};

	p.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (p.fd < 0)
		return -1;
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	/* Some syslogs have a stream, which takes a lot before it is full. */
	if (!connect(p.fd, (struct sockaddr *)&sa, sizeof(sa))
		? poll(&p, 1, waited ? 0 : MAX_WAIT_MS) == 1
		: errno == EPROTOTYPE)
		return p.fd;
	waited = true;
	close(p.fd);
	return -1;
}

/* ---- the journal */

/* A value with a line break has its length before it instead of "=". */
static void add_journal_field(struct strbuf *sb, const char *key, const char *value)
{
	uint64_t len = htole64(strlen(value));

	strbuf_add(sb, key);
	if (!strchr(value, '\n')) {
		strbuf_addch(sb, '=');
	} else {
		strbuf_addch(sb, '\n');
		strbuf_addn(sb, (const char *)&len, sizeof(len));
	}
	strbuf_add(sb, value);
	strbuf_addch(sb, '\n');
}

static void add_own_field(struct strbuf *sb, const struct log_field *f)
{
	struct strbuf key = {0};

	strbuf_add(&key, "VIPSHIFT_");
	for (const char *c = f->key; *c; c++)
		strbuf_addch(&key, (char)toupper((unsigned char)*c));
	add_journal_field(sb, strbuf_str(&key), f->value);
	strbuf_free(&key);
}

static bool send_datagram(const struct strbuf *sb)
{
	AUTO(fd) int fd = open_log(JOURNAL);

	return fd >= 0 &&
	       send(fd, sb->s, sb->len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sb->len;
}

static bool to_journal(
    int priority, const char *command, const char *text, const struct log_record *r)
{
	struct strbuf sb = {0};
	bool ok;

	add_journal_field(&sb, "MESSAGE", text);
	strbuf_addf(&sb, "PRIORITY=%d\nSYSLOG_IDENTIFIER=" NAME "\n", priority);
	if (command)
		add_journal_field(&sb, "VIPSHIFT_COMMAND", command);
	for (size_t i = 0; r && i < r->fields.n; i++)
		add_own_field(&sb, &r->fields.v[i]);
	ok = send_datagram(&sb);
	strbuf_free(&sb);
	return ok;
}

/* ---- the others */

static bool to_syslog(int priority, const char *text)
{
	/* syslog() itself does not tell that nobody listens. */
	AUTO(fd) int fd = open_log(SYSLOG);

	if (fd < 0)
		return false;
	openlog(NAME, LOG_PID, LOG_DAEMON);
	syslog(priority, "%s", text);
	closelog();
	return true;
}

static void say(enum log_target t, int priority, const char *command, const char *text,
    const struct log_record *r)
{
	struct strbuf line = {0};
	bool said = false;

	if (command)
		strbuf_addf(&line, "%s: ", command);
	strbuf_add(&line, text);
	if (t == LOG_TO_JOURNAL)
		said = to_journal(priority, command, line.s, r);
	else if (t == LOG_TO_SYSLOG)
		said = to_syslog(priority, line.s);
	if (!said)
		fprintf(stderr, NAME ": %s\n", line.s);
	strbuf_free(&line);
}

void log_text(enum log_target t, int priority, const char *command, const char *text)
{
	say(t, priority, command, text, NULL);
}

void log_record(
    enum log_target t, int priority, const char *command, const struct log_record *r)
{
	struct strbuf text = {0};

	for (size_t i = 0; i < r->fields.n; i++) {
		strbuf_addf(&text, "%s%s=", i ? " " : "", r->fields.v[i].key);
		add_value(&text, r->fields.v[i].value);
	}
	say(t, priority, command, strbuf_str(&text), r);
	strbuf_free(&text);
}
