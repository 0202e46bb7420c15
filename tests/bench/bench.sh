#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Measures vipshift and the stock tools side by side: the same objects, alternating runs on the
# same machine, each into a fresh network namespace (IPVS: of a guest kernel), medians.
# `make bench` runs it; --help tells the options.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
vipshift=${VIPSHIFT:-vipshift}
programs=${BENCH_PROGRAMS:-$here}
export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C

usage()
{
	cat <<-END
	usage: bench.sh [--quick] [--cpu] [--runs N] [--only PART[,PART...]] [--keep DIR]

	Parts: iptables, nft, ipvs, ipset, json, memory, readback, walk.
	--quick: fewer and smaller, about two minutes.
	--cpu: compares CPU seconds, for a machine that has other work. --runs: the medians are of
	so many runs (5, with --quick 3). --keep: leaves clusters and times in DIR.
	A goal that does not hold is MISSED: told, and no failure, for other work on the machine
	does that too. Exit status: 0, or 1 for an error, 77 when nothing could be measured.
	END
}

say()
{
	echo "bench: $*" >&2
}

die()
{
	say "$*"
	exit 1
}

# ---- what is measured: each of these runs inside a fresh network namespace

# Runs a command, appends seconds, CPU seconds and peak memory to the series $1.
measure()
{
	"$programs/measure" "$work/series/$1" "${@:2}"
}

# Appends the sum of the steps named in $2 of the output of steps in $3 to the series $1.
sum_steps()
{
	awk -v names=" $2 " 'index(names, " " $1 " ") { s += $2; c += $3 } END { print s, c }' \
		"$3" >>"$work/series/$1"
}

# The tables that there are, in an order that does not depend on who wrote them.
tables()
{
	iptables-legacy-save | sed -e '/^#/d' -e 's/ \[[0-9:]*\]$//' | sort >"$1"
}

inside_apply()
{
	local n=$1 f=$work/cluster-$1.json

	measure "apply-$n" "$vipshift" apply iptables --iptables legacy -q -4 -n node-0000 -f "$f" >/dev/null
	[ -e "$work/tables-$n.ours" ] || tables "$work/tables-$n.ours"
	measure "noop-$n" "$vipshift" apply iptables --iptables legacy -q -4 -n node-0000 -f "$f" >/dev/null
	measure "save-$n" iptables-legacy-save >/dev/null
	"$programs/steps" -4 -f "$f" iptables >"$work/steps"
	grep -qx 'operations 0' "$work/steps" || die "a second run finds something to do"
	sum_steps "noop-part-$n" "read emit plan" "$work/steps"
	sum_steps "read-$n" "read" "$work/steps"
	measure "repair-$n" "$vipshift" repair iptables --iptables legacy -q -4 -n node-0000 \
		-f "$f" >/dev/null
	iptables-legacy -t nat -D KUBE-SERVICES 1
	measure "mend-$n" "$vipshift" repair iptables --iptables legacy -q -4 -n node-0000 \
		-f "$f" 2>/dev/null
	measure "append-$n" iptables-legacy -t nat -A OUTPUT -s 192.0.2.1 -j ACCEPT
}

# Of the nft variant: what is there is read, compared, and one chain is mended.
inside_nft()
{
	local n=$1 runs=$2 i
	local repair=("$vipshift" repair iptables --iptables nft -q -4 -n node-0000
		-f "$work/cluster-$1.json")

	"$vipshift" apply iptables --iptables nft -q -4 -n node-0000 -f "$work/cluster-$n.json"
	for ((i = 1; i <= runs; i++)); do
		measure nft-save iptables-nft-save >"$work/nft-save"
		measure nft-read "$vipshift" snapshot save "$work/nft-snapshot" --iptables nft -4 -q
		measure nft-noop "${repair[@]}"
		iptables-nft -t nat -D KUBE-MARK-MASQ 1
		measure nft-mend "${repair[@]}" 2>/dev/null
	done
	grep -c '^-A' "$work/nft-save" >"$work/nft-rules"
}

inside_program()
{
	"$programs/steps" -4 -w -f "$work/cluster-$1.json" iptables >"$work/steps"
	sum_steps "program-$1" "read emit plan write" "$work/steps"
}

inside_restore()
{
	measure "restore-$1" iptables-legacy-restore <"$work/rules-$1"
	[ -e "$work/tables-$1.theirs" ] || tables "$work/tables-$1.theirs"
}

