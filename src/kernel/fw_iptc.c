/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A change of a table through libiptc: the library reads the table into lists, the chains
 * are edited in memory, its commit hands the table back in one piece. Until the commit
 * nothing has happened, so any error before it needs no undo.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

#include "kernel/fw_change.h"

/* libiptc's functions for one family; all else is one body. They return 0 on failure. */
struct iptc_family {
	struct xtc_handle *(*init)(const char *table);
	void (*free)(struct xtc_handle *h);
	int (*commit)(struct xtc_handle *h);
	const char *(*strerror)(int errnum);
	const char *(*first_chain)(struct xtc_handle *h);
	const char *(*next_chain)(struct xtc_handle *h);
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

/* They differ in the type of the entry only; these give them one type. */
#define ENTRY_FUNCTIONS(lib)                                                             \
	static const void *lib##_first(const char *chain, struct xtc_handle *h)          \
	{                                                                                \
		return lib##_first_rule(chain, h);                                       \
	}                                                                                \
	static const void *lib##_next(const void *prev, struct xtc_handle *h)            \
	{                                                                                \
		return lib##_next_rule(prev, h);                                         \
	}                                                                                \
	static const char *lib##_target(const void *entry, struct xtc_handle *h)         \
	{                                                                                \
		return lib##_get_target(entry, h);                                       \
	}                                                                                \
	static int lib##_insert(                                                         \
	    const char *chain, const void *entry, unsigned at, struct xtc_handle *h)     \
	{                                                                                \
		return lib##_insert_entry(chain, entry, at, h);                          \
	}                                                                                \
	static int lib##_append(                                                         \
	    const char *chain, const void *entry, struct xtc_handle *h)                  \
	{                                                                                \
		return lib##_append_entry(chain, entry, h);                              \
	}

#define FUNCTIONS(lib)                                                                   \
	.init = lib##_init, .free = lib##_free, .commit = lib##_commit,                  \
	.strerror = lib##_strerror, .first_chain = lib##_first_chain,                    \
	.next_chain = lib##_next_chain, .get_policy = lib##_get_policy,                  \
	.set_policy = lib##_set_policy, .create_chain = lib##_create_chain,              \
	.flush_entries = lib##_flush_entries, .delete_chain = lib##_delete_chain,        \
	.delete_num_entry = lib##_delete_num_entry, .first_rule = lib##_first,           \
	.next_rule = lib##_next, .get_target = lib##_target,                             \
	.insert_entry = lib##_insert, .append_entry = lib##_append

ENTRY_FUNCTIONS(iptc)
ENTRY_FUNCTIONS(ip6tc)

static const struct iptc_family families[FAMILY_COUNT] = {
    [FAMILY_4] = {FUNCTIONS(iptc)},
    [FAMILY_6] = {FUNCTIONS(ip6tc)},
};

/* A table in the library's hands. */
struct table {
	struct fw_change *c;
	const struct iptc_family *lib;
	struct xtc_handle *h;
	bool changed;
};

/* A call of libiptc that does not fail on a table as it was just read. */
static int set_lib_error(
    const struct table *t, const char *chain, const char *what, struct error *err)
{
	return fw_change_fail(
	    t->c, chain, err, ERR_KERNEL, "cannot %s: %s", what, t->lib->strerror(errno));
}

/* ---- edits in memory */

static int create_chains(struct table *t, struct error *err)
{
	for (size_t i = 0; i < t->c->n; i++) {
		const struct fw_chain_change *k = &t->c->chains[i];

		if (!k->create)
			continue;
		if (!t->lib->create_chain(k->name, t->h))
			return set_lib_error(t, k->name, "create it", err);
		t->changed = true;
	}
	return 0;
}

static int append_all(struct table *t, const struct fw_chain_change *k, struct error *err)
{
	for (size_t i = 0; i < k->want->n_rules; i++) {
		struct fw_encoded e;

		if (fw_change_encode(t->c, k->name, &k->want->rules[i], &e, err))
			return -1;
		if (!t->lib->append_entry(k->name, e.entry, t->h))
			return set_lib_error(t, k->name, "append a rule", err);
		t->changed = true;
	}
	return 0;
}

