/* SPDX-License-Identifier: GPL-2.0-or-later */
/* KubeProxyConfiguration as it is found in the wild, and what settings answer together.
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/text_file.h"
#include "base/strbuf.h"
#include "model/conf.h"

struct loaded {
	struct conf *conf;
	struct notes notes;
	struct error err;
	int ret;
	char path[32];
};

static struct loaded load(const char *text)
{
	struct loaded l = {.conf = conf_new()};
	int fd = text_file(text, l.path);

	l.ret = conf_load(l.conf, l.path, &l.notes, &l.err);
	close(fd);
	return l;
}

static void unload(struct loaded *l)
{
	conf_free(l->conf);
	notes_clear(&l->notes);
}

#define HEAD                                                                             \
	"apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"

static bool prefix_is(const struct prefix *p, const char *want)
{
	struct prefix w;

	return prefix_parse(want, &w) && !prefix_cmp(p, &w);
}

static void test_defaults_are_kube_proxys(void **state)
{
	struct loaded l =
	    load(HEAD "iptables: {masqueradeBit: null}\nipvs:\nmode: \"\"\n");

	(void)state;
	assert_int_equal(l.ret, 0);
	assert_int_equal(l.notes.list.n, 0);
	assert_int_equal(l.conf->masquerade_bit, 14);
	assert_int_equal(conf_masquerade_mark(l.conf), 0x4000);
	assert_string_equal(l.conf->scheduler, "rr");
	assert_string_equal(l.conf->mode, "");
	assert_true(l.conf->localhost_node_ports);
	assert_int_equal(l.conf->detect_local, DETECT_CLUSTER_CIDR);
	unload(&l);
}

static const char every_field[] =
    HEAD "bindAddress: 10.0.0.1\n"
	 "hostnameOverride: node-x\n"
	 "clusterCIDR: 10.244.0.0/16,fd00:10:244::/48\n"
	 "conntrack: {tcpBeLiberal: true, maxPerCore: 0, udpTimeout: 0s}\n"
	 "detectLocal: {bridgeInterface: cni0, interfaceNamePrefix: veth}\n"
	 "detectLocalMode: BridgeInterface\n"
	 "iptables: {localhostNodePorts: false, masqueradeAll: true, masqueradeBit: 31}\n"
	 "ipvs:\n"
	 "  excludeCIDRs: [10.96.99.0/24]\n"
	 "  scheduler: wrr\n"
	 "  strictARP: true\n"
	 "  tcpTimeout: 15m0s\n"
	 "  tcpFinTimeout: 900s\n"
	 "  udpTimeout: 1h0m1.5s\n"
	 "nodePortAddresses: [10.0.0.0/24, \"fd00::/64\"]\n"
	 "featureGates: {Foo: true}\n"
	 "logging: {flushFrequency: 0}\n"
	 "winkernel: {enableDSR: false}\n"
	 "oomScoreAdj: -999\n";

static void test_fields_with_a_meaning_are_kept(void **state)
{
	struct loaded l = load(every_field);
	const struct conf *c = l.conf;

	(void)state;
	assert_int_equal(l.ret, 0);
	assert_int_equal(l.notes.list.n, 0);
	assert_string_equal(c->hostname_override, "node-x");
	assert_int_equal(c->n_cluster_cidrs, 2);
	assert_true(prefix_is(&c->cluster_cidrs[1], "fd00:10:244::/48"));
	assert_true(c->tcp_be_liberal && c->masquerade_all && c->strict_arp);
	assert_false(c->localhost_node_ports);
	assert_int_equal(c->detect_local, DETECT_BRIDGE);
	assert_string_equal(c->bridge, "cni0");
	assert_string_equal(c->interface_prefix, "veth");
	assert_int_equal(conf_masquerade_mark(c), 0x80000000);
	assert_string_equal(c->scheduler, "wrr");
	assert_int_equal(c->n_exclude_cidrs, 1);
	assert_int_equal(c->tcp_timeout, 900);
	assert_int_equal(c->tcpfin_timeout, 900);
	assert_int_equal(c->udp_timeout, 3601);
	assert_int_equal(c->n_node_port_addrs, 2);
	unload(&l);
}

static void check_about(const struct loaded *l, const char *path)
{
	char about[128];

	assert_int_equal(l->notes.list.n, 1);
	snprintf(about, sizeof(about), "%s: %s", l->path, path);
	assert_string_equal(l->notes.list.v[0].about, about);
}

/* One note, about the file and that path; the default is kept. */
static void check_warned(const char *line, const char *path)
{
	char text[512];
	struct loaded l;

	snprintf(text, sizeof(text), HEAD "%s\n", line);
	l = load(text);
	assert_int_equal(l.ret, 0);
	check_about(&l, path);
	assert_int_equal(l.notes.list.v[0].level, NOTE_WARNING);
	assert_int_equal(l.conf->masquerade_bit, 14);
	assert_int_equal(l.conf->tcp_timeout, 0);
	assert_int_equal(l.conf->detect_local, DETECT_CLUSTER_CIDR);
	assert_false(l.conf->strict_arp);
	assert_int_equal(l.conf->n_cluster_cidrs, 0);
	unload(&l);
}

