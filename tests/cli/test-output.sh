#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What scripts rely on: forms of output, round trips, exit status of diff against dumps,
# and that help, man page and completion know the same options. Needs no root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

case=$golden/seed-like
args=(-f "$case/cluster.json" -c "$case/config.yaml" -n node-a --kube-proxy 1.27.1
	--node-address 10.0.0.11)

# the native model gives the same state as the cluster it was made from
expect 0 '' show "${args[@]}" -o json
cp "$work/out" "$work/model.json"
for mode in iptables ipvs; do
	expect 0 '' render $mode "${args[@]}"
	cp "$work/out" "$work/a"
	expect 0 '' render $mode "${args[@]}" -f "$work/model.json"
	check "$mode: native model renders as its cluster" diff "$work/a" "$work/out"
done
expect 0 '' show -f "$work/model.json" -o json -n node-a
check 'native model prints as it was read' diff "$work/model.json" "$work/out"
"$vipshift" show -f - -n node-a <"$case/cluster.json" >"$work/piped"
expect 0 '' show "${args[@]}"
check 'standard input reads like a file' diff "$work/piped" "$work/out"

# parts: together they are the whole
"$vipshift" render ipvs "${args[@]}" | grep -v '^# part: ' >"$work/whole"
for part in iptables ip6tables ipset ipvs addresses sysctls; do
	"$vipshift" render ipvs "${args[@]}" --part $part
done >"$work/parts"
check 'the parts make the whole' diff "$work/whole" "$work/parts"

# diff against what kube-proxy left: nothing; with a rule taken out: exactly that rule
dumps=$work/dumps
mkdir "$dumps"
"$vipshift" render iptables "${args[@]}" --part iptables >"$dumps/iptables-save.txt"
"$vipshift" render iptables "${args[@]}" --part ip6tables >"$dumps/ip6tables-save.txt"
expect 0 '' diff iptables "${args[@]}" --against "$dumps"
sed -i '/default\/nginx cluster IP.*KUBE-MARK-MASQ/d' "$dumps/iptables-save.txt"
expect 2 '' diff iptables "${args[@]}" --against "$dumps"
check 'text names the service' grep -q '^default/nginx' "$work/out"
check 'text ends with the counts' sh -c "tail -n 1 '$work/out' |
	grep -qx '1 to add, 0 to change, 0 to delete'"
expect 2 '' diff iptables "${args[@]}" --against "$dumps" -o diff
check 'a unified diff adds the rule' grep -q '^+-A KUBE-SVC-.*default/nginx cluster IP' \
	"$work/out"
expect 2 '' diff iptables "${args[@]}" --against "$dumps" -o json
check 'JSON says its kind' grep -q '"kind": *"Plan"' "$work/out"
"$vipshift" diff iptables "${args[@]}" --against "$dumps" --color always -o diff \
	>"$work/out" || :
check 'colour when asked for' grep -q "$(printf '\033')\\[" "$work/out"
NO_COLOR=1 "$vipshift" diff iptables "${args[@]}" --against "$dumps" -o diff >"$work/out" || :
check 'no colour in a file' sh -c "! grep -q '$(printf '\033')' '$work/out'"

# one family only
"$vipshift" render iptables "${args[@]}" -6 >"$work/out"
check '-6 leaves IPv4 out' sh -c "! grep -q '10\\.96\\.0\\.1' '$work/out'"

# built-in chains carry no policy, so that loading the text changes none
"$vipshift" render iptables "${args[@]}" --part iptables >"$work/out"
check 'no policy is printed' sh -c "! grep -E '^:(INPUT|FORWARD|OUTPUT|PREROUTING) [A-Z]' \
	'$work/out'"

# trace: both modes, each way to its end
expect 0 '' trace 10.96.0.10:53/udp "${args[@]}"
check 'trace walks both modes' sh -c "grep -c '^[a-z]* mode, ' '$work/out' | grep -qx 2"
check 'trace shows the rule that decides' grep -q \
	'nat KUBE-SERVICES: -d 10.96.0.10/32 .*-j KUBE-SVC-' "$work/out"
check 'trace shows the virtual server' grep -q 'ipvs: udp 10.96.0.10:53 10.244.1.2:53' \
	"$work/out"
check 'trace shows each endpoint with its share' sh -c \
	"grep -c '=> 10.244.1.[23]:53, sees the client, 50.0 %' '$work/out' | grep -qx 4"
expect 0 '' trace 10.96.0.10:53/udp "${args[@]}" --source node
check 'connections of the node are masqueraded' grep -q 'sees this node' "$work/out"
expect 0 '' trace 10.96.0.10:53/udp "${args[@]}" -o json
check 'JSON of trace has a schema' grep -q '"schema": *1' "$work/out"
expect 0 '' trace 10.105.130.165:80 --against "$case/iptables-1.27" --source 10.244.1.9
check 'trace walks dumps' grep -q '^node, 10.244.1.9 to 10.105.130.165:80/tcp' "$work/out"
check 'to an endpoint' grep -q '=> 10.244' "$work/out"
# trace: the node sends from the address that source ranges were compared with
cat >"$work/ranges.json" <<'END'
{"apiVersion": "vipshift/v1", "kind": "ServiceModel", "nodes": [
	{"name": "node-a", "addresses": ["10.0.0.11"]}], "services": [{"name": "lb",
	"type": "LoadBalancer", "sourceRanges": ["10.0.0.0/24"], "frontends": [
		{"kind": "cluster", "address": "10.96.0.1", "port": 80},
		{"kind": "loadBalancer", "address": "192.0.2.1", "port": 80}],
	"endpoints": [{"address": "10.244.1.5", "port": 8080}]}]}
