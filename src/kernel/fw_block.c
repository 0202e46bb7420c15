/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The four calls by which a table of legacy iptables is read and replaced, for both
 * families, and the memory that such tables need. */
#include "config.h"

#include "kernel/fw_block.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <xtables.h>

#include "base/auto.h"

/* The structures of both families are the same but for the entries behind them. */
_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		   sizeof(struct ipt_get_entries) == sizeof(struct ip6t_get_entries) &&
		   sizeof(struct ipt_replace) == sizeof(struct ip6t_replace),
    "one body for both families");
_Static_assert(
    sizeof(struct ipt_get_entries) % 8 == 0 && sizeof(struct ipt_replace) % 8 == 0,
    "entries are aligned behind the header of a call");

static const struct {
	int domain, level;
	int get_info, get_entries, replace, add_counters;
	const char *module; /* what must be loaded before there are tables */
} calls[FAMILY_COUNT] = {
    [FAMILY_4] = {AF_INET, IPPROTO_IP, IPT_SO_GET_INFO, IPT_SO_GET_ENTRIES,
	IPT_SO_SET_REPLACE, IPT_SO_SET_ADD_COUNTERS, "ip_tables"},
    [FAMILY_6] = {AF_INET6, IPPROTO_IPV6, IP6T_SO_GET_INFO, IP6T_SO_GET_ENTRIES,
	IP6T_SO_SET_REPLACE, IP6T_SO_SET_ADD_COUNTERS, "ip6_tables"},
};

/* How often a table may change between the question for its size and that for its
 * entries. */
#define TRIES 20

/* XT_MAX_TABLE_SIZE, which the kernel's own header of the table must fit in, too. */
#define TABLE_MAX ((512u << 20) - 1024)
#define FIRST_SIZE (256u << 10)

/* What precedes the entries in a call to write, and what is left free for it, and for what a
 * change adds, where they are read. */
#define HEADER sizeof(struct ipt_replace)
#define FRONT (HEADER + (1u << 20))
_Static_assert(FRONT % 8 == 0, "entries are aligned");

/* ---- memory */

/* In huge pages, where the kernel gives such, large blocks are filled in half the time.
 */
static bool map_block(struct fw_block *b, size_t size)
{
	void *p;

	if (b->map)
		p = mremap(b->map, b->map_size, size, MREMAP_MAYMOVE);
	else
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (p == MAP_FAILED)
		return false;
	madvise(p, size, MADV_HUGEPAGE);
	b->map = p;
	b->map_size = size;
	return true;
}

void fw_block_free(struct fw_block *b)
{
	if (b->map)
		munmap(b->map, b->map_size);
	*b = (struct fw_block){0};
}

unsigned char *fw_block_grow(struct fw_block *b, size_t n)
{
	size_t need = HEADER + b->size + n, size;

	if (n > TABLE_MAX || b->size + n > TABLE_MAX)
		return NULL;
	if (need > b->map_size && !(b->entries && !b->map)) {
		size = b->map_size ? b->map_size * 2 : FIRST_SIZE;
		if (!map_block(b, size > need ? size : need))
			return NULL;
		b->entries = (unsigned char *)b->map + HEADER;
	}
	b->size += (uint32_t)n;
	return b->entries + b->size - n;
}

void fw_block_begin_in(struct fw_block *b, const struct fw_block *old)
{
	*b = (struct fw_block){.entries = (unsigned char *)old->map + HEADER};
}

size_t fw_block_left(const struct fw_block *b, const struct fw_block *old, uint32_t place)
{
	return (size_t)(old->entries + place - (b->entries + b->size));
}

bool fw_block_part(struct fw_block *b)
{
	const unsigned char *entries = b->entries;
	size_t size = b->size;

	b->entries = NULL;
	b->size = 0;
	if (!fw_block_grow(b, size))
		return false;
	memcpy(b->entries, entries, size);
	return true;
}

void fw_block_inherit(struct fw_block *b, struct fw_block *old)
{
	b->map = old->map;
	b->map_size = old->map_size;
	*old = (struct fw_block){0};
}

/* ---- calls */

