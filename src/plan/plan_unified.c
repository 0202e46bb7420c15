/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan as a unified diff in the stock tools' formats: one "file" per chain and per set,
 * one per part for what has no such container. Both sides of a file are texts whose lines
 * are compared; a chain that several phases change appears once, with its first and its
 * last content.
 */
#include "config.h"

#include "plan/plan_lines.h"

#include <string.h>

#define CONTEXT 3

/* ---- comparing lines */

struct text_line {
	const char *s; /* without its newline */
	size_t len;
};

struct text {
	struct strbuf sb;
	VEC(struct text_line) lines;
};

static void split(struct text *t)
{
	const char *s = strbuf_str(&t->sb), *end;

	for (; (end = strchr(s, '\n')); s = end + 1) {
		size_t len = (size_t)(end - s);

		vec_push(&t->lines, (struct text_line){s, len});
	}
}

static void text_free(struct text *t)
{
	strbuf_free(&t->sb);
	vec_free(&t->lines);
}

/*
 * Chains as fw_edit_script() sees them: each line becomes a rule whose opaque text is
 * that line, so that there is one algorithm for the fewest changes.
 */
static struct fw_chain as_chain(const struct text *t, struct arena *a)
{
	struct fw_chain c = {.name = "", .n_rules = t->lines.n};

	c.rules = arena_array(a, struct fw_rule, t->lines.n);
	for (size_t i = 0; i < t->lines.n; i++)
		c.rules[i].opaque = arena_strndup(a, t->lines.v[i].s, t->lines.v[i].len);
	return c;
}

/* One line of the diff: ' ', '-' or '+'. */
struct diff_line {
	char mark;
	const struct text_line *line;
};

struct diff_lines {
	VEC(struct diff_line) list;
};

static void compare(
    const struct text *have, const struct text *want, struct diff_lines *ret)
{
	struct arena *a = arena_new();
	struct fw_chain h = as_chain(have, a), w = as_chain(want, a);
	struct fw_edit *edits;
	size_t n = fw_edit_script(&h, &w, a, &edits), i = 0, j = 0;

	/* `at` counts in the text as edited so far: that is j. */
	for (size_t e = 0; e <= n; e++) {
		while (i < have->lines.n && (e == n || j < edits[e].at)) {
			vec_push(&ret->list, (struct diff_line){' ', &have->lines.v[i]});
			i++;
			j++;
		}
		if (e == n)
			break;
		if (edits[e].kind == FW_EDIT_DELETE)
			vec_push(
			    &ret->list, (struct diff_line){'-', &have->lines.v[i++]});
		else
			vec_push(
			    &ret->list, (struct diff_line){'+', &want->lines.v[j++]});
	}
	arena_free(a);
}

/* ---- hunks */

struct painter {
	struct strbuf *sb;
	bool colour;
};

static void paint(const struct painter *p, const char *code, const char *s, size_t n)
{
	if (p->colour && *code)
		strbuf_add(p->sb, code);
	strbuf_addn(p->sb, s, n);
	if (p->colour && *code)
		strbuf_add(p->sb, "\033[m");
	strbuf_addch(p->sb, '\n');
}

static void print_line(const struct painter *p, const struct diff_line *l)
{
	const char *code = l->mark == '+' ? "\033[32m" : l->mark == '-' ? "\033[31m" : "";
	struct strbuf line = {0};

	strbuf_addch(&line, l->mark);
	strbuf_addn(&line, l->line->s, l->line->len);
	paint(p, code, line.s, line.len);
	strbuf_free(&line);
}

/* "12,3", with the odd rule that an empty side names the line before it. */
static void print_range(struct strbuf *sb, size_t at, size_t n)
{
	strbuf_addf(sb, "%zu", n ? at + 1 : at);
	if (n != 1)
		strbuf_addf(sb, ",%zu", n);
}

static void print_hunk(const struct painter *p, const struct diff_line *l, size_t n,
    size_t *at_have, size_t *at_want)
{
	size_t n_have = 0, n_want = 0;
	struct strbuf head = {0};

	for (size_t i = 0; i < n; i++) {
		n_have += l[i].mark != '+';
		n_want += l[i].mark != '-';
	}
	strbuf_add(&head, "@@ -");
	print_range(&head, *at_have, n_have);
	strbuf_add(&head, " +");
	print_range(&head, *at_want, n_want);
	strbuf_add(&head, " @@");
	paint(p, "\033[36m", head.s, head.len);
	for (size_t i = 0; i < n; i++)
		print_line(p, &l[i]);
	*at_have += n_have;
	*at_want += n_want;
	strbuf_free(&head);
}

