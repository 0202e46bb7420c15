#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node with one problem, and doctor names that one and no other; what migrate says to it, with
# and without --accept; --freeze with processes that bear kube-proxy's name; and --probe. In namespaces
# of their own on this machine's kernel; what needs IPVS is in the guest's test-preflight.sh.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"
failed=0 passed=0 variant=legacy

skip()
{
	echo "test-preflight.sh: $*"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

ok() # WHAT COMMAND...
{
	local what=$1
	shift
	if "$@" >"$work/output" 2>&1; then
		passed=$((passed + 1))
	else
		echo "test-preflight.sh: FAIL: $what (exit status $?)"
		head -20 "$work/output" | sed 's/^/    /'
		failed=$((failed + 1))
	fi
}

# vs STATUS ARGUMENTS...: runs vipshift with the cluster as it stands.
vs()
{
	local status=$1 got=0
	shift
	timeout 30 "$VIPSHIFT" "$@" --iptables "$variant" -f "$work/cluster.json" -n node-a \
		-c "$golden/dual-stack/config.yaml" </dev/null || got=$?
	[ "$got" = "$status" ] || { echo "exit status $got, expected $status"; return 1; }
}

# typed STATUS ANSWERS ARGUMENTS...: vipshift at a terminal, where these lines are typed.
typed()
{
	local status=$1 answers=$2 got=0
	shift 2
	printf '%b' "$answers" | SHELL=/bin/bash timeout 60 script -qec "$(printf '%q ' \
		"$VIPSHIFT" "$@" --iptables legacy)" /dev/null || got=$?
	[ "$got" = "$status" ] || { echo "exit status $got, expected $status"; return 1; }
}

# cluster FILTER: the sample cluster, changed by a jq filter.
cluster() { jq "$1" "$golden/dual-stack/cluster.json" >"$work/cluster.json"; }
service() { echo "(.items[] | select(.kind == \"Service\" and .metadata.name == \"$1\"))"; }
external() { cluster "$(service dual-ext).spec.externalIPs = [\"$1\"]"; }

# findings OPTIONS...: names and levels of what stands against a switch; this kernel may have
# no IPVS.
findings()
{
	vs "$1" doctor --to "$2" -o json "${@:3}" 2>"$work/err" >"$work/doctor.json" ||
		{ cat "$work/doctor.json" "$work/err"; return 1; }
	jq -r '.findings[] | select(.level == "accept" or .level == "refuse")
		| select(.name != "kernel") | "\(.name) \(.level)"' "$work/doctor.json" | sort -u
}

# finds WHAT 'NAME LEVEL' [OPTIONS...]: doctor finds exactly that towards ipvs.
finds()
{
	local what=$1 want=$2
	shift 2
	ok "$what: doctor finds '$want' only" same "$want" 3 ipvs "$@"
}
same() { [ "$(findings "${@:2}" | tee "$work/found")" = "$1" ] || { cat "$work/found"; return 1; }; }
# says REGEXP COMMAND..., lacks REGEXP COMMAND...: it succeeds, and says that, or does not.
heard() { "$@" >"$work/said" 2>&1 || { cat "$work/said"; return 1; }; }
says() { heard "${@:2}" && { grep -qE -- "$1" "$work/said" || { cat "$work/said"; return 1; }; }; }
lacks() { heard "${@:2}" && ! grep -E -- "$1" "$work/said"; }
not() { ! "$@"; }
whatever() { "$@" || :; } # this kernel may have no IPVS
has_rules() { iptables-legacy-save 2>/dev/null | grep -q 'KUBE-SVC-'; }

# ---- whose address it is

test_addresses()
{
	local name

	external 10.0.0.11
	finds "this node's address" 'own-address accept' --kube-proxy 1.28
	finds "this node's address before 1.28" 'own-address refuse' --kube-proxy 1.27
	ok "what it means is said" says 'own address, on eth0.*give the service another' \
		vs 3 doctor --to ipvs
	while read -r address name; do
		external "$address"
		finds "$address" "$name refuse"
	done <<-END
	10.0.0.12 node-address
	fd00:10::13 node-address
	10.0.0.1 gateway
	fd00:10::1 gateway
	198.51.100.53 resolver
	198.51.100.10 api-server
	203.0.113.9 ssh-peer
	END
	external 198.51.100.77
	finds "nobody's address" ''
	external 198.51.100.76
	(exec 9<>/dev/tcp/127.0.0.1/1) 2>/dev/null || :
	ip netns exec other perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(PeerAddr => "10.0.0.11:22", LocalAddr => "198.51.100.76")
			or die $!;
		open my $f, ">", $ARGV[0]; close $f; sleep 30' "$work/connected" &
	wait_for test -e "$work/connected"
	finds "the client of an SSH connection" 'ssh-peer refuse'
	kill $!
	# The service itself is what the node asks there.
	cluster "$(service dual-ext).spec.externalIPs = [\"198.51.100.10\"]
		| $(service dual-ext).spec.ports[0].port = 6443"
	finds "the API server behind its own service" ''
}

test_links()
{
	cluster .
	ip addr add 10.96.25.1/32 dev lo
	finds "a cluster IP on another link" 'other-link refuse'
	ip addr del 10.96.25.1/32 dev lo
	ip addr add 198.51.100.25/32 dev lo
	finds "an external IP that wanders" ''
	ok "is said" says 'warning +other-link +default/dual-ext' vs 3 doctor --to ipvs
	ip addr del 198.51.100.25/32 dev lo
	cluster "$(service dual-lb).status.loadBalancer.ingress[0].ip = \"10.0.0.200\""
	finds "a load balancer in the node's network" 'strict-arp accept'
	sed 's/strictARP: false/strictARP: true/' "$golden/dual-stack/config.yaml" >"$work/c.yaml"
	ok "strictARP settles it" lacks 'strict-arp +ipvs' \
		whatever "$VIPSHIFT" doctor --to ipvs --iptables legacy -f "$work/cluster.json" -n node-a -c "$work/c.yaml"
}

# ---- rules of others

test_rules()
{
	cluster .
	iptables-legacy -t raw -A PREROUTING -d 10.96.25.1/32 -p udp -j CT --notrack
	finds "NOTRACK rules" 'untracked refuse'
	iptables-legacy -t raw -F
	iptables-legacy -P INPUT DROP
	iptables-legacy -A INPUT -i lo -j ACCEPT
	finds "filter INPUT that drops the rest" 'input-firewall accept'
	# What it says to do.
	iptables-legacy -A INPUT -d 10.96.0.0/12 -j ACCEPT
	iptables-legacy -A INPUT -m multiport -p tcp --dports 80,30000:32767 -j ACCEPT
	finds "the same with exceptions" ''
	iptables-legacy -P INPUT ACCEPT
	iptables-legacy -F INPUT
	iptables-legacy -A INPUT -p tcp --dport 30180 -j DROP
	finds "a rule against a node port" 'input-firewall accept'
	iptables-legacy -F INPUT
	if nft add table inet mine 2>/dev/null; then
		nft 'add chain inet mine input { type filter hook input priority 0; policy drop; }'
		finds "a firewall of nft" 'input-firewall accept'
		nft 'chain inet mine input { policy accept; }'
		finds "one that does not drop the rest" ''
		ok "is said" says 'warning +input-firewall +nft.*inet mine input' \
			vs 3 doctor --to ipvs
		nft 'add chain inet mine forward { type filter hook forward priority 0; policy drop; }'
		nft 'delete chain inet mine input'
		ok "at another place nothing is said" lacks 'hook|inet mine' vs 3 doctor --to ipvs
		nft delete table inet mine
	fi
	iptables-legacy -t nat -N HOSTPORT
	iptables-legacy -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j HOSTPORT
	iptables-legacy -t nat -A HOSTPORT -p tcp --dport 8081 -j DNAT --to 10.244.0.9:80
	finds "a host port that no service has" ''
	iptables-legacy -t nat -A HOSTPORT -p tcp --dport 80 -j DNAT --to 10.244.0.9:80
	finds "a host port that a service has" 'local-dnat accept'
	iptables-legacy -t nat -N KUBE-SERVICES
	iptables-legacy -t nat -I PREROUTING -m comment --comment "kubernetes service portals" \
		-j KUBE-SERVICES
	finds "the same behind kube-proxy's rules" ''
	iptables-legacy -t nat -F
	iptables-legacy -t nat -X
	ipset create KUBE-CLUSTER-IP hash:net
	finds "a set of another type" 'foreign-set refuse'
	ipset destroy KUBE-CLUSTER-IP
	iptables-legacy -P FORWARD DROP
	ok "filter FORWARD is for the way back" says 'warning +forward-firewall' \
		vs 3 doctor --to iptables
	iptables-legacy -P FORWARD ACCEPT
}

test_variants()
{
	iptables-nft -w 5 -t nat -N KUBE-SERVICES 2>/dev/null || return 0
	iptables-nft -t nat -A KUBE-SERVICES -p tcp --dport 1 -j RETURN
	iptables-legacy -t nat -N KUBE-SERVICES
	iptables-legacy -t nat -A KUBE-SERVICES -p tcp --dport 1 -j RETURN
	variant=auto
	finds "service rules in both variants" 'both-variants refuse'
	ok "migrate is refused" says 'both variants' vs 3 migrate --to ipvs --dry-run
	variant=legacy
	finds "one of them was chosen" ''
	ok "is said" says 'warning +both-variants .*nft: iptables nat' vs 3 doctor --to ipvs
	iptables-legacy -t nat -F
	iptables-legacy -t nat -X
	iptables-nft -t nat -F
	iptables-nft -t nat -X
	finds "rules in none" ''
}

# ---- other programs

wait_for() { for _ in {1..100}; do ! "$@" || return 0; sleep 0.1; done; return 1; }
state_of() { awk '/^State:/ { print $2 }' "/proc/$1/status"; }
stands() { [ "$(state_of "$1")" = T ]; }

test_writers()
{
	local pid
	cluster .
	perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 10256, Listen => 1)
		or die; sleep 60' &
	pid=$!
	wait_for says 'second-writer refuse' findings 3 ipvs
	finds "kube-proxy's health port" 'second-writer refuse'
	kill $pid
	wait $pid || :
	for name in kube-proxy kube-router; do
		cp "$(command -v sleep)" "$work/bin/$name"
		"$work/bin/$name" 60 &
		pid=$!
		wait_for says 'second-writer refuse' findings 3 ipvs
		finds "$name" 'second-writer refuse'
		ok "the process is named" says "$name: process $pid is running.*--freeze" \
			vs 3 migrate --to iptables --yes
		kill -STOP $pid
		wait_for stands $pid
		finds "$name that is stopped" ''
		kill -9 $pid
		wait $pid 2>/dev/null || :
	done
	# A child of it that bears its name still is none.
	mkfifo "$work/never"
	printf '#!/bin/bash\n(exec 9<>%s; read -rt 60 -u 9) &\nwait\n' "$work/never" >"$work/bin/kube-proxy"
	"$work/bin/kube-proxy" &
	pid=$!
	wait_for pgrep -x -P $pid kube-proxy >"$work/child"
	ok "kube-proxy that has a child" says "process $pid is running" \
		vs 3 migrate --to iptables --yes
	ok "the child is not taken for one" not grep -q "process $(cat "$work/child") " "$work/said"
	kill -9 $pid "$(cat "$work/child")"
	wait $pid 2>/dev/null || :
	cp "$(command -v sleep)" "$work/bin/kube-proxy"
	# One of another network namespace has other tables.
	ip netns exec other "$work/bin/kube-proxy" 60 &
	pid=$!
	sleep 0.3
	finds "kube-proxy of another network" ''
	kill $pid
	# The next one's file cannot be written while this one runs.
	wait $pid 2>/dev/null || :
}

