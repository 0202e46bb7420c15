/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drivers of sets, links, sysctls, virtual servers and conntrack against the kernel
 * that it runs on. Only for a fresh network namespace or a guest: run-nl-driver.sh starts
 * it. What this kernel lacks is skipped; with VIPSHIFT_NOSKIP=1 that is a failure.
 *
 *   nl_driver_test native|guest   the tests for such a place
 *   nl_driver_test bench [sets|addresses|servers]   times of large writes, as text
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "kernel/ct_nl.h"
#include "kernel/driver.h"
#include "kernel/live.h"
#include "state/state.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define assert_done(call)                                                                \
	do {                                                                             \
		if (call) {                                                              \
			print_error("%s\n", err.msg);                                    \
			fail();                                                          \
		}                                                                        \
	} while (0)

static const char *link_kind = "dummy";
static bool in_guest;

static struct addr addr(const char *s)
{
	struct addr a;

	assert_true(addr_parse(s, &a));
	return a;
}

static void skip_for(const char *why)
{
	print_message("skipped: %s\n", why);
	if (getenv("VIPSHIFT_NOSKIP"))
		fail_msg("VIPSHIFT_NOSKIP is set");
	skip();
}

static int write_one(struct driver *d, enum kind kind, enum op_sub sub, const void *have,
    const void *want, struct error *err)
{
	struct op op = {.kind = kind,
	    .sub = sub,
	    .have = have,
	    .want = want,
	    .why = "default/web:http"};
	size_t done;
	int r = d->ops->write(d, &op, 1, &done, err);

	assert_int_equal(done, r == 0);
	return r;
}

static struct state *read_all(struct driver *d)
{
	struct state *s = state_new();
	struct error err = {0};

	assert_done(d->ops->read(d, FAMILY_BOTH, s, &err));
	return s;
}

static void shell(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

/* ---- sets */

static struct kset new_set(const char *name, enum kset_type type, enum family f,
    struct kset_entry *entries, size_t n)
{
	struct kset s = {
	    .name = name, .type = type, .family = f, .entries = entries, .n_entries = n};

	if (type == KSET_BITMAP_PORT) {
		s.port_to = 65535;
	} else {
		s.hashsize = 1024;
		s.maxelem = 65536;
	}
	kset_sort(&s);
	return s;
}

static void assert_kernel_has_set(struct driver *d, const struct kset *want)
{
	AUTO(state) struct state *s = read_all(d);
	const struct kset *have = kset_find(&s->sets, want->name);

	assert_true(s->sets.present);
	assert_non_null(have);
	assert_true(kset_eq(have, want));
}

static void test_sets_of_all_types_are_read_back_as_written(void **state)
{
	struct kset_entry ip4[] = {{.ip = addr("10.0.0.9")}, {.ip = addr("10.0.0.10")}};
	struct kset_entry port4[] = {{.ip = addr("10.0.0.1"), .proto = 6, .port = 80},
	    {.ip = addr("10.0.0.1"), .proto = 17, .port = 80},
	    {.ip = addr("10.0.0.1"), .proto = 132, .port = 9999}};
	struct kset_entry portip4[] = {
	    {.ip = addr("10.0.0.1"), .proto = 6, .port = 80, .ip2 = addr("10.0.0.1")}};
	struct kset_entry portnet4[] = {{.ip = addr("10.0.0.1"),
					    .proto = 6,
					    .port = 80,
					    .ip2 = addr("10.1.0.0"),
					    .bits = 16},
	    {.ip = addr("10.0.0.1"),
		.proto = 6,
		.port = 80,
		.ip2 = addr("10.9.9.9"),
		.bits = 32}};
	struct kset_entry ports[] = {{.port = 30080}, {.port = 65535}};
	struct kset_entry port6[] = {{.ip = addr("fd00::1"), .proto = 17, .port = 53}};
	struct kset_entry portnet6[] = {{.ip = addr("fd00::1"),
	    .proto = 6,
	    .port = 80,
	    .ip2 = addr("fd01::"),
	    .bits = 64}};
	struct kset sets[] = {
	    new_set("T-IP", KSET_HASH_IP, FAMILY_4, ip4, 2),
	    new_set("T-PORT", KSET_HASH_IP_PORT, FAMILY_4, port4, 3),
	    new_set("T-PORT-IP", KSET_HASH_IP_PORT_IP, FAMILY_4, portip4, 1),
	    new_set("T-PORT-NET", KSET_HASH_IP_PORT_NET, FAMILY_4, portnet4, 2),
	    new_set("T-BITMAP", KSET_BITMAP_PORT, FAMILY_4, ports, 2),
	    new_set("T-6-PORT", KSET_HASH_IP_PORT, FAMILY_6, port6, 1),
	    new_set("T-6-PORT-NET", KSET_HASH_IP_PORT_NET, FAMILY_6, portnet6, 1),
	    new_set("T-6-EMPTY-WITH-31-CHARACTERS-XX", KSET_HASH_IP_PORT_IP, FAMILY_6,
		NULL, 0),
	};
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(kset_nl_open(&d, &err));
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &sets[i], &err));
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_kernel_has_set(d, &sets[i]);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_done(write_one(d, KIND_KSET, SUB_NONE, &sets[i], NULL, &err));
	AUTO(state) struct state *s = read_all(d);
	assert_int_equal(s->sets.n_sets, 0);
}

