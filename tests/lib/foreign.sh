# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A node that others use too (source this file): Docker, Calico, Cilium, firewalld, kube-router,
# kubelet, keepalived. foreign_make puts their objects into this network namespace, with
# counters; foreign_state prints all that is not kube-proxy's, byte for byte as the stock tools
# do, so that two of its outputs can be compared. Tables are those of $variant, legacy or nft.
variant=${variant:-legacy}

# What kube-proxy owns, by its own names and not by what vipshift takes them for. (mawk has no
# repetition counts.)
foreign_hash=$(printf '[A-Z2-7]%.0s' {1..16})
foreign_chains='KUBE-(SERVICES|EXTERNAL-SERVICES|NODEPORTS|FORWARD|PROXY-FIREWALL|PROXY-CANARY'
foreign_chains+='|POSTROUTING|MARK-MASQ|NODE-PORT|LOAD-BALANCER|SOURCE-RANGES-FIREWALL'
foreign_chains+='|IPVS-FILTER|IPVS-OUT-FILTER|(SVC|SVL|SEP|FW|EXT)-'$foreign_hash')'
foreign_sets='KUBE-(6-)?(LOOP-BACK|CLUSTER-IP|EXTERNAL-IP|EXTERNAL-IP-LOCAL|LOAD-BALANCER'
foreign_sets+='|LOAD-BALANCER-(LOCAL|FW|SOURCE-IP|SOURCE-CID?R?)|NODE-PORT-(LOCAL-)?(TCP|UDP)'
foreign_sets+='|NODE-PORT-(LOCAL-)?SCTP-HA?S?H?|HEALTH-CHECK-NODE-PORT|IPVS-IPS)'

