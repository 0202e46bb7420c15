#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The packet walker against a real kernel: on a node in several states, what "trace" says of a
# packet is what becomes of it: which endpoints it reaches, under which source address, or that
# it is refused or dropped. Arguments: the states to try, as a pattern. VIPSHIFT_WALK_EVERY=1
# tries every packet instead of every thirty-second.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"

# NAME MODE VARIANT CONFIG RELEASE MORE: the states. MORE: rules of others in front; or the
# virtual servers and addresses of ipvs mode beside the rules of iptables mode, as halfway
# through a migration.
states=(
	"iptables iptables legacy $demo/config.yaml 1.27.1 nothing"
	"iptables-without-cidr iptables nft $demo/config-no-cidr.yaml 1.31.1 nothing"
	"iptables-by-interface iptables legacy $here/walk/config-prefix.yaml 1.33.1 nothing"
	"iptables-behind-others iptables legacy $here/walk/config-all.yaml 1.28.1 rules"
	"halfway iptables legacy $demo/config.yaml 1.27.1 servers"
	"ipvs ipvs legacy $demo/config.yaml 1.27.1 nothing"
	"ipvs-without-cidr ipvs legacy $demo/config-no-cidr.yaml 1.31.1 nothing"
	"ipvs-by-interface ipvs nft $here/walk/config-prefix.yaml 1.33.1 nothing"
	"ipvs-behind-others ipvs legacy $here/walk/config-all.yaml 1.28.1 rules"
)
every=${VIPSHIFT_WALK_EVERY:-32}
declare -A kinds=([tcp]=conn [udp]=dns [sctp]=sctp)
# The clients: a pod, an endpoint, the node, and two outside, inside and out of source ranges; how
# they come in (see setup).
declare -A addresses=(
	[pod]="10.244.1.99 fd00:10:244:1::99"
	[self]="10.244.1.11 fd00:10:244:1::11"
	[outside]="203.0.113.10 2001:db8:113::10"
	[stranger]="198.51.100.99 2001:db8:114::99"
)
declare -A namespaces=([pod]=client [self]=a1 [outside]=outside [stranger]=outside)
declare -A links=([pod]=pod3 [self]=pod1 [outside]=eth0 [stranger]=eth0)

# source_of CLIENT TARGET: as trace is told, in the family of the target.
source_of()
{
	case $1,$2 in
	node,*) echo node ;;
	*,\[*) echo "${addresses[$1]#* }%${links[$1]}" ;;
	*) echo "${addresses[$1]% *}%${links[$1]}" ;;
	esac
}

# ---- in the guest

all_on() { echo "$1/tcp,$1/udp,$1/sctp"; }

setup()
{
	local pod name node net host
	local specs=("socket-7001:$(all_on 7001)" "socket-7000@outside:$(all_on 7000)"
		"host-a-7002:$(all_on 7002)" "host-b-7002@node-b:$(all_on 7002)")

	modprobe sctp
	node_setup
	for pod in a1:node-a:1:11 a2:node-a:1:12 client:node-a:1:99 b1:node-b:2:11 b2:node-b:2:12; do
		IFS=: read -r name node net host <<<"$pod"
		node_pod "$name" "$node" "10.244.$net.$host" "fd00:10:244:$net::$host"
		[ "$name" = client ] || specs+=("$name-8080@$name:$(all_on 8080)"
			"$name-9000@$name:$(all_on 9000)")
	done
	# What is sent to a service address comes here, and answers come back this way,
	# masqueraded or not, so that every way can be seen.
	ip -n outside -batch - <<-END
	addr add 2001:db8:114::99/128 dev br0 nodad
	route add 10.96.0.0/16 via 10.0.0.11
	route add fd00:10:96::/48 via fd00:10::11
	END
	ip -n node-b -batch - <<-END
	route replace default via 10.0.0.11
	route replace default via fd00:10::11
	END
	ip netns exec node-b sysctl -qw net.ipv6.conf.eth0.accept_redirects=0
	sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0
	# At its first try a socket is busy and does not hear that it is refused. But one that
	# tries again before the answer is there gets two, whose tags differ: what it sends then
	# is invalid to connection tracking, and never arrives.
	for name in '' client a1 outside; do
		${name:+ip netns exec "$name"} sysctl -qw net.sctp.rto_min=1000 \
			net.sctp.rto_initial=1000
	done
	# Whoever is refused hears of it, however many they are.
	sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=100000 \
		net.ipv4.icmp_msgs_burst=10000 net.ipv6.icmp.ratelimit=0
	"$VIPSHIFT_TRAFFIC" serve --ready-file /run/servers-ready "${specs[@]}" &
	node_wait /run/servers-ready 30
}

