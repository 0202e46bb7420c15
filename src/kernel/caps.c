/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this kernel can do: by looking, or by making one thing of each sort with the same
 * drivers that a real run uses, and removing it again.
 */
#include "config.h"

#include "kernel/caps.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "kernel/driver.h"
#include "kernel/module.h"
#include "kernel/nft_read.h"

#define CAP_NET_ADMIN_BIT 12
#define TRY_NAME "vipshift-try" /* link and sets; made and removed at once */

/* What kube-proxy adds to see whether IPVS works (1.27 and later): TEST-NET-2. */
static const struct addr try_addr = {.len = 4, .b = {198, 51, 100, 0}};
#define TRY_PORT 20000

static const enum kset_type set_types[] = {KSET_HASH_IP, KSET_HASH_IP_PORT,
    KSET_HASH_IP_PORT_IP, KSET_HASH_IP_PORT_NET, KSET_BITMAP_PORT};
static const char *const set_modules[] = {"ip_set_hash_ip", "ip_set_hash_ipport",
    "ip_set_hash_ipportip", "ip_set_hash_ipportnet", "ip_set_bitmap_port"};
#define N_SET_TYPES (sizeof(set_types) / sizeof(set_types[0]))

static void miss(struct kernel_caps *c, const char *what)
{
	if (!c->missing)
		c->missing = what;
}

static unsigned long read_number(const char *path)
{
	AUTO(file) FILE *f = fopen(path, "re");
	unsigned long n = 0;

	if (!f || fscanf(f, "%lu", &n) != 1)
		return 0;
	return n;
}

static bool has_net_admin(void)
{
	AUTO(file) FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %llx", &caps) == 1)
			break;
	return caps >> CAP_NET_ADMIN_BIT & 1;
}

static bool can_have(const char *module)
{
	return module_look(module) != MODULE_ABSENT;
}

static bool has_tables(enum family f, const char *module)
{
	return access(family_info(f)->proc_tables, F_OK) == 0 || can_have(module);
}

bool caps_has_family(enum family f)
{
	return f == FAMILY_4 || access("/proc/net/if_inet6", F_OK) == 0 ||
	       module_look("ipv6") == MODULE_LOADABLE;
}

/* ---- looking */

/* A virtual server that uses the scheduler proves that it is there: lines such as
 * "TCP  0A600001:01BB rr ". */
static bool scheduler_in_use(const char *scheduler)
{
	AUTO(file) FILE *f = fopen("/proc/net/ip_vs", "re");
	char line[256], name[32];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %31s", name) == 1 &&
		    strcmp(name, scheduler) == 0)
			return true;
	return false;
}

static void look(const char *scheduler, struct kernel_caps *c)
{
	char module[64];

	snprintf(module, sizeof(module), "ip_vs_%s", scheduler);
	c->ipvs = access("/proc/net/ip_vs", F_OK) == 0 || can_have("ip_vs");
	c->scheduler = c->ipvs && (can_have(module) || scheduler_in_use(scheduler));
	c->dummy = can_have("dummy");
	c->ipset = can_have("ip_set");
	for (size_t i = 0; i < N_SET_TYPES; i++) {
		/* Built-in types show nowhere; the core's parameter does. */
		bool builtin = module_look("ip_set") == MODULE_LOADED &&
			       access("/proc/modules", F_OK) < 0;

		c->ipset = c->ipset && (builtin || can_have(set_modules[i]));
	}
}

/* ---- trying */

/* Runs one addition and its removal through a driver. */
static int add_and_remove(struct driver *d, enum kind kind, enum op_sub sub,
    const void *what, struct error *err)
{
	struct op add = {.kind = kind, .sub = sub, .want = what};
	struct op del = {.kind = kind, .sub = sub, .have = what};
	size_t done;

	if (d->ops->write(d, &add, 1, &done, err))
		return -1;
	return d->ops->write(d, &del, 1, &done, err);
}

/* A refusal for want of the thing is an answer; any other one is an error. Somebody
 * else's object of the same name proves that there can be one. */
static int judge(int r, bool *has, struct error *err)
{
	*has = r == 0 || err->kind == ERR_MOVED;
	if (*has || err->kind == ERR_BACKEND) {
		error_clear(err);
		return 0;
	}
	return -1;
}

