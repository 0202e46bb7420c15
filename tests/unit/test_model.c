/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loading models: Kubernetes JSON in all its shapes, the native JSON, and what is
 * refused. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <glob.h>
#include <netinet/in.h>

#include "../lib/model_fixture.h"

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_list(const char *const *a, const char *const *b)
{
	if (!a || !b)
		return a == b;
	while (*a && *b && !strcmp(*a, *b))
		a++, b++;
	return !*a && !*b;
}

static void check_same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
	assert_true(addr_eq(&a->addr, &b->addr));
	assert_int_equal(a->port, b->port);
	assert_true(a->ready == b->ready && a->serving == b->serving &&
		    a->terminating == b->terminating);
	assert_true(a->weight_set == b->weight_set && a->weight == b->weight);
	assert_true(same_text(a->written, b->written));
	assert_true(same_text(a->node, b->node) && same_text(a->zone, b->zone));
	assert_true(same_list(a->hint_zones, b->hint_zones));
	assert_true(same_list(a->hint_nodes, b->hint_nodes));
}

static void check_same_lists(const struct service *a, const struct service *b)
{
	assert_int_equal(a->n_ranges, b->n_ranges);
	for (size_t i = 0; i < a->n_ranges; i++)
		assert_int_equal(prefix_cmp(&a->ranges[i], &b->ranges[i]), 0);
	assert_int_equal(a->n_frontends, b->n_frontends);
	for (size_t i = 0; i < a->n_frontends; i++) {
		const struct frontend *x = &a->frontends[i], *y = &b->frontends[i];

		assert_true(x->kind == y->kind && x->ip_mode == y->ip_mode &&
			    x->port == y->port && addr_eq(&x->addr, &y->addr));
	}
	assert_int_equal(a->n_endpoints, b->n_endpoints);
	for (size_t i = 0; i < a->n_endpoints; i++)
		check_same_endpoint(&a->endpoints[i], &b->endpoints[i]);
}

static void check_same_service(const struct service *a, const struct service *b)
{
	assert_string_equal(a->ns, b->ns);
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->port_name, b->port_name);
	assert_string_equal(a->spn, b->spn);
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->families, b->families);
	assert_true(a->internal_local == b->internal_local &&
		    a->external_local == b->external_local && a->affinity == b->affinity);
	assert_int_equal(a->affinity_sec, b->affinity_sec);
	assert_int_equal(a->health_port, b->health_port);
	assert_true(same_text(a->hints_annotation, b->hints_annotation));
	assert_true(same_text(a->mode_annotation, b->mode_annotation));
	assert_true(same_text(a->scheduler, b->scheduler));
	assert_int_equal(a->forwarding, b->forwarding);
	check_same_lists(a, b);
}

static void check_same_model(const struct model *a, const struct model *b)
{
	assert_int_equal(a->n_services, b->n_services);
	for (size_t i = 0; i < a->n_services; i++)
		check_same_service(&a->services[i], &b->services[i]);
	assert_int_equal(a->n_nodes, b->n_nodes);
	for (size_t i = 0; i < a->n_nodes; i++) {
		const struct model_node *x = &a->nodes[i], *y = &b->nodes[i];

		assert_string_equal(x->name, y->name);
		assert_true(same_text(x->zone, y->zone));
		assert_true(same_text(x->kubelet_version, y->kubelet_version));
		assert_int_equal(x->n_addrs, y->n_addrs);
		for (size_t k = 0; k < x->n_addrs; k++)
			assert_true(addr_eq(&x->addrs[k], &y->addrs[k]));
		assert_int_equal(x->n_pod_cidrs, y->n_pod_cidrs);
		for (size_t k = 0; k < x->n_pod_cidrs; k++)
			assert_false(prefix_cmp(&x->pod_cidrs[k], &y->pod_cidrs[k]));
	}
}

static char *write_model(const struct model *m)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_int_equal(model_write_json(m, out, NULL), 0);
	fclose(out);
	return text;
}