static void test_changed_entries_leave_the_others_in_place(void **state)
{
	struct kset_entry a[] = {{.ip = addr("10.0.0.1")}, {.ip = addr("10.0.0.2")}};
	struct kset_entry b[] = {{.ip = addr("10.0.0.2")}, {.ip = addr("10.0.0.3")}};
	struct kset have = new_set("T", KSET_HASH_IP, FAMILY_4, a, 2);
	struct kset want = new_set("T", KSET_HASH_IP, FAMILY_4, b, 2);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(kset_nl_open(&d, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &have, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &have, &want, &err));
	assert_kernel_has_set(d, &want);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &want, NULL, &err));
}

static void test_set_that_changed_meanwhile_is_not_overwritten(void **state)
{
	struct kset_entry a[] = {{.ip = addr("10.0.0.1")}, {.ip = addr("10.0.0.2")}};
	struct kset full = new_set("T", KSET_HASH_IP, FAMILY_4, a, 2);
	struct kset empty = new_set("T", KSET_HASH_IP, FAMILY_4, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(kset_nl_open(&d, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &full, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, NULL, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &empty, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_non_null(strstr(err.msg, "IP set T (default/web:http): entry 10.0.0.1: "));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &full, &empty, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &full, &empty, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &empty, NULL, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &empty, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
}

/* A list:set refers to a set just as a rule does. */
static void test_set_in_use_is_swapped_but_never_destroyed(void **state)
{
	struct kset_entry a[] = {{.ip = addr("10.0.0.1")}};
	struct kset have = new_set("T", KSET_HASH_IP, FAMILY_4, a, 1);
	struct kset want = have,
		    other = new_set("T", KSET_BITMAP_PORT, FAMILY_4, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	want.maxelem = 1000;
	assert_done(kset_nl_open(&d, &err));
	assert_done(write_one(d, KIND_KSET, SUB_NONE, NULL, &have, &err));
	shell("ipset create USER list:set && ipset add USER T");
	s = read_all(d);
	assert_int_equal(kset_find(&s->sets, "T")->references, 1);
	assert_int_equal(kset_find(&s->sets, "USER")->type, KSET_OTHER);

	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &have, NULL, &err), -1);
	assert_int_equal(err.sys_errno, EBUSY);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &have, &want, &err));
	assert_kernel_has_set(d, &want);
	shell("test \"$(ipset list -n | sort | xargs)\" = 'T USER'");
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, &want, &other, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);

	shell("ipset destroy USER");
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &want, &other, &err));
	assert_kernel_has_set(d, &other);
	assert_done(write_one(d, KIND_KSET, SUB_NONE, &other, NULL, &err));
}

static void test_sets_are_read_as_ipset_save_tells_them(void **state)
{
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL, *said = state_new();
	struct error err = {0};
	static char text[65536];
	FILE *f;
	size_t n;

	(void)state;
	shell(
	    "ipset restore <<-END\n"
	    "create A hash:ip,port,net family inet6 hashsize 64 maxelem 99 timeout 3000 comment\n"
	    "add A fd00::1,udp:53,fd00:1::/32 comment hello\n"
	    "create B hash:ip family inet netmask 24 counters skbinfo\n"
	    "add B 10.0.1.0\n"
	    "create C bitmap:port range 100-200\n"
	    "add C 150\n"
	    "create D hash:net,iface\n"
	    "add D 10.0.0.0/8,eth0\n"
	    "create E hash:ip,port\n"
	    "add E 10.0.0.1,sctp:9999\n"
	    "END\n");
	assert_done(kset_nl_open(&d, &err));
	s = read_all(d);
	f = popen("ipset save", "r");
	n = fread(text, 1, sizeof(text), f);
	assert_int_equal(pclose(f), 0);
	assert_done(kset_parse(text, n, "ipset save", said->arena, &said->sets, &err));
	assert_int_equal(s->sets.n_sets, 5);
	assert_int_equal(said->sets.n_sets, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(s->sets.sets[i].name, said->sets.sets[i].name);
		if (said->sets.sets[i].type == KSET_OTHER)
			assert_string_equal(
			    s->sets.sets[i].other_type, said->sets.sets[i].other_type);
		else if (!kset_eq(&s->sets.sets[i], &said->sets.sets[i]))
			fail_msg("set %s differs", said->sets.sets[i].name);
	}
	assert_int_equal(s->sets.sets[0].hashsize, 64);
	shell("ipset destroy");
}

