#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Kernel calls of a migration fail, once or from then on, in both directions and under new
# connections all the time: calls of every kind, in every phase. What must become of that is in
# lib/faults.sh. One of three faults is tried in each direction; VIPSHIFT_FAULTS=N tries all of
# them in both, in N calls.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
limit=600
# shellcheck source=states.sh
. "$here/states.sh"
# shellcheck source=../lib/faults.sh
. "$here/../lib/faults.sh"
faults_back=(--drain 5)

# faults_plan DIRECTION: of the recorded calls of each kind, by what they are about, one for each
# fault, the phases in turn, or as many as were asked for: "CALL WHEN FAULT".
faults_plan()
{
	awk -v direction="$1" -v many="${VIPSHIFT_FAULTS:-0}" '
		BEGIN {
			split("setsockopt getsockopt sendto recvfrom recvmsg write", calls, " ")
			faults["setsockopt"] = "error=ENOMEM error=EAGAIN error=ENOMEM+"
			faults["getsockopt"] = "error=ENOMEM error=EAGAIN error=ENOMEM+"
			faults["sendto"] = "error=ENOBUFS error=ENOBUFS+"
			faults["recvfrom"] = "error=ENOBUFS retval=0 error=ENOMEM+"
			faults["recvmsg"] = "error=ENOBUFS retval=0 error=ENOMEM+"
			faults["write"] = "error=EIO"
		}
		# Tables, messages and sysctls; writing to files is tried without a guest.
		$3 != "before" && ($1 !~ /sockopt/ || $2 ~ /^SO_/) && ($1 != "write" || $2 == "sysctl") {
			if (!(($1, $2) in n_phases))
				abouts[$1] = abouts[$1] " " $2
			if (!(($1, $2, $3) in n))
				phases[$1, $2, n_phases[$1, $2]++] = $3
			found[$1, $2, $3, n[$1, $2, $3]++] = $4
		}
		function choose(call, about, fault, row,	phase, lasting, x)
		{
			phase = phases[call, about, row % n_phases[call, about]]
			lasting = sub(/\+$/, "", fault) ? "+" : ""
			x = int((row * 0.618) % 1 * n[call, about, phase])
			print call, found[call, about, phase, x] lasting, fault
		}
		END {
			for (c = 1; c in calls; c++) {
				k = split(abouts[calls[c]], about, " ")
				m = split(faults[calls[c]], fault, " ")
				for (i = 0; i < k * m; i++) {
					kind++
					if (!many && kind % 3 != direction)
						continue
					for (j = 0; j < (many ? many : 1); j++)
						choose(calls[c], about[i % k + 1],
							fault[int(i / k) + 1], kind + j)
				}
			}
		}' "$work/calls" | LC_ALL=C sort -u
}

# faults FROM TO DIRECTION
faults()
{
	local call when fault

	faults_before=$work/$1 faults_after=$work/$2
	migrate=("$VIPSHIFT" migrate --to "$2" "${model[@]}" --accept all --drain 5 -y)
	faults_record setsockopt,getsockopt,sendto,recvfrom,recvmsg
	faults_plan "$3" >"$work/plan"
	echo "to $2: $(wc -l <"$work/plan") faults"
	while read -r call when fault; do
		fault "$call" "$when" "$fault"
	done <"$work/plan"
}

# A commit of the switch fails, and then a message on the way back, by how many come before it:
# going back is not given up for that.
faults_going_back()
{
	local commit

	commit=$(faults_find setsockopt SO_SET_REPLACE switch 1)
	fault setsockopt "$commit" error=ENOMEM \
		sendto $(($(faults_count sendto setsockopt "$commit") + 1 + $1)) error=ENOBUFS
}

states_setup
states_traffic
faults iptables ipvs 0
faults_going_back 2
settle ipvs
faults ipvs iptables 1
faults_going_back 20
states_traffic_judge
faults_print_seen
echo "faults: $passed passed, $failed failed"
[ $failed = 0 ]
