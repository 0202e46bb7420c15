/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fewest rule changes between two contents of a chain. Rules of a chain differ from
 * each other nearly always, and between sequences without repetition the longest common
 * subsequence is the longest increasing run of positions: exact in n log n, so that
 * chains of 20,000 rules need no guard. Of equal rules the k-th is taken for the k-th. In
 * chains that others write too it is our rules that move, see fw_rule.moved.
 */
#include "config.h"

#include "plan/plan.h"

#include <stdlib.h>

#define NOWHERE SIZE_MAX

struct indexed {
	uint64_t hash;
	size_t at;
	bool taken;
};

static int cmp_indexed(const void *va, const void *vb)
{
	const struct indexed *a = va, *b = vb;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static struct indexed *make_index(const struct fw_rule *rules, size_t n)
{
	struct indexed *x = xcalloc(n + 1, sizeof(*x));

	for (size_t i = 0; i < n; i++)
		x[i] = (struct indexed){fw_rule_hash(&rules[i]), i, rules[i].moved};
	qsort(x, n, sizeof(*x), cmp_indexed);
	return x;
}

/* The first equal rule of `rules` that is not taken yet. */
static size_t partner(
    struct indexed *x, size_t n, const struct fw_rule *rules, const struct fw_rule *r)
{
	uint64_t hash = fw_rule_hash(r);
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (x[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < n && x[lo].hash == hash; lo++) {
		if (x[lo].taken || !fw_rule_eq(&rules[x[lo].at], r))
			continue;
		x[lo].taken = true;
		return x[lo].at;
	}
	return NOWHERE;
}

/* Keeps of pos[] only a longest increasing subsequence; the others become NOWHERE. */
static void keep_increasing(size_t *pos, size_t n)
{
	/* tails[k]: where the best run of length k + 1 ends; before[i]: its last but one.
	 */
	size_t *tails = xcalloc(n + 1, sizeof(*tails));
	size_t *before = xcalloc(n + 1, sizeof(*before));
	size_t len = 0, i;

	for (i = 0; i < n; i++) {
		size_t lo = 0, hi = len;

		if (pos[i] == NOWHERE)
			continue;
		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (pos[tails[mid]] < pos[i])
				lo = mid + 1;
			else
				hi = mid;
		}
		before[i] = lo ? tails[lo - 1] : NOWHERE;
		tails[lo] = i;
		len += lo == len;
	}
	i = len ? tails[len - 1] : NOWHERE;
	for (size_t k = n; k-- > 0;) {
		if (k == i)
			i = before[i];
		else
			pos[k] = NOWHERE;
	}
	free(tails);
	free(before);
}

/* For each rule of have its place in want, NOWHERE for those that go. */
static size_t *match_up(
    const struct fw_rule *have, size_t n_have, const struct fw_rule *want, size_t n_want)
{
	struct indexed *x = make_index(want, n_want);
	size_t *pos = xcalloc(n_have + 1, sizeof(*pos));

	for (size_t i = 0; i < n_have; i++)
		pos[i] = have[i].moved ? NOWHERE : partner(x, n_want, want, &have[i]);
	keep_increasing(pos, n_have);
	free(x);
	return pos;
}

size_t fw_edit_script(const struct fw_chain *have, const struct fw_chain *want,
    struct arena *a, struct fw_edit **ret)
{
	size_t nh = have->n_rules, nw = want->n_rules, head = 0, i, j, at, n = 0;
	struct fw_edit *edits;
	size_t *pos;

	while (
	    head < nh && head < nw && fw_rule_eq(&have->rules[head], &want->rules[head]))
		head++;
	while (nh > head && nw > head &&
	       fw_rule_eq(&have->rules[nh - 1], &want->rules[nw - 1])) {
		nh--;
		nw--;
	}
	pos = match_up(have->rules + head, nh - head, want->rules + head, nw - head);
	edits = arena_array(a, struct fw_edit, nh - head + nw - head);
	at = i = j = head;
	while (i < nh || j < nw) {
		if (i < nh && pos[i - head] == NOWHERE) {
			edits[n++] =
			    (struct fw_edit){FW_EDIT_DELETE, at, &have->rules[i++]};
		} else if (i < nh && pos[i - head] == j - head) {
			i++;
			j++;
			at++;
		} else {
			edits[n++] =
			    (struct fw_edit){FW_EDIT_INSERT, at++, &want->rules[j++]};
		}
	}
	free(pos);
	*ret = edits;
	return n;
}