static void test_feature_gates_make_the_dialect(void **state)
{
	struct loaded l = load(HEAD "featureGates: {LoadBalancerIPMode: true, Foo: 1, "
				    "TopologyAwareHints: maybe}\n");

	(void)state;
	assert_int_equal(l.notes.list.n, 1);
	assert_int_equal(l.conf->gates[GATE_LB_IP_MODE], GATE_ON);
	assert_int_equal(l.conf->gates[GATE_TOPOLOGY_HINTS], GATE_DEFAULT);
	assert_int_equal(conf_take_release(l.conf, "1.29", NULL), 0);
	assert_true(l.conf->dialect.lb_ip_mode);
	unload(&l);
	check_warned("featureGates: [A]", "featureGates");
}

static void test_unknown_and_ill_typed_fields_are_warned_of(void **state)
{
	(void)state;
	check_warned("clusterCidr: 10.0.0.0/8", "clusterCidr");
	check_warned("ipvs: {foo: 1}", "ipvs.foo");
	check_warned("iptables: {masqueradeBit: x}", "iptables.masqueradeBit");
	check_warned("iptables: {masqueradeBit: 32}", "iptables.masqueradeBit");
	check_warned("iptables: {masqueradeBit: -1}", "iptables.masqueradeBit");
	check_warned("iptables: {masqueradeBit: \"14\"}", "iptables.masqueradeBit");
	check_warned("iptables: []", "iptables");
	check_warned("ipvs: {strictARP: \"true\"}", "ipvs.strictARP");
	check_warned("ipvs: {tcpTimeout: 900}", "ipvs.tcpTimeout");
	check_warned("ipvs: {tcpTimeout: -5s}", "ipvs.tcpTimeout");
	check_warned("ipvs: {tcpTimeout: 15minutes}", "ipvs.tcpTimeout");
	check_warned("ipvs: {tcpTimeout: 9999999h}", "ipvs.tcpTimeout");
	check_warned("ipvs: {excludeCIDRs: 10.0.0.0/8}", "ipvs.excludeCIDRs");
	check_warned("ipvs: {scheduler: averyveryverylongname}", "ipvs.scheduler");
	check_warned("clusterCIDR: 10.0.0.0", "clusterCIDR");
	check_warned("clusterCIDR: 10.0.0.0/33", "clusterCIDR");
	check_warned("detectLocalMode: clusterCIDR", "detectLocalMode");
	check_warned("nodePortAddresses: [eth0]", "nodePortAddresses");
	check_warned("nodePortAddresses: [primary, 10.0.0.0/8]", "nodePortAddresses");
	check_warned("bindAddress: localhost", "bindAddress");
	check_warned("enableProfiling: maybe", "enableProfiling");
}

