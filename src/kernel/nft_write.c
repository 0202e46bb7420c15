/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of one table as texts for iptables-nft-restore. Chains that change little, and
 * built-in ones always, are edited rule by rule, so that all other rules keep their
 * counters and their place; the rest is written anew. One text is one commit. The
 * program's time grows with the square of the chains in it, hence several for many.
 */
#include "config.h"

#include "kernel/nft_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/strtab.h"
#include "base/vec.h"
#include "kernel/nft_read.h"
#include "kernel/nft_restore.h"

/* Chains in one commit. */
#define COMMIT_CHAINS 2000
/* A chain of ours with more edits is written anew. */
#define EDITS_MAX 64
/* Of a line of the text in a message. */
#define QUOTE_MAX 300

/* What becomes of one chain. */
struct step {
	const char *name;
	bool builtin, create, destroy;
	const struct fw_chain *have, *want; /* never NULL; empty when there is no chain */
	struct fw_edit *edits;
	size_t n_edits;
	bool visited;
	bool written, deleted; /* what has been committed */
};

enum action_kind {
	ACT_FILL, /* make or empty the chain, append all rules */
	ACT_EDIT,
	ACT_FLUSH, /* empty it, before it goes */
	ACT_DELETE,
};
struct action {
	enum action_kind kind;
	struct step *step;
};

struct change {
	struct nlc *nl;
	enum family family;
	enum fw_table_id id;
	struct arena *arena;
	struct step *steps;
	size_t n;
	struct strtab names; /* of the steps; value: place + 1 */
	VEC(struct action) actions;
	uint32_t generation; /* expected, as far as only we write */
	uint32_t *commits;   /* counts ours */
	const struct limit *wait;
	struct strbuf line;
	bool take_back; /* what is written, if a later commit fails */
};

static int wrap(const struct change *c, const char *chain, struct error *err)
{
	if (chain)
		error_wrap(err, "chain %s", chain);
	return error_wrap(
	    err, "%s table %s", family_info(c->family)->iptables, fw_table_name(c->id));
}

/* ---- before: what is there */

static void make_steps(struct change *c, const struct op *ops)
{
	static const struct fw_chain nothing;

	c->steps = arena_array(c->arena, struct step, c->n);
	for (size_t i = 0; i < c->n; i++) {
		const struct fw_chain *have = ops[i].have, *want = ops[i].want;
		struct step *s = &c->steps[i];

		s->name = want ? want->name : have->name;
		s->builtin = fw_is_builtin(c->id, s->name);
		s->create = !have && !s->builtin;
		s->destroy = !want && !s->builtin;
		s->have = have ? have : &nothing;
		s->want = want ? want : &nothing;
		strtab_add(&c->names, s->name)->value = (uint32_t)i + 1;
	}
}

/* The chains of the steps as they are now. */
static int read_steps(
    struct change *c, struct fw_table *ret, uint32_t *generation, struct error *err)
{
	const char **names = arena_array(c->arena, const char *, c->n);

	for (size_t i = 0; i < c->n; i++)
		names[i] = c->steps[i].name;
	return nft_read_chains(
	    c->nl, c->family, c->id, names, c->n, c->arena, ret, generation, err);
}

/* expected NULL: no chain. */
static int compare(const struct step *s, const struct fw_table *now,
    const struct fw_chain *expected, struct error *err)
{
	static const struct fw_chain nothing;
	const struct fw_chain *there = fw_chain_find(now, s->name);
	size_t n, i = 0;

	if (there && !expected)
		return error_set(err, ERR_MOVED, 0, "it is there already");
	if (!there && expected && !s->builtin)
		return error_set(err, ERR_MOVED, 0, "it is gone");
	if (!there)
		there = &nothing;
	if (!expected)
		expected = &nothing;
	n = expected->n_rules < there->n_rules ? expected->n_rules : there->n_rules;
	while (i < n && fw_rule_eq(&expected->rules[i], &there->rules[i]))
		i++;
	if (i == expected->n_rules && i == there->n_rules)
		return 0;
	return error_set(err, ERR_MOVED, 0,
	    "changed since it was read: rule %zu of now %zu (then %zu) differs", i + 1,
	    there->n_rules, expected->n_rules);
}

