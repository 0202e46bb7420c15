# shellcheck shell=bash disable=SC2154  # what the caller sets
# SPDX-License-Identifier: GPL-2.0-or-later
# Damage to the state of a node, found and mended (source this file): each case damages one
# thing, and then verify must name it, repair must mend it with the fewest changes and find
# nothing more to do. Everything runs in the namespace of the caller.
#
# The caller sets: mode, cluster, config, work (a folder), VIPSHIFT; variant=nft for that of
# iptables; and drift_quick=1 where programs are slow, to leave out what the other mode's test
# has shown.

drift_failed=0 drift_passed=0 variant=legacy

# drift_node: an interface with the addresses that the recorded clusters expect.
drift_node()
{
	# The host of a native run may lack the dummy device; any device has addresses.
	ip link add eth0 type dummy 2>/dev/null || ip link add eth0 type bridge
	sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.eth0.accept_dad=0
	ip -batch - <<-END
	link set lo up
	addr add 10.0.0.11/24 dev eth0
	addr add fd00:10::11/64 dev eth0 nodad
	link set eth0 up
	route add default dev eth0
	route add default dev eth0 metric 1
	END
	ip -6 route add default dev eth0
}

drift_vipshift() # COMMAND [OPTIONS]
{
	local command=$1
	shift
	"$VIPSHIFT" "$command" "$mode" --iptables "$variant" -n node-a -f "$cluster" \
		-c "$config" --kube-proxy 1.27.1 "$@" </dev/null
}

# Every rule gets counters, so that one that was written anew can be told.
drift_mark_counters()
{
	local tool

	for tool in iptables ip6tables; do
		"$tool-$variant-save" -c |
			sed -E 's/^\[[0-9]+:[0-9]+\] -A/[7000:420000] -A/' |
			"$tool-$variant-restore" -c
	done
}

drift_count_unmarked()
{
	{ "iptables-$variant-save" -c; "ip6tables-$variant-save" -c; } |
		grep -cE '^\[[0-9]{1,3}:' || :
}