static void test_last_of_many_aggregated_entries_is_named_when_refused(void **state)
{
	size_t n = 3000;
	struct kset_entry *e = xcalloc(n, sizeof(*e));
	struct kset s;
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	for (size_t i = 0; i < n; i++) {
		e[i].ip = addr("10.0.0.0");
		e[i].ip.b[2] = (uint8_t)(i >> 8);
		e[i].ip.b[3] = (uint8_t)i;
		e[i].ip2 = e[i].ip;
		e[i].proto = 6;
		e[i].port = 80;
		e[i].bits = 32;
	}
	/* The kernel takes no prefix of length 0. */
	e[n - 1].ip2 = addr("0.0.0.0");
	e[n - 1].bits = 0;
	s = new_set("T", KSET_HASH_IP_PORT_NET, FAMILY_4, e, n);
	assert_done(kset_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_KSET, SUB_NONE, NULL, &s, &err), -1);
	assert_non_null(strstr(err.msg, "entry 10.0.11.183,tcp:80,0.0.0.0/0"));
	shell("ipset destroy T");
	free(e);
}

/* ---- links and addresses */

static const struct vip_addr *find_addr(const struct state *s, const char *a)
{
	struct addr key = addr(a);

	return vip_find_addr(&s->vips, &key, NULL);
}

static struct vip_addr host_addr(const char *a)
{
	struct addr x = addr(a);

	return (struct vip_addr){.link = VIP_LINK, .prefix = prefix_host(&x)};
}

static void test_device_is_left_down_and_its_addresses_are_local(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr v[] = {host_addr("10.96.0.1"), host_addr("fd00:96::1")};
	struct op ops[] = {
	    {.kind = KIND_VIP, .sub = SUB_VIP_LINK, .want = &l},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &v[0]},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &v[1]},
	};
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};
	size_t done;

	(void)state;
	assert_done(vip_nl_open(&d, &err));
	assert_done(d->ops->write(d, ops, 3, &done, &err));
	assert_int_equal(done, 3);
	s = read_all(d);
	assert_non_null(vip_find_link(&s->vips, VIP_LINK));
	assert_false(vip_find_link(&s->vips, VIP_LINK)->up);
	assert_string_equal(vip_find_link(&s->vips, VIP_LINK)->kind, link_kind);
	for (size_t i = 0; i < 2; i++) {
		const struct vip_addr *have =
		    vip_find_addr(&s->vips, &v[i].prefix.addr, NULL);

		assert_non_null(have);
		assert_int_equal(vip_addr_cmp(have, &v[i]), 0);
	}
	/* Flags 80: permanent, neither tentative nor failed duplicate detection. */
	shell("grep -q '^fd0000960*1 .* 80 00 80 *" VIP_LINK "$' /proc/net/if_inet6");
	shell("ip route get fd00:96::1 | grep -q '^local fd00:96::1'");
	shell("ip route get 10.96.0.1 | grep -q '^local 10.96.0.1'");
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
}

static void test_address_that_is_there_or_gone_already_is_fine(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr v = host_addr("10.96.0.1");
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	assert_done(vip_nl_open(&d, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &l, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, NULL, &v, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, NULL, &v, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, &v, NULL, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, &v, NULL, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_ADDR, &v, NULL, &err));
	s = read_all(d);
	assert_null(vip_find_link(&s->vips, VIP_LINK));
	assert_null(find_addr(s, "10.96.0.1"));
}

static void test_missing_or_foreign_link_is_told(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind}, veth = l, odd = l;
	struct vip_addr v = host_addr("10.96.0.1");
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	veth.kind = "veth";
	odd.kind = "nosuchkind";
	assert_done(vip_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_ADDR, NULL, &v, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &odd, &err), -1);
	assert_int_equal(err.kind, ERR_BACKEND);
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &l, &err));
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_LINK, NULL, &l, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_VIP, SUB_VIP_LINK, &veth, &l, &err), -1);
	assert_int_equal(err.kind, ERR_REFUSED);
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
}

static void test_failed_operation_in_a_batch_is_the_one_counted_to(void **state)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr good = host_addr("10.96.0.1"), bad = good;
	struct op ops[] = {
	    {.kind = KIND_VIP, .sub = SUB_VIP_LINK, .want = &l},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &good},
	    {.kind = KIND_VIP,
		.sub = SUB_VIP_ADDR,
		.want = &bad,
		.why = "default/web:http"},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &good},
	};
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};
	size_t done;

	(void)state;
	bad.prefix.bits = 77; /* no IPv4 prefix */
	assert_done(vip_nl_open(&d, &err));
	assert_int_equal(d->ops->write(d, ops, 4, &done, &err), -1);
	assert_int_equal(done, 2);
	assert_non_null(strstr(err.msg,
	    "address 10.96.0.1 on kube-ipvs0 (default/web:http): cannot add it"));
	assert_done(write_one(d, KIND_VIP, SUB_VIP_LINK, &l, NULL, &err));
}

/* ---- sysctls */

static const char *knob_value(const struct state *s, const char *name)
{
	const struct knob *k = knob_find(&s->knobs, name);

	return k ? k->value : NULL;
}

