# SPDX-License-Identifier: GPL-2.0-or-later
# The services that the packet walker is checked with, as model JSON: each sort of way in and
# each policy, for TCP, UDP and SCTP, in both families. What they have in common is here, what
# differs in the list at the end.

def pods: {
	a1: {node: "node-a", IPv4: "10.244.1.11", IPv6: "fd00:10:244:1::11"},
	a2: {node: "node-a", IPv4: "10.244.1.12", IPv6: "fd00:10:244:1::12"},
	b1: {node: "node-b", IPv4: "10.244.2.11", IPv6: "fd00:10:244:2::11"},
	b2: {node: "node-b", IPv4: "10.244.2.12", IPv6: "fd00:10:244:2::12"},
	"host-a": {node: "node-a", IPv4: "10.0.0.11", IPv6: "fd00:10::11"},
	"host-b": {node: "node-b", IPv4: "10.0.0.12", IPv6: "fd00:10::12"}
};

# Addresses end with the number of the service.
def frontend($kind; $n):
	if $kind == "nodePort" then {kind: $kind, port: (30100 + $n)}
	else {kind: $kind, port: 80, address: (
		if $kind == "cluster" then "10.96.50.\($n)", "fd00:10:96::50:\($n)"
		elif $kind == "loadBalancer" then "192.0.2.\(100 + $n)", "2001:db8:0:80::\($n)"
		else "192.0.2.\(200 + $n)", "2001:db8:0:80::e:\($n)" end)} end;

def service($n; $name; $kinds; $endpoints; $more):
	($more.protocols // ["TCP", "UDP", "SCTP"])[] as $protocol
	| {
		name: $name, portName: ($protocol | ascii_downcase), protocol: $protocol,
		families: ["IPv4", "IPv6"],
		type: (if $kinds | index("loadBalancer") then "LoadBalancer"
			elif $kinds | index("nodePort") then "NodePort"
			else "ClusterIP" end),
		frontends: [("cluster", $kinds[]) as $kind | frontend($kind; $n)],
		endpoints: [$endpoints[] as $pod | pods[$pod] | .node as $node
			| {address: (.IPv4, .IPv6), port: ($more.targetPort // 8080), node: $node}]
	} + ($more | del(.targetPort, .protocols));

def local: {externalTrafficPolicy: "Local"};

{
	apiVersion: "vipshift/v1", kind: "ServiceModel",
	nodes: [
		{name: "node-a", addresses: ["10.0.0.11", "fd00:10::11"],
		 podCIDRs: ["10.244.1.0/24", "fd00:10:244:1::/64"]},
		{name: "node-b", addresses: ["10.0.0.12", "fd00:10::12"],
		 podCIDRs: ["10.244.2.0/24", "fd00:10:244:2::/64"]}
	],
	services: [
		service(1; "plain"; []; ["a1", "b1"]; {}),
		service(2; "node-port"; ["nodePort"]; ["a1", "b1"]; {}),
		service(3; "ranges"; ["nodePort", "loadBalancer"]; ["a1", "b1"];
			{sourceRanges: ["203.0.113.0/24", "2001:db8:113::/64"]}),
		service(4; "external"; ["external"]; ["b1", "b2"]; {}),
		service(5; "local"; ["nodePort", "loadBalancer"]; ["a1", "b1"]; local),
		service(6; "local-elsewhere"; ["nodePort", "loadBalancer"]; ["b1"]; local),
		service(7; "inside-local"; []; ["a1", "b1"]; {internalTrafficPolicy: "Local"}),
		service(8; "inside-elsewhere"; []; ["b1"]; {internalTrafficPolicy: "Local"}),
		service(9; "affinity"; ["nodePort"]; ["a1", "b1"];
			{sessionAffinity: "ClientIP", affinitySeconds: 600}),
		service(10; "nobody"; ["nodePort", "external", "loadBalancer"]; []; {}),
		service(11; "single"; ["nodePort"]; ["a1"]; {targetPort: 9000}),
		service(12; "external-local"; ["nodePort", "external"]; ["a1", "b1"]; local),
		service(13; "three"; ["loadBalancer"]; ["a1", "a2", "b1"]; {}),
		# To its peers an SCTP socket of a node names all addresses there are, virtual
		# ones, too.
		service(14; "hosts"; ["nodePort"]; ["host-a", "host-b"];
			{targetPort: 7002, protocols: ["TCP", "UDP"]})
	]
}
