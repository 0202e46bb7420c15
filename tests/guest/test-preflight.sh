#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is found before a switch where it needs IPVS: a scheduler, room in conntrack, virtual
# servers of others, a firewall; then a switch and the way back with --probe and --freeze, once
# with a rule that only hurts in ipvs mode. kernel/test-preflight.sh has the other checks.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"
failed=0 passed=0

ok() # WHAT COMMAND...
{
	local what=$1
	shift
	if "$@" >output 2>&1; then
		passed=$((passed + 1))
	else
		echo "preflight: FAIL: $what (exit status $?)"
		head -20 output | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

# vs STATUS ARGUMENTS...: runs vipshift; CONFIG is the configuration.
vs()
{
	local status=$1 got=0
	shift
	"$VIPSHIFT" "$@" --iptables legacy -f "$demo/cluster.json" -c "${CONFIG:-$demo/config.yaml}" \
		</dev/null || got=$?
	[ "$got" = "$status" ] || { echo "exit status $got, expected $status"; return 1; }
}

# finds STATUS 'NAME LEVEL': what stands against the switch to ipvs, and nothing else.
finds()
{
	vs "$1" doctor --to ipvs -o json >doctor.json || return 1
	jq -r '.findings[] | select(.level == "accept" or .level == "refuse")
		| "\(.name) \(.level)"' doctor.json | sort -u >found
	[ "$(cat found)" = "$2" ] || { cat found; return 1; }
}
says() { "${@:2}" >said 2>&1 || { cat said; return 1; }; grep -E -- "$1" said || { cat said; return 1; }; }
state_of() { awk '/^State:/ { print $2 }' "/proc/$1/status"; }
# All that a switch changes.
all_text()
{
	{ iptables-legacy-save; ip6tables-legacy-save; } | sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]/[0:0]/'
	ipset save | sort
	ipvsadm -Sn | sort
	ip -o addr show dev kube-ipvs0 2>/dev/null || :
}

inside()
{
	# shellcheck source=node.sh
	. "$here/node.sh"
	cd "$GUEST_WORK"
	export VIPSHIFT_STATE_DIR=/run/vipshift
	node_setup
	node_cluster "$demo/cluster.json"
	ok "apply" vs 0 apply iptables

	# Looking leaves no trace.
	sort /proc/modules | cut -d ' ' -f 1 >modules.before
	ok "a fit node" finds 0 ''
	ok "the mode that it is not in" says 'a switch to ipvs mode would not be refused' vs 0 doctor
	sort /proc/modules | cut -d ' ' -f 1 >modules.after
	ok "doctor loads no module" diff modules.before modules.after

	sed 's/scheduler: ""/scheduler: nope/' "$demo/config.yaml" >nope.yaml
	CONFIG=$PWD/nope.yaml ok "a scheduler that is not there" finds 3 'scheduler refuse'
	CONFIG=$PWD/nope.yaml ok "is tried" says 'modprobe ip_vs_nope.*\[scheduler\]' \
		vs 3 migrate --to ipvs --yes
	ok "nothing is left of the trial" test "$(ipvsadm -Sn; ipset -n list;
		ip -o link | grep -E 'vipshift|kube-ipvs')" = ""

	sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	ok "IPv6 is disabled" finds 3 'kernel refuse'
	ok "apply says so" says 'IPv6 is disabled for kube-ipvs0' vs 5 apply ipvs
	sysctl -qw net.ipv6.conf.default.disable_ipv6=0

	for port in {1..100}; do echo >"/dev/udp/10.0.0.1/$port"; done 2>/dev/null
	# Less than there are, since some end meanwhile.
	sysctl -qw net.netfilter.nf_conntrack_max=10
	ok "a full conntrack table" finds 3 'conntrack-room refuse'
	sysctl -qw net.netfilter.nf_conntrack_max=131072

	ipvsadm -A -t 192.0.2.80:443 -s wlc
	ipvsadm -a -t 192.0.2.80:443 -r 10.5.5.5:443 -g
	ok "a virtual server of keepalived" finds 3 'foreign-server refuse'
	ipvsadm -D -t 192.0.2.80:443

	iptables-legacy -P INPUT DROP
	iptables-legacy -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	ok "a firewall" finds 3 'input-firewall accept'
	all_text >before
	ok "stops the switch" says 'add: --accept input-firewall$' vs 3 migrate --to ipvs --yes
	all_text >after
	ok "and nothing was changed" diff before after
	iptables-legacy -F INPUT
	iptables-legacy -P INPUT ACCEPT
	ok "apply again" vs 0 apply iptables

	# Connections of the node itself have a virtual address as their source in ipvs mode.
	cp "$(command -v sleep)" /run/kube-proxy
	/run/kube-proxy 600 &
	pid=$!
	sleep 0.2
	ok "kube-proxy" finds 3 'second-writer refuse'
	iptables-legacy -A OUTPUT -s 10.96.0.0/16 -j DROP
	all_text >before
	ok "what will be lost is foreseen" says 'becomes dropped \[paths\]' \
		vs 3 migrate --to ipvs --yes --freeze auto
	ok "what is lost rolls the switch back" says 'does not answer any more: no answer' \
		vs 6 migrate --to ipvs --yes --probe --freeze auto --accept paths
	all_text >after
	ok "the old state is there" diff before after
	ok "kube-proxy goes on" test "$(state_of $pid)" = S
	iptables-legacy -D OUTPUT -s 10.96.0.0/16 -j DROP
	ok "without that rule" says 'probe: [0-9]+ connections and queries to [0-9]+ ways in, 0 failed' \
		vs 0 migrate --to ipvs --yes --probe --freeze auto
	ok "kube-proxy stands still" test "$(state_of $pid)" = T
	# What stands in for the cluster's DNS answers no real query.
	silent='^vipshift: verify: 1 of [0-9]+ ways in do not answer'
	ok "verify ipvs --probe" says "$silent" vs 2 verify ipvs --probe
	ok "names it" grep -q '^kube-system/kube-dns:dns: 10.96.0.10:53 does not answer' said
	ok "and back" says ', 0 failed' vs 0 migrate --to iptables --yes --probe --accept all
	ok "verify iptables --probe" says "$silent" vs 2 verify iptables --probe
	kill -9 $pid
	echo "preflight: $passed passed, $failed failed"
	[ $failed = 0 ]
}

if [ "${1:-}" = inside ]; then
	inside
	exit
fi
"$here/run-guest" --timeout "${VIPSHIFT_GUEST_TIMEOUT:-400}" "$0" inside
