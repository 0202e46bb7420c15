/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IP sets: a merge walk over two lists sorted by name. Sets of other names are not ours.
 */
#include "config.h"

#include "plan/diff.h"

#include <string.h>

enum family kset_name_family(const char *name)
{
	const char *prefix = family_info(FAMILY_6)->set_prefix;

	return strncmp(name, prefix, strlen(prefix)) ? FAMILY_4 : FAMILY_6;
}

static void push(struct differ *d, enum phase ph, const struct kset *have,
    const struct kset *want, const char *why)
{
	vec_push(&d->ops, (struct op){
			      .kind = KIND_KSET,
			      .phase = ph,
			      .have = have,
			      .want = want,
			      .why = why,
			  });
}

/* Both are there. kube-proxy never gets over another header: its sync ends at the error.
 */
static int both(
    struct differ *d, const struct kset *have, const struct kset *want, struct error *err)
{
	const char *why = NULL;

	if (kset_eq(have, want))
		return 0;
	if (have->type == KSET_OTHER)
		return error_set(err, ERR_REFUSED, 0,
		    "ipset %s: has type %s and was not made by kube-proxy; find out who "
		    "uses it, then: ipset destroy %s",
		    have->name, have->other_type ? have->other_type : "unknown",
		    have->name);
	if (!kset_same_header(have, want))
		why = "another type, family, size or extension: must be destroyed and "
		      "created";
	push(d, PHASE_PREPARE, have, want, why);
	return 0;
}

static bool removable(const struct differ *d, const struct kset *s)
{
	return scope_may_remove(d->scope, own_set(s->name));
}

int kset_diff(struct differ *d, struct error *err)
{
	const struct kset_list *want = &d->want->sets, *have = &d->have->sets;
	size_t i = 0, j = 0;

	while (i < want->n_sets || j < have->n_sets) {
		const struct kset *w = i < want->n_sets ? &want->sets[i] : NULL;
		const struct kset *h = j < have->n_sets ? &have->sets[j] : NULL;
		int c = !w ? 1 : !h ? -1 : strcmp(w->name, h->name);

		i += c <= 0;
		j += c >= 0;
		if (!scope_has_family(
			d->scope, kset_name_family(c <= 0 ? w->name : h->name)))
			continue;
		if (c < 0)
			push(d, PHASE_PREPARE, NULL, w, NULL);
		else if (c > 0 && removable(d, h))
			push(d, PHASE_REMOVE, h, NULL, NULL);
		else if (!c && both(d, h, w, err))
			return -1;
	}
	return 0;
}
