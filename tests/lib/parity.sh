# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Parity with kube-proxy (source this file): applies the recorded clusters of testdata/golden
# to a live kernel and compares what is there with what kube-proxy left.
#
# A test makes its list with parity_cases, runs each line with parity_run in a fresh network
# namespace (parity_unshare), and judges the dumps with parity_judge, anywhere and later.

# parity_cases GOLDEN MODE...: lines "CASE MODE VERSION ADDRESSES", one per recorded state.
parity_cases()
{
	local golden=$1 mode dir
	shift

	for mode; do
		for dir in "$golden"/*/"$mode"-*/; do
			dir=${dir%/}
			echo "$(basename "$(dirname "$dir")") $mode ${dir##*-} $(jq -r \
				'[.[] | select(.ifname == "eth0") | .addrs[] | split(" ")[0]]
				| join(",")' "$dir/links.json")"
		done
	done
}

# parity_version 1.27: the release that the golden README names.
parity_version()
{
	case $1 in
	1.26) echo 1.26.0 ;;
	*) echo "$1.1" ;;
	esac
}

# parity_dump DIR: the state of this namespace. Asks for no table by name, which would
# register it.
parity_dump()
{
	local dir=$1

	mkdir -p "$dir"
	iptables-legacy-save -c >"$dir/iptables"
	ip6tables-legacy-save -c >"$dir/ip6tables"
	[ "$mode" = ipvs ] || return 0
	ipset save >"$dir/ipset"
	ipvsadm -Sn >"$dir/ipvsadm"
	ipvsadm -L --timeout >"$dir/ipvs-timeouts"
	ip -o addr show dev kube-ipvs0 2>/dev/null >"$dir/addresses" || :
}