END
mkdir "$work/ranges"
"$vipshift" render iptables --part iptables -f "$work/ranges.json" -n node-a \
	>"$work/ranges/iptables-save.txt"
printf '%s    inet %s scope global %s\n' cni0 10.244.1.1/24 cni0 eth0 10.0.0.11/24 eth0 \
	>"$work/ranges/addresses.txt"
expect 0 '' trace 192.0.2.1:80 --source node --against "$work/ranges"
check 'trace takes the address that ranges allow' grep -q '=> 10.244.1.5:8080' "$work/out"
expect 64 'expected ADDRESS:PORT' trace 10.96.0.10 "${args[@]}"
expect 64 'expected pod, node, outside' trace 10.96.0.10:53 "${args[@]}" --source fd00::1

# trace: who is local by the interface that packets come in by
cat >"$work/by-interface.yaml" <<-END
	kind: KubeProxyConfiguration
	detectLocalMode: InterfaceNamePrefix
	detectLocal: {interfaceNamePrefix: cali}
	clusterCIDR: 10.244.0.0/16
END
service=$("$vipshift" show "${args[@]}" -o json | jq -r 'first(.services[]
	| select(.protocol == "TCP" and (.endpoints | length > 0)) | .frontends[]
	| select(.kind == "cluster") | "\(.address):\(.port)")')
args+=(-c "$work/by-interface.yaml")
expect 0 '' trace "$service" "${args[@]}" --source 172.16.0.9%cali7
check 'a packet of a pod is not masqueraded' grep -q 'sees the client' "$work/out"
expect 0 '' trace "$service" "${args[@]}" --source 172.16.0.9%eth0
check 'a packet from outside is' sh -c "! grep 'sees the client' '$work/out'"
pods=$(jq -r 'first(.items[] | select(.kind == "Node" and .metadata.name != "node-a")
	| .spec.podCIDRs[0])' "$case/cluster.json")
expect 0 '' trace "$service" "${args[@]}" --source "${pods%.*}.77"
check 'nor is a pod of another node one of this' sh -c "! grep 'sees the client' '$work/out'"
expect 64 'source 172\.16\.0\.9%: expected .*INTERFACE' \
	trace "$service" "${args[@]}" --source 172.16.0.9%
expect 64 'expected .* same family' trace "$service" "${args[@]}" --source fd00::9%cali7

# what means the same everywhere is taken everywhere
everywhere=(-4 -q -v -y --color never --log stderr -w 1 --state-dir "$work/state" --iptables legacy)
for command in "show ${args[*]:0:8}" "render ipvs ${args[*]:0:8}" \
	"diff iptables ${args[*]:0:8} --against $case/iptables-1.27" \
	"trace 10.96.0.10:53/udp ${args[*]:0:8}"; do
	# shellcheck disable=SC2086  # a command and its options
	check "${command%% *} takes what means the same everywhere" \
		"$vipshift" $command "${everywhere[@]}"
done
for command in show 'render ipvs' 'diff ipvs' 'apply ipvs' 'verify ipvs' 'repair ipvs' \
	'migrate --abort' confirm rollback 'trace 10.96.0.10:53' doctor 'flush ipvs' \
	'snapshot save x' 'snapshot restore x'; do
	# Another option is what is wrong.
	# shellcheck disable=SC2086  # a command and its options
	expect 64 'part means nothing|no services given|extra: one word too many' \
		$command "${everywhere[@]}" extra
done

# help, however it is asked for
for words in --help -h help; do
	expect 0 '' $words
	check "$words lists the commands" grep -q '^  migrate ' "$work/out"
done
for words in 'render --help' 'render -h' 'help render' '--help render'; do
	# shellcheck disable=SC2086  # two words
	expect 0 '' $words
	check "$words is about render" grep -q '^Usage: vipshift render MODE' "$work/out"
done
for words in 'snapshot --help' 'help snapshot'; do
	# shellcheck disable=SC2086  # two words
	expect 0 '' $words
	check "$words is about both" sh -c "grep -c '^Usage: vipshift snapshot ' '$work/out' |
		grep -qx 2"
done

# help, man page and completion know the same options
for command in show render diff apply verify repair migrate confirm rollback doctor trace flush \
	'snapshot save' 'snapshot restore'; do
	# shellcheck disable=SC2086  # one word or two
	expect 0 '' $command --help
	check "man page knows $command" grep -q "^\\.Cm $command" "$top/man/vipshift.8"
	# shellcheck disable=SC2013  # words are what is wanted
	for option in $(grep -oE '^  .{4}--[a-z0-9-]+' "$work/out" | grep -oE '[a-z0-9-]+$' |
		sed 's/^-*//'); do
		check "man page knows --$option" grep -q -- "Fl -$option" "$top/man/vipshift.8"
		check "completion knows --$option" grep -q -- "--$option" \
			"$top/completion/vipshift"
	done
done
# names of findings
for name in $(grep -oE '^    \{"[a-z-]+"' "$top/src/verify/check.c" | tr -d ' {"'); do
	check "man page knows $name" grep -qE "^\.It.* $name( |$)" "$top/man/vipshift-migrate.7"
done
finish
