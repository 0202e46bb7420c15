#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A migration to iptables mode, of either variant, on this machine's own kernel, in namespaces of
# its own, in which kernel calls and writes to the disk fail, once or from then on, or which is
# killed: it gets over that, or has changed nothing, or goes back, or says what is left to do and
# how; and the node is in one state or the other, to the letter. VIPSHIFT_FAULTS=N tries N of each
# kind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
# shellcheck source=../lib/outcome.sh
. "$here/../lib/outcome.sh"
# shellcheck source=../lib/faults.sh
. "$here/../lib/faults.sh"
need_programs "$VIPSHIFT"

skip()
{
	echo "migration: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

if [ "${1:-}" != inside ]; then
	unshare -rn true 2>/dev/null || skip 'network namespaces are not allowed here'
	strace -o /dev/null true 2>/dev/null || skip 'processes cannot be traced here'
	status=0
	for variant in legacy nft; do
		for program in strace iptables-$variant-save ip6tables-$variant-save; do
			command -v "$program" >/dev/null || skip "$program is not installed"
		done
		unshare -rn iptables-$variant -t nat -L >/dev/null 2>&1 ||
			skip "no $variant iptables here"
		# Not beside the kube-proxies of others.
		timeout 800 unshare -rn --fork --pid --mount-proc --kill-child \
			"$0" inside $variant || status=1
	done
	exit $status
fi
variant=$2

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export VIPSHIFT_STATE_DIR=$work/state
# The leak checker cannot work in a process that is traced.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0
migrate=("$VIPSHIFT" migrate --to iptables -n node-a -f "$demo/cluster.json"
	-c "$demo/config.yaml" --kube-proxy 1.27.1 --iptables "$variant" --accept all -y)

faults_back=() faults_before=before faults_after=after

state()
{
	{ iptables-$variant-save; ip6tables-$variant-save; } | sed -E '/^#/d; s/ \[[0-9]+:[0-9]+\]$//'
	sysctl net.ipv4.conf.all.route_localnet
}

# faults CALL FAULT...: some of these calls, evenly spread, one of four before the first step.
faults()
{
	local call=$1 many=${VIPSHIFT_FAULTS:-6} n fault
	shift

	faults_record "$call"
	for n in $(faults_find "$call" '.*' before $((many / 4))
		faults_find "$call" '.*' 'prepare|build|switch|settle|remove' "$many"); do
		for fault; do
			fault "$call" "$n" "$fault"
			fault "$call" "$n+" "$fault"
		done
	done
}

# killed WHEN OPTION...: when that step has been written down and before it is made. The
# processes that it starts are not traced.
killed()
{
	local n=$1
	shift
	bash -c '"$@"; exit' killed strace -qq -o /dev/null -e trace=fdatasync \
		-e "inject=fdatasync:signal=KILL:when=$n" "${migrate[@]}" "$@" \
		>"$work/out" 2>&1 </dev/null
}

ip link set lo up
# What others have. (The chain that kubelet makes, too, stays where it was made once.)
"${migrate[@]}" -q 2>"$work/out" || bad 'migrate'
"$VIPSHIFT" rollback -q
iptables-$variant -A INPUT -p tcp --dport 22 -j ACCEPT
iptables-$variant -t nat -A OUTPUT -p tcp --dport 8081 -j REDIRECT --to-ports 8088
state >"$work/before"
"${migrate[@]}" -q 2>"$work/out" || bad 'migrate'
state >"$work/after"
"$VIPSHIFT" rollback -q
same before 'rollback'
# The plan is printed in the form that is asked for, and carried out.
expect 0 '^\+:KUBE-SERVICES ' 'migrate -o diff' "${migrate[@]}" -o diff
same after 'migrate -o diff'
expect 0 '^-:KUBE-SERVICES ' 'rollback -o diff' "$VIPSHIFT" rollback -o diff
same before 'rollback -o diff'

faults setsockopt error=ENOMEM error=EAGAIN
faults getsockopt error=ENOMEM
faults sendto error=ENOBUFS
faults recvfrom error=ENOBUFS
faults write error=ENOSPC
faults fdatasync error=ENOSPC
faults fsync error=EIO

# signalled CALL SIGNAL N COMMAND...: the signal comes with the Nth of these kernel calls.
signalled()
{
	strace -qq -o /dev/null -e "trace=$1" -e "inject=$1:signal=$2:when=$3" "${@:4}"
}

# A lost session and Ctrl-C do not cut off a way back.
for signal in HUP INT TERM; do
	"${migrate[@]}" -q 2>"$work/out" || bad 'migrate'
	expect 0 'rolled back' "rollback, $signal" \
		signalled fdatasync "$signal" 2 "$VIPSHIFT" rollback
	same before "rollback, $signal"
	killed 6 || :
	expect 0 'rolled back' "--abort, $signal" \
		signalled fdatasync "$signal" 2 "$VIPSHIFT" migrate --abort
	same before "--abort, $signal"
done

# Who is stopped for a switch goes on if there is none.
call=setsockopt
[ "$variant" = legacy ] || call=sendto
faults_record $call
ln -s "$(command -v sleep)" "$work/kube-proxy"
"$work/kube-proxy" 300 &
proxy=$!
stands() # YES|NO WHAT
{
	local state=no
	[ "$(awk '/^State:/ { print $2 }' "/proc/$proxy/status")" != T ] || state=yes
	[ "$state" = "$1" ] && ok || bad "$2: kube-proxy stands still: $state"
}
for signal in HUP INT TERM; do
	expect 3 'interrupted by a signal; nothing was changed' "$signal before the switch" \
		signalled kill "$signal" 1 "${migrate[@]}" --freeze auto
	stands no "$signal before the switch"
	same before "$signal before the switch"
done
expect 6 'kube-proxy .* goes on' 'interrupted at work' \
	signalled fdatasync INT 3 "${migrate[@]}" --freeze auto
stands no 'interrupted at work'
expect 7 'kube-proxy .* stays stopped until the migration has ended' 'cannot go back' \
	strace -qq -o /dev/null -e trace=$call -e "inject=$call:error=ENOMEM:when=$(
		faults_find $call '.*' switch 1)+" "${migrate[@]}" --freeze auto
