#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that somebody else has programmed. Where kube-proxy is at home there is nothing to do:
# recorded states of ipvs mode, loaded with the stock tools; those with the most in them. And
# from what is left where it was switched natively, from nothing at all and from a migration
# that nobody remembers, migrate comes to either mode, with services given or read back.
#
# VIPSHIFT_PARITY_CASES: an extended regular expression, which of the recorded states; "." for
# all, and all migrations, takes ten minutes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
switched=$golden/switch-modes
# shellcheck source=../lib/parity.sh
. "$here/../lib/parity.sh"
# shellcheck source=../lib/loaded.sh
. "$here/../lib/loaded.sh"
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"
# shellcheck disable=SC2034  # for loaded.sh
variant=legacy

# ---- one node, in a namespace of its own

# switch_pods: the endpoints, which outlive the node's namespace; once.
switch_pods()
{
	local n specs=()

	for n in 1 2; do
		ip netns add pod$n
		ip -n pod$n -batch - <<-END
		link set lo up
		addr add 10.190.$n.2/32 dev lo
		END
		specs+=("pod$n@pod$n:8080/tcp")
	done
	"$VIPSHIFT_TRAFFIC" serve --ready-file /run/pods-ready "${specs[@]}" &
	for _ in {1..100}; do [ ! -e /run/pods-ready ] || break; sleep 0.1; done
}

# switch_link: the way to them. A packet to a service address needs a way out to be seen.
switch_link()
{
	local n

	# Those of the last node may not be gone yet.
	for n in 1 2; do
		ip -n pod$n link del eth0 2>/dev/null || :
	done
	ip -batch - <<-END
	link add vpod1 type veth peer name eth0 netns pod1
	link add vpod2 type veth peer name eth0 netns pod2
	addr add 10.190.1.1/24 dev vpod1
	addr add 10.190.2.1/24 dev vpod2
	link set vpod1 up
	link set vpod2 up
	route add default dev vpod1
	END
	for n in 1 2; do
		ip -n pod$n -batch - <<-END
		link set eth0 up
		route add 10.190.$n.1 dev eth0
		route add default via 10.190.$n.1 dev eth0
		END
	done
}

# switch_serves CLUSTER: the node reaches both endpoints of each service of it that has some,
# by cluster IP and node port.
switch_serves()
{
	local targets=(conn:10.96.30.2:80)

	case $1 in
	*cluster.json) targets+=(conn:10.96.30.3:80 conn:10.0.0.11:30301) ;;
	*) targets+=(conn:10.96.30.1:80 conn:10.0.0.11:30300) ;;
	esac
	"$VIPSHIFT_TRAFFIC" client --count 16 --rate 200 --timeout 2000 "${targets[@]}" >"$work/served"
	jq -e '.failed == 0 and ([.targets[].backends | keys | length == 2] | all)' \
		"$work/served" >/dev/null || { cat "$work/served"; return 1; }
}

# switch_start STATE CLUSTER: brings the node there. half-N: a migration to ipvs mode that was
# killed before its N-th step, and of which no journal is left.
switch_start()
{
	local recorded=$1

	switch_link
	case $1 in
	nothing)
		loaded_link 10.0.0.11/24
		return
		;;
	half-*) recorded=1-iptables ;;
	esac
	loaded_put "$switched/$recorded" 10.0.0.11/24
	[ "$1" != 4-after-cleanup ] || ip link del kube-ipvs0
	[ "$recorded" = "$1" ] || {
		! strace -f -qq -o /dev/null -e trace=fdatasync \
			-e "inject=fdatasync:signal=KILL:when=${1#half-}" "$VIPSHIFT" migrate --to ipvs \
			"${common[@]}" -f "$2" --accept all -y >"$work/cut" 2>&1 </dev/null
		! grep -qx finished "$VIPSHIFT_STATE_DIR/migration"
		rm -r "$VIPSHIFT_STATE_DIR"
	}
}