static void test_sysctl_is_read_back_as_written(void **state)
{
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(knob_proc_open(&d, &err));
	for (int i = 0; i < 2; i++) {
		struct knob k = {.name = "net.ipv4.ip_forward", .value = i ? "1" : "0"};
		AUTO(state) struct state *s = NULL;

		assert_done(write_one(d, KIND_KNOB, SUB_NONE, NULL, &k, &err));
		s = read_all(d);
		assert_string_equal(knob_value(s, k.name), k.value);
	}
}

static void test_sysctl_that_is_not_there_is_named(void **state)
{
	struct knob k = {.name = "net.ipv4.no_such_thing", .value = "1"};
	struct knob bad = {.name = "net.ipv4.ip_forward", .value = "perhaps"};
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(knob_proc_open(&d, &err));
	assert_int_equal(write_one(d, KIND_KNOB, SUB_NONE, NULL, &k, &err), -1);
	assert_int_equal(err.kind, ERR_BACKEND);
	assert_non_null(strstr(err.msg, "sysctl net.ipv4.no_such_thing"));
	assert_int_equal(write_one(d, KIND_KNOB, SUB_NONE, NULL, &bad, &err), -1);
	assert_int_equal(err.kind, ERR_KERNEL);
}

/* ---- conntrack */

static void send_udp(const char *to, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	AUTO(fd) int fd = socket(AF_INET, SOCK_DGRAM, 0);

	inet_pton(AF_INET, to, &sa.sin_addr);
	assert_true(sendto(fd, "x", 1, 0, (struct sockaddr *)&sa, sizeof(sa)) == 1);
}

/* Two services with DNAT to the same endpoint, which is alive in one of them only. */
static void test_only_stale_translated_udp_entries_are_deleted(void **state)
{
	struct lvs_dest alive = {.addr = addr("127.0.0.1"), .port = 5353, .weight = 1};
	struct lvs_dest other = {.addr = addr("127.0.0.2"), .port = 5353, .weight = 1};
	struct lvs_service services[] = {
	    {.key = {.addr = addr("10.96.0.10"), .port = 53, .proto = 17},
		.dests = &alive,
		.n_dests = 1},
	    {.key = {.addr = addr("10.96.0.11"), .port = 53, .proto = 17},
		.dests = &other,
		.n_dests = 1},
	    {.key = {.addr = addr("10.96.0.12"), .port = 53, .proto = 17}},
	};
	struct lvs_table t = {.present = true, .services = services, .n_services = 3};
	struct error err = {0};
	size_t deleted;

	(void)state;
	shell("ip link set lo up && ip route add 10.96.0.0/16 dev lo");
	shell("iptables-legacy -t nat -A OUTPUT -p udp -d 10.96.0.0/16 --dport 53 "
	      "-j DNAT --to-destination 127.0.0.1:5353");
	for (int i = 0; i < 4; i++) {
		char to[32];

		snprintf(to, sizeof(to), "10.96.0.%d", 10 + i); /* .13 is of no service */
		send_udp(to, 53);
		send_udp(to, 54); /* not translated */
	}
	lvs_sort(&t);
	assert_done(ct_delete_stale_udp(&t, &deleted, &err));
	assert_int_equal(deleted, 2);
	assert_done(ct_delete_stale_udp(&t, &deleted, &err));
	assert_int_equal(deleted, 0);
	shell("iptables-legacy -t nat -F OUTPUT; ip route del 10.96.0.0/16 dev lo");
}

/* ---- virtual servers */

static void test_reading_loads_no_module(void **state)
{
	struct driver *d[4] = {0};
	AUTO(state) struct state *s = state_new();
	struct error err = {0};

	(void)state;
	if (access("/proc/net/ip_vs", F_OK) == 0)
		skip_for("IPVS is loaded already");
	assert_done(lvs_nl_open(&d[0], &err) || kset_nl_open(&d[1], &err) ||
		    vip_nl_open(&d[2], &err) || knob_proc_open(&d[3], &err));
	for (size_t i = 0; i < ARRAY_SIZE(d); i++)
		assert_done(d[i]->ops->read(d[i], FAMILY_BOTH, s, &err));
	assert_false(s->lvs.present);
	assert_false(s->sets.present);
	assert_true(s->vips.present && s->knobs.present);
	assert_null(knob_value(s, "net.ipv4.vs.conntrack"));
	shell("! grep -E '^(ip_vs|ip_set|nfnetlink|dummy|nf_conntrack) ' /proc/modules");
	for (size_t i = 0; i < ARRAY_SIZE(d); i++)
		driver_close(d[i]);
}

static void test_looking_at_capabilities_loads_nothing(void **state)
{
	struct kernel_caps c;
	struct error err = {0};
	bool loaded = access("/proc/net/ip_vs", F_OK) == 0;

	(void)state;
	assert_done(caps_probe("rr", false, &c, &err));
	assert_true(c.net_admin);
	assert_true(c.ipset);
	assert_int_equal(access("/proc/net/ip_vs", F_OK) == 0, loaded);
	if (in_guest) {
		assert_true(c.ipvs && c.scheduler && c.dummy);
		assert_null(c.missing);
		assert_done(caps_probe("nosuch", false, &c, &err));
		assert_true(c.ipvs && !c.scheduler);
	}
}

