/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_SOURCE_H
#define STATE_SOURCE_H

#include "base/notes.h"
#include "state/state.h"

/* Something that gives a state: the live kernel, a folder of dumps. */
struct source;
struct source_ops {
	/* Adds the kinds (KIND_BIT mask) and families (FAMILY_BIT mask) asked for to *into,
	 * which has none of them yet. After -1 they may be there in part. */
	int (*read)(struct source *s, unsigned kinds, unsigned families, struct state *into,
	    struct error *err);
	void (*close)(struct source *s);
};
struct source {
	const struct source_ops *ops;
};

static inline int source_read_into(struct source *s, unsigned kinds, unsigned families,
    struct state *into, struct error *err)
{
	return s->ops->read(s, kinds, families, into, err);
}

static inline int source_read(struct source *s, unsigned kinds, unsigned families,
    struct state **ret, struct error *err)
{
	AUTO(state) struct state *st = state_new();

	if (source_read_into(s, kinds, families, st, err))
		return -1;
	*ret = st;
	st = NULL;
	return 0;
}

static inline void source_close(struct source *s)
{
	if (s)
		s->ops->close(s);
}
DEFINE_AUTO(source, struct source *, source_close)

/*
 * A folder with iptables-save.txt, ip6tables-save.txt, ipset-save.txt, ipvsadm-Sn.txt (or
 * ipvsadm-Ln.txt), addresses.txt, sysctls.txt (whichever exist), or one iptables-save
 * file. Needs no privilege, opens no socket. -1: ERR_INPUT.
 */
int dump_open(const char *path, struct source **ret, struct error *err);

/* The same for dumps that may be damaged: what is wrong with the tables becomes a finding, and
 * the rest is read. findings is the caller's and filled by source_read(). */
int dump_open_damaged(const char *path, struct notes *findings, struct source **ret,
    struct error *err);

#endif
