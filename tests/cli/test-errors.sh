#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Bad input gives one clear message that names file, object and field, and the documented
# exit status. Needs neither root nor network.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"

# service NAME FIELDS...: a Service with one port; the fields replace jq-like words below.
service()
{
	local ip=10.96.0.9 port=80 proto=TCP np=0 ext=192.0.2.7 name=$1 word
	shift
	for word; do
		eval "${word%%=*}=\${word#*=}"
	done
	cat <<-END
	{"apiVersion": "v1", "kind": "Service",
	 "metadata": {"namespace": "default", "name": "$name"},
	 "spec": {"type": "NodePort", "clusterIP": "$ip", "clusterIPs": ["$ip"],
	  "externalIPs": ["$ext"],
	  "ports": [{"name": "http", "port": $port, "protocol": "$proto", "nodePort": $np}]}}
	END
}

list()
{
	printf '{"apiVersion": "v1", "kind": "List", "items": ['
	local first=1 item
	for item; do
		[ "$first" = 1 ] || printf ','
		first=0
		printf '%s' "$item"
	done
	printf ']}\n'
}

f=$work/cluster.json
list "$(service web)" >"$f"
expect 0 'neither EndpointSlices nor Endpoints' show -f "$f" -n node-a

# what is not there, or not a cluster
expect 1 'nowhere\.json.*No such file' show -f "$work/nowhere.json"
expect 1 'nowhere\.yaml.*No such file' show -f "$f" -c "$work/nowhere.yaml"
: >"$f"
expect 1 'cluster\.json' show -f "$f"
echo 'hello' >"$f"
expect 1 'cluster\.json.*line 1' show -f "$f"
list "$(service web)" | head -c 150 >"$f"
expect 1 'cluster\.json.*line [0-9]' show -f "$f"
head -c 4000 "$golden/seed-like/cluster.json" >"$f"
expect 1 'cluster\.json.*line [0-9]' show -f "$f"

# objects and fields
list "$(service web port=0)" >"$f"
expect 1 'cluster\.json.*default/web.*spec\.ports\[0\]\.port.*0' show -f "$f"
list "$(service web port=70000)" >"$f"
expect 1 'cluster\.json.*default/web.*spec\.ports\[0\]\.port.*70000' show -f "$f"
list "$(service web port='"http"')" >"$f"
expect 1 'cluster\.json.*default/web.*spec\.ports\[0\]\.port' show -f "$f"
list "$(service web ip=10.96.0.300)" >"$f"
expect 1 'cluster\.json.*default/web.*clusterIPs?.*10\.96\.0\.300' show -f "$f"
list "$(service web proto=ICMP)" >"$f"
expect 1 'cluster\.json.*default/web.*spec\.ports\[0\]\.protocol.*ICMP' show -f "$f"
list "$(service web port=80.5)" >"$f"
expect 1 'default/web.*spec\.ports\[0\]\.port.*whole number' show -f "$f"
list "$(service web port=-1)" >"$f"
expect 1 'default/web.*spec\.ports\[0\]\.port: -1 is not a port' show -f "$f"
list "$(service web ip=10.96.0.9/32)" >"$f"
expect 1 'default/web.*clusterIPs?.*10\.96\.0\.9/32' show -f "$f"
list "$(service web ext=web.example)" >"$f"
expect 0 'cluster\.json: default/web: spec\.externalIPs\[0\]: .web\.example. is not an IP address' show -f "$f" -n node-a
list 5 >"$f"
expect 1 'cluster\.json.*items\[0\]: must be an object' show -f "$f"
list '{"kind": "Service", "metadata": {}}' >"$f"
expect 1 'cluster\.json: items\[0\]: Service: metadata\.name: is missing' show -f "$f"
echo '{"apiVersion": "vipshift/v1", "kind": "ServiceModel"}' >"$f"
expect 1 'cluster\.json: services: is missing' show -f "$f"
echo '{"apiVersion": "vipshift/v1", "kind": "ServiceModel", "services": []}' >"$f"
expect 0 '' show -f "$f" -n node-a
list "$(service web np=70000)" >"$f"
expect 1 'cluster\.json.*default/web.*spec\.ports\[0\]\.nodePort.*70000' show -f "$f"
list "$(service web)" "$(service other)" >"$f"
expect 0 'default/web:http: 10\.96\.0\.9:80/tcp is also claimed by default/other:http' show -f "$f"
list "$(service web np=30080)" "$(service other ip=10.96.0.10 np=30080)" >"$f"
expect 0 'default/web:http: node port 30080/tcp is also claimed by default/other:http' show -f "$f"

