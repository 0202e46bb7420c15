/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef STATE_FW_H
#define STATE_FW_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/notes.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Kind "fw": tables, chains and rules of one IP family. A rule that uses only the matches
 * and targets below is held as typed values; any other (foreign) one as its text, with
 * `opaque` set. Strings live in the state's arena.
 */

enum fw_table_id { FW_FILTER, FW_NAT, FW_MANGLE, FW_RAW, FW_SECURITY };
#define FW_TABLE_COUNT 5
const char *fw_table_name(enum fw_table_id t);
bool fw_table_parse(const char *s, enum fw_table_id *ret);
/* NULL-terminated names of a table's built-in chains, in hook order. */
const char *const *fw_builtin_chains(enum fw_table_id t);
bool fw_is_builtin(enum fw_table_id t, const char *chain);

enum fw_match_kind {
	FWM_COMMENT,
	FWM_L4,	       /* tcp, udp or sctp: -m <proto> [--dport n]; .proto says which */
	FWM_ADDRTYPE,  /* [!] --src-type / --dst-type */
	FWM_CONNTRACK, /* [!] --ctstate */
	FWM_MARK,      /* [!] --mark v/m */
	FWM_STATISTIC, /* --mode random --probability */
	FWM_RECENT,    /* --rcheck --seconds n --reap, or --set; --name; --rsource */
	FWM_SET,       /* [!] --match-set name dirs */
	FWM_PHYSDEV,   /* [!] --physdev-is-in */
	FWM_IPVS,      /* --vproto --vaddr --vport */
	FWM_NFACCT,    /* --nfacct-name */
};

/* conntrack states, the kernel's bits */
#define FW_CT_INVALID 0x01
#define FW_CT_ESTABLISHED 0x02
#define FW_CT_RELATED 0x04
#define FW_CT_NEW 0x08
#define FW_CT_SNAT 0x40
#define FW_CT_DNAT 0x80
#define FW_CT_UNTRACKED 0x100

/* address types, bits as in xt_addrtype: 1 << RTN_* */
#define FW_ADDRTYPE_LOCAL 0x4

#define FW_SET_DIMS 3

struct fw_ipvs {
	uint8_t proto;
	uint16_t port;
	struct addr addr;
};

struct fw_recent {
	const char *name;
	bool set;	  /* --set, else --rcheck --seconds --reap */
	uint32_t seconds; /* 0 with --set */
};

struct fw_match {
	uint8_t kind; /* enum fw_match_kind */
	bool invert;
	union {
		const char *comment;
		struct {
			uint16_t port; /* destination port; meaningful if has_port */
			bool has_port;
			uint8_t proto;
		} l4;
		struct {
			uint16_t src, dst; /* type masks; invert applies to the one set */
		} addrtype;
		uint16_t ctstate;
		struct {
			uint32_t value, mask;
		} mark;
		uint32_t probability; /* kernel value, of 2^31 */
		const struct fw_recent *recent;
		struct {
			const char *name;
			uint8_t n_dims;
			uint8_t src; /* bit i set: dimension i is src, else dst */
		} set;
		const struct fw_ipvs *ipvs;
		const char *nfacct;
	};
};

enum fw_target_kind {
	FWT_NONE,   /* no target: counts and goes on */
	FWT_JUMP,   /* -j chain; also -g with .go */
	FWT_ACCEPT,
	FWT_DROP,
	FWT_RETURN,
	FWT_REJECT, /* with the family's default */
	FWT_MARK,   /* --set-xmark value/mask */
	FWT_MASQUERADE,
	FWT_DNAT,   /* to one address and port */
};

struct fw_target {
	uint8_t kind; /* enum fw_target_kind */
	bool go;
	bool random_fully;
	uint16_t port;
	union {
		const char *chain;
		struct {
			uint32_t value, mask;
		} mark;
		const struct addr *addr;
	};
};

/* What is inverted in the header of a rule. */
#define FW_INV_SRC 0x1
#define FW_INV_DST 0x2
#define FW_INV_IN 0x4
#define FW_INV_OUT 0x8

