/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people hand in that is not one tidy list from kubectl: read like it, or refused
 * when something is missing from it. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../lib/model_fixture.h"

static void assert_refused(const char *text, const char *want)
{
	struct strbuf sb = {0};
	struct loaded l = try_load(quoted(&sb, text));

	assert_null(l.model);
	if (!strstr(l.err.msg, want))
		fail_msg("'%s' does not say '%s'", l.err.msg, want);
	unload(&l);
	strbuf_free(&sb);
}

/* default/web with one endpoint, and nothing is to be said about it. */
static void assert_web(const struct loaded *l)
{
	if (l->notes.list.n)
		fail_msg("%s", l->notes.list.v[0].text);
	assert_int_equal(l->model->n_services, 1);
	assert_string_equal(l->model->services[0].spn, "default/web");
	assert_int_equal(l->model->services[0].n_frontends, 1);
	assert_int_equal(l->model->services[0].n_endpoints, 1);
	assert_int_equal(l->model->services[0].endpoints[0].port, 8080);
}

static void check_web(const char *text)
{
	struct loaded l = load_quoted(text);

	assert_web(&l);
	unload(&l);
}

static void assert_note(const struct loaded *l, const char *about, const char *text)
{
	for (size_t i = 0; i < l->notes.list.n; i++) {
		const struct note *n = &l->notes.list.v[i];

		if (strstr(n->text, text) &&
		    (about ? n->about && !strcmp(n->about, about) : !n->about))
			return;
	}
	fail_msg("no note says '%s'", text);
}

