/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Base64 as Kubernetes writes bytes into YAML and JSON. */
#include "config.h"

#include "base/base64.h"

#include <nettle/base64.h>
#include <string.h>

char *base64_text(struct arena *a, const char *s)
{
	struct base64_decode_ctx ctx;
	size_t n = strlen(s), len = BASE64_DECODE_LENGTH(n);
	char *ret = arena_alloc(a, len + 1);

	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &len, (uint8_t *)ret, n, s) ||
	    !base64_decode_final(&ctx))
		return NULL;
	return strlen(ret) == len ? ret : NULL;
}
