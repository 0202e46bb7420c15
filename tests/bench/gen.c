/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a made-up cluster as `kubectl get svc,endpointslices,nodes -A -o json` prints
 * one, or entries for an IP set. Same options, same bytes. Knows nothing of the program
 * that is measured with it.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PODS_PER_NODE 110
#define NODES_MAX 32768 /* a /24 each of 10.128.0.0/9 */
#define NODE_PORT_FIRST 30000
#define NODE_PORTS 2700
#define CREATED "2024-03-05T09:12:40Z"

struct cluster {
	unsigned services, endpoints, nodes;
	bool v4, v6;
	unsigned node_ports; /* given so far */
	unsigned version;    /* last resourceVersion given */
	bool first;	     /* no item printed yet */
};

/* ---- kubectl's layout: four blanks a level, one member a line */

struct layout {
	unsigned depth;
	bool in_string;
	char last;
};

static void new_line(const struct layout *l)
{
	putchar('\n');
	for (unsigned i = 0; i < l->depth; i++)
		fputs("    ", stdout);
}

/* Prints compact JSON spread out. A single quote stands for a double one, so that the
 * texts below can be read. */
static void print_spread(const char *compact, unsigned depth)
{
	struct layout l = {.depth = depth};

	for (const char *p = compact; *p; p++) {
		char c = *p == '\'' ? '"' : *p;
		bool opened = l.last == '{' || l.last == '[';

		if (l.in_string) {
			putchar(c);
			l.in_string = c != '"';
		} else if (c == '}' || c == ']') {
			l.depth--;
			if (!opened)
				new_line(&l);
			putchar(c);
		} else {
			if (opened)
				new_line(&l);
			putchar(c);
			l.in_string = c == '"';
			if (c == '{' || c == '[')
				l.depth++;
			else if (c == ',')
				new_line(&l);
			else if (c == ':')
				putchar(' ');
		}
		l.last = c;
	}
}

/* ---- text under construction */

struct text {
	char buf[65536];
	size_t len;
};

__attribute__((format(printf, 2, 3))) static void add(
    struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, sizeof(t->buf) - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(t->buf) - t->len) {
		fputs("gen: too many endpoints in one slice\n", stderr);
		exit(1);
	}
	t->len += (size_t)n;
}

static void print_item(struct cluster *c, const struct text *t)
{
	fputs(c->first ? "\n        " : ",\n        ", stdout);
	c->first = false;
	print_spread(t->buf, 2);
}

/* ---- values */

/* splitmix64: spreads a number over 64 bits. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

/* A quoted UID that depends on a kind of object and its number. */
static const char *uid(char kind, unsigned n, char buf[static 40])
{
	uint64_t a = mix(((uint64_t)kind << 32) + n), b = mix(a);

	snprintf(buf, 40, "%08x-%04x-4%03x-8%03x-%012" PRIx64, (unsigned)(a >> 32),
	    (unsigned)(a >> 16) & 0xffff, (unsigned)a & 0xfff,
	    (unsigned)(b >> 48) & 0xfff, b & 0xffffffffffff);
	return buf;
}

/* The five letters that Kubernetes appends to generated names. */
static const char *suffix(char kind, unsigned n, char buf[static 8])
{
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	uint64_t x = mix(((uint64_t)kind << 32) + n);

	for (int i = 0; i < 5; i++, x /= sizeof(letters) - 1)
		buf[i] = letters[x % (sizeof(letters) - 1)];
	buf[5] = '\0';
	return buf;
}

/* Service addresses from 10.96.0.0/12 and fd00:10:96::/108, the first 256 left free. */
static const char *service_ip(unsigned n, bool v6, char buf[static 48])
{
	unsigned k = n + 256;

	if (v6)
		snprintf(buf, 48, "fd00:10:96::%x:%x", (k >> 16) + 1, k & 0xffff);
	else
		snprintf(buf, 48, "10.%u.%u.%u", 96 + (k >> 16), k >> 8 & 255, k & 255);
	return buf;
}

/* Every node has a /24 of 10.128.0.0/9 and a /64 of fd00:10:128::/48 for its pods. */
static const char *pod_ip(
    const struct cluster *c, unsigned n, bool v6, char buf[static 48])
{
	unsigned node = n % c->nodes, host = n / c->nodes + 2;

	if (v6)
		snprintf(buf, 48, "fd00:10:128:%x::%x", node + 1, host);
	else
		snprintf(buf, 48, "10.%u.%u.%u", 128 + (node >> 8), node & 255, host);
	return buf;
}

