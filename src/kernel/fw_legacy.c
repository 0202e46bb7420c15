/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of legacy iptables: reads through libiptc the tables that this network
 * namespace has already. Writing is fw_commit.c's.
 */
#include "config.h"

#include "kernel/fw_legacy.h"

#include <errno.h>
#include <string.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <xtables.h>

#include "base/auto.h"
#include "kernel/driver.h"
#include "kernel/live.h"

struct fw_legacy {
	struct driver driver;
	double lock_wait;
};

/* ---- libiptc's two halves */

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
	.next_chain = lib##_next_chain, .builtin = lib##_builtin,                        \
	.get_policy = lib##_get_policy, .set_policy = lib##_set_policy,                  \
	.create_chain = lib##_create_chain, .flush_entries = lib##_flush_entries,        \
	.delete_chain = lib##_delete_chain, .delete_num_entry = lib##_delete_num_entry,  \
	.first_rule = lib##_first, .next_rule = lib##_next, .get_target = lib##_target,  \
	.insert_entry = lib##_insert, .append_entry = lib##_append

ENTRY_FUNCTIONS(iptc)
ENTRY_FUNCTIONS(ip6tc)

static const struct iptc_family families[FAMILY_COUNT] = {
    [FAMILY_4] = {.family = FAMILY_4,
	.module = "ip_tables",
	.proc_matches = "/proc/net/ip_tables_matches",
	.proc_targets = "/proc/net/ip_tables_targets",
	FUNCTIONS(iptc)},
    [FAMILY_6] = {.family = FAMILY_6,
	.module = "ip6_tables",
	.proc_matches = "/proc/net/ip6_tables_matches",
	.proc_targets = "/proc/net/ip6_tables_targets",
	FUNCTIONS(ip6tc)},
};

const struct iptc_family *iptc_family(enum family f)
{
	return &families[f];
}

/* ---- a table */

static int set_open_error(const struct iptc_table *t, int errnum, struct error *err)
{
	const char *command = family_info(t->lib->family)->iptables;
	const char *table = fw_table_name(t->id);

	if (errnum == EPERM)
		return error_set(err, ERR_BACKEND, 0,
		    "cannot read the %s table %s: not permitted (needs root, or "
		    "CAP_NET_ADMIN in this network namespace)",
		    command, table);
	if (errnum == ENOPROTOOPT || errnum == ENOENT)
		return error_set(err, ERR_BACKEND, 0,
		    "this kernel has no %s table %s: %s (modprobe %s_%s)", command, table,
		    t->lib->strerror(errnum),
		    t->lib->family == FAMILY_6 ? "ip6table" : "iptable", table);
	return error_set(err, ERR_KERNEL, 0, "cannot read the %s table %s: %s", command,
	    table, t->lib->strerror(errnum));
}

int iptc_table_open(struct iptc_table *t, enum family f, enum fw_table_id id,
    struct arena *a, struct error *err)
{
	int errnum;

	*t = (struct iptc_table){.lib = iptc_family(f), .id = id};
	t->h = t->lib->init(fw_table_name(id));
	errnum = errno;
	/* The kernel loads a table's module by itself, but not the one that knows tables.
	 */
	if (!t->h && errnum == ENOPROTOOPT &&
	    !xtables_insmod(t->lib->module, NULL, true)) {
		t->h = t->lib->init(fw_table_name(id));
		errnum = errno;
	}
	if (!t->h)
		return set_open_error(t, errnum, err);
	fw_codec_init(&t->codec, f, a);
	return 0;
}

void iptc_table_close(struct iptc_table *t)
{
	if (t->h) {
		t->lib->free(t->h);
		fw_codec_free(&t->codec);
	}
	vec_free(&t->rules);
	vec_free(&t->unnamed);
	vec_free(&t->raws);
	t->h = NULL;
}

void iptc_table_rules(struct iptc_table *t, const char *chain, struct fw_chain *ret)
{
	VEC(struct fw_raw) raws = {0};
	VEC(size_t) places = {0};
	const void *e;

	t->rules.n = 0;
	for (e = t->lib->first_rule(chain, t->h); e; e = t->lib->next_rule(e, t->h)) {
		const char *target = t->lib->get_target(e, t->h);
		struct fw_rule r;

		if (!fw_entry_decode(&t->codec, e, target, &r)) {
			vec_push(&places, t->rules.n);
			vec_push(&raws, (struct fw_raw){e, target});
		}
		vec_push(&t->rules, r);
	}
	ret->n_rules = t->rules.n;
	ret->rules =
	    arena_copy(t->codec.arena, t->rules.v, t->rules.n * sizeof(*t->rules.v));
	for (size_t i = 0; i < places.n; i++) {
		vec_push(&t->unnamed, &ret->rules[places.v[i]]);
		vec_push(&t->raws, raws.v[i]);
	}
	vec_free(&places);
	vec_free(&raws);
}

