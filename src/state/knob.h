/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_KNOB_H
#define STATE_KNOB_H

#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>

/* Kind "knob": sysctls. In a read state value is NULL when the kernel has no such knob. */
struct knob {
	const char *name; /* "net.ipv4.vs.conntrack" */
	const char *value;
};

struct knob_table {
	bool present;
	struct knob *knobs; /* sorted by name */
	size_t n_knobs;
	/* Read states: those that only decide what is wanted or possible, in the order of
	 * knob_fact_names. Never compared, written or saved. */
	struct knob *facts;
	size_t n_facts;
};

struct knob *knob_find(const struct knob_table *t, const char *name);
/* The value of a fact, or NULL. */
const char *knob_fact(const struct knob_table *t, const char *name);
void knob_sort(struct knob_table *t);

/* The names that kube-proxy writes in either mode: what a live source reads. NULL ends. */
extern const char *const knob_names[];
/* What kube-proxy reads before it decides. NULL ends. */
extern const char *const knob_fact_names[];

/* sysctl.conf syntax: "name = value". */
void knob_print(struct strbuf *sb, const struct knob *k);
void knob_print_table(struct strbuf *sb, const struct knob_table *t);
int knob_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct knob_table *ret, struct error *err);

#endif
