#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Drift of ipvs mode in the guest: each kind of damage, in both families, is found by verify and
# mended by repair. Then: real servers that leave, the ledger, and what is not ours.
#
# VIPSHIFT_DRIFT: an extended regular expression, to run only some of the parts: sets, servers,
# rules, shared, leaving, ledger.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
# shellcheck source=../lib/drift.sh
. "$here/../lib/drift.sh"
# shellcheck disable=SC2034  # for drift.sh
mode=ipvs cluster=$golden/dual-stack/cluster.json config=$golden/dual-stack/config.yaml
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

# Connections that end take their time, so these parts have a guest of their own, without what
# the damage to everything else leaves in its tables.
if [ "${1:-}" != inside ]; then
	status=0
	for parts in ${VIPSHIFT_DRIFT:-'leaving|ledger' 'sets|servers|rules|shared'}; do
		VIPSHIFT_DRIFT=$parts "$here/run-guest" \
			--timeout "${VIPSHIFT_GUEST_TIMEOUT:-700}" "$0" inside || status=1
	done
	exit $status
fi

work=$(mktemp -d)
# shellcheck disable=SC2034  # for drift.sh
drift_quick=1
export VIPSHIFT_STATE_DIR=$work/state

# The members of a set as lines to load: "members KUBE-CLUSTER-IP".
members() { ipset save "$1" | grep '^add'; }
n_members() { members "$1" | wc -l; }
# Its real servers, of the virtual server that $server names.
dests() { ipvsadm -Sn | grep -F -- "-a $server -r"; }

sets_of_family()
{
	local p=KUBE-
	[ "$f" = IPv4 ] || p=KUBE-6-

	drift "$f missing member of a set" 1 "ipset ${p}CLUSTER-IP: 1 entries missing.*$vip" \
		"ipset del ${p}CLUSTER-IP $vip,tcp:80"
	drift "$f wrong member of a set" 1 "ipset ${p}CLUSTER-IP: 1 entries too many.*$other" \
		"ipset add ${p}CLUSTER-IP $other,tcp:80"
	drift "$f changed member of a set" 2 "ipset ${p}LOAD-BALANCER: 1 entries missing" \
		"ipset flush ${p}LOAD-BALANCER; ipset add ${p}LOAD-BALANCER $other,tcp:81"
	drift "$f wrong port in a bitmap" 1 "ipset ${p}NODE-PORT-TCP: 1 entries too many.*4242" \
		"ipset add ${p}NODE-PORT-TCP 4242"
	drift "$f set flushed" "$(n_members ${p}LOOP-BACK)" "ipset ${p}LOOP-BACK: .*missing" \
		"ipset flush ${p}LOOP-BACK"
	drift "$f set missing" 1 "ipset ${p}NODE-PORT-LOCAL-TCP: missing" \
		"ipset destroy ${p}NODE-PORT-LOCAL-TCP"
	drift "$f set of another type" 1 "ipset ${p}NODE-PORT-LOCAL-TCP: another type" \
		"ipset destroy ${p}NODE-PORT-LOCAL-TCP
		ipset create ${p}NODE-PORT-LOCAL-TCP hash:ip family $family"
	drift "$f set in use with another size" 1 "ipset ${p}CLUSTER-IP: another type" \
		"ipset save ${p}CLUSTER-IP | sed 's/${p}CLUSTER-IP/aside/; s/maxelem 65536/maxelem 99/' |
			ipset restore
		ipset swap aside ${p}CLUSTER-IP; ipset destroy aside"
	drift "$f set in use with comments" 1 "ipset ${p}CLUSTER-IP: another type" \
		"ipset save ${p}CLUSTER-IP | sed 's/${p}CLUSTER-IP/aside/; /^create/s/\$/ comment/' |
			ipset restore
		ipset swap aside ${p}CLUSTER-IP; ipset destroy aside"
	drift "$f set of another type with its rules gone" 2 \
		"ipset ${p}EXTERNAL-IP-LOCAL: another type" \
		"ipset destroy ${p}EXTERNAL-IP-LOCAL
		ipset create ${p}EXTERNAL-IP-LOCAL hash:ip,port,ip family $family
		$ipt -D KUBE-FORWARD 1"
}