stands yes 'cannot go back'
expect 0 'kube-proxy .* goes on' 'cannot go back: --abort' "$VIPSHIFT" migrate --abort
stands no 'cannot go back: --abort'
signalled fsync KILL 4 "${migrate[@]}" --freeze auto >"$work/out" 2>&1 || :
stands yes 'killed before the first step'
expect 0 'kube-proxy .* goes on' 'killed before the first step: --resume' \
	"$VIPSHIFT" migrate --resume
stands no 'killed before the first step: --resume'
killed 6 --freeze auto || :
stands yes 'killed'
expect 7 'did not end' 'killed: migrate' "${migrate[@]}"
stands yes 'killed: migrate'
expect 0 'kube-proxy .* is left stopped' 'killed: --resume' "$VIPSHIFT" migrate --resume
stands yes 'killed: --resume'
# A later one (migrations are told by the second) that goes back leaves the node in the mode of
# the switch.
sed 's/10\.244\.2\./10.244.9./g' "$demo/cluster.json" >"$work/other.json"
sleep 1
expect 6 'rolled back' 'another one, interrupted' \
	signalled fdatasync INT 1 "${migrate[@]}" -f "$work/other.json"
stands yes 'another one, interrupted'
expect 0 'kube-proxy .* is still stopped' 'another one' "${migrate[@]}" -f "$work/other.json"
expect 0 'rolled back' 'rollback of another one' "$VIPSHIFT" rollback
stands yes 'rollback of another one'
kill -KILL $proxy
wait $proxy 2>/dev/null || :
"$VIPSHIFT" flush iptables --iptables "$variant" -y -q
sysctl -qw net.ipv4.conf.all.route_localnet=0
same before 'flush'

