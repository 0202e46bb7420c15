#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The driver of legacy iptables against this machine's kernel and the stock programs: what
# it reads is what iptables-save prints, what it writes is byte for byte what
# iptables-restore makes of the same text, and what is not its business stays as it is.
set -eu
inside=("$@")
VARIANT=legacy
# shellcheck source=fw-driver-lib.sh
. "$(dirname "$0")/fw-driver-lib.sh"

case_held_lock_is_refused_with_the_name_of_its_holder()
{
	local holder
	small_table >"$work/want"
	flock "$XTABLES_LOCKFILE" sleep 20 &
	holder=$!
	until ! flock -n "$XTABLES_LOCKFILE" true; do sleep 0.05; done
	LOCK_WAIT=0 refuses $LOCKED "held by flock (pid $holder)" "$driver" load 4 "$work/want"
	LOCK_WAIT=0.3 refuses $LOCKED "still held by flock .* after 0.3 seconds" \
		"$driver" load 4 "$work/want"
	(sleep 0.5; pkill -P $holder sleep) &
	LOCK_WAIT=10 "$driver" load 4 "$work/want"
	iptables-legacy-save | grep -q KUBE-A
}

# Who waits for the lock waits, and who goes without it is noticed.
case_tables_are_held_until_they_are_written()
{
	local nat=$work/nat
	many_chains 30 | sed '/^:OUTPUT/d; s/^COMMIT/-A KUBE_ -j KUBE-SEP-5\n&/' >"$nat"
	{ small_table; cat "$nat"; } >"$work/want"
	"$driver" load 4 "$work/want"
	save iptables filter >"$work/filter.load"
	save iptables nat >"$work/nat.load"
	grep -q 'KUBE_ -j KUBE-SEP-5' "$work/nat.load"
	iptables-legacy -F
	iptables-legacy -X
	iptables-legacy -t nat -F
	iptables-legacy -t nat -X
	"$driver" held 4 "$work/want" "! flock -n $XTABLES_LOCKFILE true"
	save iptables filter | diff "$work/filter.load" - >&2
	save iptables nat | diff "$work/nat.load" - >&2
	flock -n "$XTABLES_LOCKFILE" true

	sed -i '/KUBE-SEP-5$/d; s/^:AAA.*/&\n:BBB -/' "$work/want"
	XTABLES_LOCKFILE=$XTABLES_LOCKFILE "$driver" held 4 "$work/want" \
		"XTABLES_LOCKFILE=$work/other iptables-legacy -t nat -A OUTPUT -j ACCEPT"
	iptables-legacy -t nat -S BBB >/dev/null
	[ "$(iptables-legacy -t nat -S OUTPUT 1)" = "-A OUTPUT -j ACCEPT" ]
	[ -z "$(iptables-legacy -t nat -S KUBE_ 1)" ]

	sed -i '$s/^COMMIT/-A KUBE_ -j KUBE-SEP-5\n&/' "$work/want"
	refuses $MOVED 'chain KUBE_: changed since it was read' \
		"$driver" held 4 "$work/want" \
		"XTABLES_LOCKFILE=$work/other iptables-legacy -t nat -A KUBE_ -j ACCEPT"
	[ "$(iptables-legacy -t nat -S KUBE_)" = "$(printf '%s\n' '-N KUBE_' '-A KUBE_ -j ACCEPT')" ]
}

case_impossible_rules_are_refused_by_name_before_the_commit()
{
	small_table >"$work/base"
	sed 's/^COMMIT/-A KUBE-B -j KUBE-NONE\n&/' "$work/base" >"$work/want"
	refuses $INPUT 'chain KUBE-B: .*KUBE-NONE, which does not exist' \
		"$driver" load 4 "$work/want"
	sed 's/^COMMIT/-A KUBE-B -m set --match-set NO-SET dst -j ACCEPT\n&/' \
		"$work/base" >"$work/want"
	refuses $KERNEL 'chain KUBE-B: there is no set NO-SET' "$driver" load 4 "$work/want"
	sed 's/^COMMIT/-A KUBE-B -m limit --limit 5\/min -j LOG\n&/' "$work/base" >"$work/want"
	refuses $REFUSED 'chain KUBE-B: .*-m limit --limit 5/min -j LOG' \
		"$driver" load 4 "$work/want"
	sed 's/^COMMIT/-A KUBE-B -j KUBE-A\n-A INPUT -j KUBE-B\n&/' "$work/base" >"$work/want"
	refuses $KERNEL 'circle' "$driver" load 4 "$work/want"
	no_kube_chains
}

case_chain_that_a_foreign_rule_jumps_to_is_not_deleted()
{
	small_table | iptables-legacy-restore
	sed 's/^:KUBE.*//; /^-A/d' >"$work/want" <<-END
		$(small_table)
	END
	# The jump is made behind the driver's back, in a chain that it does not touch.
	refuses $REFUSED 'chain KUBE-B: .*chain FORWARD still jumps' \
		"$driver" load 4 "$work/want" "iptables-legacy -A FORWARD -j KUBE-B"
	iptables-legacy -F FORWARD
	"$driver" load 4 "$work/want"
	no_kube_chains
}

