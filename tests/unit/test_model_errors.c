/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Input that is no model: refused with file, object and field, or the line. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/model_fixture.h"

static void check_refused(const char *text, const char *want)
{
	struct strbuf sb = {0};
	struct loaded l = try_load(quoted(&sb, text));

	if (l.model)
		fail_msg("accepted, but should say '%s'", want);
	assert_int_equal(l.err.kind, ERR_INPUT);
	assert_int_equal(strncmp(l.err.msg, "/proc/self/fd/", 14), 0);
	if (!strstr(l.err.msg, want))
		fail_msg("'%s' does not say '%s'", l.err.msg, want);
	unload(&l);
	strbuf_free(&sb);
}

static void test_text_that_is_not_json_is_refused_with_its_line(void **state)
{
	(void)state;
	check_refused("", "is empty");
	check_refused(" \n ", "is empty");
	check_refused("[1]", "items[0]: must be an object");
	check_refused("hello", "line 1: an object expected");
	check_refused("{'kind':'List','items':[\n" PLAIN ",\n{'kind':\n'Service'",
	    "line 3: the file ends");
	check_refused("{'kind':'List','items':[\n" PLAIN,
	    "line 2: ',' or ']' expected, found the end");
	check_refused("{'kind':'List','items':[\n{'kind':\n tru}]}", "line 3: not JSON");
	check_refused("{'kind':'List','items':[{'a':[1}]}", "line 1: not JSON");
	check_refused(
	    "{'kind':'List','items':[" PLAIN ",]}", "a value expected after ','");
	check_refused(
	    "{'kind':'List','items':[" PLAIN " " PLAIN "]}", "',' or ']' expected");
	check_refused("{'kind':'List','items':[,]}", "a value expected, found ','");
	check_refused("{'kind':'List' 'items':[]}", "',' or '}' expected");
	check_refused("{kind:'List'}", "a field name expected");
	check_refused("{'kind'='List'}", "':' after a field name expected");
	check_refused("{'kind':'List','a':\n'x", "line 2: the file ends inside a string");
	check_refused("{'kind':'List'} x", "an object expected, found 'x'");
	check_refused("{'kind':'List','items':[\x01]}", "not JSON");
	check_refused("\xff\xfe{", "line 1: an object expected, found UTF-16: it must be UTF-8");
	check_refused("\xef\xbb{}", "line 1: an object expected, found byte 0xef");
	check_refused(PLAIN "\xef\xbb\xbf", "an object expected, found byte 0xef");
	check_refused("\xef\xbb\xbf", "is empty");
}

static void test_deep_nesting_is_refused(void **state)
{
	struct strbuf sb = {0};

	(void)state;
	strbuf_add(&sb, "{'kind':'List','items':[");
	for (int i = 0; i < 100000; i++)
		strbuf_addch(&sb, '[');
	check_refused(sb.s, "not JSON: maximum parsing depth");
	strbuf_free(&sb);
}

static void test_files_that_cannot_be_read_are_named(void **state)
{
	struct model *m = NULL;
	struct error err = {0};

	(void)state;
	assert_int_equal(model_load("/nonexistent/c.json", &m, NULL, &err), -1);
	assert_string_equal(err.msg, "/nonexistent/c.json: No such file or directory");
	assert_int_equal(model_load("/", &m, NULL, &err), -1);
	assert_string_equal(err.msg, "/: Is a directory");
}

static void test_what_is_no_cluster_is_refused(void **state)
{
	(void)state;
	check_refused("{}", "kind: missing");
	check_refused("{'kind':5}", "kind: must be a string");
	check_refused("{'kind':'List','items':{}}", "items: must be an array");
	check_refused(LIST("5"), "items[0]: must be an object");
	check_refused(LIST("{'kind':[]}"), "items[0].kind: must be a string");
	/* Taken for an empty cluster, this would remove every service. */
	check_refused(LIST("{'kind':'Pod'}"), "holds no Service");
	check_refused("{'kind':'PodList','items':[{}]}", "holds no Service");
	check_refused(
	    "{'items':[" NO_KIND_SERVICE "],'kind':'PodList'}", "look like a Service");
}

