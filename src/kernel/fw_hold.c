/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Legacy tables under a lock that is held from reading to writing: fw_hold.h. */
#include "config.h"

#include "kernel/fw_hold.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "kernel/xtlock.h"

struct fw_hold {
	int lock;
	struct fw_block known[FAMILY_COUNT][FW_TABLE_COUNT]; /* without entries: not known */
};

void fw_hold_begin(struct fw_hold **ret)
{
	struct limit one_try = {0};
	struct error err = {0};
	int lock;

	*ret = NULL;
	if (xtlock_take(&one_try, &lock, &err))
		return;
	*ret = xcalloc(1, sizeof(**ret));
	(*ret)->lock = lock;
}

void fw_hold_end(struct fw_hold *h)
{
	if (!h)
		return;
	close(h->lock);
	family_foreach (f)
		for (unsigned id = 0; id < FW_TABLE_COUNT; id++)
			fw_block_free(&h->known[f][id]);
	free(h);
}

bool fw_hold_knows(struct fw_hold *h, enum family f, enum fw_table_id id)
{
	struct fw_block *known = h ? &h->known[f][id] : NULL;

	if (!known || !known->entries)
		return false;
	if (!fw_block_check(known, f, id))
		return true;
	fw_block_free(known);
	return false;
}

bool fw_hold_take(
    struct fw_hold *h, enum family f, enum fw_table_id id, struct fw_block *ret)
{
	if (!fw_hold_knows(h, f, id))
		return false;
	*ret = h->known[f][id];
	h->known[f][id] = (struct fw_block){0};
	return true;
}

void fw_hold_keep(
    struct fw_hold *h, enum family f, enum fw_table_id id, struct fw_block *b)
{
	if (!h) {
		fw_block_free(b);
		return;
	}
	fw_block_free(&h->known[f][id]);
	h->known[f][id] = *b;
	*b = (struct fw_block){0};
}
