# shellcheck shell=bash disable=SC2154  # what the caller sets
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that kube-proxy has programmed (source this file, and parity.sh): loads a recorded
# state with the stock tools; then diff and verify must find nothing, and a cluster without
# the services must be found to differ.
#
# The caller sets: golden, VIPSHIFT, variant (of iptables).

# loaded_link ADDRESSES: the interfaces of the node.
loaded_link()
{
	# The host of a native run may lack the dummy device; any device has addresses.
	ip link add eth0 type dummy 2>/dev/null || ip link add eth0 type bridge
	ip -batch - <<-END
	link set lo up
	addr add ${1//,/ dev eth0
	addr add } dev eth0
	link set eth0 up
	END
}

# loaded_put RECORDED ADDRESSES: brings this fresh namespace into the recorded state.
loaded_put()
{
	local recorded=$1 family table

	loaded_link "$2"
	if [ -e "$recorded/ipset.txt" ]; then
		grep '^create' "$recorded/ipset.txt" | ipset restore
		grep '^add' "$recorded/ipset.txt" | ipset restore
		parity_optional "$recorded/ipvsadm.txt" | ipvsadm -R
		ip link add kube-ipvs0 type dummy
		parity_optional "$recorded/ip-addr-kube-ipvs0.txt" |
			awk '{ print "addr add", $3, "dev kube-ipvs0", $3 ~ /:/ ? "nodad" : "" }' |
			ip -batch -
		awk '{ print $(NF - 2), $(NF - 1), $NF }' "$recorded/ipvs-timeouts.txt" |
			xargs ipvsadm --set
		# It was so before kube-proxy, which sets it too, came.
		echo 1 >/proc/sys/net/ipv4/ip_forward
	fi
	for family in iptables ip6tables; do
		for table in filter nat mangle; do
			[ ! -e "$recorded/$family-$table.txt" ] ||
				"$family-$variant-restore" <"$recorded/$family-$table.txt"
		done
	done
	# Those of interfaces are the kernel's own.
	awk -F '[: ]+' '$1 !~ /nf_conntrack|\.(conf|neigh)\.v/ { print $1, $NF }' \
		"$recorded/sysctl-changed.txt" | while read -r name value; do
		echo "$value" >"/proc/sys/${name//.//}"
	done
}

# loaded_say WANTED-STATUS COMMAND...: what it says on stdout, if that or the status is wrong.
loaded_say()
{
	local want=$1 status=0 out
	shift
	out=$("$VIPSHIFT" "$@" </dev/null 2>&1) || status=$?
	[ $status != "$want" ] || return 0
	echo "  $1: exit status $status, not $want"
	sed 's/^/    /' <<<"$out" | head -20
	return 1
}

# loaded_judge CASE MODE VERSION CLUSTER RECORDED ADDRESSES: prints what is wrong.
loaded_judge()
{
	local case=$1 mode=$2 version=$3 cluster=$4 recorded=$5 addresses=$6 arguments bad=0

	set -e
	loaded_put "$recorded" "$addresses"
	set +e
	arguments=("$mode" --iptables "$variant" -n node-a -c "$golden/$case/config.yaml"
		--kube-proxy "$(parity_version "$version")")
	[ -e "$recorded/ip6tables-nat.txt" ] || arguments+=(-4)
	loaded_say 0 diff "${arguments[@]}" -f "$cluster" || bad=1
	loaded_say 0 verify "${arguments[@]}" -f "$cluster" || bad=1
	# Another release may have left the same; if not, -v tells which one did.
	if [ "$version" = 1.26 ] && [ "$mode" = iptables ]; then
		"$VIPSHIFT" diff "${arguments[@]}" -f "$cluster" --kube-proxy 1.27 -v 2>&1 \
			</dev/null | grep -q 'exactly as kube-proxy 1.26 leaves it, not 1.27' || {
			echo "  diff -v does not say whose rules these are"
			bad=1
		}
	fi
	[ "$case" = empty ] ||
		loaded_say 2 diff "${arguments[@]}" -f "$golden/empty/cluster.json" || bad=1
	return $bad
}

# loaded_all COMMAND...: every case of the list on standard input, each state in a fresh
# namespace made by COMMAND; false when one is wrong.
loaded_all()
{
	local case mode version addresses step cluster recorded name passed=0 failed=0 out

	while read -r case mode version addresses; do
		for step in 0 1 2 3; do
			parity_state "$golden" "$case" "$mode" "$version" "$step" || continue
			name="$case $mode $(parity_version "$version") state $step"
			if out=$(golden=$golden variant=$variant "$@" bash -c \
				". '$here/../lib/parity.sh'; . '$here/../lib/loaded.sh'
				loaded_judge \"\$@\"" - "$case" "$mode" "$version" \
				"$cluster" "$recorded" "$addresses" 2>&1 </dev/null); then
				passed=$((passed + 1))
			else
				echo "FAILED $name, $variant"
				echo "$out"
				failed=$((failed + 1))
			fi
		done
	done
	echo "what kube-proxy left, loaded with $variant tools: $passed states without" \
		"difference, $failed with"
	[ $failed = 0 ] && [ $passed -gt 0 ]
}
