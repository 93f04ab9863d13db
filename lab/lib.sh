# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# What every script of the lab shares: where things are, and how they talk.

set -euo pipefail

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${BUILD:-$TOP/build}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/private-nodes
JOBS=${JOBS:-$(nproc)}
V=${V:-0}
SECONDS=0

if [ -t 1 ]; then
	bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' off=$'\e[0m'
else
	bold='' dim='' red='' green='' off=''
fi
# Scripts that source this file use some of these, not all.
: "$dim" "$green" "$JOBS" "$CACHE"

step() { printf '%s==>%s %s\n' "$bold" "$off" "$*"; }
note() { printf '    %s\n' "$*"; }
warn() { printf '    %swarning:%s %s\n' "$red" "$off" "$*" >&2; }

# die WHAT [WHAT TO DO]
die() {
	printf '%serror:%s %s\n' "$red" "$off" "$1" >&2
	[ $# -lt 2 ] || printf '       %s\n' "$2" >&2
	exit 1
}

# Show a command under V=1, then run it.
run() {
	[ "$V" = 0 ] || printf '    %s+ %s%s\n' "$dim" "$*" "$off" >&2
	"$@"
}

# need_space DIR MIB: stop while nothing is half written.
need_space() {
	local free
	mkdir -p "$1"
	free=$(df -Pm "$1" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$2" ] ||
		die "only $free MiB free under $1, this step needs $2 MiB" \
			"free some space ('make clean' empties build/), or set XDG_CACHE_HOME or BUILD to a larger disk"
}

# Privileged commands: as root, through sudo, or a clear refusal.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "'$*' needs root and there is no sudo" "run 'make setup' once as root"
	fi
}

# For who reads what is still going on: Debian's awk waits for a whole block of input,
# unless it is told that somebody waits.
# shellcheck disable=SC2034 # for who sources this
live_awk=(awk)
case $(readlink -f "$(command -v awk)") in */mawk) live_awk+=(-W interactive) ;; esac

# The machine's own release has a name in /etc/os-release.
own_suite() { (. /etc/os-release && echo "${VERSION_CODENAME:-}"); }
