/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table read again where only some of its chains can have changed: fw_again.h. */
#include "config.h"

#include "kernel/fw_again.h"

#include "base/strtab.h"

size_t fw_written_chains(const struct since *s, enum family f, enum fw_table_id id,
    const char **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_ops; i++) {
		const struct op *o = &s->ops[i];
		const struct fw_chain *c = o->want ? o->want : o->have;

		if (o->kind == KIND_FW && o->family == f && o->table == id)
			ret[n++] = c->name;
	}
	return n;
}

void fw_merge_chains(enum fw_table_id id, const struct fw_table *was,
    const char *const *names, size_t n, const struct fw_table *now, struct arena *a,
    struct fw_table *ret)
{
	struct strtab written = {0};
	struct fw_table t = *was;

	for (size_t i = 0; i < n; i++)
		strtab_add(&written, names[i]);
	t.n_chains = 0;
	t.chains = arena_array(a, struct fw_chain, was->n_chains + now->n_chains);
	for (size_t i = 0; i < was->n_chains; i++) {
		const struct fw_chain *c = &was->chains[i];
		const struct fw_chain *there =
		    strtab_find(&written, c->name) ? fw_chain_find(now, c->name) : c;

		/* A built-in chain may be shown without being there. */
		if (there || c->builtin)
			t.chains[t.n_chains++] = there ? *there : *c;
	}
	for (size_t i = 0; i < now->n_chains; i++)
		if (!fw_chain_find(was, now->chains[i].name))
			t.chains[t.n_chains++] = now->chains[i];
	fw_table_sort(id, &t);
	strtab_free(&written);
	*ret = t;
}