static void test_warnings_name_the_key_of_a_config_map(void **state)
{
	struct loaded l = load("kind: ConfigMap\ndata:\n  config.conf: |\n"
			       "    kind: KubeProxyConfiguration\n    ipvs: {foo: 1}\n");

	(void)state;
	check_about(&l, "data.config.conf: ipvs.foo");
	unload(&l);
}

static void test_good_entries_of_a_list_survive_a_bad_one(void **state)
{
	struct loaded l = load(HEAD "clusterCIDR: \"010.0.0.0/8, bad,fd00::/8\"\n"
				    "nodePortAddresses: [\"primary\"]\n");

	(void)state;
	assert_int_equal(l.notes.list.n, 1);
	assert_int_equal(l.conf->n_cluster_cidrs, 2);
	assert_true(l.conf->node_port_primary);
	assert_int_equal(l.conf->n_node_port_addrs, 0);
	unload(&l);
}

static void check_scheduler(const char *text, const char *want)
{
	struct loaded l = load(text);

	if (l.ret)
		fail_msg("%s", l.err.msg);
	assert_string_equal(l.conf->scheduler, want);
	assert_int_equal(l.notes.list.n, 0);
	unload(&l);
}

static void test_configuration_is_found_in_a_config_map(void **state)
{
	(void)state;
	check_scheduler(
	    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kube-proxy}\n"
	    "data:\n  kubeconfig.conf: |\n    apiVersion: v1\n    kind: Config\n"
	    "  config.conf: |-\n    kind: KubeProxyConfiguration\n"
	    "    ipvs:\n      scheduler: sh\n",
	    "sh");
	check_scheduler("{\"kind\":\"ConfigMap\",\"data\":{\"config.conf\":"
			"\"kind: KubeProxyConfiguration\\nipvs: {scheduler: lc}\\n\"}}",
	    "lc");
	check_scheduler("kind: ConfigMap\ndata:\n  other.yaml: |\n"
			"    kind: KubeProxyConfiguration\n    ipvs: {scheduler: mh}\n",
	    "mh");
	/* As "kubectl get cm -A -o json" prints it: others, of which some have no data.
	 */
	check_scheduler("{\"kind\":\"List\",\"items\":[{\"kind\":\"ConfigMap\"},"
			"{\"kind\":\"ConfigMap\",\"data\":{\"ca.crt\":\"x\"}},"
			"{\"kind\":\"ConfigMap\",\"data\":{\"config.conf\":"
			"\"kind: KubeProxyConfiguration\\nipvs: {scheduler: lc}\\n\"}}]}",
	    "lc");
	check_scheduler("kind: ConfigMapList\nitems:\n- kind: ConfigMap\n  data:\n"
			"    config: |\n      kind: KubeProxyConfiguration\n"
			"      ipvs: {scheduler: sed}\n",
	    "sed");
	check_scheduler(
	    "{\"kind\":\"KubeProxyConfiguration\",\"ipvs\":{\"scheduler\":\"sh\"}}",
	    "sh");
	check_scheduler("kind: InitConfiguration\nfoo: 1\n---\n" HEAD
			"ipvs: {scheduler: nq}\n",
	    "nq");
}

static void check_refused(const char *text, const char *want)
{
	struct loaded l = load(text);

	assert_int_equal(l.ret, -1);
	assert_int_equal(l.err.kind, ERR_INPUT);
	if (!strstr(l.err.msg, want))
		fail_msg("'%s' does not say '%s'", l.err.msg, want);
	unload(&l);
}