static int check_have(struct change *c, struct error *err)
{
	struct fw_table now;

	if (read_steps(c, &now, &c->generation, err))
		return wrap(c, NULL, err);
	for (size_t i = 0; i < c->n; i++) {
		const struct step *s = &c->steps[i];

		if (compare(s, &now, s->create ? NULL : s->have, err))
			return wrap(c, s->name, err);
	}
	return 0;
}

/* Somebody else wrote at the same time: our edits go by position, so look where they
 * went. */
static int check_want(struct change *c, struct error *err)
{
	struct fw_table now;
	uint32_t generation;

	if (read_steps(c, &now, &generation, err))
		return wrap(c, NULL, err);
	for (size_t i = 0; i < c->n; i++) {
		const struct step *s = &c->steps[i];

		if (compare(s, &now, s->destroy ? NULL : s->want, err))
			return wrap(c, s->name, err);
	}
	return 0;
}

/* Rules that have no text which loads may stay where they are but not be made. */
static int check_rule(const struct fw_rule *r, struct error *err)
{
	if (r->opaque && strstr(r->opaque, "--raw-data "))
		return error_set(err, ERR_REFUSED, 0,
		    "this rule is not one of iptables and cannot be written: %.200s",
		    r->opaque);
	return 0;
}

/* ---- what is to be done, in which order */

static void add_action(struct change *c, enum action_kind kind, struct step *s)
{
	vec_push(&c->actions, (struct action){kind, s});
}

static int plan_step(struct change *c, struct step *s, struct error *err)
{
	bool edit;

	if (s->have->n_rules || s->builtin)
		s->n_edits = fw_edit_script(s->have, s->want, c->arena, &s->edits);
	edit = s->builtin || (s->have->n_rules && s->n_edits <= EDITS_MAX);
	for (size_t i = 0; i < s->n_edits && edit; i++)
		if (s->edits[i].kind == FW_EDIT_INSERT &&
		    check_rule(s->edits[i].rule, err))
			return wrap(c, s->name, err);
	for (size_t i = 0; i < s->want->n_rules && !edit; i++)
		if (check_rule(&s->want->rules[i], err))
			return wrap(c, s->name, err);
	if (edit && s->n_edits)
		add_action(c, ACT_EDIT, s);
	else if (!edit && (s->create || s->want->n_rules || s->have->n_rules))
		add_action(c, ACT_FILL, s);
	return 0;
}

/* The chains that it leads to come first. */
static int visit(struct change *c, struct step *s, struct error *err)
{
	if (s->visited || s->destroy)
		return 0;
	s->visited = true;
	for (size_t i = 0; i < s->want->n_rules; i++) {
		const struct fw_target *t = &s->want->rules[i].target;
		const struct strtab_item *to =
		    t->kind == FWT_JUMP ? strtab_find(&c->names, t->chain) : NULL;

		if (to && visit(c, &c->steps[to->value - 1], err))
			return -1;
	}
	return plan_step(c, s, err);
}

static int plan_actions(struct change *c, struct error *err)
{
	/* Built-in chains last: with them the packets come. */
	for (unsigned builtin = 0; builtin < 2; builtin++)
		for (size_t i = 0; i < c->n; i++)
			if (c->steps[i].builtin == builtin && visit(c, &c->steps[i], err))
				return -1;
	/* Chains that go may lead to each other: empty them all first. */
	for (size_t i = 0; i < c->n; i++)
		if (c->steps[i].destroy && c->steps[i].have->n_rules)
			add_action(c, ACT_FLUSH, &c->steps[i]);
	for (size_t i = 0; i < c->n; i++)
		if (c->steps[i].destroy)
			add_action(c, ACT_DELETE, &c->steps[i]);
	return 0;
}

/* ---- as text */

static void add_counters(struct strbuf *sb, const struct fw_rule *r)
{
	if (!r->packets && !r->bytes)
		return;
	strbuf_addch(sb, '[');
	strbuf_addu(sb, r->packets);
	strbuf_addch(sb, ':');
	strbuf_addu(sb, r->bytes);
	strbuf_add(sb, "] ");
}

