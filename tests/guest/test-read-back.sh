#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node is switched with nothing but itself, there and back: what is read from the live state
# of one mode gives the other mode as the cluster's own objects would.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

if [ "${1:-}" != inside ]; then
	exec "$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-240}" "$0" inside
fi

# shellcheck source=node.sh
. "$here/node.sh"
work=$(mktemp -d)
export VIPSHIFT_STATE_DIR=$work/state
live=(-n node-a --kube-proxy 1.30 --iptables legacy)
cluster=(-f "$demo/cluster.json" -c "$demo/config.yaml" "${live[@]}")
failed=0 passed=0

# expect STATUS PATTERN WHAT COMMAND...
expect()
{
	local want=$1 pattern=$2 what=$3 got=0
	shift 3
	[ ! -e "$work/out" ] || mv "$work/out" "$work/last"
	"$@" >"$work/out" 2>&1 </dev/null || got=$?
	if [ "$got" = "$want" ] && grep -Eq -- "$pattern" "$work/out"; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "FAILED: $what: exit status $got, not $want, or does not say: $pattern"
	sed 's/^/    /' "$work/out" | head -n 25
}

node_setup
# Which pods are on this node is told by their routes.
while read -r name node ipv4 ipv6 _; do
	[ "$name" = host ] || node_pod "$name" "$node" "$ipv4" "${ipv6#-}"
done < <(node_pods_of "$demo/cluster.json")

expect 0 'verified' 'apply' "$VIPSHIFT" apply iptables "${cluster[@]}"
expect 0 'iptables' 'show --mode-of-node' "$VIPSHIFT" show --mode-of-node --iptables legacy
expect 0 'shop/web:http' 'show of the live node' "$VIPSHIFT" show -f live:iptables "${live[@]}"
expect 0 'the node is in ipvs mode' 'migrate --to ipvs without services' \
	"$VIPSHIFT" migrate --to ipvs "${live[@]}" -y --accept all
# Whether an endpoint at the node's own address is one of its pods is not told: the API
# server's is none, and the entry does no harm until kube-proxy's first sync.
expect 2 '^0 to add, 0 to change, 1 to delete' 'ipvs mode is what the cluster gives' \
	"$VIPSHIFT" diff ipvs "${cluster[@]}"
expect 0 '- set entry +KUBE-LOOP-BACK 10.0.0.11,tcp:6443,10.0.0.11' 'apart from one entry' \
	cat "$work/last"
expect 0 'ipvs' 'show --mode-of-node in ipvs mode' \
	"$VIPSHIFT" show --mode-of-node --iptables legacy
expect 0 '10\.96\.20\.1:80' 'show of the live node in ipvs mode' \
	"$VIPSHIFT" show -f live:ipvs "${live[@]}"
expect 0 'TCP +10\.96\.20\.1:80 .*rr' 'show as ipvsadm' \
	"$VIPSHIFT" show -f live:ipvs -o ipvsadm "${live[@]}"
expect 0 'the node is in iptables mode' 'migrate --to iptables without services' \
	"$VIPSHIFT" migrate --to iptables "${live[@]}" -y --accept all --drain 0
expect 0 'iptables' 'show --mode-of-node, back' \
	"$VIPSHIFT" show --mode-of-node --iptables legacy
expect 0 '' 'verify of what was read back' \
	"$VIPSHIFT" verify iptables -f live:iptables "${live[@]}"
# Names are lost in ipvs mode, addresses and endpoints are not.
expect 0 '10\.244\.[12]\.[0-9]+:8080' 'endpoints' iptables-legacy-save -t nat
echo "read-back: $passed passed, $failed failed"
[ $failed = 0 ]
