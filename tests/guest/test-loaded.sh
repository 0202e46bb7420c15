#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# On a node that kube-proxy has programmed there is nothing to do: recorded states of ipvs
# mode, loaded with the stock tools, in the guest; those with the most in them.
#
# VIPSHIFT_PARITY_CASES: an extended regular expression, which of the cases; "." for all takes
# ten minutes.
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

if [ "${1:-}" != inside ]; then
	exec "$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-400}" "$0" inside
fi
modprobe -a dummy ip_vs ip_vs_rr ip_vs_wrr ip_vs_sh xt_set ip_set_hash_ip
export VIPSHIFT_STATE_DIR=/run/vipshift
# shellcheck disable=SC2034  # for loaded.sh
variant=legacy
parity_cases "$golden" ipvs | grep -E "${VIPSHIFT_PARITY_CASES:-^(dual-stack|cfg-ipvs-wrr-strictarp) }" |
	grep -v '^switch-modes ' | loaded_all unshare -n