servers_of_family()
{
	local server="-t $at:80" one n key
	one=$(dests | awk '{ print $5; exit }')
	n=$(dests | wc -l)
	key="virtual server tcp $at_pattern:80"

	drift "$f virtual server missing" $((n + 1)) "$key.*: missing" "ipvsadm -D $server"
	drift "$f wrong scheduler" 1 "$key.*scheduler lc.*wanted: rr" "ipvsadm -E $server -s lc"
	drift "$f wrong flags" 1 "$key.*flags 0x1, time-out 77" "ipvsadm -E $server -s rr -p 77"
	drift "$f real server missing" 1 "$key.*real server .* is missing" \
		"ipvsadm -d $server -r $one"
	drift "$f all real servers missing" "$n" "$key.*is missing" \
		"for r in \$(dests | awk '{ print \$5 }'); do ipvsadm -d $server -r \$r; done"
	drift "$f real server too much" 1 "$key.*real server .* is too much" \
		"ipvsadm -a $server -r $real:99 -m"
	drift "$f real server with weight 0" 1 "$key.*weight 0, .*wanted: 1" \
		"ipvsadm -e $server -r $one -m -w 0"
	drift "$f real server with another weight" 1 "$key.*weight 7, .*wanted: 1" \
		"ipvsadm -e $server -r $one -m -w 7"
	drift "$f real server with thresholds" 1 "$key.*thresholds 5/99; wanted: 1, 0, 0/0" \
		"ipvsadm -e $server -r $one -m -w 1 -x 99 -y 5"
	drift "$f virtual server too much" 2 "virtual server tcp .*:8081: too much" \
		"ipvsadm -A -t $at:8081 -s rr; ipvsadm -a -t $at:8081 -r $real:80 -m"
	drift_none "$f virtual server of others" \
		"ipvsadm -A -t $foreign:80 -s wrr; ipvsadm -a -t $foreign:80 -r $real:80 -i -w 3" \
		"ipvsadm -D -t $foreign:80"
	drift "$f address missing" 1 "address $vip: missing" \
		"ip addr del $vip/$bits dev kube-ipvs0"
	drift "$f address too much" 1 "address $other: too much" \
		"ip addr add $other/$bits dev kube-ipvs0"
}

rules_of_family()
{
	drift "$f missing rule" 1 'nat KUBE-SERVICES.*missing.*CLUSTER-IP' \
		"drift_delete nat KUBE-SERVICES 'CLUSTER-IP.*MARK-MASQ'"
	drift "$f guard of the addresses missing" 1 'filter KUBE-IPVS-FILTER.*missing.*IPVS-IPS' \
		"drift_delete filter KUBE-IPVS-FILTER REJECT"
	drift "$f rule with another set" 2 'nat KUBE-LOAD-BALANCER|nat KUBE-NODE-PORT' \
		"drift_delete nat KUBE-NODE-PORT NODE-PORT-TCP
		$ipt -t nat -A KUBE-NODE-PORT -m set --match-set ${set}NODE-PORT-UDP dst \
		-j KUBE-MARK-MASQ"
	drift "$f missing jump" 1 'filter INPUT.*missing.*KUBE-IPVS-FILTER' \
		"drift_delete filter INPUT KUBE-IPVS-FILTER"
	drift "$f jump behind a rule for everything" 2 'nat OUTPUT.*no packet gets to it' \
		"$ipt -t nat -I OUTPUT -j ACCEPT" "$ipt -t nat -D OUTPUT -j ACCEPT"
	drift "$f nat flushed" "$("$ipt-save" -t nat | grep -c '^-A')" 'nat KUBE-SERVICES.*missing' \
		"$ipt -t nat -F"
	drift_mark_counters
	drift "$f firewall reloaded" "$("$ipt-save" | grep -cE '^-A|^:KUBE')" \
		'filter KUBE-IPVS-FILTER.*missing' \
		"for t in nat filter; do $ipt -t \$t -F; $ipt -t \$t -X; done"
	drift_mark_counters
}

part() # NAME COMMAND
{
	[[ ! $1 =~ ${VIPSHIFT_DRIFT:-} ]] || "$2"
}

# ---- once for both families