static void test_capability_that_was_tried_leaves_nothing_behind(void **state)
{
	struct kernel_caps c;
	struct error err = {0};

	(void)state;
	assert_done(caps_probe("rr", true, &c, &err));
	assert_true(c.ipset);
	assert_int_equal(c.ipvs, in_guest);
	assert_int_equal(c.scheduler, in_guest);
	assert_int_equal(c.dummy, in_guest);
	assert_int_equal(c.missing == NULL, in_guest);
	shell("test -z \"$(ipset list -n)\" && ! ip link show vipshift-try 2>/dev/null");
	if (!in_guest)
		return;
	shell("test -z \"$(ipvsadm -Sn)\"");
	assert_done(caps_probe("nosuch", true, &c, &err));
	assert_true(c.ipvs && !c.scheduler);
	assert_non_null(strstr(c.missing, "scheduler"));
}

static void test_sysctl_of_ipvs_loads_it(void **state)
{
	struct knob k = {.name = "net.ipv4.vs.conntrack", .value = "1"};
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	assert_done(knob_proc_open(&d, &err));
	assert_done(write_one(d, KIND_KNOB, SUB_NONE, NULL, &k, &err));
	s = read_all(d);
	assert_string_equal(knob_value(s, k.name), "1");
}

static struct lvs_service new_service(
    const char *vip, uint16_t port, struct lvs_dest *dests, size_t n)
{
	struct lvs_service s = {
	    .key = {.addr = addr(vip), .port = port, .proto = 6},
	    .sched = "rr",
	    .dests = dests,
	    .n_dests = n,
	};

	s.key.family = (uint8_t)addr_family(&s.key.addr);
	s.mask_bits = (uint8_t)family_info(s.key.family)->addr_bits;
	return s;
}

static void assert_kernel_has_service(struct driver *d, const struct lvs_service *want)
{
	AUTO(state) struct state *s = read_all(d);
	const struct lvs_service *have = lvs_find(&s->lvs, &want->key);

	assert_true(s->lvs.present);
	assert_non_null(have);
	assert_true(lvs_service_eq(have, want));
}

static void test_servers_of_all_sorts_are_read_back_as_written(void **state)
{
	struct lvs_dest d4[] = {{.addr = addr("10.244.0.1"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.2"), .port = 80, .weight = 0},
	    {.addr = addr("10.244.0.2"),
		.port = 81,
		.weight = 7,
		.u_thresh = 9,
		.l_thresh = 3}};
	struct lvs_dest d6[] = {{.addr = addr("fd00:244::1"), .port = 80, .weight = 1}};
	struct lvs_dest dr[] = {
	    {.addr = addr("10.0.0.2"), .port = 80, .weight = 1, .fwd = LVS_DROUTE},
	    {.addr = addr("10.0.0.3"), .port = 80, .weight = 1, .fwd = LVS_TUNNEL}};
	struct lvs_service s[] = {
	    new_service("10.96.0.1", 80, d4, 3),
	    new_service("10.96.0.1", 443, NULL, 0),
	    new_service("10.96.0.1", 53, d4, 1),
	    new_service("10.96.0.1", 99, NULL, 0),
	    new_service("fd00:96::1", 80, d6, 1),
	    new_service("10.96.0.2", 80, dr, 2),
	    {.key = {.fwmark = 7, .family = FAMILY_6}, .sched = "rr", .mask_bits = 128},
	};
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *left = NULL;
	struct error err = {0};

	(void)state;
	s[1].flags = LVS_F_PERSISTENT;
	s[1].timeout = 10800;
	s[2].key.proto = 17;
	s[2].sched = "wrr";
	s[3].key.proto = 132;
	s[3].sched = "mh";
	s[3].flags = LVS_F_SCHED2;
	s[4].flags = LVS_F_PERSISTENT;
	s[4].timeout = 100;
	s[5].sched = "lc";
	assert_done(lvs_nl_open(&d, &err));
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		assert_done(write_one(d, KIND_LVS, SUB_NONE, NULL, &s[i], &err));
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		assert_kernel_has_service(d, &s[i]);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		assert_done(write_one(d, KIND_LVS, SUB_NONE, &s[i], NULL, &err));
	left = read_all(d);
	assert_int_equal(left->lvs.n_services, 0);
}

static void test_changed_server_keeps_what_is_the_same(void **state)
{
	struct lvs_dest a[] = {{.addr = addr("10.244.0.1"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.2"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.3"), .port = 80, .weight = 1}};
	struct lvs_dest b[] = {{.addr = addr("10.244.0.2"), .port = 80, .weight = 1},
	    {.addr = addr("10.244.0.3"), .port = 80, .weight = 5},
	    {.addr = addr("10.244.0.4"), .port = 80, .weight = 1}};
	struct lvs_service have = new_service("10.96.0.1", 80, a, 3);
	struct lvs_service want = new_service("10.96.0.1", 80, b, 3);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	want.sched = "wrr";
	want.flags = LVS_F_PERSISTENT;
	want.timeout = 60;
	assert_done(lvs_nl_open(&d, &err));
	assert_done(write_one(d, KIND_LVS, SUB_NONE, NULL, &have, &err));
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &have, &want, &err));
	assert_kernel_has_service(d, &want);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &want, &have, &err));
	assert_kernel_has_service(d, &have);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &have, NULL, &err));
}

