/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dumps of virtual and real servers. */
#include "config.h"

#include "fuzz_kernel.h"

#include "kernel/driver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = state_new();
	struct strbuf sb = {0};
	struct error err = {0};

	fuzz_kernel_begin(data, size);
	if (lvs_nl_open(&d, &err))
		fuzz_fail("%s\n", err.msg);
	if (!d->ops->read(d, FAMILY_BOTH, s, &err)) {
		fuzz_accepted();
		lvs_print_table(&sb, &s->lvs);
	} else if (!err.msg[0]) {
		fuzz_fail("refused without a message\n");
	}
	strbuf_free(&sb);
	fuzz_kernel_end();
	return 0;
}
