/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drivers of iptables as a command, for run-fw-driver.sh and run-nft-driver.sh, which
 * compare what they do with what the stock programs do. Only for a fresh network
 * namespace. VARIANT=nft chooses the nft variant's driver, the default is legacy; WRITE
 * is how that one writes tables: libiptc, whole, or by size.
 *
 *   show 4|6 TABLE             the table as the driver reads it, in save form
 *   read                       both families, all registered tables; prints their names
 *   load 4|6 FILE [COMMAND]    bring the tables of FILE to just this content; COMMAND is
 *                              run between reading and writing
 *   held 4|6 FILE [COMMAND]    the same, with all tables held from before COMMAND on
 *   again 4|6 FILE [COMMAND]   the same, and COMMAND is run after it; prints all tables
 *                              of the family as they are read again (nft only)
 *   variant                    which variant of iptables this node is taken to use
 *   raw 4|6 TABLE              the entries as the kernel holds them, one per line in hex
 *   order 4|6 TABLE            the names of its chains as they follow each other there
 *   reverse 4|6 TABLE          turns that order round, of user chains without jumps
 *   bench 4|6 FILE             times of filling, reading, writing again and emptying, and
 *                              of the command $SAVE while it is full
 *
 * Exit status: 0, or 10 + the kind of the error, which goes to stderr.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <libiptc/libiptc.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "kernel/driver.h"
#include "kernel/fw_blob.h"
#include "kernel/fw_entry.h"
#include "kernel/fw_variant.h"
#include "kernel/live.h"