static void test_server_that_changed_meanwhile_is_named(void **state)
{
	struct lvs_dest a[] = {{.addr = addr("10.244.0.1"), .port = 80, .weight = 1}};
	struct lvs_service full = new_service("10.96.0.1", 443, a, 1);
	struct lvs_service empty = new_service("10.96.0.1", 443, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	assert_done(lvs_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, &full, NULL, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, NULL, &full, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, NULL, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, &empty, &full, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_non_null(
	    strstr(err.msg, "virtual server tcp 10.96.0.1:443 (default/web:http): "
			    "real server 10.244.0.1:80: cannot add: "));
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &full, &empty, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, &full, &empty, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_done(write_one(d, KIND_LVS, SUB_NONE, &empty, NULL, &err));
}

static void test_unknown_scheduler_is_a_missing_capability(void **state)
{
	struct lvs_service s = new_service("10.96.0.1", 80, NULL, 0);
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	(void)state;
	s.sched = "nosuch";
	assert_done(lvs_nl_open(&d, &err));
	assert_int_equal(write_one(d, KIND_LVS, SUB_NONE, NULL, &s, &err), -1);
	assert_int_equal(err.kind, ERR_BACKEND);
	assert_non_null(strstr(err.msg, "ip_vs_nosuch"));
}

/* Every request of many batches is refused: no answer may get lost. */
static void test_many_refusals_are_all_read(void **state)
{
	struct lvs_service s[200];
	struct op ops[ARRAY_SIZE(s)];
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};
	size_t done;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = new_service("10.96.0.1", (uint16_t)(i + 1), NULL, 0);
		ops[i] = (struct op){.kind = KIND_LVS, .want = &s[i]};
	}
	assert_done(lvs_nl_open(&d, &err));
	assert_done(d->ops->write(d, ops, ARRAY_SIZE(s), &done, &err));
	assert_int_equal(d->ops->write(d, ops, ARRAY_SIZE(s), &done, &err), -1);
	assert_int_equal(err.kind, ERR_MOVED);
	assert_int_equal(done, 0);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		ops[i] = (struct op){.kind = KIND_LVS, .have = &s[i]};
	assert_done(d->ops->write(d, ops, ARRAY_SIZE(s), &done, &err));
	/* The socket is in step still. */
	AUTO(state) struct state *left = read_all(d);
	assert_int_equal(left->lvs.n_services, 0);
}

static void test_timeouts_are_set_and_zero_leaves_them(void **state)
{
	struct lvs_table t = {.tcp_timeout = 1200, .udp_timeout = 250};
	AUTO(driver) struct driver *d = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	assert_done(lvs_nl_open(&d, &err));
	assert_done(write_one(d, KIND_LVS, SUB_LVS_TIMEOUTS, NULL, &t, &err));
	s = read_all(d);
	assert_int_equal(s->lvs.tcp_timeout, 1200);
	assert_int_equal(s->lvs.tcpfin_timeout, 120);
	assert_int_equal(s->lvs.udp_timeout, 250);
}

/* ---- the live sink and source */

static void test_sink_runs_several_kinds_and_says_where_it_stopped(void **state)
{
	static const struct live_options options = {.variant = FW_LEGACY};
	struct kset_entry ip[] = {{.ip = addr("10.0.0.1")}};
	struct kset set = new_set("T", KSET_HASH_IP, FAMILY_4, ip, 1);
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr v = host_addr("10.96.0.1");
	struct knob k = {.name = "net.ipv4.ip_forward", .value = "1"};
	struct knob bad = {.name = "net.ipv4.no_such_thing", .value = "1"};
	struct op ops[] = {
	    {.kind = KIND_KNOB, .phase = PHASE_PREPARE, .want = &k},
	    {.kind = KIND_KSET, .phase = PHASE_PREPARE, .want = &set},
	    {.kind = KIND_VIP, .sub = SUB_VIP_LINK, .phase = PHASE_BUILD, .want = &l},
	    {.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .phase = PHASE_BUILD, .want = &v},
	    {.kind = KIND_KNOB, .phase = PHASE_SETTLE, .want = &k},
	    {.kind = KIND_KNOB, .phase = PHASE_SETTLE, .want = &bad},
	    {.kind = KIND_KSET, .phase = PHASE_REMOVE, .have = &set},
	};
	struct op undo[] = {
	    {.kind = KIND_VIP, .sub = SUB_VIP_LINK, .phase = PHASE_REMOVE, .have = &l},
	    {.kind = KIND_KSET, .phase = PHASE_REMOVE, .have = &set},
	};
	struct plan p = {.ops = ops, .n_ops = ARRAY_SIZE(ops)};
	struct plan back = {.ops = undo, .n_ops = ARRAY_SIZE(undo)};
	struct outcome out = {0};
	AUTO(sink) struct sink *sink = NULL;
	AUTO(source) struct source *source = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	(void)state;
	assert_done(live_sink_open(&options, &sink, &err));
	assert_done(live_source_open(&options, &source, &err));
	assert_done(sink_run(sink, &p, 0, 2, &out, &err));
	assert_int_equal(out.done, 2);
	assert_int_equal(sink_run(sink, &p, 2, p.n_ops, &out, &err), -1);
	assert_int_equal(out.done, 5);
	assert_int_equal(out.n_ops, p.n_ops);
	assert_true(out.seconds[PHASE_BUILD] > 0 && out.seconds[PHASE_REMOVE] == 0);
	assert_done(source_read(source, KIND_BIT(KIND_KSET) | KIND_BIT(KIND_VIP),
	    FAMILY_BIT(FAMILY_4), &s, &err));
	assert_non_null(kset_find(&s->sets, "T"));
	assert_non_null(find_addr(s, "10.96.0.1"));
	assert_false(s->knobs.present);
	assert_done(sink_run(sink, &back, 0, back.n_ops, &out, &err));
}

