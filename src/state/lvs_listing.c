/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listing of ipvsadm -Ln, which is what people attach to tickets. Which words it has
 * for what is known here; what the options mean, in lvs_text.c. */
#include "config.h"

#include "state/lvs_listing.h"

#include <string.h>

struct pair {
	const char *listed, *option;
};

static const struct pair services[] = {
    {"TCP", "-t"}, {"UDP", "-u"}, {"SCTP", "--sctp-service"}, {"FWM", "-f"}};
static const struct pair methods[] = {
    {"Masq", "-m"}, {"Route", "-g"}, {"Local", "-g"}, {"Tunnel", "-i"}};
static const struct pair flags[] = {{"persistent", "-p"}, {"mask", "-M"}, {"pe", "--pe"}};

#define FIND(table, word) find(table, sizeof(table) / sizeof((table)[0]), word)

static const char *find(const struct pair *v, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (word && !strcmp(v[i].listed, word))
			return v[i].option;
	return NULL;
}

static bool is_heading(const struct lines *l)
{
	const char *const *w = (const char *const *)l->words;

	return (!strcmp(w[0], "IP") && w[1] && !strcmp(w[1], "Virtual")) ||
	       (!strcmp(w[0], "Prot") && w[1] && !strcmp(w[1], "LocalAddress:Port")) ||
	       (!strcmp(w[0], "->") && w[1] && !strcmp(w[1], "RemoteAddress:Port"));
}

bool lvs_listing_has(const struct lines *l)
{
	return is_heading(l) || FIND(services, l->words[0]) || !strcmp(l->words[0], "->");
}

/* "TCP  10.96.0.1:443 rr persistent 10800", "FWM  7 IPv6 wlc ops" */
static int service(struct lvs_listing *at, struct lines *l, const char *option)
{
	char **w = l->words + 2;

	strbuf_reset(&at->key);
	if (l->n < 3)
		return lines_fail(l, "a virtual server needs an address and a scheduler");
	strbuf_addf(&at->key, "%s %s", option, l->words[1]);
	if (!strcmp(w[0], "IPv6")) {
		strbuf_add(&at->key, " -6");
		w++;
	}
	if (!*w)
		return lines_fail(l, "a virtual server needs a scheduler");
	strbuf_addf(&at->text, "-A %s -s %s", at->key.s, *w);
	while (*++w && **w != '#') {
		const char *flag = FIND(flags, *w);

		if (flag && w[1]) {
			strbuf_addf(&at->text, " %s %s", flag, w[1]);
			w++;
		} else if (!strcmp(*w, "ops")) {
			strbuf_add(&at->text, " -o");
		} else if (**w == '(' && w[0][strlen(*w) - 1] == ')') {
			strbuf_addf(&at->text, " -b %.*s", (int)strlen(*w) - 2, *w + 1);
		} else {
			return lines_fail(l, "a flag that is not known: \"%.40s\"", *w);
		}
	}
	return 1;
}

/* "-> 10.244.0.2:53  Masq  1  0  0" */
static int real_server(struct lvs_listing *at, struct lines *l)
{
	const char *method = l->n > 3 ? FIND(methods, l->words[2]) : NULL;

	if (!at->key.len)
		return lines_fail(l, "a real server of no virtual server");
	if (!method)
		return lines_fail(l,
		    "no way of forwarding and weight: give the output of ipvsadm -Sn or "
		    "ipvsadm -Ln");
	strbuf_addf(&at->text, "-a %s -r %s %s -w %s", at->key.s, l->words[1], method,
	    l->words[3]);
	return 1;
}

int lvs_listing_line(struct lvs_listing *at, struct lines *l)
{
	const char *option = FIND(services, l->words[0]);
	int c = 0;

	strbuf_reset(&at->text);
	if (option)
		c = service(at, l, option);
	else if (strcmp(l->words[0], "->") && !is_heading(l))
		return lines_fail(
		    l, "this is no line of ipvsadm -Ln: \"%.40s\"", l->words[0]);
	else if (!is_heading(l))
		c = real_server(at, l);
	return c > 0 ? lines_replace(l, at->text.s, at->text.len) : c;
}

void lvs_listing_end(struct lvs_listing *at)
{
	strbuf_free(&at->key);
	strbuf_free(&at->text);
}
