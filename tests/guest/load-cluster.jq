# SPDX-License-Identifier: GPL-2.0-or-later
# A cluster of $services services, as `kubectl get -o json` prints one: jq -n --argjson
# services 50 -f load-cluster.jq.
#
# The first 50 have both families and live on eight pods, load-0 to load-7, the even ones on
# node-a; service i is of the kind i % 10 (kind_of), and has a port of its own on them: IPVS
# mixes up connections that come to one endpoint from one source port, through whichever
# addresses (see load-flows.sh). Those after them have IPv4 and eight pods each that are not
# there: they make a node busy, and nobody calls them.

def live: 50;
def hex: . as $n | if $n < 16 then "0123456789abcdef"[$n:$n + 1]
	else ($n / 16 | floor | hex) + ($n % 16 | hex) end;
def ipv4($prefix): . as $n | "\($prefix).\($n / 256 | floor | . % 256).\($n % 256)";
def vip4: . + 256 | ipv4("10.97");
def vip6: . + 256 | "fd00:10:97::\(hex)";
def outer4: "192.0.2.\(. + 10)";
def outer6: . + 16 | "2001:db8:0:80::\(hex)";

# What lives on a pod, by the last digit of the service's number.
def kind_of: ["cluster", "node-port", "balancer", "ranges", "external", "local", "udp", "dns",
	"affinity", "hairpin"][. % 10];
def type_of: if . >= live then (if . % 25 == 0 then "NodePort" else "ClusterIP" end)
	else {"node-port": "NodePort", balancer: "LoadBalancer", ranges: "LoadBalancer",
		local: "LoadBalancer", udp: "NodePort"}[kind_of] // "ClusterIP" end;
def port($name; $port; $protocol; $target; $node_port):
	{name: $name, port: $port, protocol: $protocol, targetPort: $target} +
	(if $node_port then {nodePort: $node_port} else {} end);
def ports: . as $i | if . >= live then
		[port("http"; 80; "TCP"; 8080; if type_of == "NodePort" then 32000 + $i / 25 else null end)]
	else kind_of as $kind
	| (if type_of == "ClusterIP" then null else 31000 + $i end) as $node_port
	| if $kind == "udp" then [port("syslog"; 514; "UDP"; 9000 + $i; $node_port)]
	elif $kind == "dns" then [port("dns"; 53; "UDP"; 9000 + $i; null),
		port("dns-tcp"; 53; "TCP"; 9000 + $i; null)]
	else [port("http"; 80; "TCP"; 9000 + $i; $node_port)] end end;
# The pods of a live service.
def pods: kind_of as $kind | if $kind == "hairpin" then [0]
	elif $kind == "affinity" then [0, 2, 4, 6] else [range(8)] end;

def name: "load-" + ("0000\(.)" | .[-5:]);
def families: if . < live then ["IPv4", "IPv6"] else ["IPv4"] end;
def service: . as $i | kind_of as $kind | (. < live) as $live
	| (if $live then [vip4, vip6] else [vip4] end) as $vips
	| {apiVersion: "v1", kind: "Service", metadata: {name: name, namespace: "load"},
	spec: ({clusterIP: $vips[0], clusterIPs: $vips, ipFamilies: families,
		ipFamilyPolicy: (if $live then "RequireDualStack" else "SingleStack" end),
		internalTrafficPolicy: "Cluster", sessionAffinity: "None", type: type_of,
		ports: ports} +
		(if type_of == "ClusterIP" and ($live and $kind == "external" | not) then {}
		else {externalTrafficPolicy: "Cluster"} end) +
		if $live | not then {}
		elif $kind == "external" then {externalIPs: [outer4, outer6]}
		elif $kind == "ranges" then
			{loadBalancerSourceRanges: ["203.0.113.0/24", "2001:db8:113::/64"]}
		elif $kind == "local" then
			{externalTrafficPolicy: "Local", healthCheckNodePort: (31500 + $i)}
		elif $kind == "affinity" then {sessionAffinity: "ClientIP",
			sessionAffinityConfig: {clientIP: {timeoutSeconds: 10800}}}
		else {} end)} +
	if type_of == "LoadBalancer" then
		{status: {loadBalancer: {ingress: [{ip: outer4}, {ip: outer6}]}}} else {} end;

def live_endpoint($family): . as $pod | (1 + $pod % 2) as $node
	| {addresses: [if $family == "IPv6" then "fd00:10:244:\($node)::20\($pod)"
		else "10.244.\($node).20\($pod)" end],
	conditions: {ready: true, serving: true, terminating: false},
	nodeName: "node-\("ab"[$node - 1:$node])",
	targetRef: {kind: "Pod", name: "load-\($pod)", namespace: "load"}};
def other_endpoint: . as $pod
	| {addresses: ["10.\(128 + ($pod / 65536 | floor)).\($pod / 256 | floor | . % 256).\($pod % 256)"],
	conditions: {ready: true, serving: true, terminating: false},
	nodeName: "node-\(if $pod % 400 == 0 then "a" else "b" end)"};
def slice($family): . as $i
	| {apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: $family,
	metadata: {name: "\(name)-\($family | ascii_downcase)", namespace: "load",
		labels: {"kubernetes.io/service-name": name}},
	endpoints: (if . < live then pods | map(live_endpoint($family))
		else [range(8) | $i * 8 + . | other_endpoint] end),
	ports: (ports | map({name, port: .targetPort, protocol}))};
def node($name; $number): {apiVersion: "v1", kind: "Node", metadata: {name: $name},
	spec: {podCIDR: "10.244.\($number).0/24",
		podCIDRs: ["10.244.\($number).0/24", "fd00:10:244:\($number)::/64"]},
	status: {addresses: [{type: "InternalIP", address: "10.0.0.1\($number)"},
		{type: "InternalIP", address: "fd00:10::1\($number)"}]}};

{apiVersion: "v1", kind: "List", items: ([range($services) | service] +
	[range($services) | . as $i | families[] as $family | $i | slice($family)] +
	[node("node-a"; 1), node("node-b"; 2)])}
