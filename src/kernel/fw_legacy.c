/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of legacy iptables: reads the tables that this network namespace has already
 * (fw_blob.c). Writing is fw_commit.c's.
 */
#include "config.h"

#include "kernel/fw_legacy.h"

#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/strtab.h"
#include "kernel/driver.h"
#include "kernel/fw_again.h"
#include "kernel/fw_blob.h"
#include "kernel/fw_hold.h"
#include "kernel/live.h"

struct fw_legacy {
	struct driver driver;
	struct limit wait;
	enum fw_write write;
	bool will_hold; /* from the first reading on */
	struct fw_hold *hold;
	struct fw_commit *ready[FAMILY_COUNT][FW_TABLE_COUNT];
};

/* ---- read */

/* only: NULL, or the names of the chains that are wanted. */
static int read_table(struct fw_hold *hold, enum family f, enum fw_table_id id,
    struct strtab *only, struct arena *a, struct fw_table *ret, struct error *err)
{
	struct fw_blob b;
	int rc = 0;

	if (fw_blob_read(&b, f, id, hold, a, err))
		return -1;
	ret->present = true;
	ret->n_chains = 0;
	ret->chains = arena_array(a, struct fw_chain, b.n_chains);
	for (size_t i = 0; i < b.n_chains && !rc; i++)
		if (!only || strtab_find(only, b.chains[i].name))
			rc = fw_blob_chain(
			    &b, &b.chains[i], &ret->chains[ret->n_chains++], err);
	fw_blob_texts(&b);
	fw_hold_keep(hold, f, id, &b.block);
	fw_blob_free(&b);
	fw_table_sort(id, ret);
	return rc;
}

/* Which tables are registered, as a mask. Opening any other one would register it. No
 * list means that the module is not loaded: then there is none. */
static int registered_tables(enum family f, unsigned *ret, struct error *err)
{
	const char *path = family_info(f)->proc_tables;
	AUTO(file) FILE *file = fopen(path, "re");
	char line[64];

	*ret = 0;
	if (!file && errno == ENOENT)
		return 0;
	/* The file belongs to the root of the user namespace, if it had one by then. */
	if (!file)
		return error_set(err, ERR_BACKEND, errno,
		    "cannot read %s (needs root; \"unshare -rn\" hides it, \"unshare -r "
		    "unshare -n\" does not)",
		    path);
	while (fgets(line, sizeof(line), file)) {
		enum fw_table_id id;

		line[strcspn(line, "\n")] = '\0';
		if (fw_table_parse(line, &id))
			*ret |= 1u << id;
	}
	return 0;
}

int fw_legacy_has_chain(
    enum family f, enum fw_table_id id, const char *chain, bool *ret, struct error *err)
{
	struct arena *a;
	struct fw_blob b;
	unsigned tables;
	int rc;

	*ret = false;
	if (registered_tables(f, &tables, err))
		return -1;
	if (!(tables & 1u << id))
		return 0;
	a = arena_new();
	rc = fw_blob_read(&b, f, id, NULL, a, err);
	for (size_t i = 0; !rc && i < b.n_chains && !*ret; i++)
		*ret = !strcmp(b.chains[i].name, chain);
	if (!rc)
		fw_blob_free(&b);
	arena_free(a);
	return rc;
}