void iptc_table_texts(struct iptc_table *t)
{
	const char **texts;

	if (!t->raws.n)
		return;
	texts = xcalloc(t->raws.n, sizeof(*texts));
	fw_xt_print(t->lib->family, t->raws.v, t->raws.n, t->codec.arena, texts);
	for (size_t i = 0; i < t->raws.n; i++)
		t->unnamed.v[i]->opaque = texts[i];
	free(texts);
	t->unnamed.n = t->raws.n = 0;
}

/* ---- read */

static void read_chain(struct iptc_table *t, const char *name, struct fw_chain *ret)
{
	struct xt_counters counters = {0};
	const char *policy = NULL;

	*ret = (struct fw_chain){.name = fw_codec_string(&t->codec, name)};
	ret->builtin = t->lib->builtin(name, t->h);
	if (ret->builtin)
		policy = t->lib->get_policy(name, &counters, t->h);
	if (policy) {
		ret->policy = !strcmp(policy, "DROP") ? FW_POLICY_DROP : FW_POLICY_ACCEPT;
		ret->packets = counters.pcnt;
		ret->bytes = counters.bcnt;
	}
	iptc_table_rules(t, name, ret);
}

static int read_table(enum family f, enum fw_table_id id, struct arena *a,
    struct fw_table *ret, struct error *err)
{
	VEC(struct fw_chain) chains = {0};
	struct iptc_table t;
	const char *name;

	if (iptc_table_open(&t, f, id, a, err))
		return -1;
	for (name = t.lib->first_chain(t.h); name; name = t.lib->next_chain(t.h)) {
		struct fw_chain c;

		read_chain(&t, name, &c);
		vec_push(&chains, c);
	}
	iptc_table_texts(&t);
	iptc_table_close(&t);
	ret->present = true;
	vec_take(&chains, a, ret->chains, ret->n_chains);
	fw_table_sort(id, ret);
	return 0;
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
	struct iptc_table t;
	const char *name;
	unsigned tables;

	*ret = false;
	if (registered_tables(f, &tables, err))
		return -1;
	if (!(tables & 1u << id))
		return 0;
	if (iptc_table_open(&t, f, id, NULL, err))
		return -1;
	for (name = t.lib->first_chain(t.h); name && !*ret; name = t.lib->next_chain(t.h))
		*ret = !strcmp(name, chain);
	iptc_table_close(&t);
	return 0;
}

static int read_family(
    enum family f, struct arena *a, struct fw_ruleset *ret, struct error *err)
{
	unsigned tables;

	if (registered_tables(f, &tables, err))
		return -1;
	ret->present = true;
	for (unsigned id = 0; id < FW_TABLE_COUNT; id++)
		if (tables & 1u << id &&
		    read_table(f, (enum fw_table_id)id, a, &ret->tables[id], err))
			return -1;
	return 0;
}

/* ---- the driver */

static int legacy_read(
    struct driver *d, unsigned families_wanted, struct state *into, struct error *err)
{
	(void)d;
	family_foreach (f) {
		struct fw_ruleset rs = {0};

		if (!(families_wanted & FAMILY_BIT(f)))
			continue;
		if (read_family(f, into->arena, &rs, err))
			return -1;
		into->fw[f] = rs;
	}
	return 0;
}

static int legacy_write(
    struct driver *d, const struct op *ops, size_t n, size_t *done, struct error *err)
{
	const struct fw_legacy *l = (const struct fw_legacy *)d;

	*done = 0;
	if (n && fw_commit(ops, n, l->lock_wait, err))
		return -1;
	*done = n;
	return 0;
}

static void legacy_close(struct driver *d)
{
	free(d);
}

int fw_legacy_open(const struct live_options *o, struct driver **ret, struct error *err)
{
	static const struct driver_ops ops = {
	    .read = legacy_read,
	    .write = legacy_write,
	    .close = legacy_close,
	};
	struct fw_legacy *l = xcalloc(1, sizeof(*l));

	(void)err;
	l->driver.ops = &ops;
	l->lock_wait = o->lock_wait;
	*ret = &l->driver;
	return 0;
}