/* The end of the hunk that the change at `i` begins: where more than two contexts of
 * unchanged lines follow. */
static size_t hunk_end(const struct diff_lines *d, size_t i)
{
	size_t last = i;

	for (; i < d->list.n && i - last <= 2 * CONTEXT; i++)
		if (d->list.v[i].mark != ' ')
			last = i;
	last += 1 + CONTEXT;
	return last < d->list.n ? last : d->list.n;
}

static void print_hunks(const struct painter *p, const struct diff_lines *d)
{
	size_t done = 0, at_have = 0, at_want = 0;

	for (size_t i = 0; i < d->list.n; i++) {
		size_t from, to;

		if (d->list.v[i].mark == ' ')
			continue;
		from = i - done > CONTEXT ? i - CONTEXT : done;
		at_have += from - done;
		at_want += from - done;
		to = hunk_end(d, i);
		print_hunk(p, &d->list.v[from], to - from, &at_have, &at_want);
		done = to;
		i = to - 1;
	}
}

static void print_file(
    const struct painter *p, const char *name, struct text *have, struct text *want)
{
	struct diff_lines d = {0};
	struct strbuf head = {0};

	split(have);
	split(want);
	compare(have, want, &d);
	for (size_t i = 0; i < d.list.n; i++) {
		if (d.list.v[i].mark == ' ')
			continue;
		strbuf_addf(&head, "--- %s%s", have->lines.n ? "have/" : "/dev/null",
		    have->lines.n ? name : "");
		paint(p, "\033[1m", head.s, head.len);
		strbuf_reset(&head);
		strbuf_addf(&head, "+++ %s%s", want->lines.n ? "want/" : "/dev/null",
		    want->lines.n ? name : "");
		paint(p, "\033[1m", head.s, head.len);
		print_hunks(p, &d);
		break;
	}
	strbuf_free(&head);
	vec_free(&d.list);
}

/* ---- files */

struct file_op {
	const struct op *op;
	char *name; /* of its file */
	char *object;
	size_t index;
};

static int cmp_file_op(const void *va, const void *vb)
{
	const struct file_op *a = va, *b = vb;
	enum part pa = op_part(a->op), pb = op_part(b->op);
	int c;

	if (pa != pb)
		return pa < pb ? -1 : 1;
	if (a->op->kind == KIND_FW && a->op->table != b->op->table)
		return a->op->table < b->op->table ? -1 : 1;
	c = strcmp(a->object, b->object);
	if (c)
		return c;
	return a->index < b->index ? -1 : a->index > b->index;
}

static char *file_name(const struct op *op, const char *object, struct arena *a)
{
	const char *part = part_name(op_part(op));

	if (op->kind == KIND_FW)
		return arena_printf(
		    a, "%s/%s/%s", part, fw_table_name(op->table), object);
	if (op->kind == KIND_KSET)
		return arena_printf(a, "%s/%s", part, object);
	return arena_strdup(a, part);
}

static struct file_op *sort_ops(const struct plan *p, struct arena *a)
{
	struct file_op *f = arena_array(a, struct file_op, p->n_ops);
	struct strbuf name = {0};

	for (size_t i = 0; i < p->n_ops; i++) {
		strbuf_reset(&name);
		op_name_print(&name, &p->ops[i]);
		f[i].op = &p->ops[i];
		f[i].object = arena_strdup(a, name.s);
		f[i].name = file_name(f[i].op, f[i].object, a);
		f[i].index = i;
	}
	strbuf_free(&name);
	if (p->n_ops)
		qsort(f, p->n_ops, sizeof(*f), cmp_file_op);
	return f;
}

void plan_print_diff(struct strbuf *sb, const struct plan *p, bool colour)
{
	struct painter painter = {.sb = sb, .colour = colour};
	struct arena *a = arena_new();
	struct file_op *f = sort_ops(p, a);
	size_t i = 0;

	while (i < p->n_ops) {
		const struct file_op *first = &f[i];
		struct text have = {0}, want = {0};

		while (i < p->n_ops && !strcmp(f[i].name, first->name)) {
			size_t last = i;

			while (last + 1 < p->n_ops &&
			       !strcmp(f[last + 1].name, first->name) &&
			       !strcmp(f[last + 1].object, f[i].object))
				last++;
			op_side_print(&have.sb, f[i].op, f[i].op->have);
			op_side_print(&want.sb, f[last].op, f[last].op->want);
			i = last + 1;
		}
		print_file(&painter, first->name, &have, &want);
		text_free(&have);
		text_free(&want);
	}
	arena_free(a);
}
