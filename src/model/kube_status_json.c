/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Status objects, which API servers answer with when they refuse. */
#include "config.h"

#include "model/kube_status.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

/* Whoever answers may not be an API server, and messages go to terminals. */
static void tidy(char *s)
{
	char *end = s + strlen(s);

	for (char *p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = ' ';
	while (end > s && end[-1] == ' ')
		*--end = '\0';
}

void kube_status_text(const char *text, size_t n, char *buf, size_t size)
{
	json_t *status = json_loadb(text, n, 0, NULL);
	const char *message = json_string_value(json_object_get(status, "message"));

	if (!message)
		message = json_string_value(json_object_get(status, "reason"));
	if (message)
		snprintf(buf, size, "%s", message);
	else
		snprintf(buf, size, "%.*s", (int)(n < 200 ? n : 200), text);
	json_decref(status);
	tidy(buf);
}
