#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The driver of iptables-nft against this machine's kernel and the stock programs: what it
# reads is what iptables-nft-save prints, what it writes is what iptables-nft-restore makes
# of the same text, and what is not its business stays as it is. And how the variant that a
# node uses is found out.
set -eu
inside=("$@")
VARIANT=nft
# shellcheck source=fw-driver-lib.sh
. "$(dirname "$0")/fw-driver-lib.sh"
vipshift=$(realpath "${top_builddir:-.}/vipshift")

# ---- reading

# nft(8) makes the same rules in other ways; comments it keeps beside them.
case_rules_made_by_nft_print_as_iptables_save_does()
{
	iptables-nft -A INPUT -j ACCEPT
	nft -f - <<-'END'
		add rule ip filter INPUT tcp dport 443 accept comment "hi there"
		add rule ip filter INPUT iif lo accept
		add rule ip filter INPUT iifname "eth*" oifname != "eth0" counter drop
		add rule ip filter INPUT ip saddr 10.0.0.0/8 ip daddr != 192.168.1.0/25 return
		add rule ip filter INPUT ip protocol tcp tcp dport 80-90 tcp sport >= 1024 accept
		add rule ip filter INPUT udp dport < 53 accept
		add rule ip filter INPUT udp dport != 100-200 udp sport 67 accept
		add rule ip filter INPUT tcp flags & (syn|ack) == syn accept
		add rule ip filter INPUT meta mark and 0xff == 0x1 accept
		add rule ip filter INPUT meta mark != 7 accept
		add rule ip filter INPUT meta l4proto != udp accept
		add rule ip filter INPUT ip frag-off & 0x1fff != 0 drop
		add rule ip filter INPUT limit rate 10/second burst 20 packets accept
		add rule ip filter INPUT log group 5 prefix "x y"
		add chain ip filter OTHER
		add rule ip filter INPUT goto OTHER
	END
	save iptables filter >"$work/stock"
	[ "$(grep -c '^-A INPUT' "$work/stock")" = 16 ]
	show iptables filter | diff "$work/stock" - >&2
}

case_other_rules_of_nft_are_told_apart_and_stay()
{
	small_table | sed '/-A INPUT/d' | iptables-nft-restore
	nft -f - <<-'END'
		add set ip filter s { type ipv4_addr; elements = { 10.0.0.1 } }
		add rule ip filter INPUT ct state established counter accept
		add rule ip filter INPUT ip saddr @s jump KUBE-B
		add rule ip filter INPUT tcp dport { 22, 80 } accept
		add rule ip filter INPUT meta mark set 1
	END
	"$driver" show 4 filter >"$work/ours"
	[ "$(grep -c '^-A INPUT -m nft --raw-data' "$work/ours")" = 4 ]
	[ "$(grep '^-A INPUT' "$work/ours" | sort -u | wc -l)" = 4 ]
	# Packets change its counter, not what it is.
	ip link set lo up
	echo x >/dev/udp/127.0.0.1/9
	show iptables filter | diff "$work/ours" - >&2
	nft -a list chain ip filter INPUT >"$work/before"
	{
		echo '*filter'
		grep '^:' "$work/ours"
		echo '-A INPUT -j KUBE-A'
		grep '^-A INPUT' "$work/ours"
		echo '-A INPUT -m comment --comment last -j KUBE-A'
		grep '^-A KUBE' "$work/ours"
		echo COMMIT
	} >"$work/want"
	"$driver" load 4 "$work/want"
	show iptables filter | diff "$work/want" - >&2
	nft -a list chain ip filter INPUT | grep -v KUBE-A | sed 's/^/x/' >"$work/after"
	sed 's/^/x/' "$work/before" | diff - "$work/after" >&2
	# Such a rule cannot be made, so not lost and put back either.
	sed '/^-A KUBE-B/i -A KUBE-B -m nft --raw-data ct:00' "$work/want" >"$work/more"
	refuses $REFUSED 'KUBE-B: .*cannot be written' "$driver" load 4 "$work/more"
}

