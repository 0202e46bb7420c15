#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A migration that is cut off: killed after each single step that it has written down, in both
# directions, under new connections all the time. Then --resume reaches what an undisturbed
# run does, and --abort exactly what was there before. And a switch that waits for its
# confirmation goes back by itself, whatever becomes of the shell that began it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
limit=880
# shellcheck source=states.sh
. "$here/states.sh"

signalled_shown()
{
	local status=0
	signalled "$@" || status=$?
	cat "$work/out"
	return $status
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

states_setup
states_traffic

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

states_traffic_judge
echo "journal: $passed passed, $failed failed"
[ $failed = 0 ]