# The state of the mode as text without counters. Chains that kube-proxy fills in random
# order are sorted; apart from their last rule, if it is the one that must be last. The nft
# variant has no order of tables and chains, only one of rules.
drift_state()
{
	local name

	{
		"iptables-$variant-save"
		"ip6tables-$variant-save"
	} | awk -v variant="$variant" '
			/^# Generated/ { tool = $4; next }
			/^#/ { next }
			/^\*/ { table = tool $1 }
			variant == "nft" && !/^-A/ { $0 = table " " $0 }
			{
				sub(/ \[[0-9]+:[0-9]+\]$/, "")
				key = sprintf("%06d", NR)
				if (variant == "nft")
					key = table (/^-A/ ? " -A " $2 " " key : $0)
			}
			$2 ~ /^KUBE-(SERVICES|NODEPORTS|EXTERNAL-SERVICES|PROXY-FIREWALL)$/ &&
			    /^-A/ && !/-j KUBE-NODEPORTS$/ {
				if (!(table $2 in first))
					first[table $2] = key
				key = first[table $2]
			}
			{ print key "\t" $0 }' | LC_ALL=C sort | cut -f 2-
	for name in $drift_sysctls; do
		echo "$name = $(</proc/sys/"${name//.//}")"
	done
	[ "$mode" = ipvs ] || return 0
	{
		ipset save
		ipvsadm -Sn
		ip -o addr show dev kube-ipvs0
	} | sed -E 's/ (initval|bucketsize|hashsize) [^ ]+//g; s/^[0-9]+: //; s/ valid_lft.*//' |
		LC_ALL=C sort
}

# drift_begin: brings the node into the good state.
drift_begin()
{
	drift_vipshift repair >"$work/begin" 2>&1 || {
		cat "$work/begin"
		return 1
	}
	drift_mark_counters
	drift_sysctls=$("$VIPSHIFT" render "$mode" -n node-a -f "$cluster" -c "$config" \
		--kube-proxy 1.27.1 --part sysctls | awk '{ print $1 }')
	drift_state >"$work/good"
}

drift_bad() # WHAT
{
	[ -n "$why" ] || echo "FAILED $mode: $name"
	why=$1
	echo "    $1"
	sed 's/^/        /' "$work/out" | head -12
}

# Runs a piece of shell code up to its first failure, which in a condition would not end it.
drift_do() # WHAT CODE
{
	local status

	set +e
	(set -e; eval "$2") >"$work/out" 2>&1
	status=$?
	set -e
	[ $status = 0 ] || drift_bad "$1 cannot be done"
}

drift_run() # STATUS WHAT COMMAND [OPTIONS]
{
	local want=$1 what=$2 got=0
	shift 2
	drift_vipshift "$@" >"$work/out" 2>&1 || got=$?
	[ "$got" = "$want" ] || drift_bad "$what: exit status $got, not $want"
}

# drift NAME CHANGES 'PATTERN OF A FINDING' 'DAMAGE' ['UNDO']: DAMAGE is shell code; what in it
# is not ours to mend is taken away by UNDO before the state is compared with the good one.
drift()
{
	local name=$1 changes=$2 pattern=$3 damage=$4 undo=${5:-:} why='' marked written

	drift_do 'the damage' "$damage"
	marked=0
	[ -n "${drift_quick:-}" ] || marked=$(drift_count_unmarked)
	[ -n "${drift_quick:-}" ] || drift_state >"$work/damaged"
	drift_run 2 verify verify
	grep -Eq -- "$pattern" "$work/out" || drift_bad "verify does not say: $pattern"
	if [ -z "${drift_quick:-}" ]; then
		drift_run 2 'repair --check' repair --check
		grep -q "event=run .*result=drift .*changes=0 " "$work/out" ||
			drift_bad 'repair --check does not say what it did'
		drift_state | cmp -s - "$work/damaged" ||
			drift_bad 'repair --check changed something'
	fi
	drift_run 0 repair repair
	grep -q "event=run .*result=repaired .* changes=$changes " "$work/out" ||
		drift_bad "repair did not make $changes changes"
	written=$(grep -oE 'event=run .*missing=[0-9]+' "$work/out" | grep -oE '[0-9]+$')
	[ -n "${drift_quick:-}" ] || drift_run 0 'verify after repair' verify
	drift_run 0 'second repair' repair
	grep -q 'result=ok .* changes=0 ' "$work/out" ||
		drift_bad 'second repair found something to do'
	[ -n "${drift_quick:-}" ] ||
		[ "$(drift_count_unmarked)" -le $((marked + ${written:-0})) ] ||
		drift_bad 'rules that were right lost their counters'
	drift_do 'the undo' "$undo"
	drift_state | diff "$work/good" - >"$work/out" || drift_bad 'the state is another one'
	drift_end
}

# drift_none NAME 'CHANGE' ['UNDO']: what others do and is no drift.
drift_none()
{
	local name=$1 change=$2 undo=${3:-:} why=''

	drift_do 'the change' "$change"
	drift_state >"$work/changed"
	drift_run 0 verify verify
	drift_run 0 repair repair
	grep -q 'result=ok .* changes=0 ' "$work/out" || drift_bad 'repair changed something'
	drift_state | diff "$work/changed" - >"$work/out" || drift_bad 'the state is another one'
	drift_do 'the undo' "$undo"
	drift_end
}

drift_end()
{
	if [ -z "$why" ]; then
		drift_passed=$((drift_passed + 1))
		return
	fi
	drift_failed=$((drift_failed + 1))
	drift_vipshift repair >/dev/null 2>&1 || :
	drift_state >"$work/good"
}

drift_finish()
{
	echo "$mode, $variant: $drift_passed kinds of drift passed, $drift_failed failed"
	[ "$drift_failed" = 0 ]
}

# ---- for damage

# A chain of the service port that its rules or comments name: "drift_chain KUBE-SEP PORT".
drift_chain() # PREFIX SERVICE-PORT [ADDRESS]
{
	"$ipt-save" -t nat | grep -E "^-A $1-[A-Z0-9]{16} .*\"$2[ \"]" |
		grep -F -- "${3:-}" | awk '{ print $2; exit }'
}

# The number of a rule in its chain: "drift_number nat KUBE-SERVICES 'pattern'".
drift_number() # TABLE CHAIN PATTERN
{
	"$ipt" -t "$1" -S "$2" | grep '^-A' | grep -nE -- "$3" | head -1 | cut -d : -f 1
}

# Deletes the first rule that matches: "drift_delete nat KUBE-SERVICES 'pattern'".
drift_delete() # TABLE CHAIN PATTERN
{
	"$ipt" -t "$1" -D "$2" "$(drift_number "$1" "$2" "$3")"
}
