# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Live traffic against the sample cluster, for scripts that run in the guest (source this
# file after node.sh): from a pod, from the host itself and from outside, to cluster
# addresses, node ports, external addresses and load balancers.

# A target is KIND:LABEL=ADDRESS:PORT as the traffic tool takes it.
flows_pod=(
	conn:web=10.96.20.1:80
	"conn:web=[fd00:10:96::2001]:80"
	conn:store=10.96.20.2:443
	conn:cart=10.96.20.4:8000
	conn:api=10.96.20.5:80
	conn:kubernetes=10.96.0.1:443
	conn:dns-tcp=10.96.0.10:53
	conn:node-port=10.0.0.11:30080
	conn:bastion=198.51.100.7:22
	stream:web=10.96.20.1:80
	"stream:web=[fd00:10:96::2001]:80"
	stream:store=10.96.20.2:443
	stream:kubernetes=10.96.0.1:443
	udp:syslog=10.96.30.1:514
	"udp:syslog=[fd00:10:96::3001]:514"
	dns:dns=10.96.0.10:53
)
flows_host=(
	conn:web=10.96.20.1:80
	"conn:web=[fd00:10:96::2001]:80"
	conn:kubernetes=10.96.0.1:443
	conn:node-port=10.0.0.11:30080
	stream:web=10.96.20.1:80
	stream:kubernetes=10.96.0.1:443
	udp:syslog=10.96.30.1:514
	dns:dns=10.96.0.10:53
)
flows_outside=(
	conn:node-port=10.0.0.11:30080
	"conn:node-port=[fd00:10::11]:30080"
	conn:store=192.0.2.80:443
	"conn:store=[2001:db8:0:80::80]:443"
	conn:edge=192.0.2.81:80
	conn:bastion=198.51.100.7:22
	stream:node-port=10.0.0.11:30080
	stream:store=192.0.2.80:443
	"stream:store=[2001:db8:0:80::80]:443"
	stream:edge=192.0.2.81:80
	udp:syslog=10.0.0.11:30514
	"udp:syslog=[fd00:10::11]:30514"
)
# A pod that reaches itself through its service.
flows_hairpin=(
	conn:api=10.96.20.5:80
	stream:api=10.96.20.5:80
)

# flows_start DIR SECONDS: starts the clients; results go to DIR/*.json. An emulated processor
# serves some 100 connections a second; rates stay well below. Traffic goes first (nice), so
# that it is the switch that is measured and not the emulation's speed.
flows_start()
{
	local dir=$1 api
	local common=(client --seconds "$2" --timeout 8000 --every 250 --stop-file "$1/stop")

	mkdir -p "$dir"
	rm -f "$dir"/stop "$dir"/*.ready
	api=$(ip netns list | awk '/^api-/ { print $1; exit }')
	flows_pids=()
	flows_client "$dir" pod ip netns exec client \
		"$VIPSHIFT_TRAFFIC" "${common[@]}" --rate 8 "${flows_pod[@]}"
	flows_client "$dir" host \
		"$VIPSHIFT_TRAFFIC" "${common[@]}" --rate 4 "${flows_host[@]}"
	flows_client "$dir" outside ip netns exec outside \
		"$VIPSHIFT_TRAFFIC" "${common[@]}" --rate 8 --bind 203.0.113.10 \
		--bind 2001:db8:113::10 "${flows_outside[@]}"
	flows_client "$dir" hairpin ip netns exec "$api" \
		"$VIPSHIFT_TRAFFIC" "${common[@]}" --rate 2 "${flows_hairpin[@]}"
}

# flows_client DIR NAME COMMAND...: one client in the background.
flows_client()
{
	local dir=$1 name=$2
	shift 2

	nice -n -10 "$@" --ready-file "$dir/$name.ready" --log "$dir/$name.log" >"$dir/$name.json" &
	flows_pids+=($!)
}

# flows_wait_ready DIR: until every target of every client has answered once.
flows_wait_ready()
{
	local name

	for name in pod host outside hairpin; do
		node_wait "$1/$name.ready" 20
	done
}

# flows_finish: waits until the clients have ended by themselves.
flows_finish()
{
	wait "${flows_pids[@]}"
}

# flows_stop DIR: ends the clients; what they are waiting for may still come in.
flows_stop()
{
	: >"$1/stop"
	flows_finish
}