case_tables_of_others_are_left_alone()
{
	nft -f - <<-'END'
		add table inet filter
		add chain inet filter input { type filter hook input priority 0; }
		add rule inet filter input tcp dport 22 accept
		add table ip nat
		add chain ip nat prerouting { type nat hook prerouting priority -100; policy accept; }
		add rule ip nat prerouting tcp dport 80 redirect to :8080
		add table ip6 mine
		add chain ip6 mine filter
	END
	nft list ruleset >"$work/before"
	[ "$("$driver" read)" = "iptables nat" ]
	"$driver" show 4 nat | grep -q '^:prerouting - '
	nft list ruleset | diff "$work/before" - >&2
	cat >"$work/want" <<-'END'
		*nat
		:PREROUTING ACCEPT [0:0]
		:KUBE-A - [0:0]
		-A PREROUTING -j KUBE-A
		COMMIT
	END
	"$driver" show 4 nat | grep prerouting >>"$work/want"
	sed -i '/^COMMIT/d; $a COMMIT' "$work/want"
	sed -i '2{h;d};/^:prerouting/{p;x}' "$work/want"
	"$driver" load 4 "$work/want"
	nft list chain ip nat PREROUTING | grep -q 'jump KUBE-A'
	nft list ruleset | grep -q 'tcp dport 80 redirect to :8080'
}

case_reading_leaves_no_trace()
{
	local before
	[ -z "$("$driver" read)" ]
	[ -z "$(nft list ruleset)" ]
	iptables-nft -N KUBE-A
	before=$(nft list ruleset)
	[ "$("$driver" read)" = "iptables filter" ]
	[ "$(nft list ruleset)" = "$before" ]
	[ -z "$(cat /proc/net/ip_tables_names 2>/dev/null)" ]
}

case_reading_goes_on_while_others_change_their_tables()
{
	local writer
	large_table 1500 | iptables-nft-restore
	save iptables nat >"$work/stock"
	touch "$work/go"
	while [ -e "$work/go" ]; do
		nft 'add table ip x; delete table ip x'
		echo x >>"$work/written"
	done &
	writer=$!
	for _ in 1 2 3; do
		show iptables nat >"$work/ours" || break
		cmp "$work/stock" "$work/ours" >&2 || break
		echo x >>"$work/read"
	done
	rm "$work/go"
	wait $writer
	[ "$(wc -l <"$work/written")" -gt 3 ]
	[ "$(wc -l <"$work/read")" = 3 ]
}

case_reading_without_privilege_says_so()
{
	refuses $BACKEND 'ermi\|rivilege\|root' \
		setpriv --bounding-set=-all --inh-caps=-all "$driver" read
}

# ---- writing

case_edited_chains_keep_counters_of_the_other_rules()
{
	many_rules() { for i in $(seq "$1" "$2"); do echo "-A $3 -d 10.0.0.$i/32 -j ACCEPT"; done; }
	{
		small_table | sed '/^-A KUBE-B/,$d'
		many_rules 1 100 KUBE-A
		small_table | sed -n '/^-A KUBE-B/,$p'
	} >"$work/base"
	sed 's/^-A/[7:420] &/' "$work/base" | iptables-nft-restore --counters
	# A few changes, so edits; then most of the chain, written anew.
	grep -vE '10\.0\.0\.(3|50)/32' "$work/base" >"$work/want"
	sed -i '/10.0.0.70/i -A KUBE-A -d 10.9.9.9/32 -j DROP' "$work/want"
	"$driver" load 4 "$work/want"
	save iptables filter | diff "$work/want" - >&2
	iptables-nft-save -c -t filter >"$work/counters"
	[ "$(grep -c '^\[7:420\]' "$work/counters")" = 101 ]
	grep -q '^\[0:0\] -A KUBE-A -d 10.9.9.9' "$work/counters"
	{
		sed '/10.0.0.[0-9]*[02468]\/32/d; /^COMMIT/d' "$work/want"
		many_rules 101 200 KUBE-A
		echo COMMIT
	} | awk '/^-A KUBE-B/ { last = $0; next } /^COMMIT/ { print last } 1' >"$work/next"
	"$driver" load 4 "$work/next"
	save iptables filter | diff "$work/next" - >&2
	[ "$(iptables-nft-save -c -t filter | grep -c '^\[7:420\]')" = 52 ]
}