/* The rule's text without "-A CHAIN"; valid until the next call. */
static const char *body_of(struct change *c, const char *chain, const struct fw_rule *r)
{
	strbuf_reset(&c->line);
	fw_print_rule(&c->line, c->family, chain, r);
	return strbuf_str(&c->line) + strlen("-A ") + strlen(chain);
}

static void add_append(struct change *c, struct strbuf *sb, const struct step *s,
    const struct fw_rule *r, const struct fw_rule *counters)
{
	add_counters(sb, counters);
	strbuf_add(sb, "-A ");
	strbuf_add(sb, s->name);
	strbuf_add(sb, body_of(c, s->name, r));
	strbuf_addch(sb, '\n');
}

/* All rules anew; those that were there before take their counters along. */
static void add_fill(struct change *c, struct strbuf *sb, const struct step *s)
{
	const struct fw_rule *had = s->have->rules, *r = s->want->rules;
	const struct fw_rule *end = r + s->want->n_rules;

	for (size_t i = 0; s->have->n_rules && i < s->n_edits; i++) {
		const struct fw_edit *e = &s->edits[i];

		for (; r < s->want->rules + e->at; r++)
			add_append(c, sb, s, r, had++);
		if (e->kind == FW_EDIT_DELETE) {
			had++;
		} else {
			add_append(c, sb, s, r, r);
			r++;
		}
	}
	for (; r < end; r++)
		add_append(c, sb, s, r, s->have->n_rules ? had++ : r);
}

/* Whether a rule can be named by its text: it is the only one like that. */
static bool is_unique(const struct step *s, const struct fw_rule *r)
{
	size_t n = 0;

	if (check_rule(r, NULL))
		return false;
	for (size_t i = 0; i < s->have->n_rules; i++)
		n += fw_rule_eq(&s->have->rules[i], r);
	for (size_t i = 0; i < s->want->n_rules; i++)
		n += fw_rule_eq(&s->want->rules[i], r);
	return n == 1;
}

static void add_edit(
    struct change *c, struct strbuf *sb, const struct step *s, const struct fw_edit *e)
{
	bool delete = e->kind == FW_EDIT_DELETE;

	if (!delete)
		add_counters(sb, e->rule);
	strbuf_add(sb, delete ? "-D " : "-I ");
	strbuf_add(sb, s->name);
	/* Among rules of others a position that has moved would hit one of theirs. */
	if (delete &&s->builtin && is_unique(s, e->rule)) {
		strbuf_add(sb, body_of(c, s->name, e->rule));
	} else {
		strbuf_addch(sb, ' ');
		strbuf_addu(sb, e->at + 1);
		if (!delete)
			strbuf_add(sb, body_of(c, s->name, e->rule));
	}
	strbuf_addch(sb, '\n');
}

static void add_commit_text(
    struct change *c, struct strbuf *sb, const struct action *actions, size_t n)
{
	strbuf_addch(sb, '*');
	strbuf_add(sb, fw_table_name(c->id));
	strbuf_addch(sb, '\n');
	/* First the lines that make a chain or empty it. */
	for (size_t i = 0; i < n; i++) {
		if (actions[i].kind != ACT_FILL && actions[i].kind != ACT_FLUSH)
			continue;
		strbuf_addch(sb, ':');
		strbuf_add(sb, actions[i].step->name);
		strbuf_add(sb, " - [0:0]\n");
	}
	for (size_t i = 0; i < n; i++) {
		const struct step *s = actions[i].step;

		if (actions[i].kind == ACT_FILL)
			add_fill(c, sb, s);
		for (size_t k = 0; actions[i].kind == ACT_EDIT && k < s->n_edits; k++)
			add_edit(c, sb, s, &s->edits[k]);
	}
	for (size_t i = 0; i < n; i++) {
		if (actions[i].kind != ACT_DELETE)
			continue;
		strbuf_add(sb, "-X ");
		strbuf_add(sb, actions[i].step->name);
		strbuf_addch(sb, '\n');
	}
	strbuf_add(sb, "COMMIT\n");
}

