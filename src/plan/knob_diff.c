/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sysctls: only those that are wanted, and they are never set back. */
#include "config.h"

#include "plan/diff.h"

#include <string.h>

void knob_diff(struct differ *d)
{
	for (size_t i = 0; i < d->want->knobs.n_knobs; i++) {
		const struct knob *want = &d->want->knobs.knobs[i];
		const struct knob *have = knob_find(&d->have->knobs, want->name);

		/* net.ipv4.vs.* appears only when ip_vs is loaded. */
		if (have && !have->value)
			have = NULL;
		if (!want->value || (have && !strcmp(have->value, want->value)))
			continue;
		vec_push(&d->ops, (struct op){
				      .kind = KIND_KNOB,
				      .phase = PHASE_PREPARE,
				      .have = have,
				      .want = want,
				  });
	}
}
