/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of iptables-nft, of either family. */
#include "config.h"

#include "fuzz_kernel.h"

#include "kernel/nft_read.h"

static void read_family(enum family f, const uint8_t *data, size_t size)
{
	AUTO(nlc) struct nlc *nl = NULL;
	struct arena *a = arena_new();
	struct fw_ruleset rs = {0};
	struct strbuf sb = {0};
	struct error err = {0};

	fuzz_kernel_begin(data, size);
	nlc_open(0, 1, &nl, &err);
	if (!nft_read_family(nl, f, a, &rs, &err)) {
		fuzz_accepted();
		fw_print_ruleset(&sb, f, &rs);
	} else if (!err.msg[0]) {
		fuzz_fail("refused without a message\n");
	}
	strbuf_free(&sb);
	arena_free(a);
	fuzz_kernel_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	family_foreach (f)
		read_family(f, data, size);
	return 0;
}