static void check_round_trip(const struct model *m)
{
	char *text = write_model(m), *again;
	struct loaded back = load(text);

	check_same_model(m, back.model);
	again = write_model(back.model);
	assert_string_equal(text, again);
	free(text);
	free(again);
	unload(&back);
}

static void test_every_recorded_cluster_survives_the_native_json(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(TESTDATA "/golden/*/cluster*.json", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 30);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		struct loaded l = {0};

		if (model_load(found.gl_pathv[i], &l.model, &l.notes, &l.err))
			fail_msg("%s", l.err.msg);
		assert_int_equal(l.model->n_nodes, 3);
		check_round_trip(l.model);
		unload(&l);
	}
	globfree(&found);
}

static void test_dual_stack_cluster_is_read_in_full(void **state)
{
	const char *path = TESTDATA "/golden/dual-stack/cluster.json";
	const struct service *s = NULL;
	struct loaded l = {0};

	(void)state;
	assert_int_equal(model_load(path, &l.model, &l.notes, &l.err), 0);
	for (size_t i = 0; i < l.model->n_services; i++)
		if (!strcmp(l.model->services[i].spn, "default/dual-lb:http"))
			s = &l.model->services[i];
	assert_non_null(s);
	assert_int_equal(s->type, SVC_LOAD_BALANCER);
	assert_int_equal(s->families, FAMILY_BOTH);
	assert_int_equal(s->n_ranges, 2);
	assert_int_equal(s->n_frontends, 5); /* 2 cluster, 2 load balancer, node port */
	assert_int_equal(s->frontends[4].kind, FE_NODE_PORT);
	assert_int_equal(s->frontends[4].port, 30181);
	assert_int_equal(model_node_find(l.model, "node-b")->n_pod_cidrs, 2);
	assert_string_equal(
	    model_node_find(l.model, "node-b")->kubelet_version, "v1.27.0");
	assert_null(model_node_find(l.model, "node-z"));
	unload(&l);
}

/* The model of that text has one service with one endpoint. */
static void check_shape(const char *text)
{
	struct loaded l = load_quoted(text);

	assert_int_equal(l.model->n_services, 1);
	assert_string_equal(l.model->services[0].spn, "default/web");
	assert_int_equal(l.model->services[0].n_endpoints, 1);
	assert_int_equal(l.model->services[0].endpoints[0].port, 8080);
	unload(&l);
}

static void test_lists_and_documents_come_in_all_shapes(void **state)
{
	(void)state;
	check_shape(LIST(PLAIN "," SLICE(EP)));
	check_shape(LIST(SLICE(EP) "," PLAIN)); /* slices first */
	check_shape("\xef\xbb\xbf" LIST(PLAIN "," SLICE(EP)));
	check_shape(
	    "{'items':[" PLAIN "," SLICE(EP) "],'metadata':{'x':1},'kind':'List'}");
	check_shape("{'x':'\\'items\\':[{','metadata':{'items':[1]},'kind':'List',"
		    "'items':[" PLAIN "," SLICE(EP) "]}");
	check_shape(PLAIN "\n" SLICE(EP) "\n");
	check_shape(PLAIN SLICE(EP));
	check_shape(LIST(PLAIN) LIST(SLICE(EP)));
	check_shape("\n\t {'kind':'List' , 'items' : [ ] } " PLAIN SLICE(EP));
	check_shape(
	    "{'kind':'List','n':12,'t':true,'z':null,'items':[" PLAIN "," SLICE(EP) "]}");
}

static void test_items_of_typed_lists_need_no_kind(void **state)
{
	(void)state;
	check_shape("{'kind':'ServiceList','items':[" NO_KIND_SERVICE "]}" SLICE(EP));
	check_shape("{'items':[" NO_KIND_SERVICE "],'kind':'ServiceList'}" SLICE(EP));
}

