#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# deploy/kubernetes: the files fit together, name only options that there are, and the image
# has every library that the program needs.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/api-server.sh"

skip()
{
	echo "deploy: $1"
	[ -z "${VIPSHIFT_NOSKIP:-}" ] || exit 1
	exit 77
}
deploy=$top/deploy/kubernetes
"$api_python" -c 'import yaml' 2>/dev/null || skip "no python3 with yaml"

words=(migrate)
for command in migrate doctor rollback; do
	expect 0 '' $command --help
	mapfile -t -O ${#words[@]} words < <(grep -oE '^  .{4}--[a-z0-9-]+' "$work/out" |
		grep -oE -- '--[a-z0-9-]+')
done
check 'the files fit together' "$api_python" "$top/tests/lib/deploy.py" "$deploy" check \
	"${words[@]}"
# The check can fail: a wrong option, a file that is not mounted.
cp -r "$deploy" "$work/deploy"
chmod -R u+w "$work/deploy"
patch=$work/deploy/kube-proxy-patch.yaml
sed -i 's/--to=config/--too=config/; s|--config=/var/lib/kube-proxy|--config=/etc|' "$patch"
"$api_python" "$top/tests/lib/deploy.py" "$work/deploy" check "${words[@]}" >"$work/out" || :
check 'a wrong option is found' grep -q -- '--too=config is unknown' "$work/out"
check 'a file that is not there is found' grep -q '/etc/config.conf is not mounted' "$work/out"

# The image is built from the sources alone, also where the tree was built in.
check 'the image takes nothing of .git' grep -qx '\.git' "$top/.dockerignore"
if [ -e "$top/.gitignore" ]; then
	sed -E 's|/$||; /^!?\//!s|^|**/|; s|^(!?)/|\1|' "$top/.gitignore" >"$work/ignored"
	grep -v '^#' "$top/.dockerignore" | grep -vx '\.git' >"$work/not-taken"
	check 'the image takes nothing that was built' diff "$work/ignored" "$work/not-taken"
fi

# every library in the program's own list comes from a package that the image installs
command -v dpkg >/dev/null || skip "no dpkg to ask for packages"
for library in $(objdump -p "$vipshift" | awk '$1 == "NEEDED" { print $2 }'); do
	case $library in
	libc.so.* | libasan.so.* | libubsan.so.* | libm.so.* | libgcc_s.so.*) continue ;;
	esac
	package=$(ldd "$vipshift" | awk -v l="$library" '$1 == l { print $3 }' |
		while read -r file; do
			dpkg -S "$file" 2>/dev/null || dpkg -S "$(realpath "$file")"
		done | head -n 1 | cut -d : -f 1)
	check "the image has $library ($package)" grep -qE "^[[:space:]]$package( |\$)" \
		"$deploy/Containerfile"
done
finish
