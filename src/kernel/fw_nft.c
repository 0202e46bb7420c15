/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of the nft variant of iptables: reads nf_tables over netlink, writes through
 * iptables-nft-restore. Both in other files; this is what holds them together.
 */
#include "config.h"

#include <stdlib.h>

#include "kernel/driver.h"
#include "kernel/nft_read.h"
#include "kernel/nft_write.h"

struct fw_nft {
	struct driver driver;
	struct nlc *nl; /* NULL: not opened yet, or nothing to talk to */
	enum nft_presence presence;
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
	if (nft_write(n->nl, ops, n_ops, err))
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
	    .write = nft_driver_write,
	    .close = nft_driver_close,
	};
	struct fw_nft *n = xcalloc(1, sizeof(*n));

	(void)o; /* nf_tables has no lock to wait for */
	(void)err;
	n->driver.ops = &ops;
	*ret = &n->driver;
	return 0;
}
