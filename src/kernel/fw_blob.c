/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table of legacy iptables read as the kernel gives it, without libiptc's lists of
 * chains and rules in between: at 500,000 rules these cost as much as the kernel's part.
 * What an entry says is fw_entry.c's; writing is fw_commit.c's.
 */
#include "config.h"

#include "kernel/fw_blob.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <libiptc/libiptc.h>

/* The chain of each hook, by the kernel's numbers. */
static const char *const hook_chains[FW_HOOKS] = {
    "PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"};

/*
 * No chain is shorter than a head and a foot, so that no two begin in the same stretch of
 * this size: their places make an index without search.
 */
#define STRETCH 256u
_Static_assert(sizeof(struct ipt_entry) + sizeof(struct xt_error_target) +
		       sizeof(struct ipt_entry) + sizeof(struct xt_standard_target) >=
		   STRETCH,
    "chains are longer than the stretches of their index");

static int set_read_error(const struct fw_blob *b, int errnum, struct error *err)
{
	const struct family_info *fi = family_info(b->layout->family);
	const char *command = fi->iptables, *table = fw_table_name(b->id);

	if (errnum == EPERM)
		return error_set(err, ERR_BACKEND, 0,
		    "cannot read the %s table %s: not permitted (needs root, or "
		    "CAP_NET_ADMIN in this network namespace)",
		    command, table);
	if (errnum == ENOPROTOOPT || errnum == ENOENT)
		return error_set(err, ERR_BACKEND, 0,
		    "this kernel has no %s table %s (modprobe %s_%s)", command, table,
		    fi->af == AF_INET6 ? "ip6table" : "iptable", table);
	return error_set(
	    err, ERR_KERNEL, errnum, "cannot read the %s table %s", command, table);
}

static int set_corrupt(
    const struct fw_blob *b, uint32_t at, const char *what, struct error *err)
{
	return error_set(err, ERR_KERNEL, 0,
	    "%s table %s: at %u of %u bytes %s; no iptables command makes such a table",
	    family_info(b->layout->family)->iptables, fw_table_name(b->id), at,
	    b->block.size, what);
}

/* Whether the matches and the target of an entry lie in it, one behind the other: so does
 * the kernel check those that it takes. */
static bool is_whole(const struct fw_layout *l, unsigned char *e)
{
	size_t target = fw_entry_u16(e, l->target_offset), at = l->size;
	size_t left = fw_entry_u16(e, l->next_offset) - target, need;
	const struct xt_entry_match *m;
	const struct xt_entry_target *t;

	for (; at < target; at += m->u.match_size) {
		m = (const void *)(e + at);
		if (target - at < sizeof(*m) || m->u.match_size < sizeof(*m) ||
		    m->u.match_size > target - at || m->u.match_size % XT_ALIGN(1) ||
		    !memchr(m->u.user.name, '\0', sizeof(m->u.user.name)))
			return false;
	}
	t = (const void *)(e + target);
	if (at > target || left < sizeof(*t))
		return false;
	need = t->u.user.name[0] ? sizeof(*t) : sizeof(struct xt_standard_target);
	return t->u.target_size >= need && t->u.target_size <= left &&
	       memchr(t->u.user.name, '\0', sizeof(t->u.user.name));
}

/* ---- its chains */

struct walk {
	struct fw_blob *b;
	VEC(struct fw_blob_chain) chains;
	uint32_t at, last; /* the entry at hand and the one before */
	uint32_t index;
	uint32_t last_hook_entry;
	bool open; /* a chain has begun */
};

/* The name in an ERROR target; NULL for other entries. No other one has a target of that
 * size and no match, mostly; so the target of few is looked at. */
static const char *error_name(const struct fw_layout *l, unsigned char *e)
{
	const struct xt_error_target *t;

	if (fw_entry_u16(e, l->target_offset) != l->size ||
	    fw_entry_u16(e, l->next_offset) != l->size + XT_ALIGN(sizeof(*t)))
		return NULL;
	t = (const void *)fw_entry_target(l, e);
	return strcmp(t->target.u.user.name, XT_ERROR_TARGET) ? NULL : t->errorname;
}

static const char *hook_at(const struct fw_blob *b, uint32_t at)
{
	for (unsigned h = 0; h < FW_HOOKS; h++)
		if (b->block.valid_hooks & 1u << h && b->block.hook_entry[h] == at)
			return hook_chains[h];
	return NULL;
}

