#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Connections of the node itself to virtual addresses that begin while these are on kube-ipvs0
# and iptables mode carries: they outlive the addresses, when a migration to ipvs is cut off and
# aborted, when it is rolled back, and when the node leaves ipvs mode. UDP flows that IPVS carries
# when the node leaves ipvs mode are led to the rules before its servers go; the node's own are
# said, whose address goes, and its connections that are left then are ended.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
limit=300
# shellcheck source=states.sh
. "$here/states.sh"

# held NAME TARGETS... -- COMMAND...: streams by the traffic tool, which COMMAND runs, until
# judge_held; all have answered.
held()
{
	local name=$1 targets=()
	shift
	while [ "$1" != -- ]; do
		targets+=("stream:$1")
		shift
	done
	shift
	rm -f "$work/$name".*
	"$@" "$VIPSHIFT_TRAFFIC" client --seconds 600 --timeout 5000 \
		--stop-file "$work/$name.stop" --ready-file "$work/$name.ready" \
		--log "$work/$name.log" "${targets[@]}" >"$work/$name.json" &
	held=$!
	node_wait "$work/$name.ready" 30
}

# From the node to pods of both nodes.
held_own()
{
	held own web=10.96.20.1:80 'web=[fd00:10:96::2001]:80' web=10.96.20.1:80 \
		'web=[fd00:10:96::2001]:80' bastion=198.51.100.7:22 cart=10.96.20.4:8000 -- env
}

# judge_own WHAT: they still answer, longer than an answer may take.
judge_own()
{
	sleep 6
	: >"$work/own.stop"
	wait "$held"
	if jq -e '.streams > 0 and .broken == 0 and .failed == 0' "$work/own.json" >/dev/null; then
		ok "$1"
	else
		bad "$1: streams broke" "$work/own.log"
	fi
}

carries_iptables() { iptables-legacy -t nat -S KUBE-SERVICES | grep -q -- '-j KUBE-SVC-'; }
has_addresses() { ip -o addr show dev kube-ipvs0 2>/dev/null | grep -q inet; }

# A migration that is cut off while the addresses are there and iptables mode carries: before
# this step, and the next ones.
cuts_before_the_switch() # STEP
{
	local n=$1 tried=0

	for (( ; n < $1 + 10; n++)); do
		! signalled "$n" KILL "$VIPSHIFT" migrate --to ipvs "${model[@]}" --accept all \
			-y || bad "cut $n: not cut"
		carries_iptables || break
		has_addresses || bad "cut $n: no addresses"
		held_own
		expect 0 'rolled back' "cut $n: --abort" "$VIPSHIFT" migrate --abort
		if has_addresses; then
			bad "cut $n: addresses are left"
		fi
		judge_own "cut $n: connections of the node"
		tried=$((tried + 1))
		same "$work/iptables" "cut $n: the state before"
	done
	expect 0 'rolled back' "cut $n: --abort" "$VIPSHIFT" migrate --abort --drain 1
	[ $tried -ge 2 ] || bad "only $tried cuts"
}

# while_draining WHAT COMMAND...: leaves ipvs mode, and waits for a pod's connection by IPVS.
while_draining()
{
	local what=$1 job
	shift

	held pod cart=10.96.20.4:8000 -- ip netns exec client
	"$@" --drain 30 >"$work/draining" 2>&1 </dev/null &
	job=$!
	for _ in {1..100}; do
		! carries_iptables || break
		sleep 0.1
	done
	held_own
	has_addresses || bad "$what: too late"
	: >"$work/pod.stop"
	wait $job || bad "$what" "$work/draining"
	judge_own "$what: connections of the node"
	same "$work/iptables" "$what: the state before"
}

# udp_flows_while WHAT COMMAND...: leaves ipvs mode, while a pod asks by UDP flows that IPVS
# carries. None waits for a server that has gone; a packet on its way may be lost.
udp_flows_while()
{
	local what=$1 client targets=()
	shift

	for _ in {1..4}; do
		targets+=(udp:syslog=10.96.30.1:514 'udp:syslog=[fd00:10:96::3001]:514')
	done
	rm -f "$work"/udp.*
	ip netns exec client "$VIPSHIFT_TRAFFIC" client --seconds 600 --timeout 3000 --every 20 \
		--stop-file "$work/udp.stop" --ready-file "$work/udp.ready" \
		--log "$work/udp.log" "${targets[@]}" >"$work/udp.json" &
	client=$!
	node_wait "$work/udp.ready" 30
	"$@" --drain 1 >"$work/out" 2>&1 </dev/null || bad "$what" "$work/out"
	sleep 0.5
	: >"$work/udp.stop"
	wait $client
	if jq -e 'all(.targets[]; .ok > 20 and .failed <= 3)' "$work/udp.json" >/dev/null; then
		ok "$what: UDP flows go on"
	else
		jq -c '.targets[] | select(.failed > 0)' "$work/udp.json" >>"$work/udp.log"
		bad "$what: UDP flows lost requests" "$work/udp.log"
	fi
}

# The node's own socket, on an address that goes.
says_own_udp()
{
	exec {own}<>/dev/udp/10.96.30.1/514
	expect 2 'syslog.*node-udp' 'own UDP socket' \
		"$VIPSHIFT" migrate --to iptables "${model[@]}" --accept all --dry-run
	exec {own}>&-
}

# Connections that IPVS carries and that have not ended in time: their programs hear of it.
ends_own() # WHAT COMMAND...
{
	local what=$1
	shift

	held_own
	# Some may have had their reset by then; what counts is that all hear of it.
	expect 0 '[1-6] connections of this node .* ended' "$what" "$@" --drain 1
	sleep 1
	: >"$work/own.stop"
	wait "$held"
	if jq -e '.streams == 6 and .broken == 6' "$work/own.json" >/dev/null &&
		! grep -q timeout "$work/own.log"; then
		ok "$what: connections of the node end at once"
	else
		bad "$what: connections of the node do not end" "$work/own.log"
	fi
}

states_setup
to ipvs >"$work/out" 2>&1 || bad 'to ipvs' "$work/out"
same "$work/ipvs" 'ipvs mode'
made=$(grep '^step' "$VIPSHIFT_STATE_DIR/migration" | grep -n addresses | sed 's/:.*//;q')
while_draining rollback "$VIPSHIFT" rollback
cuts_before_the_switch $((made + 1))
to ipvs >"$work/out" 2>&1 || bad 'to ipvs' "$work/out"
udp_flows_while rollback "$VIPSHIFT" rollback
to ipvs >"$work/out" 2>&1 || bad 'to ipvs' "$work/out"
says_own_udp
udp_flows_while 'to iptables' "$VIPSHIFT" migrate --to iptables "${model[@]}" --accept all -y
# What its server took along would not be counted.
grep -Eq ' ([89]|[1-9][0-9]) stale UDP flows deleted' "$work/out" ||
	bad 'to iptables: UDP flows were not led to the rules' "$work/out"
for way in rollback "migrate --to iptables ${model[*]} --accept all -y"; do
	to ipvs >"$work/out" 2>&1 || bad 'to ipvs' "$work/out"
	# shellcheck disable=SC2086  # words
	ends_own "${way%% -*}" "$VIPSHIFT" $way
done
to ipvs >"$work/out" 2>&1 || bad 'to ipvs' "$work/out"
while_draining 'to iptables' "$VIPSHIFT" migrate --to iptables "${model[@]}" --accept all -y
echo "own connections: $passed passed, $failed failed"
[ $failed = 0 ]
