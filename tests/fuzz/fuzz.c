/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzzers of text have in common: the way there and back. */
#include "config.h"

#include "fuzz.h"

#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

void fuzz_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

static bool accepted;

void fuzz_accepted(void)
{
	accepted = true;
}

bool fuzz_has_accepted(void)
{
	return accepted;
}

void fuzz_part(enum part p, fuzz_parse_fn parse, const uint8_t *data, size_t size)
{
	AUTO(state) struct state *first = state_new();
	AUTO(state) struct state *second = state_new();
	struct strbuf once = {0}, twice = {0};
	struct error err = {0};

	if (!parse((const char *)data, size, first, &err)) {
		fuzz_accepted();
		state_print_part(&once, first, p);
		if (parse(strbuf_str(&once), once.len, second, &err))
			fuzz_fail("refused: %s\nin its own text:\n%s", err.msg,
			    strbuf_str(&once));
		state_print_part(&twice, second, p);
		if (strcmp(strbuf_str(&once), strbuf_str(&twice)) != 0)
			fuzz_fail("printed:\n%s\nread and printed again:\n%s",
			    strbuf_str(&once), strbuf_str(&twice));
	} else if (!err.msg[0]) {
		fuzz_fail("refused without a message\n");
	}
	strbuf_free(&once);
	strbuf_free(&twice);
}

int fuzz_file(const uint8_t *data, size_t size, char path[32])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		fuzz_fail("no file in memory\n");
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	return fd;
}

static struct model *load(const void *data, size_t size, struct error *err)
{
	struct notes notes = {0};
	struct model *m = NULL;
	char path[32];
	int fd = fuzz_file(data, size, path);

	model_load(path, &m, &notes, err);
	notes_clear(&notes);
	close(fd);
	return m;
}

static char *text_of(const struct model *m)
{
	struct error err = {0};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	if (!f || model_write_json(m, f, &err) || fclose(f))
		fuzz_fail("cannot write the model: %s\n", err.msg);
	return text;
}

void fuzz_model(const uint8_t *data, size_t size)
{
	struct error err = {0};
	AUTO(model) struct model *first = load(data, size, &err);
	AUTO(model) struct model *second = NULL;
	char *once, *twice;

	if (!first) {
		if (!err.msg[0])
			fuzz_fail("refused without a message\n");
		return;
	}
	fuzz_accepted();
	once = text_of(first);
	second = load(once, strlen(once), &err);
	if (!second)
		fuzz_fail("refused: %s\nin its own text:\n%s", err.msg, once);
	twice = text_of(second);
	if (strcmp(once, twice) != 0)
		fuzz_fail("written:\n%s\nloaded and written again:\n%s", once, twice);
	free(once);
	free(twice);
}