static int failed(const struct error *err)
{
	fprintf(stderr, "%s\n", err->msg);
	return 10 + (int)err->kind;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static enum family family_arg(const char *s)
{
	return *s == '6' ? FAMILY_6 : FAMILY_4;
}

static enum fw_write how_to_write(void)
{
	const char *s = getenv("WRITE");

	if (s && !strcmp(s, "libiptc"))
		return FW_WRITE_LIBIPTC;
	return s && !strcmp(s, "whole") ? FW_WRITE_WHOLE : FW_WRITE_BY_SIZE;
}

static int open_driver(struct driver **ret, struct error *err)
{
	const char *wait = getenv("LOCK_WAIT"), *variant = getenv("VARIANT"),
		   *program_wait = getenv("PROGRAM_WAIT");
	struct live_options o = {
	    .fw_write = how_to_write(),
	    .lock_wait = wait ? strtod(wait, NULL) : 5,
	    .program_wait = program_wait ? strtod(program_wait, NULL) : 0,
	};

	return variant && !strcmp(variant, "nft") ? fw_nft_open(&o, ret, err)
						  : fw_legacy_open(&o, ret, err);
}

static int read_state(struct driver *d, struct state **ret, struct error *err)
{
	AUTO(state) struct state *s = state_new();

	if (d->ops->read(d, FAMILY_BOTH, s, err))
		return -1;
	*ret = s;
	s = NULL;
	return 0;
}

static int parse_file(
    const char *path, enum family f, struct state **ret, struct error *err)
{
	AUTO(file) FILE *file = fopen(path, "re");
	AUTO(state) struct state *s = state_new();
	AUTO(mem) char *text = NULL;
	size_t cap = 0;
	ssize_t len = file ? getdelim(&text, &cap, '\0', file) : -1;

	if (len < 0)
		return error_set(err, ERR_INPUT, errno, "%s", path);
	if (fw_parse(text, (size_t)len, path, f, s->arena, &s->fw[f], err))
		return -1;
	*ret = s;
	s = NULL;
	return 0;
}

/* ---- commands */

static int cmd_show(struct driver *d, char **argv, struct error *err)
{
	AUTO(state) struct state *s = NULL;
	enum family f = family_arg(argv[0]);
	struct strbuf sb = {.out = stdout};
	enum fw_table_id id;

	if (!fw_table_parse(argv[1], &id))
		return error_set(err, ERR_USAGE, 0, "%s is not a table", argv[1]);
	if (read_state(d, &s, err))
		return -1;
	if (s->fw[f].tables[id].present)
		fw_print_table(&sb, f, id, &s->fw[f].tables[id]);
	strbuf_flush(&sb);
	strbuf_free(&sb);
	return 0;
}

static int cmd_read(struct driver *d, char **argv, struct error *err)
{
	AUTO(state) struct state *s = NULL;

	(void)argv;
	if (read_state(d, &s, err))
		return -1;
	family_foreach (f)
		for (unsigned id = 0; id < FW_TABLE_COUNT; id++)
			if (s->fw[f].tables[id].present)
				printf("%s %s\n", family_info(f)->iptables,
				    fw_table_name((enum fw_table_id)id));
	return 0;
}

static int cmd_variant(struct driver *d, char **argv, struct error *err)
{
	enum fw_variant v;

	(void)d;
	(void)argv;
	if (fw_variant_detect(FW_AUTO, &v, err))
		return -1;
	puts(v == FW_NFT ? "nft" : "legacy");
	return 0;
}

struct op_list {
	VEC(struct op) ops;
};

static void add_op(struct op_list *l, enum family f, enum fw_table_id id,
    const struct fw_chain *have, const struct fw_chain *want)
{
	struct op op = {
	    .kind = KIND_FW, .family = f, .table = id, .have = have, .want = want};

	vec_push(&l->ops, op);
}

/* Every chain that differs; the order is not the driver's, on purpose. */
static void table_ops(struct op_list *l, enum family f, enum fw_table_id id,
    const struct fw_table *have, const struct fw_table *want)
{
	for (size_t i = want->n_chains; i-- > 0;) {
		const struct fw_chain *w = &want->chains[i];
		const struct fw_chain *h = fw_chain_find(have, w->name);

		if (h ? !fw_chain_eq(h, w) : !w->builtin || w->n_rules)
			add_op(l, f, id, h, w);
	}
	for (size_t i = 0; i < have->n_chains; i++) {
		const struct fw_chain *h = &have->chains[i];

		if (!fw_chain_find(want, h->name) && (!h->builtin || h->n_rules))
			add_op(l, f, id, h, NULL);
	}
}

/* Table by table; the operations are added to *l, too. */
static int bring_and_list(struct driver *d, enum family f, const struct state *have,
    const struct state *want, struct op_list *l, struct error *err)
{
	int r = 0;

	for (unsigned id = 0; id < FW_TABLE_COUNT && !r; id++) {
		const struct fw_table *w = &want->fw[f].tables[id];
		size_t done = 0, first = l->ops.n;

		if (!w->present)
			continue;
		table_ops(l, f, (enum fw_table_id)id, &have->fw[f].tables[id], w);
		r = d->ops->write(d, l->ops.v + first, l->ops.n - first, &done, err);
		if (!r && done != l->ops.n - first)
			r = error_set(err, ERR_PARTIAL, 0, "%zu done", done);
	}
	return r;
}

static int bring(struct driver *d, enum family f, const struct state *have,
    const struct state *want, struct error *err)
{
	struct op_list l = {0};
	int r = bring_and_list(d, f, have, want, &l, err);

	vec_free(&l.ops);
	return r;
}

static int cmd_load(struct driver *d, char **argv, struct error *err)
{
	AUTO(state) struct state *want = NULL;
	AUTO(state) struct state *have = NULL;
	enum family f = family_arg(argv[0]);

	if (parse_file(argv[1], f, &want, err) || read_state(d, &have, err))
		return -1;
	if (argv[2] && system(argv[2]))
		return error_set(err, ERR_USAGE, 0, "%s failed", argv[2]);
	return bring(d, f, have, want, err);
}

static int cmd_held(struct driver *d, char **argv, struct error *err)
{
	AUTO(state) struct state *want = NULL;
	AUTO(state) struct state *have = NULL;
	enum family f = family_arg(argv[0]);
	struct op_list l[FW_TABLE_COUNT] = {0};
	int r = 0;

	if (parse_file(argv[1], f, &want, err) || read_state(d, &have, err))
		return -1;
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++) {
		table_ops(&l[id], f, (enum fw_table_id)id, &have->fw[f].tables[id],
		    &want->fw[f].tables[id]);
		if (l[id].ops.n)
			d->ops->hold(d, l[id].ops.v, l[id].ops.n);
	}
	if (argv[2] && system(argv[2]))
		r = error_set(err, ERR_USAGE, 0, "%s failed", argv[2]);
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++) {
		size_t done;

		if (!r)
			r = d->ops->write(d, l[id].ops.v, l[id].ops.n, &done, err);
		vec_free(&l[id].ops);
	}
	d->ops->release(d);
	return r;
}

static void print_family(const struct state *s, enum family f)
{
	struct strbuf sb = {.out = stdout};

	for (unsigned id = 0; id < FW_TABLE_COUNT; id++)
		if (s->fw[f].tables[id].present)
			fw_print_table(
			    &sb, f, (enum fw_table_id)id, &s->fw[f].tables[id]);
	strbuf_flush(&sb);
	strbuf_free(&sb);
}

