#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that others use too: apply, flush and snapshot restore in iptables mode leave every
# byte of theirs as it was, counters included, in both families; and commands that only look
# leave no trace. With both variants of iptables, in fresh network namespaces of this machine's
# kernel.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
# shellcheck source=../lib/foreign.sh
. "$here/../lib/foreign.sh"
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"
case=$golden/dual-stack
cluster=(-f "$case/cluster.json" -c "$case/config.yaml" -n node-a --kube-proxy 1.27)
failed=0 passed=0 ipt=iptables-$variant ip6t=ip6tables-$variant

skip()
{
	echo "test-foreign.sh: $*"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

ok() # WHAT COMMAND...
{
	local what=$1
	shift
	if "$@" >"$work/output" 2>&1; then
		passed=$((passed + 1))
	else
		echo "test-foreign.sh, $variant: FAIL: $what (exit status $?)"
		head -20 "$work/output" | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

# vs STATUS ARGUMENTS...: runs vipshift.
vs()
{
	local status=$1 got=0
	shift
	"$VIPSHIFT" "$@" --iptables "$variant" </dev/null || got=$?
	[ "$got" = "$status" ] || { echo "exit status $got, expected $status"; return 1; }
}

same_foreign() # WHEN
{
	foreign_state >"$work/now"
	ok "what others have is as it was $1" diff "$work/foreign" "$work/now"
}

nothing_of_ours() { ! foreign_ours | grep .; }
says() { "${@:2}" 2>&1 | grep -q -- "$1"; }
saves() { "$ipt-save"; "$ip6t-save"; }
all_text() { saves | grep -v '^#' | sed -E 's/\[[0-9]+:[0-9]+\]/[0:0]/'; }

# Every command that looks, on the node as it is now, with the exit statuses to expect.
look_around() # WHEN VERIFY DIFF FLUSH
{
	local command
	foreign_trace "$work/files" >"$work/trace"
	for command in "diff iptables" "apply iptables --dry-run" "repair iptables --check"; do
		# shellcheck disable=SC2086  # words
		ok "$command $1" vs "$3" $command "${cluster[@]}"
	done
	ok "verify $1" vs "$2" verify iptables "${cluster[@]}"
	# Whether there is IPVS here or not.
	for command in "diff ipvs" "migrate --to ipvs --dry-run" "apply ipvs --dry-run"; do
		# shellcheck disable=SC2086
		vs 2 $command "${cluster[@]}" >"$work/output" 2>&1 || :
	done
	ok "show $1" "$VIPSHIFT" show "${cluster[@]}"
	ok "render $1" "$VIPSHIFT" render ipvs "${cluster[@]}"
	ok "flush --dry-run $1" vs "$4" flush iptables --dry-run
	ok "flush ipvs --dry-run $1" vs 0 flush ipvs --dry-run
	ok "snapshot save $1" vs 0 snapshot save "$work/look"
	ok "snapshot restore --dry-run $1" vs 0 snapshot restore "$work/look" --dry-run
	foreign_trace "$work/files" >"$work/trace.after"
	ok "no trace is left $1" diff "$work/trace" "$work/trace.after"
	ok "no state directory is made $1" test ! -e "$work/files/state.look"
}

inside()
{
	# Left down: the kernel's own IGMP and neighbour discovery would count packets.
	ip link add eth0 type dummy 2>/dev/null || ip link add eth0 type bridge
	ip addr add 10.0.0.11/24 dev eth0
	ip addr add fd00:10::11/64 dev eth0 nodad

	# Looking at a node without any table registers none.
	VIPSHIFT_STATE_DIR=$work/files/state.look look_around "on an empty node" 2 2 0
	ok "no table is registered" sh -c '! grep . /proc/net/ip_tables_names /proc/net/ip6_tables_names'

	foreign_make
	foreign_state >"$work/foreign"
	VIPSHIFT_STATE_DIR=$work/files/state.look look_around "beside others" 2 2 0

	ok "apply" vs 0 apply iptables "${cluster[@]}"
	same_foreign "after apply"
	ok "apply made something" test "$(foreign_ours | wc -l)" -gt 50
	saves >"$work/a"
	ok "apply again has nothing to do" says 'nothing to do' vs 0 apply iptables "${cluster[@]}"
	same_foreign "after apply again"
	VIPSHIFT_STATE_DIR=$work/files/state.look look_around "on a node in iptables mode" 0 0 2

	# A snapshot, everything taken away, and back.
	ok "snapshot save" vs 0 snapshot save "$work/snapshot"
	ok "a snapshot is for root only" test "$(stat -c %a "$work/snapshot")" = 600
	all_text >"$work/before"
	ok "flush wants an answer or --yes" vs 64 flush iptables
	ok "flush" vs 0 flush iptables --yes
	same_foreign "after flush"
	ok "flush leaves nothing" nothing_of_ours
	ok "flush again has nothing to do" says 'nothing to do' vs 0 flush iptables
	ok "snapshot restore" vs 0 snapshot restore "$work/snapshot"
	same_foreign "after snapshot restore"
	all_text >"$work/after"
	ok "everything is back in its place" diff "$work/before" "$work/after"
	ok "restore again has nothing to do" says 'nothing to do' vs 0 snapshot restore "$work/snapshot"
	ok "verify after restore" vs 0 verify iptables "${cluster[@]}"

	# The stock tools load the parts as well.
	ok "flush once more" vs 0 flush iptables --yes
	ok "iptables-restore loads its part" sh -c "sed -n '/^# part: iptables$/,/^# part: /{/^#/!p}' \
		'$work/snapshot' | $ipt-restore --noflush"
	ok "ip6tables-restore loads its part" sh -c "sed -n '/^# part: ip6tables$/,/^# part: /{/^#/!p}' \
		'$work/snapshot' | $ip6t-restore --noflush"
	# (That resets the counters of policies, and doubles the jump that is kubelet's as well.)
	ok "verify after the stock tools" vs 0 verify iptables "${cluster[@]}"

	# Others go on working between save and restore.
	vs 0 flush iptables -y -q
	"$ipt" -I FORWARD -j CILIUM_FORWARD
	"$ipt" -D INPUT -j IN_public
	"$ipt" -t nat -N NEW
	"$ipt" -t nat -A PREROUTING -j NEW
	ipset add fw-ports 443
	"$ip6t" -t raw -F
	foreign_state >"$work/foreign"
	ok "restore beside changes of others" vs 0 snapshot restore "$work/snapshot"
	same_foreign "after restore beside changes of others"
	ok "verify beside changes of others" vs 0 verify iptables "${cluster[@]}"

	# What others use of ours stays, and is named.
	"$ipt" -t nat -A NEW -p udp -j KUBE-MARK-MASQ
	ok "flush names what stays and why" says 'KUBE-MARK-MASQ.*not ours' vs 0 flush iptables --yes
	ok "flush again says why it does nothing" says 'nothing to do: what is left of iptables mode, others use' \
		vs 0 flush iptables --yes
	ok "the rule of others is there" "$ipt" -t nat -C NEW -p udp -j KUBE-MARK-MASQ
	ok "what it needs is there" "$ipt" -t nat -C KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
	ok "no other chain is" test "$(foreign_ours | grep -vc KUBE-MARK-MASQ)" = 0
	"$ipt" -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA
	"$ipt" -t nat -A NEW -j KUBE-SVC-AAAAAAAAAAAAAAAA
	ok "migrate names what stays and why" says 'KUBE-SVC-A*: .*not ours' \
		vs 0 migrate --to iptables "${cluster[@]}" --accept all --yes
	ok "the chain is there" "$ipt" -t nat -C NEW -j KUBE-SVC-AAAAAAAAAAAAAAAA

	# Only one family.
	"$ipt" -t nat -F NEW
	ok "apply once more" vs 0 apply iptables "${cluster[@]}"
	foreign_state >"$work/foreign"
	"$ip6t-save" -c | grep -v '^#' >"$work/before"
	ok "flush -4" vs 0 flush iptables --yes -4
	"$ip6t-save" -c | grep -v '^#' >"$work/after"
	ok "IPv6 is as it was" diff "$work/before" "$work/after"
	same_foreign "after flush -4"

	# What is no snapshot is not taken.
	head -n 20 "$work/snapshot" >"$work/cut"
	all_text >"$work/before"
	ok "a cut off snapshot is refused" says 'cut:20: .*cut off' vs 1 snapshot restore "$work/cut"
	all_text >"$work/after"
	ok "and nothing is changed" diff "$work/before" "$work/after"
	ok "a device is not replaced" vs 1 snapshot save /dev/null
	ok "it is still there" test -c /dev/null

	echo "test-foreign.sh, $variant: $passed passed, $failed failed"
	[ "$failed" = 0 ]
}

if [ "${1:-}" = inside ]; then
	inside
	exit
fi

for tool in ipset iptables-legacy ip6tables-legacy iptables-nft nft; do
	command -v "$tool" >/dev/null || skip "$tool is missing: install ipset, iptables, nftables"
done
unshare=(unshare -n)
[ "$(id -u)" = 0 ] || unshare=(unshare -rn)
"${unshare[@]}" true 2>/dev/null || skip "${unshare[*]} is not allowed here"
failed=0
for variant in legacy nft; do
	"${unshare[@]}" "iptables-$variant" -t nat -L >/dev/null 2>&1 ||
		skip "this kernel has no $variant iptables"
	work=$(mktemp -d)
	mkdir "$work/files"
	export variant work XTABLES_LOCKFILE=$work/lock VIPSHIFT_STATE_DIR=$work/state
	"${unshare[@]}" "$0" inside || failed=1
	rm -rf "$work"
done
exit $failed
