# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Load on the services of load-cluster.jq, for scripts that run in the guest (source this file
# after node.sh): from a pod, from the node itself, from outside, and of a pod on itself.

load_clients=(pod host outside hairpin pod-udp host-udp outside-udp)

# Addresses of service N, see load-cluster.jq.
cluster4() { echo "10.97.1.$1"; }
cluster6() { printf '[fd00:10:97::%x]' $(($1 + 256)); }
outer4() { echo "192.0.2.$(($1 + 10))"; }
outer6() { printf '[2001:db8:0:80::%x]' $(($1 + 16)); }

# both KIND LABEL ADDRESS-FUNCTION PORT N...: targets of both families.
both()
{
	local kind=$1 label=$2 address=$3 port=$4 n
	shift 4
	for n; do
		echo "$kind:$label-$n=$("${address}4" "$n"):$port"
		echo "$kind:$label-$n=$("${address}6" "$n"):$port"
	done
}

# node_ports KIND LABEL N...
node_ports()
{
	local kind=$1 label=$2 n
	shift 2
	for n; do
		echo "$kind:$label-$n=10.0.0.11:$((31000 + n))"
		echo "$kind:$label-$n=[fd00:10::11]:$((31000 + n))"
	done
}

# What each client calls; 50 streams in all, and 26 sessions. By TCP no client calls a service
# at two of its addresses: the kernel gives both connections one source port now and then, and
# if IPVS sends them to one endpoint it takes the answers of the older one for those of the
# newer. So it is in ipvs mode at any time, and nothing a switch could do about.
targets_pod()
{
	both conn cluster cluster 80 0 10 3 5 41 42 44
	both conn dns-tcp cluster 53 7
	both conn affinity cluster 80 8
	both conn balancer outer 80 2 12
	both conn external outer 80 4 14
	node_ports conn node-port 1 11
	both stream cluster cluster 80 0 10 20 30 40
	both stream balancer outer 80 2 22
	both stream external outer 80 4
	node_ports stream node-port 1 32
	both session cluster cluster 80 0 5
	both session balancer outer 80 12
	both session external outer 80 24
	node_ports session node-port 11
}

targets_host()
{
	both conn cluster cluster 80 0 3 41 42 44
	both conn balancer outer 80 2 12
	both conn external outer 80 4 14
	node_ports conn node-port 1 32
	both stream cluster cluster 80 0 10 3
	both stream balancer outer 80 12
	node_ports stream node-port 1
	both session cluster cluster 80 20
	both session balancer outer 80 22
	node_ports session node-port 21
}

targets_outside()
{
	# Its endpoints are on the node itself: without a cluster CIDR nothing would bring
	# other answers back this way.
	both conn cluster cluster 80 8
	both conn balancer outer 80 2 12
	both conn ranges outer 80 3 13
	both conn local outer 80 5 15
	both conn external outer 80 4 14
	node_ports conn node-port 1 22 11
	both stream balancer outer 80 2
	both stream ranges outer 80 3
	both stream local outer 80 5
	both stream external outer 80 4
	node_ports stream node-port 1 22 33
	both session ranges outer 80 23
	both session local outer 80 25
	both session balancer outer 80 32
	node_ports session node-port 31
}

targets_hairpin()
{
	both conn hairpin cluster 80 9 19
	both stream hairpin cluster 80 9 29 49
	both session hairpin cluster 80 39
}

targets_pod_udp()
{
	both udp syslog cluster 514 6 16
	node_ports udp syslog 6
	both dns dns cluster 53 7 17
}

targets_host_udp()
{
	both udp syslog cluster 514 6
	node_ports udp syslog 16
	both dns dns cluster 53 7
}

targets_outside_udp()
{
	node_ports udp syslog 6 16 26
}

# client NAME RATE EVERY COMMAND...: starts one.
client()
{
	local name=$1 rate=$2 every=$3 targets
	shift 3
	mapfile -t targets < <("targets_${name//-/_}")
	"$@" --seconds 36000 --timeout 8000 --life 1000 --stop-file stop --rate "$rate" --every "$every" \
		--ready-file "$name.ready" --log "$name.log" "${targets[@]}" >"$name.json" &
	pids+=($!)
}

# load_start RATE: all clients, those that make connections RATE of them a second; and somebody who is not in the source ranges.
load_start()
{
	local traffic=("$VIPSHIFT_TRAFFIC" client) name
	local outside=(ip netns exec outside "${traffic[@]}")
	local rate=$(($1 * 11 / 10)) world=(--bind 203.0.113.10 --bind 2001:db8:113::10)

	# A tenth more than is asked for: who is late does not catch up.
	rm -f stop ./*.ready
	pids=()
	client pod $rate 500 ip netns exec client "${traffic[@]}"
	client host $rate 500 "${traffic[@]}"
	client outside $rate 500 "${outside[@]}" "${world[@]}"
	client hairpin 10 500 ip netns exec load-0 "${traffic[@]}"
	client pod-udp 20 100 ip netns exec client "${traffic[@]}"
	client host-udp 20 100 "${traffic[@]}"
	client outside-udp 20 100 "${outside[@]}" "${world[@]}"
	"${outside[@]}" --seconds 36000 --timeout 700 --stop-file stop --rate 4 --every 1000 \
		--bind 198.51.100.99 --bind fd00:10::1 "conn:$(outer4 3):80" \
		"conn:$(outer6 3):80" >kept-out.json &
	pids+=($!)
	for name in "${load_clients[@]}"; do
		node_wait "$name.ready" 60
	done
}

load_stop()
{
	: >stop
	wait "${pids[@]}"
}