# endpoints
slice() # FIELDS...
{
	local type=IPv4 address=10.244.1.5 port=8080 proto=TCP ready=true word
	for word; do
		eval "${word%%=*}=\${word#*=}"
	done
	cat <<-END
	{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
	 "metadata": {"namespace": "default", "name": "web-1",
	  "labels": {"kubernetes.io/service-name": "web"}},
	 "addressType": "$type",
	 "endpoints": [{"addresses": ["$address"], "conditions": {"ready": $ready}}],
	 "ports": [{"name": "http", "port": $port, "protocol": "$proto"}]}
	END
}
list "$(service web)" "$(slice)" >"$f"
expect 0 '' show -f "$f" -n node-a
list "$(service web)" "$(slice address=10.244.1.400)" >"$f"
expect 1 'cluster\.json: EndpointSlice default/web-1: endpoints\[0\]\.addresses\[0\]: .10\.244\.1\.400. is not' show -f "$f"
list "$(service web)" "$(slice port=70000)" >"$f"
expect 1 'EndpointSlice default/web-1: ports\[0\]\.port: 70000' show -f "$f"
list "$(service web)" "$(slice proto=ICMP)" >"$f"
expect 1 'EndpointSlice default/web-1: ports\[0\]\.protocol: .ICMP.' show -f "$f"
list "$(service web)" "$(slice ready='"yes"')" >"$f"
expect 1 'EndpointSlice default/web-1: endpoints\[0\]\.conditions\.ready: must be true or false' show -f "$f"
list "$(service web)" "$(slice address=fd00::5)" >"$f"
expect 0 'warning: /.*: default/web: an endpoint that is no IPv4 address' show -f "$f" -n node-a
list "$(service web)" "$(slice port=0)" >"$f"
expect 0 'warning: /.*: default/web: an endpoint port 0 is no port' show -f "$f" -n node-a
list "$(service web)" "$(slice port=null)" >"$f"
expect 0 '' show -f "$f" -n node-a

# odd but legal: what kubectl and other programs print
printf '{"apiVersion": "v1", "kind": "List", "items": null}' >"$f"
expect 0 '' render iptables -f "$f" -n node-a
printf '{"apiVersion": "v1", "kind": "List", "items": []}' >"$f"
expect 0 '' render ipvs -f "$f" -n node-a
list "$(service web)" "$(slice)" '{"kind": "Pod", "metadata": null, "spec": []}' \
	'{"kind": "Endpoints", "apiVersion": "v1", "metadata": {"name": "x"}, "subsets": null}' \
	'{"kind": "EndpointSlice", "metadata": {"name": "y"}, "addressType": "FQDN",
	 "endpoints": null, "ports": null}' >"$f"
expect 0 '' show -f "$f" -n node-a
show_one() { "$vipshift" show -f "$1" -n node-a 2>&1; }
show_one "$f" >"$work/plain"
sed 's/$/\r/' "$f" >"$work/crlf.json"
check 'line ends of another system' sh -c "'$vipshift' show -f '$work/crlf.json' -n node-a | diff '$work/plain' -"
{ service web; slice; } >"$work/documents.json"
check 'documents one after another' sh -c "'$vipshift' show -f '$work/documents.json' -n node-a | diff '$work/plain' -"

