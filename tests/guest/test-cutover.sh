#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The switch from iptables to IPVS on a live node: no connection fails, no stream breaks,
# every backend stays in use, and nothing that is not ours is touched. Two runs: a node that
# vipshift programmed, with a cluster CIDR; and one that iptables-restore programmed from
# "vipshift render", without.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/parity.sh
. "$here/../lib/parity.sh"
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"

# What a kubelet and an administrator have on the node; their counters must survive.
foreign_rules()
{
	cat <<-END
	*mangle
	:KUBE-IPTABLES-HINT - [0:0]
	:KUBE-KUBELET-CANARY - [0:0]
	COMMIT
	*nat
	:KUBE-KUBELET-CANARY - [0:0]
	:ops-redirect - [0:0]
	[11:660] -A PREROUTING -p tcp -m tcp --dport 8081 -j ops-redirect
	[7:420] -A ops-redirect -p tcp -m comment --comment "maintenance page" -j REDIRECT --to-ports 8088
	COMMIT
	*filter
	:KUBE-FIREWALL - [0:0]
	:KUBE-KUBELET-CANARY - [0:0]
	:ops-limits - [0:0]
	-A INPUT -j KUBE-FIREWALL
	-A OUTPUT -j KUBE-FIREWALL
	[42:2520] -A FORWARD -p tcp -m tcp --dport 25 -j ops-limits
	-A KUBE-FIREWALL ! -s $1 -d $1 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
	[3:180] -A ops-limits -m limit --limit 5/sec -j RETURN
	[1234:56789] -A ops-limits -j DROP
	COMMIT
	END
}

# inside START CONFIG: runs in the guest, leaves its findings in the work folder.
inside()
{
	local start=$1 model=(-n node-a -f "$demo/cluster.json" -c "$demo/$2" --kube-proxy 1.27.1)

	# shellcheck source=node.sh
	. "$here/node.sh"
	# shellcheck source=flows.sh
	. "$here/flows.sh"
	cd "$GUEST_WORK"
	node_setup
	node_cluster "$demo/cluster.json"
	node_pod client node-a 10.244.1.99 fd00:10:244:1::99
	foreign_rules 127.0.0.0/8 | iptables-legacy-restore --noflush --counters
	foreign_rules ::1/128 | ip6tables-legacy-restore --noflush --counters

	if [ "$start" = apply ]; then
		"$VIPSHIFT" apply iptables --iptables legacy "${model[@]}"
	else
		"$VIPSHIFT" render iptables "${model[@]}" --part iptables |
			iptables-legacy-restore --noflush
		"$VIPSHIFT" render iptables "${model[@]}" --part ip6tables |
			ip6tables-legacy-restore --noflush
		"$VIPSHIFT" render iptables "${model[@]}" --part sysctls | sysctl -qp -
	fi
	flows_start before 8
	flows_wait_ready before
	flows_finish
	# Not in the source ranges: must hang before and after.
	ip netns exec outside "$VIPSHIFT_TRAFFIC" client --seconds 1 --rate 3 --timeout 700 \
		--bind 198.51.100.99 conn:192.0.2.80:443 >refused-before.json
	mode=iptables parity_dump dump-before

	flows_start during 120
	flows_wait_ready during
	sleep 1
	"$VIPSHIFT" migrate --to ipvs --iptables legacy "${model[@]}" -y >migrate.txt 2>&1 ||
		echo $? >migrate.status
	sleep 2
	flows_stop during
	[ ! -e migrate.status ] || return 0

	mode=ipvs parity_dump dump-after
	"$VIPSHIFT" verify ipvs --iptables legacy "${model[@]}" >verify.txt 2>&1 || echo $? >verify.status
	ipvsadm -Z
	flows_start after 8
	flows_wait_ready after
	flows_finish
	ipvsadm -Ln --stats >stats.txt
	ip netns exec outside "$VIPSHIFT_TRAFFIC" client --seconds 1 --rate 3 --timeout 700 \
		--bind 198.51.100.99 conn:192.0.2.80:443 >refused-after.json
}

bad=0
complain()
{
	echo "  $*"
	bad=1
}

# expect FILE WHAT FILTER: the jq filter must give true for the file.
expect()
{
	local got

	got=$(jq "$3" "$1" 2>&1) || :
	[ "$got" = true ] || complain "${1%.json}: expected $2"
}

# The rules and chains that are not ours, without the counters of chain policies.
not_ours()
{
	grep -hE '^\*|^(:|\[[0-9:]+\] -A )(KUBE-(FIREWALL|KUBELET-CANARY|IPTABLES-HINT)|ops-)|-j (KUBE-FIREWALL|ops-)' \
		"$1"
}

