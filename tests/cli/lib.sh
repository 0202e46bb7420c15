# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# For tests of the command line (source this): runs vipshift, compares status and message.
# shellcheck disable=SC2034  # used by those who source this
set -eu

top=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
golden=$top/testdata/golden
vipshift=${VIPSHIFT:-./vipshift}
work=$(mktemp -d)
export VIPSHIFT_STATE_DIR=$work/state
trap 'rm -rf "$work"' EXIT
failed=0 passed=0

# expect STATUS 'EXTENDED REGEXP' COMMAND...: the exit status, and a text on standard error
# ('' = no text at all).
expect()
{
	local status=$1 text=$2 got=0
	shift 2
	"$vipshift" "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
	if [ "$got" != "$status" ]; then
		echo "FAIL: vipshift $*: exit status $got, expected $status"
	elif [ -z "$text" ] && [ -s "$work/err" ]; then
		echo "FAIL: vipshift $*: no message was expected"
	elif [ -n "$text" ] && ! grep -Eq -- "$text" "$work/err"; then
		echo "FAIL: vipshift $*: no message matches: $text"
	else
		passed=$((passed + 1))
		return
	fi
	sed 's/^/    /' "$work/err"
	failed=$((failed + 1))
}

# check DESCRIPTION COMMAND...: the command must succeed.
check()
{
	local what=$1
	shift
	if "$@" >"$work/check" 2>&1; then
		passed=$((passed + 1))
	else
		echo "FAIL: $what"
		sed 's/^/    /' "$work/check" | head -20
		failed=$((failed + 1))
	fi
}

finish()
{
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ]
}
