/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of each target that a typed rule can hold: its options read, and printed as
 * iptables-save 1.8.9 does. */
#include "config.h"

#include "state/fw_target_text.h"
#include "state/fw_match_text.h"

#include <string.h>

/* ---- options */

enum {
	SEEN_REJECT_WITH = 0x1,
	SEEN_SET_MARK = 0x2,
	SEEN_RANDOM_FULLY = 0x4,
	SEEN_TO_DESTINATION = 0x8,
};

static bool set_to_destination(struct fw_target_draft *d, enum family f, const char *arg)
{
	return addrport_parse(arg, &d->to, &d->port) && d->port &&
	       addr_family(&d->to) == f;
}

static bool set_reject_with(struct fw_target_draft *d, enum family f, const char *arg)
{
	(void)d;
	return !strcmp(arg, family_info(f)->reject) || !strcmp(arg, "port-unreach");
}

static bool set_random_fully(struct fw_target_draft *d, enum family f, const char *arg)
{
	(void)d;
	(void)f;
	(void)arg;
	return true;
}

static bool set_xmark(struct fw_target_draft *d, enum family f, const char *arg)
{
	(void)f;
	return fw_mark_parse(arg, &d->mark, &d->mask);
}

static bool set_mark(struct fw_target_draft *d, enum family f, const char *arg)
{
	bool ok = set_xmark(d, f, arg);

	d->mask |= d->mark;
	return ok;
}

static bool set_or_mark(struct fw_target_draft *d, enum family f, const char *arg)
{
	bool ok = set_xmark(d, f, arg);

	d->mask = d->mark;
	return ok;
}

static bool set_xor_mark(struct fw_target_draft *d, enum family f, const char *arg)
{
	bool ok = set_xmark(d, f, arg);

	d->mask = 0;
	return ok;
}

static bool set_and_mark(struct fw_target_draft *d, enum family f, const char *arg)
{
	bool ok = set_xmark(d, f, arg);

	d->mask = ~d->mark;
	d->mark = 0;
	return ok;
}

static const struct fw_target_option options[] = {
    {"--to-destination", SEEN_TO_DESTINATION, 1, set_to_destination},
    {"--random-fully", SEEN_RANDOM_FULLY, 0, set_random_fully},
    {"--reject-with", SEEN_REJECT_WITH, 1, set_reject_with},
    {"--set-xmark", SEEN_SET_MARK, 1, set_xmark},
    {"--set-mark", SEEN_SET_MARK, 1, set_mark},
    {"--or-mark", SEEN_SET_MARK, 1, set_or_mark},
    {"--xor-mark", SEEN_SET_MARK, 1, set_xor_mark},
    {"--and-mark", SEEN_SET_MARK, 1, set_and_mark},
};

const struct fw_target_option *fw_target_option(const char *name)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].name[2] == name[2] && !strcmp(options[i].name, name))
			return &options[i];
	return NULL;
}

/* ---- targets */

static const struct target {
	const char *name;
	enum fw_target_kind kind;
	unsigned need, also; /* options */
} targets[] = {
    {"ACCEPT", FWT_ACCEPT, 0, 0},
    {"DROP", FWT_DROP, 0, 0},
    {"RETURN", FWT_RETURN, 0, 0},
    {"REJECT", FWT_REJECT, 0, SEEN_REJECT_WITH},
    {"MARK", FWT_MARK, SEEN_SET_MARK, 0},
    {"MASQUERADE", FWT_MASQUERADE, 0, SEEN_RANDOM_FULLY},
    {"DNAT", FWT_DNAT, SEEN_TO_DESTINATION, 0},
};

/* Targets that are no chain: what may follow -j besides ours. */
static const char *const extension_targets[] = {
    "ACCOUNT",
    "AUDIT",
    "CHAOS",
    "CHECKSUM",
    "CLASSIFY",
    "CLUSTERIP",
    "CONNMARK",
    "CONNSECMARK",
    "CT",
    "DELUDE",
    "DHCPMAC",
    "DNETMAP",
    "DNPT",
    "DSCP",
    "ECHO",
    "ECN",
    "HL",
    "HMARK",
    "IDLETIMER",
    "IPMARK",
    "LED",
    "LOG",
    "LOGMARK",
    "MIRROR",
    "NETMAP",
    "NFLOG",
    "NFQUEUE",
    "NOTRACK",
    "PROTO",
    "QUEUE",
    "RATEEST",
    "REDIRECT",
    "SAME",
    "SECMARK",
    "SET",
    "SNAT",
    "SNPT",
    "STEAL",
    "SYNPROXY",
    "SYSRQ",
    "TARPIT",
    "TCPMSS",
    "TCPOPTSTRIP",
    "TEE",
    "TOS",
    "TPROXY",
    "TRACE",
    "TTL",
    "ULOG",
};

static const struct target *find_target(const char *name)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		if (!strcmp(targets[i].name, name))
			return &targets[i];
	return NULL;
}

/* iptables refuses chains with the name of a target, so the name alone decides. */
bool fw_target_is_chain(const char *name)
{
	size_t n = sizeof(extension_targets) / sizeof(extension_targets[0]);

	if (strchr(name, '-'))
		return true;
	if (find_target(name))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strcmp(extension_targets[i], name))
			return false;
	return true;
}

bool fw_target_finish(const struct fw_target_draft *d, struct fw_target *ret)
{
	const struct target *t;

	if (!d->name || fw_target_is_chain(d->name)) {
		ret->kind = d->name ? FWT_JUMP : FWT_NONE;
		ret->go = d->go;
		return !d->seen;
	}
	t = find_target(d->name);
	if (!t || d->go || (d->seen & t->need) != t->need ||
	    d->seen & ~(t->need | t->also))
		return false;
	ret->kind = (uint8_t)t->kind;
	if (t->kind == FWT_MARK) {
		ret->mark.value = d->mark;
		ret->mark.mask = d->mask;
	} else if (t->kind == FWT_DNAT) {
		ret->port = d->port;
	} else if (t->kind == FWT_MASQUERADE) {
		ret->random_fully = d->seen & SEEN_RANDOM_FULLY;
	}
	return true;
}

void fw_target_print(struct strbuf *sb, enum family f, const struct fw_target *t)
{
	switch ((enum fw_target_kind)t->kind) {
	case FWT_NONE:
		break;
	case FWT_JUMP:
		strbuf_add(sb, t->go ? " -g " : " -j ");
		strbuf_add(sb, t->chain);
		break;
	case FWT_ACCEPT:
		strbuf_add(sb, " -j ACCEPT");
		break;
	case FWT_DROP:
		strbuf_add(sb, " -j DROP");
		break;
	case FWT_RETURN:
		strbuf_add(sb, " -j RETURN");
		break;
	case FWT_REJECT:
		strbuf_add(sb, " -j REJECT --reject-with ");
		strbuf_add(sb, family_info(f)->reject);
		break;
	case FWT_MARK:
		strbuf_addf(
		    sb, " -j MARK --set-xmark 0x%x/0x%x", t->mark.value, t->mark.mask);
		break;
	case FWT_MASQUERADE:
		strbuf_add(sb, " -j MASQUERADE");
		strbuf_add(sb, t->random_fully ? " --random-fully" : "");
		break;
	case FWT_DNAT:
		strbuf_add(sb, " -j DNAT --to-destination ");
		strbuf_add(sb, t->addr->len == 16 ? "[" : "");
		addr_print(sb, t->addr);
		strbuf_add(sb, t->addr->len == 16 ? "]:" : ":");
		strbuf_addu(sb, t->port);
		break;
	}
}
