/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of legacy iptables: what the kernel says of it, then its block of entries; of
 * either family. */
#include "config.h"

#include "fuzz_kernel.h"

#include "kernel/fw_blob.h"

static void read_chains(struct fw_blob *b, enum family f, struct error *err)
{
	struct strbuf sb = {0};
	struct fw_table t = {.present = true, .n_chains = b->n_chains};

	t.chains = arena_array(b->codec.arena, struct fw_chain, b->n_chains);
	for (size_t i = 0; i < b->n_chains; i++)
		if (fw_blob_chain(b, &b->chains[i], &t.chains[i], err))
			return;
	fw_blob_texts(b);
	fuzz_accepted();
	fw_table_sort(FW_NAT, &t);
	fw_print_table(&sb, f, FW_NAT, &t);
	strbuf_free(&sb);
}

static void read_family(enum family f, const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct error err = {0};
	struct fw_blob b;

	fuzz_kernel_begin(data, size);
	if (!fw_blob_read(&b, f, FW_NAT, NULL, a, &err)) {
		read_chains(&b, f, &err);
		fw_blob_free(&b);
	} else if (!err.msg[0]) {
		fuzz_fail("refused without a message\n");
	}
	arena_free(a);
	fuzz_kernel_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	family_foreach (f)
		read_family(f, data, size);
	return 0;
}
