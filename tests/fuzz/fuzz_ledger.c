/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What earlier runs made. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "state/ledger.h"

#define KERNEL "kernel"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct strbuf once = {0}, twice = {0};
	struct ledger first = {0}, second = {0};
	struct error err = {0};

	if (!ledger_parse((const char *)data, size, "ledger", KERNEL, a, &first, &err)) {
		fuzz_accepted();
		ledger_print(&once, &first, KERNEL);
		if (ledger_parse(once.s, once.len, "again", KERNEL, a, &second, &err))
			fuzz_fail("refused: %s\nin its own text:\n%s", err.msg, once.s);
		ledger_print(&twice, &second, KERNEL);
		if (strcmp(once.s, twice.s) != 0)
			fuzz_fail("printed:\n%s\nread and printed again:\n%s", once.s,
			    twice.s);
	} else if (!err.msg[0]) {
		fuzz_fail("refused without a message\n");
	}
	strbuf_free(&once);
	strbuf_free(&twice);
	arena_free(a);
	return 0;
}
