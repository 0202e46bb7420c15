# shellcheck shell=bash disable=SC2154  # what the caller sets
# SPDX-License-Identifier: GPL-2.0-or-later
# What commands say and leave behind, counted, for scripts that source this. They set work, a folder,
# and have state, which prints what is compared.
failed=0 passed=0

ok() { passed=$((passed + 1)); }
bad() # WHAT
{
	failed=$((failed + 1))
	echo "FAILED: $1"
	sed 's/^/    /' "$work/out" | tail -n 8
}

# expect STATUS PATTERN WHAT COMMAND...
expect()
{
	local want=$1 pattern=$2 what=$3 got=0
	shift 3
	"$@" >"$work/out" 2>&1 </dev/null || got=$?
	if [ "$got" = "$want" ] && grep -Eq -- "$pattern" "$work/out"; then
		ok
	else
		bad "$what: exit status $got"
	fi
}

same() # AS WHAT
{
	state >"$work/now"
	if diff "$work/$1" "$work/now" >"$work/out"; then
		ok
	else
		bad "$2: not the state $1"
	fi
}