static int read_rules(enum fw_variant variant, struct error *err)
{
	const struct live_options options = {.variant = variant};
	AUTO(source) struct source *source = NULL;
	AUTO(state) struct state *s = NULL;

	if (live_source_open(&options, &source, err))
		return -1;
	return source_read(source, KIND_BIT(KIND_FW), FAMILY_BOTH, &s, err);
}

static void test_chains_in_nft_tables_only_are_refused_unless_legacy_is_asked_for(
    void **state)
{
	struct error err = {0};

	(void)state;
	assert_done(read_rules(FW_AUTO, &err));
	if (system("iptables-nft -t nat -N KUBE-SERVICES 2>/dev/null"))
		skip_for("this kernel has no nf_tables");
	assert_int_equal(read_rules(FW_AUTO, &err), -1);
	assert_int_equal(err.kind, ERR_BACKEND);
	assert_non_null(strstr(err.msg, "nft"));
	assert_done(read_rules(FW_LEGACY, &err));
	shell("iptables-legacy -t nat -N KUBE-SERVICES");
	assert_done(read_rules(FW_AUTO, &err));
	shell("iptables-legacy -t nat -X; iptables-nft -t nat -X");
}

/* ---- times */

static double seconds_since(const struct timespec *t)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - t->tv_sec) +
	       (double)(now.tv_nsec - t->tv_nsec) / 1e9;
}

static void timed_write(
    struct driver *d, const struct op *ops, size_t n, const char *what, size_t count)
{
	struct timespec t;
	struct error err = {0};
	size_t done;
	double s;

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (d->ops->write(d, ops, n, &done, &err)) {
		printf("%s: %s\n", what, err.msg);
		exit(1);
	}
	s = seconds_since(&t);
	printf("%-28s %8zu in %7.3f s, %7.2f us each\n", what, count, s,
	    s * 1e6 / (double)count);
}

static void timed_read(struct driver *d, const char *what)
{
	struct timespec t;
	struct error err = {0};
	AUTO(state) struct state *s = state_new();

	clock_gettime(CLOCK_MONOTONIC, &t);
	if (d->ops->read(d, FAMILY_BOTH, s, &err)) {
		printf("%s: %s\n", what, err.msg);
		exit(1);
	}
	printf("%-28s             %7.3f s\n", what, seconds_since(&t));
}

static void reverse(struct op *ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		ops[i].have = ops[i].want;
		ops[i].want = NULL;
	}
}

static void bench_servers(size_t n, size_t per)
{
	struct lvs_service *s = xcalloc(n, sizeof(*s));
	struct lvs_dest *dests = xcalloc(n * per, sizeof(*dests));
	struct op *ops = xcalloc(n, sizeof(*ops));
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < per; j++)
			dests[i * per + j] =
			    (struct lvs_dest){.addr = {.len = 4,
						  .b = {10, (uint8_t)(128 + (i >> 8)),
						      (uint8_t)i, (uint8_t)(j + 1)}},
				.port = 8080,
				.weight = 1};
		s[i] = new_service("10.96.0.0", 80, &dests[i * per], per);
		s[i].key.addr.b[2] = (uint8_t)(i >> 8);
		s[i].key.addr.b[3] = (uint8_t)i;
		ops[i] = (struct op){.kind = KIND_LVS, .want = &s[i]};
	}
	if (lvs_nl_open(&d, &err) == 0) {
		timed_write(d, ops, n, "add virtual+real servers", n * (per + 1));
		timed_read(d, "read them");
		reverse(ops, n);
		timed_write(d, ops, n, "delete virtual servers", n);
	}
	free(s);
	free(dests);
	free(ops);
}

static void bench_set(size_t n)
{
	struct kset_entry *e = xcalloc(n, sizeof(*e));
	struct kset s;
	struct op op = {.kind = KIND_KSET, .want = &s};
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	for (size_t i = 0; i < n; i++)
		e[i] = (struct kset_entry){
		    .ip = {.len = 4, .b = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}},
		    .proto = 6,
		    .port = 80};
	s = new_set("BENCH", KSET_HASH_IP_PORT, FAMILY_4, e, n);
	if (kset_nl_open(&d, &err) == 0) {
		timed_write(d, &op, 1, "add set entries", n);
		timed_read(d, "read them");
		reverse(&op, 1);
		timed_write(d, &op, 1, "destroy the set", 1);
	}
	free(e);
}

