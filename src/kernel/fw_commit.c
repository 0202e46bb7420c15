/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One table of legacy iptables brought to its wanted content: under the xtables lock,
 * read it, compare it with what the plan was made from, edit it in memory, hand it back
 * in one piece. Until the commit nothing has happened, so any error before it needs no
 * undo.
 */
#include "config.h"

#include "kernel/fw_legacy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libiptc/libiptc.h>

#include "base/auto.h"
#include "base/strbuf.h"
#include "kernel/xtlock.h"

/* What the kernel and libiptc leave of a chain's name. */
#define CHAIN_NAME_MAX (28)

/* Marks of chain names in change.names. */
enum { NAME_THERE = 0x1, NAME_GOES = 0x2 };

struct chain_change {
	const char *name;
	bool builtin;
	const struct fw_chain *have, *want; /* never NULL; empty when there is no chain */
	bool create, destroy;
};

struct change {
	const struct op *ops;
	size_t n;
	struct iptc_table table;
	struct arena *arena;
	struct chain_change *chains; /* in the order in which libiptc keeps them */
	struct strtab names;	     /* all chains before and after */
	struct strtab kept;	     /* rules by text: value - 1 in kept_entries */
	VEC(void *) kept_entries;
	bool changed;
};

static int set_error(const struct change *c, const char *chain, const struct error *cause,
    struct error *err)
{
	if (cause)
		*err = *cause;
	if (chain)
		error_wrap(err, "chain %s", chain);
	return error_wrap(err, "%s table %s", family_info(c->table.lib->family)->iptables,
	    fw_table_name(c->table.id));
}

#define fail(c, chain, err, kind, ...)                                                   \
	(error_set((err), (kind), 0, __VA_ARGS__), set_error((c), (chain), NULL, (err)))

/* A call of libiptc that does not fail on a table as it was just read. */
static int set_lib_error(
    const struct change *c, const char *chain, const char *what, struct error *err)
{
	return fail(c, chain, err, ERR_KERNEL, "cannot %s: %s", what,
	    c->table.lib->strerror(errno));
}

/* ---- before: what is there */

