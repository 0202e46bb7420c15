#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Applies every recorded cluster to a real kernel, both modes, and compares with what
# kube-proxy left there. The guest only applies and dumps; the comparison runs outside.
#
# VIPSHIFT_PARITY_CASES: an extended regular expression, to run only some of the cases.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
# shellcheck source=../lib/parity.sh
. "$here/../lib/parity.sh"
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

if [ "${1:-}" = inside ]; then
	work=$2
	modprobe -a dummy ip_vs ip_vs_rr xt_set ip_set_hash_ip
	while read -r case mode version addresses; do
		mkdir "$work/$case-$mode-$version"
		parity_unshare unshare -n -- "$golden" "$work/$case-$mode-$version" "$case" \
			"$mode" "$version" "$addresses"
	done <"$work/cases"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
parity_cases "$golden" iptables ipvs | grep -E "${VIPSHIFT_PARITY_CASES:-}" |
	grep -v '^switch-modes ' >"$work/cases"
# Two guests, one processor and half of the cases each.
for half in 0 1; do
	mkdir "$work/guest.$half"
	awk -v half=$half 'NR % 2 == half' "$work/cases" >"$work/guest.$half/cases"
	"$here/run-guest" --smp 1 --timeout "${VIPSHIFT_GUEST_TIMEOUT:-600}" \
		--work "$work/guest.$half" "$0" inside "$work/guest.$half" &
	guests[half]=$!
done
for half in 0 1; do
	wait "${guests[half]}" || echo "parity: guest $half: exit status $?"
done

failed=0 passed=0
while read -r case mode version _; do
	out=$(echo "$work"/guest.*/"$case-$mode-$version")
	if parity_judge "$golden" "$out" "$case" "$mode" "$version"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done <"$work/cases"
echo "parity: $passed passed, $failed failed"
[ $failed = 0 ]
