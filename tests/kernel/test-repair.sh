#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a timer needs of repair, on this machine's own kernel: limits, locks, files, logs, stale
# flows; and writers side by side. Each case runs in namespaces of its own.
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
	echo "repair: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

# expect STATUS 'PATTERN' COMMAND [OPTIONS]: the exit status, and what is said.
expect()
{
	local want=$1 pattern=$2 got=0
	shift 2
	drift_vipshift "$@" >"$work/out" 2>&1 || got=$?
	if [ "$got" != "$want" ]; then
		echo "  $*: exit status $got, not $want:"
	elif ! grep -Eq -- "$pattern" "$work/out"; then
		echo "  $*: does not say: $pattern"
	else
		return 0
	fi
	sed 's/^/    /' "$work/out"
	return 1
}

damage() { iptables-legacy -w 10 -F KUBE-FORWARD; }
mended() { [ "$(iptables-legacy -S KUBE-FORWARD | grep -c '^-A')" = 3 ]; }
unmended() { [ "$(iptables-legacy -S KUBE-FORWARD | grep -c '^-A')" = 0 ]; }
# A negated command would not end the script.
not() { ! "$@"; }

# ---- the cases

case_more_changes_than_allowed_are_refused()
{
	damage
	expect 3 '3 changes are needed and --max-changes allows 2' repair --max-changes 2
	unmended
	grep -q 'event=drift .*missing=3 ' "$work/out"
	grep -q 'event=run .*result=refused .*changes=0 ' "$work/out"
	expect 3 'allows 2, 1% of 2[0-9][0-9] objects' repair --max-changes 1%
	unmended
	expect 3 'allows 0' repair --max-changes 0
	# What it says to do can be typed as it stands.
	cp "$cluster" "$work/a node's.json"
	expect 3 'Look with: vipshift diff iptables ' repair --max-changes 0 -f "$work/a node's.json"
	sed -n '/event=/d; s/.*Look with: vipshift \(.*\), then: vipshift apply .*/\1/p' \
		"$work/out" >"$work/words"
	eval "\"$VIPSHIFT\" $(cat "$work/words")" >"$work/diff" || [ $? = 2 ]
	grep -q '^3 to add, 0 to change' "$work/diff"
	expect 0 'changes=3 ' repair --max-changes 3
	mended
	expect 0 'changes=0 ' repair --max-changes 0
	damage
	expect 0 'changes=3 ' repair --max-changes 2%
}

case_check_reports_and_changes_nothing()
{
	damage
	rm -rf "$VIPSHIFT_STATE_DIR"
	expect 2 'event=drift .*service=- missing=3 .*kinds=rule:3 object="\+ rule iptables filter' \
		repair --check
	grep -q 'result=drift ' "$work/out"
	# A form that is asked for is printed.
	drift_vipshift repair --check -o json 2>/dev/null | jq -es 'length == 1' >/dev/null
	drift_vipshift repair --check -o diff 2>/dev/null | grep -q '^+-A KUBE-FORWARD'
	[ "$(drift_vipshift repair --check 2>/dev/null)" = '' ]
	expect 2 '3 to add, 0 to change, 0 to delete' repair --dry-run
	unmended
	not test -e "$VIPSHIFT_STATE_DIR"
}

case_plan_is_printed_in_the_form_asked_for_and_carried_out()
{
	local plan command
	for command in apply repair; do
		damage
		plan=$(drift_vipshift "$command" -o json 2>/dev/null)
		mended
		jq -es 'length == 1 and .[0].add == 3' <<<"$plan" >/dev/null
		# Where there is nothing to do it is a plan all the same.
		drift_vipshift "$command" -o json 2>/dev/null | jq -es '.[0].add == 0' >/dev/null
		[ "$(drift_vipshift "$command" 2>/dev/null)" = '' ]
	done
	plan=$("$VIPSHIFT" flush "$mode" --iptables "$variant" --yes -o diff 2>/dev/null)
	grep -q '^--A KUBE-FORWARD' <<<"$plan"
}