static int cmp_chain_change(const void *va, const void *vb)
{
	const struct chain_change *a = va, *b = vb;

	if (a->builtin != b->builtin)
		return a->builtin ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* libiptc looks a chain up by name for every call: going through the chains in its own
 * order keeps that look-up in the cache. */
static void sort_chains(struct change *c)
{
	static const struct fw_chain nothing;

	c->chains = arena_array(c->arena, struct chain_change, c->n);
	for (size_t i = 0; i < c->n; i++) {
		const struct fw_chain *have = c->ops[i].have, *want = c->ops[i].want;
		struct chain_change *k = &c->chains[i];

		k->name = want ? want->name : have->name;
		k->builtin = fw_is_builtin(c->table.id, k->name);
		k->create = !have && !k->builtin;
		k->destroy = !want && !k->builtin;
		k->have = have ? have : &nothing;
		k->want = want ? want : &nothing;
	}
	qsort(c->chains, c->n, sizeof(*c->chains), cmp_chain_change);
}

static void collect_names(const struct iptc_table *t, struct strtab *names)
{
	const char *name;

	for (name = t->lib->first_chain(t->h); name; name = t->lib->next_chain(t->h))
		strtab_add(names, name)->value = NAME_THERE;
}

static bool is_there(const struct change *c, const char *chain)
{
	const struct strtab_item *i = strtab_find(&c->names, chain);

	return i && i->value & NAME_THERE;
}

/* Keeps the entries of rules that have no typed form, so that one can be moved within the
 * table: with the name of its target, the way libiptc takes it. */
static void keep_entries(
    struct change *c, const struct fw_raw *raws, size_t n, struct fw_rule *const *rules)
{
	const struct fw_layout *l = c->table.codec.layout;

	for (size_t i = 0; i < n; i++) {
		size_t size = fw_entry_u16(raws[i].entry, l->next_offset);
		struct strtab_item *known = strtab_add(&c->kept, rules[i]->opaque);
		struct xt_entry_target *target;
		void *e;

		if (known->value)
			continue;
		e = arena_copy(c->arena, raws[i].entry, size);
		target = fw_entry_target(l, e);
		if (!target->u.user.name[0])
			strncpy(target->u.user.name, raws[i].target,
			    sizeof(target->u.user.name) - 1);
		vec_push(&c->kept_entries, e);
		known->value = (uint32_t)c->kept_entries.n;
	}
}

static int compare_chain(const struct change *c, const char *name,
    const struct fw_chain *expected, const struct fw_chain *now, struct error *err)
{
	size_t n = expected->n_rules < now->n_rules ? expected->n_rules : now->n_rules;
	size_t i = 0;

	while (i < n && fw_rule_eq(&expected->rules[i], &now->rules[i]))
		i++;
	if (i == expected->n_rules && i == now->n_rules)
		return 0;
	return fail(c, name, err, ERR_MOVED,
	    "changed since it was read: rule %zu of now %zu (then %zu) differs", i + 1,
	    now->n_rules, expected->n_rules);
}

/* The chains of the operations as they are in the table; absent ones are empty. */
static struct fw_chain *read_chains(struct change *c)
{
	struct fw_chain *now = arena_array(c->arena, struct fw_chain, c->n);
	struct iptc_table *t = &c->table;
	struct fw_rule **unnamed;
	struct fw_raw *raws;
	size_t n;

	for (size_t i = 0; i < c->n; i++)
		if (is_there(c, c->chains[i].name))
			iptc_table_rules(t, c->chains[i].name, &now[i]);
	n = t->raws.n;
	raws = arena_copy(c->arena, t->raws.v, n * sizeof(*raws));
	unnamed = arena_copy(c->arena, t->unnamed.v, n * sizeof(*unnamed));
	iptc_table_texts(t);
	keep_entries(c, raws, n, unnamed);
	return now;
}

/* Whether the table is where the plan started from. */
static int check_have(struct change *c, struct error *err)
{
	struct fw_chain *now = read_chains(c);

	for (size_t i = 0; i < c->n; i++) {
		const struct chain_change *k = &c->chains[i];
		bool there = is_there(c, k->name);

		if (there && k->create)
			return fail(c, k->name, err, ERR_MOVED, "it is there already");
		if (!there && !k->create)
			return fail(c, k->name, err, ERR_MOVED, "it is gone");
		if (compare_chain(c, k->name, k->have, &now[i], err))
			return -1;
	}
	return 0;
}

/* ---- edits in memory */

static int create_chains(struct change *c, struct error *err)
{
	const struct iptc_table *t = &c->table;

	for (size_t i = 0; i < c->n; i++) {
		const struct chain_change *k = &c->chains[i];

		if (k->destroy)
			strtab_add(&c->names, k->name)->value |= NAME_GOES;
		if (!k->create || k->destroy)
			continue;
		if (strlen(k->name) > CHAIN_NAME_MAX)
			return fail(c, k->name, err, ERR_INPUT,
			    "its name is longer than %d bytes", CHAIN_NAME_MAX);
		if (!t->lib->create_chain(k->name, t->h))
			return set_lib_error(c, k->name, "create it", err);
		strtab_add(&c->names, k->name)->value = NAME_THERE;
		c->changed = true;
	}
	return 0;
}

/* The entry of a rule that is known as text only, if the table holds such a rule. */
static int find_kept(
    const struct change *c, const struct fw_rule *r, void **ret, struct error *err)
{
	const struct strtab_item *i = strtab_find(&c->kept, r->opaque);

	if (!i)
		return error_set(err, ERR_REFUSED, 0,
		    "this rule is known as text only and cannot be written: %s",
		    r->opaque);
	*ret = c->kept_entries.v[i->value - 1];
	return 0;
}

static int encode_rule(struct change *c, const char *chain, const struct fw_rule *r,
    void **ret, struct error *err)
{
	const struct strtab_item *target;
	int rc;

	if (r->target.kind == FWT_JUMP) {
		target = strtab_find(&c->names, r->target.chain);
		/* libiptc would take the name for a module's, and the kernel look for it.
		 */
		if (!target || target->value & NAME_GOES)
			return fail(c, chain, err, ERR_INPUT,
			    "a rule jumps to chain %s, which %s", r->target.chain,
			    target ? "is to be deleted" : "does not exist");
	}
	rc = r->opaque ? find_kept(c, r, ret, err)
		       : fw_entry_encode(&c->table.codec, r, ret, err);
	return rc ? set_error(c, chain, NULL, err) : 0;
}

static int append_all(struct change *c, const struct chain_change *k, struct error *err)
{
	const struct iptc_table *t = &c->table;

	for (size_t i = 0; i < k->want->n_rules; i++) {
		void *e;

		if (encode_rule(c, k->name, &k->want->rules[i], &e, err))
			return -1;
		if (!t->lib->append_entry(k->name, e, t->h))
			return set_lib_error(c, k->name, "append a rule", err);
		c->changed = true;
	}
	return 0;
}

static int apply_edit(
    struct change *c, const char *chain, const struct fw_edit *e, struct error *err)
{
	const struct iptc_table *t = &c->table;
	unsigned at = (unsigned)e->at;
	void *entry;

	c->changed = true;
	if (e->kind == FW_EDIT_DELETE) {
		if (!t->lib->delete_num_entry(chain, at, t->h))
			return set_lib_error(c, chain, "delete a rule", err);
		return 0;
	}
	if (encode_rule(c, chain, e->rule, &entry, err))
		return -1;
	if (!t->lib->insert_entry(chain, entry, at, t->h))
		return set_lib_error(c, chain, "insert a rule", err);
	return 0;
}

static int edit_chain(struct change *c, const struct chain_change *k, struct error *err)
{
	struct fw_edit *edits;
	size_t n;

	if (k->destroy)
		return 0;
	if (!k->have->n_rules)
		return append_all(c, k, err);
	n = fw_edit_script(k->have, k->want, c->arena, &edits);
	for (size_t i = 0; i < n; i++)
		if (apply_edit(c, k->name, &edits[i], err))
			return -1;
	return 0;
}

/* Who still jumps to a chain; NULL if nobody does. */
static const char *referrer(const struct change *c, const char *chain)
{
	const struct iptc_table *t = &c->table;
	const char *name;

	for (name = t->lib->first_chain(t->h); name; name = t->lib->next_chain(t->h)) {
		const void *e = t->lib->first_rule(name, t->h);

		for (; e; e = t->lib->next_rule(e, t->h))
			if (!strcmp(t->lib->get_target(e, t->h), chain))
				return name;
	}
	return NULL;
}

static int destroy_chain(struct change *c, const char *name, struct error *err)
{
	const struct iptc_table *t = &c->table;
	const char *from;

	if (t->lib->delete_chain(name, t->h))
		return 0;
	if (errno != EMLINK)
		return set_lib_error(c, name, "delete it", err);
	from = referrer(c, name);
	return fail(c, name, err, ERR_REFUSED,
	    "cannot delete it: chain %s still jumps to it", from ? from : "?");
}

/*
 * libiptc's index has a bucket for every 40 chains, and is built anew from all of them
 * whenever the last chain of a bucket goes: in order, that is quadratic. So each turn
 * leaves some chain of every bucket to the next turn, which meets a smaller index.
 */
static int destroy_in_turns(
    struct change *c, const char **names, size_t n, struct error *err)
{
	const size_t stride = 16;

	while (n) {
		size_t left = 0;

		for (size_t i = 0; i < n; i++)
			if (n > stride && i % stride == 0)
				names[left++] = names[i];
			else if (destroy_chain(c, names[i], err))
				return -1;
		n = left;
	}
	return 0;
}

/* All are emptied before any is deleted, for they jump to each other. */
static int destroy_chains(struct change *c, struct error *err)
{
	const struct iptc_table *t = &c->table;
	const char **names = arena_array(c->arena, const char *, c->n);
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct chain_change *k = &c->chains[i];

		if (!k->destroy || k->create)
			continue;
		if (!t->lib->flush_entries(k->name, t->h))
			return set_lib_error(c, k->name, "empty it", err);
		names[n++] = k->name;
		c->changed = true;
	}
	return destroy_in_turns(c, names, n, err);
}

