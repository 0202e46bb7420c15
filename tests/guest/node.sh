# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The node under test, for scripts that run in the guest (source this file): the guest itself
# is node-a; node-b, the pods of both and the world outside are network namespaces.
#
#   outside (br0: 10.0.0.1, fd00:10::1, 203.0.113.10, 198.51.100.99, 2001:db8:113::10)
#     |-- node-a: the guest itself, eth0 10.0.0.11, fd00:10::11; pods 10.244.1.0/24
#     `-- node-b: eth0 10.0.0.12, fd00:10::12; pods 10.244.2.0/24
#
# Pods hang on routed links (as with Calico), so that traffic between two pods of one node
# passes the node's netfilter without bridge sysctls; cni0 only has their gateway's address.

# node_sysctls COMMAND...: forwarding, no address detection delays, no source filter.
node_sysctls()
{
	"$@" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
		net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0
}

# node_setup: the namespaces and links between the nodes and the world outside.
node_setup()
{
	hostname node-a
	# As kube-proxy sets it; a guest's default, from its memory, is 8192.
	modprobe nf_conntrack
	sysctl -qw net.netfilter.nf_conntrack_max=131072
	ip -batch - <<-END
	netns add outside
	netns add node-b
	link add eth0 type veth peer name node-a netns outside
	link add node-b-eth0 netns node-b type veth peer name node-b netns outside
	END
	node_sysctls env
	node_sysctls ip netns exec outside
	node_sysctls ip netns exec node-b
	ip -n outside -batch - <<-END
	link set lo up
	link add br0 type bridge
	link set node-a master br0 up
	link set node-b master br0 up
	addr add 10.0.0.1/24 dev br0
	addr add 203.0.113.10/24 dev br0
	addr add 198.51.100.99/32 dev br0
	addr add fd00:10::1/64 dev br0 nodad
	addr add 2001:db8:113::10/64 dev br0 nodad
	link set br0 up
	route add 192.0.2.0/24 via 10.0.0.11
	route add 198.51.100.7/32 via 10.0.0.11
	route add 2001:db8:0:80::/64 via fd00:10::11
	route add 10.244.1.0/24 via 10.0.0.11
	route add 10.244.2.0/24 via 10.0.0.12
	route add fd00:10:244:1::/64 via fd00:10::11
	route add fd00:10:244:2::/64 via fd00:10::12
	END
	ip -n node-b -batch - <<-END
	link set lo up
	link set node-b-eth0 name eth0
	link add cni0 type dummy
	addr add 10.244.2.1/32 dev cni0
	link set cni0 up
	addr add 10.0.0.12/24 dev eth0
	addr add fd00:10::12/64 dev eth0 nodad
	link set eth0 up
	route add default via 10.0.0.1
	route add 10.244.1.0/24 via 10.0.0.11
	route add default via fd00:10::1
	route add fd00:10:244:1::/64 via fd00:10::11
	END
	ip -batch - <<-END
	link add cni0 type dummy
	addr add 10.244.1.1/32 dev cni0
	link set cni0 up
	addr add 10.0.0.11/24 dev eth0
	addr add fd00:10::11/64 dev eth0 nodad
	link set eth0 up
	route add default via 10.0.0.1
	route add 10.244.2.0/24 via 10.0.0.12
	route add default via fd00:10::1
	route add fd00:10:244:2::/64 via fd00:10::12
	END
	node_pods=0
}

# node_pod NAME NODE IPV4 [IPV6]: a pod as the namespace NAME.
node_pod()
{
	local name=$1 node=$2 ipv4=$3 ipv6=${4:-} on=() gateway
	local link=pod$((node_pods += 1))

	[ "$node" = node-a ] || on=(-n "$node")
	gateway=${ipv4%.*}.1
	ip netns add "$name"
	ip "${on[@]}" -batch - <<-END
	link add $link type veth peer name eth0 netns $name
	addr add fe80::1/64 dev $link nodad
	link set $link up
	route add $ipv4/32 dev $link
	${ipv6:+route add $ipv6/128 dev $link}
	END
	ip -n "$name" -batch - <<-END
	link set lo up
	addr add $ipv4/32 dev eth0
	${ipv6:+addr add $ipv6/128 dev eth0 nodad}
	link set eth0 up
	route add $gateway/32 dev eth0
	route add default via $gateway
	${ipv6:+route add default via fe80::1 dev eth0}
	END
}

# node_pods_of CLUSTER.JSON: one line per endpoint: pod, node, IPv4, IPv6 or -, ports.
node_pods_of()
{
	jq -r '[.items[] | select(.kind == "EndpointSlice") | . as $slice
		| .endpoints[]? | {
			name: (.targetRef.name // "host"), node: .nodeName,
			family: $slice.addressType, address: .addresses[0],
			ports: [$slice.ports[] | "\(.port)/\(.protocol | ascii_downcase)"]}]
		| group_by(.name)[]
		| [.[0].name, (.[0].node // "-"),
		   ((map(select(.family == "IPv4"))[0].address) // "-"),
		   ((map(select(.family == "IPv6"))[0].address) // "-"),
		   (map(.ports[]) | unique | join(","))]
		| @tsv' "$1"
}

# node_cluster CLUSTER.JSON: makes the pods behind its endpoint slices and starts their
# servers, one process for all of them, $node_servers.
node_cluster()
{
	local name node ipv4 ipv6 ports specs=() ready=/run/servers-ready

	while read -r name node ipv4 ipv6 ports; do
		if [ "$name" = host ]; then
			specs+=("node-a:$ports")
			continue
		fi
		node_pod "$name" "$node" "$ipv4" "${ipv6#-}"
		specs+=("$name@$name:$ports")
	done < <(node_pods_of "$1")
	rm -f "$ready"
	"$VIPSHIFT_TRAFFIC" serve --ready-file "$ready" "${specs[@]}" &
	# shellcheck disable=SC2034  # for those who source this file
	node_servers=$!
	node_wait "$ready" 30
}

# node_wait FILE SECONDS: until the file is there.
node_wait()
{
	local end=$((SECONDS + $2))

	while ((SECONDS <= end)); do
		[ ! -e "$1" ] || return 0
		sleep 0.1
	done
	echo "node: $1 did not appear within $2 s" >&2
	return 1
}