static void test_what_is_no_configuration_is_refused_with_its_line(void **state)
{
	(void)state;
	check_refused("", "line 1: is empty");
	check_refused(" \n\n", "is empty");
	check_refused(HEAD "ipvs: {scheduler: rr\nmode: x\n", "line 4: not YAML");
	check_refused("kind: Pod\n", "line 1: kind is 'Pod'");
	check_refused("- a\n", "line 1: must be a mapping");
	check_refused("mode: ipvs\n", "no kind");
	check_refused("kind: ConfigMap\ndata: {foo: bar}\n", "in its data");
	check_refused("kind: List\nitems: [{kind: ConfigMap, data: {foo: bar}}]\n",
	    "none of the items");
	check_refused("kind: List\nitems: null\n", "none of the items");
	check_refused("kind: ConfigMap\ndata:\n  config.yaml: |\n"
		      "    kind: KubeProxyConfiguration\n    mode: [\n",
	    "data.config.yaml: line 3: not YAML");
	check_refused("kind: ConfigMap\ndata:\n  config.conf: |\n    kind: [\n",
	    "data.config.conf: line 2: not YAML");
	/* A ConfigMap inside a ConfigMap is not followed. */
	check_refused("kind: ConfigMap\ndata:\n  config.conf: |\n    kind: ConfigMap\n",
	    "data.config.conf");
}

/* libyaml would need minutes for a megabyte of them. after: what follows a number. */
static void check_too_much(
    const char *begin, const char *item, const char *after, unsigned n, const char *want)
{
	struct strbuf sb = {0};

	strbuf_add(&sb, HEAD "featureGates: ");
	strbuf_add(&sb, begin);
	for (unsigned i = 0; i < n; i++) {
		strbuf_add(&sb, item);
		if (after)
			strbuf_addf(&sb, "%u%s", i, after);
	}
	check_refused(strbuf_str(&sb), want);
	strbuf_free(&sb);
}

static void test_more_than_settings_ever_are_is_refused(void **state)
{
	struct loaded l =
	    load(HEAD "featureGates: &a {A: true}\nlinux: [[*a, *a], [[*a]]]\n");

	(void)state;
	assert_int_equal(l.ret, 0);
	unload(&l);
	check_too_much("", "[", NULL, 500000, "line 3: nested too deeply");
	check_too_much("", "{a: ", NULL, 200000, "line 3: nested too deeply");
	check_too_much("\n ", "- ", NULL, 400000, "line 4: nested too deeply");
	check_too_much(
	    "\n", "- &a", " x\n", 100000, "line 104: too many anchors and directives");
	check_too_much("\n...\n", "%TAG !a", "! x\n", 50000,
	    "line 105: too many anchors and directives");
}

static void test_missing_file_is_named(void **state)
{
	struct conf *c = conf_new();
	struct error err = {0};

	(void)state;
	assert_int_equal(conf_load(c, "/nonexistent/kp.yaml", NULL, &err), -1);
	assert_string_equal(err.msg, "/nonexistent/kp.yaml: No such file or directory");
	conf_free(c);
}

static struct addr addr(const char *text)
{
	struct addr a = {0};

	assert_true(addr_parse(text, &a));
	return a;
}

static bool node_ip_is(const struct conf *c, enum family f, const char *want)
{
	struct addr got = conf_node_ip(c, f), a = addr(want);

	return addr_eq(&got, &a);
}