static void test_other_objects_beside_services_are_ignored(void **state)
{
	(void)state;
	check_shape(LIST("{'kind':'Pod','metadata':{'name':'p'}}," PLAIN "," SLICE(EP)));
	/* Another group's Service is none of ours. */
	check_shape(LIST("{'kind':'Service','apiVersion':'serving.knative.dev/v1'}," PLAIN
			 "," SLICE(EP)));
}

static void test_large_items_cross_buffers(void **state)
{
	struct strbuf text = {0}, raw = {0};
	struct loaded l;

	(void)state;
	strbuf_add(&raw, "{'kind':'List','items':[");
	for (int i = 0; i < 300; i++) {
		strbuf_addf(&raw,
		    "%s{'kind':'Service','metadata':{'name':'s%d','annotations':"
		    "{'a':'",
		    i ? "," : "", i);
		for (int k = 0; k < 600; k++)
			strbuf_addf(&raw, "\\\\ } ] \\u0027 %d \\n", i);
		strbuf_addf(&raw,
		    "'}},'spec':{'clusterIP':'10.96.%d.%d','ports':[{'port':80}]}}",
		    i / 250, i % 250);
	}
	strbuf_add(&raw, "]}");
	assert_true(raw.len > 3u << 20);
	l = load(quoted(&text, raw.s));
	assert_int_equal(l.model->n_services, 300);
	unload(&l);
	strbuf_free(&text);
	strbuf_free(&raw);
}

static void check_count(const char *text, size_t services, size_t endpoints)
{
	struct loaded l = load_quoted(text);

	assert_int_equal(l.model->n_services, services);
	if (services)
		assert_int_equal(l.model->services[0].n_endpoints, endpoints);
	unload(&l);
}

static void test_services_that_kube_proxy_skips_are_skipped(void **state)
{
	(void)state;
	check_count(SERVICE("'clusterIP':'None','ports':[{'port':80}]"), 0, 0);
	check_count(SERVICE("'clusterIPs':['None'],'ports':[{'port':80}]"), 0, 0);
	check_count(SERVICE("'clusterIP':'','ports':[{'port':80}]"), 0, 0);
	check_count(SERVICE("'ports':[{'port':80}]"), 0, 0);
	check_count(SERVICE("'type':'ExternalName','externalName':'x.org',"
			    "'clusterIP':'10.96.0.1','ports':[{'port':80}]"),
	    0, 0);
	check_count(SERVICE("'clusterIP':'10.96.0.1','ports':null"), 0, 0);
	check_count("{'kind':'Service','metadata':{'name':'web','labels':"
		    "{'service.kubernetes.io/service-proxy-name':''}},"
		    "'spec':{'clusterIP':'10.96.0.1','ports':[{'port':80}]}}",
	    0, 0);
	check_count("{'kind':'Service','metadata':{'name':'web','labels':"
		    "{'service.kubernetes.io/headless':'no'}},"
		    "'spec':{'clusterIP':'10.96.0.1','ports':[{'port':80}]}}",
	    0, 0);
}

static void test_slices_that_do_not_count_are_skipped(void **state)
{
	(void)state;
	check_count(
	    LIST(PLAIN "," SLICE_OF(",'service.kubernetes.io/headless':''",
		"'addressType':'IPv4','ports':[{'name':'','port':1}],'endpoints':[" EP
		"]")),
	    1, 0);
	check_count(LIST(PLAIN "," SLICE_OF("",
			"'addressType':'FQDN','ports':[{'name':'','port':1}],"
			"'endpoints':[{'addresses':['a.example']}]")),
	    1, 0);
	check_count(LIST(PLAIN "," SLICE_OF("", "'addressType':'IPv4','ports':null,"
						"'endpoints':[" EP "]")),
	    1, 0);
	check_count(LIST(PLAIN "," SLICE_OF("", "'addressType':'IPv4','endpoints':null,"
						"'ports':[{'name':'','port':1}]")),
	    1, 0);
	/* No port name, no port, another port name, another protocol. */
	check_count(
	    LIST(PLAIN "," SLICE_OF("",
		"'addressType':'IPv4','endpoints':[" EP "],'ports':[{'port':1},"
		"{'name':'','port':null},{'name':'','port':0},{'name':'x','port':2},"
		"{'name':'','port':3,'protocol':'UDP'}]")),
	    1, 0);
	/* Another family than the slice's, or than the service's. */
	check_count(LIST(PLAIN "," SLICE("{'addresses':['fd00::1']}")), 1, 0);
	check_count(
	    LIST(PLAIN "," SLICE_OF("", "'addressType':'IPv6','ports':[{'name':'',"
					"'port':1}],'endpoints':[{'addresses':"
					"['fd00::1']}]")),
	    1, 0);
	/* Another namespace. */
	check_count(
	    LIST(PLAIN ",{'kind':'EndpointSlice','metadata':{'name':'x','namespace':"
		       "'other','labels':{'kubernetes.io/service-name':'web'}},"
		       "'addressType':'IPv4','ports':[{'name':'','port':1}],"
		       "'endpoints':[" EP "]}"),
	    1, 0);
}