# foreign_tables TOOL: what the others have in the tables of one family.
foreign_tables()
{
	local net=172.17.0.0/16 pod=10.244.1.7 world=198.51.100.0/24 lo=127.0.0.0/8
	local reject=icmp-host-prohibited set=cali40all-ipam-pools localnet
	if [ "$1" = ip6tables ]; then
		net=fd00:17::/64 pod=fd00:10:244:1::7 world=2001:db8:113::/64 lo=::1/128
		reject=icmp6-adm-prohibited set=cali60all-ipam-pools
	fi
	localnet="[0:0] -A KUBE-FIREWALL ! -s $lo -d $lo -m comment --comment \"block incoming"
	localnet+=' localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP'
	[ "$1" = iptables ] || localnet=
	cat <<-END
	*raw
	:PREROUTING ACCEPT [70:7000]
	:OUTPUT ACCEPT [71:7100]
	:cali-PREROUTING - [0:0]
	:CILIUM_PRE_raw - [0:0]
	[1:60] -A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
	[2:120] -A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_raw" -j CILIUM_PRE_raw
	[3:180] -A cali-PREROUTING -j MARK --set-xmark 0x0/0xf0000
	[4:240] -A CILIUM_PRE_raw -d $pod -p udp -m udp --dport 53 -j CT --notrack
	COMMIT
	*mangle
	:PREROUTING ACCEPT [0:0]
	:INPUT ACCEPT [0:0]
	:FORWARD ACCEPT [0:0]
	:OUTPUT ACCEPT [0:0]
	:POSTROUTING ACCEPT [0:0]
	:CILIUM_PRE_mangle - [0:0]
	:KUBE-IPTABLES-HINT - [0:0]
	:KUBE-KUBELET-CANARY - [0:0]
	[5:300] -A PREROUTING -m comment --comment "cilium-feeder: CILIUM_PRE_mangle" -j CILIUM_PRE_mangle
	[6:360] -A CILIUM_PRE_mangle ! -o lo -m socket --transparent -j MARK --set-xmark 0x200/0xffffffff
	[7:420] -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
	COMMIT
	*nat
	:PREROUTING ACCEPT [11:1100]
	:INPUT ACCEPT [12:1200]
	:OUTPUT ACCEPT [13:1300]
	:POSTROUTING ACCEPT [14:1400]
	:DOCKER - [0:0]
	:cali-PREROUTING - [0:0]
	:cali-POSTROUTING - [0:0]
	:cali-nat-outgoing - [0:0]
	:CNI-HOSTPORT-DNAT - [0:0]
	:KUBE-KUBELET-CANARY - [0:0]
	:KUBE-MARK-DROP - [0:0]
	:KUBE-ROUTER-HAIRPIN - [0:0]
	:KUBE-SVC-SHORT - [0:0]
	[21:2100] -A PREROUTING -m comment --comment "cali:6gwbT8clXdHdC1b1" -j cali-PREROUTING
	[22:2200] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
	[23:2300] -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
	[24:2400] -A OUTPUT ! -d $lo -m addrtype --dst-type LOCAL -j DOCKER
	[25:2500] -A POSTROUTING -m comment --comment "cali:O3lYWMrLQYEMJtB5" -j cali-POSTROUTING
	[26:2600] -A POSTROUTING -s $net ! -o docker0 -j MASQUERADE
	[27:2700] -A POSTROUTING -j KUBE-ROUTER-HAIRPIN
	[28:2800] -A DOCKER -i docker0 -j RETURN
	[29:2900] -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination $pod
	[30:3000] -A cali-POSTROUTING -m comment --comment "cali:Z-c7XtVd2Bq7s_hA" -j cali-nat-outgoing
	[31:3100] -A cali-nat-outgoing -m set --match-set $set src -m set ! --match-set $set dst -j MASQUERADE --random-fully
	[32:3200] -A CNI-HOSTPORT-DNAT -p tcp -m multiport --dports 9090,9091 -j DNAT --to-destination $pod
	[33:3300] -A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000
	COMMIT
	*filter
	:INPUT ACCEPT [41:4100]
	:FORWARD DROP [42:4200]
	:OUTPUT ACCEPT [43:4300]
	:DOCKER - [0:0]
	:DOCKER-ISOLATION-STAGE-1 - [0:0]
	:DOCKER-USER - [0:0]
	:IN_public - [0:0]
	:IN_public_allow - [0:0]
	:CILIUM_FORWARD - [0:0]
	:CILIUM_INPUT - [0:0]
	:cali-FORWARD - [0:0]
	:cali-INPUT - [0:0]
	:cali-tw-cali1234567890a - [0:0]
	:KUBE-FIREWALL - [0:0]
	:KUBE-KUBELET-CANARY - [0:0]
	:KUBE-NWPLCY-DEFAULT - [0:0]
	:KUBE-ROUTER-INPUT - [0:0]
	[51:5100] -A INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
	[52:5200] -A INPUT -m comment --comment "cilium-feeder: CILIUM_INPUT" -j CILIUM_INPUT
	[53:5300] -A INPUT -m comment --comment "kube-router netpol - 4IA2OSFRMVNDXBVV" -j KUBE-ROUTER-INPUT
	[54:5400] -A INPUT -j KUBE-FIREWALL
	[55:5500] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
	[56:5600] -A INPUT -i lo -j ACCEPT
	[57:5700] -A INPUT -j IN_public
	[58:5800] -A INPUT -m conntrack --ctstate INVALID -m limit --limit 5/min -j LOG --log-prefix "STATE_INVALID_DROP: "
	[59:5900] -A FORWARD -j DOCKER-USER
	[60:6000] -A FORWARD -j DOCKER-ISOLATION-STAGE-1
	[61:6100] -A FORWARD -o docker0 -j DOCKER
	[62:6200] -A FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
	[63:6300] -A FORWARD -j CILIUM_FORWARD
	[64:6400] -A FORWARD -s $world -j REJECT --reject-with $reject
	[65:6500] -A OUTPUT -j KUBE-FIREWALL
	[66:6600] -A IN_public -j IN_public_allow
	[67:6700] -A IN_public_allow -p tcp -m tcp --dport 22 -m conntrack --ctstate NEW,UNTRACKED -j ACCEPT
	[68:6800] -A cali-FORWARD -o cali+ -g cali-tw-cali1234567890a
	[69:6900] -A cali-tw-cali1234567890a -m mark --mark 0x10000/0x10000 -m statistic --mode nth --every 3 --packet 0 -j RETURN
	[70:7000] -A CILIUM_FORWARD -o cilium_host -m comment --comment "cilium: any->cluster on cilium_host forward accept" -j ACCEPT
	[71:7100] -A DOCKER-USER -m recent --update --seconds 60 --hitcount 4 --name abuse --rsource -j DROP
	[72:7200] -A DOCKER-USER -j RETURN
	[73:7300] -A KUBE-NWPLCY-DEFAULT -m set --match-set $set src -j DROP
	$localnet
	COMMIT
	END
}