static int apply_edit(
    struct table *t, const char *chain, const struct fw_edit *e, struct error *err)
{
	unsigned at = (unsigned)e->at;
	struct fw_encoded encoded;

	t->changed = true;
	if (e->kind == FW_EDIT_DELETE) {
		if (!t->lib->delete_num_entry(chain, at, t->h))
			return set_lib_error(t, chain, "delete a rule", err);
		return 0;
	}
	if (fw_change_encode(t->c, chain, e->rule, &encoded, err))
		return -1;
	if (!t->lib->insert_entry(chain, encoded.entry, at, t->h))
		return set_lib_error(t, chain, "insert a rule", err);
	return 0;
}

static int edit_chain(struct table *t, const struct fw_chain_change *k, struct error *err)
{
	struct fw_edit *edits;
	size_t n;

	if (k->destroy)
		return 0;
	if (!k->have->n_rules)
		return append_all(t, k, err);
	n = fw_edit_script(k->have, k->want, t->c->arena, &edits);
	for (size_t i = 0; i < n; i++)
		if (apply_edit(t, k->name, &edits[i], err))
			return -1;
	return 0;
}

/* Who still jumps to a chain; NULL if nobody does. */
static const char *referrer(const struct table *t, const char *chain)
{
	const char *name;

	for (name = t->lib->first_chain(t->h); name; name = t->lib->next_chain(t->h)) {
		const void *e = t->lib->first_rule(name, t->h);

		for (; e; e = t->lib->next_rule(e, t->h))
			if (!strcmp(t->lib->get_target(e, t->h), chain))
				return name;
	}
	return NULL;
}

static int destroy_chain(struct table *t, const char *name, struct error *err)
{
	const char *from;

	if (t->lib->delete_chain(name, t->h))
		return 0;
	if (errno != EMLINK)
		return set_lib_error(t, name, "delete it", err);
	from = referrer(t, name);
	return fw_change_fail(t->c, name, err, ERR_REFUSED,
	    "cannot delete it: chain %s still jumps to it", from ? from : "?");
}

/* All are emptied before any is deleted, for they jump to each other. */
static int destroy_chains(struct table *t, struct error *err)
{
	const struct fw_chain_change *k = t->c->chains, *end = k + t->c->n;

	for (; k < end; k++)
		if (k->destroy && !t->lib->flush_entries(k->name, t->h))
			return set_lib_error(t, k->name, "empty it", err);
	for (k = t->c->chains; k < end; k++) {
		if (k->destroy && destroy_chain(t, k->name, err))
			return -1;
		t->changed |= k->destroy;
	}
	return 0;
}

static int edit_table(struct table *t, struct error *err)
{
	if (create_chains(t, err))
		return -1;
	for (size_t i = 0; i < t->c->n; i++)
		if (edit_chain(t, &t->c->chains[i], err))
			return -1;
	return destroy_chains(t, err);
}

/* ---- the commit */

/* libiptc zeroes the counters of a policy that it is not told to keep. */
static void keep_policies(const struct table *t)
{
	const char *const *chain = fw_builtin_chains(t->c->ops->table);

	for (; *chain; chain++) {
		struct xt_counters counters;
		const char *policy = t->lib->get_policy(*chain, &counters, t->h);

		if (policy)
			t->lib->set_policy(*chain, policy, &counters, t->h);
	}
}

int fw_iptc_write(struct fw_change *c, int *refused, struct error *err)
{
	struct table t = {.c = c, .lib = &families[c->ops->family]};
	int rc;

	*refused = 0;
	t.h = t.lib->init(fw_table_name(c->ops->table));
	if (!t.h)
		return set_lib_error(&t, NULL, "read it", err);
	rc = edit_table(&t, err);
	if (!rc && t.changed) {
		keep_policies(&t);
		if (!t.lib->commit(t.h)) {
			*refused = errno;
			rc = -1;
		}
	}
	t.lib->free(t.h);
	return rc;
}
