/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main function of fuzzers without libFuzzer: gives them the files named, or all of
 * testdata/fuzz/NAME for a program fuzz_NAME, each of which it must get through in time,
 * and not refuse all.
 */
#include "config.h"

#include "fuzz.h"

#include <dirent.h>
#include <string.h>

#include "base/file.h"

#define SECONDS 20

static void replay(const char *path)
{
	struct strbuf text = {0};
	struct error err = {0};
	uint8_t *copy;

	if (file_read(path, &text, &err))
		fuzz_fail("%s\n", err.msg);
	/* To the byte, for the sanitizer to see what is read behind it. */
	copy = xmalloc(text.len ? text.len : 1);
	if (text.len)
		memcpy(copy, text.s, text.len);
	printf("%s\n", path);
	fflush(stdout);
	alarm(SECONDS);
	LLVMFuzzerTestOneInput(copy, text.len);
	alarm(0);
	free(copy);
	strbuf_free(&text);
}

static int replay_all(const char *program)
{
	const char *name = strstr(program, "fuzz_");
	struct dirent **files;
	char folder[4096];
	int n;

	for (const char *next = name; next; next = strstr(next + 1, "fuzz_"))
		name = next;
	snprintf(folder, sizeof(folder), "%s/fuzz/%s", TESTDATA,
	    name ? name + strlen("fuzz_") : program);
	n = scandir(folder, &files, NULL, alphasort);
	if (n <= 2)
		fuzz_fail("%s: no files there\n", folder);
	for (int i = 0; i < n; i++) {
		char *path = NULL;

		if (files[i]->d_name[0] != '.' &&
		    asprintf(&path, "%s/%s", folder, files[i]->d_name) > 0)
			replay(path);
		free(path);
		free(files[i]);
	}
	free(files);
	if (!fuzz_has_accepted())
		fuzz_fail("%s: all files there were refused\n", folder);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return replay_all(argv[0]);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	return 0;
}
