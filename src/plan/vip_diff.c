/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kube-ipvs0 and the addresses on it; no other interface is ever touched. Addresses are
 * compared by value: kube-proxy takes one with another prefix length for bound.
 */
#include "config.h"

#include "plan/diff.h"

#include <string.h>

static void push(
    struct differ *d, enum op_sub sub, enum phase ph, const void *have, const void *want)
{
	vec_push(&d->ops, (struct op){
			      .kind = KIND_VIP,
			      .sub = sub,
			      .phase = ph,
			      .have = have,
			      .want = want,
			  });
}

static bool has_family_out_of_scope(const struct differ *d)
{
	family_foreach (f)
		if (!scope_has_family(d->scope, f) && state_has_vips(d->have, f))
			return true;
	return false;
}

static bool is_dummy(const struct vip_link *l)
{
	return !strcmp(l->kind, "dummy");
}

/* kube-proxy takes whatever has the name, too. */
static void note_type(struct differ *d, const struct vip_link *have)
{
	if (*have->kind && !is_dummy(have))
		notes_add(d->notes, NOTE_WARNING, have->name,
		    "the link is a %s, no dummy device, and may not take IPv6 addresses; "
		    "a new one is made after: ip link del %s",
		    have->kind, have->name);
}

/* kube-proxy would delete whatever has the name. But it never made another kind. */
static void remove_link(struct differ *d, const struct vip_link *have)
{
	if (is_dummy(have))
		push(d, SUB_VIP_LINK, PHASE_REMOVE, have, NULL);
	else
		notes_add(d->notes, NOTE_WARNING, have->name,
		    "the link stays, for it is %s%s and no dummy device: kube-proxy has not "
		    "made it; if nobody needs it: ip link del %s",
		    *have->kind ? "a " : "a device without a kind", have->kind,
		    have->name);
}

static void diff_link(struct differ *d)
{
	const struct vip_link *have = vip_find_link(&d->have->vips, VIP_LINK);
	const struct vip_link *want = vip_find_link(&d->want->vips, VIP_LINK);

	if (want && !have)
		push(d, SUB_VIP_LINK, PHASE_BUILD, NULL, want);
	else if (want && have)
		note_type(d, have);
	else if (have && !want && scope_may_remove(d->scope, own_link(VIP_LINK)) &&
		 !has_family_out_of_scope(d))
		remove_link(d, have);
}

/* The next address on kube-ipvs0 that is in scope, or NULL. */
static const struct vip_addr *next(
    const struct differ *d, const struct vip_table *t, size_t *i)
{
	for (; *i < t->n_addrs; (*i)++)
		if (vip_is_service_addr(&t->addrs[*i]) &&
		    scope_has_family(d->scope, addr_family(&t->addrs[*i].prefix.addr)))
			return &t->addrs[*i];
	return NULL;
}

static void skip(const struct differ *d, const struct vip_table *t,
    const struct vip_addr *a, size_t *i)
{
	const struct vip_addr *n;

	while ((n = next(d, t, i)) && addr_eq(&n->prefix.addr, &a->prefix.addr))
		(*i)++;
}

void vip_diff(struct differ *d)
{
	const struct vip_table *want = &d->want->vips, *have = &d->have->vips;
	bool remove = scope_may_remove(d->scope, own_link(VIP_LINK));
	size_t i = 0, j = 0;

	diff_link(d);
	for (;;) {
		const struct vip_addr *w = next(d, want, &i), *h = next(d, have, &j);
		int c;

		if (!w && !h)
			return;
		c = !w ? 1 : !h ? -1 : addr_cmp(&w->prefix.addr, &h->prefix.addr);
		if (c < 0) {
			push(d, SUB_VIP_ADDR, PHASE_BUILD, NULL, w);
			i++;
		} else if (c > 0) {
			if (remove)
				push(d, SUB_VIP_ADDR, PHASE_REMOVE, h, NULL);
			j++;
		} else {
			skip(d, have, w, &j);
			i++;
		}
	}
}
