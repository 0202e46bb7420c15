#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# -f cluster: what an API server says makes the same model as the file; how it is found, who
# asks, and what is said when it does not work. Needs no root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/api-server.sh"

skip()
{
	echo "cluster: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}
[ -n "$api_python" ] || skip "no python3"
command -v openssl >/dev/null || skip "no openssl"

unset KUBECONFIG KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export HOME=$work/home
mkdir "$HOME"
api_certificates "$work"
cluster=$golden/dual-stack/cluster.json
api_start "$cluster" "$work"
k=$work/kubeconfig
expect 0 '' show -f "$cluster" -n node-a -o json
cp "$work/out" "$work/model.json"

# like BEHAVIOUR: asks a server that behaves like that
like()
{
	api_kubeconfig "$k" "$api_http/$1"
	: >"$work/requests"
}
show=(show -f cluster --kubeconfig "$k" -n node-a -o json)
# same WHAT: the model is that of the file
same()
{
	check "$1: the model of the file" diff "$work/model.json" "$work/out"
}

# the whole of it, in pages
for how in ok plain; do
	like $how
	expect 0 '' "${show[@]}"
	same $how
done
check 'pages of 500 are asked for' grep -q '/services?limit=500 .* vipshift/' \
	"$work/requests"
check 'the next page is asked for by its token' \
	grep -q '/services?limit=500&continue=token%203%2F%2B ' "$work/requests"
check 'nothing else is asked for' sh -c "! grep -vE \
	'/plain/api/v1/(services|nodes)\?|/plain/apis/discovery.k8s.io/v1/endpointslices\?' \
	'$work/requests'"

# a list that becomes too old while it is read, a server that is busy
like gone
expect 0 '' "${show[@]}"
same gone
check 'the list was begun anew' sh -c "[ \
	\$(grep -c 'endpointslices?limit=500 ' '$work/requests') = 2 ]"
like always-gone
expect 1 'endpointslices\?.*HTTP status 410: The provided continue parameter is too old' \
	"${show[@]}"
like busy
expect 0 '' "${show[@]}"
same busy

# refusals: the URL, the status, what the server says, what to do
like forbidden
expect 1 "$api_http/forbidden/apis/discovery.*HTTP status 403: .*\"system:anonymous\" cannot \
list.*verb list on services, nodes and endpointslices.*$k, context here" "${show[@]}"
like auth
expect 1 "services\?limit=500: HTTP status 401: Unauthorized; the credentials are those of $k" \
	"${show[@]}"
like nowhere
expect 1 'HTTP status 404: the server could not find.*API server of Kubernetes 1\.21' \
	"${show[@]}"
like broken
expect 1 'services\?limit=500&continue=.*: line 1: .*not complete' "${show[@]}"
like short
expect 1 'services\?limit=500&continue=.*: .*(bytes|closed|body)' "${show[@]}"
like pods
expect 1 "services\?limit=500: kind: 'PodList', not ServiceList" "${show[@]}"
like page
expect 1 "services\?limit=500: line 1: .*expected, found '<'" "${show[@]}"
like empty
expect 1 'services\?limit=500: the answer is empty' "${show[@]}"
like slow
expect 1 'services\?limit=500: .*timed out' "${show[@]}" --request-timeout 0.3
api_kubeconfig "$k" http://127.0.0.1:1
expect 1 'http://127\.0\.0\.1:1/api/v1/services.*(refused|connect)' "${show[@]}"
check 'nothing is printed then' sh -c "! [ -s '$work/out' ]"

# TLS and credentials
ca="certificate-authority: ca.pem"
pem=$(base64 -w 0 "$work/ca.pem") crt=$(base64 -w 0 "$work/client.crt")
key=$(base64 -w 0 "$work/client.key")
printf ' secret.token\n' >"$work/token"
# with 'CLUSTER FIELDS' 'USER FIELDS': these give the model
with()
{
	api_kubeconfig "$k" "$api_https/auth/" "$1" "$2"
	expect 0 '' "${show[@]}"
	same "$2"
}
with "$ca" 'token: secret.token'
with "certificate-authority-data: $pem" 'tokenFile: token'
with "$ca" 'token: old, tokenFile: token'
with "$ca" 'token: secret.token, tokenFile: nowhere'
with "$ca" 'username: user, password: pass'
with "$ca" 'client-certificate: client.crt, client-key: client.key'
with "$ca" "client-certificate-data: $crt, client-key-data: $key"
with 'insecure-skip-tls-verify: true' 'token: secret.token'
with "$ca, tls-server-name: api.test" 'token: secret.token'
check 'a server name is no address' grep -q " ${api_https#https://} " "$work/requests"
# refused 'PATTERN' 'CLUSTER FIELDS' 'USER FIELDS': these do not
refused()
{
	api_kubeconfig "$k" "$api_https/auth" "$2" "$3"
	expect 1 "$1" "${show[@]}"
}
refused 'HTTP status 401: Unauthorized' "$ca" 'token: another'
refused "certificate.*; trusted .*$k, context here" 'certificate-authority: other-ca.pem' ''
refused 'certificate.*; trusted' '' 'token: secret.token'
refused 'other\.test' "$ca, tls-server-name: other.test" 'token: secret.token'

# what a kubeconfig says that is not right: file, field, line
refused "$k: line 6: users\[u\]\.user\.exec: .*token or a client certificate" "$ca" \
	'exec: {command: aws}'
refused 'users\[u\]\.user\.auth-provider' "$ca" 'auth-provider: {name: gcp}'
refused 'users\[u\]\.user\.as: impersonation' "$ca" 'token: t, as: root'
refused 'clusters\[c\]\.cluster\.certificate-authority: .*/nowhere\.pem: No such file' \
	'certificate-authority: nowhere.pem' ''
refused 'clusters\[c\]\.cluster\.certificate-authority-data: is not base64' \
	'certificate-authority-data: "?"' ''
refused 'users\[u\]\.user\.tokenFile: .*/nowhere: No such file' "$ca" 'tokenFile: nowhere'
refused 'client-key: is not set' "$ca" 'client-certificate: client.crt'
refused 'insecure-skip-tls-verify: must be true or false' 'insecure-skip-tls-verify: 3' ''
refused 'token: must be a text' "$ca" 'token: [x]'
refused 'token has a character' "$ca" 'token: "a\nb"'
api_kubeconfig "$k" ftp://127.0.0.1
expect 1 'ftp://127\.0\.0\.1: is no URL of http or https' "${show[@]}"
api_kubeconfig "$k" https:///
expect 1 'clusters\[c\]\.cluster\.server: names no host' "${show[@]}"
sed -i 's/current-context: here/current-context: there/' "$k"
expect 1 "contexts: there is none of the name 'there'" "${show[@]}"
sed -i '/^current-context/d' "$k"
expect 1 'current-context: is not set' "${show[@]}"
echo 'clusters: [' >"$k"
expect 1 'kubeconfig: line [0-9]: not YAML' "${show[@]}"
expect 1 'nowhere: No such file' show -f cluster --kubeconfig "$work/nowhere"

# found as kubectl does
expect 1 'no API server: .*--kubeconfig' show -f cluster
mkdir "$HOME/.kube"
api_kubeconfig "$HOME/.kube/config" "$api_http/ok"
expect 0 '' show -f cluster -n node-a -o json
same "\$HOME/.kube/config"
# The first file that says something wins; those that are not there are passed over.
echo 'current-context: here' >"$work/first"
api_kubeconfig "$work/second" "$api_http/ok"
sed -i 's/current-context: .*/current-context: elsewhere/' "$work/second"
export KUBECONFIG=$work/nowhere:$work/first:$work/second
expect 0 '' show -f cluster -n node-a -o json
same "\$KUBECONFIG"
unset KUBECONFIG
rm -r "$HOME/.kube"

# usage
expect 64 'kubeconfig means nothing without -f cluster' show -f "$cluster" --kubeconfig "$k"
expect 64 'request-timeout x: expected seconds' show -f cluster --request-timeout x

# the service account of a pod, in a mount namespace with a /run of its own
as_pod()
{
	local port=${api_https##*:} as=(unshare -m)
	[ "$(id -u)" = 0 ] || as=(unshare -rm)
	# shellcheck disable=SC2016  # for the shell inside
	"${as[@]}" sh -c 'mount -t tmpfs tmpfs /run &&
		dir=/run/secrets/kubernetes.io/serviceaccount && mkdir -p $dir &&
		cp "$1/ca.pem" $dir/ca.crt && cp "$1/token" $dir && shift && exec "$@"' \
		sh "$work" env KUBERNETES_SERVICE_HOST=127.0.0.1 \
		KUBERNETES_SERVICE_PORT="$port" "$@"
}
if ! as_pod true 2>/dev/null; then
	finish
	skip "the service account of a pod: no mount namespace is allowed here"
fi
check "the pod's account is used" as_pod "$vipshift" show -f cluster -n node-a -o json
cp "$work/check" "$work/out"
same "the pod's account"
finish
