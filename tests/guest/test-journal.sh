#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A migration that is cut off: killed after each single step that it has written down, in both
# directions, under new connections all the time. Then --resume reaches what an undisturbed
# run does, and --abort exactly what was there before. And a switch that waits for its
# confirmation goes back by itself, whatever becomes of the shell that began it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"

if [ "${1:-}" != inside ]; then
	exec "$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-600}" "$0" inside
fi

# shellcheck source=node.sh
. "$here/node.sh"
work=$(mktemp -d)
export VIPSHIFT_STATE_DIR=$work/state
failed=0 passed=0
model=(-n node-a -f "$demo/cluster.json" -c "$demo/config.yaml" --kube-proxy 1.27.1)

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

# signalled N SIGNAL COMMAND...: gets the signal when the N-th step has been written down and
# before it is made. The journal is what is written with fdatasync.
signalled()
{
	local n=$1 signal=$2
	shift 2
	# (The inner shell says "Killed" to the file.)
	bash -c '"$@"; exit' bash strace --seccomp-bpf -f -qq -o /dev/null -e trace=fdatasync \
		-e "inject=fdatasync:signal=$signal:when=$n" "$@" >"$work/out" 2>&1 </dev/null
}

signalled_shown()
{
	local status=0
	signalled "$@" || status=$?
	cat "$work/out"
	return $status
}

to() { "$VIPSHIFT" migrate --to "$1" "${model[@]}" --drain 5 --accept all -y; }

# Brings the node into a mode and remembers its state as $work/MODE.
settle() # MODE
{
	to "$1" >"$work/out" 2>&1 || bad "migrate --to $1" "$work/out"
	"$VIPSHIFT" verify "$1" "${model[@]}" >"$work/out" 2>&1 || bad "verify $1" "$work/out"
	state >"$work/$1"
}

# Each cut in turn: odd ones are resumed and then rolled back from the snapshot, even ones
# aborted. Both must work after any cut: the next direction starts with the other parity.
cuts() # FROM TO FIRST
{
	local from=$1 mode=$2 n status
	for ((n = 1; n < 100; n++)); do
		status=0 begin=$SECONDS
		signalled "$n" KILL "$VIPSHIFT" migrate --to "$mode" "${model[@]}" --accept all --drain 5 -y || status=$?
		[ $status != 0 ] || break
		if grep -qx finished "$VIPSHIFT_STATE_DIR/migration"; then
			# After the last one there is nothing left to do.
			same "$work/$mode" "to $mode, cut $n: at its end"
			expect 0 'rolled back' "to $mode, cut $n: rollback" \
				"$VIPSHIFT" rollback --drain 5
			continue
		fi
		expect 7 'vipshift migrate --resume.*vipshift migrate --abort' \
			"to $mode, cut $n: migrate says where it stands" to "$mode"
		if [ $(((n + $3) % 2)) = 0 ]; then
			expect 0 'verified' "to $mode, cut $n: --resume" \
				"$VIPSHIFT" migrate --resume --drain 5
			same "$work/$mode" "to $mode, cut $n: as an undisturbed run"
			expect 0 'rolled back' "to $mode, cut $n: rollback" \
				"$VIPSHIFT" rollback --drain 5
		else
			expect 0 'rolled back' "to $mode, cut $n: --abort" \
				"$VIPSHIFT" migrate --abort --drain 5
		fi
		same "$work/$from" "to $mode, cut $n: the state before"
		[ -z "${VIPSHIFT_VERBOSE:-}" ] || echo "cut $n: $((SECONDS - begin)) s"
	done
	echo "to $mode: cut off after each of $((n - 1)) steps"
	[ "$n" -gt 8 ] || bad "only $n steps were cut"
	same "$work/$mode" "to $mode: not cut at all"
}

node_setup
node_cluster "$demo/cluster.json"
node_pod client node-a 10.244.1.99 fd00:10:244:1::99
"$VIPSHIFT" apply iptables "${model[@]}" >"$work/out" 2>&1 || bad 'apply' "$work/out"
# Both modes once, so that modules and sysctls are what they will be.
settle ipvs
settle iptables

traffic=(client --seconds 600 --timeout 8000 --stop-file "$work/stop" --rate 20)
ip netns exec client "$VIPSHIFT_TRAFFIC" "${traffic[@]}" --log "$work/pod.log" \
	conn:web=10.96.20.1:80 'conn:web=[fd00:10:96::2001]:80' \
	conn:cart=10.96.20.4:8000 >"$work/pod.json" &
