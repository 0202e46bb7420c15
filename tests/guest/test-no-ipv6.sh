#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node whose kernel was started with ipv6.disable=1. With legacy iptables there is IPv4 and
# nothing else, as kube-proxy takes it; iptables-nft has rules of IPv6 all the same, but no
# address can be added.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

if [ "${1:-}" != inside ]; then
	"$here/run-guest" --append ipv6.disable=1 --timeout "${VIPSHIFT_GUEST_TIMEOUT:-300}" \
		"$0" inside && echo "no-ipv6: both modes and the ways between them"
	exit
fi

complain()
{
	echo "no-ipv6: $*" >&2
	exit 1
}
run() # STATUS ARGUMENTS...
{
	local want=$1 status=0
	shift
	"$VIPSHIFT" "$@" --iptables $variant >"$work/out" 2>&1 </dev/null || status=$?
	[ $status = "$want" ] || { cat "$work/out"; complain "$variant: $*: exit status $status"; }
}
says() { grep -qE -- "$1" "$work/out" || { cat "$work/out"; complain "not said: $1"; }; }
silent() { ! grep -qE -- "$1" "$work/out" || { cat "$work/out"; complain "said: $1"; }; }

# round CLUSTER: both modes, and live from one to the other.
round()
{
	local model=(-f "$1" -c "$demo/config.yaml" -n node-a --kube-proxy 1.27.1)

	run 0 apply iptables "${model[@]}"
	run 0 migrate --to ipvs --yes --accept all "${model[@]}"
	says '^vipshift: migrate: the node is in ipvs mode'
	ipvsadm -Sn | grep -q -- '-t 10.96.0.1:443 ' || complain "no virtual server"
	run 0 diff ipvs "${model[@]}"
	run 0 repair ipvs --check "${model[@]}"
	# Of what is on the node.
	run 0 migrate --to iptables --yes --accept all --drain 1 -n node-a
	says '^vipshift: migrate: the node is in iptables mode'
	run 0 apply iptables "${model[@]}"
	run 0 verify iptables "${model[@]}"
	run 0 flush iptables --yes
}

[ ! -e /proc/net/if_inet6 ] || complain "this kernel has IPv6"
work=$(mktemp -d)
export VIPSHIFT_STATE_DIR=$work/state
ip link set lo up
jq '.items |= map(select(.metadata.name | startswith("kubernetes")))' "$demo/cluster.json" \
	>"$work/ipv4.json"

variant=legacy
round "$work/ipv4.json"
silent IPv6
round "$demo/cluster.json"
run 0 apply ipvs -f "$demo/cluster.json" -n node-a
says 'warning: IPv6: this kernel has none'
run 5 apply ipvs -f "$demo/cluster.json" -n node-a -6
says '-6: this kernel has no IPv6'
run 0 show -f live:ipvs
silent 'fd00:'
run 0 flush ipvs --yes

variant=nft
round "$work/ipv4.json"
run 0 apply iptables -f "$demo/cluster.json" -n node-a
iptables-nft-save >"$work/before" 2>/dev/null
run 5 apply ipvs -f "$demo/cluster.json" -n node-a
says 'services have IPv6 addresses, and this kernel has no IPv6'
run 3 migrate --to ipvs --yes --accept all -f "$demo/cluster.json" -n node-a
says 'services have IPv6 addresses.*\[kernel\]'
iptables-nft-save >"$work/after" 2>/dev/null
diff <(grep -v '^#' "$work/before") <(grep -v '^#' "$work/after") || complain "not untouched"
[ ! -e /sys/class/net/kube-ipvs0 ] || complain "an interface is there"
run 0 migrate --to ipvs --yes --accept all -4 -f "$demo/cluster.json" -n node-a
