#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A real kube-proxy before and after the switch, under traffic: it programs the node, vipshift
# takes the node to ipvs mode, kube-proxy takes over there, and the same back to iptables mode.
# No new connection fails, no stream breaks but those that --drain ends, and what kube-proxy's
# first sync changes is what is named here.
#
#   soak-kube-proxy.sh [live|container]...     by default both:
#   live       services read back from the node, or of a file; kube-proxy is held still by
#              --freeze auto until it is replaced
#   container  the init container of deploy/kubernetes, services from the API server
#
# The kube-proxy is 1.20.2, for nothing newer can be built from Debian's packages (see
# kube-proxy-cache). So this shows nothing about the text of the chains of 1.26 and later,
# which is what vipshift writes: 1.20 puts its own in their place, in both modes. What it shows
# of a sync without changes is sets, virtual servers, addresses and sysctls. And it does not
# take over after services were read back from ipvs mode, which has no names: 1.20 knows no
# KUBE-EXT chains, and cannot delete the chains that these lead to.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
# shellcheck source=../cli/api-server.sh
. "$here/../cli/api-server.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"
# judge counts, also behind a pipe.
shopt -s lastpipe
failed=0
drain=5
clients=(pod host outside)
# Of the demo; its others would only make kube-proxy, which runs a program per set entry, slower.
services='kubernetes kube-dns web store edge'

# ---- in the guest

# dump DIR: what is there, but for counters and what the kernel has by chance.
dump()
{
	local family

	mkdir "$1"
	for family in iptables ip6tables; do
		"$family-legacy-save" | awk '
			/^\*/ { table = substr($0, 2) }
			/^[:-]/ { sub(/ \[[0-9]+:[0-9]+\]$/, ""); print table, $0 }' |
			LC_ALL=C sort >"$1/$family"
	done
	ipset save | sed -E 's/ (initval|bucketsize|hashsize) [^ ]+//g' | LC_ALL=C sort >"$1/ipset"
	ipvsadm -Sn | LC_ALL=C sort >"$1/ipvsadm"
	ipvsadm -Ln --stats >"$1.stats"
	ip -o addr show dev kube-ipvs0 2>/dev/null | sed 's/^[0-9]*: //' >"$1/addresses" || :
	sysctl -ar '^net\.(ipv4\.(vs\.|ip_forward|conf\.all)|ipv6\.conf\.all|netfilter\.nf_conntrack_(max|tcp))' \
		2>/dev/null >"$1/sysctls"
}

# vipshift STEP ARGUMENTS...: what it says goes to a file.
vipshift()
{
	local step=$1 status=0
	shift

	"$VIPSHIFT" "$@" >>"$step.txt" 2>&1 </dev/null || status=$?
	[ $status = 0 ] || {
		echo "  $step: vipshift $1: exit status $status"
		tail -n 20 "$step.txt"
		return 1
	}
}

# switch_live STEP MODE: kube-proxy is there until the end.
switch_live()
{
	local from=live:iptables

	[ "$2" = ipvs ] || from=cluster.json
	vipshift "$1" migrate --to "$2" -n node-a -c $files/config.conf -f $from --freeze auto \
		--drain $drain --accept all -y
	kube_proxy_end KILL
}

# switch_container STEP MODE: the pod is replaced.
switch_container()
{
	local container words

	kube_proxy_end
	kube_proxy_configure "$2"
	for container in vipshift-resume vipshift; do
		mapfile -t words < <("$api_python" "$here/../lib/deploy.py" \
			"$here/../../deploy/kubernetes" args $container node-a)
		[ $container = vipshift-resume ] || words+=(--accept all "--drain=$drain")
		vipshift "$1" "${words[@]}"
	done
}

# targets NAME: those of flows.sh that go to the services of this cluster.
targets()
{
	local -n all=flows_$1

	printf '%s\n' "${all[@]}" | grep -E ':(web|store|edge|node-port|kubernetes|dns|dns-tcp)='
}