static int end_chain(struct walk *w, struct error *err)
{
	struct fw_blob_chain *c;

	if (!w->open)
		return 0;
	c = &w->chains.v[w->chains.n - 1];
	if (w->last < c->first)
		return set_corrupt(w->b, w->at, "a chain has no end", err);
	c->foot = w->last;
	c->n_rules = w->index - c->index - (c->builtin ? 1 : 2);
	return 0;
}

static int begin_chain(struct walk *w, const char *name, bool builtin, struct error *err)
{
	struct fw_blob *b = w->b;
	uint32_t next =
	    fw_entry_u16(b->block.entries + w->at, b->layout->next_offset) + w->at;
	struct fw_blob_chain c = {
	    .name = name,
	    .builtin = builtin,
	    .head = w->at,
	    .first = builtin ? w->at : next,
	    .index = w->index,
	};
	uint32_t *place = &b->chain_at[c.first / STRETCH];

	if (end_chain(w, err))
		return -1;
	if (!builtin)
		c.name = arena_strndup(
		    b->codec.arena, name, strnlen(name, XT_FUNCTION_MAXNAMELEN));
	vec_push(&w->chains, c);
	w->open = true;
	if (!builtin)
		*place = (uint32_t)w->chains.n;
	return 0;
}

/* One entry; *end: it was the last. */
static int walk_entry(struct walk *w, bool *end, struct error *err)
{
	struct fw_blob *b = w->b;
	unsigned char *e = b->block.entries + w->at;
	uint32_t left = b->block.size - w->at, next;
	const char *name;

	if (left < b->layout->size)
		return set_corrupt(b, w->at, "an entry has no end", err);
	next = fw_entry_u16(e, b->layout->next_offset);
	if (next < b->layout->size || next > left || next % XT_ALIGN(1) ||
	    fw_entry_u16(e, b->layout->target_offset) > next)
		return set_corrupt(b, w->at, "an entry has no end", err);
	name = error_name(b->layout, e);
	*end = name && next == left;
	if (*end)
		return end_chain(w, err);
	if (name) {
		if (begin_chain(w, name, false, err))
			return -1;
	} else if (w->at <= w->last_hook_entry && (name = hook_at(b, w->at))) {
		if (begin_chain(w, name, true, err))
			return -1;
	} else if (!w->open) {
		return set_corrupt(b, w->at, "an entry is in no chain", err);
	}
	w->last = w->at;
	w->at += next;
	w->index++;
	if (w->at >= b->block.size)
		return set_corrupt(b, w->last, "the table has no end", err);
	return 0;
}

static int find_chains(struct fw_blob *b, struct error *err)
{
	struct walk w = {.b = b};
	bool end = false;
	int rc = 0;

	b->chain_at = xcalloc(b->block.size / STRETCH + 1, sizeof(*b->chain_at));
	for (unsigned h = 0; h < FW_HOOKS; h++)
		if (b->block.valid_hooks & 1u << h &&
		    b->block.hook_entry[h] > w.last_hook_entry)
			w.last_hook_entry = b->block.hook_entry[h];
	while (!rc && !end)
		rc = walk_entry(&w, &end, err);
	b->chains = w.chains.v;
	b->n_chains = w.chains.n;
	return rc;
}

int fw_blob_read(struct fw_blob *b, enum family f, enum fw_table_id id,
    struct fw_hold *hold, struct arena *a, struct error *err)
{
	int errnum = 0, rc;

	*b = (struct fw_blob){.layout = fw_layout(f), .id = id};
	fw_codec_init(&b->codec, f, a);
	if (!fw_hold_take(hold, f, id, &b->block))
		errnum = fw_block_get(&b->block, f, id);
	rc = errnum ? set_read_error(b, errnum, err) : find_chains(b, err);
	if (rc)
		fw_blob_free(b);
	return rc;
}

void fw_blob_free(struct fw_blob *b)
{
	fw_block_free(&b->block);
	fw_codec_free(&b->codec);
	free(b->chains);
	free(b->chain_at);
	vec_free(&b->unnamed);
	vec_free(&b->raws);
	b->chains = NULL;
	b->chain_at = NULL;
	b->n_chains = 0;
}

/* ---- rules out of it */