case_what_other_releases_write_is_a_remark()
{
	local sep
	# shellcheck disable=SC2034  # for drift.sh
	ipt=iptables-legacy
	sep=$(drift_chain KUBE-SEP default/dual:http DNAT)
	drift_delete nat "$sep" '^-A [^ ]* -s'
	"$ipt" -t nat -I "$sep" -s "$("$ipt" -t nat -S "$sep" | sed -n 's/.*-destination \(.*\):.*/\1/p')" \
		-j KUBE-MARK-MASQ
	iptables-legacy -t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA
	expect 0 'equals' verify
	not grep -q "$sep" "$work/out"
	expect 0 "$sep: chain in iptables nat: no drift: comments" verify -v
	grep -q 'KUBE-SVC-AAAAAAAAAAAAAAAA: .*nothing jumps to it' "$work/out"
	expect 0 "$sep: .*no drift" diff -v
	[ "$(drift_vipshift diff -o diff 2>/dev/null)" = '' ]
	expect 0 'nothing to do' apply
	expect 0 'changes=0 ' repair
	# Beside real drift it stays as it is.
	damage
	expect 0 'changes=3 ' repair
	mended
	iptables-legacy -t nat -S KUBE-SVC-AAAAAAAAAAAAAAAA >/dev/null
	expect 0 'equals' verify
}

case_drift_is_said_per_service()
{
	# shellcheck disable=SC2034  # for drift.sh
	ipt=iptables-legacy
	drift_delete nat KUBE-SERVICES '"default/dual-np:http cluster'
	drift_delete nat "$(drift_chain KUBE-SVC default/dual:http)" statistic
	expect 0 'event=drift mode=iptables service=default/dual-np:http missing=1 ' repair
	grep -q 'event=drift mode=iptables service=default/dual:http missing=1 ' "$work/out"
	[ "$(grep -c event= "$work/out")" = 3 ]
}

case_quiet_run_with_nothing_to_do_says_nothing()
{
	drift_vipshift repair -q >"$work/out" 2>&1
	not test -s "$work/out"
	damage
	expect 0 'event=run .*result=repaired' repair -q
}

case_metrics_are_replaced_as_a_whole()
{
	damage
	expect 0 'result=repaired' repair --metrics-file "$work/m.prom"
	grep -qx 'vipshift_repair_drift{mode="iptables",kind="rule"} 3' "$work/m.prom"
	grep -qx 'vipshift_repair_changes{mode="iptables"} 3' "$work/m.prom"
	grep -qx 'vipshift_repair_success{mode="iptables"} 1' "$work/m.prom"
	grep -qE '^vipshift_repair_last_run_timestamp_seconds\{mode="iptables"\} [0-9]+$' \
		"$work/m.prom"
	# Each line is a comment or a sample with a number.
	not grep -vE '^# (HELP|TYPE) vipshift_repair_[a-z_]+ |^vipshift_repair_[a-z_]+\{[^}]*\} [0-9.e+-]+$' \
		"$work/m.prom"
	damage
	expect 3 'refused' repair --max-changes 1 --metrics-file "$work/m.prom"
	grep -qx 'vipshift_repair_success{mode="iptables"} 0' "$work/m.prom"
	grep -qx 'vipshift_repair_exit_status{mode="iptables"} 3' "$work/m.prom"
	expect 2 'to add' repair --dry-run --metrics-file "$work/no.prom"
	not test -e "$work/no.prom"
	[ "$(find "$work" -name '*.tmp')" = '' ]
	expect 0 'warning: cannot write /nowhere/m.prom' repair --metrics-file /nowhere/m.prom
	mended
	# What is no file, as /dev/null, stays what it is.
	mkfifo "$work/device"
	ln -s device "$work/link"
	expect 0 "warning: $work/device: not a regular file" repair --metrics-file "$work/device"
	expect 0 "warning: $work/link: not a regular file" repair --metrics-file "$work/link"
	[ -p "$work/device" ] && [ -L "$work/link" ]
}

# What is printed must not end up in the files that are opened in the place of the streams.
case_closed_streams_are_no_files()
{
	damage
	drift_vipshift apply -v >&- 2>"$work/out" && return 1
	grep -q 'cannot write to standard output' "$work/out"
	[ "$(wc -l <"$VIPSHIFT_STATE_DIR/lock")" = 1 ]
	unmended
	drift_vipshift repair -v 2>&- >"$work/out"
	mended
	grep -q '^3 to add, 0 to change' "$work/out"
	[ "$(wc -l <"$VIPSHIFT_STATE_DIR/lock")" = 1 ]
	damage
	drift_vipshift repair --metrics-file "$work/m.prom" >&- 2>&-
	mended
	not grep -v vipshift_repair_ "$work/m.prom"
	[ "$(wc -l <"$VIPSHIFT_STATE_DIR/lock")" = 1 ]
	not test -s "$XTABLES_LOCKFILE"
}