# traffic DIR: from a pod, the node and the world outside, until flows_stop.
traffic()
{
	local name from words

	mkdir "$1"
	flows_pids=()
	for name in "${clients[@]}"; do
		from=(ip netns exec "$name") words=()
		case $name in
		pod) from=(ip netns exec client) ;;
		host) from=(env) ;;
		outside) words=(--bind 203.0.113.10 --bind 2001:db8:113::10) ;;
		esac
		mapfile -t -O ${#words[@]} words < <(targets $name)
		flows_client "$1" $name "${from[@]}" "$VIPSHIFT_TRAFFIC" client --seconds 3600 \
			--timeout 10000 --every 300 --rate 4 --stop-file "$1/stop" "${words[@]}"
	done
	for name in "${clients[@]}"; do
		node_wait "$1/$name.ready" 120
	done
}

# read_back STEP MODE: the services that kube-proxy's state means.
read_back()
{
	"$VIPSHIFT" show -n node-a -f "live:$2" -o json >"$1.json" 2>"$1.txt"
}

# inside SCENARIO PROGRAM: runs in the guest, leaves its findings in the work folder.
inside()
{
	local switch=switch_$1 program=$2

	# shellcheck source=node.sh
	. "$here/node.sh"
	# shellcheck source=flows.sh
	. "$here/flows.sh"
	# shellcheck source=kube-proxy.sh
	. "$here/kube-proxy.sh"
	cd "$GUEST_WORK"
	kube_proxy_legacy
	node_setup
	node_cluster cluster.json
	node_pod client node-a 10.244.1.99 fd00:10:244:1::99
	mkdir -p $files
	api_start cluster.json "$PWD"
	echo secret.token >token
	api_kubeconfig $files/kubeconfig.conf "$api_https" \
		"certificate-authority: $PWD/ca.pem" "tokenFile: $PWD/token"

	kube_proxy_start 1-kube-proxy iptables
	dump 1-kube-proxy
	read_back 1-kube-proxy iptables
	traffic there
	$switch 2-vipshift ipvs
	dump 2-vipshift
	kube_proxy_start 3-kube-proxy ipvs
	dump 3-kube-proxy
	sleep 3
	flows_stop there
	read_back 3-kube-proxy ipvs
	"$VIPSHIFT" verify ipvs -n node-a -c $files/config.conf -f cluster.json --kube-proxy 1.26 \
		-o json >verify.json 2>verify.txt || :
	"$VIPSHIFT" show -n node-a -f cluster.json -o json >model.json
	traffic back
	$switch 4-vipshift iptables
	dump 4-vipshift
	kube_proxy_start 5-kube-proxy iptables
	dump 5-kube-proxy
	sleep 3
	flows_stop back
	read_back 5-kube-proxy iptables
	kube_proxy_end
}

# ---- judged outside

# judge WHAT EXPECTED: the lines of standard input, each once, in any order.
judge()
{
	local got
	got=$(LC_ALL=C sort -u)

	if [ "$got" = "$(LC_ALL=C sort -u <<<"$2")" ]; then
		echo "ok $scenario: $1"
		return 0
	fi
	echo "FAILED $scenario: $1"
	diff <(LC_ALL=C sort -u <<<"$2") - <<<"$got" | sed -n 's/^< /    missing: /p; s/^> /    found: /p' |
		head -n 30
	failed=1
}

# changes FILE BEFORE AFTER: lines that went, after a minus, and that came, after a plus.
changes()
{
	diff "$2/$1" "$3/$1" | sed -n 's/^< /- /p; s/^> /+ /p'
}

# chains FILE BEFORE AFTER: the same, but only which tables and chains they are in, or lead to
# from built-in ones; what is made of a service's name is left out.
chains()
{
	changes "$@" | awk '{
		print $1, $2, $3 != "-A" ? substr($3, 2) : $4 ~ /^KUBE-/ ? $4 : $NF
	}' | sed -E 's/-[A-Z2-7]{16}$//'
}

