#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The driver of iptables-nft against this machine's kernel and the stock programs: what it
# reads is what iptables-nft-save prints, what it writes is what iptables-nft-restore makes
# of the same text, and what is not its business stays as it is.
set -eu
inside=("$@")
VARIANT=nft
. "$(dirname "$0")/fw-driver-lib.sh"

start ipset iptables-nft ip6tables-nft nft flock setpriv
run_cases
