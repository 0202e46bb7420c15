# SPDX-License-Identifier: GPL-2.0-or-later
# The packets to try, from the model: each client to each way in. Of them every $every-th one,
# beginning with the $first-th, as lines "NUMBER CLIENT PROTOCOL TRIES TARGET".

def clients: ["pod", "self", "node", "outside", "stranger"];

def bracketed($address; $port):
	if $address | contains(":") then "[\($address)]:\($port)" else "\($address):\($port)" end;

# What is not of a service: sockets of the node and of a host outside, and ports of nobody.
def others:
	("TCP", "UDP", "SCTP") as $protocol
	| ("10.0.0.11:7001", "[fd00:10::11]:7001", "10.0.0.11:30999", "10.96.50.1:81",
	   "[fd00:10:96::50:1]:81") as $target
	| select($protocol != "SCTP" or ($target | endswith(":7001") | not))
	| clients[] | {client: ., $protocol, tries: 2, target: $target};

def elsewhere:
	("TCP", "UDP", "SCTP") as $protocol
	| ("10.0.0.1:7000", "[fd00:10::1]:7000") as $target
	| ("pod", "self", "node") | {client: ., $protocol, tries: 2, target: $target};

def of_services:
	.services[] as $service
	# Until chance has chosen each of two or three endpoints in both families, a miss in a million.
	| ($service.endpoints | length) as $n
	| (if $n > 4 then 36 elif $n > 2 then 20 else 2 end) as $tries
	| $service.frontends[] as $way
	| clients[] as $client
	| {$client, protocol: $service.protocol, $tries, target:
		(if $way.kind != "nodePort" then bracketed($way.address; $way.port)
		 else ("10.0.0.11", "fd00:10::11",
			(if $client == "node" then "127.0.0.1" else empty end))
			| bracketed(.; $way.port) end)};

[of_services, others, elsewhere] | to_entries[]
| select(.key % $every == $first % $every)
| "\(.key) \(.value.client) \(.value.protocol | ascii_downcase) \(.value.tries) \(.value.target)"
