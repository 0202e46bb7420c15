/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kubeconfig: what is taken has a server; every file that it names has the same bytes. */
#include "config.h"

#include "fuzz.h"

#include <string.h>

#include "base/file.h"
#include "model/kubeconfig.h"

static const uint8_t *bytes; /* NULL: nothing is tried */
static size_t n_bytes;

/* No file of this machine is to be read, nor one that never ends. */
int __real_file_read(const char *path, struct strbuf *text, struct error *err);
int __wrap_file_read(const char *path, struct strbuf *text, struct error *err);
int __wrap_file_read(const char *path, struct strbuf *text, struct error *err)
{
	if (!bytes)
		return __real_file_read(path, text, err);
	if (strstr(path, "none"))
		return error_set(err, ERR_INPUT, 0, "%s: there is none", path);
	strbuf_addn(text, (const char *)bytes, n_bytes);
	return 0;
}

static void load(void)
{
	AUTO(kubeconfig) struct kubeconfig *k = NULL;
	struct error err = {0};

	if (kubeconfig_load("folder/config", &k, &err)) {
		if (!err.msg[0])
			fuzz_fail("refused without a message\n");
		return;
	}
	fuzz_accepted();
	if (!k->server || !strstr(k->server, "://"))
		fuzz_fail("taken, but the server is %s\n", k->server);
	if (!k->cert != !k->key)
		fuzz_fail("taken with half of certificate and key\n");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bytes = data;
	n_bytes = size;
	if (data)
		load();
	bytes = NULL;
	return 0;
}
