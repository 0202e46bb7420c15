/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON strings of any bytes. */
#include "config.h"

#include "base/text_json.h"

#include <string.h>

json_t *textn_json(const char *s, size_t n)
{
	json_t *j = json_stringn(s, n);
	struct strbuf sb = {0};

	if (j)
		return j;
	for (size_t i = 0; i < n; i++) {
		if (s[i] & 0x80)
			strbuf_addf(&sb, "\\x%02x", (unsigned char)s[i]);
		else
			strbuf_addch(&sb, s[i]);
	}
	j = json_stringn(strbuf_str(&sb), sb.len);
	strbuf_free(&sb);
	return j;
}

json_t *text_json(const char *s)
{
	return s ? textn_json(s, strlen(s)) : NULL;
}

static int print(const char *buf, size_t size, void *sb)
{
	strbuf_addn(sb, buf, size);
	return 0;
}

void json_print(struct strbuf *sb, json_t *j, size_t flags)
{
	json_dump_callback(j, print, sb, flags);
	json_decref(j);
}