case_runs_do_not_overlap()
{
	local holder
	damage
	flock "$VIPSHIFT_STATE_DIR/lock" sleep 30 &
	holder=$!
	until ! flock -n "$VIPSHIFT_STATE_DIR/lock" true; do sleep 0.05; done
	expect 4 "another run is at work.*held by flock \(pid $holder\)" repair -w 0
	expect 4 'result=locked' repair -w 0.2 --metrics-file "$work/m.prom"
	grep -qx 'vipshift_repair_exit_status{mode="iptables"} 4' "$work/m.prom"
	expect 4 'another run is at work' apply -w 0
	unmended
	# Who only looks does not wait.
	expect 2 'missing' verify -w 0
	expect 2 'drift' repair --check -w 0
	expect 2 'to add' diff -w 0
	(sleep 0.5; pkill -P $holder sleep) &
	expect 0 'result=repaired' repair -w 20
	mended
}

case_holder_is_named_with_its_command()
{
	damage
	# It waits for the other lock while it holds ours.
	flock "$XTABLES_LOCKFILE" sleep 3 &
	until ! flock -n "$XTABLES_LOCKFILE" true; do sleep 0.05; done
	drift_vipshift repair -w 20 >"$work/first" 2>&1 &
	until ! flock -n "$VIPSHIFT_STATE_DIR/lock" true; do sleep 0.05; done
	sleep 0.3
	expect 4 'another run is at work, vipshift repair iptables \(pid [0-9]+\)' apply -w 0
	wait
	mended
}

case_journal_gets_fields()
{
	local listener
	mkdir -p /run/systemd/journal
	perl -MIO::Socket::UNIX -e '
		my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM,
			Local => "/run/systemd/journal/socket") or die $!;
		open my $ready, ">", "$ARGV[0]/ready"; close $ready;
		$SIG{ALRM} = sub { exit 0 };
		alarm 20;
		open my $out, ">", "$ARGV[0]/journal"; $out->autoflush(1);
		while (defined $s->recv(my $buf, 65536)) { print $out "$buf--\n" }
		' "$work" &
	listener=$!
	until [ -e "$work/ready" ]; do sleep 0.05; done
	damage
	drift_vipshift repair --log journal >"$work/out" 2>&1
	kill "$listener"
	not test -s "$work/out"
	grep -qx 'SYSLOG_IDENTIFIER=vipshift' "$work/journal"
	grep -q '^MESSAGE=repair: event=drift mode=iptables service=- missing=3 ' "$work/journal"
	grep -qx 'VIPSHIFT_EVENT=drift' "$work/journal"
	grep -qx 'VIPSHIFT_MISSING=3' "$work/journal"
	grep -qx 'VIPSHIFT_RESULT=repaired' "$work/journal"
	grep -qx 'PRIORITY=4' "$work/journal"
	grep -qx 'PRIORITY=6' "$work/journal"
}

case_log_that_nobody_reads_is_standard_error()
{
	local listener target i
	touch "$work/null"
	mount --bind /dev/null "$work/null"
	mount -t tmpfs dev /dev
	touch /dev/null
	mount --bind "$work/null" /dev/null
	mkdir -p /run/systemd/journal
	sysctl -qw net.unix.max_dgram_qlen=2
	perl -MIO::Socket::UNIX -e '
		my @s = map { IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $_) or die $! }
			"/run/systemd/journal/socket", "/dev/log";
		open my $ready, ">", "$ARGV[0]/ready"; close $ready;
		sleep 60' "$work" &
	listener=$!
	until [ -e "$work/ready" ]; do sleep 0.05; done
	for target in journal syslog; do
		for i in {1..4}; do
			damage
			timeout 20 "$VIPSHIFT" repair iptables --iptables legacy -n node-a \
				-f "$cluster" -c "$config" --kube-proxy 1.27.1 --log $target \
				>"$work/out" 2>&1
			mended
		done
		# The last of them found it full.
		grep -q 'event=run .*result=repaired' "$work/out"
	done
	kill "$listener"
}

case_log_that_is_not_there_is_standard_error()
{
	damage
	expect 0 'event=run .*result=repaired' repair --log journal
	damage
	expect 0 'event=run .*result=repaired' repair --log syslog
}

