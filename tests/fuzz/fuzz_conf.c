/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KubeProxyConfiguration, alone or in a ConfigMap. */
#include "config.h"

#include "fuzz.h"

#include "model/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(conf) struct conf *c = conf_new();
	struct notes notes = {0};
	struct error err = {0};
	char path[32];
	int fd = fuzz_file(data, size, path);

	if (!conf_load(c, path, &notes, &err))
		fuzz_accepted();
	else if (!err.msg[0])
		fuzz_fail("refused without a message\n");
	notes_clear(&notes);
	close(fd);
	return 0;
}
