/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names of chains and sets, byte for byte kube-proxy's. Which of them exist is the
 * business of the backends.
 */
#include "config.h"

#include "emit/names.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"

void name_hash(const struct service *s, const char *endpoint, char ret[NAME_HASH_LEN])
{
	/* Plain concatenation: "demo/web:httptcp10.244.1.5:8080". The family is not part
	 * of it, so a dual-stack service has the same hash in both. */
	const char *parts[] = {s->spn, proto_name(s->proto), endpoint, NULL};

	hash_chain_suffix(parts, ret);
}

const char *name_chain(
    struct arena *a, const char *prefix, const char hash[NAME_HASH_LEN])
{
	size_t n = strlen(prefix);
	char *name = arena_alloc(a, n + NAME_HASH_LEN);

	memcpy(name, prefix, n);
	memcpy(name + n, hash, NAME_HASH_LEN);
	return name;
}

void name_set(enum family f, const char *base, char ret[NAME_SET_LEN])
{
	const char *prefix = family_info(f)->set_prefix;

	/* kube-proxy cuts too: two IPv6 names lose their last characters. */
	snprintf(ret, NAME_SET_LEN, "%s%.*s", prefix,
	    NAME_SET_LEN - 1 - (int)strlen(prefix), base);
}
