/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listing of IP sets. */
#include "config.h"

#include "fuzz_kernel.h"

#include "kernel/kset_read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct kset_list l = {0};
	struct strbuf sb = {0};
	struct error err = {0};

	fuzz_kernel_begin(data, size);
	if (!kset_read_all(FAMILY_BOTH, a, &l, &err)) {
		fuzz_accepted();
		kset_print_list(&sb, &l);
	} else if (!err.msg[0]) {
		fuzz_fail("refused without a message\n");
	}
	strbuf_free(&sb);
	arena_free(a);
	fuzz_kernel_end();
	return 0;
}