shared()
{
	local n
	n=$(ip -o addr show dev kube-ipvs0 | wc -l)
	ipt=iptables-legacy
	drift 'link missing' $((n + 1)) 'link kube-ipvs0: missing' 'ip link del kube-ipvs0'
	drift 'vs.conntrack changed back' 1 'net.ipv4.vs.conntrack: is 0; wanted: 1' \
		'echo 0 >/proc/sys/net/ipv4/vs/conntrack'
	drift 'expire_nodest_conn changed back' 1 'expire_nodest_conn: is 0; wanted: 1' \
		'echo 0 >/proc/sys/net/ipv4/vs/expire_nodest_conn'
	drift 'forwarding changed back' 1 'ip_forward: is 0; wanted: 1' \
		'echo 0 >/proc/sys/net/ipv4/ip_forward'
	drift_none 'sets of others' \
		'ipset create KUBE-ROUTER hash:net; ipset create mine hash:ip; ipset add mine 1.2.3.4' \
		'ipset destroy mine; ipset destroy KUBE-ROUTER'
	n=$(ipvsadm -Sn | wc -l)
	drift 'IPVS flushed' "$n" 'virtual server .*: missing' 'ipvsadm -C'
}

# ---- real servers that leave

check() # WHAT COMMAND...
{
	local what=$1
	shift
	if "$@" >"$work/check" 2>&1; then
		drift_passed=$((drift_passed + 1))
	else
		drift_failed=$((drift_failed + 1))
		echo "FAILED $mode: $what"
		sed 's/^/    /' "$work/check" "$work/out"
	fi
}

# expect STATUS 'PATTERN' COMMAND [OPTIONS]
expect()
{
	local want=$1 pattern=$2 got=0
	shift 2
	drift_vipshift "$@" >"$work/out" 2>&1 || got=$?
	[ "$got" = "$want" ] && grep -Eq -- "$pattern" "$work/out" && return
	echo "$*: exit status $got, not $want, or it does not say: $pattern"
	return 1
}

weight_of() # VIP:PORT REAL
{
	ipvsadm -Sn | awk -v vip="$1" -v real="$2" '$3 == vip && $5 == real { print $8 }'
}
is_idle() # VIP:PORT REAL
{
	[ "$(ipvsadm -Ln | awk -v vip="$1" -v real="$2" '
		$1 == "TCP" { at = $2 } at == vip && $2 == real { print $5 + $6 }')" = 0 ]
}
is_weight() { [ "$(weight_of "$1" "$2")" = "$3" ]; }
answers() { echo ping >&7; read -r -t 5 <&7; }

pod_with_server()
{
	ip netns add pod
	ip link add pod type veth peer name eth0 netns pod
	ip addr add 10.244.1.1/32 dev pod
	ip link set pod up
	ip route add 10.244.1.5/32 dev pod src 10.0.0.11
	ip -n pod -batch - <<-END
	link set lo up
	addr add 10.244.1.5/32 dev eth0
	link set eth0 up
	route add default dev eth0
	END
	# shellcheck disable=SC2016  # it is perl
	ip netns exec pod perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 9) or die;
		while (my $c = $s->accept) {
			next if fork;
			$c->autoflush(1);
			while (<$c>) { print $c $_ }
			exit;
		}' &
	server_pid=$!
	sleep 1
}

# A connection to the service, as descriptor 7.
connected()
{
	for _ in {1..60}; do
		! exec 7<>/dev/tcp/10.96.25.1/80 || ! answers || return 0
		sleep 0.5
	done 2>/dev/null
	echo 'no connection to 10.96.25.1:80'
	return 1
}

leaving()
{
	local good=$cluster gone=$work/gone.json vip=10.96.25.1:80 real=10.244.1.5:8080

	pod_with_server
	# A list of endpoints without this pod.
	sed 's/"10\.244\.1\.5"/"10.244.1.99"/' "$good" >"$gone"
	ipvsadm --set 900 2 300
	connected
	cluster=$gone
	# The other services that have the endpoint have no connection to it.
	check 'diff says that the weight becomes 0' expect 2 '~ real server.*10\.244\.1\.5:8080 weight 1 -> weight 0' diff
	check 'verify finds it' expect 2 "tcp $vip.*10\\.244\\.1\\.5:8080 has weight 1.*wanted: 0" verify
	check 'a real server with connections leaves with weight 0' expect 0 'draining=1 ' repair
	check 'it has weight 0' is_weight $vip $real 0
	check 'it is gone where it had no connection' is_weight 10.96.25.2:80 $real ''
	check 'its connection goes on' answers
	check 'what leaves is no difference' expect 0 'equals' verify
	check 'nothing to do while it is used' expect 0 'result=ok .*changes=0 .*draining=1' repair
	cluster=$good
	check 'one that comes back gets its weight' expect 0 'result=repaired' repair
	check 'and has its connection' answers
	cluster=$gone
	check 'it leaves again' expect 0 'draining=1' repair
	# With an answer that nobody has read the end is a reset, which IPVS forgets in 10 s.
	echo ping >&7
	sleep 1
	exec 7>&-
	for _ in {1..40}; do
		is_idle $vip $real && break
		sleep 1
	done
	check 'an idle one is a difference' expect 2 'real server 10\.244\.1\.5:8080 is too much' verify
	check 'it is removed when it is idle' expect 0 'changes=1 .*draining=0' repair
	check 'it is removed' is_weight $vip $real ''
	check 'its ledger entry is gone' sh -c "! grep leaving '$VIPSHIFT_STATE_DIR/ledger'"

	cluster=$good
	expect 0 '' repair
	connected
	cluster=$gone
	check 'it leaves with a deadline' expect 0 'draining=1' repair --drain 4
	check 'the ledger knows' grep "leaving tcp $vip $real" "$VIPSHIFT_STATE_DIR/ledger"
	sleep 5
	check 'past it, it is a difference' expect 2 'is too much' verify
	check 'past it, it is removed' expect 0 'changes=1 .*draining=0' repair --drain 4
	exec 7>&-
	cluster=$good
	expect 0 '' repair
	kill "$server_pid"
}