inside_ipset_ours()
{
	measure ipset-ours "$programs/steps" -4 -w -k kset -d "$work/ipset" ipvs >/dev/null
	same ipset "$(ipset save | wc -l)" "$(wc -l <"$work/ipset/ipset-save.txt")"
}

inside_ipset_theirs()
{
	measure ipset-theirs ipset restore <"$work/ipset/ipset-save.txt"
}

# Not the start of the process: loading its libraries takes an emulated guest half a second.
ipvs_steps()
{
	"$programs/steps" -4 -w "${@:2}" -d "$work/ipvs" ipvs >"$work/steps"
	sum_steps "$1" "load read plan write" "$work/steps"
}

inside_ipvs_ours()
{
	ipvs_steps ipvs-ours -k lvs
	same ipvs "$(ipvsadm -Sn | wc -l)" "$(grep -c '^-' "$work/ipvs/ipvsadm-Sn.txt")"
}

inside_ipvs_theirs()
{
	measure "ipvs-theirs" ipvsadm -R <"$work/ipvs/ipvsadm-Sn.txt"
}

inside_ipvs_all()
{
	ipvs_steps ipvs-all
}

same()
{
	[ "$2" = "$3" ] || die "$1: $2 objects in the kernel instead of $3"
}

# ---- running them

# A namespace of its own, with lo up: IPVS needs a local routing table.
fresh()
{
	local user=''
	[ "$(id -u)" = 0 ] || user=r
	XTABLES_LOCKFILE=$work/xtables.lock VIPSHIFT_STATE_DIR=$work/state unshare "-${user}n" bash "$here/bench.sh" --inside \
		"$work" "$@" || die "$*: failed"
}

cluster()
{
	[ -e "$work/cluster-$1.json" ] ||
		"$programs/gen" --services "$1" --endpoints 8 >"$work/cluster-$1.json"
}

render()
{
	"$vipshift" render "$1" -q -4 -n node-0000 --part "$2" -f "$work/cluster-$3.json"
}

# ---- the table

missed=0 measured=0
row()
{
	printf '%-66s %10s %10s %8s  %-8s %s\n' "$@"
}

verdict()
{
	measured=$((measured + 1))
	[ "$1" != MISSED ] || missed=$((missed + 1))
}

# Median of column $2 of a series: 1 seconds, 2 CPU seconds, 3 KB.
median()
{
	sort -n -k "$2,$2" "$work/series/$1" |
		awk -v c="$2" '{ v[NR] = $c }
			END { m = int((NR + 1) / 2); print NR % 2 ? v[m] : (v[m] + v[m + 1]) / 2 }'
}

# compare LABEL OURS THEIRS GOAL: as many times faster than the other one (goal "5"), at most so
# many times its time (goal "<1.5"), or "-": no goal, told only.
compare()
{
	local ours theirs ratio goal result
	ours=$(median "$2" "$clock") theirs=$(median "$3" "$clock")
	read -r ratio goal result < <(awk -v o="$ours" -v t="$theirs" -v g="$4" 'BEGIN {
		if (g == "-")
			printf "%.2fx - -\n", t / o
		else if (sub("<", "", g))
			printf "%.2f <=%s %s\n", o / t, g, (o / t <= g + 0) ? "holds" : "MISSED"
		else
			printf "%.2fx >=%sx %s\n", t / o, g, (t / o >= g + 0) ? "holds" : "MISSED"
	}')
	row "$1" "$(printf '%.3f s' "$ours")" "$(printf '%.3f s' "$theirs")" "$ratio" "$goal" \
		"$result" >>"$work/table"
	[ "$result" = - ] || verdict "$result"
}

# memory LABEL SERIES GOAL_MB
memory()
{
	local mb result=holds
	mb=$(median "$2" 3 | awk '{ printf "%d", $1 / 1024 }')
	[ "$mb" -le "$3" ] || result=MISSED
	row "$1" "$mb MB" - - "<=$3 MB" "$result" >>"$work/table"
	verdict "$result"
}

skip()
{
	say "$1: skipped: $2"
	row "$1" - - - - "SKIP: $2" >>"$work/table"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || die "$1: $2"
}

# ---- the parts