static void add_node_ip(struct text *t, unsigned node, bool v6)
{
	if (v6)
		add(t, "{'address':'fd00:10::%x','type':'InternalIP'},", node + 0x11);
	else
		add(t, "{'address':'172.%u.%u.%u','type':'InternalIP'},",
		    16 + (node + 17) / 65536, (node + 17) / 256 % 256, (node + 17) % 256);
}

static const char zones[] = "abc";

/* ---- objects */

static void add_names(struct text *t, unsigned n)
{
	add(t, "'name':'svc-%05u','namespace':'team-%03u'", n, n / 100);
}

static void add_service_addresses(struct text *t, const struct cluster *c, unsigned n)
{
	char ip4[48], ip6[48];
	const char *first = service_ip(n, !c->v4, ip4);

	add(t, "'clusterIP':'%s','clusterIPs':['%s'", first, first);
	if (c->v4 && c->v6)
		add(t, ",'%s'", service_ip(n, true, ip6));
	add(t, "],");
}

static void print_service(struct cluster *c, unsigned n)
{
	struct text t = {0};
	char u[40];
	bool balancer = n % 100 == 3, node_port = balancer || n % 25 == 0;

	node_port = node_port && c->node_ports < NODE_PORTS;
	balancer = balancer && node_port && c->v4;
	add(&t,
	    "{'apiVersion':'v1','kind':'Service','metadata':{"
	    "'annotations':{'meta.helm.sh/release-name':'svc-%05u',"
	    "'meta.helm.sh/release-namespace':'team-%03u'},"
	    "'creationTimestamp':'" CREATED "','labels':{"
	    "'app.kubernetes.io/instance':'svc-%05u',"
	    "'app.kubernetes.io/managed-by':'Helm','app.kubernetes.io/name':'svc-%05u',"
	    "'app.kubernetes.io/version':'1.16.%u','helm.sh/chart':'svc-0.1.%u'},",
	    n, n / 100, n, n, n % 10, n % 7);
	add_names(&t, n);
	add(&t, ",'resourceVersion':'%u','uid':'%s'},'spec':{", ++c->version,
	    uid('s', n, u));
	if (balancer)
		add(&t, "'allocateLoadBalancerNodePorts':true,");
	add_service_addresses(&t, c, n);
	if (node_port)
		add(&t, "'externalTrafficPolicy':'Cluster',");
	add(&t, "'internalTrafficPolicy':'Cluster','ipFamilies':[%s%s%s],",
	    c->v4 ? "'IPv4'" : "", c->v4 && c->v6 ? "," : "", c->v6 ? "'IPv6'" : "");
	add(&t, "'ipFamilyPolicy':'%s','ports':[{'name':'http',",
	    c->v4 && c->v6 ? "RequireDualStack" : "SingleStack");
	if (node_port)
		add(&t, "'nodePort':%u,", NODE_PORT_FIRST + c->node_ports++);
	add(&t,
	    "'port':80,'protocol':'TCP','targetPort':'http'}],'selector':{"
	    "'app.kubernetes.io/instance':'svc-%05u','app.kubernetes.io/"
	    "name':'svc-%05u'},"
	    "'sessionAffinity':'None','type':'%s'},'status':{'loadBalancer':{",
	    n, n,
	    balancer	? "LoadBalancer"
	    : node_port ? "NodePort"
			: "ClusterIP");
	if (balancer)
		add(&t, "'ingress':[{'ip':'192.0.%u.%u','ipMode':'VIP'}]",
		    (n / 100 >> 8) + 2, n / 100 & 255);
	add(&t, "}}}");
	print_item(c, &t);
}

static void add_endpoint(
    struct text *t, const struct cluster *c, unsigned service, unsigned pod, bool v6)
{
	char ip[48], u[40], s[8];
	unsigned node = pod % c->nodes;

	add(t,
	    "{'addresses':['%s'],'conditions':{'ready':true,'serving':true,"
	    "'terminating':false},'nodeName':'node-%04u','targetRef':{'kind':'Pod',"
	    "'name':'svc-%05u-%08x-%s','namespace':'team-%03u','uid':'%s'},"
	    "'zone':'eu-west-1%c'}",
	    pod_ip(c, pod, v6, ip), node, service, (unsigned)mix(service),
	    suffix('p', pod, s), service / 100, uid('p', pod, u), zones[node % 3]);
}

