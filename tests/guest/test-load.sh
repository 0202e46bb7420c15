#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Round trips from ipvs to iptables mode and back under load: no connection fails, no stream
# breaks, no datagram is lost, and who is kept out stays out. The first half of them with a
# cluster CIDR, the other half without.
#
#   test-load.sh [ROUND-TRIPS [SERVICES]]      by default 10, with 50 services
set -eu

here=$(cd "$(dirname "$0")" && pwd)
demo=$here/../../testdata/demo
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT" "$VIPSHIFT_TRAFFIC"

# New connections a second of each client that makes them, and how many must at least come
# about where the emulated processor is too slow for that.
rate=100 least=50
# Seconds that connections get which IPVS carries; sessions last 1 s.
drain=20
# shellcheck source=load-flows.sh
. "$here/load-flows.sh"

# ---- in the guest

# settings CONFIG: from now on.
settings()
{
	model=(-n node-a -f cluster.json -c "$demo/$1" --kube-proxy 1.27.1 --iptables legacy)
}

# to MODE ROUND: one migration; its figures go to the file "migrations".
to()
{
	local status=0 begin=$EPOCHREALTIME

	"$VIPSHIFT" migrate --to "$1" "${model[@]}" --drain $drain --accept all -y \
		>migrate.txt 2>&1 </dev/null || status=$?
	awk -v round="$2" -v mode="$1" -v begin="$begin" -v end="$EPOCHREALTIME" '
		/^vipshift: migrate: switched IPv/ {
			for (i = 1; i < NF; i++)
				if ($i ~ /^IPv/ && $(i + 2) > span)
					span = $(i + 2)
		}
		/^vipshift: migrate: .*; verified$/ { alone = $(NF - 2) }
		END { print round, mode, end - begin, alone + 0, span + 0 }' \
		migrate.txt >>migrations
	grep -qE 'are reset now|may hang' migrate.txt || [ $status != 0 ] || return 0
	echo "round trip $2, to $1: exit status $status" >>migrate.failed
	grep -vE 'affinity-memory|udp-timeout' migrate.txt | tail -n 20 >>migrate.failed
	[ $status = 0 ]
}