part_iptables()
{
	local n goal i
	for n in $sizes; do
		cluster "$n"
		render iptables iptables "$n" >"$work/rules-$n"
		for ((i = 1; i <= runs; i++)); do
			say "iptables, $n services, run $i of $runs"
			fresh apply "$n"
			fresh program "$n"
			fresh restore "$n"
		done
		cmp -s "$work/tables-$n.ours" "$work/tables-$n.theirs" ||
			die "$n services: apply and iptables-legacy-restore leave different tables"
		goal=2.5
		[ "$n" -lt 20000 ] || goal=5
		compare "$n x 8, empty table: read, compare, commit : restore" "program-$n" \
			"restore-$n" "$goal"
		compare "  the whole command, JSON to verified : restore" "apply-$n" \
			"restore-$n" -
		compare "$n x 8, nothing to do: read, compare : save" "noop-part-$n" \
			"save-$n" "<1.0"
		compare "  the whole command, JSON included : save" "noop-$n" "save-$n" "<1.0"
		compare "  repair, nothing to do : the bare read of the state" "repair-$n" \
			"read-$n" "<1.3"
		compare "  repair of one rule : iptables-legacy -A" "mend-$n" "append-$n" "<1.2"
	done
}

# more LABEL OURS THEIRS SECONDS: takes at most so much longer.
more()
{
	local ours theirs result
	ours=$(median "$2" "$clock") theirs=$(median "$3" "$clock")
	result=$(awk -v o="$ours" -v t="$theirs" -v g="$4" \
		'BEGIN { print o - t <= g ? "holds" : "MISSED" }')
	row "$1" "$(printf '%.3f s' "$ours")" "$(printf '%.3f s' "$theirs")" \
		"$(awk -v o="$ours" -v t="$theirs" 'BEGIN { printf "%+.2f s", o - t }')" "<=+$4 s" \
		"$result" >>"$work/table"
	verdict "$result"
}

part_nft()
{
	local n=$nft_size rules
	cluster "$n"
	say "nft, $n services, $runs runs"
	fresh nft "$n" "$runs"
	rules=$(cat "$work/nft-rules")
	compare "nft, $rules rules read and saved : iptables-nft-save" nft-read nft-save 10
	more "  one changed chain mended : nothing to do" nft-mend nft-noop 0.2
}

part_ipset()
{
	local i
	mkdir -p "$work/ipset"
	"$programs/gen" --ipset 50000 >"$work/ipset/ipset-save.txt"
	say "ipset, $runs runs"
	for ((i = 1; i <= runs; i++)); do
		fresh ipset_ours
		fresh ipset_theirs
	done
	compare "set of 50000 entries, from saved text : ipset restore" ipset-ours \
		ipset-theirs 3
}

part_ipvs()
{
	local n=$ipvs_size guest=$here/../guest/run-guest part
	command -v qemu-system-x86_64 >/dev/null || {
		skip "IPVS" "qemu-system-x86_64 is missing"
		return
	}
	cluster "$n"
	mkdir -p "$work/guest/ipvs" "$work/guest/series"
	# Text, for a guest without hardware support takes a minute for the JSON.
	for part in iptables:iptables-save ipset:ipset-save ipvs:ipvsadm-Sn \
		addresses:addresses sysctls:sysctls; do
		render ipvs "${part%:*}" "$n" >"$work/guest/ipvs/${part#*:}.txt"
	done
	say "ipvs, $n services, $runs runs in a guest"
	"$guest" --mem 3072 --timeout 1200 --work "$work/guest" env "VIPSHIFT=$vipshift" \
		"BENCH_PROGRAMS=$programs" bash "$here/bench.sh" --guest "$work/guest" "$runs" ||
		die "IPVS: the run in the guest failed"
	cp "$work/guest/series/"* "$work/series/"
	compare "$n x 8 virtual and real servers, from saved text : ipvsadm -R" ipvs-ours \
		ipvs-theirs 10
	compare "  sets, rules, addresses, sysctls too : ipvsadm -R" ipvs-all ipvs-theirs -
}

in_guest()
{
	local i
	work=$1
	modprobe ip_vs
	for ((i = 1; i <= $2; i++)); do
		say "in the guest, run $i of $2"
		fresh ipvs_ours
		fresh ipvs_theirs
		fresh ipvs_all
	done
}

# within LABEL OURS SECONDS
within()
{
	local ours result
	ours=$(median "$2" "$clock")
	result=$(awk -v o="$ours" -v g="$3" 'BEGIN { print o <= g ? "holds" : "MISSED" }')
	verdict "$result"
	row "$1" "$(awk -v o="$ours" 'BEGIN { printf "%.2f s", o }')" - - "<=$3 s" "$result" \
		>>"$work/table"
}

