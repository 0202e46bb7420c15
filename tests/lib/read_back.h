/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_READ_BACK_H
#define TESTS_READ_BACK_H

/* For tests of reading back: the model of a state, and models as text. Include cmocka.h
 * first. */

#include "emit/emit.h"
#include "model/model_state.h"
#include "model/traffic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads back with this node as "node-a"; every family in the mode that it is in, or in
 * mode if that is not -1. */
static inline struct model *read_back(
    const struct state *s, int mode, struct notes *findings)
{
	struct state_view v = {.state = s, .node = "node-a"};
	struct model *m = NULL;
	struct error err = {0};

	family_foreach (f)
		v.modes[f] = mode < 0 ? state_mode_of(s, f) : MODE_BIT(mode);
	if (model_from_state(&v, &m, findings, &err))
		fail_msg("%s", err.msg);
	return m;
}

/* The native JSON. Free with free(). */
static inline char *model_text(const struct model *m)
{
	struct error err = {0};
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_non_null(f);
	if (model_write_json(m, f, &err))
		fail_msg("%s", err.msg);
	fclose(f);
	return text;
}

static inline void fail_on_findings(const char *name, const struct notes *n)
{
	for (size_t i = 0; i < n->list.n; i++)
		if (n->list.v[i].level >= NOTE_WARNING)
			fail_msg("%s: %s: %s", name,
			    n->list.v[i].about ? n->list.v[i].about : "",
			    n->list.v[i].text);
}

/* A state through the stock tools' texts. */
static inline struct state *through_text(const struct state *s)
{
	struct state *back = state_new();
	struct error err = {0};
	int r = 0;

	for (int p = 0; p < PART_COUNT; p++) {
		struct strbuf sb = {0};
		const char *t;

		state_print_part(&sb, s, (enum part)p);
		t = strbuf_str(&sb);
		switch ((enum part)p) {
		case PART_IPTABLES:
		case PART_IP6TABLES: {
			enum family f = p == PART_IPTABLES ? FAMILY_4 : FAMILY_6;

			r |= fw_parse(
			    t, strlen(t), "tables", f, back->arena, &back->fw[f], &err);
			break;
		}
		case PART_IPSET:
			r |= kset_parse(
			    t, strlen(t), "sets", back->arena, &back->sets, &err);
			break;
		case PART_IPVS:
			r |=
			    lvs_parse(t, strlen(t), "lvs", back->arena, &back->lvs, &err);
			break;
		case PART_ADDRESSES:
			r |= vip_parse(
			    t, strlen(t), "vips", back->arena, &back->vips, &err);
			break;
		case PART_SYSCTLS:
			break;
		}
		strbuf_free(&sb);
	}
	if (r)
		fail_msg("%s", err.msg);
	/* Of the interfaces of the node there is no text. */
	back->vips.present = false;
	return back;
}

#endif
