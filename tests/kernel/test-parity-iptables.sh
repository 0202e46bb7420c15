#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The iptables half of the parity test on this machine's own kernel, each case in a fresh
# network namespace (and user namespace, when not root). Needs legacy iptables in the kernel.
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

unshare=(unshare -n)
[ "$(id -u)" = 0 ] || unshare=(unshare -rn)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XTABLES_LOCKFILE=$work/lock

skip()
{
	echo "parity: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}
"${unshare[@]}" true 2>/dev/null || skip "no permission to make a network namespace"
"${unshare[@]}" iptables-legacy -t nat -L >/dev/null 2>&1 ||
	skip "this kernel has no legacy iptables"

parity_cases "$golden" iptables | grep -E "${VIPSHIFT_PARITY_CASES:-}" |
	grep -v '^switch-modes ' >"$work/cases"
failed=0 passed=0
while read -r case mode version addresses; do
	out=$work/$case-$mode-$version
	mkdir "$out"
	parity_unshare "${unshare[@]}" -- "$golden" "$out" "$case" "$mode" "$version" \
		"$addresses"
	if parity_judge "$golden" "$out" "$case" "$mode" "$version"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done <"$work/cases"
echo "parity: $passed passed, $failed failed"
[ $failed = 0 ]
