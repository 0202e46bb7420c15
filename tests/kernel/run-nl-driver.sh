#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Tests the kernel drivers: in a network namespace of its own on this machine, or, with
# "guest", in a throw-away guest kernel, where IPVS and dummy devices are too.
set -eu

here=$(dirname "$0")
program=${top_builddir:-.}/tests/kernel/nl_driver_test

cannot()
{
	echo "run-nl-driver.sh: $*" >&2
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

[ -x "$program" ] || cannot "$program is not built (cmocka is needed for it)"
for tool in ip ipset iptables-legacy; do
	command -v "$tool" >/dev/null || cannot "$tool is missing: install iproute2, ipset, iptables"
done

if [ "${1:-}" = guest ]; then
	exec "$here/../guest/run-guest" "$(realpath "$program")" guest
fi

if [ "$(id -u)" = 0 ]; then
	unshare="unshare -n"
else
	unshare="unshare -rn"
fi
$unshare true || cannot "$unshare is not allowed here"
lock=$(mktemp)
trap 'rm -f "$lock"' EXIT
# Not the lock of the machine's own tables.
XTABLES_LOCKFILE=$lock $unshare "$program" native