/* The writer is another driver than the reader's, as in the program. */
static int cmd_again(struct driver *d, char **argv, struct error *err)
{
	AUTO(state) struct state *want = NULL;
	AUTO(state) struct state *have = NULL;
	AUTO(state) struct state *after = state_new();
	AUTO(driver) struct driver *writer = NULL;
	enum family f = family_arg(argv[0]);
	struct op_list l = {0};
	struct since since;
	bool borrowed = false;

	if (parse_file(argv[1], f, &want, err) || read_state(d, &have, err) ||
	    open_driver(&writer, err) || bring_and_list(writer, f, have, want, &l, err))
		return -1;
	if (argv[2] && system(argv[2]))
		return error_set(err, ERR_USAGE, 0, "%s failed", argv[2]);
	since = (struct since){have, l.ops.v, l.ops.n, writer->commits};
	if (d->ops->reread(d, FAMILY_BIT(f), &since, after, &borrowed, err))
		return -1;
	puts(borrowed ? "# written chains" : "# all chains");
	print_family(after, f);
	vec_free(&l.ops);
	return 0;
}

/* The matter of an entry: counters and the kernel's scratch fields are not. */
static void print_entry(const struct fw_layout *l, char *e)
{
	size_t size = fw_entry_u16(e, l->next_offset);

	memset(fw_entry_counters(l, e), 0, sizeof(struct xt_counters));
	memset(e + l->next_offset + 2, 0, 4);	/* comefrom */
	memset(e + l->target_offset - 4, 0, 4); /* nfcache */
	for (size_t i = 0; i < size; i++)
		printf("%02x", (unsigned char)e[i]);
	putchar('\n');
}

struct walk {
	struct arena *arena;
	struct fw_blob blob;
};

static int open_table(struct walk *w, char **argv, struct error *err)
{
	enum fw_table_id id;

	if (!fw_table_parse(argv[1], &id))
		return error_set(err, ERR_USAGE, 0, "%s is not a table", argv[1]);
	w->arena = arena_new();
	return fw_blob_read(&w->blob, family_arg(argv[0]), id, NULL, w->arena, err);
}

static void close_table(struct walk *w)
{
	fw_blob_free(&w->blob);
	arena_free(w->arena);
}

static int cmd_raw(struct driver *d, char **argv, struct error *err)
{
	struct walk w;
	const struct fw_layout *l = fw_layout(family_arg(argv[0]));

	(void)d;
	if (open_table(&w, argv, err))
		return -1;
	for (size_t at = 0; at < w.blob.block.size;) {
		char *e = (char *)w.blob.block.entries + at;

		at += fw_entry_u16(e, l->next_offset);
		print_entry(l, e);
	}
	close_table(&w);
	return 0;
}

static int cmd_order(struct driver *d, char **argv, struct error *err)
{
	struct walk w;

	(void)d;
	if (open_table(&w, argv, err))
		return -1;
	for (size_t i = 0; i < w.blob.n_chains; i++)
		puts(w.blob.chains[i].name);
	close_table(&w);
	return 0;
}

static void add_bytes(
    struct fw_block *to, const struct fw_block *from, size_t at, size_t n)
{
	memcpy(fw_block_grow(to, n), from->entries + at, n);
}

static int cmd_reverse(struct driver *d, char **argv, struct error *err)
{
	struct walk w;
	const struct fw_block *old = &w.blob.block;
	struct fw_block new = {0};
	struct xt_counters *counters;
	size_t user = 0, end;
	int errnum;

	(void)d;
	if (open_table(&w, argv, err))
		return -1;
	while (w.blob.chains[user].builtin)
		user++;
	add_bytes(&new, old, 0, w.blob.chains[user].head);
	for (size_t i = w.blob.n_chains; i-- > user;) {
		const struct fw_blob_chain *c = &w.blob.chains[i];

		end = c->foot +
		      fw_entry_u16(old->entries + c->foot, w.blob.layout->next_offset);
		add_bytes(&new, old, c->head, end - c->head);
	}
	add_bytes(&new, old, new.size, old->size - new.size);
	new.n_entries = old->n_entries;
	new.valid_hooks = old->valid_hooks;
	memcpy(new.hook_entry, old->hook_entry, sizeof(new.hook_entry));
	memcpy(new.underflow, old->underflow, sizeof(new.underflow));
	counters = xcalloc(old->n_entries, sizeof(*counters));
	errnum = fw_block_replace(
	    &new, w.blob.layout->family, w.blob.id, counters, old->n_entries);
	free(counters);
	fw_block_free(&new);
	close_table(&w);
	return errnum ? error_set(err, ERR_KERNEL, errnum, "table %s", argv[1]) : 0;
}