# services FILE MODE: what they are, without what 1.20 leaves nowhere: where endpoints are, ports
# of health checks, names in ipvs mode.
services()
{
	jq -c --arg mode "$2" '.services[] | del(.healthCheckNodePort, (.endpoints[] | .node, .zone))
		| if $mode == "ipvs" then del(.namespace, .name, .portName) else . end
		| .endpoints |= sort | .frontends |= sort' "$1"
}

# judge_services STEP MODE: they are read back from what kube-proxy made of them.
judge_services()
{
	services "$1.json" "$2" | judge "$1, $2 mode: services read back" "$(services model.json "$2")"
}

# failures DIR [KIND]: targets that failed or were never reached, but for one kind.
failures()
{
	jq -r --arg but "${2:-}" '.targets[]
		| select(.kind != $but and (.failed > 0 or .ok == 0))
		| "\(.kind) \(.target): \(.failed) of \(.tried) failed"' "$1"/*.json
}

broken()
{
	jq -s 'map(.broken) | add' "$1"/*.json
}

judge_traffic()
{
	local ended

	failures there | judge "no connection or request failed on the way there" ""
	broken there | judge "no stream broke on the way there" 0
	failures back stream | judge "no new connection or request failed on the way back" ""
	ended=$(sed -nE 's/.*: ([0-9]+) connections have not ended in .* are reset now/\1/p' \
		4-vipshift.txt)
	if [ "$(broken back)" -gt "${ended:-0}" ]; then
		echo "$(broken back) broken, $ended ended"
	fi | judge "no more streams broke on the way back than --drain ended" ""
	awk '$1 == "TCP" && $2 == "10.96.20.1:80" { print ($3 > 0) }' 3-kube-proxy.stats |
		judge "IPVS carried them" 1
}

# What the node port has, 1.20 gives to loopback addresses, too.
loopback_servers()
{
	sed -nE 's/^(-[Aa] -t )10\.0\.0\.11(:30[0-9]+ )/+ \1127.0.0.1\2/p;
		s/^(-[Aa] -t )\[fd00:10::11\](:30[0-9]+ )/+ \1[::1]\2/p' "$1/ipvsadm"
}

# verify_finds STEP: of what 1.20 has otherwise. Ports of health checks are in no set of it; from
# live state vipshift does not know of them.
verify_finds()
{
	local family chain

	for family in iptables ip6tables; do
		for chain in 'filter KUBE-FORWARD' 'nat KUBE-LOAD-BALANCER' 'nat KUBE-SERVICES'; do
			echo "$family $chain"
		done
	done
	loopback_servers "$1" | sed -n 's/^+ -A -t \([^ ]*\) .*/virtual server tcp \1/p'
	[ "$scenario" != live ] || echo 'ipset KUBE-HEALTH-CHECK-NODE-PORT'
}

# Where 1.20 has other rules in ipvs mode.
rewritten='+ filter KUBE-FORWARD
- filter KUBE-FORWARD
+ nat KUBE-FIREWALL
+ nat KUBE-LOAD-BALANCER
- nat KUBE-SERVICES'

# judge_changes MODE BEFORE AFTER KIND [EXPECTED]
judge_changes()
{
	changes "$4" "$2" "$3" | judge "$1 mode: what kube-proxy changed: $4" "${5:-}"
}