case_rule_known_as_text_only_can_be_moved()
{
	local rule target
	for target in '-j LOG' '-j KUBE-B' '-g KUBE-B' '-j QUEUE' '-j RETURN'; do
		rule="-A KUBE-A -m limit --limit 5/min $target"
		small_table | sed "s,^-A KUBE-A.*,$rule\n&," | iptables-legacy-restore
		[ "$(iptables-legacy -S KUBE-A 1)" = "$rule" ]
		small_table | sed "s,^-A KUBE-A.*,&\n$rule," >"$work/want"
		"$driver" load 4 "$work/want"
		[ "$(iptables-legacy -S KUBE-A 1)" = "-A KUBE-A -j KUBE-B" ]
		[ "$(iptables-legacy -S KUBE-A 2)" = "$rule" ]
	done
}

case_packets_during_commits_are_counted()
{
	local rule='-o lo -m comment --comment all' n
	ip link set lo up
	small_table | sed "s/^-A INPUT/-A OUTPUT $rule\n&/" >"$work/one"
	sed 's/^-A KUBE-A/-A KUBE-A -s 10.1.0.0\/16 -j RETURN\n&/' "$work/one" >"$work/two"
	"$driver" load 4 "$work/one"
	# shellcheck disable=SC2086
	iptables-legacy -t mangle -A OUTPUT $rule
	while [ ! -e "$work/stop" ]; do echo x >/dev/udp/127.0.0.1/9; done &
	for n in 1 2 3 4 5 6 7 8 9 10; do
		"$driver" load 4 "$work/two"
		"$driver" load 4 "$work/one"
	done
	touch "$work/stop"
	wait
	counted() { iptables-legacy-save -c -t "$1" | sed -nE "s/^\[([0-9]+):.*$rule/\1/p"; }
	policy() { iptables-legacy-save -c -t "$1" | sed -nE 's/^:OUTPUT ACCEPT \[(.*):.*/\1/p'; }
	[ "$(counted mangle)" -gt 100 ]
	[ "$(counted filter)" = "$(counted mangle)" ]
	# libiptc cannot keep a policy's counters but as they were when it read the table.
	[ "$WRITE" = libiptc ] || [ "$(policy filter)" = "$(policy mangle)" ]
}

# Chains of foreign names before, between and behind ours, then more of ours among them.
many_chains() # NUMBER
{
	printf '*nat\n:OUTPUT ACCEPT\n:AAA -\n:KUBE-SEP-5 -\n:zzz -\n:KUBE_ -\n'
	awk -v n="$1" 'BEGIN { for (i = 0; i < n; i++) printf ":KUBE-S%s-%05d -\n", \
		i % 3 ? "EP" : "VC", i * 7919 % n }'
	echo COMMIT
}

# libiptc takes minutes for tables of other orders, so every iptables command would.
case_chains_are_written_in_the_order_that_libiptc_reads_fast()
{
	many_chains 3000 >"$work/some"
	many_chains 15000 >"$work/many"
	"$driver" load 4 "$work/some"
	"$driver" load 4 "$work/many"
	"$driver" order 4 nat | sed 1,/POSTROUTING/d >"$work/order"
	[ "$(wc -l <"$work/order")" = 15004 ]
	LC_ALL=C sort -c "$work/order"
	(ulimit -t 2; iptables-legacy-save -t nat >"$work/saved")
	[ "$(grep -c ^:KUBE-S "$work/saved")" = 15001 ]
	"$driver" load 4 "$work/some"
	"$driver" order 4 nat | sed 1,/POSTROUTING/d >"$work/order"
	[ "$(wc -l <"$work/order")" = 3004 ]
	LC_ALL=C sort -c "$work/order"
}

case_table_in_another_order_is_read_and_put_right()
{
	small_table | sed 's/-j KUBE-.*/-j ACCEPT/' >"$work/want"
	iptables-legacy-restore <"$work/want"
	"$driver" reverse 4 filter
	[ "$("$driver" order 4 filter | tail -n 1)" = KUBE-A ]
	show iptables filter | diff "$work/want" - >&2
	sed -i 's/^COMMIT/-A OUTPUT -j KUBE-B\n&/' "$work/want"
	"$driver" load 4 "$work/want"
	[ "$("$driver" order 4 filter | tail -n 1)" = KUBE-B ]
	save iptables filter | sort >"$work/stock"
	sort "$work/want" | diff "$work/stock" - >&2
}

case_reading_registers_no_table()
{
	iptables-legacy -t nat -L >/dev/null
	[ "$("$driver" read)" = "iptables nat" ]
	[ "$(cat /proc/net/ip_tables_names)" = nat ]
	[ -z "$(cat /proc/net/ip6_tables_names)" ]
}

case_reading_without_privilege_says_so()
{
	iptables-legacy -t nat -L >/dev/null
	refuses $BACKEND 'root' setpriv --bounding-set=-all --inh-caps=-all "$driver" read
}

start ipset iptables-legacy ip6tables-legacy flock setpriv
run_cases
