/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_DRIFT_H
#define CMD_DRIFT_H

#include "cmd/log.h"
#include "plan/change.h"

/* How much had drifted: objects that were missing, too much or wrong. */
struct drift_count {
	size_t missing, extra, changed;
	size_t per_type[CHANGE_TYPE_COUNT];
};

/* Of one service; service is NULL for what all share. */
struct drift_service {
	const char *service;
	struct drift_count n;
	const char *first; /* its first object in words: "+ rule iptables nat -A ..." */
};

struct drift {
	struct arena *arena;
	struct drift_service *services; /* sorted by name */
	size_t n_services;
	struct drift_count n;
};

static inline size_t drift_total(const struct drift_count *n)
{
	return n->missing + n->extra + n->changed;
}

/* What a plan is going to mend. Replaces *d; end with drift_free(). */
void drift_collect(struct drift *d, const struct plan *p);
void drift_free(struct drift *d);

void drift_add(struct drift_count *sum, const struct drift_count *n);

/* "set_entry": change_type_name() as one word. */
const char *drift_kind(enum change_type t, char buf[32]);
/* Adds missing=, extra=, changed=. */
void drift_add_count(struct log_record *r, const struct drift_count *n);
/* Adds service=, the counts, kinds= and object=. */
void drift_add_service(struct log_record *r, const struct drift_service *s);

#endif
