#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The init container of deploy/kubernetes on a node: what it runs takes the node to the mode
# of the ConfigMap and leaves exactly what kube-proxy left there, whichever mode the node came
# from; on a node that is in that mode it does nothing.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
# shellcheck source=../lib/parity.sh
. "$here/../lib/parity.sh"
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
# shellcheck source=../cli/api-server.sh
. "$here/../cli/api-server.sh"
need_programs "$VIPSHIFT"
case=dual-stack files=/var/lib/kube-proxy

if [ "${1:-}" != inside ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
	api_certificates "$work"
	"$here/run-guest" --smp 1 --timeout "${VIPSHIFT_GUEST_TIMEOUT:-180}" --work "$work" \
		"$0" inside "$work"
	exit
fi
work=$2
failed=0

# The node, with the network that the case was recorded in. kubelet has left its mark, which
# tells the variant of iptables.
hostname not-the-node
modprobe dummy
ip link add eth0 type dummy
ip -batch - <<-END
link set lo up
addr add 10.0.0.11/24 dev eth0
addr add fd00:10::11/64 dev eth0 nodad
link set eth0 up
route add default dev eth0
END
iptables-legacy -t mangle -N KUBE-KUBELET-CANARY
mkdir -p $files
api_start "$golden/$case/cluster.json" "$work"
# words CONTAINER: what it runs.
words()
{
	"$api_python" "$here/../lib/deploy.py" "$here/../../deploy/kubernetes" args "$1" node-a
}
mapfile -t resume < <(words vipshift-resume)
mapfile -t words < <(words vipshift)

# The ConfigMap and the pod's service account.
configure()
{
	sed "s/^mode: .*/mode: \"$1\"/" "$golden/$case/config.yaml" >$files/config.conf
	grep -q "^mode: \"$1\"" $files/config.conf
	echo "${2:-secret.token}" >"$work/token"
	api_kubeconfig $files/kubeconfig.conf "$api_https" \
		"certificate-authority: $work/ca.pem" "tokenFile: $work/token"
}

# container STATUS 'PATTERN' TITLE: what both do.
container()
{
	local got=0

	"$VIPSHIFT" "${resume[@]}" >"$work/resumed" 2>&1 </dev/null || {
		echo "FAILED $3: nothing was to be resumed"
		sed 's/^/  /' "$work/resumed"
		failed=1
	}
	"$VIPSHIFT" "${words[@]}" >"$work/said" 2>&1 </dev/null || got=$?
	if [ $got = "$1" ] && grep -qE "$2" "$work/said"; then
		echo "ok $3"
		return 0
	fi
	echo "FAILED $3: exit status $got, wanted $1 and: $2"
	sed 's/^/  /' "$work/said"
	failed=1
}

# dump NAME: this node, kubelet's mark aside.
dump()
{
	local mode=ipvs # for parity_dump: all of it

	parity_dump "$work/$1"
	sed -i '/KUBE-KUBELET-CANARY/d' "$work/$1/iptables"
}

# What counts and when it was read is no difference.
without_counters()
{
	sed -i -E '/^#/d; s/\[[0-9]+:[0-9]+\]/[0:0]/' "$work/$1"/ip*tables
}

# as_kube_proxy_left MODE: nothing missing, nothing more, nothing of the other mode.
as_kube_proxy_left()
{
	local recorded=$golden/$case/$1-1.27 other=ipvs

	[ "$1" = iptables ] || other=iptables
	rm -rf "${work:?}/$1"
	dump "$1/first"
	# kubelet makes it as well, so it stays.
	[ "$1" = iptables ] || sed -i '/KUBE-FIREWALL/d' "$work/$1"/first/ip*tables
	parity_sysctls "$recorded/sysctl-changed.txt" >"$work/$1/sysctls"
	if parity_judge_state "$recorded" "$work/$1" &&
		"$VIPSHIFT" flush $other --dry-run >"$work/said" 2>&1; then
		echo "ok as kube-proxy left it: $1"
	else
		echo "FAILED as kube-proxy left it: $1"
		failed=1
	fi
}

configure ''
container 0 'the node is in iptables mode' 'a node without any state, no mode: iptables'
as_kube_proxy_left iptables
container 0 'nothing to do: the node is in iptables mode' 'restarted in the same mode'

configure ipvs
container 0 'the node is in ipvs mode.*verified' 'restarted with mode ipvs'
as_kube_proxy_left ipvs
container 0 'nothing to do: the node is in ipvs mode' 'restarted in the same mode'

# What it cannot do leaves the node alone.
configure iptables another.token
dump before
container 1 'HTTP status 401' 'the API server refuses'
configure nftables
container 1 "mode: 'nftables' is neither" 'a mode that vipshift does not know'
dump after
without_counters before
without_counters after
if ! diff -r "$work/before" "$work/after" >"$work/said"; then
	echo "FAILED the node was changed"
	cat "$work/said"
	failed=1
fi

configure iptables
container 0 'the node is in iptables mode.*verified' 'restarted with mode iptables'
as_kube_proxy_left iptables
container 0 'nothing to do: the node is in iptables mode' 'restarted in the same mode'
exit $failed
