/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_JOURNAL_H
#define STATE_JOURNAL_H

#include "base/vec.h"
#include "state/state.h"

#include <stdint.h>

/*
 * The journal of a migration: what another run needs to finish it or to go back, then one
 * line for each step, written before the step is made. What was there before and the
 * model are files of their own.
 */
enum journal_status {
	JOURNAL_NONE,	 /* nothing was begun */
	JOURNAL_OPEN,	 /* begun, and not ended */
	JOURNAL_BACK,	 /* begun to go back, and not ended */
	JOURNAL_WAITING, /* the switch is made and waits for confirmation */
	JOURNAL_FINISHED,
	JOURNAL_ROLLED_BACK, /* the state before is back */
};

struct journal {
	/* The head: how migrate was called. NULL where nothing was given. */
	enum mode to;
	unsigned families;   /* FAMILY_BIT mask */
	const char *kernel;  /* which boot and network namespace it is about */
	const char *started; /* for people */
	const char *node, *kube_proxy, *variant;
	bool config;		      /* there is a copy of the settings */
	bool plain_masquerade;	      /* without --random-fully, which no setting says */
	const char *const *addresses; /* --node-address, NULL at the end; or NULL */
	/* The steps. */
	enum journal_status status;
	unsigned depth;	  /* how far it had come: the number of the phase */
	const char *last; /* the last step in words, or NULL */
	bool waited;	  /* it had switched and waited, and did not go back since */
	uint64_t until;	  /* when it goes back by itself, seconds since boot; or 0 */
	bool elsewhere;	  /* of another kernel: see journal_file_read() */
};

void journal_print_head(struct strbuf *sb, const struct journal *j);
/* A step of phase number `depth`, in words; back: towards the state before. */
void journal_print_step(struct strbuf *sb, bool back, unsigned depth, const char *text);
/* From now on it goes back by itself at that time, unless it has ended. */
void journal_print_deadline(struct strbuf *sb, uint64_t until);
/* The three that end steps; until: for JOURNAL_WAITING. */
void journal_print_status(struct strbuf *sb, enum journal_status status, uint64_t until);
/* A last line without its end was never made and does not count. Strings go into the
 * arena. -1: ERR_INPUT. */
int journal_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct journal *ret, struct error *err);

/* Whether something remains to be done. */
static inline bool journal_is_unfinished(const struct journal *j)
{
	return j->status == JOURNAL_OPEN || j->status == JOURNAL_BACK ||
	       j->status == JOURNAL_WAITING;
}

#endif