judge_ipvs()
{
	local before=2-vipshift after=3-kube-proxy entry='' family
	# An endpoint that is the node itself, as its address tells; kube-proxy goes by names.
	[ "$scenario" != live ] || entry='- add KUBE-LOOP-BACK 10.0.0.11,tcp:6443,10.0.0.11'

	judge_changes ipvs $before $after addresses
	# Newer ones leave it alone where the kernel is as new as this.
	judge_changes ipvs $before $after sysctls \
		$'- net.ipv4.vs.conn_reuse_mode = 1\n+ net.ipv4.vs.conn_reuse_mode = 0'
	judge_changes ipvs $before $after ipset "$entry"
	judge_changes ipvs $before $after ipvsadm "$(loopback_servers $before)"
	for family in iptables ip6tables; do
		chains $family $before $after |
			judge "ipvs mode: in which chains kube-proxy changed rules: $family" \
				"$rewritten"
	done
	[ "$scenario" != live ] || judge "that a kube-proxy is so old is said" 1 \
		< <(grep -c 'are of kube-proxy 1[.]22 or older.*cannot sync' $before.txt)
	jq -r '.findings[].about' verify.json |
		judge "verify ipvs finds what kube-proxy changed, and nothing else" \
			"$(verify_finds $before)"
	judge_services $after ipvs
}

# left_alone FAMILY: what 1.20 does not know, and what kubelet makes, too, so that it stays.
left_alone()
{
	printf '+ %s\n' 'filter KUBE-NODEPORTS' 'filter KUBE-PROXY-FIREWALL' 'nat KUBE-EXT' \
		'filter KUBE-FIREWALL'
	# Of the only service with a local policy.
	[ "$1" = ip6tables ] || echo '+ nat KUBE-SVL'
}

judge_iptables()
{
	local before=4-vipshift after=5-kube-proxy kind family

	for kind in addresses sysctls ipset ipvsadm; do
		judge_changes iptables $before $after $kind
	done
	judge_services 1-kube-proxy iptables
	judge_services $after iptables
	for kind in addresses ipset ipvsadm; do
		judge "nothing of ipvs mode is left: $kind" "" <$after/$kind
	done
	for family in iptables ip6tables; do
		chains $family 1-kube-proxy $after |
			judge "iptables mode: the rules are as before, and what kube-proxy left: $family" \
				"$(left_alone $family)"
	done
}

summary()
{
	local way

	for way in there back; do
		jq -rs --arg way $way '"  \($way): \(map(.tried) | add) connections and requests, " +
			"\([.[].targets[] | select(.kind != "stream") | .failed] | add) failed; " +
			"\(map(.streams) | add) streams, \(map(.broken) | add) broken; " +
			"longest gap \(map(.longest_gap_ms) | max) ms"' $way/*.json
	done
}

# run SCENARIO PROGRAM: in a guest of its own, judged.
run()
{
	local status=0
	scenario=$1
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT

	api_certificates "$work"
	jq --arg services "$services" '.items |= map(select(.kind == "Node" or
		((.metadata.labels["kubernetes.io/service-name"] // .metadata.name)
			| IN($services | splits(" ")))))' "$demo/cluster.json" >"$work/cluster.json"
	# kube-proxy begins 100 ms after it was given all services and endpoints, by the guest's
	# clock, whether it has looked at them or not.
	"$here/run-guest" --steady --mem 1500 --timeout "${VIPSHIFT_GUEST_TIMEOUT:-1800}" \
		--work "$work" "$0" inside "$scenario" "$2" || status=$?
	cd "$work"
	if [ $status = 0 ]; then
		# One that has not looked at all endpoints yet fails here once: where KUBE-SVL and
		# KUBE-EXT chains lead to them. What came of it in the end is judged.
		grep -hE '^E[0-9]|Sync failed' [13]-kube-proxy.log | judge "kube-proxy: no errors" ""
		judge_traffic
		judge_ipvs
		judge_iptables
		summary
	else
		echo "FAILED $scenario: the guest: exit status $status"
		failed=1
	fi
	[ $failed = 0 ] || [ -z "${VIPSHIFT_KEEP:-}" ] || cp -r "$work" "$VIPSHIFT_KEEP"
	cd "$here"
	rm -rf "$work"
}

if [ "${1:-}" = inside ]; then
	inside "$2" "$3"
	exit 0
fi
program=$("$here/kube-proxy-cache")
[ $# -gt 0 ] || set -- live container
for scenario; do
	run "$scenario" "$program"
done
[ $failed = 0 ]