# the native model
model()
{
	printf '{"apiVersion":"vipshift/v1","kind":"ServiceModel","services":[%s]}' "$1" >"$f"
}
model '{"name":"w","frontends":[{"address":"192.0.2.1","port":80}]}'
expect 0 '' show -f "$f" -n node-a
model '{"name":"w","frontend":[]}'
expect 1 'default/w.*frontend' show -f "$f"
model '{"name":"w","frontends":[{"address":"192.0.2.1","port":0}]}'
expect 1 'default/w.*frontends\[0\]\.port' show -f "$f"

# settings
list "$(service web)" >"$f"
c=$work/config.yaml
printf 'kind: KubeProxyConfiguration\nmode: [\n' >"$c"
expect 1 'config\.yaml.*line [0-9]' show -f "$f" -c "$c"
printf 'kind: Deployment\napiVersion: apps/v1\n' >"$c"
expect 1 'config\.yaml.*Deployment' show -f "$f" -c "$c"
printf 'kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\n%s\n' \
	'ipvs: {schedular: rr}' >"$c"
expect 0 'warning: .*ipvs\.schedular' show -f "$f" -c "$c" -n node-a
: >"$c"
expect 1 'config\.yaml.*is empty' show -f "$f" -c "$c"
printf 'kind: ConfigMap\napiVersion: v1\ndata: {Corefile: ""}\n' >"$c"
expect 1 'config\.yaml: a ConfigMap without a KubeProxyConfiguration' show -f "$f" -c "$c"
printf 'kind: List\napiVersion: v1\nitems: [{kind: ConfigMap, data: {Corefile: ""}}]\n' >"$c"
expect 1 'config\.yaml: none of the items' show -f "$f" -c "$c"

# migrate --to config: the mode is that of -c
printf 'kind: KubeProxyConfiguration\napiVersion: kubeproxy.config.k8s.io/v1alpha1\n%s\n' \
	'mode: nftables' >"$c"
expect 1 "config\.yaml: mode: 'nftables' is neither iptables nor ipvs" \
	migrate --to config -f "$f" -c "$c"
expect 64 'config: which one' migrate --to config -f "$f"
expect 64 'expected iptables, ipvs or config' migrate --to auto -f "$f" -c "$c"

# the command line
expect 64 'no command' -q
expect 64 'shwo: no such command' shwo
expect 64 '^vipshift: show: --frm: unknown option' show --frm x
expect 64 '^vipshift: show: -x: unknown option' -xv show
expect 64 '^vipshift: render: --quiet: takes no value' render ipvs --quiet=3
expect 64 '^vipshift: show: --from: needs a value; --from SOURCE' show --from
expect 64 '^vipshift: show: -f: needs a value' show -vf
for bad in '--to x' '--accept x' '--freeze x' '--report x' '--confirm-within x' \
	'--node-address x' '-4 -6'; do
	# shellcheck disable=SC2086  # option and value
	expect 64 "^vipshift: migrate: ${bad/ -6/ and -6}" migrate $bad
done
expect 64 '^vipshift: repair: --max-changes x: expected' repair ipvs --max-changes x
expect 64 'which mode' render
expect 64 'nftables: no such mode' render nftables -f "$f"
expect 64 'no services given' render iptables
expect 64 'dry-run means nothing' show -f "$f" --dry-run
expect 64 'which way' migrate -f "$f"
expect 64 'accept speed: expected a name' migrate --to ipvs -f "$f" --accept speed
expect 64 'freeze 1: expected' migrate --to ipvs -f "$f" --freeze 1
expect 64 'freeze all: expected' migrate --to ipvs -f "$f" --freeze all
expect 64 'freeze auto:stop: expected' migrate --to ipvs -f "$f" --freeze auto:stop
expect 64 'probe means nothing' apply iptables -f "$f" --probe
expect 64 'freeze means nothing' doctor --freeze auto
expect 64 'to nftables: expected' doctor --to nftables
expect 64 'one word too many' show -f "$f" extra
expect 64 'expected an IP address' render ipvs -f "$f" --node-address 1.2.3
expect 64 'expected iptables, ip6tables' render ipvs -f "$f" --part rules
expect 64 '1\.2' render ipvs -f "$f" --kube-proxy 1.2
expect 64 'which mode' flush
expect 64 'from means nothing' flush ipvs -f "$f"
expect 64 'which one\? snapshot save FILE, or snapshot restore FILE' snapshot
expect 64 'which one' snapshot load "$f"
expect 64 'which file' snapshot save
expect 64 'foo: no such command' help foo
# a migration that goes on was called with its services, settings and node
for bad in '--from x' '--config x' '--node x' '--node-address ::1' '--kube-proxy 1.27' \
	'--kubeconfig x' '--request-timeout 1' '--accept all' '--freeze auto'; do
	for way in resume abort; do
		# shellcheck disable=SC2086  # option and value
		expect 64 "^vipshift: migrate: ${bad% *} means nothing to --$way" \
			migrate --$way $bad
	done
