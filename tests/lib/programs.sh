# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Which programs a test runs (source this file): those of the build folder VIPSHIFT_BUILD, by
# default the current one, unless VIPSHIFT and VIPSHIFT_TRAFFIC name others.
VIPSHIFT=$(realpath -m "${VIPSHIFT:-${VIPSHIFT_BUILD:-.}/vipshift}")
VIPSHIFT_TRAFFIC=$(realpath -m "${VIPSHIFT_TRAFFIC:-${VIPSHIFT_BUILD:-.}/tests/lib/traffic}")
export VIPSHIFT VIPSHIFT_TRAFFIC

# need_programs PATH...: ends the test with a clear message where one is missing.
need_programs()
{
	local program

	for program; do
		[ ! -x "$program" ] || continue
		echo "$0: $program is missing: run make and 'make check' in the build folder," \
			"or say where that is: VIPSHIFT_BUILD=DIR" >&2
		exit 1
	done
}