static void test_node_ip_follows_the_release(void **state)
{
	struct conf *c = conf_new();
	struct addr ips[2] = {addr("10.0.0.11"), addr("fd00::11")};

	(void)state;
	c->node_ips = ips;
	c->n_node_ips = 2;
	assert_true(node_ip_is(c, FAMILY_4, "10.0.0.11"));
	assert_true(node_ip_is(c, FAMILY_6, "fd00::11"));
	dialect_parse("1.28", &c->dialect, NULL);
	assert_true(node_ip_is(c, FAMILY_4, "10.0.0.11"));
	assert_true(node_ip_is(c, FAMILY_6, "::1"));
	dialect_parse("1.27", &c->dialect, NULL);
	assert_true(node_ip_is(c, FAMILY_4, "0.0.0.0"));
	assert_true(node_ip_is(c, FAMILY_6, "::"));
	c->single_family = true;
	assert_true(node_ip_is(c, FAMILY_4, "10.0.0.11"));
	c->single_family = false;
	c->bind_address = addr("10.0.0.99");
	assert_true(node_ip_is(c, FAMILY_4, "10.0.0.99"));
	assert_true(node_ip_is(c, FAMILY_6, "::"));
	/* It makes its family the primary one. */
	dialect_parse("1.28", &c->dialect, NULL);
	c->bind_address = addr("fd00::99");
	assert_true(node_ip_is(c, FAMILY_4, "127.0.0.1"));
	assert_true(node_ip_is(c, FAMILY_6, "fd00::99"));
	dialect_parse("1.29", &c->dialect, NULL);
	assert_true(node_ip_is(c, FAMILY_4, "10.0.0.11"));
	conf_free(c);
}

static void test_a_kernel_release_that_is_none_changes_nothing(void **state)
{
	struct conf *c = conf_new();
	unsigned before = c->kernel;

	(void)state;
	conf_take_kernel(c, "");
	conf_take_kernel(c, "unknown");
	assert_int_equal(c->kernel, before);
	conf_take_kernel(c, "5.4.0-42-generic");
	assert_int_equal(c->kernel, CONF_KERNEL(5, 4));
	conf_free(c);
}

static void test_detector_is_per_family(void **state)
{
	struct loaded l = load(HEAD "clusterCIDR: 10.244.0.0/16\n");
	struct prefix p, pod = {0};

	(void)state;
	assert_true(conf_detector(l.conf, FAMILY_4, &p));
	assert_true(prefix_is(&p, "10.244.0.0/16"));
	assert_false(conf_detector(l.conf, FAMILY_6, &p));
	assert_true(prefix_parse("fd00:1::/64", &pod));
	l.conf->node_pod_cidrs = &pod;
	l.conf->n_node_pod_cidrs = 1;
	l.conf->detect_local = DETECT_NODE_CIDR;
	assert_false(conf_detector(l.conf, FAMILY_4, &p));
	assert_true(conf_detector(l.conf, FAMILY_6, &p));
	assert_true(prefix_is(&p, "fd00:1::/64"));
	l.conf->detect_local = DETECT_BRIDGE;
	assert_false(conf_detector(l.conf, FAMILY_4, &p));
	l.conf->bridge = "cni0";
	assert_true(conf_detector(l.conf, FAMILY_4, &p));
	assert_false(addr_is_set(&p.addr));
	unload(&l);
}

static void test_node_object_fills_what_is_unknown(void **state)
{
	struct addr ip = addr("10.0.0.11");
	struct node_addr given = {.addr = addr("192.168.1.1")};
	struct model_node node = {
	    .name = "node-a", .addrs = &ip, .n_addrs = 1, .zone = "z1"};
	struct model m = {.nodes = &node, .n_nodes = 1};
	struct conf *c = conf_new();

	(void)state;
	c->node_name = "node-b";
	conf_take_node(c, &m);
	assert_null(c->zone);
	c->node_name = "node-a";
	conf_take_node(c, &m);
	assert_string_equal(c->zone, "z1");
	assert_int_equal(c->n_addrs, 1);
	assert_true(addr_eq(&c->addrs[0].addr, &ip));
	conf_set_addrs(c, &given, 1);
	conf_take_node(c, &m);
	assert_true(addr_eq(&c->addrs[0].addr, &given.addr));
	assert_string_equal(c->addrs[0].ifname, "");
	conf_free(c);
}