# rules_of_others -I|-D: what stands in front of ours in some states; one cannot be told.
rules_of_others()
{
	iptables-legacy -t nat "$1" PREROUTING -d 10.96.50.1/32 -p tcp -m tcp --dport 80 \
		-j DNAT --to-destination 10.244.2.12:9000
	iptables-legacy -t nat "$1" OUTPUT -d 10.96.50.2/32 -p udp -m udp --dport 80 \
		-j DNAT --to-destination 10.244.1.12:8080
	iptables-legacy "$1" FORWARD -d 10.244.1.11/32 -p udp -m udp --dport 8080 -j DROP
	iptables-legacy "$1" INPUT -p tcp -m multiport --dports 30102,30105 -j REJECT
	iptables-legacy "$1" INPUT -d 10.96.50.4/32 -p tcp -j DROP
	iptables-legacy "$1" OUTPUT -d 10.244.2.11/32 -p tcp -m tcp --dport 8080 \
		-j REJECT --reject-with tcp-reset
	iptables-legacy -t raw "$1" PREROUTING -s 198.51.100.0/24 -d 10.96.50.7/32 -j DROP
	iptables-legacy "$1" FORWARD -d 10.244.1.12/32 -m length --length 1000:2000 -j DROP
	ip6tables-legacy "$1" FORWARD -d fd00:10:244:2::11/128 -j REJECT
	ip6tables-legacy -t mangle "$1" INPUT -p tcp -m tcp --dport 80 -j DROP
}

dump()
{
	# (It may warn of the other variant.)
	"iptables-$2-save" >"$1/iptables-save.txt" 2>"$1/said"
	"ip6tables-$2-save" >"$1/ip6tables-save.txt" 2>"$1/said"
	ipset save >"$1/ipset-save.txt"
	ipvsadm -Sn >"$1/ipvsadm-Sn.txt"
	ip -o addr show >"$1/addresses.txt"
}