static int edit_table(struct change *c, struct error *err)
{
	if (create_chains(c, err))
		return -1;
	for (size_t i = 0; i < c->n; i++)
		if (edit_chain(c, &c->chains[i], err))
			return -1;
	return destroy_chains(c, err);
}

/* ---- the commit */

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

static void add_missing_of_rule(struct change *c, const struct fw_rule *r,
    struct strtab *matches, struct strtab *targets, struct strbuf *sb)
{
	const struct fw_layout *l = c->table.codec.layout;
	const struct xt_entry_match *m = NULL;
	void *e;

	if (r->opaque || fw_entry_encode(&c->table.codec, r, &e, NULL))
		return;
	while ((m = fw_entry_match(l, e, m)))
		add_missing(sb, matches, c->arena, m->u.user.name);
	if (!fw_target_is_verdict(&r->target))
		add_missing(sb, targets, c->arena, fw_entry_target(l, e)->u.user.name);
}

/* The extensions of the wanted rules that the kernel does not have. It has just tried to
 * load their modules, so those that are still not in its lists are the missing ones. */
static void find_missing(struct change *c, struct strbuf *sb)
{
	const struct iptc_family *lib = c->table.lib;
	struct strtab matches = {0}, targets = {0};

	load_lines(lib->proc_matches, c->arena, &matches);
	load_lines(lib->proc_targets, c->arena, &targets);
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = 0; j < c->chains[i].want->n_rules; j++)
			add_missing_of_rule(
			    c, &c->chains[i].want->rules[j], &matches, &targets, sb);
	strtab_free(&matches);
	strtab_free(&targets);
}