static void test_bad_objects_are_refused_with_object_and_field(void **state)
{
#define BAD(spec, want)                                                                  \
	check_refused(SERVICE("'clusterIP':'10.96.0.1'," spec), "default/web: " want)
	(void)state;
	BAD("'ports':[{'port':0}]", "spec.ports[0].port: 0 is not a port");
	BAD("'ports':[{'port':80,'name':'a'},{'port':70000}]",
	    "spec.ports[1].port: 70000 is not a port");
	BAD("'ports':[{'port':'80'}]",
	    "spec.ports[0].port: must be a whole number, not a string");
	BAD("'ports':[{}]", "spec.ports[0].port: is missing");
	BAD("'ports':[{'port':80,'nodePort':-1}]", "spec.ports[0].nodePort: -1");
	BAD("'ports':[{'port':80,'nodePort':65536}]", "spec.ports[0].nodePort: 65536");
	BAD("'ports':[{'port':80,'protocol':'ICMP'}]",
	    "spec.ports[0].protocol: 'ICMP' is not a protocol");
	BAD("'ports':{}", "spec.ports: must be an array, not an object");
	BAD("'ports':[7]", "spec.ports[0]: must be an object, not a number");
	BAD("'ports':[],'externalIPs':[1]", "spec.externalIPs[0]: must be a string");
	BAD("'ports':[],'type':1", "spec.type: must be a string");
	BAD("'ports':[],'sessionAffinity':'ClientIP','sessionAffinityConfig':"
	    "{'clientIP':{'timeoutSeconds':0}}",
	    "spec.sessionAffinityConfig.clientIP.timeoutSeconds: 0 is not between 1 and 86400");
	BAD("'ports':[],'healthCheckNodePort':70000", "spec.healthCheckNodePort: 70000");
	check_refused(SERVICE("'clusterIP':'10.96.0.300'"),
	    "default/web: spec.clusterIP: '10.96.0.300' is not an IP address");
	check_refused(SERVICE("'clusterIPs':['10.96.0.1','x']"),
	    "default/web: spec.clusterIPs[1]: 'x' is not an IP address");
	check_refused("{'kind':'Service','metadata':{}}", "Service: metadata.name: is missing");
	check_refused("{'kind':'Service','metadata':{'name':'a'},'spec':[]}",
	    "default/a: spec: must be an object, not an array");
	check_refused(SLICE("{'addresses':['10.0.0.x']}"),
	    "EndpointSlice default/web-x: endpoints[0].addresses[0]: '10.0.0.x' is not");
	check_refused(
	    SLICE(EP ",{'addresses':['10.0.0.2'],'conditions':{'ready':'yes'}}"),
	    "endpoints[1].conditions.ready: must be true or false, not a string");
	check_refused(
	    SLICE_OF("", "'addressType':'IPv4','ports':[{'name':'','port':70000}]"),
	    "EndpointSlice default/web-x: ports[0].port: 70000");
	check_refused(SLICE_OF("", "'ports':[]"), "addressType: is missing");
	check_refused("{'kind':'Node','metadata':{'name':'n'},'status':{'addresses':"
		      "[{'type':'InternalIP','address':1}]}}",
	    "Node n: status.addresses[0].address: must be a string");
#undef BAD
}

static void test_objects_that_come_twice_are_refused(void **state)
{
	(void)state;
	check_refused(LIST(PLAIN "," PLAIN), "default/web: this Service is there twice");
	check_refused(SERVICE("'clusterIP':'10.96.0.1','ports':[{'name':'a','port':1},"
			      "{'name':'a','port':2}]"),
	    "default/web:a: there are two service ports");
	check_refused("{'kind':'Node','metadata':{'name':'n'}}{'kind':'Node','metadata':"
		      "{'name':'n'}}",
	    "Node n: this Node is there twice");
	check_refused(LIST(SLICE(EP) "," SLICE(EP)),
	    "EndpointSlice default/web-x: this EndpointSlice is there twice");
	check_refused(
	    LIST("{'kind':'Endpoints','metadata':{'name':'e','resourceVersion':'5'}},"
		 "{'kind':'Endpoints','metadata':{'name':'e','resourceVersion':'7'}}"),
	    "Endpoints default/e: this Endpoints is there twice, as resourceVersion 5 and 7");
}