/* Written and read again it is written the same, and says the same. */
static void test_settings_are_read_as_they_were_written(void **state)
{
	static const char *const texts[] = {
	    HEAD,
	    HEAD "mode: ipvs\nbindAddress: \"fd00::1\"\nclusterCIDR: "
		 "10.244.0.0/16,fd00:10:244::/56\nnodePortAddresses: [10.0.0.0/8, "
		 "\"fd00::/8\"]\niptables: {masqueradeAll: true, masqueradeBit: 5, "
		 "localhostNodePorts: false}\nconntrack: {tcpBeLiberal: true}\nipvs: "
		 "{scheduler: lc, strictARP: true, excludeCIDRs: [192.0.2.0/24], "
		 "tcpTimeout: 15m0s, tcpFinTimeout: 30s, udpTimeout: 10s}\n",
	    HEAD "detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: "
		 "\"br\\\"0\"}\nnodePortAddresses: [primary]\n",
	    HEAD "detectLocalMode: InterfaceNamePrefix\ndetectLocal: "
		 "{interfaceNamePrefix: veth}\n",
	    HEAD "detectLocalMode: NodeCIDR\nfeatureGates: {LoadBalancerIPMode: true, "
		 "TopologyAwareHints: false}\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct loaded first = load(texts[i]), second;
		struct strbuf a = {0}, b = {0};
		struct error err = {0};

		assert_int_equal(conf_write_json(first.conf, &a, &err), 0);
		second = load(strbuf_str(&a));
		assert_int_equal(second.ret, 0);
		assert_int_equal(second.notes.list.n, 0);
		assert_int_equal(conf_write_json(second.conf, &b, &err), 0);
		assert_string_equal(strbuf_str(&a), strbuf_str(&b));
		assert_int_equal(second.conf->detect_local, first.conf->detect_local);
		assert_int_equal(second.conf->masquerade_bit, first.conf->masquerade_bit);
		assert_int_equal(second.conf->tcp_timeout, first.conf->tcp_timeout);
		assert_memory_equal(
		    second.conf->gates, first.conf->gates, sizeof(first.conf->gates));
		assert_int_equal(
		    second.conf->n_node_port_addrs, first.conf->n_node_port_addrs);
		assert_int_equal(
		    second.conf->node_port_primary, first.conf->node_port_primary);
		assert_int_equal(
		    second.conf->n_cluster_cidrs, first.conf->n_cluster_cidrs);
		assert_int_equal(
		    second.conf->n_exclude_cidrs, first.conf->n_exclude_cidrs);
		assert_string_equal(second.conf->scheduler, first.conf->scheduler);
		assert_string_equal(second.conf->bridge, first.conf->bridge);
		assert_true(
		    addr_eq(&second.conf->bind_address, &first.conf->bind_address));
		assert_true(second.conf->localhost_node_ports ==
			    first.conf->localhost_node_ports);
		strbuf_free(&a);
		strbuf_free(&b);
		unload(&first);
		unload(&second);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_defaults_are_kube_proxys),
	    cmocka_unit_test(test_fields_with_a_meaning_are_kept),
	    cmocka_unit_test(test_unknown_and_ill_typed_fields_are_warned_of),
	    cmocka_unit_test(test_warnings_name_the_key_of_a_config_map),
	    cmocka_unit_test(test_good_entries_of_a_list_survive_a_bad_one),
	    cmocka_unit_test(test_configuration_is_found_in_a_config_map),
	    cmocka_unit_test(test_what_is_no_configuration_is_refused_with_its_line),
	    cmocka_unit_test(test_more_than_settings_ever_are_is_refused),
	    cmocka_unit_test(test_missing_file_is_named),
	    cmocka_unit_test(test_feature_gates_make_the_dialect),
	    cmocka_unit_test(test_node_ip_follows_the_release),
	    cmocka_unit_test(test_a_kernel_release_that_is_none_changes_nothing),
	    cmocka_unit_test(test_detector_is_per_family),
	    cmocka_unit_test(test_node_object_fills_what_is_unknown),
	    cmocka_unit_test(test_settings_are_read_as_they_were_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
