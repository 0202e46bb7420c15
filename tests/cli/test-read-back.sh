#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Services read back from saved text: what show prints, what is refused, and that nothing but
# files is touched. Needs no root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

case=$golden/seed-like
eras=$top/testdata/eras
dump=$case/iptables-1.27

# the table is that of the cluster it was made from
expect 0 '' show -f "dump:$dump" -n node-a
cp "$work/out" "$work/back"
expect 0 '' show -f "$case/cluster.json" -n node-a
check 'a node shows the services of its cluster' diff "$work/back" "$work/out"
expect 0 '' show -f "dump:$golden/nodeport-local-with/iptables-1.27" -n node-a -o wide
check 'wide has the endpoints' grep -qx '    10\.244\.1\.5:8080  on node-a' "$work/out"

# one file, piped through people's hands
cat "$dump"/iptables-*.txt | sed 's/$/\r/; s/^/ /' >"$work/save.txt"
expect 0 '' show -f "dump:$work/save.txt" -n node-a
check 'blanks and CR do not matter' diff "$work/back" "$work/out"

# the native model of it renders the same services again
expect 0 '' show -f "dump:$dump" -n node-a -o json
cp "$work/out" "$work/model.json"
expect 0 '' show -f "$work/model.json" -n node-a
check 'JSON reads back' diff "$work/back" "$work/out"

# settings come with the state: the rules of a node, rendered from nothing but them
expect 0 '' render iptables -f "dump:$dump" -n node-a --kube-proxy 1.27.1 \
	--node-address 10.0.0.11 --part iptables
sed -n '/^-A KUBE-/p' "$work/out" | sort >"$work/a"
cat "$dump"/iptables-*.txt | sed -n '/^-A KUBE-/p' | sort >"$work/b"
check 'the rules of a dump render as they were' diff "$work/a" "$work/b"

# the node
expect 0 '' show --mode-of-node -f "dump:$dump"
check 'mode' grep -qx 'mode        iptables' "$work/out"
check 'era' grep -q '^kube-proxy  .*1\.2[57] or newer' "$work/out"
check 'leftovers' grep -qx 'leftovers   none' "$work/out"
expect 0 '' show --mode-of-node -f "dump:$golden/switch-modes/2-ipvs-without-cleanup"
check 'mode of a switched node' grep -qx 'mode        ipvs' "$work/out"
check 'leftovers of a switched node' \
	grep -q '^leftovers   IPv4 of iptables mode: [0-9]* chains' "$work/out"
# kube-proxy --cleanup forgets chains, and nothing leads to them any more.
expect 0 '' show --mode-of-node -f "dump:$golden/switch-modes/4-after-cleanup"
check 'mode of a node that was cleaned up' grep -qx 'mode        none' "$work/out"
check 'what is left there' grep -q '^leftovers   IPv4 of iptables mode: 1[0-9]* chains; IPv4 of ipvs mode: 0 chains, 5 sets;' \
	"$work/out"
check 'it has no services' grep -qx 'services    0' "$work/out"
expect 0 '' show --mode-of-node -f "dump:$eras/1.31" -o json
check 'JSON names the variant' grep -q '"variant": "nft"' "$work/out"
check 'JSON names the release' grep -q '"kubeProxyFrom": "1.31"' "$work/out"
expect 64 'mode-of-node is about a node' show --mode-of-node -f "$case/cluster.json"

# as ipvsadm lists it, with names: made ones of a node, real ones of a cluster
expect 0 '' show -o ipvsadm -f "dump:$case/ipvs-1.27"
check 'the header of ipvsadm' grep -qx 'Prot LocalAddress:Port Scheduler Flags' "$work/out"
check 'a server and its name' \
	grep -qx 'UDP  10\.96\.0\.10:53 rr  # unnamed/10\.96\.0\.10:53' "$work/out"
expect 0 '' show -o ipvsadm -f "$case/cluster.json" -n node-a --node-address 10.0.0.11
check 'a node port and its name' grep -qx 'TCP  10\.0\.0\.11:31370 rr  # default/nginx' \
	"$work/out"

# and such a listing, the usual one in tickets, stands for the save
mkdir "$work/listed"
cp "$case"/ipvs-1.27/*.txt "$work/listed"
rm "$work/listed/ipvsadm.txt"
expect 0 'IPv4 is in ipvs mode, but the virtual servers .* are not here' \
	show -f "dump:$work/listed"
expect 0 '' show -f "dump:$case/ipvs-1.27" -o json
cp "$work/out" "$work/saved.json"
expect 0 '' show -o ipvsadm -f "dump:$case/ipvs-1.27"
cp "$work/out" "$work/listed/ipvsadm-Ln.txt"
expect 0 'ipvsadm-Ln.txt: this is a listing .* thresholds' show -f "dump:$work/listed" -o json
check 'the services of listing and save' cmp "$work/out" "$work/saved.json"
rm "$work"/listed/ipset.txt
expect 0 'the sets .* are not here' show -f "dump:$work/listed"
expect 64 'diff has text, json and diff' diff iptables -o ipvsadm -f "dump:$dump" --against "$dump"

# a node that has no pod CIDR: the packet is somebody else's
expect 0 'no pod CIDR of IPv4 is known: the packet comes from outside' \
	trace 10.0.57.9:80 -f "dump:$eras/1.1"
check 'the endpoints that the dump has' grep -q '=> 10\.244\.2\.3:8080, sees the client, 33.3 %' \
	"$work/out"
expect 1 'no pod CIDR of IPv4' trace 10.0.57.9:80 --source pod -f "dump:$eras/1.1"

# what is not understood is named, with file, line and chain
sed '/KUBE-SEP-.*10\.101\.4\.17\|postgresql.*DNAT/s/--to-destination .*//' \
	"$work/save.txt" >"$work/bad.txt"
expect 0 'db/postgres:tcp-postgresql: .*bad\.txt:[0-9]+: KUBE-SEP-.*: DNAT with no address' \
	show -f "dump:$work/bad.txt"
check 'the table says so' grep -q '^db/postgres:tcp-postgresql .* incomplete$' "$work/out"
expect 1 'this is a listing \(iptables -L\)' show -f dump:<(echo 'Chain INPUT (policy ACCEPT)')
expect 1 'cannot open' show -f "dump:$work/nothing"
expect 64 'it is live:iptables or live:ipvs' show -f live:nftables

# diff of a dump against itself is empty, whoever wrote it
expect 0 '' diff iptables -f "dump:$dump" -n node-a --kube-proxy 1.27.1 --against "$dump"

# writing commands refuse what is incomplete, before they look at the kernel
expect 3 'db/postgres:tcp-postgresql: incomplete: KUBE-SEP-' \
	apply iptables -f "dump:$work/bad.txt" --dry-run --iptables legacy
expect 64 'a name that doctor lists, incomplete:SERVICE, or all' \
	apply iptables -f "dump:$work/bad.txt" --accept nonsense

# no socket, no module, no program: files only
if command -v strace >/dev/null && strace -o "$work/trace" true 2>/dev/null; then
	for from in "$dump" "$case/ipvs-1.27"; do
		ASAN_OPTIONS=detect_leaks=0 strace -f -o "$work/trace" \
			-e trace=socket,init_module,finit_module,execve,clone,clone3 \
			"$vipshift" show -f "dump:$from" >"$work/out"
		check "only files are opened: $from" \
			sh -c "[ \"\$(grep -c '^[0-9]* *[a-z0-9_]*(' '$work/trace')\" = 1 ]"
	done
else
	echo 'strace cannot be used here: not tried whether sockets are opened'
fi
finish
