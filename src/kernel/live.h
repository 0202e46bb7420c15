/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_LIVE_H
#define KERNEL_LIVE_H

#include "plan/sink.h"
#include "state/source.h"

/* Which interface the iptables rules of this node go through. */
enum fw_variant { FW_AUTO, FW_LEGACY, FW_NFT };

/* How a legacy table is written: through libiptc, or as one block. Tests choose. */
enum fw_write { FW_WRITE_BY_SIZE, FW_WRITE_LIBIPTC, FW_WRITE_WHOLE };

struct live_options {
	enum fw_variant variant;
	enum fw_write fw_write;
	double lock_wait; /* seconds for the xtables lock; default 5 */
	double program_wait; /* seconds for one that writes rules; 0: as long as it may take */
	bool (*stop)(void); /* NULL, or says when not to wait any longer */
	/* Of legacy tables: the lock, if it is free, is held from when they are first read
	 * until live_release(). What was read, or accepted by the kernel, under it is not
	 * read again as long as the kernel's sizes and hooks are the same. */
	bool hold;
};

/*
 * The kernel of this network namespace as a source and as a sink. Reading leaves no
 * trace: no table registered, no module loaded. Both may be open at once; use from one
 * thread at a time. A source must be opened before the first thread starts, for it makes a
 * process (fw_xt.h).
 */
int live_source_open(
    const struct live_options *o, struct source **ret, struct error *err);
int live_sink_open(const struct live_options *o, struct sink **ret, struct error *err);
/* The sink of what a live source reads, under the lock that it holds; part of the source. */
struct sink *live_sink_of(struct source *live);
void live_release(struct source *live);
/*
 * Commits of legacy tables that are to follow each other closely: takes the lock, if it is
 * free, and reads the tables that the operations [from, to) will write, until
 * live_sink_release().
 */
void live_sink_hold(struct sink *s, const struct plan *p, size_t from, size_t to);
void live_sink_release(struct sink *s);
/*
 * The state after a sink has run all of a plan on what `before` says. Where the kernel can
 * tell that nobody else wrote meanwhile, only what was written is read, and the rest
 * borrowed: then before belongs to the new state, as its base. Else it stays the caller's.
 */
int live_reread(struct source *live, unsigned families, struct state *before,
    const struct plan *p, const struct outcome *out, struct state **ret,
    struct error *err);
void sink_close(struct sink *s);
DEFINE_AUTO(sink, struct sink *, sink_close)

#endif
