/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drivers of sets, links, sysctls, virtual servers and conntrack against the kernel
 * that it runs on. Only for a fresh network namespace or a guest: run-nl-driver.sh starts
 * it. What this kernel lacks is skipped; with VIPSHIFT_NOSKIP=1 that is a failure.
 *
 *   nl_driver_test native|guest
 */
#include "config.h"

#include "nl_driver_test.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "kernel/caps.h"
#include "kernel/ct_nl.h"
#include "kernel/live.h"

static bool in_guest;

/* A kernel without dummy devices: ifb ones are made and behave alike. */
static const char *link_kind(void)
{
	return in_guest ? "dummy" : "ifb";
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

/* ---- modules and capabilities */

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
	if (!in_guest && access("/proc/modules", F_OK) == 0)
		return; /* trying would load modules into the machine's own kernel */
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

/* ---- the live sink and source */

static void test_sink_runs_several_kinds_and_says_where_it_stopped(void **state)
{
	static const struct live_options options = {.variant = FW_LEGACY};
	struct kset_entry ip[] = {{.ip = addr("10.0.0.1")}};
	struct kset set = {.name = "T",
	    .type = KSET_HASH_IP,
	    .hashsize = 1024,
	    .maxelem = 65536,
	    .entries = ip,
	    .n_entries = 1};
	struct addr vip = addr("10.96.0.1");
	struct vip_link l = {.name = VIP_LINK, .kind = link_kind()};
	struct vip_addr v = {.link = VIP_LINK, .prefix = prefix_host(&vip)};
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
	assert_non_null(vip_find_addr(&s->vips, &vip, NULL));
	assert_false(s->knobs.present);
	assert_done(sink_run(sink, &back, 0, back.n_ops, &out, &err));
}

static bool sees_chain(enum fw_variant variant)
{
	const struct live_options options = {.variant = variant};
	AUTO(source) struct source *source = NULL;
	AUTO(state) struct state *s = NULL;
	struct error err = {0};

	assert_done(live_source_open(&options, &source, &err));
	assert_done(source_read(source, KIND_BIT(KIND_FW), FAMILY_BOTH, &s, &err));
	return fw_chain_find(&s->fw[FAMILY_4].tables[FW_NAT], "KUBE-SERVICES") != NULL;
}

static void test_rules_are_read_from_where_the_kube_chains_are(void **state)
{
	(void)state;
	assert_false(sees_chain(FW_AUTO));
	if (system("iptables-nft -t nat -N KUBE-SERVICES 2>/dev/null"))
		skip_for("this kernel has no nf_tables");
	assert_true(sees_chain(FW_AUTO));
	assert_false(sees_chain(FW_LEGACY));
	shell("iptables-nft -t nat -X; iptables-legacy -t nat -N KUBE-SERVICES");
	assert_true(sees_chain(FW_AUTO));
	assert_true(sees_chain(FW_LEGACY));
	shell("iptables-legacy -t nat -X");
}

/* What needs a kernel in which nobody used IPVS yet. */
static int run_first_tests(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_reading_loads_no_module),
	    cmocka_unit_test(test_looking_at_capabilities_loads_nothing),
	    cmocka_unit_test(test_sysctl_of_ipvs_loads_it),
	};

	return cmocka_run_group_tests_name("modules", tests, NULL, NULL);
}

static int run_other_tests(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sysctl_is_read_back_as_written),
	    cmocka_unit_test(test_sysctl_that_is_not_there_is_named),
	    cmocka_unit_test(test_only_stale_translated_udp_entries_are_deleted),
	    cmocka_unit_test(test_looking_at_capabilities_loads_nothing),
	    cmocka_unit_test(test_capability_that_was_tried_leaves_nothing_behind),
	    cmocka_unit_test(test_sink_runs_several_kinds_and_says_where_it_stopped),
	    cmocka_unit_test(test_rules_are_read_from_where_the_kube_chains_are),
	};

	return cmocka_run_group_tests_name("the rest", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "";
	int failed = 0;

	if (strcmp(where, "native") && strcmp(where, "guest")) {
		fprintf(stderr, "usage: nl_driver_test native|guest\n");
		return 64;
	}
	in_guest = strcmp(where, "guest") == 0;
	if (in_guest)
		failed += run_first_tests() + run_server_tests();
	return failed + run_set_tests() + run_link_tests(link_kind()) + run_other_tests();
}
