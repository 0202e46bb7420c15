/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listing of ipset list, which is what people attach to tickets. Which of its lines
 * say something; what that means, in kset_text.c. */
#include "config.h"

#include "state/kset_listing.h"

#include <string.h>

static bool is(const struct lines *l, const char *word)
{
	return !strcmp(l->words[0], word);
}

bool kset_listing_has(const struct kset_listing *at, const struct lines *l)
{
	return at->name.len || is(l, "Name:");
}

/* A set whose members are left out (ipset list -t) would pass for an empty one. */
int kset_listing_end(struct kset_listing *at, struct lines *l)
{
	if (!at->name.len || at->members)
		return 0;
	return lines_fail(l,
	    "set %s: %s not in the listing: give the output of ipset save", at->name.s,
	    at->created ? "its members are" : "its type and header are");
}

static int name(struct kset_listing *at, struct lines *l)
{
	if (kset_listing_end(at, l))
		return -1;
	strbuf_reset(&at->name);
	strbuf_reset(&at->type);
	strbuf_add(&at->name, l->n > 1 ? l->words[1] : "");
	at->created = at->members = false;
	return at->name.len ? 0 : lines_fail(l, "a set without a name");
}

/* "Header: family inet hashsize 1024 maxelem 65536" */
static int header(struct kset_listing *at, struct lines *l)
{
	if (at->created || !at->type.len)
		return lines_fail(l, "set %s: a header without a type", at->name.s);
	at->created = true;
	strbuf_addf(&at->text, "create %s %s", at->name.s, at->type.s);
	for (size_t i = 1; i < l->n; i++)
		strbuf_addf(&at->text, " %s", l->words[i]);
	return 1;
}

static int member(struct kset_listing *at, struct lines *l)
{
	if (!at->members)
		return lines_fail(
		    l, "this is no line of ipset list: \"%.40s\"", l->words[0]);
	strbuf_addf(&at->text, "add %s", at->name.s);
	for (size_t i = 0; i < l->n; i++)
		strbuf_addf(&at->text, " %s", l->words[i]);
	return 1;
}

int kset_listing_line(struct kset_listing *at, struct lines *l)
{
	int c = 0;

	strbuf_reset(&at->text);
	if (is(l, "Name:")) {
		c = name(at, l);
	} else if (is(l, "Type:")) {
		strbuf_reset(&at->type);
		strbuf_add(&at->type, l->n > 1 ? l->words[1] : "");
	} else if (is(l, "Header:")) {
		c = header(at, l);
	} else if (is(l, "Members:") && at->created) {
		at->members = true;
	} else if (!is(l, "Revision:") && !is(l, "Size") && !is(l, "References:") &&
		   !is(l, "Number")) {
		c = member(at, l);
	}
	return c > 0 ? lines_replace(l, at->text.s, at->text.len) : c;
}

void kset_listing_free(struct kset_listing *at)
{
	strbuf_free(&at->name);
	strbuf_free(&at->type);
	strbuf_free(&at->text);
}