# A kube-proxy that starts programs, as iptables-restore, and one must not be caught at work.
busy_proxy()
{
	mkfifo "$work/nothing"
	cat >"$work/bin/kube-proxy" <<-END
	#!/bin/bash
	exec 9<>$work/nothing
	while :; do
		sleep 0.15
		read -rt 0.1 -u 9 || :
	done
	END
	chmod 755 "$work/bin/kube-proxy"
}

test_freeze()
{
	local pid migrate=(migrate --to iptables --yes --freeze)
	busy_proxy
	"$work/bin/kube-proxy" &
	pid=$!
	# No local endpoint: works in ipvs mode, and is dropped in iptables mode.
	cluster "$(service dual-lb).spec.externalTrafficPolicy = \"Local\"
		| (.items[] | select(.kind == \"EndpointSlice\").endpoints[]?.nodeName) = \"node-b\""
	ok "what can hurt is found" says 'local-policy accept' findings 3 iptables
	ok "it is refused" says 'add: --accept local-policy$' vs 3 "${migrate[@]}" auto
	ok "nothing was written" not has_rules
	ok "the process goes on after a refusal" not stands $pid
	ok "a dry run says so, too" says 'would be refused' vs 3 migrate --to iptables --dry-run \
		--freeze auto
	ok "a name that is none" says 'expected a name' vs 64 migrate --to iptables --accept speed
	ok "accepted in a dry run" vs 2 migrate --to iptables --dry-run --freeze auto \
		--accept local-policy
	ok "the plan has it as well" says '! local-policy +no local endpoint' \
		vs 2 migrate --to iptables --dry-run --freeze auto --accept all
	ok "and as JSON" says '"name": "local-policy", "level": "accept"' \
		vs 2 migrate --to iptables --dry-run --freeze auto --accept all -o json
	ok "a dry run stops nothing" not stands $pid
	ok "one that is not there" says 'no such process' vs 1 "${migrate[@]}" 999999
	ok "migrate with the process stopped" says "process $pid\) is left stopped" \
		vs 0 "${migrate[@]}" "$pid" --accept local-policy
	ok "it was written" has_rules
	ok "the process stands" stands $pid
	ok "no child of it was at work" not pgrep -r R,S,D -P $pid
	ok "who it is, is kept" grep -q " $pid .* kube-proxy" "$VIPSHIFT_STATE_DIR/frozen"
	test_left_stopped $pid
	ok "rollback lets it go on" says "process $pid\) goes on" \
		"$VIPSHIFT" rollback --iptables legacy
	ok "it does" wait_for not stands $pid
	ok "nothing is kept" not test -e "$VIPSHIFT_STATE_DIR/frozen"
	test_waiting $pid
	test_at_work $pid
	ok "migrate and continue" vs 0 "${migrate[@]}" auto:continue --accept all
	ok "it goes on after the switch" wait_for not stands $pid
	ok "where nothing is to do, nothing is refused" says 'nothing to do' \
		vs 0 migrate --to iptables --yes
	ok "it goes on where nothing is to do" says "process $pid\) goes on" \
		vs 0 "${migrate[@]}" auto
	"$VIPSHIFT" flush iptables --iptables legacy --yes -q
	test_interrupted $pid
	kill -9 $pid
}

# stays PID WHAT COMMAND...
stays() { ok "${@:2}"; ok "$2: it stays stopped" stands "$1"; }

# After a switch no run lets it go on that does not go back from it.
test_left_stopped()
{
	local pid=$1 migrate=(migrate --to iptables --yes)
	stays "$pid" "the same again" says 'nothing to do' vs 0 "${migrate[@]}" --freeze auto
	stays "$pid" "no such model" says 'nonexistent' not "$VIPSHIFT" "${migrate[@]}" \
		-f /nonexistent --iptables legacy
	stays "$pid" "nothing to resume" says 'no migration is under way' \
		"$VIPSHIFT" migrate --resume --iptables legacy
	stays "$pid" "nothing to abort" says 'no migration is under way' \
		"$VIPSHIFT" migrate --abort --iptables legacy
	cp "$work/cluster.json" "$work/as-migrated.json"
	jq "$(service dual-ext).spec.externalIPs = [\"198.51.100.77\"]" \
		"$work/as-migrated.json" >"$work/cluster.json"
	stays "$pid" "another model, refused" says 'add: --accept' vs 3 "${migrate[@]}"
	cp "$work/as-migrated.json" "$work/cluster.json"
}

test_waiting()
{
	local pid=$1 migrate=(migrate --to iptables --yes --accept all)
	ok "a switch that waits" says "process $pid\) is left stopped" \
		vs 0 "${migrate[@]}" --freeze auto --confirm-within 300
	stays "$pid" "another migrate meanwhile" says 'waits for confirmation' vs 7 "${migrate[@]}"
	ok "rollback" says "process $pid\) goes on" "$VIPSHIFT" rollback --iptables legacy
	ok "a switch that waits" vs 0 "${migrate[@]}" --freeze auto --confirm-within 1
	ok "nobody confirms: it goes on" wait_for not stands $pid
	wait_for grep -q '^rolled-back' "$VIPSHIFT_STATE_DIR/migration"
}

ends_well() { wait "$1" || { cat "$work/first"; return 1; }; }
test_at_work()
{
	local pid=$1 first migrate=(migrate --to iptables --yes --accept all)
	rm "$VIPSHIFT_STATE_DIR/migration"
	exec 7>"$XTABLES_LOCKFILE"
	flock 7
	vs 0 "${migrate[@]}" --freeze auto -w 20 7>&- >"$work/first" 2>&1 &
	first=$!
	ok "a migration at work" wait_for grep -q '^step' "$VIPSHIFT_STATE_DIR/migration"
	stays "$pid" "another one beside it" says 'did not end' vs 7 "${migrate[@]}"
	stays "$pid" "and its way back" says 'another run is at work' \
		not "$VIPSHIFT" migrate --abort -w 0
	exec 7>&-
	ok "it ends" ends_well $first
	ok "it is left stopped" stands $pid
	ok "rollback" says "process $pid\) goes on" "$VIPSHIFT" rollback --iptables legacy
}

# interrupted PID HOW: what comes of a question; the process stands still when it is asked.
interrupted()
{
	local pid=$1 got=0 script
	rm -f "$work/asked"
	mkfifo "$work/keys"
	SHELL=/bin/bash timeout 60 script -qec "$(printf '%q ' "$VIPSHIFT" migrate --to iptables \
		--accept all --freeze auto --iptables legacy -f "$work/cluster.json" -n node-a \
		-c "$golden/dual-stack/config.yaml")" /dev/null <"$work/keys" >"$work/asked" 2>&1 &
	script=$!
	exec 8>"$work/keys"
	wait_for grep -sqF '[y/N]' "$work/asked" && stands $pid || got=1
	case $2 in
	typed) printf '\003' >&8 ;;
	hangup) kill -KILL "$(pgrep -x script)" ;;
	*) kill "-$2" "$(pgrep -ox vipshift)" ;;
	esac
	wait $script || echo "exit status $?"
	exec 8>&-
	rm "$work/keys"
	cat "$work/asked"
	return $got
}

