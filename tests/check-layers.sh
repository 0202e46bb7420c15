#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who may include whom (HACKING.md, section 3): reads the #include lines of src/ and names
# every one that bends the line.
set -eu

cd "$(dirname "$0")/../src"
declare -A may=(
	[base]='base' [model]='model base' [state]='state base'
	[emit]='emit base model state' [plan]='plan base state'
	[verify]='verify base model state plan' [kernel]='kernel base state plan'
	[cmd]='cmd base model state emit plan verify kernel'
)
# The only files that may know a library, by its header.
allowed_library()
{
	local file=$1 header=$2

	case $header in
	jansson.h) [[ $file =~ ^(base|model|state|plan|verify|cmd)/.*_json\.[ch]$|^model/model_load\.h$ ]] ;;
	yaml.h) [[ $file =~ ^model/.*_yaml\.[ch]$ ]] ;;
	nettle/*) [[ $file =~ ^base/(hash|base64)\.c$ ]] ;;
	curl/*) [ "$file" = cmd/http.c ] ;;
	libiptc/* | xtables.h | libipset/* | netlink/* | linux/*) [[ $file == kernel/* ]] ;;
	*) true ;;
	esac
}

bad=0
while IFS=: read -r file line text; do
	header=$(sed -E 's/.*#include [<"]([^>"]+)[>"].*/\1/' <<<"$text")
	from=${file%%/*} to=${header%%/*}
	if [[ $text == *'<'* ]]; then
		allowed_library "$file" "$header" && continue
	else
		# The model read back from a state.
		[[ $file == model/model_state* && $to == state ]] && continue
		[[ $header != */* || " ${may[$from]} " == *" $to "* ]] && continue
	fi
	echo "src/$file:$line: $from may not include $header"
	bad=1
done < <(grep -rnE '^#include [<"]' --include='*.[ch]' . | sed 's|^\./||')
[ "$bad" = 0 ] && echo "layers: every include keeps the line"
exit "$bad"
