#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Kernel calls of a migration fail, once or from then on, in both directions and under new
# connections all the time. Then it gets over that, or goes back, or says what is left to do
# and how; and the node is in one mode or the other, to the letter. VIPSHIFT_FAULTS=N tries N
# calls of each kind instead of a few. Run by hand until it has held in every guest.
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
# shellcheck source=states.sh
. "$here/states.sh"
# How often each outcome was seen.
declare -A seen=([0]=0 [1]=0 [6]=0 [7]=0)
calls=setsockopt,getsockopt,sendto,recvfrom

# calls_of MODE: traces an undisturbed migration to it into $work/calls.MODE, one line per kernel
# call of the thread that writes.
calls_of()
{
	strace -qq -e trace=$calls,fdatasync -o "$work/calls.$1" "$VIPSHIFT" migrate --to "$1" \
		"${model[@]}" --accept all --drain 5 -y >"$work/out" 2>&1 ||
		bad "to $1, traced" "$work/out"
	expect 0 'rolled back' "to $1: rollback" "$VIPSHIFT" rollback --drain 5
}

# pick MODE CALL PATTERN N: N of the calls that match and come after the first step, as their
# number among all of that name, evenly spread.
pick()
{
	awk -v call="$2(" -v pattern="$3" -v n="$4" '
		/^fdatasync/ { begun = 1 }
		index($0, call) == 1 { at++; if (begun && $0 ~ pattern) found[++m] = at }
		END {
			if (n > m)
				n = m
			for (i = 0; i < n; i++)
				print found[int((i + 0.5) * m / n) + 1]
		}' "$work/calls.$1"
}

# fault FROM TO CALL WHEN ERROR: one migration.
fault()
{
	local from=$1 mode=$2 what="to $2, $3 $4: $5" status=0

	strace -qq -o /dev/null -e "trace=$3" -e "inject=$3:error=$5:when=$4" \
		"$VIPSHIFT" migrate --to "$mode" "${model[@]}" --accept all --drain 5 -y \
		>"$work/out" 2>&1 </dev/null || status=$?
	[ -z "${VIPSHIFT_VERBOSE:-}" ] || echo "$what: exit status $status"
	case $status in
	0)
		same "$work/$mode" "$what: as an undisturbed run"
		expect 0 'rolled back' "$what: rollback" "$VIPSHIFT" rollback --drain 5
		;;
	1 | 4 | 5)
		status=1
		;;
	6) ;;
	7)
		grep -q 'vipshift migrate --abort' "$work/out" ||
			bad "$what: does not say how to go on" "$work/out"
		expect 0 'rolled back' "$what: --abort" "$VIPSHIFT" migrate --abort --drain 5
		;;
	*)
		bad "$what: exit status $status" "$work/out"
		;;
	esac
	seen[$status]=$((${seen[$status]:-0} + 1))
	same "$work/$from" "$what: the state before"
}

# faults FROM TO: all kinds.
faults()
{
	local n few=${VIPSHIFT_FAULTS:-1} many=${VIPSHIFT_FAULTS:-2}

	calls_of "$2"
	for n in $(pick "$2" setsockopt SET_REPLACE "$many"); do
		fault "$1" "$2" setsockopt "$n" ENOMEM
	done
	for n in $(pick "$2" setsockopt SET_REPLACE "$few"); do
		fault "$1" "$2" setsockopt "$n" EAGAIN
		fault "$1" "$2" setsockopt "$n+" ENOMEM
	done
	for n in $(pick "$2" sendto . "$many"); do
		fault "$1" "$2" sendto "$n" ENOBUFS
	done
	for n in $(pick "$2" sendto . "$few"); do
		fault "$1" "$2" sendto "$n+" ENOBUFS
	done
	for n in $(pick "$2" recvfrom . "$few"); do
		fault "$1" "$2" recvfrom "$n" ENOBUFS
		fault "$1" "$2" recvfrom "$n+" ENOMEM
	done
	for n in $(pick "$2" getsockopt GET_ENTRIES "$few"); do
		fault "$1" "$2" getsockopt "$n" ENOMEM
	done
}

states_setup
states_traffic
faults iptables ipvs
settle ipvs
faults ipvs iptables
states_traffic_judge
echo "outcomes: ${seen[0]} got over it, ${seen[1]} not begun, ${seen[6]} went back," \
	"${seen[7]} partly done"
echo "faults: $passed passed, $failed failed"
[ $failed = 0 ]
