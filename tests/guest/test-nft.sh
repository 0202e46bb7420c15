#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node whose iptables is iptables-nft: looking loads no module, the variant is found out,
# and the way to IPVS leaves the rules of others and never touches a legacy table.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

if [ "${1:-}" != inside ]; then
	"$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-300}" "$0" inside &&
		echo "nft: the node went to IPVS with iptables-nft"
	exit
fi

complain()
{
	echo "nft: $*" >&2
	exit 1
}
loaded() { grep -q "^$1 " /proc/modules; }
unloaded() # MODULE COMMAND
{
	! loaded "$1" || complain "$2 loaded $1"
}
run() # STATUS ARGUMENTS...
{
	local want=$1 status=0
	shift
	"$VIPSHIFT" "$@" "${model[@]}" >"$work/out" 2>&1 || status=$?
	[ $status = "$want" ] || { cat "$work/out"; complain "$*: exit status $status"; }
}
rules() # of TABLE, without counters
{
	iptables-nft-save -t "$1" 2>/dev/null | grep '^-A' || :
}

# Rules of others in INPUT with their handles: one that is made again has another.
foreign_rules()
{
	nft -a list chain ip filter INPUT 2>/dev/null | grep -v 'jump KUBE' |
		sed -E 's/packets [0-9]+ bytes [0-9]+//'
}

work=$(mktemp -d)
model=(-f "$demo/cluster.json" -c "$demo/config.yaml" -n node-a --kube-proxy 1.27.1)
ln -s "$(command -v xtables-nft-multi)" "$work/iptables"
PATH=$work:$PATH
ip link set lo up

run 2 diff iptables
run 2 apply iptables --dry-run
unloaded nf_tables "a dry run"

iptables-nft -A INPUT -s 203.0.113.0/24 -m limit --limit 5/min -j LOG --log-prefix "foreign "
iptables-nft -A INPUT -s 127.0.0.0/8 -j ACCEPT
nft 'add rule ip filter INPUT ct state invalid counter drop' 2>/dev/null
before=$(foreign_rules)
run 0 apply iptables
rules nat | grep -q '^-A KUBE-SVC-' || complain "no rules in the nft variant"
run 0 apply iptables
grep -q 'nothing to do' "$work/out" || complain "a second apply has something to do"
run 0 verify iptables
run 0 migrate --to ipvs --yes
run 0 verify ipvs
run 0 apply ipvs
grep -q 'nothing to do' "$work/out" || complain "the switch left something to do"
! rules nat | grep -E 'KUBE-(SVC|SEP|EXT)-' || complain "chains of iptables mode are left"
rules nat | grep -q -- '--match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ' ||
	complain "no rules of ipvs mode"
[ "$(foreign_rules)" = "$before" ] || complain "rules of others were touched"
unloaded ip_tables vipshift
unloaded ip6_tables vipshift