judge_traffic()
{
	local name phase file gap

	for name in pod host outside hairpin; do
		for phase in before during after; do
			file=$phase/$name.json
			expect "$file" "no failed connection or request" '.failed == 0 and .tried > 0'
			expect "$file" "no broken stream" '.broken == 0'
			# One retransmission, on top of the time that this machine, busy with
			# other things, kept everything in the guest waiting.
			gap=$(jq -s '1000 + .[0].longest_gap_ms + (map(.late_ms) | max)' \
				"before/$name.json" "$phase"/*.json)
			expect "$file" "no gap above $gap ms" ".longest_gap_ms <= $gap"
			if [ "$(jq .failed "$file")" != 0 ]; then
				jq -c '.targets[] | select(.failed > 0) | del(.backends, .sources)' \
					"$file" | sed 's/^/    /'
				head -n 5 "$phase/$name.log" | sed 's/^/    /'
			fi
		done
	done
	# Whoever was reached before must be reached after; with random choice before, the
	# other way round may take longer. Affinity may choose another one.
	backends before >backends.before
	backends after >backends.after
	comm -23 backends.before backends.after >backends.lost
	[ ! -s backends.lost ] || complain "not reached any more: $(cat backends.lost)"
	expect refused-before.json "no connection from outside the source ranges" '.ok == 0'
	expect refused-after.json "no connection from outside the source ranges" '.ok == 0'
}

# backends PHASE: which backends new connections reached, over all clients.
backends()
{
	jq -r '.targets[] | select(.kind == "conn" and .label != "cart")
		| . as $t | .backends | keys[] | "\($t.label) \($t.target) \(.)"' "$1"/*.json |
		LC_ALL=C sort -u
}

judge_objects()
{
	local file left

	for file in iptables ip6tables; do
		left=$(grep -E '^:KUBE-(SVC|SEP|EXT|FW|NODEPORTS|EXTERNAL-SERVICES|PROXY-CANARY)' \
			"dump-after/$file" || :)
		[ -z "$left" ] || complain "$file: left of iptables mode: $left"
		diff <(not_ours "dump-before/$file" | sed 's/^\[[0-9:]*\]//') \
			<(not_ours "dump-after/$file" | sed 's/^\[[0-9:]*\]//') >foreign.diff ||
			complain "$file: rules of others changed: $(cat foreign.diff)"
		parity_fallen_counters <(not_ours "dump-before/$file") \
			<(not_ours "dump-after/$file") >foreign.diff
		[ ! -s foreign.diff ] || complain "$file: $(cat foreign.diff)"
	done
	[ ! -e verify.status ] || complain "verify ipvs: exit status $(cat verify.status)"
}

# New connections must go through IPVS: each frontend that was used has counted them.
judge_counters()
{
	local address count

	for address in 10.96.20.1:80 '[fd00:10:96::2001]:80' 10.96.0.10:53 10.96.30.1:514 \
		10.0.0.11:30080 192.0.2.80:443 '[2001:db8:0:80::80]:443' 198.51.100.7:22; do
		count=$(awk -v a="$address" '$2 == a && ($1 == "TCP" || $1 == "UDP") { n += $3 }
			END { print n + 0 }' stats.txt)
		[ "$count" -gt 0 ] || complain "IPVS counted no connection to $address"
	done
}

# outside NAME START CONFIG: one run, judged.
outside()
{
	local work
	work=$(mktemp -d)

	echo "cut-over, $1:"
	bad=0
	"$here/run-guest" --smp 1 --timeout "${VIPSHIFT_GUEST_TIMEOUT:-240}" --work "$work" \
		"$here/test-cutover.sh" inside "$2" "$3" || complain "the guest: exit status $?"
	cd "$work"
	if [ -e migrate.txt ] && [ ! -e migrate.status ] && [ -e stats.txt ]; then
		judge_traffic
		judge_objects
		judge_counters
		summary
	else
		complain "migrate: exit status $(cat migrate.status 2>/dev/null || echo none)"
	fi
	if [ $bad != 0 ]; then
		sed -n '1,40s/^/    migrate: /p' migrate.txt 2>/dev/null || :
		sed -n '1,20s/^/    verify: /p' verify.txt 2>/dev/null || :
		[ -z "${VIPSHIFT_KEEP:-}" ] || cp -r "$work" "$VIPSHIFT_KEEP"
	fi
	cd "$here"
	rm -rf "$work"
	return $bad
}

summary()
{
	jq -rs '"  during the switch: \(map(.tried) | add) connections and requests, " +
		"\(map(.failed) | add) failed; \(map(.streams) | add) streams, " +
		"\(map(.broken) | add) broken; longest gap \(map(.longest_gap_ms) | max) ms"' \
		during/*.json
	sed -n 's/^vipshift: migrate: \(the node is in.*\)/  \1/p' migrate.txt
}

if [ "${1:-}" = inside ]; then
	inside "$2" "$3"
	exit 0
fi
failed=0
outside "node programmed by vipshift, with cluster CIDR" apply config.yaml ||
	failed=$((failed + 1))
outside "node programmed by iptables-restore, without cluster CIDR" restore \
	config-no-cidr.yaml || failed=$((failed + 1))
echo "cut-over: $((2 - failed)) passed, $failed failed"
[ $failed = 0 ]