/* Ports times addresses, ports times endpoints: some kilobytes ask for gigabytes. */
static void test_products_beyond_a_million_are_refused(void **state)
{
	struct strbuf ports = {0}, ips = {0}, text = {0};

	(void)state;
	for (unsigned i = 0; i < 1100; i++) {
		const char *comma = i ? "," : "";

		strbuf_addf(&ports, "%s{'name':'p%u','port':%u}", comma, i, i + 1);
		strbuf_addf(&ips, "%s'10.1.%u.%u'", comma, i >> 8, i & 255);
	}
	strbuf_addf(&text,
	    "{'kind':'Service','metadata':{'name':'web'},'spec':{'clusterIP':'10.0.0.1',"
	    "'externalIPs':[%s],'ports':[%s]}}",
	    strbuf_str(&ips), strbuf_str(&ports));
	check_refused(strbuf_str(&text),
	    "default/web: spec.ports[906]: more than 1000000 addresses of service ports");
	strbuf_reset(&text);
	strbuf_addf(&text,
	    "{'kind':'Service','metadata':{'name':'web'},'spec':{'clusterIP':'10.0.0.1',"
	    "'ports':[%s]}}{'kind':'Endpoints','metadata':{'name':'web'},'subsets':["
	    "{'ports':[%s],'addresses':[",
	    strbuf_str(&ports), strbuf_str(&ports));
	for (unsigned i = 0; i < 1100; i++)
		strbuf_addf(
		    &text, "%s{'ip':'10.1.%u.%u'}", i ? "," : "", i >> 8, i & 255);
	strbuf_add(&text, "]}]}");
	check_refused(strbuf_str(&text),
	    "default/web:p909: more than 1000000 endpoints of service ports");
	strbuf_free(&ports);
	strbuf_free(&ips);
	strbuf_free(&text);
}

static void test_native_mistakes_are_refused_with_their_field(void **state)
{
#define IN(rest) NATIVE("'services':[{'name':'www'," rest "}]")
	(void)state;
	check_refused(
	    IN("'endpoint':[]"), "default/www: endpoint: there is no such field");
	check_refused(IN("'endpoints':[{'address':'10.0.0.1','port':1,'weigth':2}]"),
	    "default/www: endpoints[0].weigth: there is no such field");
	check_refused(
	    IN("'frontends':[{'adress':'10.0.0.1','port':1}]"), "frontends[0].adress");
	check_refused(IN("'frontends':[{'port':1}]"), "frontends[0].address: is missing");
	check_refused(
	    IN("'frontends':[{'address':'10.0.0.1'}]"), "frontends[0].port: is missing");
	check_refused(IN("'frontends':[{'kind':'vip','address':'10.0.0.1','port':1}]"),
	    "frontends[0].kind: 'vip' is not one of: cluster, external, loadBalancer, nodePort");
	check_refused(
	    IN("'frontends':[{'kind':'nodePort','address':'10.0.0.1','port':1}]"),
	    "frontends[0].address: a node port has none");
	check_refused(IN("'endpoints':[{'address':'10.0.0.1','port':1,'weight':-1}]"),
	    "endpoints[0].weight: -1");
	check_refused(IN("'forwarding':'nat'"), "forwarding: 'nat' is not one of");
	check_refused(IN("'families':['IPv5']"), "families[0]: 'IPv5'");
	check_refused(IN("'sourceRanges':['10.0.0.1']"), "sourceRanges[0]");
	check_refused(
	    NATIVE("'services':[{'protocol':'TCP'}]"), "services[0].name: is missing");
	check_refused(NATIVE("'services':[7]"), "services[0]: must be an object");
	check_refused(
	    NATIVE("'nodes':[{'name':'n','ips':[]}]"), "nodes[0].ips: there is no");
	check_refused(NATIVE("'services':{}"), "services: must be an array");
	check_refused(
	    NATIVE("'service':[]"), "service: a ServiceModel has no such field");
	check_refused(NATIVE("'items':[]"), "items: ");
	check_refused(
	    "{'kind':'ServiceModel','services':[]}", "apiVersion: '' is not vipshift/v1");
	check_refused("{'apiVersion':'vipshift/v2','kind':'ServiceModel'}",
	    "apiVersion: 'vipshift/v2' is not vipshift/v1");
	check_refused("{'services':[{'name':'a'}],'kind':'Service'}", "kind: 'Service'");
#undef IN
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_text_that_is_not_json_is_refused_with_its_line),
	    cmocka_unit_test(test_deep_nesting_is_refused),
	    cmocka_unit_test(test_files_that_cannot_be_read_are_named),
	    cmocka_unit_test(test_what_is_no_cluster_is_refused),
	    cmocka_unit_test(test_bad_objects_are_refused_with_object_and_field),
	    cmocka_unit_test(test_objects_that_come_twice_are_refused),
	    cmocka_unit_test(test_products_beyond_a_million_are_refused),
	    cmocka_unit_test(test_native_mistakes_are_refused_with_their_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