test_interrupted()
{
	local pid=$1 how
	rm -rf "$VIPSHIFT_STATE_DIR"
	for how in typed INT TERM HUP; do
		ok "$how at the question is no" says 'not confirmed; nothing was changed' \
			interrupted $pid $how
		ok "which is a refusal" grep -q 'exit status 3' "$work/said"
		ok "$how: it goes on" grep -q "process $pid) goes on" "$work/said"
		ok "$how: it does" not stands $pid
		ok "$how: nothing was written" untouched
	done
	ok "a terminal that goes away at the question" interrupted $pid hangup
	ok "it goes on as well" wait_for not stands $pid
	ok "nothing was written" untouched
}

# ---- what is said, and written beside

test_forms()
{
	local migrate=(migrate --to iptables --yes --accept all) ipvs=says
	cluster .
	# Loaded when it is asked for, where there is such a module.
	[ ! -e /proc/net/ip_vs ] || ipvs=lacks
	ok "a kernel without IPVS, diff" $ipvs 'warning: this kernel has no IPVS' vs 2 diff ipvs
	ok "a kernel without IPVS, verify" $ipvs 'warning: this kernel has no IPVS' vs 2 verify ipvs
	ok "iptables mode does not need it" lacks 'IPVS' vs 2 diff iptables

	ok "a report in no folder" says 'cannot write /nowhere/r.json: No such file' \
		vs 1 "${migrate[@]}" --report /nowhere/r.json
	ok "nothing was written" not has_rules
	echo old >"$work/r.json"
	ok "nothing changes its way where no mode carries the services" \
		lacks 'instead of|answers on 127' vs 2 "${migrate[@]}" --dry-run --report "$work/r.json"
	ok "a dry run leaves the report as it is" grep -qx old "$work/r.json"
	ok "migrate" vs 0 "${migrate[@]}" --report "$work/r.json"
	ok "the report" jq -e '.result' "$work/r.json"

	vs 0 verify iptables -o json >"$work/v.json" 2>/dev/null
	ok "verify for machines" jq -e '.kind == "Verification" and .schema == 1 and .ok
		and .mode == "iptables" and .services > 3 and .findings == []' "$work/v.json"
	iptables-legacy -F KUBE-FORWARD
	vs 2 verify iptables -o json >"$work/v.json" 2>/dev/null
	ok "and what is wrong" jq -e '(.ok | not) and (.findings | length) > 0
		and all(.findings[]; .about and .text)' "$work/v.json"
	ok "rollback is of both families" says 'leave out -4 and -6' \
		not "$VIPSHIFT" rollback --iptables legacy -4
	"$VIPSHIFT" rollback --iptables legacy -q

	# What was accepted once counts to the end.
	"$VIPSHIFT" show -f "$work/cluster.json" -n node-a -o json 2>/dev/null |
		jq '.services[0].incomplete = "?"' >"$work/incomplete.json"
	name=$(jq -r '.services[0] | "\(.namespace)/\(.name):\(.portName)"' "$work/incomplete.json")
	migrate=("$VIPSHIFT" migrate --to iptables --iptables legacy --yes --accept all
		--accept "incomplete:$name" -f "$work/incomplete.json" -n node-a)
	ok "with an incomplete service" "${migrate[@]}" --confirm-within 60
	ok "confirm" "$VIPSHIFT" confirm
	ok "rollback" "$VIPSHIFT" rollback
	ok "again" "${migrate[@]}" --confirm-within 1
	ok "it goes back by itself" wait_for not has_rules
}

