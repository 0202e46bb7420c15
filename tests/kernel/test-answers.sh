#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The answers to a migration that waits for one, or was cut off: whatever it was called with,
# confirm leaves what the node has become, rollback and the time that runs out what it was. On this
# machine's own kernel, to iptables mode, in namespaces of its own.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
# shellcheck source=../lib/outcome.sh
. "$here/../lib/outcome.sh"
need_programs "$VIPSHIFT"

skip()
{
	echo "answers: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

if [ "${1:-}" != inside ]; then
	unshare -rn true 2>/dev/null || skip 'network namespaces are not allowed here'
	strace -o /dev/null true 2>/dev/null || skip 'processes cannot be traced here'
	unshare -rn iptables-legacy -t nat -L >/dev/null 2>&1 || skip 'no legacy iptables here'
	exec timeout 300 unshare -rn --fork --pid --mount-proc --kill-child "$0" inside
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VIPSHIFT_STATE_DIR=$work/state XTABLES_LOCKFILE=$work/lock
# The leak checker cannot work in a process that is traced.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
migrate=("$VIPSHIFT" migrate --to iptables --iptables legacy --accept all -y)
cluster=(-n node-a -f "$demo/cluster.json" --kube-proxy 1.27.1)

state()
{
	{ iptables-legacy-save; ip6tables-legacy-save; } | sed -E '/^#/d; s/ \[[0-9]+:[0-9]+\]$//'
}

nat() { iptables-legacy -w -t nat "$@"; }

# settings: as no default is.
settings()
{
	cat <<-END
	kind: KubeProxyConfiguration
	apiVersion: kubeproxy.config.k8s.io/v1alpha1
	clusterCIDR: 10.77.0.0/16
	iptables: {masqueradeBit: 5, localhostNodePorts: false}
	nodePortAddresses: [10.0.0.0/8]
	END
}

flush() { "$VIPSHIFT" flush iptables --iptables legacy --yes -q; }

ip link set lo up
# What others have. (The chain that kubelet makes, too, stays where it was made once.)
"${migrate[@]}" "${cluster[@]}" -q
"$VIPSHIFT" rollback -q
state >"$work/before"

# ---- what it was called with

expect 0 'unless: vipshift confirm' 'settings through a pipe' \
	"${migrate[@]}" "${cluster[@]}" -c <(settings) --confirm-within 60
nat -S | grep -q -- '! -s 10.77.0.0/16' || bad 'the settings have no effect'
state >"$work/switched"
expect 7 'waits for confirmation' '--resume is no answer' "$VIPSHIFT" migrate --resume
same switched '--resume'
expect 0 'nothing to|stays in iptables mode' 'confirm' "$VIPSHIFT" confirm
same switched 'settings through a pipe: confirm'
expect 0 'rolled back' 'rollback' "$VIPSHIFT" rollback
same before 'settings through a pipe: rollback'

# Read back, with something to do.
settings >"$work/config.yaml"
"$VIPSHIFT" apply iptables "${cluster[@]}" -c "$work/config.yaml" --iptables legacy -q
state >"$work/whole"
iptables-legacy -D FORWARD -m conntrack --ctstate NEW -m comment \
	--comment 'kubernetes load balancer firewall' -j KUBE-PROXY-FIREWALL
state >"$work/drifted"
expect 0 'unless: vipshift confirm' 'settings of the node' \
	"${migrate[@]}" -n node-a --kube-proxy 1.27.1 --confirm-within 60
state >"$work/switched"
expect 0 'stays in iptables mode' 'settings of the node: confirm' "$VIPSHIFT" confirm
same switched 'settings of the node: confirm'
expect 0 'rolled back' 'settings of the node: rollback' "$VIPSHIFT" rollback
same drifted 'settings of the node: rollback'

# A service that is not understood was accepted once.
chain=$(nat -S | sed -n 's/^-A \(KUBE-SEP[^ ]*\) .*--to-destination.*/\1/p' | head -n 1)
nat -F "$chain"
state >"$work/drifted"
service=$("$VIPSHIFT" show -f live:iptables --iptables legacy -o json |
	jq -r 'first(.services[] | select(.incomplete)) | "\(.namespace)/\(.name):\(.portName)"')
expect 0 'unless: vipshift confirm' "$service is accepted" "${migrate[@]}" -n node-a \
	--kube-proxy 1.27.1 --confirm-within 60 --accept "incomplete:$service"
expect 0 'rolled back' 'accepted: rollback' "$VIPSHIFT" rollback
same drifted 'accepted: rollback'
flush
# Left over of ipvs mode.
nat -N KUBE-LOAD-BALANCER
state >"$work/before"

# ---- what has become of it

expect 0 'unless: vipshift confirm' 'waits' "${migrate[@]}" "${cluster[@]}" --confirm-within 60
nat -N KUBE-SVC-AAAAAAAAAAAAAAAA
nat -N KUBE-SEP-BBBBBBBBBBBBBBBB
nat -A KUBE-SEP-BBBBBBBBBBBBBBBB -p tcp -j DNAT --to-destination 10.244.9.9:80
nat -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-BBBBBBBBBBBBBBBB
nat -I KUBE-SERVICES -d 10.96.9.9/32 -p tcp --dport 80 -j KUBE-SVC-AAAAAAAAAAAAAAAA
nat -F "$(nat -S | sed -n 's/^-A \(KUBE-SVC-[^ ]*\) .*KUBE-SEP.*/\1/p' | tail -n 1)"
state | grep -v '^:KUBE-LOAD-BALANCER' >"$work/later"
( exec 9>"$work/lock"; flock 9; sleep 3 ) &
expect 7 'lock: held by.*try again: vipshift confirm.*goes back in [0-9]+ s' 'the lock is held' \
	"$VIPSHIFT" confirm --wait 0
wait
expect 0 'stays in iptables mode' "with kube-proxy's changes" "$VIPSHIFT" confirm
same later "kube-proxy's changes"
expect 0 'rolled back' 'rollback' "$VIPSHIFT" rollback
same before 'rollback'

# Nothing carries services any more: the way back stays.
expect 0 'unless: vipshift confirm' 'waits' "${migrate[@]}" "${cluster[@]}" --confirm-within 60
nat -D PREROUTING -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES
nat -D OUTPUT -m comment --comment 'kubernetes service portals' -j KUBE-SERVICES
expect 3 'not carried by iptables mode any more.*vipshift rollback' 'not carried' \
	"$VIPSHIFT" confirm
expect 0 'rolled back' 'not carried: rollback' "$VIPSHIFT" rollback
same before 'not carried: rollback'

# ---- what cannot be written

# Who promises to go back does so, or has not switched.
for n in {1..9}; do
	strace -qq -o /dev/null -e trace=fdatasync -e "inject=fdatasync:error=EIO:when=$n" \
		"${migrate[@]}" "${cluster[@]}" --confirm-within 1 >"$work/out" 2>&1 </dev/null &&
		status=0 || status=$?
	grep -q 'unless: vipshift confirm' "$work/out" || [ "$status" != 0 ] ||
		bad "a line that fails, $n: exit status 0"
	for _ in {1..100}; do
		[ "$(state)" != "$(cat "$work/before")" ] || break
		sleep 0.1
	done
	same before "a line of the journal that cannot be written, $n (exit status $status)"
	"$VIPSHIFT" migrate --abort -q || bad "after line $n"
done

# A new migration that cannot begin leaves what undoes the last one.
"${migrate[@]}" "${cluster[@]}" -q
iptables-legacy -F KUBE-FORWARD
for n in {1..12}; do
	strace -qq -o /dev/null -e trace=fsync -e "inject=fsync:error=ENOSPC:when=$n" \
		"${migrate[@]}" "${cluster[@]}" -q >"$work/out" 2>&1 </dev/null && break
	[ "$(grep -cx finished "$work/state/migration")" = 1 ] ||
		bad "the last journal is gone after fsync $n"
	[ -z "$(find "$work/state" -name '*.new')" ] || bad "leaves new files after fsync $n"
done
[ "$n" -gt 4 ] || bad "only $n calls"
expect 0 'rolled back' 'rollback' "$VIPSHIFT" rollback
"$VIPSHIFT" flush iptables --iptables legacy --yes -q

# What a crash left of a line.
bash -c '"$@"; exit' killed strace -qq -o /dev/null -e trace=fdatasync \
	-e inject=fdatasync:signal=KILL:when=3 "${migrate[@]}" "${cluster[@]}" \
	>"$work/out" 2>&1 </dev/null || :
printf 'ste' >>"$work/state/migration"
expect 0 verified 'a torn line: --resume' "$VIPSHIFT" migrate --resume
expect 0 'rolled back' 'a torn line: rollback' "$VIPSHIFT" rollback

echo "answers: $passed passed, $failed failed"
[ $failed = 0 ]