static void test_nil_conditions_have_their_meaning(void **state)
{
	struct loaded l = load_quoted(LIST(PLAIN "," SLICE(
	    "{'addresses':['10.0.0.1','10.0.0.9']},"
	    "{'addresses':['10.0.0.2'],'conditions':{'ready':null,'serving':null}},"
	    "{'addresses':['10.0.0.3'],'conditions':{'ready':false,'serving':false,"
	    "'terminating':true},'nodeName':'n','zone':'z','hints':{'forZones':"
	    "[{'name':'z1'},{'name':'z2'}],'forNodes':[]}},"
	    "{'addresses':[]},{'addresses':null}")));
	const struct service *s = &l.model->services[0];

	(void)state;
	assert_int_equal(s->n_endpoints, 3);
	for (int i = 0; i < 2; i++) {
		assert_true(s->endpoints[i].ready && s->endpoints[i].serving);
		assert_false(s->endpoints[i].terminating);
		assert_null(s->endpoints[i].node);
		assert_null(s->endpoints[i].hint_zones);
	}
	assert_false(s->endpoints[2].ready || s->endpoints[2].serving);
	assert_true(s->endpoints[2].terminating);
	assert_string_equal(s->endpoints[2].hint_zones[1], "z2");
	assert_null(s->endpoints[2].hint_zones[2]);
	assert_null(s->endpoints[2].hint_nodes);
	check_round_trip(l.model);
	unload(&l);
}

static void test_endpoints_are_sorted_by_the_bytes_of_their_text(void **state)
{
	static const char *const want[] = {"10.244.1.9", "10.244.10.1", "10.244.2.9"};
	struct loaded l =
	    load_quoted(LIST(PLAIN "," SLICE("{'addresses':['10.244.2.9']},"
					     "{'addresses':['10.244.1.9']},"
					     "{'addresses':['10.244.10.1']}")));
	char buf[ADDR_STRLEN];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_string_equal(
		    addr_format(&l.model->services[0].endpoints[i].addr, buf), want[i]);
	unload(&l);
}

static void test_equal_endpoints_of_two_slices_are_one(void **state)
{
#define SECOND(endpoints)                                                                \
	"{'kind':'EndpointSlice','metadata':{'name':'web-y','labels':{"                  \
	"'kubernetes.io/service-name':'web'}},'addressType':'IPv4','ports':["            \
	"{'name':'','port':8080}],'endpoints':[" endpoints "]}"
	(void)state;
	check_count(LIST(PLAIN "," SLICE(EP) "," SECOND(EP "," EP)), 1, 1);
	/* What differs is kept for the release to decide. */
	check_count(LIST(PLAIN "," SLICE(EP) "," SECOND(
			"{'addresses':['10.0.0.1'],'conditions':{'ready':false}}")),
	    1, 2);
#undef SECOND
}

