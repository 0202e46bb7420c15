/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Want against have, object by object. A look of its own: nothing of the plan's diff is
 * used, so that a mistake there shows here. Tables are compared in verify_fw.c.
 */
#include "config.h"

#include "verify/verify.h"
#include "verify/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void finding(struct inspection *in, const char *about, const char *fmt, ...)
{
	char text[900];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!in->n++)
		snprintf(in->first, sizeof(in->first), "%s: %s", about, text);
	notes_add(in->notes, NOTE_REFUSE, about, "%s", text);
}

bool in_family(const struct inspection *in, enum family f)
{
	return in->scope->families & FAMILY_BIT(f);
}

bool is_too_much(const struct inspection *in, unsigned owners)
{
	return owners & in->scope->modes && !(owners & OWN_KUBELET);
}

/* A state that was read holds what others made too; of that nothing is demanded. */
static bool is_read(const struct state *s)
{
	for (size_t i = 0; i < s->vips.n_links; i++)
		if (!own_link(s->vips.links[i].name))
			return true;
	return false;
}

/* ---- sets */

/* "KUBE-X 10.0.0.1,tcp:80", of which the caller frees the text. */
static void entry_text(
    struct strbuf *sb, const struct kset *s, const struct kset_entry *e)
{
	struct strbuf line = {0};

	kset_print_entry(&line, s, e);
	strbuf_addn(sb, line.s + strlen("add "), line.len - strlen("add \n"));
	strbuf_free(&line);
}

/* The entries of a that b has not; "" when there are none. */
static size_t count_missing(
    const struct kset *a, const struct kset *b, const struct kset_entry **first)
{
	size_t n = 0, j = 0;

	for (size_t i = 0; i < a->n_entries; i++) {
		while (j < b->n_entries &&
		       kset_entry_cmp(&b->entries[j], &a->entries[i]) < 0)
			j++;
		if (j < b->n_entries && !kset_entry_cmp(&b->entries[j], &a->entries[i]))
			continue;
		if (!n++)
			*first = &a->entries[i];
	}
	return n;
}

static void report_entries(struct inspection *in, const char *about, const char *what,
    const struct kset *a, const struct kset *b)
{
	const struct kset_entry *first = NULL;
	size_t n = count_missing(a, b, &first);
	struct strbuf sb = {0};

	if (!n)
		return;
	entry_text(&sb, a, first);
	finding(in, about, "%zu entries %s, the first: %s", n, what, sb.s);
	strbuf_free(&sb);
}

static void check_set(struct inspection *in, const struct kset *want)
{
	const struct kset *have = kset_find(&in->have->sets, want->name);
	char about[64];

	snprintf(about, sizeof(about), "ipset %s", want->name);
	if (!have) {
		finding(in, about, "missing");
		return;
	}
	if (!kset_same_header(want, have)) {
		finding(in, about, "another type, family, size or extension");
		return;
	}
	report_entries(in, about, "missing", want, have);
	report_entries(in, about, "too many", have, want);
}

static bool set_in_scope(const struct inspection *in, const char *name)
{
	const char *prefix6 = family_info(FAMILY_6)->set_prefix;
	bool v6 = !strncmp(name, prefix6, strlen(prefix6));

	return own_set(name) && in_family(in, v6 ? FAMILY_6 : FAMILY_4);
}

static void check_sets(struct inspection *in)
{
	char about[64];

	for (size_t i = 0; i < in->want->sets.n_sets; i++)
		if (set_in_scope(in, in->want->sets.sets[i].name))
			check_set(in, &in->want->sets.sets[i]);
	for (size_t i = 0; i < in->have->sets.n_sets; i++) {
		const struct kset *s = &in->have->sets.sets[i];

		if (!set_in_scope(in, s->name) || !is_too_much(in, own_set(s->name)) ||
		    kset_find(&in->want->sets, s->name))
			continue;
		snprintf(about, sizeof(about), "ipset %s", s->name);
		finding(in, about, "too much");
	}
}

/* ---- virtual servers */

static const char *server_name(const struct lvs_service *s, char buf[256])
{
	char key[80];

	snprintf(buf, 256, "virtual server %s%s%.120s%s", lvs_key_format(&s->key, key),
	    s->why ? " (" : "", s->why ? s->why : "", s->why ? ")" : "");
	return buf;
}

static void check_dests(struct inspection *in, const char *about,
    const struct lvs_service *want, const struct lvs_service *have)
{
	char addr[ADDRPORT_STRLEN];

	for (size_t i = 0; i < want->n_dests; i++) {
		const struct lvs_dest *w = &want->dests[i], *h = lvs_find_dest(have, w);

		addrport_format(&w->addr, w->port, addr);
		if (!h)
			finding(in, about, "real server %s is missing", addr);
		else if (!lvs_dest_same_settings(w, h))
			finding(in, about,
			    "real server %s has weight %d, forwarding %u, thresholds "
			    "%u/%u; wanted: %d, %u, %u/%u",
			    addr, h->weight, h->fwd, h->l_thresh, h->u_thresh, w->weight,
			    w->fwd, w->l_thresh, w->u_thresh);
	}
	for (size_t i = 0; i < have->n_dests; i++)
		if (!lvs_find_dest(want, &have->dests[i]))
			finding(in, about, "real server %s is too much",
			    addrport_format(
				&have->dests[i].addr, have->dests[i].port, addr));
}

static void check_server(struct inspection *in, const struct lvs_service *want)
{
	const struct lvs_service *have = lvs_find(&in->have->lvs, &want->key);
	char about[256];

	server_name(want, about);
	if (!have) {
		finding(in, about, "missing");
		return;
	}
	if (!lvs_same_settings(want, have))
		finding(in, about,
		    "has scheduler %s, flags 0x%x, time-out %u; wanted: %s, 0x%x, %u",
		    have->sched, have->flags, have->timeout, want->sched, want->flags,
		    want->timeout);
	check_dests(in, about, want, have);
}

