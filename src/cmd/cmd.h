/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "cmd/context.h"
#include "cmd/exit.h"

/* Options that only some commands take. */
enum opt_group {
	GROUP_MODEL = 1 << 0,	/* -f -c -n --node-address --kube-proxy */
	GROUP_LIVE = 1 << 1,	/* --iptables --wait --state-dir */
	GROUP_WRITE = 1 << 2,	/* --dry-run */
	GROUP_OUTPUT = 1 << 3,	/* -o, --color */
	GROUP_PART = 1 << 4,	/* --part */
	GROUP_AGAINST = 1 << 5, /* --against */
	GROUP_MIGRATE = 1 << 6, /* --to --yes --resume --abort --confirm-within */
	GROUP_DRAIN = 1 << 7,	/* --drain */
	GROUP_REPAIR = 1 << 8,	/* --check --max-changes --metrics-file */
	GROUP_CONFIG = 1 << 9,	/* -c */
	GROUP_FAMILY = 1 << 10, /* -4 -6 */
	GROUP_ASK = 1 << 11,	/* --yes */
	GROUP_DOCTOR = 1 << 12, /* --to --accept */
	GROUP_PROBE = 1 << 13,	/* --probe */
	GROUP_CONFIRM = 1 << 14, /* the answers to migrate: its --drain */
	GROUP_UNCONFIRMED = 1 << 15, /* --unconfirmed */
	GROUP_SHOW = 1 << 16,	/* --mode-of-node */
	GROUP_ACCEPT = 1 << 17, /* --accept */
	GROUP_TRACE = 1 << 18, /* --source; reads the kernel only without -f */
};

struct command {
	const char *name; /* one word or two */
	bool takes_mode, takes_file; /* with GROUP_TRACE the file is a packet */
	unsigned groups;
	unsigned forms; /* of -o: FORM_BIT() mask */
	const char *synopsis, *summary, *details;
	/* Returns an exit status; or -1 with err. */
	int (*run)(struct context *ctx, struct error *err);
};

extern const struct command commands[]; /* ends with a NULL name */

int cmd_show(struct context *ctx, struct error *err);
int cmd_render(struct context *ctx, struct error *err);
int cmd_diff(struct context *ctx, struct error *err);
int cmd_apply(struct context *ctx, struct error *err);
int cmd_repair(struct context *ctx, struct error *err);
int cmd_verify(struct context *ctx, struct error *err);
int cmd_trace(struct context *ctx, struct error *err);
int cmd_doctor(struct context *ctx, struct error *err);
int cmd_migrate(struct context *ctx, struct error *err);
int cmd_confirm(struct context *ctx, struct error *err);
int cmd_rollback(struct context *ctx, struct error *err);
int cmd_flush(struct context *ctx, struct error *err);
int cmd_snapshot_save(struct context *ctx, struct error *err);
int cmd_snapshot_restore(struct context *ctx, struct error *err);

#endif
