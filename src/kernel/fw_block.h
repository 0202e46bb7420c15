/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef KERNEL_FW_BLOCK_H
#define KERNEL_FW_BLOCK_H

#include "state/fw.h"

struct xt_counters;
struct xt_counters_info;

/*
 * A table's entries in one piece of memory, as the kernel of legacy iptables gives and
 * takes them (fw_block.c). What is in them is the callers'. Start with {0}.
 */
#define FW_HOOKS 5

struct fw_block {
	unsigned char *entries;
	uint32_t size, n_entries;
	unsigned valid_hooks; /* bits, as the numbers below the kernel's */
	uint32_t hook_entry[FW_HOOKS], underflow[FW_HOOKS];
	void *map; /* with the entries somewhere in it; NULL: they are in another one's */
	size_t map_size;
};
void fw_block_free(struct fw_block *b); /* twice is fine */

/* The calls return 0 or an error number. */

/* Reads a table; makes the kernel register it if it is not. */
int fw_block_get(struct fw_block *b, enum family f, enum fw_table_id id);

/* ESTALE when the table has another size, other hooks or another number of entries than the
 * block; it may have changed all the same. */
int fw_block_check(const struct fw_block *b, enum family f, enum fw_table_id id);

/* Room for n more bytes at the end of a new block; NULL when the kernel does not take so
 * large a table. May move the entries. */
unsigned char *fw_block_grow(struct fw_block *b, size_t n);
/*
 * A new block made in the memory of one that was read, which takes half the time: it begins
 * in the free room in front of the old entries and grows over them. fw_block_left() tells how
 * far it may without harm to the old entries from a place on; fw_block_part() gives it memory
 * of its own, fw_block_inherit() that of the old one, which is gone then.
 */
void fw_block_begin_in(struct fw_block *b, const struct fw_block *old);
size_t fw_block_left(const struct fw_block *b, const struct fw_block *old, uint32_t place);
bool fw_block_part(struct fw_block *b);
void fw_block_inherit(struct fw_block *b, struct fw_block *old);
/*
 * Puts a new block in place of a table with n_counters entries, whose counters it gets in
 * the end. EAGAIN: it has not so many any more.
 */
int fw_block_replace(struct fw_block *b, enum family f, enum fw_table_id id,
    struct xt_counters *counters, uint32_t n_counters);
/* Adds to the counters of all entries; the name and the number are filled in here. */
int fw_block_count(
    struct xt_counters_info *add, uint32_t n, enum family f, enum fw_table_id id);

#endif
