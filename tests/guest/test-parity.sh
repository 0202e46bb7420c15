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

if [ "${1:-}" = inside ]; then
	work=$2
	modprobe -a dummy ip_vs ip_vs_rr xt_set ip_set_hash_ip
	while read -r case mode version addresses; do
		parity_unshare unshare -n -- "$golden" "$work/$case-$mode-$version" "$case" \
			"$mode" "$version" "$addresses"
	done <"$work/cases"
	exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
parity_cases "$golden" iptables ipvs | grep -E "${VIPSHIFT_PARITY_CASES:-}" |
	grep -v '^switch-modes ' >"$work/cases"
while read -r case mode version _; do
	mkdir "$work/$case-$mode-$version"
done <"$work/cases"
"$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-600}" --work "$work" "$0" inside "$work"

failed=0 passed=0
while read -r case mode version _; do
	if parity_judge "$golden" "$work/$case-$mode-$version" "$case" "$mode" "$version"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done <"$work/cases"
echo "parity: $passed passed, $failed failed"
[ $failed = 0 ]
