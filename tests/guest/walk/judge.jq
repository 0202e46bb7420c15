# SPDX-License-Identifier: GPL-2.0-or-later
# What the walker said of each sample beside what the kernel did. Input: the traces (a sample's
# number is the name of its file); $runs: what the clients saw; $samples: the lines of samples.jq.
# One line per sample: "ok" or "MISMATCH", who to where, and both sides.

def pods: {
	"10.244.1.11": "a1", "fd00:10:244:1::11": "a1", "10.244.1.12": "a2",
	"fd00:10:244:1::12": "a2", "10.244.2.11": "b1", "fd00:10:244:2::11": "b1",
	"10.244.2.12": "b2", "fd00:10:244:2::12": "b2", "10.0.0.11": "host-a",
	"fd00:10::11": "host-a", "10.0.0.12": "host-b", "fd00:10::12": "host-b"
};
def own: {
	pod: ["10.244.1.99", "fd00:10:244:1::99"], self: ["10.244.1.11", "fd00:10:244:1::11"],
	outside: ["203.0.113.10", "2001:db8:113::10"],
	stranger: ["198.51.100.99", "2001:db8:114::99"],
	node: []
};
def node: ["10.0.0.11", "10.244.1.1", "127.0.0.1", "fd00:10::11", "::1"];

# "10.244.1.11:8080" and "[fd00::1]:8080" as the name of that server.
def server: capture("^\\[?(?<address>[^\\]]*?)\\]?:(?<port>[0-9]+)$")
	| "\(pods[.address] // .address)-\(.port)";
def port: sub(".*:"; "");

# Which sorts of end the walker gives one path.
def predicted($target):
	if .end == "endpoint" then "\(.endpoint | server) sees \(.source)"
	# On the node and outside one socket listens each, and nobody else.
	elif .end == "listener" then
		(if $target | port == "7001" then "socket-7001" else "refused" end)
	elif .end == "passed" then
		(if $target | port == "7000" then "socket-7000" else "lost" end)
	elif .end == "unknown" then "anything"
	else .end end;

def source($client; $target):
	. as $source
	| if own[$client] | index($source) then "client"
	  elif node | index($source) then "node"
	  elif $target | contains($source) then "virtual"
	  else $source end;

def observed($client):
	. as $t
	| [($t.pairs | keys[] | split(" ") as [$name, $source]
		| if $name | startswith("socket-") then $name
		  else "\($name) sees \($source | source($client; $t.target))" end),
	   (if $t.refused + $t.reset > 0 then "refused" else empty end),
	   (if $t.timeout > 0 then "dropped" else empty end),
	   (if $t.denied > 0 then "denied" else empty end),
	   (if $t.other > 0 then "unreachable" else empty end)] | unique;

# A UDP socket of the node hears at once that its packet was dropped on the way out, and does
# not wait for what else may come, such as the refusal of IPVS.
def heard($seen; $paths):
	if $seen == ["denied"] then [$paths[].is | select(. == "dropped" or . == "refused")][:1]
	else $seen end;

def matches($seen; $paths; $affinity):
	[$paths[].is] as $ends
	# What goes elsewhere ends there as it may, but at no server of ours.
	| ($ends + if $ends | index("lost") then ["dropped", "unreachable", "refused"] else [] end)
		as $allowed
	| ([$paths[] | select((.unsure or .affinity) | not) | .is] | unique - ["lost"]) as $certain
	| ($seen | length > 0)
	  and ($allowed | index("anything") != null or ($seen - $allowed | length == 0))
	  and (if $affinity then $seen | length == 1
		else $paths | any(.unsure) or ($certain - $seen | length == 0) end);

($samples | split("\n") | map(select(. != "") | split(" ")
	| {key: .[0], value: {client: .[1], protocol: .[2], target: .[4]}}) | from_entries) as $by_number
| ($runs | map({key: "\(.label) \(.protocol) \(.target)", value: .}) | from_entries) as $run
| inputs
| (input_filename | sub(".*/"; "")) as $number
| $by_number[$number] as $s
| (.states[0].paths | map({unsure, affinity, is: predicted($s.target)})) as $paths
| ($run["\($s.client) \($s.protocol) \($s.target)"]
	| if . then observed($s.client) else ["nobody tried"] end) as $seen
| ($s.target | test("(10.96.50.9|fd00:10:96::50:9\\]):80$|:30109$")) as $affinity
| (if matches(heard($seen; $paths); $paths; $affinity) then "ok" else "MISMATCH" end) +
  " \($s.client) to \($s.target)/\($s.protocol): predicted \([$paths[]
	| .is + (if .unsure then " (cannot be told)" else "" end)] | unique | join(", ")); " +
  "the kernel: \($seen | join(", "))"