#define ENDPOINTS                                                                         \
	"{'kind':'Endpoints','metadata':{'name':'web','namespace':'default'},'subsets':[" \
	"{'addresses':[{'ip':'10.0.0.1','nodeName':'n'}],'notReadyAddresses':"            \
	"[{'ip':'10.0.0.2'}],'ports':[{'port':8080}]}]}"

static void test_endpoints_objects_serve_where_there_is_no_slice(void **state)
{
	struct loaded l = load_quoted(LIST(PLAIN "," ENDPOINTS));
	const struct service *s = &l.model->services[0];

	(void)state;
	assert_int_equal(s->n_endpoints, 2);
	assert_true(s->endpoints[0].ready);
	assert_string_equal(s->endpoints[0].node, "n");
	assert_false(s->endpoints[1].ready || s->endpoints[1].serving);
	unload(&l);
	check_count(
	    LIST(ENDPOINTS "," PLAIN "," SLICE("{'addresses':['10.0.0.7']}")), 1, 1);
	check_count(LIST(PLAIN "," SLICE("") "," ENDPOINTS), 1, 0);
}

static void test_frontends_follow_the_cluster_ips_families(void **state)
{
	struct loaded l = load_quoted(
	    "{'kind':'Service','metadata':{'name':'web'},'spec':{'type':'LoadBalancer',"
	    "'clusterIPs':['10.96.0.1'],'externalIPs':['2001:db8::1','192.0.2.1','bogus'],"
	    "'ports':[{'port':80,'nodePort':0}]},'status':{'loadBalancer':{'ingress':["
	    "{'hostname':'lb.example'},{'ip':'2001:db8::2'},{'ip':'192.0.2.2','ipMode':"
	    "'Proxy'},{'ip':'192.0.2.2'},{'ip':'192.0.2.300'}]}}}" SLICE(""));
	const struct service *s = &l.model->services[0];

	(void)state;
	assert_int_equal(s->families, FAMILY_BIT(FAMILY_4));
	assert_int_equal(s->n_frontends, 4);
	assert_int_equal(s->frontends[0].kind, FE_CLUSTER);
	assert_int_equal(s->frontends[1].kind, FE_EXTERNAL);
	assert_int_equal(s->frontends[2].kind, FE_LOAD_BALANCER);
	assert_int_equal(s->frontends[2].ip_mode, IP_MODE_PROXY);
	/* The same address once more: whether the first counts is the dialect's. */
	assert_int_equal(s->frontends[3].ip_mode, IP_MODE_UNSET);
	assert_int_equal(l.notes.list.n, 4);
	assert_string_equal(l.notes.list.v[0].about, "default/web");
	unload(&l);
}

static void test_external_node_address_counts_without_an_internal_one(void **state)
{
	struct loaded l =
	    load_quoted("{'kind':'Node','metadata':{'name':'a'},'status':{'addresses':["
			"{'type':'ExternalIP','address':'203.0.113.1'},"
			"{'type':'ExternalIP','address':'2001:db8::1'},"
			"{'type':'InternalIP','address':'10.0.0.1'}]}}");
	const struct model_node *n = &l.model->nodes[0];
	char buf[ADDR_STRLEN];

	(void)state;
	assert_int_equal(n->n_addrs, 2);
	assert_string_equal(addr_format(&n->addrs[0], buf), "10.0.0.1");
	assert_string_equal(addr_format(&n->addrs[1], buf), "2001:db8::1");
	unload(&l);
}

static void test_source_ranges_are_trimmed_and_bad_ones_dropped(void **state)
{
	struct loaded l = load_quoted(SERVICE(
	    "'clusterIP':'10.96.0.1','ports':[{'port':80}],'loadBalancerSourceRanges':"
	    "[' 10.1.2.3/16 ','fd00::/8','10.0.0.1','10.0.0.0/33','x','010.09.0.0/16']")
		SLICE(""));
	const struct service *s = &l.model->services[0];
	struct strbuf sb = {0};

	(void)state;
	assert_int_equal(s->n_ranges, 3);
	prefix_print(&sb, &s->ranges[0]);
	assert_string_equal(sb.s, "10.1.2.3/16"); /* as written: the release decides */
	/* A range that is not understood may be the only one, and all are let in then. */
	strbuf_reset(&sb);
	prefix_print(&sb, &s->ranges[2]);
	assert_string_equal(sb.s, "10.9.0.0/16");
	assert_int_equal(l.notes.list.n, 3);
	strbuf_free(&sb);
	unload(&l);
}