# 3,000 services in a table: several commits, callees first.
large_table() # SERVICES
{
	awk -v n="$1" 'BEGIN {
		print "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]"
		print ":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]"
		for (i = 0; i < n; i++)
			printf ":KUBE-SEP-%05d - [0:0]\n", i
		print ":KUBE-SERVICES - [0:0]"
		for (i = 0; i < n; i++)
			printf ":KUBE-SVC-%05d - [0:0]\n", i
		print "-A PREROUTING -j KUBE-SERVICES"
		for (i = 0; i < n; i++)
			printf "-A KUBE-SEP-%05d -p tcp -m tcp -j DNAT --to-destination 10.1.2.3:%d\n", i, i + 1
		for (i = 0; i < n; i++)
			printf "-A KUBE-SERVICES -d 10.96.%d.%d/32 -j KUBE-SVC-%05d\n", i / 256, i % 256, i
		for (i = 0; i < n; i++)
			printf "-A KUBE-SVC-%05d -j KUBE-SEP-%05d\n", i, i
		print "COMMIT"
	}'
}

# A command that stands in for iptables-nft-restore: runs the shell code $1 (with $n the
# number of the call) before the real one.
stand_in() # CODE
{
	mkdir -p "$work/bin"
	cat >"$work/bin/iptables-nft-restore" <<-END
		#!/bin/bash
		n=\$(cat "$work/calls" 2>/dev/null || echo 0)
		n=\$((n + 1))
		echo "\$n" >"$work/calls"
		$1
		exec $(command -v iptables-nft-restore) "\$@"
	END
	chmod +x "$work/bin/iptables-nft-restore"
}

case_large_table_takes_several_commits_in_a_safe_order()
{
	# After every commit each rule's target is there, or the kernel would have refused.
	large_table 1500 >"$work/want"
	stand_in :
	PATH=$work/bin:$PATH "$driver" load 4 "$work/want"
	[ "$(cat "$work/calls")" = 2 ]
	save iptables nat | diff "$work/want" - >&2
	sed '/KUBE/d' "$work/want" >"$work/empty"
	PATH=$work/bin:$PATH "$driver" load 4 "$work/empty"
	[ "$(cat "$work/calls")" -gt 3 ]
	no_kube_chains
}

case_failure_of_a_later_commit_takes_the_earlier_ones_back()
{
	iptables-nft -t nat -A OUTPUT -j ACCEPT
	iptables-nft -t nat -N KUBE-OLD
	iptables-nft -t nat -A KUBE-OLD -s 10.0.0.1 -j DROP 2>/dev/null ||
		iptables-nft -t nat -A KUBE-OLD -s 10.0.0.1 -j RETURN
	save iptables nat >"$work/before"
	large_table 1500 | sed 's/^:OUTPUT.*/&\n:KUBE-OLD - [0:0]/' >"$work/want"
	# shellcheck disable=SC2016
	stand_in '[ $n != 2 ] || { echo "line 7 failed: no" >&2; exit 1; }'
	PATH=$work/bin:$PATH refuses $KERNEL 'line 7 failed: no' "$driver" load 4 "$work/want"
	grep -q 'taken back' "$work/stderr"
	save iptables nat | diff "$work/before" - >&2
	# When that does not work either, it is said what remains.
	rm "$work/calls"
	# shellcheck disable=SC2016
	stand_in '[ $n = 1 ] || { echo "line 7 failed: no" >&2; exit 1; }'
	PATH=$work/bin:$PATH refuses $PARTIAL '[0-9]* chains were written' \
		"$driver" load 4 "$work/want"
}

case_program_that_does_not_end_is_not_waited_for_without_end()
{
	small_table | iptables-nft-restore
	save iptables filter | sed '/-A INPUT -j KUBE-A/d' >"$work/want"
	save iptables filter >"$work/before"
	stand_in 'echo $$ >"'"$work/pid"'"; trap "" TERM; exec sleep 100'
	export LOCK_WAIT=0 PROGRAM_WAIT=0.5
	PATH=$work/bin:$PATH refuses $KERNEL 'did not end within 0.5 seconds and was killed' \
		"$driver" load 4 "$work/want"
	[ ! -e "/proc/$(cat "$work/pid")" ]
	save iptables filter | diff "$work/before" - >&2
	# Who waits longer for a lock does so here, too.
	stand_in 'sleep 1'
	PATH=$work/bin:$PATH LOCK_WAIT=20 "$driver" load 4 "$work/want"
	save iptables filter | diff "$work/want" - >&2
}