static int open_socket(enum family f)
{
	return socket(calls[f].domain, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
}

static int get_entries(
    struct fw_block *b, int fd, enum family f, const struct ipt_getinfo *info)
{
	struct ipt_get_entries *get;
	socklen_t len = (socklen_t)sizeof(*get) + info->size;

	if (info->size > TABLE_MAX || !map_block(b, FRONT + info->size))
		return ENOMEM;
	get = (void *)((unsigned char *)b->map + FRONT - sizeof(*get));
	memcpy(get->name, info->name, sizeof(get->name));
	get->size = info->size;
	if (getsockopt(fd, calls[f].level, calls[f].get_entries, get, &len))
		return errno;
	b->entries = (unsigned char *)get->entrytable;
	b->size = info->size;
	b->n_entries = info->num_entries;
	b->valid_hooks = info->valid_hooks;
	memcpy(b->hook_entry, info->hook_entry, sizeof(b->hook_entry));
	memcpy(b->underflow, info->underflow, sizeof(b->underflow));
	return 0;
}

static int get_info(int fd, enum family f, enum fw_table_id id, struct ipt_getinfo *ret)
{
	socklen_t len = sizeof(*ret);

	*ret = (struct ipt_getinfo){0};
	strcpy(ret->name, fw_table_name(id));
	return getsockopt(fd, calls[f].level, calls[f].get_info, ret, &len) ? errno : 0;
}

static int get_once(struct fw_block *b, int fd, enum family f, enum fw_table_id id)
{
	struct ipt_getinfo info;
	int errnum = get_info(fd, f, id, &info);

	if (errnum)
		return errnum;
	errnum = get_entries(b, fd, f, &info);
	if (errnum)
		fw_block_free(b);
	return errnum;
}

int fw_block_get(struct fw_block *b, enum family f, enum fw_table_id id)
{
	AUTO(fd) int fd = open_socket(f);
	int errnum;

	if (fd < 0)
		return errno;
	errnum = get_once(b, fd, f, id);
	/* The kernel loads a table's module by itself, but not the one that knows tables.
	 */
	if (errnum == ENOPROTOOPT && !xtables_insmod(calls[f].module, NULL, true))
		errnum = get_once(b, fd, f, id);
	for (unsigned i = 0; errnum == EAGAIN && i < TRIES; i++)
		errnum = get_once(b, fd, f, id);
	return errnum;
}

static bool is_like(const struct fw_block *b, const struct ipt_getinfo *info)
{
	if (info->size != b->size || info->num_entries != b->n_entries ||
	    info->valid_hooks != b->valid_hooks)
		return false;
	for (unsigned h = 0; h < FW_HOOKS; h++)
		if (b->valid_hooks & 1u << h &&
		    (info->hook_entry[h] != b->hook_entry[h] ||
			info->underflow[h] != b->underflow[h]))
			return false;
	return true;
}

int fw_block_check(const struct fw_block *b, enum family f, enum fw_table_id id)
{
	AUTO(fd) int fd = open_socket(f);
	struct ipt_getinfo info;
	int errnum = fd < 0 ? errno : get_info(fd, f, id, &info);

	if (errnum)
		return errnum;
	return is_like(b, &info) ? 0 : ESTALE;
}

int fw_block_replace(struct fw_block *b, enum family f, enum fw_table_id id,
    struct xt_counters *counters, uint32_t n_counters)
{
	AUTO(fd) int fd = open_socket(f);
	struct ipt_replace *r = (void *)(b->entries - HEADER);
	socklen_t len = (socklen_t)sizeof(*r) + b->size;

	if (fd < 0)
		return errno;
	strcpy(r->name, fw_table_name(id));
	r->valid_hooks = b->valid_hooks;
	r->num_entries = b->n_entries;
	r->size = b->size;
	memcpy(r->hook_entry, b->hook_entry, sizeof(r->hook_entry));
	memcpy(r->underflow, b->underflow, sizeof(r->underflow));
	r->num_counters = n_counters;
	r->counters = counters;
	return setsockopt(fd, calls[f].level, calls[f].replace, r, len) ? errno : 0;
}

int fw_block_count(
    struct xt_counters_info *add, uint32_t n, enum family f, enum fw_table_id id)
{
	AUTO(fd) int fd = open_socket(f);
	socklen_t len = (socklen_t)(sizeof(*add) + n * sizeof(add->counters[0]));

	if (fd < 0)
		return errno;
	strcpy(add->name, fw_table_name(id));
	add->num_counters = n;
	return setsockopt(fd, calls[f].level, calls[f].add_counters, add, len) ? errno
									       : 0;
}