static int set_refused(struct change *c, const char *text, struct error *err)
{
	struct strbuf missing = {0};

	find_missing(c, &missing);
	if (missing.len)
		fail(c, NULL, err, ERR_KERNEL, "this kernel has no module for %s",
		    strbuf_str(&missing));
	else
		fail(c, NULL, err, ERR_KERNEL,
		    "the kernel refused it: %s (the kernel's log may tell more)", text);
	strbuf_free(&missing);
	return -1;
}

static int set_commit_error(struct change *c, int errnum, struct error *err)
{
	/* The library's text depends on the last call made, so it is asked for at once.
	 */
	const char *text = c->table.lib->strerror(errnum);

	switch (errnum) {
	case EAGAIN:
		return fail(c, NULL, err, ERR_MOVED,
		    "another program changed it at the same time");
	case ENOMEM:
		return fail(c, NULL, err, ERR_KERNEL,
		    "the kernel has no memory for it: a table must stay below 512 MiB, "
		    "which is about 900,000 rules with comments");
	case ELOOP:
		return fail(c, NULL, err, ERR_KERNEL, "its chains jump in a circle");
	default:
		return set_refused(c, text, err);
	}
}

static bool is_wanted_chain(const struct change *c, struct iptc_table *t,
    const struct strtab *names, const struct chain_change *k)
{
	struct fw_chain now = {0};

	if (k->destroy || !strtab_find(names, k->name))
		return k->destroy && !strtab_find(names, k->name);
	iptc_table_rules(t, k->name, &now);
	iptc_table_texts(t);
	return !compare_chain(c, k->name, k->want, &now, NULL);
}

/* libiptc also reports a failure when only the counters could not be put back: then the
 * rules are in place. */
static bool is_in_place(const struct change *c)
{
	struct strtab names = {0};
	struct iptc_table t;
	bool same = true;

	if (iptc_table_open(&t, c->table.lib->family, c->table.id, c->arena, NULL))
		return false;
	collect_names(&t, &names);
	for (size_t i = 0; i < c->n && same; i++)
		same = is_wanted_chain(c, &t, &names, &c->chains[i]);
	strtab_free(&names);
	iptc_table_close(&t);
	return same;
}

/* libiptc zeroes the counters of a policy that it is not told to keep. */
static void keep_policies(const struct change *c)
{
	const struct iptc_table *t = &c->table;
	const char *const *chain = fw_builtin_chains(t->id);

	for (; *chain; chain++) {
		struct xt_counters counters;
		const char *policy = t->lib->get_policy(*chain, &counters, t->h);

		if (policy)
			t->lib->set_policy(*chain, policy, &counters, t->h);
	}
}

static int commit(struct change *c, struct error *err)
{
	int errnum;

	if (!c->changed)
		return 0;
	keep_policies(c);
	if (c->table.lib->commit(c->table.h))
		return 0;
	errnum = errno;
	set_commit_error(c, errnum, err);
	if (errnum == EAGAIN || !is_in_place(c))
		return -1;
	error_clear(err);
	return 0;
}

static int change_table(struct change *c, struct error *err)
{
	int rc;

	if (iptc_table_open(&c->table, c->ops->family, c->ops->table, c->arena, err))
		return -1;
	sort_chains(c);
	collect_names(&c->table, &c->names);
	rc = check_have(c, err) || edit_table(c, err) || commit(c, err) ? -1 : 0;
	iptc_table_close(&c->table);
	return rc;
}

int fw_commit(const struct op *ops, size_t n, double lock_wait, struct error *err)
{
	struct change c = {.ops = ops, .n = n};
	AUTO(fd) int lock = -1;
	int rc;

	if (xtlock_take(lock_wait, &lock, err))
		return -1;
	c.arena = arena_new();
	rc = change_table(&c, err);
	strtab_free(&c.names);
	strtab_free(&c.kept);
	vec_free(&c.kept_entries);
	arena_free(c.arena);
	return rc;
}