case_change_while_writing_is_noticed()
{
	small_table | iptables-nft-restore
	iptables-nft -A INPUT -s 10.0.0.1 -j DROP
	save iptables filter | sed '/-A INPUT -j KUBE-A/d; /-A INPUT -s/a -A INPUT -j KUBE-B' \
		>"$work/want"
	stand_in 'iptables-nft -I INPUT -s 10.0.0.2 -j DROP'
	PATH=$work/bin:$PATH refuses $MOVED 'chain INPUT: changed' "$driver" load 4 "$work/want"
	# Nothing of others was hit.
	[ "$(iptables-nft -S INPUT | grep -c DROP)" = 2 ]
	# What does not touch the chains does not matter.
	save iptables filter | sed '/KUBE-B$/d' >"$work/want"
	stand_in 'iptables-nft -A OUTPUT -j ACCEPT'
	PATH=$work/bin:$PATH "$driver" load 4 "$work/want"
}

# After writing only that is read again, if nobody else has written.
again() # FIRST_LINE FILE [COMMAND]
{
	"$driver" again 4 "${@:2}" >"$work/again"
	[ "$(head -n 1 "$work/again")" = "$1" ] || { head -n 1 "$work/again" >&2; return 1; }
	{
		show iptables filter
		show iptables nat
	} | diff - <(sed -E '1d; s/\[[0-9]+:[0-9]+\]/[0:0]/' "$work/again") >&2
}

case_written_chains_alone_are_read_again()
{
	small_table | iptables-nft-restore
	large_table 20 | iptables-nft-restore
	iptables-nft -A INPUT -s 10.0.0.1 -j DROP
	# A chain that comes, one that goes, one and a built-in one that change.
	{
		save iptables filter | sed '/-A INPUT -s/a -A INPUT -j KUBE-B'
		large_table 20 | sed -e '/-[0-9]*7\>/d' -e 's/^:KUBE-SEP-00000/:KUBE-ANEW - [0:0]\n&/' \
			-e '/-A PREROUTING/i -A KUBE-ANEW -j RETURN' \
			-e 's/10.1.2.3:5$/10.1.2.4:5/'
	} >"$work/want"
	again '# written chains' "$work/want"
	save iptables nat | grep -q KUBE-ANEW
	[ "$(grep -c KUBE-SVC-00007 "$work/again")" = 0 ]
	# Nothing to do, nothing written.
	again '# written chains' "$work/want"
}

case_all_chains_are_read_again_when_somebody_else_wrote()
{
	small_table | iptables-nft-restore
	large_table 20 | iptables-nft-restore
	large_table 20 | sed 's/10.1.2.3:5$/10.1.2.4:5/' >"$work/want"
	again '# all chains' "$work/want" 'iptables-nft -I OUTPUT -s 10.0.0.2 -j DROP'
	grep -q 'OUTPUT -s 10.0.0.2' "$work/again"
	# Before, between reading and writing, in another chain.
	large_table 20 >"$work/want"
	stand_in 'iptables-nft -I OUTPUT -s 10.0.0.3 -j DROP'
	PATH=$work/bin:$PATH again '# all chains' "$work/want"
	grep -q 'OUTPUT -s 10.0.0.3' "$work/again"
	# Many at once are read faster with all the others.
	large_table 900 >"$work/want"
	again '# all chains' "$work/want"
}

case_refused_rule_is_quoted()
{
	small_table | sed 's/^COMMIT/-A KUBE-B -m set --match-set NO-SET dst -j ACCEPT\n&/' \
		>"$work/want"
	refuses $KERNEL "KUBE-B -m set --match-set NO-SET dst .*doesn't exist" \
		"$driver" load 4 "$work/want"
	no_kube_chains
	small_table | sed 's/^COMMIT/-A KUBE-B -j KUBE-A\n&/' >"$work/want"
	refuses $KERNEL 'filter: .*KUBE-' "$driver" load 4 "$work/want"
	no_kube_chains
}

case_missing_program_is_named_with_its_package()
{
	small_table >"$work/want"
	mkdir "$work/none"
	# Not only PATH is searched.
	refuses $BACKEND 'no iptables-nft-restore.*package iptables' unshare -m sh -c "
		for d in /usr/local/sbin /usr/sbin; do mount --bind '$work/none' \$d; done
		exec '$driver' load 4 '$work/want'"
}

# ---- which variant