pod=$!
ip netns exec outside "$VIPSHIFT_TRAFFIC" "${traffic[@]}" --bind 203.0.113.10 \
	--log "$work/outside.log" conn:node-port=10.0.0.11:30080 conn:store=192.0.2.80:443 \
	>"$work/outside.json" &
outside=$!

cuts iptables ipvs 0
cuts ipvs iptables 1

# Others do not write into a half-done migration.
signalled 9 KILL "$VIPSHIFT" migrate --to ipvs "${model[@]}" --accept all -y || :
expect 7 'did not end; its last step: .*--abort' 'repair leaves it alone' \
	"$VIPSHIFT" repair iptables "${model[@]}"
expect 2 '' 'a dry run of --abort' "$VIPSHIFT" migrate --abort --dry-run
expect 0 'rolled back' '--abort' "$VIPSHIFT" migrate --abort
expect 0 'no migration is under way' '--abort again' "$VIPSHIFT" migrate --abort
expect 1 'rolled back already' 'rollback of nothing' "$VIPSHIFT" rollback
same "$work/iptables" 'the state before'

# Ctrl-C goes back between two steps, a terminal that is gone does not.
expect 6 'interrupted by a signal' 'SIGINT' signalled_shown 9 INT \
	"$VIPSHIFT" migrate --to ipvs "${model[@]}" --accept all -y
same "$work/iptables" 'SIGINT: the state before'
expect 0 'the node is in ipvs mode' 'SIGHUP' signalled_shown 9 HUP \
	"$VIPSHIFT" migrate --to ipvs "${model[@]}" --accept all -y
same "$work/ipvs" 'SIGHUP: to the end'
expect 0 'rolled back' 'rollback' "$VIPSHIFT" rollback --drain 5

# A full disk: nothing is begun.
mkdir "$work/full"
mount -t tmpfs -o size=16k full "$work/full"
expect 1 'cannot write .*No space' 'a full disk' "$VIPSHIFT" migrate --to ipvs "${model[@]}" --accept all -y \
	--state-dir "$work/full"
same "$work/iptables" 'a full disk changes nothing'

# Confirmation.
expect 0 'goes back in 60 s, unless: vipshift confirm' 'migrate --confirm-within' \
	"$VIPSHIFT" migrate --to ipvs "${model[@]}" --accept all -y --confirm-within 60 \
	--report "$work/report.json"
jq -e '.to == "ipvs" and .exitStatus == 0 and (.phases | map(.name)) == ["prepare", "build",
	"switch", "settle"] and ([.services[] | select(.name == "shop/web:http") | .frontends[]
	| .before == .after and (.after | length) > 0] | length > 2 and all)' \
	"$work/report.json" >"$work/out" || bad 'the report' "$work/report.json"
expect 7 'waits for confirmation' 'repair waits for the answer' \
	"$VIPSHIFT" repair ipvs "${model[@]}"
expect 0 'stays in ipvs mode' 'confirm' "$VIPSHIFT" confirm
same "$work/ipvs" 'confirmed: as an undisturbed run'
expect 1 'no migration waits' 'confirm again' "$VIPSHIFT" confirm
expect 0 'rolled back' 'rollback of a finished migration' "$VIPSHIFT" rollback --drain 5
same "$work/iptables" 'rolled back: the state before'

# Without an answer; the shell that began it is killed with its whole session.
setsid bash -c '"$0" migrate --to ipvs "$@" --accept all -y --confirm-within 3 >"$VIPSHIFT_STATE_DIR/said" 2>&1
	kill -KILL -$$' "$VIPSHIFT" "${model[@]}" || :
for _ in {1..120}; do
	! grep -q rolled-back "$VIPSHIFT_STATE_DIR/migration" || break
	sleep 0.5
done
grep -q 'goes back in 3 s' "$VIPSHIFT_STATE_DIR/said" || bad 'it waited' "$VIPSHIFT_STATE_DIR/said"
same "$work/iptables" 'not confirmed: the state before'
expect 1 'the last one was rolled back' 'confirm too late' "$VIPSHIFT" confirm

: >"$work/stop"
wait "$pod" "$outside"
jq -rs '"\(map(.tried) | add) connections meanwhile, \(map(.failed) | add) failed"' \
	"$work"/pod.json "$work"/outside.json
if jq -es 'map(.failed) | add == 0' "$work"/pod.json "$work"/outside.json >/dev/null; then
	ok 'connections'
else
	bad 'connections failed' <(head -n 6 "$work"/*.log)
fi
echo "journal: $passed passed, $failed failed"
[ $failed = 0 ]
