/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals that come while the kernel is written. What they stop is the caller's business. */
#include "config.h"

#include "cmd/signals.h"

#include <signal.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

void signals_catch(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	/* nohup */
	if (signal(SIGHUP, SIG_IGN) != SIG_IGN)
		sigaction(SIGHUP, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

void signals_catch_while_writing(void)
{
	signals_catch();
	signal(SIGHUP, SIG_IGN);
}

bool signals_caught(void)
{
	return caught;
}

void signals_forget(void)
{
	caught = 0;
}
