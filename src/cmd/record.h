/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_RECORD_H
#define CMD_RECORD_H

#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * A migration as a document, for the change record: what --report writes. Plain data,
 * filled in by migrate as it goes; times are seconds since its start. Strings are
 * borrowed.
 */

struct record_phase {
	const char *name;
	double begin, seconds;
	size_t n_ops;
	bool failed;
};

/* The commits of one family that change the datapath, from the first to the last. */
struct record_switch {
	const char *family; /* "IPv4" */
	double begin, seconds;
};

/* Test connections made at one time. */
struct record_probe {
	double at;
	const char *when; /* "before", "during", or the phase that they followed */
	size_t tried, failed;
};

/* What behaves differently after the switch, or was found before it. */
struct record_note {
	const char *about, *name, *text;
	bool accepted; /* of a difference: --accept, or the answer at the terminal */
};

/* One way into a service port, and where it leads. */
struct record_way {
	const char *frontend;			  /* "cluster 10.96.0.1:443" */
	const char *const *before, *const *after; /* "10.244.1.5:8080", NULL at the end */
};

struct record_service {
	const char *name, *type, *proto;
	const struct record_way *ways;
	size_t n_ways;
};

struct record {
	const char *node, *kernel, *kube_proxy, *variant;
	const char *from, *to; /* modes */
	int64_t started;       /* seconds since 1970 */
	double seconds;
	const struct record_phase *phases;
	size_t n_phases;
	const struct record_switch *switches;
	size_t n_switches;
	const struct record_probe *probes;
	size_t n_probes;
	const struct record_note *differences, *findings;
	size_t n_differences, n_findings;
	const struct record_service *services;
	size_t n_services;
	size_t added, changed, deleted;
	int exit_status;
	const char *result; /* one sentence */
};

/* Where both sides of a way lead to the same endpoints, in the same order. */
bool record_same(const struct record_way *w);

/* One self-contained page: no script, no file or address besides it. */
void record_print_html(struct strbuf *sb, const struct record *r);
/* The same for machines, with a schema version. */
void record_print_json(struct strbuf *sb, const struct record *r);
/* The form that follows from the end of a file's name, .html or .json. */
void record_print(struct strbuf *sb, const struct record *r, const char *path);
/* Whether a name has one of these ends. */
bool record_path_ok(const char *path);

#endif