static int try_ipvs(const char *scheduler, struct kernel_caps *c, struct error *err)
{
	struct lvs_service s = {
	    .key = {.addr = try_addr, .port = TRY_PORT, .proto = 6, .family = FAMILY_4},
	    .sched = scheduler,
	    .mask_bits = 32,
	};
	AUTO(driver) struct driver *d = NULL;

	if (lvs_nl_open(&d, err) ||
	    judge(add_and_remove(d, KIND_LVS, SUB_NONE, &s, err), &c->scheduler, err))
		return -1;
	/* The family is resolved before anything else: now it is loaded if it can be. */
	c->ipvs = access("/proc/net/ip_vs", F_OK) == 0;
	return 0;
}

static int try_dummy(struct kernel_caps *c, struct error *err)
{
	struct vip_link l = {.name = TRY_NAME, .kind = "dummy"};
	AUTO(driver) struct driver *d = NULL;

	if (vip_nl_open(&d, err))
		return -1;
	return judge(add_and_remove(d, KIND_VIP, SUB_VIP_LINK, &l, err), &c->dummy, err);
}

static int try_sets(struct kernel_caps *c, struct error *err)
{
	AUTO(driver) struct driver *d = NULL;

	c->ipset = true;
	if (kset_nl_open(&d, err))
		return -1;
	for (size_t i = 0; i < N_SET_TYPES && c->ipset; i++) {
		struct kset s = {
		    .name = TRY_NAME,
		    .type = set_types[i],
		    .hashsize = 1024,
		    .maxelem = 65536,
		    .port_to = 65535,
		};

		if (judge(
			add_and_remove(d, KIND_KSET, SUB_NONE, &s, err), &c->ipset, err))
			return -1;
	}
	return 0;
}

static bool has_nft_tables(void)
{
	AUTO(nlc) struct nlc *nl = NULL;
	enum nft_presence presence;
	struct error err = {0};

	return nft_connect(false, &nl, &presence, &err) == 0 && presence != NFT_ABSENT;
}

static bool has_fixed_sysctls(void)
{
	struct statvfs fs;

	return !statvfs("/proc/sys", &fs) && fs.f_flag & ST_RDONLY;
}

static void say_what_is_missing(struct kernel_caps *c)
{
	if (!c->net_admin)
		miss(c, "the privilege CAP_NET_ADMIN: run as root on the host");
	if (!c->ipvs)
		miss(c,
		    "IPVS: module ip_vs (CONFIG_IP_VS, in the package of the kernel's "
		    "modules)");
	if (!c->scheduler)
		miss(c,
		    "the IPVS scheduler: its module ip_vs_NAME (CONFIG_IP_VS_RR, ...)");
	if (!c->dummy)
		miss(c, "dummy network devices: module dummy (CONFIG_DUMMY)");
	if (!c->ipset)
		miss(c, "IP sets: module ip_set and ip_set_hash_ip, _hash_ipport, "
			"_hash_ipportip, "
			"_hash_ipportnet, _bitmap_port (CONFIG_IP_SET...)");
	if (!c->legacy_tables && !c->nft_tables)
		miss(
		    c, "legacy iptables: modules ip_tables, iptable_nat, iptable_filter");
	if (!c->legacy_tables6 && !c->nft_tables)
		miss(c, "legacy ip6tables: modules ip6_tables, ip6table_nat, "
			"ip6table_filter");
}

int caps_probe(
    const char *scheduler, bool try, struct kernel_caps *ret, struct error *err)
{
	struct kernel_caps c = {
	    .net_admin = has_net_admin(),
	    .legacy_tables = has_tables(FAMILY_4, "iptable_nat"),
	    .legacy_tables6 = has_tables(FAMILY_6, "ip6table_nat"),
	    .nft_tables = has_nft_tables(),
	    .no_ipv6 = !caps_has_family(FAMILY_6),
	    .fixed_sysctls = has_fixed_sysctls(),
	};

	if (!try)
		look(scheduler, &c);
	else if (try_ipvs(scheduler, &c, err) || try_dummy(&c, err) || try_sets(&c, err))
		return error_wrap(err, "trying what this kernel can do");
	c.conntrack_count = read_number("/proc/sys/net/netfilter/nf_conntrack_count");
	c.conntrack_max = read_number("/proc/sys/net/netfilter/nf_conntrack_max");
	say_what_is_missing(&c);
	*ret = c;
	return 0;
}