# try DIR CLIENT TRIES: the samples of one client that are tried so often.
try()
{
	local dir=$1 client=$2 tries=$3 targets=() command=() protocol target who often

	while read -r _ who protocol often target; do
		[ "$who $often" != "$client $tries" ] ||
			targets+=("${kinds[$protocol]}:$client=$target")
	done <"$dir/samples"
	[ ${#targets[@]} -gt 0 ] || return 0
	[ "$client" = node ] || command=(ip netns exec "${namespaces[$client]}")
	command+=("$VIPSHIFT_TRAFFIC" client --count "$tries" --rate 400 --timeout 4000 --seconds 300)
	[ "$client" = node ] || command+=(--bind "${addresses[$client]% *}"
		--bind "${addresses[$client]#* }")
	"${command[@]}" "${targets[@]}" >"$dir/$client-$tries.json"
}

# quietly DIR COMMAND...: what it says only when it fails.
quietly()
{
	local said=$1/said
	shift
	"$@" >"$said" 2>&1 || { cat "$said"; return 1; }
}

# run_state NAME MODE VARIANT CONFIG RELEASE MORE: in the folder of that name, which has the samples.
run_state()
{
	local dir=$1 mode=$2 variant=$3 more=$6 tries client pids=() part
	local model=(-n node-a -f cluster.json -c "$4" --kube-proxy "$5")

	quietly "$dir" "$VIPSHIFT" apply "$mode" --iptables "$variant" "${model[@]}"
	case $more in
	rules) rules_of_others -I ;;
	servers)
		for part in ipset:'ipset restore' ipvs:'ipvsadm -R' addresses:'ip -batch -'; do
			"$VIPSHIFT" render ipvs "${model[@]}" --part "${part%%:*}" | ${part#*:}
		done
		;;
	esac
	dump "$dir" "$variant"
	for tries in $(awk '{ print $4 }' "$dir/samples" | sort -u); do
		for client in node "${!addresses[@]}"; do
			try "$dir" "$client" "$tries" &
			pids+=($!)
		done
	done
	wait "${pids[@]}"
	[ "$more" != rules ] || rules_of_others -D
	[ "$more" != servers ] || quietly "$dir" "$VIPSHIFT" flush ipvs --iptables "$variant" --yes
	quietly "$dir" "$VIPSHIFT" flush "$mode" --iptables "$variant" --yes
}

inside()
{
	local state

	# shellcheck source=node.sh
	. "$here/node.sh"
	cd "$GUEST_WORK"
	setup
	while read -ra state; do
		run_state "${state[@]}" </dev/null
	done <states
}

# ---- outside

# samples: those of each state; each tries others.
samples()
{
	local name first=0

	while read -r name _; do
		mkdir "$name"
		jq -r --argjson every "$every" --argjson first $((first++)) \
			-f "$here/walk/samples.jq" cluster.json >"$name/samples"
	done <states
}

# predict DIR: what the walker says of each sample, a file each.
predict()
{
	local dir=$1 number client protocol target config

	mkdir "$dir/traces"
	config=$(awk -v name="$(basename "$dir")" '$1 == name { print $4 }' states)
	while read -r number client protocol _ target; do
		echo "$number" "$target/$protocol" "$(source_of "$client" "$target")"
	done <"$dir/samples" | xargs -L 1 -P "$(nproc)" sh -c '
		"$VIPSHIFT" trace "$4" --source "$5" --against "$1" -c "$2" -n node-a -o json \
			>"$1/traces/$3" || echo "trace $4 --source $5: exit status $?"' \
		trace "$dir" "$config"
}

# judge DIR: a line per sample.
judge()
{
	jq -c '.targets[] | .protocol = {conn: "tcp", dns: "udp", sctp: "sctp"}[.kind]' \
		"$1"/*.json >"$1/runs"
	jq -nr --slurpfile runs "$1/runs" --rawfile samples "$1/samples" \
		-f "$here/walk/judge.jq" "$1"/traces/* >"$1/verdicts"
}

if [ "${1:-}" = inside ]; then
	inside
	exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
script=$here/$(basename "$0")
cd "$work"
jq -n -f "$here/walk/cluster.jq" >cluster.json
printf '%s\n' "${states[@]}" | grep -E "^(${*:-.*}) " >states
samples
"$here/run-guest" --steady --timeout "${VIPSHIFT_GUEST_TIMEOUT:-600}" --work "$work" "$script" inside
bad=0
while read -r name _; do
	predict "$name"
	judge "$name"
	n=$(wc -l <"$name/samples")
	ok=$(grep -c ^ok "$name/verdicts" || :)
	echo "  $name: $ok of $n packets went where the walker says"
	grep -v ^ok "$name/verdicts" | sed 's/^/    /' || :
	[ "$ok" = "$n" ] || bad=$((bad + 1))
done <states
[ -z "${VIPSHIFT_KEEP:-}" ] || cp -r "$work" "$VIPSHIFT_KEEP"
echo "walk: $(($(wc -l <states) - bad)) passed, $bad failed"
[ $bad = 0 ]
