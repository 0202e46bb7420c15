#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Drift of iptables mode on this machine's own kernel, in fresh network namespaces: each kind of
# damage, in both variants of iptables and both families, is found by verify and mended by
# repair.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
golden=$here/../../testdata/golden
# shellcheck source=../lib/drift.sh
. "$here/../lib/drift.sh"
# shellcheck disable=SC2034  # for drift.sh
mode=iptables cluster=$golden/dual-stack/cluster.json config=$golden/dual-stack/config.yaml
# shellcheck source=../lib/programs.sh
. "$here/../lib/programs.sh"
need_programs "$VIPSHIFT"

skip()
{
	echo "drift: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

unshare=(unshare -n)
[ "$(id -u)" = 0 ] || unshare=(unshare -rn)
if [ "${1:-}" != inside ]; then
	"${unshare[@]}" true 2>/dev/null || skip "no permission to make a network namespace"
	failed=0
	for variant in legacy nft; do
		"${unshare[@]}" "iptables-$variant" -t nat -L >/dev/null 2>&1 ||
			skip "this kernel has no $variant iptables"
		work=$(mktemp -d)
		XTABLES_LOCKFILE=$work/lock VIPSHIFT_STATE_DIR=$work/state \
			"${unshare[@]}" "$0" inside "$work" "$variant" || failed=1
		rm -rf "$work"
	done
	exit $failed
fi
work=$2 variant=$3

# ---- one table for both families

rules_of_family()
{
	local np=default/dual-np:http lb=default/dual-lb:http svc sep endpoint

	svc=$(drift_chain KUBE-SVC $np)
	sep=$(drift_chain KUBE-SEP $np DNAT)
	endpoint=$("$ipt-save" -t nat | sed -n "s/^-A $sep .*--to-destination //p")

	drift "$f missing rule of a service" 1 "nat KUBE-SERVICES.*missing.*$np" \
		"drift_delete nat KUBE-SERVICES '\"$np cluster'"
	drift "$f missing node port" 1 "nat KUBE-NODEPORTS.*missing.*$np" \
		"drift_delete nat KUBE-NODEPORTS '\"$np\"'"
	drift "$f missing endpoint of a service" 1 "nat $svc.*missing.*$np ->" \
		"drift_delete nat $svc '\"$np ->.*statistic'"
	drift "$f missing DNAT" 1 "nat $sep.*missing.*DNAT" "drift_delete nat $sep DNAT"
	drift "$f missing source range" 1 "nat KUBE-FW-.*missing.*$lb" \
		"drift_delete nat \$(drift_chain KUBE-FW $lb) '^-A [^ ]* -s'"
	drift "$f missing firewall of a load balancer" 1 "filter KUBE-PROXY-FIREWALL.*missing.*$lb" \
		"drift_delete filter KUBE-PROXY-FIREWALL '$lb'"
	drift "$f chain emptied" 2 "nat $sep.*2 rules missing" "$ipt -t nat -F $sep"
	drift "$f extra rule at the end" 1 'filter KUBE-FORWARD.*too many.*DROP' \
		"$ipt -A KUBE-FORWARD -j DROP"
	drift "$f extra rule at the top" 1 "nat $svc.*too many" "$ipt -t nat -I $svc -j RETURN"
	drift "$f rule with a foreign match" 1 'filter KUBE-FORWARD.*too many.*limit' \
		"$ipt -I KUBE-FORWARD -m limit --limit 5/min -j LOG"
	drift "$f rule twice" 1 'nat KUBE-MARK-MASQ.*more than once' \
		"$ipt -t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000"
	drift "$f changed DNAT" 2 "nat $sep.*missing.*DNAT" \
		"$ipt -t nat -R $sep 2 -p tcp -j DNAT --to-destination $elsewhere"
	drift "$f changed probability" 2 "nat $svc.*missing.*0\\.5" \
		"$ipt -t nat -R $svc \$(drift_number nat $svc statistic) -m comment --comment \
		changed -m statistic --mode random --probability 0.3 -j $sep"
	drift "$f changed mark" 2 'nat KUBE-MARK-MASQ.*missing.*0x4000/0x4000' \
		"$ipt -t nat -R KUBE-MARK-MASQ 1 -j MARK --or-mark 0x8000"
	drift "$f changed masquerading" 2 'nat KUBE-POSTROUTING.*missing.*random-fully' \
		"$ipt -t nat -R KUBE-POSTROUTING 3 -m comment --comment \
		'kubernetes service traffic requiring SNAT' -j MASQUERADE"
	drift "$f changed comment" 2 'nat KUBE-SERVICES.*missing.*dual-np' \
		"drift_delete nat KUBE-SERVICES '\"$np cluster'
		$ipt -t nat -I KUBE-SERVICES -d $vip -p tcp -m comment --comment other \
		-m tcp --dport 80 -j $svc"
	drift "$f reordered rules" 2 'nat KUBE-POSTROUTING.*another order' \
		"$ipt -t nat -D KUBE-POSTROUTING 1
		$ipt -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN"
	drift "$f last rule not last" 2 'nat KUBE-SERVICES.*another order' \
		"rule=\$($ipt -t nat -S KUBE-SERVICES | grep 'KUBE-NODEPORTS\$')
		drift_delete nat KUBE-SERVICES 'KUBE-NODEPORTS\$'
		eval \"$ipt -t nat -I KUBE-SERVICES \${rule#-A KUBE-SERVICES}\""
	drift "$f missing jump in nat" 1 'nat PREROUTING.*missing.*KUBE-SERVICES' \
		"drift_delete nat PREROUTING KUBE-SERVICES"
	drift "$f missing jump in filter" 1 'filter FORWARD.*missing.*KUBE-FORWARD' \
		"drift_delete filter FORWARD KUBE-FORWARD"
	drift "$f built-in chain flushed" 4 'filter INPUT.*missing' "$ipt -F INPUT"
	drift "$f jumps behind a rule for everything" 8 \
		'filter INPUT.*no packet gets to it' \
		"$ipt -I INPUT -m comment --comment 'let me in' -j ACCEPT" "$ipt -D INPUT \
		-m comment --comment 'let me in' -j ACCEPT"
	drift "$f jump behind a chain that ends everything" 2 'nat PREROUTING.*no packet gets' \
		"$ipt -t nat -N others; $ipt -t nat -A others -j ACCEPT
		$ipt -t nat -I PREROUTING -j others" \
		"$ipt -t nat -D PREROUTING -j others; $ipt -t nat -F others
		$ipt -t nat -X others"
	drift "$f jump of an old release" 1 'filter INPUT.*too much.*KUBE-SERVICES' \
		"$ipt -A INPUT -m conntrack --ctstate NEW -m comment --comment \
		'kubernetes service portals' -j KUBE-SERVICES"
	drift "$f missing chain of an endpoint" 4 "nat $sep.*missing" \
		"drift_delete nat $svc '$sep\$'; $ipt -t nat -F $sep; $ipt -t nat -X $sep" \
		: "$sep"
	drift "$f missing canary" 1 'mangle KUBE-PROXY-CANARY.*missing' \
		"$ipt -t mangle -X KUBE-PROXY-CANARY"
	drift "$f jump to a chain too many" 2 "nat $svc.*too many.*KUBE-SVC-AAAAAAAAAAAAAAAA" \
		"$ipt -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA
		$ipt -t nat -A $svc -j KUBE-SVC-AAAAAAAAAAAAAAAA"
	drift "$f stale service" 3 'nat KUBE-SERVICES.*too many' \
		"$ipt -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA
		$ipt -t nat -A KUBE-SVC-AAAAAAAAAAAAAAAA -j RETURN
		$ipt -t nat -I KUBE-SERVICES -d $elsewhere_net -j KUBE-SVC-AAAAAAAAAAAAAAAA"
	drift "$f nat flushed" "$(count_rules nat)" 'nat KUBE-SERVICES.*missing' "$ipt -t nat -F"
	drift_mark_counters
	drift "$f filter flushed" "$(count_rules filter)" 'filter KUBE-FORWARD.*missing' "$ipt -F"
	drift_mark_counters
	drift "$f nat flushed, chains too" "$(($(count_rules nat) + $(count_chains nat)))" \
		'nat KUBE-SERVICES.*missing' "$ipt -t nat -F; $ipt -t nat -X"
	drift_mark_counters
	drift "$f firewall reloaded" "$(($(count_rules nat) + $(count_chains nat) +
		$(count_rules filter) + $(count_chains filter) + $(count_chains mangle)))" \
		'nat KUBE-SERVICES.*missing' \
		"for t in nat filter mangle; do $ipt -t \$t -F; $ipt -t \$t -X; done"
	drift_mark_counters

	drift_none "$f rule of others before ours" "$ipt -I INPUT -i lo -j ACCEPT" \
		"$ipt -D INPUT -i lo -j ACCEPT"
	drift_none "$f rule of others behind ours" "$ipt -A INPUT -j DROP" "$ipt -D INPUT -j DROP"
	drift_none "$f chains of others" \
		"$ipt -N cali-FORWARD; $ipt -A cali-FORWARD -m mark --mark 1 -j ACCEPT
		$ipt -I FORWARD -j cali-FORWARD; $ipt -N KUBE-ROUTER-INPUT; $ipt -t nat -N KUBE-SVC-x" \
		"$ipt -D FORWARD -j cali-FORWARD; $ipt -F cali-FORWARD; $ipt -X cali-FORWARD
		$ipt -X KUBE-ROUTER-INPUT; $ipt -t nat -X KUBE-SVC-x"
	drift_none "$f chains of a service that kube-proxy has left for later" \
		"$ipt -t nat -N KUBE-SEP-AAAAAAAAAAAAAAAA; $ipt -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA
		$ipt -t nat -A KUBE-SVC-AAAAAAAAAAAAAAAA -j KUBE-SEP-AAAAAAAAAAAAAAAA" \
		"$ipt -t nat -F KUBE-SVC-AAAAAAAAAAAAAAAA; $ipt -t nat -X KUBE-SVC-AAAAAAAAAAAAAAAA
		$ipt -t nat -X KUBE-SEP-AAAAAAAAAAAAAAAA"
	drift_none "$f comments as in a large cluster" \
		"drift_delete nat $sep DNAT
		$ipt -t nat -A $sep -p tcp -m tcp -j DNAT --to-destination $endpoint" \
		"drift_delete nat $sep DNAT
		$ipt -t nat -A $sep -p tcp -m comment --comment $np -m tcp -j DNAT \
		--to-destination $endpoint"
	drift_none "$f last rule of a firewall as up to 1.26" \
		"drift_delete nat \$(drift_chain KUBE-FW $lb) 'will be dropped'" \
		"$ipt -t nat -A \$(drift_chain KUBE-FW $lb) -m comment --comment \
		'other traffic to $lb will be dropped by KUBE-PROXY-FIREWALL'"
	drift_none "$f services in another order" \
		"rule=\$($ipt -t nat -S KUBE-SERVICES 1)
		$ipt -t nat -D KUBE-SERVICES 1
		eval \"$ipt -t nat -I KUBE-SERVICES 3 \${rule#-A KUBE-SERVICES}\""
}

count_rules() # TABLE
{
	"$ipt-save" -t "$1" | grep -c '^-A'
}

count_chains() # TABLE
{
	"$ipt-save" -t "$1" | grep -c '^:KUBE-'
}

drift_node
drift_begin
f=IPv4 ipt=iptables-$variant vip=10.96.25.2 elsewhere=10.9.9.9:9 elsewhere_net=10.9.9.9
rules_of_family
# shellcheck disable=SC2034  # used in the damage
f=IPv6 ipt=ip6tables-$variant vip=fd00:10:96::2502 elsewhere='[fd00:9::9]:9' \
	elsewhere_net=fd00:9::9
rules_of_family
f='' ipt=iptables-$variant
drift 'sysctl changed back' 1 'route_localnet: is 0; wanted: 1' \
	'echo 0 >/proc/sys/net/ipv4/conf/all/route_localnet'
drift_finish
