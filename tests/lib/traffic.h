/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef VIPSHIFT_TESTS_TRAFFIC_H
#define VIPSHIFT_TESTS_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum kind {
	KIND_CONN,    /* a new TCP connection each time: connect, ask, answer, close */
	KIND_SCTP,    /* the same with SCTP */
	KIND_STREAM,  /* one TCP connection, held, asks again and again */
	KIND_SESSION, /* the same, closed after a while and opened anew */
	KIND_UDP,     /* one socket, so one source port, asks again and again */
	KIND_DNS,     /* a new UDP socket each time, asks again after a second */
	KIND_COUNT,
};

struct client_options {
	int rate;  /* new connections, and new-port requests, a second over all targets */
	int every; /* milliseconds between two requests of a stream or constant port */
	int timeout; /* milliseconds */
	int life;    /* milliseconds, of a session */
	int seconds;
	long count; /* how often each conn, sctp and dns target is tried; 0: until the end */
	const char *stop_file;
	const char *ready_file; /* made when each target has answered once */
	const char *log_file;
	struct sockaddr_storage bind4, bind6; /* family 0: not bound */
};

/* Milliseconds of the monotonic clock. */
int64_t now_ms(void);

/* "ADDRESS:PORT", with the address in brackets when it is IPv6. */
int parse_address(const char *text, struct sockaddr_storage *ret);
socklen_t address_length(const struct sockaddr_storage *sa);

/* Makes an empty file; complains on stderr when it cannot. */
void touch_file(const char *path);

/* Both return an exit status. */
int serve_run(int n_specs, char **specs, const char *ready_file);
int client_run(const struct client_options *o, int n_targets, char **targets);

#endif