# A folder with the command iptables as an installation has it.
iptables_is() # PROGRAM
{
	rm -rf "${work:?}/bin"
	mkdir "$work/bin"
	ln -s "$1" "$work/bin/iptables-link"
	ln -s "$work/bin/iptables-link" "$work/bin/iptables"
	printf '#!/bin/sh\n' >"$work/bin/$1"
	chmod +x "$work/bin/$1"
}
expect_variant() # VARIANT
{
	local got
	got=$(PATH=$work/bin:$PATH "$driver" variant)
	[ "$got" = "$1" ] || { say "variant is $got, not $1"; return 1; }
}

case_variant_is_that_of_the_command_when_no_chain_tells()
{
	iptables_is xtables-nft-multi
	expect_variant nft
	iptables_is xtables-legacy-multi
	expect_variant legacy
	iptables_is xtables-multi
	expect_variant legacy
	# A script that decides when it is run is not run.
	iptables_is iptables-wrapper
	printf '#!/bin/sh\ntouch "%s/was-run"\n' "$work" >"$work/bin/iptables-wrapper"
	expect_variant nft
	[ ! -e "$work/was-run" ]
	[ -z "$(nft list ruleset)$(cat /proc/net/ip_tables_names)" ]
}

case_variant_is_that_of_kubelets_chains()
{
	iptables_is xtables-nft-multi
	ip6tables-legacy -t mangle -N KUBE-KUBELET-CANARY
	expect_variant legacy
	iptables_is xtables-legacy-multi
	iptables-nft -t mangle -N KUBE-IPTABLES-HINT
	expect_variant nft
}

case_variant_is_that_of_the_service_chains()
{
	iptables_is xtables-nft-multi
	iptables-legacy -t nat -N KUBE-SERVICES
	expect_variant legacy
	iptables-legacy -t nat -X
	iptables_is xtables-legacy-multi
	ip6tables-nft -N KUBE-SERVICES
	expect_variant nft
}

case_service_chains_in_both_variants_are_refused_by_name()
{
	iptables_is xtables-nft-multi
	iptables-legacy -t nat -N KUBE-SERVICES
	iptables-nft -N KUBE-SERVICES
	refuses $REFUSED 'nft has iptables filter KUBE-SERVICES; legacy has iptables nat KUBE-S' \
		"$driver" variant
	grep -q -- '--iptables legacy or --iptables nft' "$work/stderr"
	# Kubelet in one, services in the other: no way to tell which are alive.
	iptables-nft -X KUBE-SERVICES
	iptables-nft -t mangle -N KUBE-KUBELET-CANARY
	refuses $REFUSED 'nft has iptables mangle KUBE-KUBELET-CANARY; legacy has iptables nat' \
		"$driver" variant
}

# ---- the whole program

case_apply_makes_the_rules_and_a_second_one_does_nothing()
{
	local folder=$golden/nodeport tool
	local model=(-f "$folder/cluster.json" -n node-a --kube-proxy 1.27
		--node-address 192.168.1.10)
	[ ! -f "$folder/config.yaml" ] || model+=(-c "$folder/config.yaml")
	"$vipshift" apply iptables --iptables nft "${model[@]}" 2>"$work/stderr" ||
		{ cat "$work/stderr" >&2; return 1; }
	[ -z "$(cat /proc/net/ip_tables_names)" ]
	for tool in iptables ip6tables; do
		"$vipshift" render iptables "${model[@]}" --part $tool | "$tool-legacy-restore"
		for table in filter nat mangle; do
			save $tool $table >"$work/nft"
			VARIANT=legacy save $tool $table | diff - "$work/nft" >&2
		done
		for table in filter nat mangle; do
			"$tool-legacy" -t $table -F
			"$tool-legacy" -t $table -X
		done
	done
	nft -a list ruleset >"$work/before"
	# Found out by itself, too.
	"$vipshift" apply iptables "${model[@]}"
	"$vipshift" verify iptables "${model[@]}"
	"$vipshift" diff iptables "${model[@]}"
	nft -a list ruleset | diff "$work/before" - >&2
	# Drift goes, with one chain.
	iptables-nft -t nat -F KUBE-NODEPORTS
	"$vipshift" apply iptables "${model[@]}"
	save iptables nat | grep -q '^-A KUBE-NODEPORTS'
	"$vipshift" diff iptables "${model[@]}"
}

start ipset iptables-nft ip6tables-nft iptables-legacy nft flock setpriv
run_cases
