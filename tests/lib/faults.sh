# shellcheck shell=bash disable=SC2154  # what the caller sets
# SPDX-License-Identifier: GPL-2.0-or-later
# Kernel calls of a migration that fail, for scripts that source this: it gets over that, or has
# changed nothing, or goes back, or says what is left to do and how; and the node is in one state
# or the other, to the letter. The scripts have expect, same and bad, and set:
#   migrate                      the command, an array
#   faults_back                  options for going back, an array
#   faults_before, faults_after  what same compares with

# How often each exit status was seen.
declare -A faults_seen=()

# faults_traced CALLS OPTION...: a migration with these kernel calls traced, in the process and
# thread that writes.
faults_traced()
{
	local calls=$1
	shift
	strace -qq -e "trace=$calls" "$@" "${migrate[@]}" >"$work/out" 2>&1 </dev/null
}

# faults_record CALLS: an undisturbed migration into $work/calls, which is undone then. A line for
# each of these calls: its name, what it is about, the phase ("before" the first step), and its
# number among all of that name.
faults_record()
{
	faults_traced "$1,write" -yy -o "$work/trace" || bad 'traced' "$work/out"
	expect 0 'rolled back' 'traced: rollback' "$VIPSHIFT" rollback "${faults_back[@]}"
	awk '
		BEGIN { phase = "before" }
		/^write\(.*\/migration>, "step / {
			phase = $0
			sub(/.*"step [0-9]+ /, "", phase)
			sub(/:.*/, "", phase)
		}
		{
			about = "file"
			if (match($0, /SO_[GS]ET_[A-Z_]+/))
				about = substr($0, RSTART, RLENGTH)
			else if (match($0, /<NETLINK:\[[A-Z]+/))
				about = substr($0, RSTART + 10, RLENGTH - 10)
			else if (/<\/proc\/sys\//)
				about = "sysctl"
			call = $0
			sub(/\(.*/, "", call)
			print call, about, phase, ++n[call]
		}' "$work/trace" >"$work/calls"
}

# faults_find CALL ABOUT PHASES N: the numbers of N calls, evenly spread; the two in the middle are
# patterns.
faults_find()
{
	awk -v call="$1" -v about="^($2)\$" -v phases="^($3)\$" -v n="$4" '
		$1 == call && $2 ~ about && $3 ~ phases { found[++m] = $4 }
		END {
			for (i = 0; i < n && i < m; i++)
				print found[int((i + 0.5) * m / (n < m ? n : m)) + 1]
		}' "$work/calls"
}

# faults_count CALL OTHER NUMBER: how many of these calls there were before that other one.
faults_count()
{
	awk -v call="$1" -v other="$2" -v number="$3" '
		$1 == call { n++ }
		$1 == other && $4 == number { exit }
		END { print n + 0 }' "$work/calls"
}

# faults_go_on WHAT: from where it stopped, in turn back and to the end.
faults_go_on()
{
	if [ $((faults_seen[7] % 2)) = 1 ]; then
		expect 0 'rolled back|no migration is under way' "$1: --abort" \
			"$VIPSHIFT" migrate --abort "${faults_back[@]}"
		return
	fi
	expect 0 'verified|no migration is under way' "$1: --resume" \
		"$VIPSHIFT" migrate --resume "${faults_back[@]}"
	if grep -q verified "$work/out"; then
		same "$faults_after" "$1: as an undisturbed run"
		expect 0 'rolled back' "$1: rollback" "$VIPSHIFT" rollback "${faults_back[@]}"
	fi
}

# fault CALL WHEN FAULT...: one migration in which this call fails, by its number, or ("N+") from
# then on; and others. FAULT is what strace can inject.
fault()
{
	local what="$*" calls='' options=() status=0 last=$1$2

	while [ $# -gt 0 ]; do
		calls+=${calls:+,}$1
		options+=(-e "inject=$1:$3:when=$2")
		shift 3
	done
	faults_traced "$calls" -o /dev/null "${options[@]}" || status=$?
	[ -z "${VIPSHIFT_VERBOSE:-}" ] || echo "$what: exit status $status"
	faults_seen[$status]=$((${faults_seen[$status]:-0} + 1))
	case $status in
	0)
		same "$faults_after" "$what: as an undisturbed run"
		expect 0 'rolled back' "$what: rollback" "$VIPSHIFT" rollback "${faults_back[@]}"
		;;
	1 | 4 | 5 | 6) ;;
	7)
		# Where no write succeeds any more, none to the terminal does.
		[[ $last == write*+ ]] || {
			grep -q 'vipshift migrate --abort' "$work/out" &&
				grep -q 'vipshift migrate --resume' "$work/out"
		} || bad "$what: does not say how to go on" "$work/out"
		faults_go_on "$what"
		;;
	*) bad "$what: exit status $status" "$work/out" ;;
	esac
	same "$faults_before" "$what: the state before"
}

faults_print_seen()
{
	local status

	for status in "${!faults_seen[@]}"; do
		echo "faults: exit status $status: ${faults_seen[$status]}"
	done
}