static bool is_excluded(const struct scope *s, const struct lvs_key *k)
{
	for (size_t i = 0; i < s->n_exclude_cidrs; i++)
		if (prefix_contains(&s->exclude_cidrs[i], &k->addr))
			return true;
	return false;
}

static void check_timeout(
    struct inspection *in, const char *name, uint32_t want, uint32_t have)
{
	if (want && want != have)
		finding(in, "IPVS", "the %s time-out is %u s; wanted: %u s", name, have,
		    want);
}

static void check_servers(struct inspection *in)
{
	const struct lvs_table *want = &in->want->lvs, *have = &in->have->lvs;
	bool read = is_read(in->want);
	char about[256];

	for (size_t i = 0; i < want->n_services; i++)
		if (in_family(in, want->services[i].key.family) &&
		    (!read || own_virtual_server(in->want, &want->services[i])))
			check_server(in, &want->services[i]);
	for (size_t i = 0; i < have->n_services; i++) {
		const struct lvs_service *s = &have->services[i];

		if (in_family(in, s->key.family) && is_too_much(in, OWN_IPVS) &&
		    !lvs_find(want, &s->key) && !is_excluded(in->scope, &s->key) &&
		    (own_virtual_server(in->have, s) || lvs_key_in(&s->key, in->scope->ledger, in->scope->n_ledger)))
			finding(in, server_name(s, about), "too much");
	}
	check_timeout(in, "tcp", want->tcp_timeout, have->tcp_timeout);
	check_timeout(in, "tcpfin", want->tcpfin_timeout, have->tcpfin_timeout);
	check_timeout(in, "udp", want->udp_timeout, have->udp_timeout);
}

/* ---- addresses */

static bool is_vip(const struct inspection *in, const struct vip_addr *a)
{
	return !strcmp(a->link, VIP_LINK) &&
	       in_family(in, addr_family(&a->prefix.addr)) &&
	       !addr_is_loopback(&a->prefix.addr) && !addr_is_link_local(&a->prefix.addr);
}

static void check_vips(struct inspection *in, const struct vip_table *a,
    const struct vip_table *b, const char *what)
{
	char about[ADDR_STRLEN + 16], text[ADDR_STRLEN];

	for (size_t i = 0; i < a->n_addrs; i++) {
		const struct vip_addr *v = &a->addrs[i];

		if (!is_vip(in, v) || vip_find_addr_on(b, VIP_LINK, &v->prefix.addr))
			continue;
		snprintf(about, sizeof(about), "address %s",
		    addr_format(&v->prefix.addr, text));
		finding(in, about, "%s on " VIP_LINK, what);
	}
}

/* With one family only the link may be the other one's. */
static bool other_family_has_vips(const struct inspection *in)
{
	for (size_t i = 0; i < in->have->vips.n_addrs; i++) {
		const struct vip_addr *v = &in->have->vips.addrs[i];

		if (!strcmp(v->link, VIP_LINK) &&
		    !in_family(in, addr_family(&v->prefix.addr)))
			return true;
	}
	return false;
}

static void check_addresses(struct inspection *in)
{
	bool want = vip_find_link(&in->want->vips, VIP_LINK);
	const struct vip_link *have = vip_find_link(&in->have->vips, VIP_LINK);
	bool made = have && !strcmp(have->kind, "dummy"); /* by kube-proxy, or as by it */
	bool remove = is_too_much(in, own_link(VIP_LINK));

	if (want && !have)
		finding(in, "link " VIP_LINK, "missing");
	if (made && !want && remove && !other_family_has_vips(in))
		finding(in, "link " VIP_LINK, "too much");
	check_vips(in, &in->want->vips, &in->have->vips, "missing");
	if (remove)
		check_vips(in, &in->have->vips, &in->want->vips, "too much");
}

/* ---- sysctls */

static void check_knobs(struct inspection *in)
{
	for (size_t i = 0; i < in->want->knobs.n_knobs; i++) {
		const struct knob *want = &in->want->knobs.knobs[i];
		const struct knob *have = knob_find(&in->have->knobs, want->name);

		if (!want->value)
			continue;
		if (!have || !have->value)
			finding(in, want->name,
			    "the kernel has no such sysctl; wanted: %s", want->value);
		else if (strcmp(have->value, want->value))
			finding(in, want->name, "is %s; wanted: %s", have->value,
			    want->value);
	}
}

int verify_state(const struct state *want, const struct state *have,
    const struct scope *scope, struct notes *findings, struct error *err)
{
	static void (*const checks[KIND_COUNT])(struct inspection * in) = {
	    [KIND_FW] = check_tables,
	    [KIND_KSET] = check_sets,
	    [KIND_LVS] = check_servers,
	    [KIND_VIP] = check_addresses,
	    [KIND_KNOB] = check_knobs,
	};
	struct inspection in = {
	    .want = want, .have = have, .scope = scope, .notes = findings};

	for (enum kind k = 0; k < KIND_COUNT; k++)
		if (scope->kinds & KIND_BIT(k))
			checks[k](&in);
	if (!in.n)
		return 0;
	if (in.n == 1)
		return error_set(err, ERR_VERIFY, 0, "%s", in.first);
	return error_set(
	    err, ERR_VERIFY, 0, "%zu objects differ, the first: %s", in.n, in.first);
}

void verify_print(struct strbuf *sb, const struct notes *findings)
{
	for (size_t i = 0; i < findings->list.n; i++)
		strbuf_addf(sb, "%s: %s\n", findings->list.v[i].about,
		    findings->list.v[i].text);
}
