# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The folder with what guest tests fetch from Debian, for scripts that fill it (source this):
# $cache; another run of the same script waits until this one ends.
cache=${VIPSHIFT_GUEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vipshift/guest}

fail()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

mkdir -p "$cache" || fail "$cache: cannot create the cache folder"
exec 9>"$cache/${0##*/}.lock"
flock 9

# cache_lists FOLDER [APT-OPTIONS...]: fresh package lists of our own, since the system's may be
# missing or too old, and renewing them needs root. $apt_private is what apt-get finds them by.
cache_lists()
{
	apt_private=(-o "Dir::State::Lists=$1/apt" -o "Dir::Cache=$1/apt"
		-o APT::Sandbox::User=root "${@:2}")
	mkdir -p "$1/apt/partial" "$1/apt/archives/partial"
	apt-get -qq "${apt_private[@]}" update >"$1/apt/log" 2>&1
}
