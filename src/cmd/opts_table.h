/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_OPTS_TABLE_H
#define CMD_OPTS_TABLE_H

#include "cmd/opts.h"

/* Between opts.c, opts_check.c and opts_table.c: the options. */

enum opt_id {
	OPT_ABORT = 256,
	OPT_ACCEPT,
	OPT_AGAINST,
	OPT_CHECK,
	OPT_COLOR,
	OPT_CONFIRM_WITHIN,
	OPT_DRAIN,
	OPT_DRY_RUN,
	OPT_FREEZE,
	OPT_IPTABLES,
	OPT_KUBECONFIG,
	OPT_KUBE_PROXY,
	OPT_LOG,
	OPT_MAX_CHANGES,
	OPT_METRICS_FILE,
	OPT_MODE_OF_NODE,
	OPT_NODE_ADDRESS,
	OPT_PART,
	OPT_PROBE,
	OPT_REPORT,
	OPT_REQUEST_TIMEOUT,
	OPT_RESUME,
	OPT_SOURCE,
	OPT_STATE_DIR,
	OPT_TO,
	OPT_UNCONFIRMED,
	OPT_VERSION,
};

enum option_flag {
	/* Every command takes it, also those that it means nothing to. */
	OPTION_EVERYWHERE = 1 << 0,
	/* Of migrate: for one that begins; --resume and --abort have it from then. */
	OPTION_BEGIN = 1 << 1,
	/* Of migrate: for a switch; nothing to --abort. */
	OPTION_SWITCH = 1 << 2,
};

struct option_row {
	int id; /* the short letter, or enum opt_id */
	const char *name, *arg;
	unsigned groups; /* of the commands that it means something to; 0: all */
	unsigned flags;	 /* enum option_flag */
	const char *help;
};
extern const struct option_row option_rows[];
extern const size_t n_option_rows;
#define MAX_OPTION_ROWS 64

const struct option_row *option_row_of(int id);

/* "text, json and diff", for a mask of FORM_BIT(). */
void option_forms_print(struct strbuf *sb, unsigned forms);

/* Whether the options that were given, one flag per row, go with the command and with
 * each other. -1: ERR_USAGE. */
int opts_check(const struct opts *o, const bool *seen, struct error *err);

#endif
