/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads IP sets by one netlink dump. Not by libipset, which writes them: its listing is
 * text, for which it opens /etc/protocols at every entry: twenty times slower, and
 * seconds where that file is on a slow file system. It also fails as a whole on a set of
 * a type that it does not know.
 */
#include "config.h"

#include "kernel/kset_read.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <libipset/linux_ip_set.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include "base/strbuf.h"
#include "base/vec.h"
#include "kernel/nl.h"

/* What every kernel since 2.6.39 speaks; later versions added requests only. */
#define PROTOCOL 6
#define READ_TRIES 5

typedef VEC(struct kset_entry) entry_vec;

struct reader {
	struct arena *arena;
	VEC(struct kset) sets;
	entry_vec entries; /* of the last set, which may come in several messages */
};

/*
 * Whether the kernel has sets now. A netlink request would load the modules; a socket
 * option of a module that is not there is just unknown.
 */
static int look(bool *present, struct error *err)
{
	AUTO(fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ip_set_req_version req = {.op = IP_SET_OP_VERSION};
	socklen_t len = sizeof(req);

	if (fd < 0)
		return error_set(err, ERR_KERNEL, errno, "cannot open a socket");
	*present = getsockopt(fd, SOL_IP, SO_IP_SET, &req, &len) == 0;
	if (!*present && errno != ENOPROTOOPT)
		return error_set(
		    err, nlc_error_kind(errno), errno, "cannot read IP sets");
	return 0;
}

static struct addr attr_addr(struct nlattr *a)
{
	struct nlattr *tb[IPSET_ATTR_IPADDR_MAX + 1] = {0};

	if (!a || nla_parse_nested(tb, IPSET_ATTR_IPADDR_MAX, a, NULL) < 0)
		return (struct addr){0};
	if (tb[IPSET_ATTR_IPADDR_IPV6] && nla_len(tb[IPSET_ATTR_IPADDR_IPV6]) >= 16)
		return addr_from(FAMILY_6, nla_data(tb[IPSET_ATTR_IPADDR_IPV6]));
	if (tb[IPSET_ATTR_IPADDR_IPV4] && nla_len(tb[IPSET_ATTR_IPADDR_IPV4]) >= 4)
		return addr_from(FAMILY_4, nla_data(tb[IPSET_ATTR_IPADDR_IPV4]));
	return (struct addr){0};
}

/* What kube-proxy's sets do not have, in the words and the order of ipset save. */
static const char *extensions(struct nlattr **tb, struct arena *a)
{
	uint32_t flags = ntohl(nlc_u32(tb[IPSET_ATTR_CADT_FLAGS]));
	struct strbuf sb = {0};
	const char *ret = NULL;

	if (tb[IPSET_ATTR_NETMASK])
		strbuf_addf(&sb, " netmask %u", nlc_u8(tb[IPSET_ATTR_NETMASK]));
	if (tb[IPSET_ATTR_BITMASK])
		strbuf_add(&sb, " bitmask");
	if (tb[IPSET_ATTR_TIMEOUT])
		strbuf_addf(&sb, " timeout %u", ntohl(nlc_u32(tb[IPSET_ATTR_TIMEOUT])));
	if (flags & IPSET_FLAG_WITH_COUNTERS)
		strbuf_add(&sb, " counters");
	if (flags & IPSET_FLAG_WITH_COMMENT)
		strbuf_add(&sb, " comment");
	if (flags & IPSET_FLAG_WITH_FORCEADD)
		strbuf_add(&sb, " forceadd");
	if (flags & IPSET_FLAG_WITH_SKBINFO)
		strbuf_add(&sb, " skbinfo");
	if (sb.len)
		ret = arena_strdup(a, sb.s + 1);
	strbuf_free(&sb);
	return ret;
}

static void end_set(struct reader *r)
{
	struct kset *s;

	if (!r->sets.n)
		return;
	assert(r->sets.v);
	s = &r->sets.v[r->sets.n - 1];
	if (r->entries.n)
		vec_take(&r->entries, r->arena, s->entries, s->n_entries);
	kset_sort(s);
}

static int begin_set(
    struct reader *r, const char *name, struct nlattr **top, struct error *err)
{
	struct nlattr *tb[IPSET_ATTR_CREATE_MAX + 1] = {0};
	struct kset s = {.name = arena_strdup(r->arena, name)};
	const char *type = nlc_text(top[IPSET_ATTR_TYPENAME]);

	end_set(r);
	if (!type || !top[IPSET_ATTR_DATA] ||
	    nla_parse_nested(tb, IPSET_ATTR_CREATE_MAX, top[IPSET_ATTR_DATA], NULL) < 0)
		return error_set(
		    err, ERR_KERNEL, 0, "IP set %s: the kernel sent no header", s.name);
	s.references = ntohl(nlc_u32(tb[IPSET_ATTR_REFERENCES]));
	if (!kset_type_parse(type, &s.type)) {
		s.type = KSET_OTHER;
		s.other_type = arena_strdup(r->arena, type);
		vec_push(&r->sets, s);
		return 0;
	}
	s.family = nlc_u8(top[IPSET_ATTR_FAMILY]) == AF_INET6 ? FAMILY_6 : FAMILY_4;
	s.hashsize = ntohl(nlc_u32(tb[IPSET_ATTR_HASHSIZE]));
	s.maxelem = ntohl(nlc_u32(tb[IPSET_ATTR_MAXELEM]));
	s.port_from = ntohs(nlc_u16(tb[IPSET_ATTR_PORT]));
	s.port_to = ntohs(nlc_u16(tb[IPSET_ATTR_PORT_TO]));
	s.extensions = extensions(tb, r->arena);
	vec_push(&r->sets, s);
	return 0;
}

static void read_entry(struct reader *r, struct nlattr *data)
{
	struct nlattr *tb[IPSET_ATTR_ADT_MAX + 1] = {0};
	struct kset_entry e = {0};

	if (nla_parse_nested(tb, IPSET_ATTR_ADT_MAX, data, NULL) < 0)
		return;
	e.ip = attr_addr(tb[IPSET_ATTR_IP]);
	e.ip2 = attr_addr(tb[IPSET_ATTR_IP2]);
	e.port = ntohs(nlc_u16(tb[IPSET_ATTR_PORT]));
	e.proto = nlc_u8(tb[IPSET_ATTR_PROTO]);
	e.bits = nlc_u8(tb[IPSET_ATTR_CIDR2]);
	vec_push(&r->entries, e);
}

static int on_message(void *p, struct nlmsghdr *h, struct error *err)
{
	struct nlattr *top[IPSET_ATTR_CMD_MAX + 1] = {0}, *data;
	struct reader *r = p;
	const struct kset *s;
	const char *name;
	int rest;

	if (nlmsg_parse(h, sizeof(struct nfgenmsg), top, IPSET_ATTR_CMD_MAX, NULL) < 0 ||
	    !(name = nlc_text(top[IPSET_ATTR_SETNAME])))
		return error_set(
		    err, ERR_KERNEL, 0, "the kernel sent an IP set without a name");
	s = r->sets.n ? &r->sets.v[r->sets.n - 1] : NULL;
	if ((!s || strcmp(s->name, name) != 0) && begin_set(r, name, top, err))
		return -1;
	s = &r->sets.v[r->sets.n - 1];
	if (s->type != KSET_OTHER && top[IPSET_ATTR_ADT])
		nla_for_each_nested(data, top[IPSET_ATTR_ADT], rest) read_entry(r, data);
	return 0;
}

static int dump(struct nlc *nl, struct reader *r, struct error *err)
{
	struct nfgenmsg g = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};
	uint8_t protocol = PROTOCOL;
	bool interrupted = true;

	for (int i = 0; i < READ_TRIES && interrupted; i++) {
		struct nl_msg *m =
		    nlc_msg((NFNL_SUBSYS_IPSET << 8) | IPSET_CMD_LIST, 0, &g, sizeof(g));

		nlc_put(m, IPSET_ATTR_PROTOCOL, &protocol, sizeof(protocol));
		r->sets.n = r->entries.n = 0;
		if (nlc_dump(nl, m, on_message, r, &interrupted, err))
			return error_wrap(err, "cannot read IP sets");
	}
	if (interrupted)
		return error_set(err, ERR_MOVED, 0,
		    "IP sets change faster than they can be read; try again");
	end_set(r);
	return 0;
}

static bool wanted(const struct kset *s, unsigned families)
{
	/* Of bitmap:port the name alone tells the family; foreign sets are told anyway.
	 */
	return s->type == KSET_BITMAP_PORT || s->type == KSET_OTHER ||
	       families & FAMILY_BIT(s->family);
}

int kset_read_all(
    unsigned families, struct arena *a, struct kset_list *ret, struct error *err)
{
	AUTO(nlc) struct nlc *nl = NULL;
	struct reader r = {.arena = a};
	size_t kept = 0;
	int result;

	if (look(&ret->present, err))
		return -1;
	if (!ret->present)
		return 0;
	if (nlc_open(NETLINK_NETFILTER, 1, &nl, err))
		return -1;
	result = dump(nl, &r, err);
	if (result == 0) {
		for (size_t i = 0; i < r.sets.n; i++)
			if (wanted(&r.sets.v[i], families))
				r.sets.v[kept++] = r.sets.v[i];
		r.sets.n = kept;
		vec_take(&r.sets, a, ret->sets, ret->n_sets);
		kset_list_sort(ret);
	}
	vec_free(&r.sets);
	vec_free(&r.entries);
	return result;
}
