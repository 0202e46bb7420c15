# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# What the tests of both drivers of iptables share: their runner, cases that hold for
# either, and the tables that they work on. Sourced with VARIANT=legacy or nft by
# run-fw-driver.sh and run-nft-driver.sh; each case runs in a network namespace of its own,
# with $work as its empty folder.

script=$(realpath "$0")
here=$(dirname "$script")
driver=$(realpath "${top_builddir:-.}/tests/kernel/fw_driver_test")
golden=$here/../../testdata/golden
export VARIANT

cannot()
{
	echo "$(basename "$script"): $*" >&2
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

say() { echo "  $*" >&2; }

# iptables-save without what differs from run to run.
save() # TOOL TABLE
{
	"$1-$VARIANT-save" -t "$2" | sed -E '/^#/d; s/\[[0-9]+:[0-9]+\]/[0:0]/; s/ +$//'
}
show() # TOOL TABLE
{
	"$driver" show "$(family "$1")" "$2" | sed -E 's/\[[0-9]+:[0-9]+\]/[0:0]/'
}
# The kernel's own form; only the legacy one can be compared byte for byte.
raw() # 4|6 TABLE
{
	[ "$VARIANT" = nft ] || "$driver" raw "$@"
}
# A negated command would not end the script.
no_kube_chains() { ! "iptables-$VARIANT-save" | grep -q KUBE; }
family() { if [ "$1" = ip6tables ]; then echo 6; else echo 4; fi; }

# Exit status and words of a call that must fail.
refuses() # KIND PATTERN COMMAND...
{
	local kind=$1 pattern=$2 status=0
	shift 2
	"$@" 2>"$work/stderr" >&2 || status=$?
	[ "$status" = "$((10 + kind))" ] && grep -q -- "$pattern" "$work/stderr" && return
	say "$*: exit status $status: $(cat "$work/stderr")"
	return 1
}
# As in enum error_kind.
# shellcheck disable=SC2034  # used by those who source this
INPUT=2 REFUSED=3 LOCKED=4 BACKEND=5 KERNEL=6 MOVED=7 PARTIAL=10

# ---- cases

# Every saved table: read, written and in binary form like the stock programs do it.
case_golden() # FOLDER FILE...
{
	local file tool table f status=0
	if [ -f "$1/ipset.txt" ]; then
		grep ^create "$1/ipset.txt" | ipset restore
	fi
	shift
	for file; do
		tool=$(basename "$file" .txt) table=${tool#*-} tool=${tool%-*}
		f=$(family "$tool")
		"$tool-$VARIANT-restore" <"$file"
		save "$tool" "$table" >"$work/stock"
		raw "$f" "$table" >"$work/stock.raw"
		show "$tool" "$table" >"$work/ours"
		diff "$work/stock" "$work/ours" >&2 || { say "$file is read wrongly"; status=1; }
		# Nothing differs, so nothing is written and the lock not even taken.
		exec 9>"$XTABLES_LOCKFILE"
		flock 9
		LOCK_WAIT=0 "$driver" load "$f" "$file" ||
			{ say "$file differs from itself"; status=1; }
		exec 9>&-
		printf '*%s\nCOMMIT\n' "$table" | "$tool-$VARIANT-restore"
		"$driver" load "$f" "$file"
		save "$tool" "$table" | diff "$work/stock" - >&2 ||
			{ say "$file is written wrongly"; status=1; }
		raw "$f" "$table" | cmp "$work/stock.raw" - >&2 ||
			{ say "$file: entries differ from those of $tool-restore"; status=1; }
	done
	return $status
}

# Rules that have no typed form: their text is iptables-save's, in both families.
case_foreign_rules_print_as_iptables_save_does()
{
	local status=0 tool table
	foreign_rules
	for tool in iptables ip6tables; do
		for table in filter nat mangle raw; do
			save $tool $table >"$work/stock"
			show $tool $table | sed -E 's/ +$//' | diff "$work/stock" - >&2 ||
				{ say "$tool $table"; status=1; }
		done
	done
	return $status
}

case_foreign_rules_keep_entries_and_counters()
{
	local tool
	foreign_rules
	for tool in iptables ip6tables; do
		{
			save $tool filter | sed '/^-A INPUT/,$d'
			echo "-A INPUT -p tcp -m tcp --dport 1 -j KUBE-A"
			save $tool filter | grep '^-A'
			echo "-A INPUT -m comment --comment last -j KUBE-B"
			echo "-A KUBE-A -j KUBE-B"
			echo COMMIT
		} | sed '/^:CALI/a :KUBE-A - [0:0]\n:KUBE-B - [0:0]' >"$work/want"
		count_packets "$tool"
		"$tool-$VARIANT-save" -c -t filter | grep '^\[[1-9]' >"$work/before"
		[ -s "$work/before" ]
		"$driver" load "$(family $tool)" "$work/want"
		save $tool filter | diff "$work/want" - >&2
		"$tool-$VARIANT-save" -c -t filter | grep '^\[[1-9]' | diff "$work/before" - >&2
	done
}

case_counters_of_a_saved_table_are_restored()
{
	cat >"$work/want" <<-'END'
		*filter
		:INPUT ACCEPT [0:0]
		:FORWARD ACCEPT [0:0]
		:OUTPUT ACCEPT [0:0]
		:KUBE-A - [0:0]
		[12:3456] -A KUBE-A -j ACCEPT
		COMMIT
	END
	"$driver" load 4 "$work/want"
	"iptables-$VARIANT-save" -c -t filter | grep -q '^\[12:3456\] -A KUBE-A -j ACCEPT'
}

case_policy_and_its_counters_stay()
{
	"iptables-$VARIANT" -P FORWARD DROP
	"iptables-$VARIANT-save" -c -t filter | sed 's/^:FORWARD.*/:FORWARD DROP [5:500]/' |
		"iptables-$VARIANT-restore" -c
	small_table >"$work/want"
	"$driver" load 4 "$work/want"
	"iptables-$VARIANT-save" -c | grep -qF ':FORWARD DROP [5:500]'
}

case_change_after_reading_is_noticed_and_nothing_is_written()
{
	small_table >"$work/want"
	"iptables-$VARIANT" -N KUBE-A
	refuses $MOVED 'chain KUBE-A: .*rule 1 ' "$driver" load 4 "$work/want" \
		"iptables-$VARIANT -A KUBE-A -j ACCEPT"
	"iptables-$VARIANT" -F KUBE-A
	refuses $MOVED 'chain KUBE-B: it is there already' "$driver" load 4 "$work/want" \
		"iptables-$VARIANT -N KUBE-B"
	"iptables-$VARIANT" -X KUBE-B
	refuses $MOVED 'chain KUBE-A: it is gone' "$driver" load 4 "$work/want" \
		"iptables-$VARIANT -X KUBE-A"
	refuses $MOVED 'chain INPUT' "$driver" load 4 "$work/want" \
		"iptables-$VARIANT -A INPUT -j ACCEPT"
	no_kube_chains
	# What is in other chains does not matter.
	"$driver" load 4 "$work/want" "iptables-$VARIANT -A FORWARD -j ACCEPT"
}

case_missing_extensions_give_raw_text_that_stays_equal()
{
	foreign_rules
	mkdir "$work/none"
	XTABLES_LIBDIR=$work/none "$driver" show 4 filter >"$work/raw"
	grep -q -- '-m limit --raw-data 0:[0-9a-f]* -j LOG --raw-data 0:[0-9a-f]*' "$work/raw"
	XTABLES_LIBDIR=$work/none "$driver" show 4 filter | cmp "$work/raw" - >&2
}

case_random_tables_become_each_other()
{
	local seed
	for seed in 1 2 3 4 5 6; do
		random_table $seed >"$work/want"
		"$driver" load 4 "$work/want"
		save iptables nat >"$work/ours"
		raw 4 nat >"$work/ours.raw"
		"iptables-$VARIANT-restore" <"$work/want"
		save iptables nat | diff - "$work/ours" >&2
		raw 4 nat | cmp - "$work/ours.raw" >&2
	done
}

# ---- their material

# Gives the rules counters to keep. ip6tables-nft-restore cannot (seen with 1.8.9).
count_packets() # TOOL
{
	if [ "$1-$VARIANT" = ip6tables-nft ]; then
		ip link set lo up
		echo x >/dev/udp/::1/9
	else
		"$1-$VARIANT-save" -c -t filter | sed -E 's/^\[0:0\] -A/[7:420] -A/' |
			"$1-$VARIANT-restore" -c
	fi
}

small_table()
{
	cat <<-'END'
		*filter
		:INPUT ACCEPT [0:0]
		:FORWARD ACCEPT [0:0]
		:OUTPUT ACCEPT [0:0]
		:KUBE-A - [0:0]
		:KUBE-B - [0:0]
		-A INPUT -j KUBE-A
		-A KUBE-A -j KUBE-B
		-A KUBE-B -s 10.0.0.0/8 -j DROP
		COMMIT
	END
}

# Some 30 chains out of 60, with 0 to 19 rules each, that jump to later ones, eight deep at
# the most: nf_tables does not go deeper than 16.
random_table() # SEED
{
	awk -v seed="$1" 'BEGIN {
		srand(seed)
		print "*nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]"
		print ":OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]"
		for (i = 0; i < 60; i++)
			if (rand() < 0.5) {
				name[n++] = sprintf("KUBE-%02d-%d", i, i * 7919 % 100)
				print ":" name[n - 1] " - [0:0]"
			}
		for (i = -1; i < n; i++)
			for (k = int(rand() * 20); k > 0; k--) {
				to = i + 1 + int(rand() * (n - i - 1))
				printf "-A %s -d 10.0.%d.%d/32 -p tcp -m tcp --dport %d -j %s\n",
					i < 0 ? "OUTPUT" : name[i], rand() * 3, rand() * 9, 80 + k,
					(to < n && to % 8 > i % 8 ? name[to] : "ACCEPT")
			}
		print "COMMIT"
	}'
}

# As much as iptables can say and a typed rule cannot.
foreign_rules()
{
	local tool a n rej match queue=QUEUE
	[ "$VARIANT" = legacy ] || queue=ACCEPT # the kernel has no such target for it
	ipset create FOO hash:ip
	ipset create FOO6 hash:ip,port,net family inet6
	for tool in iptables ip6tables; do
		a=10.0.0.1 n=10.0.0.0/8 rej=icmp-host-prohibited match="FOO src"
		if [ $tool = ip6tables ]; then
			a=fd00::1 n=fd00::/8 rej=icmp6-adm-prohibited match="FOO6 src,dst,dst"
		fi
		"$tool-$VARIANT-restore" <<-END
			*filter
			:INPUT ACCEPT [0:0]
			:FORWARD ACCEPT [0:0]
			:OUTPUT ACCEPT [0:0]
			:CALI - [0:0]
			:cali-x - [0:0]
			-A INPUT -m limit --limit 5/min -j LOG --log-prefix "foo bar: " --log-level 6
			-A INPUT -s $n -d $a -i eth+ -p tcp -m multiport --dports 1,2,10:20 -j CALI
			-A INPUT -m hashlimit --hashlimit-above 10/sec --hashlimit-mode srcip --hashlimit-name x -j DROP
			-A INPUT -m string --string "a\"b" --algo bm -g cali-x
			-A INPUT ! -s $n ! -i lo -p 47 -j ACCEPT
			-A INPUT ! -p udp -j ACCEPT
			-A INPUT -p icmp -j ACCEPT
			-A INPUT -p icmpv6 -j ACCEPT
			-A INPUT -p tcp --syn --dport 80:90 -j $queue
			-A INPUT -m state --state NEW,RELATED -j CALI
			-A INPUT -m conntrack --ctstate NEW --ctproto tcp -j CALI
			-A INPUT -m set --match-set $match --return-nomatch -j cali-x
			-A INPUT -m set ! --match-set $match -j cali-x
			-A INPUT -j REJECT --reject-with $rej
			-A INPUT -p tcp -j REJECT --reject-with tcp-reset
			-A INPUT -m statistic --mode nth --every 3 --packet 0 -j ACCEPT
			-A INPUT -m statistic --mode random ! --probability 0.3 -j ACCEPT
			-A INPUT -m recent --update --seconds 60 --hitcount 4 --name q --rsource -j DROP
			-A INPUT -m time --timestart 01:00 -j DROP
			-A INPUT -m comment --comment "it's a \"q\" \\\\ x"
			-A INPUT -m addrtype --dst-type LOCAL --limit-iface-in -j ACCEPT
			-A INPUT ! -s $a ! -d $n -j DROP
			-A INPUT -s $a/${n#*/} -m mark ! --mark 0x4/0xf -j RETURN
			COMMIT
			*nat
			-A PREROUTING -p tcp -j DNAT --to-destination $a
			-A PREROUTING -p tcp -j REDIRECT --to-ports 80
			-A POSTROUTING -j SNAT --to-source $a
			-A POSTROUTING -j MASQUERADE --random
			COMMIT
			*mangle
			-A PREROUTING -p tcp -j TPROXY --on-port 5 --tproxy-mark 1/1
			-A PREROUTING -j CONNMARK --save-mark --nfmask 0xf --ctmask 0xf
			-A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
			-A FORWARD -j SET --add-set $match --exist --timeout 5
			COMMIT
			*raw
			-A PREROUTING -p udp -j CT --notrack
			-A OUTPUT -j TRACE
			COMMIT
		END
	done
	"iptables-$VARIANT" -A INPUT -f -j DROP
	"iptables-$VARIANT" -A INPUT -s 10.0.0.1/255.0.255.0 -j DROP
	"ip6tables-$VARIANT" -A INPUT -s fd00::1/ff00:ff00:: -j DROP
}

# ---- running them

passed=0 failed=0
# Once for each way of writing tables that the driver has.
run() # NAME COMMAND...
{
	local name=$1 ways=(libiptc whole)
	shift
	[ "$VARIANT" = legacy ] || ways=(nft)
	export work=$top/work WRITE
	for WRITE in "${ways[@]}"; do
		mkdir "$work"
		if "${unshare[@]}" "$script" inside "$@"; then
			passed=$((passed + 1))
		else
			echo "$(basename "$script"): $name failed ($WRITE)" >&2
			failed=$((failed + 1))
		fi
		rm -rf "$work"
	done
}

# Many of the saved tables are equal: each content once. Of the others, those with a form of
# rule that none before has, or all for VIPSHIFT_GOLDEN=all.
golden_files()
{
	local files
	mapfile -t files < <(find "$golden" -name 'ip*tables-*.txt' -exec sha1sum {} + |
		sort -k2 | awk '!seen[$1]++ { print $2 }')
	if [ "${VIPSHIFT_GOLDEN:-}" = all ]; then
		printf '%s\n' "${files[@]}"
		return
	fi
	awk '/^-A/ {
		table = FILENAME
		sub(/.*\//, "", table)
		gsub(/--comment ("[^"]*"|[^ ]*)/, "--comment")
		gsub(/-[A-Z2-7]*[2-7][A-Z2-7]*/, "-HASH")
		gsub(/[0-9a-f]*[.:][0-9a-f.:]*/, "ADDRESS")
		gsub(/[0-9]+/, "0")
		if (!seen[table, $0]++ && !printed[FILENAME]++)
			print FILENAME
	}' "${files[@]}"
}

# All cases of the script, then the saved tables.
run_cases()
{
	local case folder files only=${VIPSHIFT_CASES:-.}
	for case in $(declare -F | sed -n 's/^declare -f \(case_.*\)/\1/p'); do
		[ "$case" = case_golden ] || ! [[ $case =~ $only ]] ||
			run "${case#case_}" "$case"
	done
	golden_files >"$top/files"
	while read -r folder; do
		mapfile -t files < <(grep "^$folder/[^/]*$" "$top/files")
		! [[ golden/$folder =~ $only ]] ||
			run "${folder#"$golden/"}" case_golden "$folder" "${files[@]}"
	done < <(sed 's,/[^/]*$,,' "$top/files" | sort -u)
	echo "$(basename "$script"): $passed passed, $failed failed"
	[ "$failed" = 0 ]
}

# The case itself, in its namespace; else checks that all that is needed is here.
start() # TOOL...
{
	local tool
	if [ "${inside[0]:-}" = inside ]; then
		"${inside[@]:1}"
		exit
	fi
	[ -x "$driver" ] || cannot "$driver is not built"
	for tool; do
		command -v "$tool" >/dev/null ||
			cannot "$tool is missing: install ipset, iptables, nftables, util-linux"
	done
	top=$(mktemp -d)
	trap 'rm -rf "$top"' EXIT
	export XTABLES_LOCKFILE=$top/lock # not that of the machine's own tables
	# In one step the files of the network namespace would belong to nobody.
	unshare=(unshare -n)
	[ "$(id -u)" = 0 ] || unshare=(unshare -r unshare -n)
	"${unshare[@]}" true 2>/dev/null || cannot "${unshare[*]} is not allowed here"
	"${unshare[@]}" "iptables-$VARIANT" -t nat -L >/dev/null 2>&1 ||
		cannot "this kernel has no $VARIANT iptables"
}
