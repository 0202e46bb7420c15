/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test traffic: a server that stands for many pods, and a client that counts what fails.
 * Here: the command line. traffic_serve.c and traffic_client.c do the work.
 */
#include "config.h"

#include "traffic.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: traffic serve [--ready-file FILE] NAME[@NETNS]:PORT/tcp|udp|sctp[,PORT/...]...\n"
    "       traffic client [OPTIONS] KIND:[LABEL=]ADDRESS:PORT...\n"
    "\n"
    "serve answers every line (TCP) or datagram (UDP) with its name, the address that "
    "it\n"
    "sees the client under, and the request. NETNS: a name that 'ip netns' knows.\n"
    "\n"
    "client prints one line of JSON. KIND is conn (new TCP connections), sctp (new ones "
    "of\n"
    "SCTP), stream (a held TCP connection), session (one that is closed and opened "
    "anew),\n"
    "udp (requests from one port) or dns (a new port each request).\n"
    "  --rate N         new connections a second over all conn targets, and new "
    "requests\n"
    "                   over all dns targets (1-1000, default 20)\n"
    "  --every MS       pause between requests of a stream, session or udp target\n"
    "                   (default 100)\n"
    "  --life MS        how long a session lasts (default 2000)\n"
    "  --timeout MS     how long an answer may take (default 3000)\n"
    "  --seconds S      how long to run (1-36000, default 5)\n"
    "  --count N        end when each conn, sctp and dns target was tried N times\n"
    "  --stop-file F    end when this file appears; SIGTERM does the same\n"
    "  --ready-file F   made when every target has answered once\n"
    "  --log F          one line per event\n"
    "  --bind ADDRESS   source address of targets of its family (repeatable)\n";

enum {
	OPT_RATE = 256,
	OPT_EVERY,
	OPT_LIFE,
	OPT_TIMEOUT,
	OPT_SECONDS,
	OPT_COUNT,
	OPT_STOP,
	OPT_READY,
	OPT_LOG,
	OPT_BIND
};

static const struct option options[] = {
    {"rate", required_argument, NULL, OPT_RATE},
    {"every", required_argument, NULL, OPT_EVERY},
    {"life", required_argument, NULL, OPT_LIFE},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"count", required_argument, NULL, OPT_COUNT},
    {"stop-file", required_argument, NULL, OPT_STOP},
    {"ready-file", required_argument, NULL, OPT_READY},
    {"log", required_argument, NULL, OPT_LOG},
    {"bind", required_argument, NULL, OPT_BIND},
    {NULL, 0, NULL, 0},
};

static _Noreturn void usage(void)
{
	fputs(usage_text, stderr);
	exit(64);
}

int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

socklen_t address_length(const struct sockaddr_storage *sa)
{
	return sa->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
					 : sizeof(struct sockaddr_in);
}

static int parse_host(const char *host, int port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)port);
		return 0;
	}
	return -1;
}

int parse_address(const char *text, struct sockaddr_storage *ret)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	size_t len;
	int port;

	if (colon == NULL || colon == text)
		return -1;
	port = atoi(colon + 1);
	len = (size_t)(colon - text);
	if (text[0] == '[' && text[len - 1] == ']') {
		text++;
		len -= 2;
	}
	if (port < 1 || port > 65535 || len >= sizeof(host))
		return -1;
	memcpy(host, text, len);
	host[len] = '\0';
	return parse_host(host, port, ret);
}

void touch_file(const char *path)
{
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		perror(path);
	else
		close(fd);
}

static int number(const char *text, int low, int high)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (end == text || *end != '\0' || n < low || n > high) {
		fprintf(stderr, "traffic: %s is not a number from %d to %d\n", text, low,
		    high);
		exit(64);
	}
	return (int)n;
}

static void bind_address(struct client_options *o, const char *text)
{
	struct sockaddr_storage sa;

	if (parse_host(text, 0, &sa) != 0)
		usage();
	if (sa.ss_family == AF_INET)
		o->bind4 = sa;
	else
		o->bind6 = sa;
}

int main(int argc, char **argv)
{
	struct client_options o = {
	    .rate = 20, .every = 100, .timeout = 3000, .life = 2000, .seconds = 5};
	int c;

	signal(SIGPIPE, SIG_IGN);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case OPT_RATE:
			o.rate = number(optarg, 1, 1000);
			break;
		case OPT_EVERY:
			o.every = number(optarg, 5, 60000);
			break;
		case OPT_LIFE:
			o.life = number(optarg, 10, 600000);
			break;
		case OPT_TIMEOUT:
			o.timeout = number(optarg, 10, 60000);
			break;
		case OPT_SECONDS:
			o.seconds = number(optarg, 1, 36000);
			break;
		case OPT_COUNT:
			o.count = number(optarg, 1, 10000);
			break;
		case OPT_STOP:
			o.stop_file = optarg;
			break;
		case OPT_READY:
			o.ready_file = optarg;
			break;
		case OPT_LOG:
			o.log_file = optarg;
			break;
		case OPT_BIND:
			bind_address(&o, optarg);
			break;
		default:
			usage();
		}
	}
	if (argc - optind < 2)
		usage();
	if (strcmp(argv[optind], "serve") == 0)
		return serve_run(argc - optind - 1, argv + optind + 1, o.ready_file);
	if (strcmp(argv[optind], "client") == 0)
		return client_run(&o, argc - optind - 1, argv + optind + 1);
	usage();
}