# switch_judge STATE MODE CLUSTER given|read-back: to that mode, and whether it is so; prints
# what is wrong.
switch_judge()
{
	local state=$1 mode=$2 cluster=$3 status=0 model=(-f "$3") wanted=$3
	local common=(-n node-a -c "$switched/config.yaml" --kube-proxy 1.27.1 --iptables legacy)
	local work
	work=$(mktemp -d)
	export VIPSHIFT_STATE_DIR=$work/state

	set -e
	switch_start "$state" "$cluster"
	if [ "$4" = read-back ]; then
		model=()
		# Names of services are not in ipvs mode.
		case $mode,$state in
		iptables,[235]-*)
			wanted=$work/model.json
			"$VIPSHIFT" show -f live:ipvs "${common[@]}" -o json >"$wanted"
			;;
		esac
	fi
	"$VIPSHIFT" migrate --to "$mode" "${common[@]}" "${model[@]}" --accept all -y --drain 0 \
		>"$work/out" 2>&1 </dev/null || status=$?
	[ $status = 0 ] || { echo "migrate: exit status $status"; cat "$work/out"; return 1; }
	loaded_say 0 verify "$mode" "${common[@]}" -f "$wanted"
	# As diff, and nothing is left of the other mode.
	loaded_say 0 migrate --to "$mode" "${common[@]}" -f "$wanted" --dry-run
	switch_serves "$cluster"
	rm -r "$work"
}

# switch_refused STATE MODE: with no services given and none on the node.
switch_refused()
{
	local out status=0 common=(-n node-a --iptables legacy)

	set -e
	switch_start "$1"
	out=$("$VIPSHIFT" migrate --to "$2" -n node-a --iptables legacy --accept all -y 2>&1 </dev/null) ||
		status=$?
	[ $status = 3 ] && grep -q 'give them with -f' <<<"$out" && return
	echo "migrate: exit status $status, not 3: $out"
	return 1
}

# ---- all

# in_namespace WHAT FUNCTION ARGUMENTS...: in one of its own; counts, and says what is wrong.
in_namespace()
{
	local what=$1 out
	shift
	if out=$(unshare -n "$0" "$@" 2>&1 </dev/null); then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $what"
		sed 's/^/    /' <<<"$out" | head -n 30
	fi
}

# STATE MODE...: from where to where. MODE with services read back, MODE+ with services given,
# MODE= with services given and, as the node has none, refused without. All of them both ways if
# all cases are wanted.
switches=(
	"1-iptables ipvs"
	"2-ipvs-without-cleanup iptables ipvs+"
	"3-np-gets-endpoints-and-gone-is-deleted iptables+ ipvs"
	"4-after-cleanup ipvs="
	"5-ipvs-after-cleanup iptables"
	"6-back-to-iptables-without-cleanup iptables+ ipvs"
	"nothing ipvs="
	"half-5 iptables"
	"half-9 ipvs"
)

# switch_each STATE MODE, as in the list.
switch_each()
{
	local state=$1 mode=${2%[+=]} cluster=$switched/cluster.1.json how=read-back

	case $state in
	1-* | 2-* | half-*) cluster=$switched/cluster.json ;;
	esac
	[ "$mode" = "$2" ] || how=given
	[ "${VIPSHIFT_PARITY_CASES:-}" != . ] || [ "$2" = "$mode=" ] || how="given read-back"
	for how in $how; do
		in_namespace "$state to $mode, services $how" \
			switch_judge "$state" "$mode" "$cluster" "$how"
	done
	[ "$2" != "$mode=" ] ||
		in_namespace "$state to $mode, and no services" switch_refused "$state" "$mode"
}

switch_all()
{
	local words mode passed=0 failed=0

	switch_pods
	for words in "${switches[@]}"; do
		for mode in ${words#* }; do
			switch_each "${words%% *}" "$mode"
		done
	done
	kill %%
	echo "from what native switches and broken ones left: $passed migrations as wanted," \
		"$failed not"
	[ $failed = 0 ] && [ $passed -gt 0 ]
}

case ${1:-} in
'') exec "$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-400}" "$0" inside ;;
switch_*)
	"$@"
	exit
	;;
esac
modprobe -a dummy ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh xt_set ip_set_hash_ip
export VIPSHIFT_STATE_DIR=/run/vipshift
bad=0
switch_all || bad=1
parity_cases "$golden" ipvs | grep -E "${VIPSHIFT_PARITY_CASES:-^(dual-stack|cfg-ipvs-wrr-strictarp) }" |
	grep -v '^switch-modes ' | loaded_all unshare -n || bad=1
exit $bad