static void print_slice(struct cluster *c, unsigned n, bool v6)
{
	struct text t = {0};
	char u[40], su[40], s[8];

	add(&t, "{'addressType':'%s','apiVersion':'discovery.k8s.io/v1','endpoints':[",
	    v6 ? "IPv6" : "IPv4");
	for (unsigned i = 0; i < c->endpoints; i++) {
		if (i)
			add(&t, ",");
		add_endpoint(&t, c, n, n * c->endpoints + i, v6);
	}
	add(&t,
	    "],'kind':'EndpointSlice','metadata':{'annotations':{"
	    "'endpoints.kubernetes.io/last-change-trigger-time':'" CREATED "'},"
	    "'creationTimestamp':'" CREATED "','generateName':'svc-%05u-',"
	    "'generation':%u,'labels':{'app.kubernetes.io/instance':'svc-%05u',"
	    "'app.kubernetes.io/managed-by':'Helm','app.kubernetes.io/name':'svc-%05u',"
	    "'app.kubernetes.io/version':'1.16.%u',"
	    "'endpointslice.kubernetes.io/managed-by':"
	    "'endpointslice-controller.k8s.io','helm.sh/chart':'svc-0.1.%u',"
	    "'kubernetes.io/service-name':'svc-%05u'},"
	    "'name':'svc-%05u-%s','namespace':'team-%03u','ownerReferences':[{"
	    "'apiVersion':'v1','blockOwnerDeletion':true,'controller':true,"
	    "'kind':'Service','name':'svc-%05u','uid':'%s'}],'resourceVersion':'%u',"
	    "'uid':'%s'},'ports':[{'name':'http','port':8080,'protocol':'TCP'}]}",
	    n, n % 40 + 2, n, n, n % 10, n % 7, n, n, suffix(v6 ? '6' : '4', n, s),
	    n / 100, n, uid('s', n, su), ++c->version, uid(v6 ? '6' : '4', n, u));
	print_item(c, &t);
}

static void add_condition(struct text *t, const char *type, const char *status,
    const char *reason, const char *message)
{
	add(t,
	    "{'lastHeartbeatTime':'" CREATED "','lastTransitionTime':'" CREATED "',"
	    "'message':'%s','reason':'%s','status':'%s','type':'%s'}",
	    message, reason, status, type);
}

static void add_capacity(struct text *t, const char *key)
{
	add(t,
	    "'%s':{'cpu':'16','ephemeral-storage':'102687672Ki','hugepages-1Gi':'0',"
	    "'hugepages-2Mi':'0','memory':'65842228Ki','pods':'%u'},",
	    key, PODS_PER_NODE);
}

static void add_node_cidrs(struct text *t, const struct cluster *c, unsigned n)
{
	char cidr[2][64];
	int k = 0;

	if (c->v4)
		snprintf(
		    cidr[k++], sizeof(cidr[0]), "10.%u.%u.0/24", 128 + (n >> 8), n & 255);
	if (c->v6)
		snprintf(cidr[k++], sizeof(cidr[0]), "fd00:10:128:%x::/64", n + 1);
	add(t, "'podCIDR':'%s','podCIDRs':['%s'", cidr[0], cidr[0]);
	if (k == 2)
		add(t, ",'%s'", cidr[1]);
	add(t, "]");
}

static void print_node(struct cluster *c, unsigned n)
{
	struct text t = {0};
	char u[40], z = zones[n % 3];

	add(&t,
	    "{'apiVersion':'v1','kind':'Node','metadata':{'annotations':{"
	    "'node.alpha.kubernetes.io/ttl':'0',"
	    "'volumes.kubernetes.io/controller-managed-attach-detach':'true'},"
	    "'creationTimestamp':'" CREATED
	    "','labels':{'beta.kubernetes.io/arch':'amd64',"
	    "'beta.kubernetes.io/os':'linux','kubernetes.io/arch':'amd64',"
	    "'kubernetes.io/hostname':'node-%04u','kubernetes.io/os':'linux',"
	    "'topology.kubernetes.io/region':'eu-west-1',"
	    "'topology.kubernetes.io/zone':'eu-west-1%c'},'name':'node-%04u',"
	    "'resourceVersion':'%u','uid':'%s'},'spec':{",
	    n, z, n, ++c->version, uid('n', n, u));
	add_node_cidrs(&t, c, n);
	add(&t, "},'status':{'addresses':[");
	if (c->v4)
		add_node_ip(&t, n, false);
	if (c->v6)
		add_node_ip(&t, n, true);
	add(&t, "{'address':'node-%04u','type':'Hostname'}],", n);
	add_capacity(&t, "allocatable");
	add_capacity(&t, "capacity");
	add(&t, "'conditions':[");
	add_condition(&t, "MemoryPressure", "False", "KubeletHasSufficientMemory",
	    "kubelet has sufficient memory available");
	add(&t, ",");
	add_condition(&t, "DiskPressure", "False", "KubeletHasNoDiskPressure",
	    "kubelet has no disk pressure");
	add(&t, ",");
	add_condition(
	    &t, "Ready", "True", "KubeletReady", "kubelet is posting ready status");
	add(&t,
	    "],'daemonEndpoints':{'kubeletEndpoint':{'Port':10250}},'nodeInfo':{"
	    "'architecture':'amd64','containerRuntimeVersion':'containerd://1.7.13',"
	    "'kernelVersion':'6.1.0-18-amd64','kubeProxyVersion':'v1.30.2',"
	    "'kubeletVersion':'v1.30.2','operatingSystem':'linux',"
	    "'osImage':'Debian GNU/Linux 12 (bookworm)','systemUUID':'%s'}}}",
	    uid('m', n, u));
	print_item(c, &t);
}

