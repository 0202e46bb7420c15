# shellcheck shell=bash disable=SC2154  # what the caller sets
# SPDX-License-Identifier: GPL-2.0-or-later
# A node with the sample cluster whose whole state is compared before and after what happens to
# a migration, for scripts that run in the guest: source this file with here and limit (seconds)
# set, and "$@"; outside it starts the guest, which runs the script with the argument "inside".

demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"
if [ "${1:-}" != inside ]; then
	exec "$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-$limit}" "$0" inside
fi
# shellcheck source=node.sh
. "$here/node.sh"

work=$(mktemp -d)
export VIPSHIFT_STATE_DIR=$work/state
failed=0 passed=0
model=(-n node-a -f "$demo/cluster.json" -c "$demo/config.yaml" --kube-proxy 1.27.1
	--iptables legacy)

ok() # WHAT
{
	passed=$((passed + 1))
	[ -z "${VIPSHIFT_VERBOSE:-}" ] || echo "ok: $1"
}

bad() # WHAT [FILE]
{
	failed=$((failed + 1))
	echo "FAILED: $1"
	[ -z "${2:-}" ] || sed 's/^/    /' "$2" | head -n 20
}

# expect STATUS PATTERN WHAT COMMAND...
expect()
{
	local want=$1 pattern=$2 what=$3 got=0
	shift 3
	"$@" >"$work/said" 2>&1 </dev/null || got=$?
	mv "$work/said" "$work/out"
	if [ "$got" != "$want" ]; then
		bad "$what: exit status $got, not $want" "$work/out"
	elif ! grep -Eq -- "$pattern" "$work/out"; then
		bad "$what: does not say: $pattern" "$work/out"
	else
		ok "$what"
	fi
}

# Everything of both modes as text, without counters. What the kernel lists in an order of its
# own is sorted.
state()
{
	{ iptables-legacy-save; ip6tables-legacy-save; } | sed -E '/^#/d; s/ \[[0-9]+:[0-9]+\]$//'
	{
		ipset save | sed -E 's/ (initval|bucketsize|hashsize) [^ ]+//g'
		ipvsadm -Sn
		ip -o addr show dev kube-ipvs0 2>/dev/null | sed -E 's/^[0-9]+: //; s/ valid_lft.*//'
		{ ip route show table local; ip -6 route show table local; } |
			grep -E ' (dev kube-ipvs0|proto 86) '
	} | LC_ALL=C sort
	sysctl net.ipv4.conf.all.route_localnet net.ipv4.ip_forward net.ipv4.vs.conntrack \
		net.ipv4.vs.expire_nodest_conn 2>/dev/null
}

same() # AS WHAT
{
	state >"$work/now"
	if diff "$1" "$work/now" >"$work/diff"; then
		ok "$2"
	else
		bad "$2" "$work/diff"
	fi
}

to() { "$VIPSHIFT" migrate --to "$1" "${model[@]}" --drain 5 --accept all -y; }

# signalled N SIGNAL COMMAND...: gets the signal when the N-th step has been written down and
# before it is made. The journal is what is written with fdatasync.
signalled()
{
	local n=$1 signal=$2
	shift 2
	# (The inner shell says "Killed" to the file.)
	bash -c '"$@"; exit' bash strace -f -qq -o /dev/null -e trace=fdatasync \
		-e "inject=fdatasync:signal=$signal:when=$n" "$@" >"$work/out" 2>&1 </dev/null
}

# Brings the node into a mode and remembers its state as $work/MODE.
settle() # MODE
{
	to "$1" >"$work/out" 2>&1 || bad "migrate --to $1" "$work/out"
	"$VIPSHIFT" verify "$1" "${model[@]}" >"$work/out" 2>&1 || bad "verify $1" "$work/out"
	state >"$work/$1"
	grep -q '^-A KUBE-SERVICES' "$work/$1" || bad "no rules in $1 mode" "$work/$1"
}

# The node in iptables mode, after both modes were there once, so that modules and sysctls are
# what they will be.
states_setup()
{
	node_setup
	node_cluster "$demo/cluster.json"
	node_pod client node-a 10.244.1.99 fd00:10:244:1::99
	"$VIPSHIFT" apply iptables "${model[@]}" >"$work/out" 2>&1 || bad 'apply' "$work/out"
	settle ipvs
	settle iptables
}

# New connections from a pod and from outside, until states_traffic_judge.
states_traffic()
{
	local common=(client --seconds 1200 --timeout 8000 --stop-file "$work/stop" --rate 20)

	ip netns exec client "$VIPSHIFT_TRAFFIC" "${common[@]}" --log "$work/pod.log" \
		conn:web=10.96.20.1:80 'conn:web=[fd00:10:96::2001]:80' \
		conn:cart=10.96.20.4:8000 >"$work/pod.json" &
	states_clients=($!)
	ip netns exec outside "$VIPSHIFT_TRAFFIC" "${common[@]}" --bind 203.0.113.10 \
		--log "$work/outside.log" conn:node-port=10.0.0.11:30080 \
		conn:store=192.0.2.80:443 >"$work/outside.json" &
	states_clients+=($!)
}

# None of them may have failed.
states_traffic_judge()
{
	: >"$work/stop"
	wait "${states_clients[@]}"
	jq -rs '"\(map(.tried) | add) connections meanwhile, \(map(.failed) | add) failed"' \
		"$work"/pod.json "$work"/outside.json
	if jq -es 'map(.failed) | add == 0' "$work"/pod.json "$work"/outside.json >/dev/null; then
		ok 'connections'
	else
		bad 'connections failed' <(head -n 6 "$work"/*.log)
	fi
}
