#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What TAB makes of a line, in a bash at a terminal of its own, with words that bash cuts at ":"
# and "="; and that each command's options are those of its help.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

completion=$(realpath "$top/completion/vipshift")
command -v script >/dev/null || {
	echo "completion: script is missing (bsdutils)"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}

# A line, TAB, and the words that the command gets: one line of both per test.
typed=() wanted=()
tab()
{
	typed+=("$1")
	wanted+=("$2")
}
tab 'mig' 'migrate'
tab 'he' 'help'
tab 'help rend' 'help render'
tab 'snapshot sa' 'snapshot save'
tab 'snapshot save clust' 'snapshot save cluster.json'
tab '--to ipvs migr' '--to ipvs migrate'
tab 'migrate --acce' 'migrate --accept'
tab 'migrate --to con' 'migrate --to config'
tab 'migrate --to=i' 'migrate --to=ip' # which of two
tab 'migrate --to=ipt' 'migrate --to=iptables'
tab 'migrate --freeze auto:c' 'migrate --freeze auto:continue'
tab 'migrate --freeze=auto:k' 'migrate --freeze=auto:keep'
tab 'migrate --accept inco' 'migrate --accept incomplete:'
tab 'migrate --accept=inco' 'migrate --accept=incomplete:'
tab 'show -f clus' 'show -f cluster' # a word and a file
tab 'show -f cluster.' 'show -f cluster.json'
tab 'show -f live:ipt' 'show -f live:iptables'
tab 'show --from=live:ipv' 'show --from=live:ipvs'
tab 'show -f dump:clus' 'show -f dump:cluster.json'
tab 'show --from=dump:fol' 'show --from=dump:folder/'
tab 'show -f dump:folder/f' 'show -f dump:folder/file'
tab 'show -f live:ipvs -o ipv' 'show -f live:ipvs -o ipvsadm'
tab 'show --mode-of-node -o js' 'show --mode-of-node -o json'
tab 'diff -f live:iptables ipv' 'diff -f live:iptables ipvs'
tab 'diff -n ipvs ipt' 'diff -n ipvs iptables'
tab 'verify ipvs -o js' 'verify ipvs -o json'
tab 'doctor -o di' 'doctor -o di'
tab 'diff ipvs -o di' 'diff ipvs -o diff'
tab 'trace [fd00::1]:80/tcp --sou' 'trace [fd00::1]:80/tcp --source'
tab 'trace 10.96.0.1:80 -f live:ipvs --aga' 'trace 10.96.0.1:80 -f live:ipvs --against'
tab 'render ipvs --part ipv' 'render ipvs --part ipvs'

# at_terminal BASH-COMMAND: types all of them.
at_terminal()
{
	mkdir -p "$work/here/folder"
	: >"$work/here/cluster.json"
	: >"$work/here/folder/file"
	cat >"$work/rc" <<-END
	PS1=
	vipshift() { echo "GOT \$*"; }
	bind 'set bell-style none'
	bind 'set enable-bracketed-paste off'
	bind 'set show-all-if-ambiguous off'
	$1
	. '$completion'
	cd '$work/here'
	END
	{ printf 'vipshift %s\t\n' "${typed[@]}"; echo exit; } >"$work/keys"
	HISTFILE='' INPUTRC=/dev/null TERM=dumb timeout 60 script -qec "bash --noprofile --rcfile '$work/rc' -i" \
		/dev/null <"$work/keys" | tr -d '\r' | sed -n 's/^GOT //p' >"$work/got"
	for i in "${!typed[@]}"; do
		check "${1:-as bash is}: ${typed[i]}" \
			test "$(sed -n "$((i + 1))p" "$work/got")" = "${wanted[i]}"
	done
}
at_terminal ''
# As some have it.
# shellcheck disable=SC2016  # for that bash
at_terminal 'COMP_WORDBREAKS=${COMP_WORDBREAKS//:}'
# shellcheck disable=SC2016  # for that bash
at_terminal 'COMP_WORDBREAKS=${COMP_WORDBREAKS//[:=]}'

# the options of each command
# shellcheck source=/dev/null
. "$completion"
for command in show render diff apply verify repair migrate confirm rollback doctor trace flush \
	'snapshot save' 'snapshot restore'; do
	# shellcheck disable=SC2206  # one word or two
	COMP_WORDS=(vipshift $command --)
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE="vipshift $command --"
	COMP_POINT=${#COMP_LINE}
	_vipshift
	printf '%s\n' "${COMPREPLY[@]}" | sort >"$work/offered"
	# shellcheck disable=SC2086  # one word or two
	"$vipshift" $command --help | grep -oE '^  .{4}--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+$' |
		grep -vx -- '--version' | sort >"$work/known"
	check "options of $command" diff "$work/known" "$work/offered"
done

# the names that can be accepted, which the manual marks with A
COMP_WORDS=(vipshift migrate --accept '') COMP_CWORD=3 COMP_LINE='vipshift migrate --accept '
COMP_POINT=${#COMP_LINE}
_vipshift
printf '%s\n' "${COMPREPLY[@]}" | grep -vxE 'all|incomplete:|no-services' | sort >"$work/offered"
sed -nE 's/^\.It ([a-z-]+) Pq A([ ;].*)?$/\1/p' "$top/man/vipshift-migrate.7" | sort >"$work/known"
check 'names for --accept' diff "$work/known" "$work/offered"
finish