static void print_cluster(struct cluster *c)
{
	fputs("{\n    \"apiVersion\": \"v1\",\n    \"items\": [", stdout);
	for (unsigned i = 0; i < c->services; i++)
		print_service(c, i);
	for (unsigned i = 0; i < c->services; i++) {
		if (c->v4)
			print_slice(c, i, false);
		if (c->v6)
			print_slice(c, i, true);
	}
	for (unsigned i = 0; i < c->nodes; i++)
		print_node(c, i);
	fputs("\n    ],\n    \"kind\": \"List\",\n    \"metadata\": {\n"
	      "        \"resourceVersion\": \"\"\n    }\n}\n",
	    stdout);
}

/* The set in which kube-proxy keeps cluster IPs, as `ipset save` prints it. */
static void print_ipset(unsigned n)
{
	char ip[48];

	puts("create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem "
	     "65536");
	for (unsigned i = 0; i < n; i++)
		printf("add KUBE-CLUSTER-IP %s,%s:%u\n", service_ip(i, false, ip),
		    i % 8 == 7 ? "udp" : "tcp", i % 8 == 7 ? 53 : 80 + i % 5);
}

static const char usage[] =
    "usage: gen [--services N] [--endpoints N] [--ipv6 | --dual]\n"
    "       gen --ipset N\n"
    "Writes N services (1000) of N endpoints (8) each as kubectl prints them, or an IP "
    "set\n"
    "of N entries as ipset saves it.\n";

static unsigned number(const char *s, unsigned max)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	if (!*s || *end || n > max) {
		fprintf(stderr, "gen: %s: expected a number up to %u\n", s, max);
		exit(64);
	}
	return (unsigned)n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"services", required_argument, NULL, 's'},
	    {"endpoints", required_argument, NULL, 'e'},
	    {"ipv6", no_argument, NULL, '6'},
	    {"dual", no_argument, NULL, 'd'},
	    {"ipset", required_argument, NULL, 'i'},
	    {"help", no_argument, NULL, 'h'},
	    {0},
	};
	struct cluster c = {.services = 1000, .endpoints = 8, .v4 = true, .first = true};
	int ipset = -1;

	for (int o; (o = getopt_long(argc, argv, "s:e:6di:h", options, NULL)) >= 0;) {
		switch (o) {
		case 's':
			c.services = number(optarg, 90000);
			break;
		case 'e':
			c.endpoints = number(optarg, 90);
			break;
		case '6':
			c.v4 = false;
			c.v6 = true;
			break;
		case 'd':
			c.v6 = true;
			break;
		case 'i':
			ipset = (int)number(optarg, 500000);
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return 64;
		}
	}
	if (optind < argc) {
		fputs(usage, stderr);
		return 64;
	}
	c.nodes = c.services * c.endpoints / PODS_PER_NODE + 3;
	if (c.nodes > NODES_MAX) {
		fprintf(stderr, "gen: so many pods do not fit on %d nodes\n", NODES_MAX);
		return 64;
	}
	c.version = 40000;
	if (ipset >= 0)
		print_ipset((unsigned)ipset);
	else
		print_cluster(&c);
	if (fflush(stdout) || ferror(stdout)) {
		perror("gen: cannot write");
		return 1;
	}
	return 0;
}