static void test_yaml_is_read_like_json(void **state)
{
	static const char *const texts[] = {
	    "apiVersion: v1\n"
	    "items:\n"
	    "- apiVersion: v1\n"
	    "  kind: Service\n"
	    "  metadata: {name: web, namespace: default}\n"
	    "  spec:\n"
	    "    clusterIP: 10.96.0.1\n"
	    "    ports:\n"
	    "    - port: 80\n"
	    "      protocol: TCP\n"
	    "      targetPort: 8080\n"
	    "- addressType: IPv4\n"
	    "  apiVersion: discovery.k8s.io/v1\n"
	    "  endpoints:\n"
	    "  - addresses:\n"
	    "    - 10.0.0.1\n"
	    "    conditions:\n"
	    "      ready: true\n"
	    "      serving: null\n"
	    "  kind: EndpointSlice\n"
	    "  metadata:\n"
	    "    labels:\n"
	    "      kubernetes.io/service-name: web\n"
	    "    name: web-x\n"
	    "    namespace: default\n"
	    "  ports:\n"
	    "  - name: \"\"\n"
	    "    port: 8080\n"
	    "kind: List\n",
	    "# two documents, one of them JSON\n"
	    "---\n"
	    "kind: Service\n"
	    "metadata: {name: web}\n"
	    "spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}\n"
	    "---\n"
	    "# nothing\n"
	    "---\n" SLICE(EP) "\n",
	    "\n  kind: List\n  items: [" PLAIN ", " SLICE(EP) "]\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check_web(texts[i]);
}

static void test_native_model_is_read_from_yaml(void **state)
{
	struct loaded l =
	    load("apiVersion: vipshift/v1\n"
		 "kind: ServiceModel\n"
		 "services:\n"
		 "- name: dns\n"
		 "  protocol: UDP\n"
		 "  frontends: [{kind: cluster, address: 192.0.2.1, port: 53}]\n"
		 "  endpoints: [{address: 10.0.0.1, port: 53}]\n");

	(void)state;
	assert_int_equal(l.model->n_services, 1);
	assert_int_equal(l.model->services[0].n_endpoints, 1);
	unload(&l);
}

static void test_yaml_mistakes_are_refused_with_their_line(void **state)
{
	(void)state;
	assert_refused("---\n# nothing\n", "is empty");
	assert_refused("kind: List\nitems: [\n", "line 3: not YAML");
	assert_refused("kind: List\nitems: {}\n", "List: items: must be an array");
	assert_refused("- " PLAIN "\n", "line 1: an object expected, as JSON or YAML");
	assert_refused(
	    "No resources found\n", "line 1: an object expected, as JSON or YAML");
	assert_refused("kind: List\nitems: &a\n- *a\n", "aliases");
	assert_refused("kind: List\n? [a]\n: 1\n", "line 2: a field name must be a word");
	assert_refused(
	    "kind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1, "
	    "ports: [{port: x}]}\n",
	    "default/web: spec.ports[0].port");
	assert_refused(
	    "kind: Service\nmetadata: {name: web}\nspec: {clusterIP: 10.96.0.1, "
	    "ports: [{port: 1.5}]}\n",
	    "default/web: spec.ports[0].port");
}

static void test_lists_in_lists_and_bare_arrays_are_read(void **state)
{
	(void)state;
	check_web("[" PLAIN "," SLICE(EP) "]");
	check_web("[" LIST(PLAIN) "," LIST(SLICE(EP)) "]");
	check_web(LIST(
	    "{'items':[" NO_KIND_SERVICE "],'kind':'ServiceList'}," LIST(SLICE(EP))));
}

/* As backups and overlapping listings have them. */
static void test_copies_of_an_object_are_read_once(void **state)
{
#define OF_VERSION(kind, rest)                                                           \
	"{'kind':'" kind "','metadata':{'name':'web','resourceVersion':'7','labels':{"   \
	"'kubernetes.io/service-name':'web'}}," rest "}"
#define SVC                                                                              \
	OF_VERSION("Service", "'spec':{'clusterIP':'10.96.0.1','ports':[{'port':80}]}")
#define SLC                                                                              \
	OF_VERSION("EndpointSlice",                                                      \
	    "'addressType':'IPv4','ports':[{'name':'','port':8080}],'endpoints':[" EP    \
	    "]")
#define NODE OF_VERSION("Node", "'spec':{}")
	(void)state;
	check_web(LIST(SVC "," SLC "," NODE "," SVC "," SLC "," NODE));
#undef NODE
#undef SLC
#undef SVC
#undef OF_VERSION
}

static void test_what_is_not_the_whole_list_is_refused(void **state)
{
#define PAGE(rest, items)                                                                \
	"{'kind':'ServiceList','metadata':{'resourceVersion':'1'" rest                   \
	"},'items':[" items "]}"
	static const char denied[] =
	    "{'kind':'Status','status':'Failure','message':'endpointslices is forbidden'}";
	struct strbuf sb = {0};

	(void)state;
	assert_refused(PAGE(",'continue':'abc'", NO_KIND_SERVICE) SLICE(EP),
	    "ServiceList: metadata.continue: the list goes on");
	check_web(PAGE(",'continue':'abc'", NO_KIND_SERVICE) PAGE(",'continue':''", "")
		SLICE(EP));
	assert_refused(
	    PAGE(",'continue':'abc'",
		NO_KIND_SERVICE) "{'kind':'NodeList','metadata':{'continue':'x'},'items':[]}" PAGE("",
		""),
	    "NodeList: metadata.continue: the list goes on");
	strbuf_addf(&sb, LIST(PLAIN) "%s", denied);
	assert_refused(sb.s, "refused: endpointslices is forbidden");
	strbuf_reset(&sb);
	strbuf_addf(&sb, LIST(PLAIN ",%s"), denied);
	assert_refused(sb.s, "items[1]: an answer of the API server");
	strbuf_free(&sb);
#undef PAGE
}

static void test_services_alone_are_warned_of(void **state)
{
	struct loaded l = load_quoted(LIST(PLAIN));

	(void)state;
	assert_note(&l, NULL, "neither EndpointSlices nor Endpoints");
	unload(&l);
	l = load_quoted(LIST(""));
	assert_int_equal(l.notes.list.n, 0);
	unload(&l);
}

/* An API server lets it happen, and its kube-proxies serve one of the two. */
static void test_services_with_one_address_or_node_port_are_warned_of(void **state)
{
	struct loaded l = load_quoted(LIST(SLICE(EP) "," OTHER("a",
	    "'clusterIP':'10.96.0.1','ports':[{'port':80,'nodePort':30000}]") "," OTHER("b",
	    "'clusterIP':'10.96.0.1','ports':[{'port':80,'nodePort':30000}]")));

	(void)state;
	assert_int_equal(l.model->n_services, 2);
	assert_note(&l, "default/b", "10.96.0.1:80/tcp is also claimed by default/a");
	assert_note(&l, "default/b", "node port 30000/tcp is also claimed by default/a");
	unload(&l);
}

#define NODE(addresses)                                                                  \
	"{'kind':'Node','metadata':{'name':'n'},'status':{'addresses':[" addresses "]}}"

static void test_node_addresses_that_are_none_are_passed_over(void **state)
{
	struct loaded l =
	    load_quoted(NODE("{'type':'InternalIP','address':''},"
			     "{'type':'InternalIP','address':'ip-10-0-0-1'},"
			     "{'type':'InternalIP','address':'10.0.0.1'}"));

	(void)state;
	assert_int_equal(l.model->nodes[0].n_addrs, 1);
	assert_int_equal(l.notes.list.n, 1);
	assert_note(&l, "n", "its InternalIP 'ip-10-0-0-1' is no IP address");
	unload(&l);
}

#define ENDPOINTS(meta, addresses)                                                       \
	"{'kind':'Endpoints','metadata':{'name':'web'" meta                              \
	"},'subsets':[{'addresses':[" addresses "],'ports':[{'port':8080}]}]}"

static void test_what_endpoints_cannot_say_is_warned_of(void **state)
{
	struct loaded l = load_quoted(LIST(
	    SERVICE("'clusterIPs':['10.96.0.1','fd00::1'],'ipFamilies':['IPv4','IPv6'],"
		    "'ports':[{'port':80}]") "," ENDPOINTS("", "{'ip':'10.0.0.1'}")));

	(void)state;
	assert_int_equal(l.notes.list.n, 1);
	assert_note(&l, "default/web", "it has no IPv6 endpoints here");
	unload(&l);
	l = load_quoted(
	    LIST(PLAIN "," ENDPOINTS(",'annotations':{'endpoints.kubernetes.io/"
				     "over-capacity':'truncated'}",
		"{'ip':'10.0.0.1'}")));
	assert_int_equal(l.notes.list.n, 1);
	assert_note(&l, "default/web", "it has more endpoints than are here");
	unload(&l);
	check_web(LIST(PLAIN "," ENDPOINTS("", "{'ip':'10.0.0.1'}")));
}

/* No controller makes slices of these, so kube-proxy never sees them. */
static void test_endpoints_not_to_be_mirrored_are_none_beside_slices(void **state)
{
#define UNMIRRORED                                                                       \
	ENDPOINTS(",'labels':{'endpointslice.kubernetes.io/skip-mirror':'true'}",        \
	    "{'ip':'10.0.0.1'}")
#define ANOTHER_SLICE                                                                    \
	"{'kind':'EndpointSlice','metadata':{'name':'x'},'addressType':'IPv4'}"
	struct loaded l = load_quoted(LIST(PLAIN "," UNMIRRORED "," ANOTHER_SLICE));

	(void)state;
	assert_int_equal(l.model->services[0].n_endpoints, 0);
	unload(&l);
	check_web(LIST(PLAIN "," UNMIRRORED));
#undef ANOTHER_SLICE
#undef UNMIRRORED
}

static void test_slices_of_v1beta1_name_node_and_zone_in_their_topology(void **state)
{
	struct loaded l = load_quoted(LIST(PLAIN "," SLICE(
	    "{'addresses':['10.0.0.1'],'topology':{'kubernetes.io/hostname':'node-a',"
	    "'topology.kubernetes.io/zone':'z1'}}")));

	(void)state;
	assert_web(&l);
	assert_string_equal(l.model->services[0].endpoints[0].node, "node-a");
	assert_string_equal(l.model->services[0].endpoints[0].zone, "z1");
	unload(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_yaml_is_read_like_json),
	    cmocka_unit_test(test_native_model_is_read_from_yaml),
	    cmocka_unit_test(test_yaml_mistakes_are_refused_with_their_line),
	    cmocka_unit_test(test_lists_in_lists_and_bare_arrays_are_read),
	    cmocka_unit_test(test_copies_of_an_object_are_read_once),
	    cmocka_unit_test(test_what_is_not_the_whole_list_is_refused),
	    cmocka_unit_test(test_services_alone_are_warned_of),
	    cmocka_unit_test(test_services_with_one_address_or_node_port_are_warned_of),
	    cmocka_unit_test(test_node_addresses_that_are_none_are_passed_over),
	    cmocka_unit_test(test_what_endpoints_cannot_say_is_warned_of),
	    cmocka_unit_test(test_endpoints_not_to_be_mirrored_are_none_beside_slices),
	    cmocka_unit_test(test_slices_of_v1beta1_name_node_and_zone_in_their_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
