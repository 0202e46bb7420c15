/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table of legacy iptables brought to its wanted content: under the xtables lock,
 * read it, compare it with what the plan was made from, let the way that suits its size
 * write it in one piece, and say why if the kernel does not take it.
 */
#include "config.h"

#include "kernel/fw_legacy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiptc/libiptc.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "kernel/fw_change.h"
#include "kernel/xtlock.h"

/*
 * From so many entries on, before and after counted together, a table is written as a
 * block of our own. Below it libiptc's lists cost some milliseconds at most.
 */
#define REWRITE_ENTRIES 10000

/* ---- what the kernel does not take */

static void load_lines(const char *path, struct arena *a, struct strtab *into)
{
	AUTO(file) FILE *f = fopen(path, "re");
	char line[XT_EXTENSION_MAXNAMELEN + 2];

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		strtab_intern(into, a, line);
	}
}

static void add_missing(
    struct strbuf *sb, struct strtab *known, struct arena *a, const char *name)
{
	if (strtab_find(known, name))
		return;
	strtab_intern(known, a, name); /* so that it is named once */
	strbuf_add(sb, sb->len ? ", " : "");
	strbuf_add(sb, name);
}

static void add_missing_of_rule(struct fw_change *c, const struct fw_rule *r,
    struct strtab *matches, struct strtab *targets, struct strbuf *sb)
{
	const struct fw_layout *l = c->now.layout;
	const struct xt_entry_match *m = NULL;
	void *e;

	if (r->opaque || fw_entry_encode(&c->now.codec, r, &e, NULL))
		return;
	while ((m = fw_entry_match(l, e, m)))
		add_missing(sb, matches, c->arena, m->u.user.name);
	if (!fw_target_verdict(&r->target))
		add_missing(sb, targets, c->arena, fw_entry_target(l, e)->u.user.name);
}

/* The extensions of the wanted rules that the kernel does not have. It has just tried to
 * load their modules, so those that are still not in its lists are the missing ones. */
static void find_missing(struct fw_change *c, struct strbuf *sb)
{
	bool v6 = c->ops->family == FAMILY_6;
	struct strtab matches = {0}, targets = {0};

	load_lines(v6 ? "/proc/net/ip6_tables_matches" : "/proc/net/ip_tables_matches",
	    c->arena, &matches);
	load_lines(v6 ? "/proc/net/ip6_tables_targets" : "/proc/net/ip_tables_targets",
	    c->arena, &targets);
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = 0; j < c->chains[i].want->n_rules; j++)
			add_missing_of_rule(
			    c, &c->chains[i].want->rules[j], &matches, &targets, sb);
	strtab_free(&matches);
	strtab_free(&targets);
}

static int set_refused(struct fw_change *c, int errnum, struct error *err)
{
	struct strbuf missing = {0};

	find_missing(c, &missing);
	if (missing.len)
		fw_change_fail(c, NULL, err, ERR_KERNEL,
		    "this kernel has no module for %s", strbuf_str(&missing));
	else
		fw_change_fail(c, NULL, err, ERR_KERNEL,
		    "the kernel refused it: %s (the kernel's log may tell more)",
		    strerror(errnum));
	strbuf_free(&missing);
	return -1;
}

static int set_refusal(struct fw_change *c, int errnum, struct error *err)
{
	switch (errnum) {
	case EAGAIN:
		return fw_change_fail(c, NULL, err, ERR_MOVED,
		    "another program changed it at the same time");
	case ENOMEM:
		return fw_change_fail(c, NULL, err, ERR_KERNEL,
		    "the kernel has no memory for it: a table must stay below 512 MiB, "
		    "which is about 900,000 rules with comments");
	case ELOOP:
		return fw_change_fail(
		    c, NULL, err, ERR_KERNEL, "its chains jump in a circle");
	default:
		return set_refused(c, errnum, err);
	}
}

/* libiptc also reports a failure when only the counters could not be put back: then the
 * rules are in place, which is to say that undoing the operations would find its start.
 */
static bool is_in_place(const struct fw_change *c)
{
	struct op *back = arena_array(c->arena, struct op, c->n);
	struct fw_change after;
	bool ret;

	for (size_t i = 0; i < c->n; i++) {
		back[i] = c->ops[i];
		back[i].have = c->ops[i].want;
		back[i].want = c->ops[i].have;
	}
	ret = !fw_change_open(&after, back, c->n, NULL, NULL);
	fw_change_free(&after);
	return ret;
}

/* ---- the commit */

struct fw_commit {
	struct fw_change change;
	struct fw_rewrite *block; /* NULL: libiptc writes it */
};

static size_t n_entries(const struct fw_change *c)
{
	size_t n = c->now.block.n_entries;

	for (size_t i = 0; i < c->n; i++)
		n += c->chains[i].want->n_rules + 2;
	return n;
}

static int prepare(struct fw_commit *t, enum fw_write how, struct error *err)
{
	bool whole = how == FW_WRITE_WHOLE;

	if (how == FW_WRITE_BY_SIZE)
		whole = n_entries(&t->change) >= REWRITE_ENTRIES;
	return whole ? fw_rewrite_build(&t->change, &t->block, err) : 0;
}

int fw_commit_prepare(const struct op *ops, size_t n, enum fw_write how,
    struct fw_hold *hold, struct fw_commit **ret, struct error *err)
{
	struct fw_commit *t = xcalloc(1, sizeof(*t));

	if (fw_change_open(&t->change, ops, n, hold, err) || prepare(t, how, err)) {
		fw_commit_free(t);
		return -1;
	}
	*ret = t;
	return 0;
}

bool fw_commit_is_ready(const struct fw_commit *t, const struct op *ops, size_t n)
{
	const struct fw_change *c = &t->change;

	return t->block && c->ops == ops && c->n == n &&
	       !fw_block_check(&c->now.block, ops->family, ops->table);
}

int fw_commit_run(struct fw_commit *t, struct error *err)
{
	struct fw_change *c = &t->change;
	int refused = 0, rc = 0;

	c->tried = true;
	if (t->block)
		refused = fw_rewrite_commit(t->block);
	else
		rc = fw_iptc_write(c, &refused, err);
	if (!refused)
		return rc;
	if (!t->block && refused != EAGAIN && is_in_place(c))
		return 0;
	return set_refusal(c, refused, err);
}

void fw_commit_free(struct fw_commit *t)
{
	if (!t)
		return;
	fw_rewrite_free(t->block);
	fw_change_free(&t->change);
	free(t);
}

int fw_commit(const struct op *ops, size_t n, enum fw_write how, struct fw_hold *hold,
    const struct limit *wait, struct error *err)
{
	AUTO(fd) int lock = -1;
	struct fw_commit *t = NULL;
	int rc;

	if (!hold && xtlock_take(wait, &lock, err))
		return -1;
	rc = fw_commit_prepare(ops, n, how, hold, &t, err);
	if (!rc)
		rc = fw_commit_run(t, err);
	fw_commit_free(t);
	return rc;
}