# ---- what an earlier run made and is not recognisable any more

ledger()
{
	local full=$cluster less=$work/less.json l=$VIPSHIFT_STATE_DIR/ledger

	expect 0 '' repair
	check 'the ledger has the virtual servers' \
		[ "$(grep -c '^server ' "$l")" = "$(ipvsadm -Sn | grep -c '^-A')" ]
	# Without the service; its address is taken away by somebody.
	jq '.items |= map(select(.metadata.name | startswith("dual-np") | not))' "$full" >"$less"
	ip addr del 10.96.25.2/32 dev kube-ipvs0
	cp "$l" "$work/ledger"
	cluster=$less

	# A broken ledger may cost a removal, never make one.
	head -n 5 "$work/ledger" >"$l"
	check 'half a ledger is not used' expect 2 'warning: the ledger is not used.*not whole' verify
	check 'without it the server is not known' sh -c "! grep '10.96.25.2:80.*too much' '$work/out'"
	sed 's/^server tcp 10.96.25.2:80$/server tcp 10.96.25.2:http/' "$work/ledger" >"$l"
	check 'a wrong line is named' expect 2 'ledger:[0-9]+: not a line' verify
	sed 's/^ledger 1 .*/ledger 1 00000000-0000-0000-0000-000000000000:1/' "$work/ledger" >"$l"
	check 'one of another boot says nothing' expect 2 '.' verify
	check 'and is no reason to complain' sh -c "! grep -E 'ledger|10.96.25.2:80' '$work/out'"

	cp "$work/ledger" "$l"
	check 'the ledger knows whose it is' expect 2 'tcp 10\.96\.25\.2:80: too much' verify
	check 'it is removed' expect 0 'result=repaired' repair
	check 'it is gone' sh -c "! ipvsadm -Sn | grep -F 10.96.25.2:80"
	check 'the ledger forgets it' sh -c "! grep -F 10.96.25.2:80 '$l'"
	cluster=$full
	expect 0 '' repair
}

mkdir -p "$work"
modprobe -a dummy ip_vs ip_vs_rr ip_vs_lc ip_vs_wrr xt_set ip_set_hash_ip ip_set_hash_net
drift_node
drift_begin
# shellcheck disable=SC2034  # used in the damage
{
	f=IPv4 ipt=iptables-legacy family=inet bits=32 set=KUBE- at=10.96.25.2 vip=10.96.25.2 \
		at_pattern='10\.96\.25\.2' \
		other=10.9.9.9 real=10.244.9.9 foreign=192.168.7.7
	part sets sets_of_family
	part servers servers_of_family
	part rules rules_of_family
	f=IPv6 ipt=ip6tables-legacy family=inet6 bits=128 set=KUBE-6- \
		at='[fd00:10:96::2502]' at_pattern='\[fd00:10:96::2502\]' \
		vip=fd00:10:96::2502 other=fd00:9::9 real='[fd00:10:244:9::9]' \
		foreign='[fd00:7::7]'
	# Rules have one body for both families: the test of iptables mode has both.
	part sets sets_of_family
	part servers servers_of_family
	f=''
}
part shared shared
part leaving leaving
part ledger ledger
drift_finish
