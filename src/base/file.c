/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are read as a whole: settings, certificates, tokens. */
#include "config.h"

#include "base/file.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

int file_read(const char *path, struct strbuf *text, struct error *err)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *f = is_stdin ? stdin : fopen(path, "re");
	char buf[8192];
	size_t n;
	int ret = 0;

	if (!f)
		return error_set(err, ERR_INPUT, errno, "%s", path);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
		strbuf_addn(text, buf, n);
	if (ferror(f))
		ret = error_set(err, ERR_INPUT, errno, "%s", path);
	if (!is_stdin)
		fclose(f);
	return ret;
}