# Killed after each step.
for ((n = 1; n < 100; n++)); do
	! killed "$n" || break
	if grep -qx finished "$work/state/migration"; then
		"$VIPSHIFT" rollback -q
		continue
	fi
	expect 7 'did not end; its last step' "cut $n: says where it stands" "${migrate[@]}"
	if [ $((n % 2)) = 0 ]; then
		expect 0 verified "cut $n: --resume" "$VIPSHIFT" migrate --resume
		same after "cut $n"
		expect 0 'rolled back' "cut $n: rollback" "$VIPSHIFT" rollback
	else
		expect 0 'rolled back' "cut $n: --abort" "$VIPSHIFT" migrate --abort
	fi
	same before "cut $n"
done
[ "$n" -gt 8 ] || bad "only $n cuts"
expect 0 'rolled back' 'not cut: rollback' "$VIPSHIFT" rollback

# The switch ends the process that made it: the node goes back by itself.
step=$(($(grep -n '^step 2' "$work/state/migration" | sed -n '2s/:.*//p') -
	$(grep -n '^begun' "$work/state/migration" | sed 's/:.*//') + 1))
killed "$step" --confirm-within 2 || :
grep -q '^deadline' "$work/state/migration" || bad 'killed in the switch: no deadline'
! grep -q '^waiting' "$work/state/migration" || bad 'killed too late'
rolls_back() # WHAT
{
	for _ in {1..200}; do
		! grep -q '^rolled-back' "$work/state/migration" || break
		sleep 0.1
	done
	same before "$1"
}
rolls_back 'killed in the switch, unless confirmed'

# It fails to go back at first: it tries again, though nobody is there.
expect 0 'unless: vipshift confirm' 'confirm-within' "${migrate[@]}" --confirm-within 1
mv "$work/state/migration-before" "$work/aside"
sleep 3
same after 'cannot go back'
mv "$work/aside" "$work/state/migration-before"
rolls_back 'not confirmed, and the first try to go back fails'

# Confirmed in time: what was to go back ends.
expect 0 'unless: vipshift confirm' 'confirm-within' "${migrate[@]}" --confirm-within 2
expect 7 'waits for confirmation' 'a dry run meanwhile' \
	"$VIPSHIFT" flush ipvs --iptables "$variant" --dry-run
expect 0 'stays in iptables mode' 'confirm' "$VIPSHIFT" confirm
sleep 3
same after 'confirmed'
expect 0 'rolled back' 'rollback' "$VIPSHIFT" rollback

# What is known of the mode that it goes back to is not lost: a ledger as ipvs mode leaves it.
printf 'ledger 1 %s:%s\nserver tcp 10.96.0.99:80\nend 1\n' \
	"$(cat /proc/sys/kernel/random/boot_id)" "$(stat -Lc %i /proc/self/ns/net)" >"$work/state/ledger"
cp "$work/state/ledger" "$work/ledger"
killed 6 || :
expect 0 'rolled back' 'a ledger: --abort' "$VIPSHIFT" migrate --abort
kept() { cmp "$work/state/ledger" "$work/ledger" && echo kept; }
expect 0 '^kept' 'a ledger: after --abort' kept
expect 6 'rolled back' 'a ledger: interrupted' signalled fdatasync INT 3 "${migrate[@]}"
expect 0 '^kept' 'a ledger: after the interruption' kept
same before 'a ledger'

# Of another boot: said, and not in the way.
killed 6 || :
cp -r "$work/state" "$work/copy"
"$VIPSHIFT" migrate --abort -q
sed -i 's/^kernel .*/kernel 00000000-0000-0000-0000-000000000000:1/' "$work/copy/migration"
expect 0 'another boot or network namespace: what it did to the kernel is gone' 'another boot' \
	"$VIPSHIFT" migrate --resume --state-dir "$work/copy"
same before 'another boot'

faults_print_seen
echo "migration, $variant: $passed passed, $failed failed"
[ $failed = 0 ]
