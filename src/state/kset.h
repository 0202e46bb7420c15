/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_KSET_H
#define STATE_KSET_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/strbuf.h"

/* Kind "kset": IP sets of the types that kube-proxy uses; others are held by name. */

enum kset_type {
	KSET_HASH_IP,
	KSET_HASH_IP_PORT,
	KSET_HASH_IP_PORT_IP,
	KSET_HASH_IP_PORT_NET,
	KSET_BITMAP_PORT,
	KSET_OTHER, /* a foreign set: only name and type text */
};

struct kset_entry {
	struct addr ip, ip2;
	uint16_t port;
	uint8_t proto;
	uint8_t bits;	 /* of ip2 in hash:ip,port,net */
};

struct kset {
	const char *name;
	enum kset_type type;
	enum family family;    /* bitmap:port has none: FAMILY_4 */
	uint32_t hashsize, maxelem; /* hash types; kube-proxy: 1024, 65536 */
	uint16_t port_from, port_to; /* bitmap:port; kube-proxy: 0-65535 */
	/* What else the header says: "comment", "timeout 0", ...; NULL = nothing.
	 * bucketsize and initval are not kept. */
	const char *extensions;
	const char *other_type; /* KSET_OTHER: "hash:net" */
	uint32_t references;	/* rules that use it; live only */
	struct kset_entry *entries; /* sorted by kset_entry_cmp, unique */
	size_t n_entries;
};

/* All sets, sorted by name. */
struct kset_list {
	bool present;
	struct kset *sets;
	size_t n_sets;
};

const char *kset_type_name(enum kset_type t); /* "hash:ip,port"; NULL for KSET_OTHER */
bool kset_type_parse(const char *s, enum kset_type *ret);
struct kset *kset_find(const struct kset_list *l, const char *name);
int kset_entry_cmp(const struct kset_entry *a, const struct kset_entry *b);
/* Whether the set has this entry; a set that is not there (NULL) has none. */
bool kset_has(const struct kset *s, const struct kset_entry *e);
void kset_sort(struct kset *s);	   /* sorts and removes duplicates */
void kset_list_sort(struct kset_list *l);
/* Same type, family, maxelem, range, extensions: what "create -exist" compares. */
bool kset_same_header(const struct kset *a, const struct kset *b);
bool kset_eq(const struct kset *a, const struct kset *b); /* header and entries */

/* ipset save syntax, one line each, with newline. */
void kset_print_create(struct strbuf *sb, const struct kset *s);
void kset_print_entry(struct strbuf *sb, const struct kset *s, const struct kset_entry *e);
void kset_print_list(struct strbuf *sb, const struct kset_list *l);
int kset_parse(const char *text, size_t len, const char *where, struct arena *a,
    struct kset_list *ret, struct error *err);
/* One entry as ipset writes it: "10.0.0.1,tcp:80". */
int kset_parse_entry(const char *text, const struct kset *s, struct kset_entry *ret,
    struct error *err);

#endif