static void test_affinity_has_its_default_and_limits(void **state)
{
	struct loaded l =
	    load_quoted(SERVICE("'clusterIP':'10.96.0.1','ports':[{'port':80}],"
				"'sessionAffinity':'ClientIP'"));

	(void)state;
	assert_true(l.model->services[0].affinity);
	assert_int_equal(l.model->services[0].affinity_sec, 10800);
	unload(&l);
	l = load_quoted(
	    SERVICE("'clusterIP':'10.96.0.1','ports':[{'port':80}],"
		    "'sessionAffinityConfig':{'clientIP':{'timeoutSeconds':5}}"));
	assert_int_equal(l.model->services[0].affinity_sec, 0);
	unload(&l);
}

static void test_unknown_choices_fall_back_with_a_note(void **state)
{
	struct loaded l =
	    load_quoted(SERVICE("'clusterIP':'10.96.0.1','ports':[{'port':80}],"
				"'type':'Magic','sessionAffinity':'Cookie',"
				"'internalTrafficPolicy':'PreferLocal'") SLICE(""));

	(void)state;
	assert_int_equal(l.notes.list.n, 3);
	assert_int_equal(l.model->services[0].type, SVC_CLUSTER_IP);
	assert_false(
	    l.model->services[0].internal_local || l.model->services[0].affinity);
	unload(&l);
}

static void test_shared_addresses_are_noted_where_kubernetes_allows_them(void **state)
{
	struct loaded l = load_quoted(
	    LIST(OTHER("a", "'clusterIP':'10.96.0.1','externalIPs':['192.0.2.1'],"
			    "'ports':[{'port':80,'nodePort':30000}]") "," OTHER("b",
		"'clusterIP':'10.96.0.2','externalIPs':['192.0.2.1'],"
		"'ports':[{'port':80}]") "," OTHER("c",
		"'clusterIP':'10.96.0.1','ports':[{'port':80,'protocol':'UDP',"
		"'nodePort':30000}]")) SLICE(""));

	(void)state;
	assert_int_equal(l.model->n_services, 3);
	assert_int_equal(l.notes.list.n, 1);
	assert_string_equal(l.notes.list.v[0].about, "default/b");
	assert_string_equal(
	    l.notes.list.v[0].text, "192.0.2.1:80/tcp is also claimed by default/a");
	unload(&l);
}

static void test_hand_written_native_model_is_short(void **state)
{
	struct loaded l = load_quoted(NATIVE(
	    "'services':[{'name':'www','protocol':'TCP','scheduler':'wrr','forwarding':'direct',"
	    "'frontends':[{'kind':'external','address':'192.0.2.1','port':80}],"
	    "'endpoints':[{'address':'10.0.0.2','port':80,'weight':3},"
	    "{'address':'10.0.0.1','port':80}]}]"));
	const struct service *s = &l.model->services[0];

	(void)state;
	assert_string_equal(s->spn, "default/www");
	assert_string_equal(s->scheduler, "wrr");
	assert_int_equal(s->forwarding, FWD_DIRECT);
	assert_int_equal(s->families, FAMILY_BIT(FAMILY_4));
	assert_int_equal(s->type, SVC_CLUSTER_IP);
	assert_true(s->endpoints[0].ready && s->endpoints[0].serving);
	assert_int_equal(s->endpoints[0].weight, 1);
	assert_false(s->endpoints[0].weight_set);
	assert_int_equal(s->endpoints[1].weight, 3);
	assert_int_equal(l.model->n_nodes, 0);
	check_round_trip(l.model);
	unload(&l);
}

