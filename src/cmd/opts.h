/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_OPTS_H
#define CMD_OPTS_H

#include "base/addr.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "base/vec.h"
#include "cmd/log.h"
#include "kernel/live.h"
#include "state/state.h"

enum output { OUT_TEXT, OUT_JSON, OUT_DIFF, OUT_WIDE, OUT_IPVSADM };
#define OUT_COUNT (OUT_IPVSADM + 1)
#define FORM_BIT(output) (1u << (output))
extern const char *const output_names[OUT_COUNT + 1]; /* ends with NULL */
enum color { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

/* The command line, parsed. Strings point into argv. */
struct opts {
	const struct command *command;
	enum mode mode; /* the MODE argument, or migrate's --to */
	bool mode_of_config; /* --to config: mode is known once -c is read */
	const char *file; /* the FILE argument, or what to trace */
	const char *source;
	bool version, help;
	bool help_all; /* of all commands with the first word of command */

	const char *from, *kubeconfig, *config, *node, *kube_proxy, *against;
	double request_timeout; /* seconds for an answer of the API server */
	VEC(struct addr) node_addresses;
	unsigned families; /* FAMILY_BIT mask */
	bool part_set;
	enum part part;
	enum output output;
	const char *form; /* the word after -o */
	enum color color;
	enum fw_variant variant;
	double wait;  /* seconds for a lock */
	double drain; /* seconds for real servers that leave */
	const char *state_dir, *metrics_file, *report;
	enum log_target log;
	bool limited; /* --max-changes: */
	double max_changes;
	bool max_percent;
	VEC(const char *) accepted; /* names of findings */
	bool accept_all;
	bool to_given, probe;
	bool freeze; /* --freeze: */
	int freeze_pid; /* 0: auto */
	bool freeze_continue;
	bool resume, abort;	/* of a migration that did not end */
	bool unconfirmed;	/* rollback: waits, and only if confirm does not come */
	double confirm_within;	/* seconds; 0: not asked for */
	bool quiet, yes, dry_run, check, mode_of_node;
	int verbose;
};

/* Fills *ret from the command line. -1: ERR_USAGE, says what to type instead; the command
 * is set if it was named. */
int opts_parse(int argc, char **argv, struct opts *ret, struct error *err);
void opts_free(struct opts *o);

/* Whether --accept KIND:NAME was given; name NULL: --accept KIND. */
bool opts_accepts(const struct opts *o, const char *kind, const char *name);

/* `vipshift --help`, or the page of the command. */
void opts_print_help(FILE *out, const struct opts *o);

/* " -f SOURCE -c FILE -n NODE ...": what says which services, settings and node are meant,
 * as it was given, for a shell. */
void opts_print_source(struct strbuf *sb, const struct opts *o);

#endif
