/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_CHANGE_H
#define KERNEL_FW_CHANGE_H

#include "kernel/fw_blob.h"
#include "plan/plan.h"

/*
 * What is to become of one table of legacy iptables: the operations against the table as
 * it is. Two files carry it out: fw_iptc.c through libiptc, fw_rewrite.c by a block of
 * its own.
 */
struct fw_chain_change {
	const char *name;
	bool builtin;
	const struct fw_chain *have, *want; /* never NULL; empty when there is no chain */
	bool create, destroy;		    /* user chains */
};

/* A rule in binary form, with the name of its verdict or chain in the standard target. */
struct fw_encoded {
	void *entry;
	const char *verdict;		 /* NULL: the target is an extension */
	const struct strtab_item *chain; /* in names; NULL: it jumps nowhere */
};

/* Marks of chains in fw_change.names; above them is room for a number. */
enum { FW_NAME_THERE = 0x1, FW_NAME_GOES = 0x2, FW_NAME_MARKS = 2 };

struct fw_change {
	const struct op *ops;
	size_t n;
	struct arena *arena;
	struct fw_hold *hold;		/* or NULL */
	struct fw_blob now;		/* the table as it is, */
	bool tried;			/* until a write was tried */
	struct fw_chain_change *chains; /* n; built-in ones first, then by strcmp */
	struct strtab names;		/* all chains before and after */
	struct strtab kept;		/* rules by text: value - 1 in kept_rules */
	VEC(struct fw_encoded) kept_rules;
};

/* Reads the table, which the hold may know, and compares it with the have sides: -1 with
 * ERR_MOVED when they are not there. fw_change_free() in any case. */
int fw_change_open(struct fw_change *c, const struct op *ops, size_t n,
    struct fw_hold *hold, struct error *err);
void fw_change_free(struct fw_change *c);

/* Names the chain (NULL: none) and the table in front of an error. Always -1. */
int fw_change_error(const struct fw_change *c, const char *chain, struct error *err);
#define fw_change_fail(c, chain, err, kind, ...)                                         \
	(error_set((err), (kind), 0, __VA_ARGS__), fw_change_error((c), (chain), (err)))

/* A wanted rule of a chain; valid until the next call. -1: it jumps to no chain or to one
 * that goes, names no set, or is known as text only and not in the table. */
int fw_change_encode(struct fw_change *c, const char *chain, const struct fw_rule *r,
    struct fw_encoded *ret, struct error *err);

/*
 * One way. Leaves the table as it is unless all goes well. -1 with *refused 0: err says
 * why; else it is the error number of the kernel's refusal, err is not set, and the
 * change may be in place all the same, without its counters.
 */
int fw_iptc_write(struct fw_change *c, int *refused, struct error *err);

/*
 * The other, in two parts: builds the new table out of the old one, which is lost to c,
 * and hands it to the kernel. The second returns 0 or the error number of the kernel's
 * refusal, which leaves the table as it is. c must outlive *ret; fw_rewrite_free() takes
 * NULL.
 */
struct fw_rewrite;
int fw_rewrite_build(struct fw_change *c, struct fw_rewrite **ret, struct error *err);
int fw_rewrite_commit(struct fw_rewrite *w);
void fw_rewrite_free(struct fw_rewrite *w);

#endif
