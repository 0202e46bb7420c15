/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_LEGACY_H
#define KERNEL_FW_LEGACY_H

#include "base/vec.h"
#include "kernel/fw_entry.h"
#include "kernel/fw_xt.h"
#include "plan/plan.h"

struct xtc_handle;

/* libiptc's functions for one family; all else is one body. They return 0 on failure. */
struct iptc_family {
	enum family family;
	const char *module; /* what must be loaded before there are tables */
	const char *proc_matches, *proc_targets; /* what the kernel has loaded */
	struct xtc_handle *(*init)(const char *table);
	void (*free)(struct xtc_handle *h);
	int (*commit)(struct xtc_handle *h);
	const char *(*strerror)(int errnum);
	const char *(*first_chain)(struct xtc_handle *h);
	const char *(*next_chain)(struct xtc_handle *h);
	int (*builtin)(const char *chain, struct xtc_handle *h);
	const char *(*get_policy)(
	    const char *chain, struct xt_counters *counters, struct xtc_handle *h);
	int (*set_policy)(const char *chain, const char *policy,
	    struct xt_counters *counters, struct xtc_handle *h);
	int (*create_chain)(const char *chain, struct xtc_handle *h);
	int (*flush_entries)(const char *chain, struct xtc_handle *h);
	int (*delete_chain)(const char *chain, struct xtc_handle *h);
	int (*delete_num_entry)(const char *chain, unsigned at, struct xtc_handle *h);
	const void *(*first_rule)(const char *chain, struct xtc_handle *h);
	const void *(*next_rule)(const void *prev, struct xtc_handle *h);
	const char *(*get_target)(const void *entry, struct xtc_handle *h);
	int (*insert_entry)(
	    const char *chain, const void *entry, unsigned at, struct xtc_handle *h);
	int (*append_entry)(const char *chain, const void *entry, struct xtc_handle *h);
};
const struct iptc_family *iptc_family(enum family f);

/* A table as libiptc holds it, and the rules being read out of it. */
struct iptc_table {
	const struct iptc_family *lib;
	enum fw_table_id id;
	struct xtc_handle *h;
	struct fw_codec codec;
	VEC(struct fw_rule) rules;     /* of the chain at hand */
	VEC(struct fw_rule *) unnamed; /* rules without typed form, */
	VEC(struct fw_raw) raws;       /* and where they are in the table */
};
/* Reads the table; makes the kernel register it if it is not. What is read out goes into
 * the arena. */
int iptc_table_open(struct iptc_table *t, enum family f, enum fw_table_id id,
    struct arena *a, struct error *err);
void iptc_table_close(struct iptc_table *t);
/* The rules of a chain; those without typed form get their text by the second call. */
void iptc_table_rules(struct iptc_table *t, const char *chain, struct fw_chain *ret);
void iptc_table_texts(struct iptc_table *t);

/* Whether a table has this chain; a table that is not registered has none, and stays so.
 */
int fw_legacy_has_chain(enum family f, enum fw_table_id id, const char *chain, bool *ret,
    struct error *err);

/*
 * Brings one table of one family from the have sides to the want sides of the operations
 * in one commit, or leaves it as it is: ERR_MOVED when it is not at the have sides.
 */
int fw_commit(const struct op *ops, size_t n, double lock_wait, struct error *err);

#endif