# What kube-proxy changed, apart from the conntrack limits that no mode owns.
parity_sysctls()
{
	awk -F '[: ]+' '$1 !~ /nf_conntrack/ { print $1 }' "$1" |
		while read -r name; do
			echo "$name = $(</proc/sys/"${name//.//}")"
		done
}

# parity_state GOLDEN CASE MODE VERSION STEP: sets cluster and recorded for the state after the
# STEP-th update; false when there is none.
parity_state()
{
	cluster=$1/$2/cluster.json
	recorded=$1/$2/$3-$4
	if [ "$5" != 0 ]; then
		cluster=$1/$2/cluster.$5.json
		recorded=$recorded/update$5
	fi
	[ -e "$cluster" ] && [ -d "$recorded" ]
}

# parity_run GOLDEN OUT CASE MODE VERSION ADDRESSES: applies the case and its updates in this
# namespace, each one twice, and leaves dumps and messages in OUT.
parity_run()
{
	local golden=$1 out=$2 case=$3 mode=$4 version=$5 addresses=$6
	local step cluster recorded arguments

	# The host of a native run may lack the dummy device; any device has addresses.
	ip link add eth0 type dummy 2>/dev/null || ip link add eth0 type bridge
	# A packet to a service address needs a way out to be counted.
	ip -batch - <<-END
	link set lo up
	addr add ${addresses//,/ dev eth0
	addr add } dev eth0
	link set eth0 up
	route add default dev eth0
	END
	for step in 0 1 2 3; do
		parity_state "$golden" "$case" "$mode" "$version" "$step" || continue
		mkdir -p "$out/$step"
		arguments=("$mode" --iptables legacy -n node-a -f "$cluster"
			-c "$golden/$case/config.yaml" --kube-proxy "$(parity_version "$version")")
		# Recorded on a node whose kernel had no ip6tables.
		[ -e "$recorded/ip6tables-nat.txt" ] || arguments+=(-4)
		"$VIPSHIFT" apply "${arguments[@]}" >"$out/$step/first.txt" 2>&1 </dev/null
		echo $? >"$out/$step/first.status"
		echo >/dev/udp/10.96.0.10/53 || :
		parity_dump "$out/$step/first"
		parity_sysctls "$recorded/sysctl-changed.txt" >"$out/$step/sysctls"
		"$VIPSHIFT" apply "${arguments[@]}" >"$out/$step/second.txt" 2>&1 </dev/null
		echo $? >"$out/$step/second.status"
		parity_dump "$out/$step/second"
	done 2>"$out/errors"
}

# parity_unshare COMMAND... -- ARGUMENTS of parity_run: runs it in a namespace made by COMMAND.
parity_unshare()
{
	local command=()

	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	"${command[@]}" bash -c ". '${BASH_SOURCE[0]}'; parity_run \"\$@\"" - "$@" </dev/null ||
		echo "$3 $4 $5: exit status $?"
}

# One table of an iptables-save text with counters zeroed. Rules of the chains that kube-proxy
# writes in random order are sorted, up to the jump to KUBE-NODEPORTS, which must be last.
parity_table()
{
	awk -v table="$1" '
		/^\*/ { inside = substr($0, 2) == table }
		!inside || /^#/ { next }
		{ sub(/^\[[0-9]+:[0-9]+\] /, ""); key = sprintf("%06d", NR) }
		/^:/ { sub(/\[[0-9]+:[0-9]+\]/, "[0:0]") }
		$2 ~ /^KUBE-(SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL)$/ && /^-A/ {
			if (!($2 in first))
				first[$2] = key
			if (/-j KUBE-NODEPORTS$/)
				first[$2] = first[$2] "~"
			key = first[$2]
		}
		{ print key "\t" $0 }' | LC_ALL=C sort | cut -f 2-
}

# Lines of an ipset save as in the golden dumps; the order of lists' members is no state.
parity_sets()
{
	sed -E 's/ (initval|bucketsize) [^ ]+//g' "$1" | LC_ALL=C sort
}

# A cluster without services has no servers and addresses, and no dump of them.
parity_optional()
{
	[ ! -e "$1" ] || cat "$1"
}

# A table that one side does not have counts as an empty one.
parity_empty_table()
{
	grep -vE '^(:[A-Z]+ ACCEPT|\*|COMMIT)' || :
}

# parity_same TITLE WANT HAVE: says what differs, on stdout.
parity_same()
{
	diff -u --label "kube-proxy: $1" --label "vipshift: $1" "$2" "$3" |
		sed -n '1,40p'
	return "${PIPESTATUS[0]}"
}

# parity_judge_state GOLDEN-STATE OUT: compares one state; prints differences.
parity_judge_state()
{
	local golden=$1 out=$2 family table want have bad=0
	want=$(mktemp) have=$(mktemp)

	for family in iptables ip6tables; do
		for table in filter nat mangle; do
			: >"$want"
			if [ -e "$golden/$family-$table.txt" ]; then
				parity_table "$table" <"$golden/$family-$table.txt" >"$want"
			fi
			parity_table "$table" <"$out/first/$family" >"$have"
			if [ ! -s "$want" ] || [ ! -s "$have" ]; then
				cat "$want" "$have" | parity_empty_table >"$want.rules"
				if [ -s "$want.rules" ]; then
					parity_same "$family $table" "$want" "$have" || bad=1
				fi
				rm "$want.rules"
			else
				parity_same "$family $table" "$want" "$have" || bad=1
			fi
		done
	done
	if [ -e "$golden/ipset.txt" ]; then
		parity_sets "$golden/ipset.txt" >"$want"
		parity_sets "$out/first/ipset" >"$have"
		parity_same ipset "$want" "$have" || bad=1
		parity_optional "$golden/ipvsadm.txt" | LC_ALL=C sort >"$want"
		LC_ALL=C sort "$out/first/ipvsadm" >"$have"
		parity_same ipvsadm "$want" "$have" || bad=1
		parity_same timeouts "$golden/ipvs-timeouts.txt" "$out/first/ipvs-timeouts" || bad=1
		parity_optional "$golden/ip-addr-kube-ipvs0.txt" | parity_addresses >"$want"
		parity_addresses <"$out/first/addresses" >"$have"
		parity_same addresses "$want" "$have" || bad=1
	fi
	sed -E '/nf_conntrack/d; s/: .* -> / = /' "$golden/sysctl-changed.txt" >"$want"
	parity_same sysctls "$want" "$out/sysctls" || bad=1
	rm -f "$want" "$have"
	return $bad
}

# Device and address of "ip -o addr" or of the golden dumps.
parity_addresses()
{
	sed -E 's/^[0-9]+: //; s/ +/ /g' | awk '{ print $1, $2, $3 }' | LC_ALL=C sort
}

# Dumps without counters and dates; addresses and the rest as they are.
parity_plain()
{
	sed -E '/^#/d; s/^\[[0-9]+:[0-9]+\] //; s/\[[0-9]+:[0-9]+\]$//' "$1"
}

# Rules whose packet counter fell between two dumps; packets may come in at any time, so it
# may have grown.
parity_fallen_counters()
{
	awk '
		/^\*/ { table = $1; delete seen }
		!/^\[/ { next }
		{
			packets = substr($1, 2) + 0
			rule = table " " substr($0, length($1) + 2)
			key = rule " " ++seen[rule]
		}
		NR == FNR { before[key] = packets; next }
		packets < before[key] { print "counter fell from " before[key] ": " rule }
		' "$1" "$2"
}

# The second apply must find nothing to do and leave rules and counters alone.
parity_judge_second()
{
	local out=$1 file bad=0

	if [ "$(cat "$out/second.status")" != 0 ] ||
		! grep -qiE 'nothing to do|nothing differs|unchanged' "$out/second.txt"; then
		echo "second apply: exit status $(cat "$out/second.status"), wanted nothing to do:"
		sed 's/^/  /' "$out/second.txt"
		bad=1
	fi
	for file in "$out"/first/*; do
		file=${file##*/}
		parity_plain "$out/first/$file" >"$out/$file.1"
		parity_plain "$out/second/$file" >"$out/$file.2"
		diff -u --label "$file" --label "$file after the second apply" \
			"$out/$file.1" "$out/$file.2" || bad=1
	done
	for file in iptables ip6tables; do
		parity_fallen_counters "$out/first/$file" "$out/second/$file" >"$out/fallen"
		cat "$out/fallen"
		[ ! -s "$out/fallen" ] || bad=1
	done
	return $bad
}

# parity_judge GOLDEN OUT CASE MODE VERSION: prints "ok NAME" or "FAILED NAME" and why, for
# each state.
parity_judge()
{
	local golden=$1 out=$2 case=$3 mode=$4 version=$5 step cluster recorded name bad=0

	for step in 0 1 2 3; do
		parity_state "$golden" "$case" "$mode" "$version" "$step" || continue
		name="$case $mode $(parity_version "$version") state $step"
		if [ "$(cat "$out/$step/first.status" 2>/dev/null)" != 0 ]; then
			echo "FAILED $name: apply did not end well"
			sed 's/^/  /' "$out/$step/first.txt" 2>/dev/null || echo "  it did not run"
			bad=1
		elif ! { parity_judge_state "$recorded" "$out/$step" &&
			parity_judge_second "$out/$step"; } >"$out/$step/why"; then
			echo "FAILED $name"
			sed 's/^/  /' "$out/$step/why"
			bad=1
		else
			echo "ok $name"
		fi
	done
	return $bad
}