# ---- questions

asks() { [ "$(grep -oE '(Accept [a-z-]+|Migrate|Delete)[^?]*\? \[y/N\]' "$work/said" |
	sed 's/[ ,].*//' | paste -sd ' ')" = "$1" ]; }
untouched() { ! has_rules && [ ! -e "$VIPSHIFT_STATE_DIR/migration" ]; }

test_questions()
{
	local no='not confirmed; nothing was changed' asked=(migrate --to iptables)
	local migrate=("${asked[@]}" -n node-a -f "$work/cluster.json"
		-c "$golden/dual-stack/config.yaml")
	rm -rf "$VIPSHIFT_STATE_DIR"
	cluster "$(service dual-lb).spec.externalTrafficPolicy = \"Local\"
		| (.items[] | select(.kind == \"EndpointSlice\").endpoints[]?.nodeName) = \"node-b\""

	ok "a difference is not accepted" says "$no" typed 3 'n\ny\n' "${migrate[@]}"
	ok "it was asked for, and nothing else" asks 'Accept'
	ok "what it is, was said" grep -q 'no local endpoint.*\[local-policy\]' "$work/said"
	ok "an empty line is no" says "$no" typed 3 '\n' "${migrate[@]}"
	ok "the end of input is no" says "$no" typed 3 '' "${migrate[@]}"
	ok "another word is no" says "$no" typed 3 'maybe\ny\n' "${migrate[@]}"
	ok "accepted, but not to migrate" says "$no" typed 3 'y\nn\n' "${migrate[@]}"
	ok "both were asked" asks 'Accept Migrate'
	ok "--accept leaves one question" says "$no" typed 3 'n\n' "${migrate[@]}" --accept all
	ok "the last one" asks 'Migrate'
	ok "--yes does not accept" says 'add: --accept local-policy' typed 3 'y\ny\n' \
		"${migrate[@]}" --yes
	ok "and asks nothing" asks ''
	ok "nor does a dry run" says 'would be refused' typed 3 'y\ny\n' "${migrate[@]}" --dry-run
	ok "which asks nothing" asks ''
	ok "no terminal, not accepted" says 'add: --accept local-policy' vs 3 "${asked[@]}"
	ok "no terminal, no --yes" says 'no terminal to ask on: add --yes' \
		vs 64 "${asked[@]}" --accept all
	ok "nothing was written" untouched
	ok "yes to both" says 'the node is in iptables mode' typed 0 'y\nyes\n' "${migrate[@]}"
	ok "it was written" has_rules
	ok "flush of what serves asks" says "$no" typed 3 'n\n' flush iptables
	ok "and leaves it" has_rules
	ok "flush" typed 0 'y\n' flush iptables
	ok "takes it away" not has_rules
}

# ---- real connections

# Answers TCP on all addresses, and DNS queries on port 53.
serve()
{
	perl -MIO::Socket::IP -MIO::Select -MSocket -e '
		my @l = map { IO::Socket::IP->new(LocalHost => "::", LocalPort => $_, Listen => 64,
			ReuseAddr => 1, V6Only => 0) or die $! } 53, 80, 8080;
		my $u = IO::Socket::IP->new(LocalHost => "::", LocalPort => 53, Proto => "udp",
			V6Only => 0) or die $!;
		my $s = IO::Select->new(@l, $u);
		open my $f, ">", $ARGV[0]; close $f;
		while (my @r = $s->can_read) {
			for (@r) {
				if ($_ != $u) { $_->accept; next }
				$u->recv(my $q, 512);
				$u->send(substr($q, 0, 2) . "\x81\x05" . substr($q, 4));
			}
		}' "$work/serving" &
	server=$!
	wait_for test -e "$work/serving"
}

# addresses add|del JQ-FILTER: addresses of the cluster on lo.
addresses()
{
	jq -r "$2" "$work/cluster.json" | grep '[.:]' | sort -u | while read -r address; do
		ip addr "$1" "$address/$([[ $address == *:* ]] && echo 128 || echo 32)" dev lo
	done
}

test_probe()
{
	local pid vips='.items[] | select(.kind == "Service") | .spec.clusterIPs[]?'
	local pods='.items[] | select(.kind == "EndpointSlice") | .endpoints[]?.addresses[]'
	local migrate=(migrate --to iptables --yes --probe)
	cluster .
	cp "$(command -v sleep)" "$work/bin/kube-proxy"
	"$work/bin/kube-proxy" 60 &
	pid=$!
	serve

	# The services answer before, their pods would not.
	addresses add "$vips"
	ok "what is lost rolls the switch back" \
		says 'probe, (switch|during): default/.* does not answer any more' \
		vs 6 "${migrate[@]}" --freeze auto
	ok "the old state is there" not has_rules
	ok "kube-proxy goes on after the rollback" wait_for not stands $pid
	kill -9 $pid
	wait $pid 2>/dev/null || :
	ok "a dry run sends nothing" lacks 'probe' vs 2 "${migrate[@]}" --dry-run

	addresses add "$pods"
	ok "what is kept is said" says 'probe: [0-9]+ connections and queries to 1[0-9] ways in, 0 fai' \
		vs 0 "${migrate[@]}"
	ok "not all answered before" grep -q 'probe before the switch: 1[0-9] of [12][0-9] ways' \
		"$work/said"
	# No address on lo helps them now.
	addresses del "$vips"
	ok "verify --probe" says '^vipshift: verify: [12][0-9] ways in answer$' \
		vs 0 verify iptables --probe
	kill $server
	ok "verify --probe without servers" says '^default/dual:http: 10.96.25.1:80 does not answer' \
		vs 2 verify iptables --probe
	ok "verify alone" vs 0 verify iptables
	addresses del "$pods"
	"$VIPSHIFT" flush iptables --iptables legacy --yes -q
}

# Without -f it is about the services that the node has.
test_read_back()
{
	local sep doctor=("$VIPSHIFT" doctor --to ipvs --iptables legacy -n node-a
		-c "$golden/dual-stack/config.yaml")

	external 10.0.0.11
	vs 0 apply iptables --iptables legacy -q >/dev/null 2>&1
	ok "an address of a service that was read back" \
		says '^ACCEPT\? +own-address +default/dual-ext' not "${doctor[@]}"
	ok "nothing is incomplete" says '^ok +incomplete ' not "${doctor[@]}"
	sep=$(iptables-legacy -t nat -S | sed -n 's/^-A \(KUBE-SEP[^ ]*\) .*default.dual:http.* DNAT .*/\1/p' |
		head -n 1)
	iptables-legacy -t nat -F "$sep"
	ok "a service that is not understood" \
		says 'REFUSED +incomplete +default/dual:http' not "${doctor[@]}"
	ok "is accepted by name" says '^ok +incomplete ' not "${doctor[@]}" \
		--accept incomplete:default/dual:http
	ok "and not all at once" says "incomplete.*a name that doctor lists, incomplete:SERVICE" \
		not "${doctor[@]}" --accept incomplete
	"$VIPSHIFT" flush iptables --iptables legacy --yes -q
}

test_old_release()
{
	iptables-legacy-restore <"$here/../../testdata/eras/1.22/iptables-save.txt"
	ok "rules of an older release are said" says '^warning +old-release .* 1[.]22 or older' \
		whatever "$VIPSHIFT" doctor --to ipvs --iptables legacy -n node-a
	ok "towards iptables mode they are to be accepted" \
		says '^ACCEPT[?] +old-release .*cannot sync' \
		whatever "$VIPSHIFT" doctor --to iptables --iptables legacy -n node-a
	ok "a release that was chosen counts instead" says '^ok +old-release' \
		whatever "$VIPSHIFT" doctor --to iptables --iptables legacy -n node-a --kube-proxy 1.27
	sed 's/"kubeletVersion": "[^"]*"/"kubeletVersion": "v1.23.17"/' \
		"$here/../../testdata/demo/cluster.json" >"$work/old.json"
	ok "so is a Node object's" says '^ACCEPT[?] +old-release .* 1[.]23 or older' \
		whatever "$VIPSHIFT" doctor --to iptables --iptables legacy -f "$work/old.json" -n node-a
	ok "its rules are of the oldest release there is" \
		says 'kubelet version v1[.]23[.]17: .*; taking 1[.]26, ' \
		"$VIPSHIFT" render iptables -f "$work/old.json" -n node-a
	"$VIPSHIFT" flush iptables --iptables legacy --yes -q
}

# given STATUS SOURCE ARGUMENTS...: vipshift with services from there.
given()
{
	local status=$1 got=0
	timeout 30 "$VIPSHIFT" "${@:3}" -f "$2" --iptables legacy -n node-a </dev/null || got=$?
	[ "$got" = "$status" ] || { echo "exit status $got, expected $status"; return 1; }
}

# What was saved wrong, or read back from where it is not, does not take all services away.
test_losses()
{
	local rules source

	cluster .
	vs 0 apply iptables -q >/dev/null 2>&1
	rules=$(iptables-legacy-save | grep KUBE)
	as_before() { [ "$(iptables-legacy-save | grep KUBE)" = "$rules" ]; }
	echo '{"kind": "List", "items": []}' >"$work/empty.json"
	jq '.items |= map(select(.kind == "Service"))' "$work/cluster.json" >"$work/bare.json"
	mkdir "$work/dump"
	"$VIPSHIFT" render ipvs --part iptables -f "$work/cluster.json" -n node-a \
		>"$work/dump/iptables-save.txt"
	for source in "$work/empty.json" "dump:$work/dump"; do
		ok "$source" says "not one service in it, .*nothing was changed.*--accept no-services" \
			given 3 "$source" apply iptables
		ok "$source, dry run" given 3 "$source" apply iptables --dry-run
		ok "$source, repair" given 3 "$source" repair iptables
		ok "$source, migrate" given 3 "$source" migrate --to iptables -y --accept all
		ok "$source, doctor" says '^REFUSED +no-services ' \
			given 3 "$source" doctor --to iptables
	done
	ok "services without endpoints" says "bare.json: not one endpoint in it" \
		given 3 "$work/bare.json" apply iptables
	if [ -e /proc/net/ip_vs ]; then
		ok "the mode that the node is not in" says "no service can be read back" \
			given 0 live:ipvs show
		ok "and apply" given 3 live:ipvs apply iptables
	else
		ok "a mode that is not there" says "-f live:ipvs: this kernel has no IPVS" \
			given 5 live:ipvs show
		ok "and apply" given 5 live:ipvs apply iptables
	fi
	ok "nothing is lost" as_before
	ok "it is meant" given 0 "$work/bare.json" apply iptables --accept no-services
	ok "then there is nothing to lose" given 0 "$work/empty.json" apply iptables
	ok "so it says" says "live:iptables: no service can be read back" given 0 live:iptables show
	"$VIPSHIFT" flush iptables --iptables legacy --yes -q
}

# What migrate would say first.
test_unfinished()
{
	cluster .
	ok "a switch from neither mode" vs 0 migrate --to iptables -y --confirm-within 60
	ok "waits for confirmation" says '^REFUSED +unfinished .*waits for confirmation' \
		vs 3 doctor --to iptables
	ok "and is confirmed" "$VIPSHIFT" confirm --iptables legacy
	ok "then it has ended" says '^ok +unfinished ' vs 0 doctor --to iptables
	ok "quiet: nothing is said" [ -z "$(vs 0 doctor --to iptables -q | grep '^ok')" ]
	"$VIPSHIFT" flush iptables --iptables legacy --yes -q
}

inside()
{
	mount -t tmpfs run /run
	ip link set lo up
	ip netns add other
	ip link add eth0 type veth peer name eth0 netns other
	ip addr add 10.0.0.11/24 dev eth0
	ip addr add fd00:10::11/64 dev eth0 nodad
	ip link set eth0 up
	ip -n other addr add 198.51.100.76/32 dev eth0
	ip -n other link set eth0 up
	ip -n other route add 10.0.0.11/32 dev eth0
	ip route add default via 10.0.0.1
	ip route add 198.51.100.76/32 dev eth0
	ip -6 route add default via fd00:10::1
	perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 22, Listen => 5,
		ReuseAddr => 1) or die; my @all; push @all, $_ while $_ = $s->accept' &
	sshd=$!
	echo 'nameserver 198.51.100.53' >"$work/resolv.conf"
	mount --bind "$work/resolv.conf" /etc/resolv.conf
	printf '127.0.0.1 localhost\n198.51.100.10 api.cluster.example api\n' >"$work/hosts"
	mount --bind "$work/hosts" /etc/hosts
	printf 'clusters:\n- cluster:\n    server: https://api.cluster.example:6443\n' \
		>"$work/kubeconfig"
	export KUBECONFIG=$work/kubeconfig SSH_CONNECTION='203.0.113.9 50000 10.0.0.11 22'

	cluster .
	finds "a fit node" ''
	ok "without services, too" says 'this node has no services, and none were given' \
		"$VIPSHIFT" doctor --to iptables
	test_addresses
	test_links
	test_rules
	test_variants
	test_writers
	test_freeze
	test_forms
	test_questions
	test_probe
	test_read_back
	test_old_release
	test_losses
	test_unfinished
	kill $sshd
	echo "test-preflight.sh: $passed passed, $failed failed"
	[ "$failed" = 0 ]
}

if [ "${1:-}" = inside ]; then
	inside
	exit
fi

for tool in ipset iptables-legacy jq perl script; do
	command -v "$tool" >/dev/null || skip "$tool is missing: install ipset, iptables, jq"
done
unshare=(unshare -nmp --fork --mount-proc)
[ "$(id -u)" = 0 ] || unshare=(unshare -rnmp --fork --mount-proc)
"${unshare[@]}" true 2>/dev/null || skip "${unshare[*]} is not allowed here"
"${unshare[@]}" iptables-legacy -t nat -L >/dev/null 2>&1 ||
	skip "this kernel has no legacy iptables"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/state"
export work XTABLES_LOCKFILE=$work/lock VIPSHIFT_STATE_DIR=$work/state
timeout 300 "${unshare[@]}" "$0" inside
