# shellcheck shell=bash disable=SC2154  # what the caller sets
# SPDX-License-Identifier: GPL-2.0-or-later
# A kube-proxy on the node under test, for scripts that run in the guest (source this). They set
# demo, the folder whose settings it gets, and program, its path.
files=/var/lib/kube-proxy

# kube_proxy_legacy: from now on iptables means the legacy variant, as for kube-proxy.
kube_proxy_legacy()
{
	local name

	mkdir /run/bin
	for name in iptables iptables-save iptables-restore; do
		ln -s "$(command -v "${name/tables/tables-legacy}")" /run/bin/$name
		ln -s "$(command -v "${name/iptables/ip6tables-legacy}")" "/run/bin/${name/ip/ip6}"
	done
	export PATH=/run/bin:$PATH
}

# kube_proxy_configure MODE: the ConfigMap. After its first sync kube-proxy leaves the node alone.
kube_proxy_configure()
{
	sed -e "s/^mode: .*/mode: \"$1\"/" -e 's/^  syncPeriod: .*/  syncPeriod: 1h/' \
		-e '$a featureGates: {IPv6DualStack: true}' "$demo/config.yaml" >$files/config.conf
}

# kube_proxy_synced LOG: both families have rules as it writes them, and no sync is under way.
kube_proxy_synced()
{
	local family

	for family in iptables ip6tables; do
		"$family-legacy" -S KUBE-FORWARD 2>/dev/null |
			grep -q 'forwarding conntrack pod source rule' || return 1
	done
	[ "$(grep -c 'Syncing ip' "$1")" = "$(grep -c 'syncProxyRules took' "$1")" ]
}

# kube_proxy_start NAME MODE: the program, $program, with log NAME.log, until its first sync, of
# rules that it did not write, has ended.
kube_proxy_start()
{
	local i

	kube_proxy_configure "$2"
	"$program" --config $files/config.conf -v=4 >"$1.log" 2>&1 &
	kube_proxy=$!
	for ((i = 0; i < 600; i++)); do
		! kube_proxy_synced "$1.log" || return 0
		kill -0 $kube_proxy 2>/dev/null || break
		sleep 1
	done
	echo "  $1: kube-proxy has not synced"
	tail -n 20 "$1.log"
	return 1
}

# kube_proxy_end [SIGNAL]: KILL for one that is held still.
kube_proxy_end()
{
	kill "-${1:-TERM}" $kube_proxy
	wait $kube_proxy 2>/dev/null || :
}