/* Half of the rules of every long chain go, every third comes twice. */
static void shuffle(struct state *s, enum family f)
{
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++)
		for (size_t i = 0; i < s->fw[f].tables[id].n_chains; i++) {
			struct fw_chain *c = &s->fw[f].tables[id].chains[i];
			size_t n = 0;

			for (size_t j = 0; c->n_rules > 100 && j < c->n_rules; j++)
				if (j % 2)
					c->rules[n++] = c->rules[j];
			if (n)
				c->n_rules = n;
		}
}

/* The first rule of the last user chain goes. */
static int change_one(
    struct driver *d, enum family f, const struct state *have, struct error *err)
{
	for (unsigned id = FW_TABLE_COUNT; id-- > 0;) {
		const struct fw_table *t = &have->fw[f].tables[id];
		const struct fw_chain *h = t->chains + t->n_chains - 1;
		struct fw_chain w;
		struct op op = {.kind = KIND_FW,
		    .family = f,
		    .table = (enum fw_table_id)id,
		    .have = h,
		    .want = &w};
		struct op back = op;
		size_t done;

		if (!t->n_chains || h->builtin || !h->n_rules)
			continue;
		w = *h;
		w.rules++;
		w.n_rules--;
		back.have = &w;
		back.want = h;
		return d->ops->write(d, &op, 1, &done, err) ||
			       d->ops->write(d, &back, 1, &done, err)
			   ? -1
			   : 0;
	}
	return 0;
}

static double seconds(const struct timeval *tv)
{
	return (double)tv->tv_sec + (double)tv->tv_usec / 1e6;
}

static double step(const char *what, double since)
{
	static double user, sys;
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("%-22s %6.2f s  (user %.2f, system %.2f; %ld MB so far)\n", what,
	    now() - since, seconds(&u.ru_utime) - user, seconds(&u.ru_stime) - sys,
	    u.ru_maxrss / 1024);
	fflush(stdout);
	user = seconds(&u.ru_utime);
	sys = seconds(&u.ru_stime);
	return now();
}

static int cmd_bench(struct driver *d, char **argv, struct error *err)
{
	AUTO(state) struct state *want = NULL;
	AUTO(state) struct state *fewer = NULL;
	AUTO(state) struct state *have = NULL;
	AUTO(state) struct state *full = NULL;
	AUTO(state) struct state *less = NULL;
	AUTO(state) struct state *nothing = state_new();
	enum family f = family_arg(argv[0]);
	double t = now();

	if (parse_file(argv[1], f, &want, err) || parse_file(argv[1], f, &fewer, err))
		return -1;
	shuffle(fewer, f);
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++)
		nothing->fw[f].tables[id].present = want->fw[f].tables[id].present;
	if (read_state(d, &have, err))
		return -1;
	t = step("(parse)", t);
	if (bring(d, f, have, want, err))
		return -1;
	t = step("fill an empty table", t);
	if (read_state(d, &full, err))
		return -1;
	t = step("read", t);
	if (bring(d, f, full, want, err))
		return -1;
	t = step("compare, no change", t);
	if (change_one(d, f, full, err))
		return -1;
	t = step("one chain, and back", t);
	if (getenv("SAVE") && system(getenv("SAVE")))
		return error_set(err, ERR_USAGE, 0, "%s failed", getenv("SAVE"));
	t = step("($SAVE)", t);
	if (bring(d, f, full, fewer, err))
		return -1;
	t = step("thin out long chains", t);
	if (read_state(d, &less, err) || bring(d, f, less, want, err))
		return -1;
	t = step("read, fill them again", t);
	if (bring(d, f, full, nothing, err))
		return -1;
	step("delete all user chains", t);
	return 0;
}

static const struct {
	const char *name;
	int n_args;
	int (*run)(struct driver *d, char **argv, struct error *err);
} commands[] = {
    {"show", 2, cmd_show},
    {"read", 0, cmd_read},
    {"variant", 0, cmd_variant},
    {"load", 2, cmd_load},
    {"held", 2, cmd_held},
    {"again", 2, cmd_again},
    {"raw", 2, cmd_raw},
    {"order", 2, cmd_order},
    {"reverse", 2, cmd_reverse},
    {"bench", 2, cmd_bench},
};

int main(int argc, char **argv)
{
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(commands[i].name, argv[1]) &&
		    argc >= 2 + commands[i].n_args) {
			if (open_driver(&d, &err) || commands[i].run(d, argv + 2, &err))
				return failed(&err);
			return fflush(stdout) ? 1 : 0;
		}
	fprintf(stderr,
	    "usage: fw_driver_test show|read|variant|load|held|again|raw|order|reverse|bench ...\n");
	return 2;
}