struct fw_rule {
	struct prefix src, dst; /* addr.len 0 = any */
	uint8_t invert;		/* FW_INV_* */
	uint8_t proto;		/* 0 = any */
	uint8_t n_matches;
	bool moved; /* of a plan: is taken out and put in, so that others keep still */
	const char *in, *out; /* interface, "veth+" for a prefix; NULL = any */
	const struct fw_match *matches;
	struct fw_target target;
	const char *opaque; /* not NULL: the whole rule in save form, without "-A CHAIN "; of
			     * the typed fields only target.kind/chain of a jump is set */
	const char *why;    /* the service port it belongs to, or NULL */
	uint64_t packets, bytes;
	uint32_t line; /* of the text that it was read from; 0: none */
};

enum fw_policy { FW_POLICY_NONE, FW_POLICY_ACCEPT, FW_POLICY_DROP };

struct fw_chain {
	const char *name;
	bool builtin;
	enum fw_policy policy; /* built-in chains; NONE = not ours to say (wanted states) */
	uint64_t packets, bytes;
	/* Wanted states: rules but for the last n_tail may come in any order. */
	bool unordered;
	size_t n_tail;
	/* Wanted states: this is all of a built-in chain, the rules of others included. */
	bool whole;
	struct fw_rule *rules;
	size_t n_rules;
	const char *why;
};

/* Built-in chains in hook order, then user chains sorted by strcmp. In a wanted state a
 * built-in chain holds only the rules that must be there, top to bottom. */
struct fw_table {
	bool present; /* the table exists in the kernel / is wanted */
	const char *where; /* the file that it was read from, or NULL */
	struct fw_chain *chains;
	size_t n_chains;
};

struct fw_ruleset {
	bool present; /* false: this family was not read, or is not wanted */
	const char *saved_by; /* "iptables-save v1.8.9 (nf_tables)", if the text says it */
	uint32_t generation;  /* of nf_tables when it was read; 0: none, or no one moment */
	struct fw_table tables[FW_TABLE_COUNT];
};

struct fw_chain *fw_chain_find(const struct fw_table *t, const char *name);
/* The same, faster for the names of a table that has mostly the same chains, in its order:
 * *at is 0 at first, and belongs to this function. */
struct fw_chain *fw_chain_find_next(const struct fw_table *t, const char *name, size_t *at);
/* Puts the chains into the order that struct fw_table promises. */
void fw_table_sort(enum fw_table_id id, struct fw_table *t);

/* Equality of what a rule does and says; counters and why do not count. */
bool fw_rule_eq(const struct fw_rule *a, const struct fw_rule *b);
uint64_t fw_rule_hash(const struct fw_rule *r); /* equal rules, equal hashes */
/* Same rules in the same order; with unordered set in either, as multisets before the
 * tail. */
bool fw_chain_eq(const struct fw_chain *a, const struct fw_chain *b);
/* The value that iptables computes for 1/n: through the text "%.10f" (kube-proxy's). */
uint32_t fw_probability(unsigned n);

/* ---- save-form text (fw_parse.c, fw_print.c): the one parser and the one printer of rule
 * syntax */

/* "-A CHAIN ..." without a newline. */
void fw_print_rule(struct strbuf *sb, enum family f, const char *chain,
    const struct fw_rule *r);
/* A whole table: "*nat", chain lines, rules, "COMMIT". counters: [p:b] and -c values. */
void fw_print_table(struct strbuf *sb, enum family f, enum fw_table_id id,
    const struct fw_table *t);
void fw_print_ruleset(struct strbuf *sb, enum family f, const struct fw_ruleset *rs);
/*
 * Parses what iptables-save and iptables-restore accept: comments, several tables, -c
 * counters, CR line ends, leading blanks, "-X"-free. A rule that it does not know becomes
 * opaque. where: file name for messages. Adds to *rs; strings go into the arena.
 * -1: ERR_INPUT, with file and line.
 */
int fw_parse(const char *text, size_t len, const char *where, enum family f,
    struct arena *a, struct fw_ruleset *rs, struct error *err);
/*
 * The same for a text that may be damaged, such as somebody attached to a ticket: what is
 * wrong becomes a finding, and the rest is read. A rule that no iptables could take is kept
 * as opaque; a last line without an end counts as cut off; a table that comes a second time
 * replaces the first. first_line: the number of the text's first line. -1: it is no text at
 * all.
 */
int fw_parse_damaged(const char *text, size_t len, const char *where, size_t first_line,
    enum family f, struct arena *a, struct fw_ruleset *rs, struct notes *findings,
    struct error *err);
/* One rule: the text after "-A CHAIN ". */
int fw_parse_rule(const char *text, enum family f, struct arena *a, struct fw_rule *ret,
    struct error *err);

#endif