/* A table of which is known how it was, and that only s->ops have changed it since. */
static int reread_table(struct fw_hold *hold, enum family f, enum fw_table_id id,
    const struct since *s, struct arena *a, struct fw_table *ret, struct error *err)
{
	const struct fw_table *was = &s->read->fw[f].tables[id];
	const char **names = arena_array(a, const char *, s->n_ops);
	size_t n = fw_written_chains(s, f, id, names);
	struct strtab only = {0};
	struct fw_table now = {0};
	int rc;

	if (!n) {
		*ret = *was;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		strtab_add(&only, names[i]);
	rc = read_table(hold, f, id, &only, a, &now, err);
	if (!rc)
		fw_merge_chains(id, was, names, n, &now, a, ret);
	strtab_free(&only);
	return rc;
}

/* s: NULL, or what allows to read less; *borrowed: it did. */
static int read_family(struct fw_hold *hold, enum family f, const struct since *s,
    struct arena *a, struct fw_ruleset *ret, bool *borrowed, struct error *err)
{
	unsigned tables;

	if (registered_tables(f, &tables, err))
		return -1;
	ret->present = true;
	for (enum fw_table_id id = 0; id < FW_TABLE_COUNT; id++) {
		struct fw_table *t = &ret->tables[id];
		bool known =
		    s && s->read->fw[f].tables[id].present && fw_hold_knows(hold, f, id);

		if (!(tables & 1u << id))
			continue;
		if (known ? reread_table(hold, f, id, s, a, t, err)
			  : read_table(hold, f, id, NULL, a, t, err))
			return -1;
		if (known)
			*borrowed = true;
	}
	return 0;
}

/* ---- the driver */

static int legacy_reread(struct driver *d, unsigned families_wanted,
    const struct since *s, struct state *into, bool *borrowed, struct error *err)
{
	struct fw_legacy *l = (struct fw_legacy *)d;

	if (l->will_hold)
		fw_hold_begin(&l->hold);
	l->will_hold = false;
	family_foreach (f) {
		struct fw_ruleset rs = {0};

		if (!(families_wanted & FAMILY_BIT(f)))
			continue;
		if (read_family(l->hold, f, s, into->arena, &rs, borrowed, err))
			return -1;
		into->fw[f] = rs;
	}
	return 0;
}

static int legacy_read(
    struct driver *d, unsigned families_wanted, struct state *into, struct error *err)
{
	return legacy_reread(d, families_wanted, NULL, into, NULL, err);
}

/* What legacy_hold() has made ready is good for one write. */
static int write_table(
    struct fw_legacy *l, const struct op *ops, size_t n, struct error *err)
{
	struct fw_commit *t = l->ready[ops->family][ops->table];
	bool ready = t && fw_commit_is_ready(t, ops, n);
	int rc = 0;

	l->ready[ops->family][ops->table] = NULL;
	if (ready)
		rc = fw_commit_run(t, err);
	fw_commit_free(t);
	return ready ? rc : fw_commit(ops, n, l->write, l->hold, &l->wait, err);
}

static int legacy_write(
    struct driver *d, const struct op *ops, size_t n, size_t *done, struct error *err)
{
	*done = 0;
	if (n && write_table((struct fw_legacy *)d, ops, n, err))
		return -1;
	*done = n;
	return 0;
}

/* What fails here fails again when it is written, and is told then. */
static void legacy_hold(struct driver *d, const struct op *ops, size_t n)
{
	struct fw_legacy *l = (struct fw_legacy *)d;
	struct fw_commit **ready = &l->ready[ops->family][ops->table];
	struct fw_block b = {0};

	if (!l->hold)
		fw_hold_begin(&l->hold);
	if (!l->hold || *ready || fw_block_get(&b, ops->family, ops->table))
		return;
	fw_hold_keep(l->hold, ops->family, ops->table, &b);
	fw_commit_prepare(ops, n, l->write, l->hold, ready, NULL);
}

static void legacy_release(struct driver *d)
{
	struct fw_legacy *l = (struct fw_legacy *)d;

	family_foreach (f)
		for (unsigned id = 0; id < FW_TABLE_COUNT; id++) {
			fw_commit_free(l->ready[f][id]);
			l->ready[f][id] = NULL;
		}
	fw_hold_end(l->hold);
	l->hold = NULL;
}

static void legacy_close(struct driver *d)
{
	legacy_release(d);
	free(d);
}

int fw_legacy_open(const struct live_options *o, struct driver **ret, struct error *err)
{
	static const struct driver_ops ops = {
	    .read = legacy_read,
	    .reread = legacy_reread,
	    .write = legacy_write,
	    .hold = legacy_hold,
	    .release = legacy_release,
	    .close = legacy_close,
	};
	struct fw_legacy *l = xcalloc(1, sizeof(*l));

	(void)err;
	l->driver.ops = &ops;
	l->wait = (struct limit){o->lock_wait, o->stop};
	l->write = o->fw_write;
	l->will_hold = o->hold;
	*ret = &l->driver;
	return 0;
}