foreign_make_sets()
{
	ipset restore <<-END
	create cali40all-ipam-pools hash:net family inet hashsize 1024 maxelem 1048576 counters
	add cali40all-ipam-pools 10.244.0.0/16 packets 17 bytes 1700
	add cali40all-ipam-pools 192.0.2.0/28 packets 1 bytes 60
	create cali60all-ipam-pools hash:net family inet6 hashsize 1024 maxelem 1048576
	add cali60all-ipam-pools fd00:10:244::/48
	create KUBE-SRC-NWPLCY0000000000 hash:ip family inet hashsize 1024 maxelem 65536 timeout 0
	add KUBE-SRC-NWPLCY0000000000 10.244.1.9 timeout 0
	create fw-ports bitmap:port range 1-1024 comment
	add fw-ports 22 comment "ssh for all"
	create nested list:set size 4
	add nested cali40all-ipam-pools
	add nested fw-ports
	END
}

foreign_make()
{
	foreign_make_sets
	foreign_tables iptables | "iptables-$variant-restore" -c
	foreign_tables ip6tables | "ip6tables-$variant-restore" -c
}

# keepalived's: masqueraded and direct, by address and by mark, on addresses of its own. (The
# link is left down, so that nothing is sent and counted.)
foreign_servers='192[.]0[.]2[.]100:(443|53)|\[2001:db8:0:80::100\]:80'
foreign_make_servers()
{
	ip -batch - <<-END
	link add vip0 type dummy
	addr add 192.0.2.100/32 dev vip0
	addr add 2001:db8:0:80::100/128 dev vip0 nodad
	END
	ipvsadm -R <<-END
	-A -t 192.0.2.100:443 -s wlc -p 600
	-a -t 192.0.2.100:443 -r 192.0.2.21:443 -g -w 3 -x 500 -y 400
	-a -t 192.0.2.100:443 -r 192.0.2.22:443 -g -w 0
	-A -u 192.0.2.100:53 -s rr -o
	-a -u 192.0.2.100:53 -r 192.0.2.23:5353 -m -w 7
	-A -t [2001:db8:0:80::100]:80 -s sh -b sh-port
	-a -t [2001:db8:0:80::100]:80 -r [2001:db8:0:80::21]:80 -i -w 1
	-A -f 77 -s wrr
	-a -f 77 -r 192.0.2.24:0 -g -w 2
	END
}

# One table on standard input without kube-proxy's chains, rules and jumps.
foreign_rest()
{
	awk -v ours="^$foreign_chains\$" '
		/^#/ { next }
		/^:/ { if (substr($1, 2) ~ ours) next }
		/-A / {
			at = $1 == "-A" ? 2 : 3
			if ($at ~ ours)
				next
			builtin = $at ~ /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/
			if (builtin && $(NF - 1) == "-j" && $NF ~ ours)
				next
		}
		{ print }'
}

# foreign_state: everything that is not kube-proxy's, counters included.
foreign_state()
{
	local tool
	for tool in iptables ip6tables; do
		echo "# $tool"
		"$tool-$variant-save" -c | foreign_rest
	done
	echo "# sets"
	ipset save | awk -v ours="^$foreign_sets\$" '$2 !~ ours'
	echo "# links"
	ip -o addr show | grep -v kube-ipvs0 | sed 's/valid_lft.*//'
	[ -e /proc/net/ip_vs ] || return 0
	echo "# servers"
	ipvsadm -Sn | awk -v theirs="^($foreign_servers)\$" '$3 ~ theirs || $2 == "-f"'
	awk '$1 == "FWM"' /proc/net/ip_vs_stats
}

# foreign_ours: kube-proxy's objects, without counters, so that nothing can be left.
foreign_ours()
{
	local tool
	for tool in iptables ip6tables; do
		"$tool-$variant-save" |
			sed -nE "/^:$foreign_chains |-A $foreign_chains |-j $foreign_chains\$/p"
	done
	ipset list -n | sed -nE "/^$foreign_sets\$/p"
	ip -o link show kube-ipvs0 2>/dev/null || :
	[ ! -e /proc/net/ip_vs ] ||
		ipvsadm -Sn | awk -v theirs="^($foreign_servers)\$" '$3 !~ theirs && $2 != "-f"'
}

# foreign_trace: what reading must not change: registered tables, modules, the files that were
# there, and every counter.
foreign_trace()
{
	cat /proc/net/ip_tables_names /proc/net/ip6_tables_names 2>/dev/null | sort
	awk '$1 ~ /^(ip|nf|xt|dummy)/ { print $1 }' /proc/modules 2>/dev/null | sort
	[ -z "${1:-}" ] || find "$1" | sort
	"iptables-$variant-save" -c | sed '/^#/d'
	"ip6tables-$variant-save" -c | sed '/^#/d'
	[ "$variant" = legacy ] || nft -a list ruleset 2>/dev/null
	[ ! -e /proc/net/ip_vs ] || ipvsadm -Ln --stats --exact
}
