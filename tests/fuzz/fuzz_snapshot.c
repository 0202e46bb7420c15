/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A snapshot: as it is, and with the closing line that fits its lines. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "base/hash.h"
#include "state/snapshot.h"
#include "state/snapshot_marks.h"

/* Read, printed and read again: the same text. */
static void round_trip(const char *text, size_t len)
{
	AUTO(state) struct state *first = NULL;
	AUTO(state) struct state *second = NULL;
	struct snapshot_info info = {0}, info_again = {0};
	struct strbuf once = {0}, twice = {0};
	struct error err = {0};

	if (snapshot_parse(text, len, "snapshot", &first, &info, &err)) {
		if (!err.msg[0])
			fuzz_fail("refused without a message\n");
		return;
	}
	fuzz_accepted();
	snapshot_print(&once, first, &info);
	if (snapshot_parse(once.s, once.len, "again", &second, &info_again, &err))
		fuzz_fail("refused: %s\nin its own text:\n%s", err.msg, once.s);
	snapshot_print(&twice, second, &info_again);
	if (strcmp(once.s, twice.s) != 0)
		fuzz_fail("printed:\n%s\nread and printed again:\n%s", once.s, twice.s);
	strbuf_free(&once);
	strbuf_free(&twice);
}

/* Without its last line, which would be the checksum, and with a right one. */
static void close_text(struct strbuf *sb, const uint8_t *data, size_t size)
{
	char digest[65];
	size_t lines = 0;

	while (size && data[size - 1] == '\n')
		size--;
	while (size && data[size - 1] != '\n')
		size--;
	strbuf_addn(sb, (const char *)data, size);
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n';
	hash_sha256_hex(data, size, digest);
	strbuf_addf(sb, SNAPSHOT_END "%zu lines, sha256 %s\n", lines, digest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf closed = {0};

	round_trip((const char *)data, size);
	close_text(&closed, data, size);
	round_trip(closed.s, closed.len);
	strbuf_free(&closed);
	return 0;
}
