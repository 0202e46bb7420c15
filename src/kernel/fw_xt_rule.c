/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The fence around libxtables, which prints rules that vipshift has no typed form for.
 * The library prints to stdout, and registration and some helpers exit(): so all of this
 * runs in a process of its own (fw_xt.c), apart from the raw form.
 */
#include "config.h"

#include "kernel/fw_xt_rule.h"

#include <getopt.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <libiptc/libiptc.h>
#include <xtables.h>

/* ---- the header, which the library leaves to the iptables program */

static void print_net(struct strbuf *sb, const struct fw_layout *l, const uint8_t *e,
    uint16_t addr, uint16_t mask, const char *opt, bool invert)
{
	const struct family_info *fi = family_info(l->family);
	struct addr a = addr_from(l->family, e + addr),
		    m = addr_from(l->family, e + mask);
	int bits = fw_mask_bits(e + mask, fi->addr_len);

	if (!bits && !invert && addr_is_unspecified(&a))
		return;
	strbuf_add(sb, invert ? " ! " : " ");
	strbuf_add(sb, opt);
	addr_print(sb, &a);
	strbuf_addch(sb, '/');
	if (bits >= 0)
		strbuf_addu(sb, (unsigned)bits);
	else
		addr_print(sb, &m);
}

static void print_interface(struct strbuf *sb, const uint8_t *e, uint16_t name,
    uint16_t mask, const char *opt, bool invert)
{
	size_t n = 0;

	if (!e[mask])
		return;
	strbuf_add(sb, invert ? " ! " : " ");
	strbuf_add(sb, opt);
	while (n < IFNAMSIZ && e[mask + n] && e[name + n])
		n++;
	strbuf_addn(sb, (const char *)e + name, n);
	/* The mask of a prefix ends before the NUL. */
	if (n < IFNAMSIZ && !e[mask + n])
		strbuf_addch(sb, '+');
}

static void print_proto(struct strbuf *sb, uint16_t proto, bool invert)
{
	const struct xtables_pprot *p = xtables_chain_protos;
	const struct protoent *known;

	if (!proto)
		return;
	strbuf_add(sb, invert ? " ! -p " : " -p ");
	while (p->name && p->num != proto)
		p++;
	known = p->name ? NULL : getprotobynumber(proto);
	if (p->name)
		strbuf_add(sb, p->name);
	else if (known)
		strbuf_add(sb, known->p_name);
	else
		strbuf_addu(sb, proto);
}

static void print_header(struct strbuf *sb, const struct fw_layout *l, const uint8_t *e)
{
	uint8_t inv = e[l->invflags];

	print_net(sb, l, e, l->src, l->src_mask, "-s ", inv & IPT_INV_SRCIP);
	print_net(sb, l, e, l->dst, l->dst_mask, "-d ", inv & IPT_INV_DSTIP);
	print_interface(sb, e, l->in, l->in_mask, "-i ", inv & IPT_INV_VIA_IN);
	print_interface(sb, e, l->out, l->out_mask, "-o ", inv & IPT_INV_VIA_OUT);
	print_proto(sb, fw_entry_u16(e, l->proto), inv & XT_INV_PROTO);
	if (e[l->flags] & l->flag_fragment)
		strbuf_add(sb, inv & IPT_INV_FRAG ? " ! -f" : " -f");
}

/* ---- matches and targets in raw form */

static void print_raw(struct strbuf *sb, const char *opt, const char *name,
    uint8_t revision, const unsigned char *data, size_t n)
{
	strbuf_addf(sb, " %s %s --raw-data %u:", opt, name, revision);
	for (size_t i = 0; i < n; i++)
		strbuf_addf(sb, "%02x", data[i]);
}

static void raw_match(struct strbuf *sb, const struct xt_entry_match *m)
{
	print_raw(sb, "-m", m->u.user.name, m->u.user.revision, m->data,
	    m->u.user.match_size - sizeof(*m));
}

static void raw_target(struct strbuf *sb, const struct xt_entry_target *t)
{
	print_raw(sb, "-j", t->u.user.name, t->u.user.revision, t->data,
	    t->u.user.target_size - sizeof(*t));
}

/* ---- the same by libxtables */