# A socket that goes on asking keeps its conntrack entry, and nobody else would re-home it.
case_stale_udp_flows_are_deleted()
{
	local dns=fd00:10:96::a old=fd00:10:244:1::2 new=fd00:10:244:1::3

	command -v conntrack >/dev/null || { echo '  no conntrack program'; return 77; }
	flows() { conntrack -L -f ipv6 -p udp 2>/dev/null | grep -F "dst=$dns" || :; }
	ask() { bash -c "echo x >/dev/udp/$dns/53"; }
	ask
	flows | grep -qF "src=$old" || { echo '  no flow was tracked'; return 1; }
	# Rules of UDP services are not concerned.
	damage
	expect 0 'stale_flows=0 ' repair
	flows | grep -qF "src=$old"
	sed "s/\"$old\"/\"$new\"/" "$cluster" >"$work/cluster.json"
	# A flow that still has its endpoint, and one of others, stay.
	bash -c 'echo x >/dev/udp/fd00:10:96::77/5353'
	cluster=$work/cluster.json expect 0 'stale_flows=1 ' repair
	[ "$(flows)" = '' ]
	conntrack -L -f ipv6 -p udp 2>/dev/null | grep -qF fd00:10:96::77
	ask
	flows | grep -qF "src=$new"
	# A flow from a time without rules is not translated, and stays so.
	conntrack -F 2>/dev/null
	ip6tables-legacy -t nat -F
	ask
	flows | grep -qF "src=$dns"
	cluster=$work/cluster.json expect 0 'stale_flows=1 ' repair
	[ "$(flows)" = '' ]
}

# Many containers may write rules, but no sysctl.
case_sysctl_that_cannot_be_written_is_said_and_the_rest_is_mended()
{
	local knob=net.ipv4.conf.all.route_localnet

	damage
	sysctl -qw $knob=0
	mount --bind /proc/sys /proc/sys
	mount -o remount,bind,ro /proc/sys
	# A whole new state is not begun without it.
	expect 5 "sysctl $knob: .*Read-only file system" apply
	unmended
	expect 7 "sysctl $knob: .*Read-only file system.*sysctl -w $knob=1\$" repair \
		--metrics-file "$work/m.prom"
	grep -q 'event=run .*result=partial missing=3 extra=0 changed=1 changes=3 ' "$work/out"
	grep -qx 'vipshift_repair_exit_status{mode="iptables"} 7' "$work/m.prom"
	mended
	expect 7 'result=partial missing=0 extra=0 changed=1 changes=0 ' repair
	expect 2 "$knob" verify
	umount /proc/sys
	expect 0 'changes=1 ' repair
	# Where it is as it should be nobody asks for the permission.
	mount --bind /proc/sys /proc/sys
	mount -o remount,bind,ro /proc/sys
	damage
	expect 0 'result=repaired .*changes=3 ' repair
}

# begin COMMAND [OPTIONS]: for the background, where it is the process itself.
begin()
{
	exec "$VIPSHIFT" "$1" iptables --iptables "$variant" -n node-a -f "$cluster" -c "$config" \
		--kube-proxy 1.27.1 "${@:2}" </dev/null >"$work/out" 2>&1
}

# stopped STATUS 'PATTERN': what became of the run $run after a signal.
stopped()
{
	local got=0

	wait $run || got=$?
	[ $got = "$1" ] && grep -Eq -- "$2" "$work/out" && return
	echo "  exit status $got, not $1 with: $2"
	sed 's/^/    /' "$work/out"
	return 1
}

case_signal_stops_between_two_commits_with_nft()
{
	local run signal real

	other() { iptables-nft -t nat -S KUBE-MARK-MASQ | grep -c '^-A'; }
	real=$(command -v iptables-nft-restore)
	mkdir "$work/bin"
	printf '#!/bin/sh\ntouch "%s/begun"\nsleep 1\nexec "%s" "$@"\n' "$work" "$real" \
		>"$work/bin/iptables-nft-restore"
	chmod +x "$work/bin/iptables-nft-restore"
	for signal in INT TERM; do
		rm -f "$work/begun"
		iptables-nft -F KUBE-FORWARD
		iptables-nft -t nat -F KUBE-MARK-MASQ
		# As with Ctrl-C the processes of the run get it as well. (Those of a script in
		# the background leave SIGINT alone.)
		set -m
		PATH=$work/bin:$PATH begin repair &
		set +m
		run=$!
		until [ -e "$work/begun" ]; do sleep 0.05; done
		kill -$signal -- -$run
		stopped 7 '1 of 2 operations done, run the same command again to continue: .*signal'
		grep -q 'event=run .*result=partial ' "$work/out"
		# One is whole, the other one as it was.
		[ "$(other):$(iptables-nft -S KUBE-FORWARD | grep -c '^-A')" = 1:0 ] ||
			[ "$(other):$(iptables-nft -S KUBE-FORWARD | grep -c '^-A')" = 0:3 ]
		expect 0 'result=repaired' repair
		expect 0 'equals' verify
	done
	# A terminal that goes away is no reason to stop.
	rm -f "$work/begun"
	iptables-nft -F KUBE-FORWARD
	iptables-nft -t nat -F KUBE-MARK-MASQ
	PATH=$work/bin:$PATH begin apply &
	run=$!
	until [ -e "$work/begun" ]; do sleep 0.05; done
	pkill -HUP -P $run
	kill -HUP $run
	stopped 0 'verified'
	expect 0 'equals' verify
}

