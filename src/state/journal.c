/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The journal of a migration as text. Where it is kept is for others to say. */
#include "config.h"

#include "state/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC "vipshift migration 1"

static const char *const words[] = {
    [JOURNAL_OPEN] = "step",
    [JOURNAL_BACK] = "back",
    [JOURNAL_WAITING] = "waiting",
    [JOURNAL_FINISHED] = "finished",
    [JOURNAL_ROLLED_BACK] = "rolled-back",
};
#define N_WORDS (sizeof(words) / sizeof(words[0]))

static void print_field(struct strbuf *sb, const char *name, const char *value)
{
	if (value)
		strbuf_addf(sb, "%s %s\n", name, value);
}

void journal_print_head(struct strbuf *sb, const struct journal *j)
{
	strbuf_add(sb, MAGIC "\n");
	print_field(sb, "to", mode_name(j->to));
	strbuf_addf(sb, "families %u\n", j->families);
	print_field(sb, "kernel", j->kernel);
	print_field(sb, "started", j->started);
	print_field(sb, "node", j->node);
	print_field(sb, "kube-proxy", j->kube_proxy);
	print_field(sb, "iptables", j->variant);
	if (j->config)
		strbuf_add(sb, "config yes\n");
	if (j->plain_masquerade)
		strbuf_add(sb, "random-fully no\n");
	for (const char *const *a = j->addresses; a && *a; a++)
		print_field(sb, "node-address", *a);
	strbuf_add(sb, "begun\n");
}

void journal_print_step(struct strbuf *sb, bool back, unsigned depth, const char *text)
{
	strbuf_addf(
	    sb, "%s %u %s\n", words[back ? JOURNAL_BACK : JOURNAL_OPEN], depth, text);
}

void journal_print_status(struct strbuf *sb, enum journal_status status, uint64_t until)
{
	strbuf_add(sb, words[status]);
	if (status == JOURNAL_WAITING)
		strbuf_addf(sb, " %" PRIu64, until);
	strbuf_addch(sb, '\n');
}

void journal_print_deadline(struct strbuf *sb, uint64_t until)
{
	strbuf_addf(sb, "deadline %" PRIu64 "\n", until);
}

struct reader {
	struct arena *a;
	struct journal *j;
	bool to, begun;
	VEC(const char *) addresses;
};

static bool take_number(const char *s, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(s, &end, 10);
	return *s >= '0' && *s <= '9' && !*end && !errno;
}

static bool take_head(struct reader *r, const char *name, const char *value)
{
	struct journal *j = r->j;
	const struct {
		const char *name;
		const char **field;
	} texts[] = {
	    {"kernel", &j->kernel},
	    {"started", &j->started},
	    {"node", &j->node},
	    {"kube-proxy", &j->kube_proxy},
	    {"iptables", &j->variant},
	};
	uint64_t n;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!strcmp(name, texts[i].name)) {
			*texts[i].field = arena_strdup(r->a, value);
			return *value;
		}
	if (!strcmp(name, "to"))
		return r->to = mode_parse(value, &j->to);
	if (!strcmp(name, "config"))
		return j->config = !strcmp(value, "yes");
	if (!strcmp(name, "random-fully"))
		return j->plain_masquerade = !strcmp(value, "no");
	if (!strcmp(name, "node-address")) {
		vec_push(&r->addresses, arena_strdup(r->a, value));
		return true;
	}
	if (strcmp(name, "families") || !take_number(value, &n) || !n || n > FAMILY_BOTH)
		return false;
	j->families = (unsigned)n;
	return true;
}

/* "PHASE-NUMBER WORDS". Going forward twice, after planning anew, goes no less far. */
static bool take_words(struct reader *r, char *value)
{
	struct journal *j = r->j;
	char *text = value + strcspn(value, " ");
	uint64_t depth;

	if (!*text)
		return false;
	*text++ = '\0';
	if (!take_number(value, &depth) || depth > 99)
		return false;
	if (j->status == JOURNAL_BACK || depth > j->depth)
		j->depth = (unsigned)depth;
	j->last = arena_strdup(r->a, text);
	return true;
}

static bool take_step(struct reader *r, const char *name, char *value)
{
	struct journal *j = r->j;

	if (!strcmp(name, "deadline"))
		return take_number(value, &j->until);
	for (size_t s = JOURNAL_OPEN; s < N_WORDS; s++) {
		if (strcmp(name, words[s]))
			continue;
		j->status = (enum journal_status)s;
		j->waited = s == JOURNAL_WAITING || (s == JOURNAL_OPEN && j->waited);
		if (s == JOURNAL_OPEN || s == JOURNAL_BACK)
			return take_words(r, value);
		return s != JOURNAL_WAITING || take_number(value, &j->until);
	}
	return false;
}

static bool take_line(struct reader *r, char *line)
{
	char *value = line + strcspn(line, " ");

	if (*value)
		*value++ = '\0';
	if (r->begun)
		return take_step(r, line, value);
	if (strcmp(line, "begun"))
		return take_head(r, line, value);
	r->begun = r->to && r->j->families && r->j->kernel;
	r->j->status = JOURNAL_OPEN;
	return r->begun;
}

static void end_addresses(struct reader *r)
{
	size_t n;

	if (!r->addresses.n)
		return;
	vec_push(&r->addresses, NULL);
	vec_take(&r->addresses, r->a, r->j->addresses, n);
	(void)n;
}

int journal_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct journal *ret, struct error *err)
{
	struct journal j = {0};
	struct reader r = {.a = a, .j = &j};
	const char *end;
	bool ok = true;

	for (size_t line = 1; ok && (end = memchr(text, '\n', len)); line++) {
		size_t n = (size_t)(end - text);
		char *copy = arena_strndup(a, text, n);

		ok = line == 1 ? !strcmp(copy, MAGIC) : take_line(&r, copy);
		if (!ok)
			error_set(err, ERR_INPUT, 0,
			    "%s:%zu: not what a migration leaves there", where, line);
		text = end + 1;
		len -= n + 1;
	}
	if (ok && !r.begun) {
		ok = false;
		error_set(err, ERR_INPUT, 0, "%s: cut off", where);
	}
	end_addresses(&r);
	if (!ok)
		return -1;
	*ret = j;
	return 0;
}
