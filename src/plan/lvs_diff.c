/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual servers: a merge walk by key. What is not wanted goes only when it is known to
 * be ours; drivers work out the real servers of one that changes.
 */
#include "config.h"

#include "plan/diff.h"

static void push(struct differ *d, enum phase ph, const struct lvs_service *have,
    const struct lvs_service *want)
{
	vec_push(&d->ops, (struct op){
			      .kind = KIND_LVS,
			      .phase = ph,
			      .have = have,
			      .want = want,
			      .why = want && want->why ? want->why
				     : have	       ? have->why
						       : NULL,
			  });
}

static bool is_excluded(const struct scope *s, const struct lvs_key *k)
{
	for (size_t i = 0; i < s->n_exclude_cidrs; i++)
		if (prefix_contains(&s->exclude_cidrs[i], &k->addr))
			return true;
	return false;
}

static void not_wanted(struct differ *d, const struct lvs_service *s)
{
	char name[80];

	if (!scope_may_remove(d->scope, OWN_IPVS) || is_excluded(d->scope, &s->key))
		return;
	if (lvs_key_in(&s->key, d->scope->ledger, d->scope->n_ledger) || own_virtual_server(d->have, s)) {
		push(d, PHASE_REMOVE, s, NULL);
		return;
	}
	notes_add(d->notes, NOTE_INFO, lvs_key_format(&s->key, name),
	    "this virtual server is none of kube-proxy's: left alone. kube-proxy in ipvs "
	    "mode will delete it unless ipvs.excludeCIDRs covers it");
}

/* 0 means: leave as it is. */
static bool timeout_differs(uint32_t want, uint32_t have)
{
	return want && want != have;
}

static void diff_timeouts(struct differ *d)
{
	const struct lvs_table *w = &d->want->lvs, *h = &d->have->lvs;

	if (timeout_differs(w->tcp_timeout, h->tcp_timeout) ||
	    timeout_differs(w->tcpfin_timeout, h->tcpfin_timeout) ||
	    timeout_differs(w->udp_timeout, h->udp_timeout))
		vec_push(&d->ops, (struct op){
				      .kind = KIND_LVS,
				      .sub = SUB_LVS_TIMEOUTS,
				      .phase = PHASE_BUILD,
				      .have = h,
				      .want = w,
				  });
}

void lvs_diff(struct differ *d)
{
	const struct lvs_table *want = &d->want->lvs, *have = &d->have->lvs;
	size_t i = 0, j = 0;

	diff_timeouts(d);
	while (i < want->n_services || j < have->n_services) {
		const struct lvs_service *w =
		    i < want->n_services ? &want->services[i] : NULL;
		const struct lvs_service *h =
		    j < have->n_services ? &have->services[j] : NULL;
		int c = !w ? 1 : !h ? -1 : lvs_key_cmp(&w->key, &h->key);

		i += c <= 0;
		j += c >= 0;
		if (!scope_has_family(d->scope, c <= 0 ? w->key.family : h->key.family))
			continue;
		if (c < 0)
			push(d, PHASE_BUILD, NULL, w);
		else if (c > 0)
			not_wanted(d, h);
		else if (!lvs_service_eq(h, w))
			push(d, PHASE_BUILD, h, w);
	}
}
