/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of the nft variant of iptables: reads nf_tables over netlink, writes through
 * iptables-nft-restore. Both in other files; this is what holds them together, and what
 * spares a second reading: the kernel counts the changes of its tables.
 */
#include "config.h"

#include <stdlib.h>

#include "base/strtab.h"
#include "kernel/driver.h"
#include "kernel/fw_again.h"
#include "kernel/live.h"
#include "kernel/nft_read.h"
#include "kernel/nft_restore.h"
#include "kernel/nft_write.h"

struct fw_nft {
	struct driver driver;
	struct nlc *nl; /* NULL: not opened yet, or nothing to talk to */
	enum nft_presence presence;
	struct limit wait;
};

static int connect_driver(struct fw_nft *n, bool load, struct error *err)
{
	return n->nl ? 0 : nft_connect(load, &n->nl, &n->presence, err);
}

static int nft_driver_read(
    struct driver *d, unsigned families, struct state *into, struct error *err)
{
	struct fw_nft *n = (struct fw_nft *)d;

	if (connect_driver(n, false, err))
		return -1;
	family_foreach (f) {
		/* Not loaded yet: there are no tables, and reading is to load nothing. */
		struct fw_ruleset rs = {.present = n->presence != NFT_ABSENT};

		if (!(families & FAMILY_BIT(f)))
			continue;
		if (n->nl && nft_read_family(n->nl, f, into->arena, &rs, err))
			return -1;
		into->fw[f] = rs;
	}
	return 0;
}

/* ---- reading again what was written */

/* More chains than that are read faster together with all the others. */
#define FEW_CHAINS 500

/* *done: whether it could be told that nobody else has changed anything. */
static int reread_family(struct fw_nft *n, enum family f, const struct since *s,
    struct state *into, bool *done, struct error *err)
{
	const char **names = arena_array(into->arena, const char *, s->n_ops);
	const struct fw_ruleset *was = &s->read->fw[f];
	uint32_t expected = was->generation + s->commits, generation;
	struct fw_ruleset rs = *was;

	*done = false;
	if (!was->generation || nft_read_generation(n->nl, &generation, err))
		return was->generation ? -1 : 0;
	for (unsigned id = 0; id < FW_TABLE_COUNT && generation == expected; id++) {
		size_t n_names = fw_written_chains(s, f, (enum fw_table_id)id, names);
		struct fw_table now = {0};

		if (!n_names)
			continue;
		if (n_names > FEW_CHAINS || !was->tables[id].present)
			return 0;
		if (nft_read_chains(n->nl, f, (enum fw_table_id)id, names, n_names,
			into->arena, &now, &generation, err))
			return -1;
		fw_merge_chains((enum fw_table_id)id, &was->tables[id], names, n_names, &now,
		    into->arena, &rs.tables[id]);
	}
	if (generation != expected)
		return 0;
	rs.generation = generation;
	into->fw[f] = rs;
	*done = true;
	return 0;
}

static int nft_driver_reread(struct driver *d, unsigned families, const struct since *s,
    struct state *into, bool *borrowed, struct error *err)
{
	struct fw_nft *n = (struct fw_nft *)d;

	family_foreach (f) {
		bool done = false;

		if (!(families & FAMILY_BIT(f)))
			continue;
		if (n->nl && reread_family(n, f, s, into, &done, err))
			return -1;
		*borrowed = *borrowed || done;
		if (!done && nft_driver_read(d, FAMILY_BIT(f), into, err))
			return -1;
	}
	return 0;
}

/* ---- writing */

static int nft_driver_write(
    struct driver *d, const struct op *ops, size_t n_ops, size_t *done, struct error *err)
{
	struct fw_nft *n = (struct fw_nft *)d;

	*done = 0;
	if (!n_ops)
		return 0;
	if (connect_driver(n, true, err))
		return -1;
	if (!n->nl)
		return error_set(err, ERR_BACKEND, 0,
		    "this kernel has no nf_tables (modprobe nf_tables nft_compat)");
	if (nft_write(n->nl, ops, n_ops, &n->wait, &d->commits, err))
		return -1;
	*done = n_ops;
	return 0;
}

static void nft_driver_close(struct driver *d)
{
	struct fw_nft *n = (struct fw_nft *)d;

	nlc_close(n->nl);
	free(n);
}

int fw_nft_open(const struct live_options *o, struct driver **ret, struct error *err)
{
	static const struct driver_ops ops = {
	    .read = nft_driver_read,
	    .reread = nft_driver_reread,
	    .write = nft_driver_write,
	    .close = nft_driver_close,
	};
	struct fw_nft *n = xcalloc(1, sizeof(*n));

	(void)err;
	n->driver.ops = &ops;
	/* nf_tables has no lock to wait for, but who writes may take as long. */
	n->wait = (struct limit){
	    .seconds = o->program_wait ? o->program_wait : NFT_RESTORE_WAIT,
	    .stop = o->stop,
	};
	if (n->wait.seconds < o->lock_wait)
		n->wait.seconds = o->lock_wait;
	*ret = &n->driver;
	return 0;
}