static void test_native_model_carries_every_field(void **state)
{
	struct loaded l = load_quoted(NATIVE(
	    "'services':[{'namespace':'ns \\u00e9\\\\','name':'www','portName':'p','protocol':"
	    "'SCTP','type':'LoadBalancer','families':['IPv6'],'internalTrafficPolicy':'Local',"
	    "'externalTrafficPolicy':'Local','sessionAffinity':'ClientIP','affinitySeconds':7,"
	    "'healthCheckNodePort':31000,'topologyAwareHints':'','topologyMode':'Auto',"
	    "'sourceRanges':['10.1.2.3/8','fd00::/8'],'scheduler':'sh','forwarding':'tunnel',"
	    "'frontends':[{'kind':'nodePort','port':30000},{'kind':'loadBalancer','address':"
	    "'2001:db8::1','port':80,'ipMode':'Proxy'},{'kind':'loadBalancer','address':"
	    "'2001:db8::2','port':80,'ipMode':'VIP'},{'kind':'cluster','address':'fd00::1',"
	    "'port':80}],'endpoints':[{'address':'FD00:0::2','port':8080,'node':'n','zone':'z',"
	    "'ready':false,'serving':true,'terminating':true,'weight':0,'hints':{'forZones':"
	    "['a','b'],'forNodes':['n']}},{'address':'10.0.0.1','port':1,'hints':"
	    "{'forNodes':['m']}}]},{'name':'empty','frontends':[],'endpoints':[]}],"
	    "'nodes':[{'name':'n','addresses':['10.0.0.1','fd00::9'],'podCIDRs':"
	    "['10.244.0.0/24'],'zone':'z','kubeletVersion':'v1.30.0'},{'name':'m'}]"));
	const struct service *s = &l.model->services[1];

	(void)state;
	assert_string_equal(s->spn, "ns \xc3\xa9\\/www:p");
	assert_int_equal(s->proto, IPPROTO_SCTP);
	assert_int_equal(s->frontends[0].kind, FE_CLUSTER);
	assert_int_equal(s->affinity_sec, 7);
	assert_string_equal(s->hints_annotation, "");
	assert_true(s->endpoints[1].weight_set && s->endpoints[1].weight == 0);
	assert_int_equal(l.model->n_nodes, 2);
	check_round_trip(l.model);
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_recorded_cluster_survives_the_native_json),
	    cmocka_unit_test(test_dual_stack_cluster_is_read_in_full),
	    cmocka_unit_test(test_lists_and_documents_come_in_all_shapes),
	    cmocka_unit_test(test_items_of_typed_lists_need_no_kind),
	    cmocka_unit_test(test_other_objects_beside_services_are_ignored),
	    cmocka_unit_test(test_large_items_cross_buffers),
	    cmocka_unit_test(test_services_that_kube_proxy_skips_are_skipped),
	    cmocka_unit_test(test_slices_that_do_not_count_are_skipped),
	    cmocka_unit_test(test_nil_conditions_have_their_meaning),
	    cmocka_unit_test(test_endpoints_are_sorted_by_the_bytes_of_their_text),
	    cmocka_unit_test(test_equal_endpoints_of_two_slices_are_one),
	    cmocka_unit_test(test_endpoints_objects_serve_where_there_is_no_slice),
	    cmocka_unit_test(test_frontends_follow_the_cluster_ips_families),
	    cmocka_unit_test(test_external_node_address_counts_without_an_internal_one),
	    cmocka_unit_test(test_source_ranges_are_trimmed_and_bad_ones_dropped),
	    cmocka_unit_test(test_affinity_has_its_default_and_limits),
	    cmocka_unit_test(test_unknown_choices_fall_back_with_a_note),
	    cmocka_unit_test(
		test_shared_addresses_are_noted_where_kubernetes_allows_them),
	    cmocka_unit_test(test_hand_written_native_model_is_short),
	    cmocka_unit_test(test_native_model_carries_every_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