case_signal_ends_the_wait_for_the_lock()
{
	local run holder knob=/proc/sys/net/ipv4/conf/all/route_localnet

	damage
	echo 0 >$knob
	flock "$XTABLES_LOCKFILE" sleep 30 &
	holder=$!
	until ! flock -n "$XTABLES_LOCKFILE" true; do sleep 0.05; done
	begin apply -w 100 &
	run=$!
	until [ "$(cat $knob)" = 1 ]; do sleep 0.05; done
	sleep 0.3
	kill -TERM $run
	stopped 7 '1 of 2 operations done, .*: interrupted by a signal while .* is held by flock '
	XTABLES_LOCKFILE=$work/other unmended
	# Nothing was written.
	begin apply -w 100 &
	run=$!
	until ! flock -n "$VIPSHIFT_STATE_DIR/lock" true; do sleep 0.05; done
	sleep 0.5
	kill -TERM $run
	stopped 4 'nothing was changed: .*interrupted by a signal while .* is held by flock '
	pkill -P $holder sleep
}

# 100 foreign rules are put in while repair mends what a third process breaks.
writers_side_by_side()
{
	local i tool failed=0 chains=(INPUT FORWARD OUTPUT)

	(
		while [ ! -e "$work/stop" ]; do
			drift_vipshift repair -w 20 >"$work/loop" 2>&1 ||
				{ cat "$work/loop"; exit 1; }
			cat "$work/loop" >>"$work/loops"
		done
	) &
	for i in {1..100}; do
		tool=iptables-$variant
		[ $((i % 2)) = 0 ] || tool=ip6tables-$variant
		"$tool" -w 20 -I "${chains[i % 3]}" -p udp --dport $((40000 + i)) -j ACCEPT
		case $((i % 5)) in
		0) "$tool" -w 20 -F KUBE-FORWARD ;;
		2) "$tool" -w 20 -D FORWARD -m comment --comment 'kubernetes forwarding rules' \
			-j KUBE-FORWARD 2>/dev/null || : ;;
		4) "$tool" -w 20 -t nat -I KUBE-MARK-MASQ -j RETURN ;;
		esac
	done
	touch "$work/stop"
	wait $! || failed=1
	expect 0 'result=' repair
	expect 0 'equals' verify
	for i in {1..100}; do
		tool=iptables-$variant
		[ $((i % 2)) = 0 ] || tool=ip6tables-$variant
		"$tool" -C "${chains[i % 3]}" -p udp --dport $((40000 + i)) -j ACCEPT || failed=1
	done
	echo "  $(grep -c 'result=repaired' "$work/loops") repairs in $(grep -c event=run \
		"$work/loops") runs beside 100 insertions"
	grep -q 'result=repaired' "$work/loops"
	[ $failed = 0 ]
}

case_writers_side_by_side_lose_nothing() { writers_side_by_side; }
case_writers_side_by_side_lose_nothing_with_nft() { writers_side_by_side; }

# So many rules of others that the table is written as a block.
large_table()
{
	{
		printf '*nat\n:LARGE - [0:0]\n'
		for i in {1..10000}; do
			echo "[$i:$((i * 100))] -A LARGE -d 10.200.$((i / 250)).$((i % 250))/32 -j RETURN"
		done
		echo COMMIT
	} | iptables-legacy-restore -w 10 -c -n
}

of_others() { iptables-legacy-save -c -t nat | grep -E 'LARGE|EARLY'; }