const struct fw_blob_chain *fw_blob_chain_at(const struct fw_blob *b, uint32_t place)
{
	uint32_t number = place < b->block.size ? b->chain_at[place / STRETCH] : 0;
	const struct fw_blob_chain *c = number ? &b->chains[number - 1] : NULL;

	return c && c->first == place ? c : NULL;
}

static const struct {
	const char *name;
	int number;
} verdicts[] = {
    {IPTC_LABEL_ACCEPT, -NF_ACCEPT - 1},
    {IPTC_LABEL_DROP, -NF_DROP - 1},
    {IPTC_LABEL_QUEUE, -NF_QUEUE - 1},
    {IPTC_LABEL_RETURN, XT_RETURN},
};

#define N_VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

bool fw_verdict_number(const char *name, int *ret)
{
	for (size_t i = 0; i < N_VERDICTS; i++)
		if (!strcmp(verdicts[i].name, name)) {
			*ret = verdicts[i].number;
			return true;
		}
	return false;
}

/* The name of the standard target of an entry: "" when it leads to the next one. */
static const char *verdict_name(const struct fw_blob *b, uint32_t at, int verdict)
{
	const struct fw_blob_chain *c;

	for (size_t i = 0; verdict < 0 && i < N_VERDICTS; i++)
		if (verdicts[i].number == verdict)
			return verdicts[i].name;
	if (verdict < 0)
		return NULL;
	if ((uint32_t)verdict ==
	    at + fw_entry_u16(b->block.entries + at, b->layout->next_offset))
		return "";
	c = fw_blob_chain_at(b, (uint32_t)verdict);
	return c ? c->name : NULL;
}

static int read_rule(
    struct fw_blob *b, uint32_t at, struct fw_rule *ret, struct error *err)
{
	unsigned char *e = b->block.entries + at;
	const struct xt_standard_target *t = (const void *)fw_entry_target(b->layout, e);
	const char *target = "";

	if (!is_whole(b->layout, e))
		return set_corrupt(b, at, "an entry is not whole", err);
	if (!t->target.u.user.name[0])
		target = verdict_name(b, at, t->verdict);
	if (!target)
		return set_corrupt(b, at, "a rule leads into the middle of a chain", err);
	if (!fw_entry_decode(&b->codec, e, target, ret)) {
		vec_push(&b->unnamed, ret);
		vec_push(&b->raws, (struct fw_raw){e, target});
	}
	return 0;
}

static void read_policy(
    const struct fw_blob *b, const struct fw_blob_chain *c, struct fw_chain *ret)
{
	unsigned char *foot = b->block.entries + c->foot;
	const struct xt_standard_target *t =
	    (const void *)fw_entry_target(b->layout, foot);
	const struct xt_counters *counters = fw_entry_counters(b->layout, foot);

	ret->policy = t->verdict == -NF_DROP - 1 ? FW_POLICY_DROP : FW_POLICY_ACCEPT;
	ret->packets = counters->pcnt;
	ret->bytes = counters->bcnt;
}

int fw_blob_chain(struct fw_blob *b, const struct fw_blob_chain *c, struct fw_chain *ret,
    struct error *err)
{
	uint32_t at = c->first;

	*ret = (struct fw_chain){
	    .name = c->name, .builtin = c->builtin, .n_rules = c->n_rules};
	if (c->builtin && !is_whole(b->layout, b->block.entries + c->foot))
		return set_corrupt(b, c->foot, "an entry is not whole", err);
	if (c->builtin)
		read_policy(b, c, ret);
	ret->rules = arena_array(b->codec.arena, struct fw_rule, c->n_rules);
	for (size_t i = 0; i < c->n_rules; i++) {
		if (read_rule(b, at, &ret->rules[i], err))
			return -1;
		at += fw_entry_u16(b->block.entries + at, b->layout->next_offset);
	}
	return 0;
}

void fw_blob_texts(struct fw_blob *b)
{
	const char **texts;

	if (!b->raws.n)
		return;
	texts = xcalloc(b->raws.n, sizeof(*texts));
	fw_xt_print(b->layout->family, b->raws.v, b->raws.n, b->codec.arena, texts);
	for (size_t i = 0; i < b->raws.n; i++)
		b->unnamed.v[i]->opaque = texts[i];
	free(texts);
	b->unnamed.n = b->raws.n = 0;
}
