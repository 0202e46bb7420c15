#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What snapshot restore must not do unasked: take every service down, or write the rules of one
# variant of iptables into the other; and snapshots through pipes. Each case runs in a network
# namespace of its own on this machine's kernel.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden/dual-stack
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

skip()
{
	echo "snapshot: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

# expect STATUS 'PATTERN' WORD...: the exit status of vipshift, and what is said.
expect()
{
	local want=$1 pattern=$2 got=0
	shift 2
	"$VIPSHIFT" "$@" </dev/null >"$work/out" 2>&1 || got=$?
	if [ "$got" != "$want" ]; then
		echo "  $*: exit status $got, not $want:"
	elif ! grep -Eq -- "$pattern" "$work/out"; then
		echo "  $*: does not say: $pattern"
	else
		return 0
	fi
	sed 's/^/    /' "$work/out"
	return 1
}

serve() # [OPTIONS]
{
	"$VIPSHIFT" apply iptables -q -f "$golden/cluster.json" -c "$golden/config.yaml" \
		-n node-a --kube-proxy 1.27 --iptables legacy "$@"
}

state() # [VARIANT]
{
	{ iptables-"${1:-legacy}"-save; ip6tables-"${1:-legacy}"-save; } 2>/dev/null | sed '/^#/d'
}

# A negated command would not end the script.
not() { ! "$@"; }

# ---- the cases

case_snapshot_of_a_bare_node_takes_no_service_down_unasked()
{
	local l=(--iptables legacy)

	"$VIPSHIFT" snapshot save "$work/bare" -q "${l[@]}"
	serve
	state >"$work/before"
	expect 3 'bare: .*nothing was served.* \(IPv4, IPv6\).*--accept no-services' \
		snapshot restore "$work/bare" "${l[@]}"
	[ "$(wc -l <"$work/out")" = 1 ]
	# A dry run shows what it would be.
	expect 3 'to delete' snapshot restore "$work/bare" --dry-run "${l[@]}"
	grep -q 'accept no-services' "$work/out"
	expect 3 'no-services' snapshot restore "$work/bare" --accept all "${l[@]}"
	state | cmp - "$work/before"
	expect 2 'to delete' snapshot restore "$work/bare" --dry-run --accept no-services "${l[@]}"
	state | cmp - "$work/before"
	expect 0 'deleted' snapshot restore "$work/bare" --accept no-services "${l[@]}"
	not grep -q KUBE-SVC <(state)
	# Where nothing is served there is nothing to lose.
	expect 0 'nothing to do' snapshot restore "$work/bare" "${l[@]}"
}

case_snapshot_without_the_services_of_one_family()
{
	local l=(--iptables legacy)

	serve -4
	"$VIPSHIFT" snapshot save "$work/v4" -q "${l[@]}"
	"$VIPSHIFT" snapshot save "$work/only4" -q -4 "${l[@]}"
	serve
	state >"$work/before"
	expect 3 'nothing was served.* \(IPv6\)' snapshot restore "$work/v4" "${l[@]}"
	# One of IPv4 alone says nothing about the other family.
	expect 0 'nothing to do' snapshot restore "$work/only4" "${l[@]}"
	expect 0 'nothing to do' snapshot restore "$work/v4" -4 "${l[@]}"
	state | cmp - "$work/before"
	expect 0 'deleted' snapshot restore "$work/v4" --accept no-services "${l[@]}"
	not grep -q KUBE-SVC <(ip6tables-legacy-save)
	grep -q KUBE-SVC <(iptables-legacy-save)
}

case_rules_of_the_other_variant_are_not_restored_unasked()
{
	# kubelet's chain tells which variant the node uses.
	iptables-legacy -t mangle -N KUBE-IPTABLES-HINT
	serve
	"$VIPSHIFT" snapshot save "$work/legacy" -q
	grep -qx '# iptables: legacy' "$work/legacy"
	"$VIPSHIFT" flush iptables -y -q
	iptables-legacy -t mangle -X KUBE-IPTABLES-HINT
	iptables-nft -t mangle -N KUBE-IPTABLES-HINT
	state >"$work/before.legacy"
	state nft >"$work/before.nft"
	expect 3 'legacy: .*of the legacy variant.*this node uses nft.*--iptables legacy or' \
		snapshot restore "$work/legacy"
	expect 3 'this node uses nft' snapshot restore "$work/legacy" --dry-run
	state | cmp - "$work/before.legacy"
	state nft | cmp - "$work/before.nft"
	# Who says where they belong has them there.
	expect 0 'verified' snapshot restore "$work/legacy" --iptables nft
	grep -q KUBE-SVC <(state nft)
	state | cmp - "$work/before.legacy"
}

case_snapshots_go_through_pipes()
{
	local l=(--iptables legacy)

	cd "$work"
	serve
	state >"$work/before"
	"$VIPSHIFT" snapshot save - "${l[@]}" >"$work/snapshot" 2>"$work/said"
	grep -q 'saved; mode: iptables' "$work/said"
	not test -e "$work/-"
	[ "$(tail -n 1 "$work/snapshot" | cut -c 1-5)" = '# end' ]
	expect 0 'nothing to do' snapshot restore "$work/snapshot" "${l[@]}"
	"$VIPSHIFT" flush iptables -y -q "${l[@]}"
	"$VIPSHIFT" snapshot restore - "${l[@]}" <"$work/snapshot" >"$work/out" 2>&1
	state | cmp - "$work/before"
	head -n 20 "$work/snapshot" | "$VIPSHIFT" snapshot restore - "${l[@]}" >"$work/out" 2>&1 &&
		return 1
	grep -q '^vipshift: snapshot restore: stdin:20: .*cut off' "$work/out"
	"$VIPSHIFT" snapshot save - "${l[@]}" >/dev/full 2>"$work/out" && return 1
	grep -q 'cannot write to standard output' "$work/out"
	state | cmp - "$work/before"
}

# ---- running them

unshare=(unshare -n)
[ "$(id -u)" = 0 ] || unshare=(unshare -rn)
if [ "${1:-}" = inside ]; then
	work=$2
	ip link add eth0 type dummy 2>/dev/null || ip link add eth0 type bridge
	ip addr add 10.0.0.11/24 dev eth0
	ip addr add fd00:10::11/64 dev eth0 nodad
	"$3"
	exit 0
fi

"${unshare[@]}" true 2>/dev/null || skip "no permission to make a network namespace"
for variant in legacy nft; do
	"${unshare[@]}" iptables-$variant -t nat -L >/dev/null 2>&1 ||
		skip "this kernel has no $variant iptables"
done
failed=0 passed=0
for name in $(declare -F | sed -n 's/^declare -f \(case_\)/\1/p' | grep -E "${1:-}"); do
	work=$(mktemp -d)
	status=0
	XTABLES_LOCKFILE=$work/lock VIPSHIFT_STATE_DIR=$work/state \
		"${unshare[@]}" "$0" inside "$work" "$name" || status=$?
	rm -rf "$work"
	if [ $status = 0 ]; then
		passed=$((passed + 1))
	else
		echo "FAILED: ${name#case_}"
		failed=$((failed + 1))
	fi
done
echo "snapshot: $passed passed, $failed failed"
[ $failed = 0 ]