part_json()
{
	local i f=$work/cluster-$big.json
	cluster "$big"
	say "JSON, $runs runs"
	for ((i = 1; i <= runs; i++)); do
		measure json-ours "$programs/steps" -l -f "$f" iptables >/dev/null
		measure json-theirs "$programs/jansson_items" "$f" >/dev/null
	done
	compare "JSON of $big services, $((big * 8)) endpoints : jansson alone" json-ours \
		json-theirs "<1.5"
}

part_memory()
{
	local goal=$((400 * big / 20000))
	cluster "$big"
	say "memory"
	measure memory-iptables "$vipshift" render iptables -q -n node-0000 \
		-f "$work/cluster-$big.json" >/dev/null
	measure memory-ipvs "$vipshift" render ipvs -q -n node-0000 \
		-f "$work/cluster-$big.json" >/dev/null
	memory "peak memory of render iptables, $big x 8" memory-iptables "$goal"
	memory "peak memory of render ipvs, $big x 8" memory-ipvs "$goal"
}

# What somebody attached to a ticket: 160,000 rules in one file.
part_readback()
{
	local i save=$work/iptables-save.txt
	cluster 6360
	render iptables iptables 6360 >"$save"
	say "reading back $(grep -c '^-A' "$save") rules, $runs runs"
	for ((i = 1; i <= runs; i++)); do
		measure readback "$vipshift" show -q -n node-0000 -f "dump:$save" >/dev/null
	done
	within "show of a dump of 160,000 rules, within a second" readback 1
	memory "peak memory of it" readback 200
}

# What a migration does before the cut: each client's packets to each way in, in both modes.
part_walk()
{
	local i
	cluster 5000
	say "where packets go, $runs runs"
	for ((i = 1; i <= runs; i++)); do
		"$programs/steps" -p -f "$work/cluster-5000.json" iptables >"$work/steps"
		grep -qx 'differences 0' "$work/steps" || die "packets go elsewhere in the other mode"
		sum_steps walk walk "$work/steps"
	done
	within "$(awk '$1 == "packets" { print $2 }' "$work/steps") packets followed in both modes, 5000 x 8" \
		walk 2
}

report()
{
	local unit=seconds
	[ "$clock" = 1 ] || unit="CPU seconds"
	echo "vipshift $("$vipshift" --version | awk 'NR == 1 { print $NF }'), $(uname -sr)," \
		"$(nproc) CPUs, medians of $runs runs, $unit"
	echo
	row "what : compared with" vipshift other ratio goal ""
	cat "$work/table"
	echo
	echo "$measured goals, $missed missed"
}

main()
{
	local part quick='' keep=''
	only="iptables nft ipset json memory readback walk ipvs" runs='' clock=1
	while [ $# -gt 0 ]; do
		case $1 in
		--quick) quick=yes ;;
		--cpu) clock=2 ;;
		--runs) runs=$2; shift ;;
		--only) only=${2//,/ }; shift ;;
		--keep) keep=$2; shift ;;
		--help) usage; exit 0 ;;
		*) usage >&2; exit 64 ;;
		esac
		shift
	done
	sizes="5000 20000" big=20000 ipvs_size=5000 nft_size=6200
	[ -z "$quick" ] || sizes=5000 big=5000 ipvs_size=1000 nft_size=1000
	: "${runs:=${quick:+3}}" "${runs:=5}"
	if [ -n "$keep" ]; then
		mkdir -p "$keep"
		work=$(cd "$keep" && pwd)
		rm -rf "$work/series" "$work/guest" "$work/table"
	else
		work=$(mktemp -d)
		# shellcheck disable=SC2064 # this folder, not a later one
		trap "rm -rf '$work'" EXIT
	fi
	mkdir -p "$work/series"
	: >"$work/table"
	for part in $only; do
		case $part in
		iptables | nft | ipvs | ipset | json | memory | readback | walk) "part_$part" ;;
		*) usage >&2; exit 64 ;;
		esac
	done
	report
	[ "$measured" -gt 0 ] || exit 77
}

case ${1:-} in
--inside)
	work=$2
	ip link set lo up
	"inside_$3" "${@:4}"
	;;
--guest) in_guest "${@:2}" ;;
*) main "$@" ;;
esac
