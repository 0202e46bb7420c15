/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What jansson alone needs to parse a Kubernetes List item by item: the floor that the
 * loader of the model is measured against. Looks at nothing in the items.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Reads on to the '[' of the first "items" of the outermost object. */
static bool find_items(FILE *f)
{
	static const char key[] = "\"items\"";
	size_t matched = 0;
	int c;

	while ((c = getc(f)) != EOF) {
		if (!key[matched]) {
			if (c == '[')
				return true;
		} else if (c == key[matched]) {
			matched++;
		} else {
			matched = c == key[0];
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	unsigned long items = 0;
	json_error_t e;
	FILE *f;
	int c;

	f = argc == 2 ? fopen(argv[1], "re") : NULL;
	if (!f || !find_items(f)) {
		fputs("usage: jansson_items FILE, with a List in it\n", stderr);
		return 1;
	}
	while ((c = getc(f)) != ']') {
		json_t *item;

		if (c == ',' || c == ' ' || c == '\n')
			continue;
		ungetc(c, f);
		item = json_loadf(f, JSON_DISABLE_EOF_CHECK, &e);
		if (!item) {
			fprintf(stderr, "%s: item %lu: %s\n", argv[1], items, e.text);
			return 1;
		}
		json_decref(item);
		items++;
	}
	printf("%lu items\n", items);
	fclose(f);
	return 0;
}
