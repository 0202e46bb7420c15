/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Single rules as kube-proxies of all releases write them: names in comments, what a
 * chain is by its name, what is wrong with a rule that no type fits. */
#include "config.h"

#include "model/model_state_parts.h"

#include <stdio.h>
#include <string.h>

#define HASH_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
#define HASH_LEN 16
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"

static const char *const prefixes[] = {
    [ROLE_SVC] = "KUBE-SVC-",
    [ROLE_SVL] = "KUBE-SVL-",
    [ROLE_EXT] = "KUBE-EXT-",
    [ROLE_FW] = "KUBE-FW-",
    [ROLE_XLB] = "KUBE-XLB-",
    [ROLE_SEP] = "KUBE-SEP-",
};

enum role chain_role(const char *name, const char **hash)
{
	for (int r = ROLE_SVC; r < ROLE_NONE; r++) {
		size_t n = strlen(prefixes[r]);

		if (strncmp(name, prefixes[r], n))
			continue;
		if (strspn(name + n, HASH_CHARS) != HASH_LEN || name[n + HASH_LEN])
			break;
		if (hash)
			*hash = name + n;
		return (enum role)r;
	}
	return ROLE_NONE;
}

/* "ns/name" or "ns/name:port", also with nothing behind the colon as up to 1.2x. */
static bool is_spn(const char *s, size_t len)
{
	size_t ns = strspn(s, NAME_CHARS), name, port = 0;

	if (!ns || ns >= len || s[ns] != '/')
		return false;
	name = strspn(s + ns + 1, NAME_CHARS);
	if (!name || ns + 1 + name > len)
		return false;
	s += ns + 1 + name;
	len -= ns + 1 + name;
	if (len && *s == ':')
		port = 1 + strspn(s + 1, NAME_CHARS);
	return port == len;
}

/* An address in such a comment is "[fd00::1]:80" or has no slash. Names that were made of
 * an address are "unnamed/[fd00::1]:80". */
static bool is_made_up(const char *s, size_t len)
{
	return len > 8 && !memcmp(s, "unnamed/", 8);
}

const char *comment_spn(struct arena *a, const char *comment, const char **rest)
{
	while (comment && *comment) {
		size_t n = strcspn(comment, " ");

		if (is_spn(comment, n) || is_made_up(comment, n)) {
			if (rest)
				*rest = comment + n;
			return arena_strndup(a, comment, n);
		}
		comment += n;
		comment += strspn(comment, " ");
	}
	return NULL;
}

static const char *opaque_comment(struct arena *a, const char *text)
{
	static const char option[] = "--comment ";
	const char *p = strstr(text, option);

	if (!p)
		return NULL;
	p += strlen(option);
	if (*p == '"')
		return arena_strndup(a, p + 1, strcspn(p + 1, "\""));
	return arena_strndup(a, p, strcspn(p, " "));
}

const char *rule_comment(struct arena *a, const struct fw_rule *r)
{
	const struct fw_match *m = rule_match(r, FWM_COMMENT);

	if (r->opaque)
		return opaque_comment(a, r->opaque);
	return m ? m->comment : NULL;
}

const struct fw_match *rule_match(const struct fw_rule *r, enum fw_match_kind kind)
{
	for (unsigned i = 0; i < r->n_matches; i++)
		if (r->matches[i].kind == kind)
			return &r->matches[i];
	return NULL;
}

uint16_t rule_port(const struct fw_rule *r)
{
	const struct fw_match *m = rule_match(r, FWM_L4);

	return m && !m->invert && m->l4.has_port && r->proto ? m->l4.port : 0;
}

const struct addr *rule_host(const struct fw_rule *r)
{
	if (!addr_is_set(&r->dst.addr) || r->invert & FW_INV_DST)
		return NULL;
	return r->dst.bits == family_info(addr_family(&r->dst.addr))->addr_bits
		   ? &r->dst.addr
		   : NULL;
}

bool rule_jumps_to(const struct fw_rule *r, const char *chain)
{
	return r->target.kind == FWT_JUMP && !strcmp(r->target.chain, chain);
}

bool rule_marks(const struct fw_rule *r)
{
	return r->target.kind == FWT_MARK || rule_jumps_to(r, "KUBE-MARK-MASQ");
}

const char *opaque_reason(struct arena *a, const struct fw_rule *r)
{
	const char *t = r->opaque, *dnat = strstr(t, "-j DNAT");

	if (dnat && !strstr(t, "--to-destination"))
		return "DNAT with no address";
	if (dnat)
		return arena_printf(
		    a, "DNAT to what is not one address and port: %.80s", dnat);
	if (strstr(t, "-m recent") && !strstr(t, "--name "))
		return "recent without a list";
	return arena_printf(a, "this rule is not understood: %.80s", t);
}

const char *misfit_reason(const struct fw_rule *r)
{
	const struct fw_match *m = rule_match(r, FWM_L4);

	/* Newer ones, of nft, write a port in a way that older ones do not know. */
	if (r->proto && !(m && m->l4.has_port) && !rule_marks(r) &&
	    r->target.kind != FWT_NONE)
		return "it has no port: an iptables-save that is older than the program "
		       "that wrote the rule leaves it out";
	return "this rule does not belong here";
}
