#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# On a node that kube-proxy has programmed there is nothing to do: each recorded state of
# iptables mode, loaded with the stock tools of both variants into fresh network namespaces of
# this machine's kernel.
#
# VIPSHIFT_PARITY_CASES: an extended regular expression, to run only some of the cases.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
# shellcheck source=../lib/parity.sh
. "$here/../lib/parity.sh"
# shellcheck source=../lib/loaded.sh
. "$here/../lib/loaded.sh"
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

skip()
{
	echo "loaded: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

unshare=(unshare -n)
[ "$(id -u)" = 0 ] || unshare=(unshare -rn)
"${unshare[@]}" true 2>/dev/null || skip "no permission to make a network namespace"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XTABLES_LOCKFILE=$work/lock VIPSHIFT_STATE_DIR=$work/state
failed=0
for variant in legacy nft; do
	"${unshare[@]}" "iptables-$variant" -t nat -L >/dev/null 2>&1 ||
		skip "this kernel has no $variant iptables"
	parity_cases "$golden" iptables | grep -E "${VIPSHIFT_PARITY_CASES:-}" |
		grep -v '^switch-modes ' | loaded_all "${unshare[@]}" || failed=1
done
exit $failed