# inside ROUND-TRIPS: runs in the guest, leaves its findings in the work folder.
inside()
{
	local rounds=$1 half=$((($1 + 1) / 2)) i

	# shellcheck source=node.sh
	. "$here/node.sh"
	export VIPSHIFT_STATE_DIR=/run/vipshift
	# The exchange folder is slow; what clients and migrations write is not part of it.
	mkdir /run/load
	cd /run/load
	cp "$GUEST_WORK"/*.json .
	trap 'cp -r migrations migrate.* *.json *.log "$GUEST_WORK"' EXIT
	node_setup
	ip -n outside route add 10.97.0.0/16 via 10.0.0.11
	ip -n outside route add fd00:10:97::/64 via fd00:10::11
	node_cluster pods.json
	node_pod client node-a 10.244.1.99 fd00:10:244:1::99

	settings config.yaml
	"$VIPSHIFT" apply iptables "${model[@]}" 2>migrate.txt
	load_start $rate
	sleep 4
	load_stop
	mkdir "$GUEST_WORK/before"
	mv ./*.json "$GUEST_WORK/before"
	cp "$GUEST_WORK/cluster.json" .
	# The streams begin in iptables mode, sessions in either.
	load_start $rate
	to ipvs 0
	for ((i = 1; i <= rounds; i++)); do
		if [ $i = $((half + 1)) ]; then
			settings config-no-cidr.yaml
			"$VIPSHIFT" apply ipvs "${model[@]}" >migrate.txt 2>&1
		fi
		to iptables $i
		# Who lost its address with kube-ipvs0 would not get it back in time.
		[ $i != 1 ] || sleep 10
		to ipvs $i
		[ "$rounds" -le 10 ] || [ $((i % 10)) != 0 ] || echo "  after $i round trips: $SECONDS s"
	done
	sleep 2
	load_stop
}

# ---- judged outside

bad=0
complain()
{
	echo "  FAILED: $*"
	bad=1
}

# expect FILE WHAT FILTER: the jq filter must give true for the file.
expect()
{
	local got

	got=$(jq "$3" "$1" 2>&1) || :
	[ "$got" = true ] || complain "${1%.json}: expected $2"
}

gap_of='[.targets[] | select(.kind == "udp") | .longest_gap_ms] | max // 0'

judge()
{
	local name gap

	for name in "${load_clients[@]}"; do
		expect "$name.json" "no failed connection or request" '.failed == 0 and .tried > 0'
		expect "$name.json" "no broken stream" '.broken == 0'
		expect "$name.json" "every target to answer" 'all(.targets[]; .ok > 0)'
		# One retransmission, on top of what this takes without a switch.
		gap=$((1000 + $(jq "$gap_of" "before/$name.json")))
		expect "$name.json" "no gap of a UDP flow above $gap ms" "($gap_of) <= $gap"
		expect "$name.json" "no DNS request repeated twice" \
			'all(.targets[] | select(.kind == "dns"); .slowest_ms < 2000)'
		[ "$(jq '.failed + .broken' "$name.json")" = 0 ] || {
			jq -c '.targets[] | select(.failed > 0) | del(.backends, .sources)' \
				"$name.json" | sed 's/^/    /' | head -n 8
			head -n 5 "$name.log" | sed 's/^/    /'
		}
	done
	for name in pod host outside; do
		expect "$name.json" "$least new connections a second" \
			"([.targets[] | select(.kind == \"conn\") | .ok] | add) / .seconds >= $least"
	done
	expect kept-out.json "nobody from outside the source ranges to get in" \
		'.ok == 0 and .tried > 0'
	expect before/kept-out.json "nobody from outside the source ranges to get in" \
		'.ok == 0 and .tried > 0'
}

# figures ROUND-TRIPS: what was seen.
figures()
{
	jq -rs '
		def kind($k): [.[].targets[] | select(.kind == $k)];
		"  \(map(.tried) | add) connections and requests tried, \(map(.failed) | add) failed, " +
		"\(map(.repeated) | add) DNS requests repeated",
		"  \(kind("stream") | length) streams held all the time and \(kind("session") | length) " +
		"of 1 s each: \(map(.broken) | add) broken, longest pause " +
		"\(kind("stream") + kind("session") | map(.longest_gap_ms) | max) ms; " +
		"longest gap of a UDP flow \(kind("udp") | map(.longest_gap_ms) | max) ms"' \
		"${load_clients[@]/%/.json}"
	for name in pod host outside; do
		jq -r --arg name $name '([.targets[] | select(.kind == "conn") | .ok] | add) / .seconds
			| "\($name) \(. + 0.5 | floor)"' $name.json
	done | awk -v rate=$rate '
		{ list = list sep $0; sep = ", "; slow = slow || $2 < rate }
		END {
			print "  new connections a second: from " list \
				(slow ? " (this emulated processor makes no " rate ")" : "")
		}'
	awk '{
			n++
			sum[$2] += $3; count[$2]++
			if ($3 > most[$2]) most[$2] = $3
			if ($5 > span[$2]) span[$2] = $5
		}
		END {
			for (mode in sum)
				printf "  to %s %d times: %.1f s each, %.1f s at most; " \
					"the switch itself %.3f s at most\n", mode,
					count[mode], sum[mode] / count[mode], most[mode], span[mode]
		}' migrations
}

if [ "${1:-}" = inside ]; then
	inside "$2"
	exit 0
fi
rounds=${1:-10} services=${2:-50}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
jq -n --argjson services "$services" -f "$here/load-cluster.jq" >"$work/cluster.json"
# Those that answer.
jq -n --argjson services 50 -f "$here/load-cluster.jq" >"$work/pods.json"
echo "load, $services services, $rounds round trips:"
"$here/run-guest" --steady --mem $((1024 + services / 4)) --work "$work" \
	--timeout "${VIPSHIFT_GUEST_TIMEOUT:-$((640 + rounds * (20 + services / 5)))}" \
	"$0" inside "$rounds" || complain "the guest: exit status $?"
cd "$work"
[ ! -e migrate.failed ] || complain "a migration: $(cat migrate.failed)"
if [ -e before ] && [ -e pod.json ]; then
	judge
	figures "$rounds"
fi
[ -z "${VIPSHIFT_KEEP:-}" ] || cp -r "$work" "$VIPSHIFT_KEEP"
echo "load: $([ $bad = 0 ] && echo passed || echo failed)"
[ $bad = 0 ]