static void bench_addresses(size_t n)
{
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind};
	struct vip_addr *v = xcalloc(n, sizeof(*v));
	struct op *ops = xcalloc(n, sizeof(*ops));
	struct op link = {.kind = KIND_VIP, .sub = SUB_VIP_LINK, .want = &l};
	AUTO(driver) struct driver *d = NULL;
	struct error err = {0};

	for (size_t i = 0; i < n; i++) {
		v[i] = host_addr("10.96.0.0");
		v[i].prefix.addr.b[2] = (uint8_t)(i >> 8);
		v[i].prefix.addr.b[3] = (uint8_t)i;
		ops[i] =
		    (struct op){.kind = KIND_VIP, .sub = SUB_VIP_ADDR, .want = &v[i]};
	}
	if (vip_nl_open(&d, &err) == 0) {
		timed_write(d, &link, 1, "add the link", 1);
		timed_write(d, ops, n, "add addresses", n);
		timed_read(d, "read them");
		reverse(ops, n);
		timed_write(d, ops, n, "delete addresses", n);
		reverse(&link, 1);
		timed_write(d, &link, 1, "delete the link", 1);
	}
	free(v);
	free(ops);
}

static int bench(const char *part)
{
	if (!*part || strcmp(part, "sets") == 0)
		bench_set(50000);
	if (!*part || strcmp(part, "addresses") == 0)
		bench_addresses(5000);
	if (in_guest && (!*part || strcmp(part, "servers") == 0))
		bench_servers(5000, 8);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest native[] = {
	    cmocka_unit_test(test_sets_of_all_types_are_read_back_as_written),
	    cmocka_unit_test(test_changed_entries_leave_the_others_in_place),
	    cmocka_unit_test(test_set_that_changed_meanwhile_is_not_overwritten),
	    cmocka_unit_test(test_set_in_use_is_swapped_but_never_destroyed),
	    cmocka_unit_test(test_sets_are_read_as_ipset_save_tells_them),
	    cmocka_unit_test(test_last_of_many_aggregated_entries_is_named_when_refused),
	    cmocka_unit_test(test_device_is_left_down_and_its_addresses_are_local),
	    cmocka_unit_test(test_address_that_is_there_or_gone_already_is_fine),
	    cmocka_unit_test(test_missing_or_foreign_link_is_told),
	    cmocka_unit_test(test_failed_operation_in_a_batch_is_the_one_counted_to),
	    cmocka_unit_test(test_sysctl_is_read_back_as_written),
	    cmocka_unit_test(test_sysctl_that_is_not_there_is_named),
	    cmocka_unit_test(test_only_stale_translated_udp_entries_are_deleted),
	    cmocka_unit_test(test_looking_at_capabilities_loads_nothing),
	    cmocka_unit_test(test_capability_that_was_tried_leaves_nothing_behind),
	    cmocka_unit_test(test_sink_runs_several_kinds_and_says_where_it_stopped),
	    cmocka_unit_test(
		test_chains_in_nft_tables_only_are_refused_unless_legacy_is_asked_for),
	};
	/* First what needs a kernel in which nobody used IPVS yet. */
	const struct CMUnitTest guest[] = {
	    cmocka_unit_test(test_reading_loads_no_module),
	    cmocka_unit_test(test_looking_at_capabilities_loads_nothing),
	    cmocka_unit_test(test_sysctl_of_ipvs_loads_it),
	    cmocka_unit_test(test_servers_of_all_sorts_are_read_back_as_written),
	    cmocka_unit_test(test_changed_server_keeps_what_is_the_same),
	    cmocka_unit_test(test_server_that_changed_meanwhile_is_named),
	    cmocka_unit_test(test_unknown_scheduler_is_a_missing_capability),
	    cmocka_unit_test(test_many_refusals_are_all_read),
	    cmocka_unit_test(test_timeouts_are_set_and_zero_leaves_them),
	};
	const char *where = argc > 1 ? argv[1] : "";
	int failed = 0;

	if (strcmp(where, "native") && strcmp(where, "guest") && strcmp(where, "bench")) {
		fprintf(stderr, "usage: nl_driver_test native|guest|bench\n");
		return 64;
	}
	in_guest = access("/proc/net/ip_vs", F_OK) == 0 || strcmp(where, "guest") == 0;
	/* A kernel without dummy devices: ifb ones are made and behave alike. */
	if (!in_guest)
		link_kind = "ifb";
	if (strcmp(where, "bench") == 0)
		return bench(argc > 2 ? argv[2] : "");
	if (in_guest)
		failed = cmocka_run_group_tests_name("guest", guest, NULL, NULL);
	return failed + cmocka_run_group_tests_name("native", native, NULL, NULL);
}
