/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Kubernetes JSON: of files, and as a page of an API server's list. */
#include "config.h"

#include "fuzz.h"

static void load_page(const uint8_t *data, size_t size)
{
	AUTO(model_loader) struct model_loader *l = NULL;
	struct notes notes = {0};
	struct error err = {0};
	char *more = NULL;
	char path[32];
	int fd = fuzz_file(data, size, path);
	AUTO(model) struct model *m = NULL;
	FILE *f = fopen(path, "r");

	if (!f)
		fuzz_fail("cannot open %s\n", path);
	l = model_loader_new(&notes);
	if (!model_loader_add_page(l, f, "page", "ServiceList", &more, &err))
		model_loader_finish(l, "pages", &m, &err);
	free(more);
	notes_clear(&notes);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_model(data, size);
	load_page(data, size);
	return 0;
}
