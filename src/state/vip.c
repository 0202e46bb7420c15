/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces and their addresses as values: order and search. */
#include "config.h"

#include "state/vip.h"

#include <stdlib.h>
#include <string.h>

bool vip_is_service_addr(const struct vip_addr *a)
{
	return !strcmp(a->link, VIP_LINK) && !addr_is_loopback(&a->prefix.addr) &&
	       !addr_is_link_local(&a->prefix.addr);
}

int vip_addr_cmp(const struct vip_addr *a, const struct vip_addr *b)
{
	int c = strcmp(a->link, b->link);

	return c ? c : prefix_cmp(&a->prefix, &b->prefix);
}

static int addr_order(const void *a, const void *b)
{
	return vip_addr_cmp(a, b);
}

static int link_order(const void *a, const void *b)
{
	return strcmp(
	    ((const struct vip_link *)a)->name, ((const struct vip_link *)b)->name);
}

void vip_sort(struct vip_table *t)
{
	size_t n = 0;

	if (t->n_links)
		qsort(t->links, t->n_links, sizeof(*t->links), link_order);
	for (size_t i = 0; i < t->n_links; i++)
		if (!n || link_order(&t->links[n - 1], &t->links[i]))
			t->links[n++] = t->links[i];
	t->n_links = n;
	n = 0;
	if (t->n_addrs)
		qsort(t->addrs, t->n_addrs, sizeof(*t->addrs), addr_order);
	for (size_t i = 0; i < t->n_addrs; i++)
		if (!n || vip_addr_cmp(&t->addrs[n - 1], &t->addrs[i]))
			t->addrs[n++] = t->addrs[i];
	t->n_addrs = n;
}

static int name_cmp(const void *key, const void *link)
{
	return strcmp(key, ((const struct vip_link *)link)->name);
}

struct vip_link *vip_find_link(const struct vip_table *t, const char *name)
{
	if (!t->n_links)
		return NULL;
	return bsearch(name, t->links, t->n_links, sizeof(*t->links), name_cmp);
}

/* The first of t->addrs from lo on that is not before (link, a); a == NULL: that is
 * behind all of the link. */
static size_t lower_bound(
    const struct vip_table *t, size_t lo, const char *link, const struct addr *a)
{
	size_t hi = t->n_addrs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int c = strcmp(t->addrs[mid].link, link);

		if (!c)
			c = a ? addr_cmp(&t->addrs[mid].prefix.addr, a) : -1;
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct vip_addr *vip_find_addr_on(
    const struct vip_table *t, const char *link, const struct addr *a)
{
	size_t i = lower_bound(t, 0, link, a);

	if (i == t->n_addrs || strcmp(t->addrs[i].link, link) ||
	    !addr_eq(&t->addrs[i].prefix.addr, a))
		return NULL;
	return &t->addrs[i];
}

const struct vip_addr *vip_find_addr(
    const struct vip_table *t, const struct addr *a, const char *not_on)
{
	size_t i = 0;

	/* A jump per interface: one of them may hold ten thousand addresses. */
	while (i < t->n_addrs) {
		const char *link = t->addrs[i].link;
		const struct vip_addr *found = NULL;

		if (!not_on || strcmp(link, not_on))
			found = vip_find_addr_on(t, link, a);
		if (found)
			return found;
		i = lower_bound(t, i, link, NULL);
	}
	return NULL;
}
