#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of ./demo that runs in the guest: a sample node, live traffic, the switch, and what
# came of it. Exit status 0 means that the switch worked and nobody noticed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=node.sh
. "$here/node.sh"
# shellcheck source=flows.sh
. "$here/flows.sh"

demo=$(cd "$here/../../testdata/demo" && pwd)
model=(-f "$demo/cluster.json" -c "$demo/config.yaml")
cd "$GUEST_WORK"

bold='' plain=''
if [ -n "${VIPSHIFT_DEMO_COLOR:-}" ]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

step()
{
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# say_command WORD...: the command as the user would type it.
say_command()
{
	printf '\n  $ vipshift %s\n' "$*"
}

# Text of commands, indented and within 95 columns.
indented()
{
	fold -s -w 91 | sed 's/^/    /; s/ *$//'
}

# The dry run's list as counts: what each phase adds and removes.
plan_in_short()
{
	awk '
		/^== / { phase = $2; order[++phases] = phase; next }
		/^  [-+~] / {
			kind = substr($0, 5, 14)
			sub(/ +$/, "", kind)
			key = phase SUBSEP $1 SUBSEP kind
			if (!(key in count))
				kinds[phase, $1] = kinds[phase, $1] "|" kind
			count[key]++
		}
		function row(phase, sign, word,    n, i, list, text, item) {
			n = split(substr(kinds[phase, sign], 2), list, "|")
			for (i = 1; i <= n; i++) {
				item = count[phase, sign, list[i]] " " plural(list[i],
					count[phase, sign, list[i]])
				text = text (i > 1 ? ", " : "") item
			}
			if (n)
				printf "    %-8s %-7s %s\n", phase, word, text
		}
		function plural(kind, n) {
			if (n == 1)
				return kind
			if (sub(/entry$/, "entries", kind))
				return kind
			return kind (kind ~ /s$/ ? "es" : "s")
		}
		END {
			for (i = 1; i <= phases; i++) {
				row(order[i], "+", "add")
				row(order[i], "~", "change")
				row(order[i], "-", "remove")
			}
		}' "$1"
}

# plan_of_service PLAN SERVICE ADDRESS: what the phase that builds adds for one address.
plan_of_service()
{
	awk -v service="$2" -v address="$3" '
		/^== / { phase = $2 }
		phase == "build" && $0 == service { inside = 1; print "    " $0; next }
		inside && /^  / { if (index($0, address)) print "    " $0; next }
		{ inside = 0 }' "$1"
}

# "ADDRESS:PORT/tcp NAMESPACE/NAME:PORT" of every frontend; node ports with * as address.
frontend_names()
{
	"$VIPSHIFT" show "${model[@]}" -o json 2>/dev/null | jq -r '.services[] | . as $s
		| .frontends[] | (.address // "*") as $a
		| (if ($a | contains(":")) then "[\($a)]" else $a end) as $a
		| "\($a):\(.port)/\($s.protocol | ascii_downcase) \($s.namespace)/\($s.name)" +
		  (if ($s.portName // "") == "" then "" else ":\($s.portName)" end)'
}

# The virtual servers that have taken new connections since the switch, with the names of
# their services.
virtual_servers()
{
	frontend_names >names
	ipvsadm -Ln --stats >servers
	awk '
		FILENAME == "names" { name[$1] = $2; next }
		$1 == "TCP" || $1 == "UDP" {
			proto = tolower($1)
			key = $2 "/" proto
			port = $2
			sub(/.*:/, "", port)
			service = key in name ? name[key] : name["*:" port "/" proto]
			if (n++)
				print_row()
			address = $2; connections = $3; backends = 0
			shown = service; p = proto
		}
		$1 == "->" && $2 ~ /[0-9]/ { backends++ }
		function print_row() {
			if (!connections) {
				idle++
				return
			}
			printf "    %-30s %-4s %-26s %2d backend%s %5d connections\n", shown, p,
				address, backends, backends == 1 ? ", " : "s,", connections
		}
		END {
			print_row()
			printf "    ~ and %d virtual servers that nobody has asked yet\n", idle
		}' names servers | LC_ALL=C sort | sed 's/^    ~/   /'
}

step "A node: two networks, 17 pods on two nodes, a client pod, the world outside"
node_setup
node_cluster "$demo/cluster.json"
node_pod client node-a 10.244.1.99 fd00:10:244:1::99
say_command show -f cluster.json -4
"$VIPSHIFT" show "${model[@]}" -4 2>&1 | awk -F '  +' '
	{ printf "    %-29s %-13s %-43s %s\n", $1, $2, $3, $6 }'

step "The node is programmed in iptables mode, as kube-proxy does it"
say_command apply iptables -f cluster.json -c config.yaml
"$VIPSHIFT" apply iptables "${model[@]}" 2>&1 | indented

step "What a switch to ipvs would do"
say_command migrate --to ipvs -f cluster.json -c config.yaml --dry-run
"$VIPSHIFT" migrate --to ipvs "${model[@]}" --dry-run >plan.txt 2>plan.notes || status=$?
# 2: there is something to do.
[ "${status:-0}" = 2 ] || { cat plan.notes; exit 1; }
plan_in_short plan.txt
echo "    ..."
plan_of_service plan.txt shop/web:http 10.96.20.1:80
echo "    ..."
tail -n 1 plan.txt | indented

step "Traffic starts: from a pod, from the host, from outside, and a pod to itself"
flows_start traffic 120 4
flows_wait_ready traffic
echo "    new connections to 25 addresses, 11 streams held open, 6 UDP flows, DNS requests"
sleep 2

step "The switch, under that traffic"
say_command migrate --to ipvs -f cluster.json -c config.yaml --yes
status=0
"$VIPSHIFT" migrate --to ipvs "${model[@]}" --yes >migrate.txt 2>&1 || status=$?
indented <migrate.txt
[ $status = 0 ] || { echo "migrate: exit status $status"; exit 1; }
sleep 3
flows_stop traffic

step "What runs now (connections: new ones since the switch, through IPVS)"
virtual_servers

step "Summary"
"$VIPSHIFT" verify ipvs "${model[@]}" >verify.txt 2>&1 || { cat verify.txt; exit 1; }
jq -rn --slurpfile model <("$VIPSHIFT" show "${model[@]}" -o json 2>/dev/null) \
	--slurpfile runs <(cat traffic/*.json) '
	($model[0].services) as $s
	| "    services             \($s | length) service ports, " +
	  "\([$s[].endpoints[]?] | length) endpoints, " +
	  "\([$s[].frontends[]?] | length) addresses and node ports",
	  "    traffic              \([$runs[].tried] | add) connections and requests tried, " +
	  "\([$runs[].failed] | add) failed",
	  "                         \([$runs[].streams] | add) streams held, " +
	  "\([$runs[].broken] | add) broken; longest pause of a flow " +
	  "\([$runs[].longest_gap_ms] | max) ms"'
sed -nE 's/^vipshift: migrate: (prepare|build|switch|settle|remove) +([0-9]+) operations +([0-9.]+) s/\1 \3 s/p' \
	migrate.txt | paste -sd , | sed 's/,/, /g; s/^/    phases               /'
sed -nE 's/^vipshift: migrate: switched (.*)$/    the switch           \1/p' migrate.txt
sed -nE 's/^vipshift: migrate: .*: [0-9]+ services, (.*)$/    objects              \1/p' migrate.txt
sed -E 's/^vipshift: verify: /    state                /' verify.txt | tail -n 1
jq -es 'map(.failed + .broken) | add == 0' traffic/*.json >/dev/null