/* ---- the commits */

static void quote_line(const char *text, unsigned line, struct error *err)
{
	size_t n;

	for (; line > 1 && *text; line--) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	n = strcspn(text, "\n");
	if (line == 1 && n && strncmp(text, "COMMIT", n))
		error_wrap(err, "%.*s", (int)(n < QUOTE_MAX ? n : QUOTE_MAX), text);
}

static int commit(
    struct change *c, const struct action *actions, size_t n, struct error *err)
{
	struct strbuf sb = {0};
	unsigned line;
	int r;

	add_commit_text(c, &sb, actions, n);
	r = nft_restore(
	    &(struct nft_restore){c->family, sb.s, sb.len, c->wait}, &line, err);
	if (r)
		quote_line(sb.s, line, err);
	strbuf_free(&sb);
	if (r)
		return wrap(c, NULL, err);
	for (size_t i = 0; i < n; i++) {
		actions[i].step->written = true;
		actions[i].step->deleted = actions[i].kind == ACT_DELETE;
	}
	c->generation++;
	(*c->commits)++;
	return 0;
}

/* The operations that take back what has been written so far. */
static size_t reversed(const struct change *c, struct op *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct step *s = &c->steps[i];
		struct fw_chain *empty;

		if (!s->written)
			continue;
		ret[n] = (struct op){.kind = KIND_FW,
		    .family = c->family,
		    .table = c->id,
		    .have = s->destroy ? NULL : s->want,
		    .want = s->create ? NULL : s->have};
		if (s->destroy && !s->deleted) {
			empty = arena_new_of(c->arena, struct fw_chain);
			empty->name = s->name;
			ret[n].have = empty;
		}
		n++;
	}
	return n;
}

static int run(struct change *c, const struct op *ops, struct error *err);

/* A later commit failed: err says how. */
static int take_back(struct change *c, struct error *err)
{
	struct op *ops = arena_array(c->arena, struct op, c->n);
	struct change back = {
	    .nl = c->nl,
	    .family = c->family,
	    .id = c->id,
	    .n = reversed(c, ops),
	    .wait = c->wait,
	    .commits = c->commits,
	};
	struct error second = {0};

	if (!back.n)
		return -1;
	if (run(&back, ops, &second) == 0)
		return error_wrap(err,
		    "written in several commits, all taken back because of the last");
	err->kind = ERR_PARTIAL;
	return error_wrap(err,
	    "%zu chains were written and could not be put back (%.300s)", back.n,
	    second.msg);
}

static int run_actions(struct change *c, struct error *err)
{
	size_t n = c->actions.n;

	for (size_t at = 0; at < n; at += COMMIT_CHAINS) {
		size_t part = n - at < COMMIT_CHAINS ? n - at : COMMIT_CHAINS;

		if (commit(c, &c->actions.v[at], part, err))
			return -1;
	}
	return 0;
}

static int change_table(struct change *c, const struct op *ops, struct error *err)
{
	uint32_t generation;

	make_steps(c, ops);
	if (check_have(c, err) || plan_actions(c, err))
		return -1;
	if (run_actions(c, err))
		return c->take_back ? take_back(c, err) : -1;
	if (nft_read_generation(c->nl, &generation, err))
		return -1;
	return generation == c->generation ? 0 : check_want(c, err);
}

static int run(struct change *c, const struct op *ops, struct error *err)
{
	int r;

	c->arena = arena_new();
	r = change_table(c, ops, err);
	strtab_free(&c->names);
	vec_free(&c->actions);
	strbuf_free(&c->line);
	arena_free(c->arena);
	return r;
}

int nft_write(struct nlc *nl, const struct op *ops, size_t n, const struct limit *wait,
    uint32_t *commits, struct error *err)
{
	struct change c = {
	    .nl = nl,
	    .family = ops->family,
	    .id = ops->table,
	    .n = n,
	    .wait = wait,
	    .commits = commits,
	    .take_back = true,
	};

	return run(&c, ops, err);
}