case_large_table_is_read_once()
{
	if ! strace -o /dev/null true 2>/dev/null; then
		echo '  processes cannot be traced here'
		exit 77
	fi
	large_table
	of_others >"$work/others"
	iptables-legacy -w 10 -t nat -F KUBE-MARK-MASQ
	printf '#!/bin/sh\nexec strace -ff -e trace=getsockopt -o "%s" "%s" "$@"\n' \
		"$work/calls" "$VIPSHIFT" >"$work/traced"
	chmod +x "$work/traced"
	VIPSHIFT=$work/traced ASAN_OPTIONS=detect_leaks=0 \
		expect 0 'result=repaired .*changes=1 ' repair
	[ "$(cat "$work"/calls.* | grep -Ec 'GET_ENTRIES, .*\[[0-9]{7,}\]\) += 0')" = 1 ]
	[ "$(iptables-legacy -t nat -S KUBE-MARK-MASQ | grep -c '^-A')" = 1 ]
	of_others | cmp - "$work/others"
	flock -n "$XTABLES_LOCKFILE" true
	expect 0 'equals' verify
}

case_no_lock_is_held_while_services_are_waited_for()
{
	damage
	mkfifo "$work/pipe"
	cluster=$work/pipe drift_vipshift repair -w 20 >"$work/out" 2>&1 &
	until ! flock -n "$VIPSHIFT_STATE_DIR/lock" true; do sleep 0.05; done
	sleep 0.3
	flock -n "$XTABLES_LOCKFILE" true
	cat "$cluster" >"$work/pipe"
	wait $!
	grep -q 'result=repaired' "$work/out"
	mended
}

# Somebody who does not know of the lock gets it wrong for himself only.
case_large_table_and_a_writer_without_the_lock()
{
	local i

	large_table
	iptables-legacy -w 10 -t nat -N EARLY
	(
		while [ ! -e "$work/stop" ]; do
			iptables-legacy -w 10 -t nat -F KUBE-MARK-MASQ 2>/dev/null || :
			drift_vipshift repair -w 20 >>"$work/loop" 2>&1 || touch "$work/failed"
		done
	) &
	for i in {1..20}; do
		until XTABLES_LOCKFILE=$work/other iptables-legacy -t nat -I EARLY \
			-d "192.0.2.$i" -j RETURN 2>/dev/null; do
			sleep 0.01
		done
	done
	# Others change it in vain while this one is quick.
	for i in {1..200}; do
		! grep -q 'result=repaired' "$work/loop" || break
		sleep 0.1
	done
	touch "$work/stop"
	wait
	not test -e "$work/failed" || { cat "$work/loop"; return 1; }
	grep -q 'result=repaired' "$work/loop"
	# It is told of a failure also when just the counters of its rule were late, and tries again.
	[ "$(of_others | grep -o -- '-A EARLY -d [^ ]*' | sort -u | wc -l)" = 20 ]
	[ "$(of_others | grep -c -- '-A LARGE')" = 10000 ]
	expect 0 'result=' repair
	expect 0 'equals' verify
}

# ---- running them

unshare=(unshare -nm)
[ "$(id -u)" = 0 ] || unshare=(unshare -rnm)
if [ "${1:-}" = inside ]; then
	work=$2
	mount -t tmpfs run /run
	# shellcheck disable=SC2034  # for drift.sh
	[[ $3 != *_with_nft ]] || variant=nft
	drift_node
	drift_begin
	"$3"
	exit 0
fi

"${unshare[@]}" true 2>/dev/null || skip "no permission to make a network namespace"
"${unshare[@]}" iptables-legacy -t nat -L >/dev/null 2>&1 ||
	skip "this kernel has no legacy iptables"
"${unshare[@]}" iptables-nft -t nat -L >/dev/null 2>&1 ||
	skip "this kernel has no nft iptables"
failed=0 passed=0
for name in $(declare -F | sed -n 's/^declare -f \(case_\)/\1/p' | grep -E "${1:-}"); do
	work=$(mktemp -d)
	status=0
	XTABLES_LOCKFILE=$work/lock VIPSHIFT_STATE_DIR=$work/state \
		"${unshare[@]}" "$0" inside "$work" "$name" || status=$?
	rm -rf "$work"
	if [ $status = 0 ]; then
		passed=$((passed + 1))
	elif [ $status = 77 ]; then
		echo "skipped: ${name#case_}"
		[ -z "${VIPSHIFT_NOSKIP:-}" ] || failed=$((failed + 1))
	else
		echo "FAILED: ${name#case_}"
		failed=$((failed + 1))
	fi
done
echo "repair: $passed passed, $failed failed"
[ $failed = 0 ]
