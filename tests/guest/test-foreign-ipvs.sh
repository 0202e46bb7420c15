#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that others use too, in ipvs mode: apply, migrate both ways, flush and snapshot restore
# leave keepalived's virtual servers, foreign sets, chains and addresses as they were, counters
# included; and commands that only look leave no trace, not even a loaded module. In the guest.
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
failed=0 passed=0

ok() # WHAT COMMAND...
{
	local what=$1
	shift
	if "$@" >"$work/output" 2>&1; then
		passed=$((passed + 1))
	else
		echo "test-foreign-ipvs.sh: FAIL: $what (exit status $?)"
		head -20 "$work/output" | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

# vs STATUS ARGUMENTS...: runs vipshift.
vs()
{
	local status=$1 got=0
	shift
	"$VIPSHIFT" "$@" --iptables legacy </dev/null || got=$?
	[ "$got" = "$status" ] || { echo "exit status $got, expected $status"; return 1; }
}

same_foreign() # WHEN
{
	foreign_state >"$work/now"
	ok "what others have is as it was $1" diff "$work/foreign" "$work/now"
}

nothing_of_ours() { ! foreign_ours | grep .; }
says() { "${@:2}" 2>&1 | grep -q -- "$1"; }

# All of both, without counters and what the kernel chooses.
all_text()
{
	iptables-legacy-save | sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]/[0:0]/'
	ip6tables-legacy-save | sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]/[0:0]/'
	ipset save | sed -E 's/ (initval|bucketsize) [^ ]+//g' | sort
	ipvsadm -Sn | sort
	ipvsadm -L --timeout
	ip -o addr show dev kube-ipvs0 | sed -E 's/^[0-9]+: //; s/valid_lft.*//' | sort
}

look_around() # WHEN VERIFY DIFF FLUSH
{
	local command
	foreign_trace "$work/files" >"$work/trace"
	for command in "diff ipvs" "apply ipvs --dry-run" "repair ipvs --check"; do
		# shellcheck disable=SC2086  # words
		ok "$command $1" vs "$3" $command "${cluster[@]}"
	done
	ok "verify $1" vs "$2" verify ipvs "${cluster[@]}"
	ok "migrate --dry-run $1" vs "$3" migrate --to ipvs --dry-run "${cluster[@]}"
	ok "show $1" "$VIPSHIFT" show "${cluster[@]}"
	ok "flush --dry-run $1" vs "$4" flush ipvs --dry-run
	ok "snapshot save $1" vs 0 snapshot save "$work/look"
	ok "snapshot restore --dry-run $1" vs 0 snapshot restore "$work/look" --dry-run
	foreign_trace "$work/files" >"$work/trace.after"
	ok "no trace is left $1" diff "$work/trace" "$work/trace.after"
}

# load PART COMMAND...: what the head of a snapshot says, by hand.
load()
{
	sed -n "/^# part: $1\$/,/^# part: /{/^#/!p}" "$work/snapshot" | "${@:2}"
}

inside()
{
	# Left down: the kernel's own IGMP and neighbour discovery would count packets.
	modprobe dummy
	ip link add eth0 type dummy
	ip addr add 10.0.0.11/24 dev eth0
	ip addr add fd00:10::11/64 dev eth0 nodad

	# Nothing is loaded yet.
	look_around "on a bare kernel" 2 2 0
	ok "no table is registered" sh -c '! cat /proc/net/ip*_tables_names 2>/dev/null | grep .'
	ok "IPVS is not loaded" sh -c '! grep -E "^(ip_vs|ip_set)" /proc/modules'
	rmdir "$work/files"
	mkdir "$work/files"

	foreign_make
	foreign_make_servers
	foreign_state >"$work/foreign"
	ok "apply ipvs" vs 0 apply ipvs "${cluster[@]}"
	same_foreign "after apply"
	ok "apply made something" test "$(foreign_ours | wc -l)" -gt 50
	ok "apply again has nothing to do" says 'nothing to do' vs 0 apply ipvs "${cluster[@]}"
	same_foreign "after apply again"
	printf 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n%s\n' \
		'ipvs: {scheduler: nosuch}' >"$work/nosuch.yaml"
	ok "a scheduler that is not there is named" says 'IPVS scheduler nosuch is not there' \
		vs 5 apply ipvs "${cluster[@]}" -c "$work/nosuch.yaml"
	look_around "on a node in ipvs mode" 0 0 2
	ok "snapshot save" vs 0 snapshot save "$work/snapshot"
	all_text >"$work/before"

	ok "migrate --to iptables" vs 0 migrate --to iptables --yes "${cluster[@]}"
	same_foreign "after migrate --to iptables"
	ok "migrate --to ipvs" vs 0 migrate --to ipvs --yes "${cluster[@]}"
	same_foreign "after migrate --to ipvs"

	ok "flush wants an answer or --yes" vs 64 flush ipvs
	ok "flush" vs 0 flush ipvs --yes
	same_foreign "after flush"
	ok "flush leaves nothing" nothing_of_ours
	ok "flush again has nothing to do" says 'nothing to do' vs 0 flush ipvs

	ok "snapshot restore" vs 0 snapshot restore "$work/snapshot"
	same_foreign "after snapshot restore"
	all_text >"$work/after"
	ok "everything is back in its place" diff "$work/before" "$work/after"
	ok "restore again has nothing to do" says 'nothing to do' vs 0 snapshot restore "$work/snapshot"
	ok "verify after restore" vs 0 verify ipvs "${cluster[@]}"

	# Leftovers of one mode beside the other: they go, and the other one works on.
	ok "apply iptables over ipvs" vs 0 apply iptables "${cluster[@]}"
	ok "the leftovers go without a question" vs 0 flush ipvs
	same_foreign "after the leftovers went"
	ok "the other mode is whole" vs 0 verify iptables "${cluster[@]}"

	# Back over modes, by the snapshot alone.
	ok "restore of the other mode" vs 0 snapshot restore "$work/snapshot"
	same_foreign "after restore of the other mode"
	ok "verify ipvs after that" vs 0 verify ipvs "${cluster[@]}"
	ok "nothing of iptables mode is left" says 'nothing to do' vs 0 flush iptables

	# The stock tools load the parts as well.
	vs 0 flush ipvs -y -q
	ok "sysctl loads its part" load sysctls sysctl -q -p -
	ok "ipset loads its part" load ipset ipset -exist restore
	ok "ipvsadm loads its part" load ipvs ipvsadm -R
	ok "ip loads its part" load addresses ip -force -batch -
	ok "iptables-restore loads its part" load iptables iptables-legacy-restore --noflush
	ok "ip6tables-restore loads its part" load ip6tables ip6tables-legacy-restore --noflush
	ok "verify after the stock tools" vs 0 verify ipvs "${cluster[@]}"

	# One family.
	foreign_state >"$work/foreign"
	ok "flush -4" vs 0 flush ipvs --yes -4
	same_foreign "after flush -4"
	ok "the link stays for IPv6" sh -c 'ip -6 -o addr show dev kube-ipvs0 | grep -q fd00:10:96'
	ok "no address of IPv4 stays" sh -c '! ip -4 -o addr show dev kube-ipvs0 | grep .'
	ok "verify -6" vs 0 verify ipvs -6 "${cluster[@]}"

	echo "test-foreign-ipvs.sh: $passed passed, $failed failed"
	[ "$failed" = 0 ]
}

if [ "${1:-}" = inside ]; then
	work=$2
	mkdir -p "$work/files"
	export VIPSHIFT_STATE_DIR=$work/files/state
	inside
	exit
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-600}" --work "$work" "$0" inside "$work"