done
for bad in '--probe' '--confirm-within 9' '--report x.json'; do
	# shellcheck disable=SC2086  # option and value
	expect 64 "^vipshift: migrate: ${bad% *} means nothing to --abort" migrate --abort $bad
done
# a form that a command has not
expect 64 '^vipshift: doctor: -o diff: doctor has text and json$' doctor -o diff
expect 64 '^vipshift: trace: -o diff: trace has text and json$' trace 10.96.0.1:80 -o diff
expect 64 '^vipshift: verify: -o wide: verify has text and json$' verify ipvs -f "$f" -o wide
expect 64 '^vipshift: diff: -o wide: diff has text, json and diff$' diff ipvs -f "$f" -o wide
expect 64 '^vipshift: show: -o diff: show has text, json, wide and ipvsadm$' show -f "$f" -o diff
expect 64 'show --mode-of-node has text and json$' show --mode-of-node -o ipvsadm
expect 64 '^vipshift: render: -o json: render has text$' render ipvs -f "$f" -o json
expect 64 '^vipshift: snapshot save: -o json: snapshot save has text$' snapshot save "$f" -o json
expect 64 '^vipshift: apply: -o yaml: apply has text, json and diff$' apply ipvs -f "$f" -o yaml
expect 64 'dry-run means nothing' snapshot save "$work/snapshot" --dry-run
expect 1 'cluster\.json:1: this is not a snapshot' snapshot restore "$f" --dry-run
expect 1 'nowhere.*No such file' snapshot restore "$work/nowhere" --dry-run
expect 64 'exclude each other' render ipvs -f "$f" -4 -6
# a report that cannot be written is noticed before anything is looked at
expect 1 'cannot write .*/nowhere/r\.json: No such file' \
	migrate --to iptables -f "$f" -n node-a --report "$work/nowhere/r.json"
mkdir "$work/r.json"
expect 1 'r\.json: not a regular file' \
	migrate --to iptables -f "$f" -n node-a --report "$work/r.json"

# privilege: writing and reading the kernel want it; rendering does not
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	chmod 755 "$work"
	chmod 644 "$f"
	cp "$vipshift" "$work/vipshift"
	real=$vipshift
	cat >"$work/unprivileged" <<-END
	#!/bin/sh
	exec setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all \
		$work/vipshift "\$@"
	END
	chmod 755 "$work/unprivileged"
	vipshift=$work/unprivileged
	list "$(service web)" "$(slice)" >"$f"
	expect 0 '' render iptables -f "$f" -n node-a --part iptables
	cp "$f" "$work/secret.json"
	chmod 600 "$work/secret.json"
	expect 1 'secret\.json: Permission denied' show -f "$work/secret.json"
	expect 1 'secret\.json: Permission denied' show -f "$f" -c "$work/secret.json"
	expect 1 'cannot write .*/kept\.json: Permission denied' \
		migrate --to iptables -f "$f" --report "$work/kept.json"
	expect 1 'cannot write .*/kept\.json: Permission denied' \
		migrate --to iptables -f "$f" --report "$work/kept.json" --dry-run
	expect 5 'permi|root' apply iptables -f "$f" -n node-a
	expect 5 'permi|root' migrate --to ipvs -y -f "$f" -n node-a
	expect 5 'permi|root' flush ipvs -y
	expect 5 'permi|root' snapshot save "$work/snapshot"
	vipshift=$real
fi
finish