/* exit_err has no argument of ours, and stdout is the library's: so these are static. */
static jmp_buf escape;

static __attribute__((noreturn, format(printf, 2, 3))) void leave(
    enum xtables_exittype status, const char *msg, ...)
{
	(void)status;
	(void)msg;
	longjmp(escape, 1);
}

/* The stock function opens a raw socket and may load modules. The revision is known from
 * the rule, so all may be registered. */
static int any_revision(const char *name, uint8_t revision, int opt)
{
	(void)name;
	(void)revision;
	(void)opt;
	return 1;
}

bool fw_xt_start_library(enum family f)
{
	static struct option no_options[] = {{0}};
	static struct xtables_globals globals = {
	    .program_name = PACKAGE_NAME,
	    .program_version = PACKAGE_VERSION,
	    .orig_opts = no_options,
	    .exit_err = leave,
	    .compat_rev = any_revision,
	};

	if (setjmp(escape))
		return false;
	xtables_init_all(&globals, f == FAMILY_6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
	return true;
}

static bool lib_match(const void *ip, const struct xt_entry_match *m)
{
	const char *name = m->u.user.name;
	struct xtables_match *x = xtables_find_match(name, XTF_TRY_LOAD, NULL);

	if (x)
		x = xtables_find_match_revision(
		    name, XTF_TRY_LOAD, x, m->u.user.revision);
	if (!x || XT_ALIGN(x->size) + sizeof(*m) != m->u.user.match_size)
		return false;
	printf(" -m %s", x->alias ? x->alias(m) : name);
	if (x->save)
		x->save(ip, m);
	return true;
}

static bool lib_target(const void *ip, const struct xt_entry_target *t)
{
	const char *name = t->u.user.name;
	struct xtables_target *x = xtables_find_target(name, XTF_TRY_LOAD);

	if (x)
		x = xtables_find_target_revision(
		    name, XTF_TRY_LOAD, x, t->u.user.revision);
	if (!x || XT_ALIGN(x->size) + sizeof(*t) != t->u.user.target_size)
		return false;
	printf(" -j %s", x->alias ? x->alias(t) : name);
	if (x->save)
		x->save(ip, t);
	return true;
}

/* Adds what the library prints of either m or t; false: nothing, it cannot. */
static bool lib_print(struct strbuf *sb, const void *ip, const struct xt_entry_match *m,
    const struct xt_entry_target *t)
{
	FILE *volatile saved = stdout;
	FILE *volatile mem;
	volatile bool ok = false;
	char *text = NULL;
	size_t n = 0;

	mem = open_memstream(&text, &n);
	if (!mem)
		return false;
	stdout = mem;
	if (!setjmp(escape))
		ok = m ? lib_match(ip, m) : lib_target(ip, t);
	stdout = saved;
	if (fclose(mem))
		ok = false;
	if (ok)
		strbuf_addn(sb, text, n);
	free(text);
	return ok;
}

/* ---- a rule */

static void print_rule(
    struct strbuf *sb, const struct fw_layout *l, const struct fw_raw *r, bool library)
{
	const uint8_t *e = r->entry;
	const struct xt_entry_target *t =
	    (const void *)(e + fw_entry_u16(e, l->target_offset));
	const struct xt_entry_match *m = NULL;

	print_header(sb, l, e);
	while ((m = fw_entry_match(l, e, m)))
		if (!library || !lib_print(sb, e, m, NULL))
			raw_match(sb, m);
	if (t->u.user.name[0]) {
		if (!library || !lib_print(sb, e, NULL, t))
			raw_target(sb, t);
	} else if (r->target[0]) {
		strbuf_add(sb, e[l->flags] & l->flag_goto ? " -g " : " -j ");
		strbuf_add(sb, r->target);
	}
	while (sb->len && sb->s[sb->len - 1] == ' ')
		sb->s[--sb->len] = '\0';
}

const char *fw_xt_rule(
    struct strbuf *sb, const struct fw_layout *l, const struct fw_raw *r, bool library)
{
	const char *text;

	strbuf_reset(sb);
	print_rule(sb, l, r, library);
	text = strbuf_str(sb);
	return text[0] == ' ' ? text + 1 : text;
}
