# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An API server for tests (source this): certificates, the server itself, kubeconfig files.

# Debian's own Python: another one on the path may lack its modules.
api_python=/usr/bin/python3
[ -x $api_python ] || api_python=$(command -v python3) || api_python=''

# api_certificates DIR: an authority, a server's and a client's certificate, and another
# authority that signed nothing.
api_certificates()
{
	local dir=$1 who
	local new=(openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch)

	for who in ca other-ca; do
		"${new[@]}" -x509 -days 2 -subj "/CN=$who" -keyout "$dir/$who.key" \
			-out "$dir/$who.pem" 2>/dev/null
	done
	echo 'subjectAltName = IP:127.0.0.1, DNS:api.test' >"$dir/server.ext"
	echo 'extendedKeyUsage = clientAuth' >"$dir/client.ext"
	for who in server client; do
		"${new[@]}" -subj "/CN=$who" -keyout "$dir/$who.key" 2>/dev/null |
			openssl x509 -req -days 2 -CA "$dir/ca.pem" -CAkey "$dir/ca.key" \
				-CAcreateserial -extfile "$dir/$who.ext" \
				-out "$dir/$who.crt" 2>/dev/null
	done
	cat "$dir/server.crt" "$dir/server.key" >"$dir/server.pem"
}

# api_start CLUSTER.JSON DIR: sets $api_http and $api_https to the URLs of the server, which
# ends with this script.
api_start()
{
	local ports i

	rm -f "$2/ports"
	PARENT=$$ $api_python "$(dirname "${BASH_SOURCE[0]}")/api-server.py" "$1" "$2" \
		>"$2/server.log" 2>&1 &
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$2/ports" ] || break
		sleep 0.1
	done
	read -ra ports <"$2/ports" || { cat "$2/server.log" >&2; return 1; }
	# shellcheck disable=SC2034  # for those who source this
	api_http=http://127.0.0.1:${ports[0]} api_https=https://127.0.0.1:${ports[1]}
}

# api_kubeconfig FILE SERVER ['CLUSTER FIELDS' ['USER FIELDS']]: fields as YAML in one line.
api_kubeconfig()
{
	cat >"$1" <<-END
	apiVersion: v1
	kind: Config
	current-context: here
	clusters: [{name: c, cluster: {server: "$2"${3:+, $3}}}]
	contexts: [{name: here, context: {cluster: c, user: u}}]
	users: [{name: u, user: {${4-}}}]
	END
}
